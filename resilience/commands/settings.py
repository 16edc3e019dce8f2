"""The settings that several commands share: `--config` and what it, a flag or the environment says."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from click.exceptions import Exit

from resilience import config
from resilience.commands.common import INVALID, flag, print_faults, read_valid
from resilience.config import Config
from resilience.duration import parse_duration
from resilience.model import Secret, Site
from resilience.probing import Channels, SecretMissing
from resilience.secrets import secrets_from

if TYPE_CHECKING:
    from ssl import SSLContext

    from resilience.config import Notify
    from resilience.fence import Fence
    from resilience.notifying import Send
    from resilience.store.database import Store
    from resilience.webconfig import WebConfig

ConfigFile = Annotated[Path | None, flag("--config", "The monitor's own settings, a YAML file.")]
Database = Annotated[
    str, flag("--database", "URL of the database: sqlite:///FILE or postgresql://…, or none.", show_default=False)
]
Sites = Annotated[Path | None, flag("--sites", "Directory of site files.")]


def read_config(path: Path | None) -> Config:
    if path is None:
        return config.NOTHING
    try:
        found, faults = config.load(path)
    except OSError as error:
        raise click.BadParameter(f"--config: {path}: {error.strerror or error}") from None
    print_faults(faults)
    if found is None:
        raise Exit(INVALID)
    return found


def read_web_config(path: Path | None) -> "tuple[WebConfig, SSLContext | None]":
    """Who may read, and by what certificate."""
    from resilience.webconfig import WebConfig, read_web_config  # noqa: PLC0415

    if path is None:
        return WebConfig(), None
    try:
        found, faults = read_web_config(path.read_bytes(), str(path))
        print_faults(faults)
        if found is None:
            raise Exit(INVALID)
        return found, found.context()
    except (OSError, ValueError) as error:
        where = getattr(error, "filename", None) or path
        raise click.BadParameter(f"--web-config: {where}: {getattr(error, 'strerror', None) or error}") from None


def database_url(given: str, settings: Config) -> str:
    """The URL by flag, environment, configuration or usual place; empty where there is to be none."""
    from resilience.store.place import NO_DATABASE, usual_place  # noqa: PLC0415

    configured = secret_text(settings.database, "database") if settings.database else ""
    url = given or configured or usual_place(os.environ)
    return "" if url == NO_DATABASE else url


def secret_text(secret: Secret, where: str) -> str:
    """The text of a secret that the configuration names at `where`."""
    try:
        return secrets_from(os.environ)(secret)
    except SecretMissing as error:
        raise click.BadParameter(f"--config: {where}: {error}") from None


def fence_of(settings: Config) -> "Fence | None":
    """What no probe leaves."""
    from resilience.fence import Fence  # noqa: PLC0415

    return Fence(settings.probe_networks) if settings.probe_networks else None


def opened_by(settings: Config) -> Callable[[Channels], object]:
    """Opens the channels whose way the configuration decides: whoever opens one first does."""
    if settings.sip_rate == config.NOTHING.sip_rate:
        return lambda _: None

    def paced(channels: Channels) -> object:
        from probes.sip_pace import Pace  # noqa: PLC0415
        from probes.sip_round import PACE  # noqa: PLC0415

        return channels.get(PACE, lambda: Pace(settings.sip_rate))

    return paced


def told_by(settings: Config) -> "tuple[Notify, Send] | None":
    """Whom to tell, and how a message leaves."""
    if settings.notify is None:
        return None
    from resilience.apprising import sender  # noqa: PLC0415  # it imports a hundred services

    channels = settings.notify.channels
    urls = {name: secret_text(channel.url, f"notify.channels.{name}.url") for name, channel in channels.items()}
    try:
        return settings.notify, sender(urls)
    except ValueError as error:
        raise click.BadParameter(f"--config: {error}") from None


def open_store(given: str, settings: Config) -> "Store | None":
    """The database that is to be used, not yet opened."""
    from resilience.store.database import Store  # noqa: PLC0415  # commands that need files alone start without it

    url = database_url(given, settings)
    try:
        return Store(url) if url else None
    except ValueError as error:
        raise click.BadParameter(f"--database: {error}") from None


@contextmanager
def wanted_store(given: str, settings: Config) -> "Iterator[Store]":
    """The database, brought up to date, or the end of the command."""
    store = open_store(given, settings)
    if store is None:
        raise click.BadParameter("--database: none is not enough for this command")
    try:
        with refusals():
            store.migrate()
        yield store
    finally:
        store.close()


@contextmanager
def refusals() -> "Iterator[None]":
    """What the database does not do ends the command with a sentence."""
    from resilience.store.database import StoreUnavailable  # noqa: PLC0415

    try:
        yield
    except StoreUnavailable as error:
        raise click.BadParameter(f"--database: {error}") from None


def duration_of(name: str, given: str) -> int:
    """ms of what a flag says."""
    try:
        return parse_duration(given)
    except ValueError as error:
        raise click.BadParameter(f"{name}: {error}") from None


def site_named(word: str, sites: Path | None, settings: Config) -> Site:
    """The site whose file is `word`, or whose id it is in the directory of site files."""
    path = Path(word)
    if path.suffix in (".yaml", ".yml"):
        found: dict[Any, Site] = read_valid([path])
    else:
        folder = sites or (Path(settings.sites) if settings.sites else None)
        if folder is None:
            raise click.BadParameter(
                f"'{word}' is no site file; --sites names the directory that has the site of that id"
            )
        found = {site.id: site for site in read_valid([folder]).values()}
        found = {word: found[word]} if word in found else {}
    if len(found) != 1:
        raise click.BadParameter(f"there is no site '{word}'")
    (site,) = found.values()
    return site
