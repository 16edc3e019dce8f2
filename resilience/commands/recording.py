"""Commands by which people record what they did: attest, evidence, maintenance; and the care of the database.

They write to the database of the monitor, which takes up what it finds there within seconds.
"""

import csv
import getpass
import hashlib
import json
import time
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from click.exceptions import Exit

from resilience.commands.common import GAINED, INVALID, app, flag, say
from resilience.commands.settings import (
    ConfigFile,
    Database,
    Sites,
    duration_of,
    read_config,
    refusals,
    site_named,
    told_by,
    wanted_store,
)
from resilience.commands.signatures import Argument, Commands
from resilience.faults import did_you_mean
from resilience.finding import Severity
from resilience.model import Site
from resilience.records import KINDS, check_body
from resilience.wording import joined

if TYPE_CHECKING:
    from resilience.store.evidence import Entry
    from resilience.store.recording import Work

MOST_FILE = 64 << 20
"""Bytes of a photo or file whose hash is kept."""

evidence_app = Commands(help="The chain of evidence: exported, verified.")
maintenance_app = Commands(help="Planned work: started, ended, listed.")
store_app = Commands(help="The database: pruned, copied, verified.")
notify_app = Commands(help="Messages to people: tried.")
app.add_command(evidence_app, "evidence")
app.add_command(maintenance_app, "maintenance")
app.add_command(store_app, "store")
app.add_command(notify_app, "notify")

SiteWord = Annotated[str, Argument("SITE", "A site file, or the id of a site in --sites.")]
By = Annotated[str, flag("--by", "Who does it.", show_default=False)]


class Result(StrEnum):
    PASS = "pass"
    FAIL = "fail"


Kind = StrEnum("Kind", [(word, word) for word in KINDS[:2]])  # type: ignore[misc]  # drills record their own


def _declared(site: Site, names: list[str]) -> None:
    for name in names:
        if name not in site.components:
            near = did_you_mean(name, site.components)
            raise click.BadParameter(f"'{name}' is no component of {site.id}{near}")


def _kept(path: Path | None) -> dict[str, Any] | None:
    """Name, size and hash of a file that the person keeps."""
    if path is None:
        return None
    try:
        if path.stat().st_size > MOST_FILE:
            raise click.BadParameter(f"--file: {path} is larger than {MOST_FILE >> 20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"--file: {path}: {error.strerror or error}") from None
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.declare()
def attest(  # noqa: PLR0917  # a command's options
    site: SiteWord,
    component: Annotated[str, Argument("COMPONENT")],
    by: By,
    method: Annotated[str, flag("--method", "How it was checked.", show_default=False)],
    result: Annotated[Result, flag("--result", "What came out.")] = Result.PASS,
    valid: Annotated[str, flag("--valid", "For how long it holds; as the site file says, else 90d.")] = "",
    kind: Annotated[Kind, flag("--kind", "A look, or a call that was really made.")] = Kind.check,  # type: ignore[attr-defined]
    note: Annotated[str, flag("--note", "What else there is to say.")] = "",
    file: Annotated[Path | None, flag("--file", "A photo or a file; its hash is kept, not itself.")] = None,
    sites: Sites = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Records a person's check of a component, for good: an entry in the chain of evidence."""
    from resilience.store.recording import attest as add  # noqa: PLC0415

    settings = read_config(config)
    declared = site_named(site, sites, settings)
    _declared(declared, [component])
    wanted = declared.components[component].attest
    lasts = duration_of("--valid", valid) if valid else wanted.valid if wanted else duration_of("--valid", "90d")
    body = check_body(by=by, method=method, result=result, valid=lasts, kind=kind, note=note, file=_kept(file))
    with wanted_store(database, settings) as store, refusals(), store.writing() as connection:
        entry = add(connection, site=declared.id, component=component, body=body, at=time.time())
    click.echo(f"recorded as evidence {entry.number}, {entry.hash}")


class EvidenceFormat(StrEnum):
    CSV = "csv"
    JSON = "json"


COLUMNS = ("number", "time", "kind", "site", "subject", "by", "method", "result", "body", "previous", "hash")


def _row(entry: "Entry") -> dict[str, Any]:
    body = entry.content
    told = {key: body.get(key, "") for key in ("by", "method", "result")}
    moment = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    return {
        "number": entry.number,
        "time": moment,
        "at": entry.at,
        "kind": entry.kind,
        "site": entry.site,
        "subject": entry.subject,
        **told,
        "body": entry.body,
        "previous": entry.previous,
        "hash": entry.hash,
    }


@evidence_app.declare("export")
def export_evidence(
    form: Annotated[EvidenceFormat, flag("--format", "For a spreadsheet or for a program.")] = EvidenceFormat.CSV,
    site: Annotated[str, flag("--site", "Of one site alone; its hashes can then not be followed.")] = "",
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Every entry of the chain, with its hashes; the newest hash goes to stderr, to be kept elsewhere."""
    from resilience.store import evidence  # noqa: PLC0415

    with wanted_store(database, read_config(config)) as store, refusals(), store.reading() as connection:
        rows = [_row(entry) for entry in evidence.entries(connection, site=site)]
        end = evidence.head(connection)
    if form is EvidenceFormat.JSON:
        whole = [{**row, "body": json.loads(row["body"])} for row in rows]
        click.echo(json.dumps({"entries": whole, "head": {"number": end.number, "hash": end.hash}}, indent=2))
    else:
        written = StringIO()
        table = csv.DictWriter(written, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
        click.echo(written.getvalue(), nl=False)
    say(f"the chain ends with entry {end.number}, {end.hash or 'which is none'}")


def _cell(value: object) -> object:
    """What people wrote must not become a formula in a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


@evidence_app.declare("verify")
def verify_evidence(
    head: Annotated[str, flag("--head", "A hash that was kept elsewhere; it must be in the chain.")] = "",
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Whether any entry was changed, removed or put in; exits 1 where it was."""
    from resilience.store import evidence  # noqa: PLC0415

    with wanted_store(database, read_config(config)) as store, refusals(), store.reading() as connection:
        end = evidence.head(connection)
        wrong = list(evidence.broken(evidence.entries(connection), end, known=head))
    for told in wrong:
        click.echo(told)
    if wrong:
        raise Exit(INVALID)
    click.echo(f"{end.number} entries, whole; the newest is {end.hash or 'none'}")


@maintenance_app.declare("start")
def start_maintenance(  # noqa: PLR0917  # a command's options
    site: SiteWord,
    components: Annotated[list[str], Argument("COMPONENT...", "What is out of service.")],
    lasts: Annotated[str, flag("--for", "How long; it ends by itself.", show_default=False)],
    by: By,
    reason: Annotated[str, flag("--reason", "Why.", show_default=False)],
    accept_risk: Annotated[bool, flag("--accept-risk", "Also where it leaves 911 on a single thing, or without.")] = (
        False
    ),
    sites: Sites = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Takes components out of service for some time; says first what that leaves, and refuses (exit 4) a risk."""
    from resilience.store.acting import begin_work  # noqa: PLC0415

    settings = read_config(config)
    declared = site_named(site, sites, settings)
    _declared(declared, components)
    length, now = duration_of("--for", lasts) / 1000, time.time()
    with wanted_store(database, settings) as store, refusals():
        begun = begin_work(
            store, declared, components, seconds=length, by=by, reason=reason, risk_accepted=accept_risk, now=now
        )
    for told in begun.exposes:
        say(f"without {joined(begun.out)}: {told}")
    if begun.number is None:
        say("refused; --accept-risk starts it all the same")
        raise Exit(GAINED)
    click.echo(f"work {begun.number} at {declared.id} until {_moment(now + length)}")


@maintenance_app.declare("end")
def end_maintenance(
    number: Annotated[int, Argument("NUMBER", "As `maintenance list` tells it.")],
    by: By = "",
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Ends planned work before its time."""
    from resilience.store.recording import end_work  # noqa: PLC0415

    with wanted_store(database, read_config(config)) as store, refusals(), store.writing() as connection:
        if not end_work(connection, number, at=time.time(), by=by or getpass.getuser()):
            raise click.BadParameter(f"there is no work {number} going on")
    click.echo(f"work {number} has ended")


@maintenance_app.declare("list")
def list_maintenance(
    site: Annotated[str, flag("--site", "Of one site alone.")] = "",
    past: Annotated[bool, flag("--all", "Also what is over.")] = False,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Planned work that people recorded; what site files declare stands there."""
    from resilience.store.recording import works_of  # noqa: PLC0415

    now = time.time()
    with wanted_store(database, read_config(config)) as store, refusals(), store.reading() as connection:
        found = list(works_of(connection, site=site, after=None if past else now))
    for work in found:
        click.echo(_work_line(work, now))
    if not found:
        say("none")


def _work_line(work: "Work", now: float) -> str:
    ending = "ended" if work.end <= now else "until"
    risk = f"; accepted: {work.exposes}" if work.risk_accepted else ""
    what = f"{work.site}: {joined(work.components)}"
    return f"{work.id} {what}, {ending} {_moment(work.end)}, {work.by}: {work.reason}{risk}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


@store_app.declare("prune")
def prune_store(
    older: Annotated[str, flag("--older-than", "As the configuration says, else two years.")] = "",
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Removes history that is older; evidence and what is still open never."""
    from resilience.store.upkeep import prune  # noqa: PLC0415

    settings = read_config(config)
    keep = duration_of("--older-than", older) if older else settings.retention
    with wanted_store(database, settings) as store, refusals():
        removed = prune(store, time.time() - keep / 1000)
    click.echo(", ".join(f"{number} of {table}" for table, number in removed.items()) + " removed")


@store_app.declare("backup")
def backup_store(
    target: Annotated[Path, Argument("FILE", "A new file.")],
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """A whole copy of a SQLite database, while the monitor runs; PostgreSQL has pg_dump."""
    with wanted_store(database, read_config(config)) as store, refusals():
        try:
            store.backup(target)
        except OSError as error:
            raise click.BadParameter(f"{target}: {error.strerror or error}") from None
    click.echo(f"copied to {target}")


@store_app.declare("verify")
def verify_store(database: Database = "", config: ConfigFile = None) -> None:
    """Whether the database is sound and its evidence whole; exits 1 where not."""
    from resilience.store import evidence  # noqa: PLC0415

    with wanted_store(database, read_config(config)) as store, refusals():
        wrong = store.faults()
        with store.reading() as connection:
            wrong += evidence.broken(evidence.entries(connection), evidence.head(connection))
    for told in wrong:
        click.echo(told)
    if wrong:
        raise Exit(INVALID)
    click.echo("sound")


@notify_app.declare("test")
def try_channels(
    channel: Annotated[str, flag("--channel", "One alone; all where none is named.")] = "",
    config: ConfigFile = None,
) -> None:
    """Sends a message by every channel of the configuration; exits 1 where one does not take it."""
    settings = read_config(config)
    told = told_by(settings)
    if told is None:
        raise click.BadParameter("--config: it has no 'notify'")
    notify, send = told
    if channel and channel not in notify.channels:
        raise click.BadParameter(f"--channel: '{channel}' is none{did_you_mean(channel, notify.channels)}")
    title = "TEST: the site resilience monitor can reach you here"
    body = "Nothing has happened. When something does, a message says what to use to call 911, and for how long."
    left = {name: send(name, title, body, Severity.INFO) for name in ([channel] if channel else notify.channels)}
    for name, was_sent in left.items():
        click.echo(f"{name}: {'sent' if was_sent else 'not taken'}")
    if not all(left.values()):
        raise Exit(INVALID)
