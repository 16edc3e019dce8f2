"""Commands that read devices, real or simulated: probe, run, demo, simulate."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import click
from click.exceptions import Exit

import probes
from resilience import reasons, report
from resilience.commands.common import (
    INVALID,
    NO_ASSESSMENT,
    Format,
    app,
    counted,
    flag,
    print_faults,
    read_files,
    say,
)
from resilience.commands.settings import (
    ConfigFile,
    Database,
    Sites,
    fence_of,
    open_store,
    opened_by,
    read_config,
    read_web_config,
    refusals,
    secret_text,
    told_by,
)
from resilience.commands.signatures import Argument, Command
from resilience.config import Config
from resilience.duration import parse_duration
from resilience.faults import did_you_mean
from resilience.model import Site
from resilience.records import recorded, records_for
from resilience.sitefile import each_once

log = logging.getLogger("resilience.commands")
LISTEN = "127.0.0.1:9911"
T = TypeVar("T")


def _await(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. `asyncio.run` would wait for the threads that `main` does not wait for."""
    return asyncio.Runner().run(work)


class _Plugin(Command):
    """A command in which whatever prevents an assessment exits 3: to Nagios 1 and 2 are a warning and an alarm."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _unknown_where_it_fails():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _unknown_where_it_fails():
            return super().invoke(ctx)


@contextmanager
def _unknown_where_it_fails() -> Iterator[None]:
    try:
        yield
    except (Exit, BrokenPipeError):
        raise
    except Exception as error:
        if isinstance(error, click.ClickException):
            said = error.format_message()
        else:
            said = f"a fault of the command itself: {type(error).__name__}"
            log.exception("%s", said)
        click.echo(report.nagios_line(NO_ASSESSMENT, said))
        raise Exit(NO_ASSESSMENT) from None


@app.declare(cls=_Plugin)
def probe(
    path: Annotated[Path, Argument("SITE.yaml")],
    form: Annotated[Format, flag("--format", "A plugin's line, or all that was read.")] = Format.TEXT,
    timeout: Annotated[str, flag("--timeout", "For all probes together.")] = "50s",
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Probes a site once and assesses it; a Nagios plugin as it is."""
    from resilience.fitness import Fitness  # noqa: PLC0415
    from resilience.prober import Prober, prepare  # noqa: PLC0415  # `check` and `analyze` start without the monitor
    from resilience.secrets import secrets_from  # noqa: PLC0415
    from resilience.single import look  # noqa: PLC0415

    try:
        seconds = parse_duration(timeout) / 1000
    except ValueError as error:
        raise click.BadParameter(f"--timeout: {error}") from None
    found = read_files([path])
    first, *others = (found[path],) if path in found else found.values()
    if others:
        raise click.BadParameter(f"{path}: {1 + len(others)} site files; one is probed at a time")
    if (site := first.site) is None:
        print_faults(first.faults)
        click.echo(report.nagios_line(NO_ASSESSMENT, next(str(fault) for fault in first.faults if not fault.warning)))
        raise Exit(NO_ASSESSMENT)

    settings = _settings(config)
    site = _with_records(site, database, settings)
    types = probes.registry()
    prepare(types, [site])

    async def once() -> Any:
        fitness = Fitness()
        prober = Prober(
            types,
            secret=secrets_from(os.environ),
            fitness=fitness,
            fence=fence_of(settings),
            opened=opened_by(settings),
        )
        watching = asyncio.create_task(fitness.watch())
        try:
            return await look(site, prober, seconds)
        finally:
            watching.cancel()
            await prober.aclose()

    taken = _await(once())
    line, code = report.nagios(taken)
    if form is Format.JSON and taken.now is not None:
        click.echo(json.dumps(reasons.snapshot_as_json(taken, taken.now, explained=True)))
    else:
        click.echo(line)
    raise Exit(code)


def _settings(path: Path | None) -> Config:
    try:
        return read_config(path)
    except Exit:
        raise click.BadParameter(f"--config: {path} is wrong") from None


def _with_records(site: Site, database: str, settings: Config) -> Site:
    """`site` with what people recorded, where a database is named; what cannot be asked is no all-clear."""
    if not (database or settings.database):
        return site
    store = open_store(database, settings)
    if store is None:
        return site
    from resilience.store.recording import records_of  # noqa: PLC0415

    with closing(store), refusals(), store.reading() as connection:
        now = time.time()
        return recorded(site, records_for(site.id, records_of(connection, now, site.id)))


@app.declare()
def run(  # noqa: PLR0917  # a command's options
    sites: Sites = None,
    listen: Annotated[str, flag("--listen", f"HOST:PORT of the pages; {LISTEN} where nothing says.")] = "",
    name: Annotated[str, flag("--name", "This monitor's vantage; central where nothing says.")] = "",
    database: Database = "",
    config: ConfigFile = None,
    web_config: Annotated[
        Path | None, flag("--web-config", "TLS and passwords of the pages, in Prometheus' format.")
    ] = None,
) -> None:
    """The monitor: probes the sites, serves /metrics, until SIGTERM. SIGHUP reads the files again."""
    from resilience import logs, service  # noqa: PLC0415  # the web server is for those who watch
    from resilience.access import Access  # noqa: PLC0415
    from resilience.store.keeping import Keeper  # noqa: PLC0415

    settings = read_config(config)
    folder = sites or (Path(settings.sites) if settings.sites else None)
    if folder is None:
        raise click.BadParameter("--sites: the directory of site files is wanted")
    vantage = name or settings.name or "central"
    listen = listen or settings.listen or LISTEN
    types = probes.registry()
    found = read_files([folder])
    print_faults(each_once(found.values()))
    if any(file.site is None for file in found.values()):
        raise Exit(INVALID)
    if elsewhere := sum(file.site is not None and file.site.watched_by != vantage for file in found.values()):
        say(f"{counted(elsewhere, 'site')} not judged by {vantage} (watched_by): of these only probes are told")
    try:
        bound = service.listening_socket(listen)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"--listen: {error}") from None
    store = open_store(database, settings)
    notify, heart = told_by(settings), settings.heartbeat
    heartbeat = (secret_text(heart.url, "heartbeat.url"), heart.interval / 1000) if heart else None
    web, tls = read_web_config(web_config)
    logs.configure()
    keeper = Keeper(store, vantage=vantage, retention=settings.retention / 1000) if store else None
    watched = service.Service(
        sites_path=folder,
        sites=found,
        types=types,
        vantage=vantage,
        keeper=keeper,
        notify=notify,
        heartbeat=heartbeat,
        access=Access(tokens=settings.access, users=web.users),
        fence=fence_of(settings),
        opened=opened_by(settings),
        web=web,
        tls=tls,
    )
    told = (
        f"watching {counted(len(found), 'site')}; metrics at {service.url(bound, 'https' if tls else 'http')}/metrics"
    )
    with bound:
        _await(service.run(watched, bound, started=lambda: say(told)))


@app.declare()
def demo(
    seconds: Annotated[str, flag("--for", "How long.")] = "60s",
    listen: Annotated[str, flag("--listen", "HOST:PORT of the pages.")] = "127.0.0.1:0",
    quiet: Annotated[bool, flag("--quiet", "Sentences alone, no table.")] = False,
) -> None:
    """The real monitor over simulated devices on loopback, with a scripted fault told in plain sentences."""
    from rich.console import Console  # noqa: PLC0415

    from probes.echo import permitted  # noqa: PLC0415
    from resilience.demo import play  # noqa: PLC0415

    # The story tells what happens; the log would tell it twice.
    logging.getLogger("resilience").addHandler(logging.NullHandler())
    try:
        length = parse_duration(seconds) / 1000
    except ValueError as error:
        raise click.BadParameter(f"--for: {error}") from None
    story = play(probes.registry(), seconds=length, listen=listen, quiet=quiet, icmp=permitted(), console=Console())
    try:
        asyncio.run(_until_stopped(story))
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error)) from None
    except asyncio.CancelledError:
        raise Exit(130) from None


async def _until_stopped(story: Coroutine[Any, Any, None]) -> None:
    """Ctrl-C and SIGTERM end it, and not at once: the simulated devices' files are taken away first.

    A shell ignores Ctrl-C for what it starts in the background, and so would Python: hence handlers of our own.
    """
    telling = asyncio.ensure_future(story)
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, telling.cancel)
    await telling


@app.declare()
def simulate(
    name: Annotated[str, Argument("NAME", "upsd, snmp, sip or tcp.")],
    port: Annotated[int, flag("--port", "0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """One simulated device on loopback, until Ctrl-C; prints the probe that reads it."""
    from resilience.simulate.alone import SIMULATORS, serve  # noqa: PLC0415

    if name not in SIMULATORS:
        known = ", ".join(SIMULATORS)
        raise click.BadParameter(f"'{name}' is none of {known}{did_you_mean(name, SIMULATORS)}")
    try:
        asyncio.run(serve(name, port, click.echo))
    except OSError as error:
        raise click.BadParameter(str(error)) from None
