"""`drill`: what is to be drilled, rehearsals, and drills that are really done. No device is touched by any of it."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import click
from click.exceptions import Exit

from resilience.assess import assess_design
from resilience.commands.common import INVALID, Format, Paths, app, flag, read_valid, say
from resilience.commands.settings import (
    ConfigFile,
    Database,
    Sites,
    database_url,
    read_config,
    refusals,
    wanted_store,
)
from resilience.commands.signatures import Argument, Commands
from resilience.config import Config
from resilience.drills import plan
from resilience.drills.rehearsal import Rehearsal, rehearse
from resilience.faults import did_you_mean
from resilience.model import Drill, Site
from resilience.records import NONE, Records, recorded
from resilience.survival import design_bounds

if TYPE_CHECKING:
    from sqlalchemy import Connection


drills = Commands(help="Drills: what is due, rehearsed, really done, reported.")
app.add_command(drills, "drill")

PROPOSED = 3
"""Proposals shown of each site."""


class Paper(StrEnum):
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    MD = "md"
    JSON = "json"


class ReportForm(StrEnum):
    HTML = "html"
    PDF = "pdf"
    MD = "md"
    JSON = "json"


Output = Annotated[Path | None, flag("--output", "A file; stdout otherwise.")]
Id = Annotated[int, Argument("ID", "The drill's number, as 'drill start' gave it.")]


def refuse(message: object) -> NoReturn:
    say(str(message))
    raise Exit(INVALID)


def declared(site: Site, name: str) -> Drill:
    for drill in site.drills:
        if drill.name == name:
            return drill
    names = [drill.name for drill in site.drills]
    raise click.BadParameter(f"{site.id} declares no drill '{name}'{did_you_mean(name, names)}")


def _write(paper: bytes, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(paper)
    else:
        click.echo(paper, nl=False)


def rehearsed(site: Site, drill: Drill) -> Rehearsal:
    return rehearse(site, drill, design_bounds(site), datetime.now(UTC).date())


@contextmanager
def drill_book(database: str, settings: Config) -> "Iterator[Connection]":
    """A transaction over the recorded drills; what cannot be done ends the command with a sentence."""
    from resilience.store.drilling import DrillRefused  # noqa: PLC0415  # rehearsals need no database

    with wanted_store(database, settings) as store, refusals():
        try:
            with store.writing() as connection:
                yield connection
        except DrillRefused as error:
            refuse(error)


# --- Planned and rehearsed ------------------------------------------------------------------------------------


@drills.declare("list")
def list_drills(
    paths: Paths = [],  # noqa: B006  # Typer's way to an argument that may be left out
    form: Annotated[Format, flag("--format", "For people or for programs.")] = Format.TEXT,
    sites: Sites = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """What is due, what no drill has ever covered, and what to drill next."""
    settings = read_config(config)
    folder = sites or (Path(settings.sites) if settings.sites else None)
    if not paths and folder is None:
        raise click.BadParameter("site files or --sites are wanted")
    declared = read_valid(paths or [folder]).values()  # type: ignore[list-item]
    known = _known(database, settings)
    now = time.time()
    told = [_listed(site, known.get(site.id, NONE), now) for site in declared]
    if form is Format.JSON:
        click.echo(json.dumps(told))
    else:
        click.echo("\n".join(line for one in told for line in _as_text(one)))


def _known(database: str, settings: Config) -> dict[str, Records]:
    """What the database tells of drills held."""
    if not database_url(database, settings):
        return {}
    from resilience.store.recording import records_of  # noqa: PLC0415

    with wanted_store(database, settings) as store, refusals(), store.reading() as connection:
        return records_of(connection, time.time())


def _listed(declared: Site, known: Records, now: float) -> dict[str, Any]:
    site = recorded(declared, known)
    design = assess_design(site, now)
    return {
        "site": site.id,
        "drills": [
            {
                "name": one.drill.name,
                "fail": list(one.drill.fail),
                "overdue": one.overdue,
                "due_timestamp": one.at,
                "held_timestamp": one.drill.held_at,
                "result": one.drill.result or None,
                "running": one.drill.running,
            }
            for one in plan.due(site, now)
        ],
        "never_covered": [point.component for point in plan.never_covered(design, known.held)],
        "proposals": [
            {"component": one.component, "why": one.why, "declaration": one.declaration}
            for one in list(plan.proposals(design, known.held))[:PROPOSED]
        ],
    }


def _as_text(told: dict[str, Any]) -> Iterable[str]:
    yield told["site"]
    for drill in told["drills"]:
        last = f"{drill['result']} on {_day(drill['held_timestamp'])}" if drill["held_timestamp"] else "never held"
        due = "running" if drill["running"] else "OVERDUE" if drill["overdue"] else ""
        due = due or (f"due on {_day(drill['due_timestamp'])}" if drill["due_timestamp"] else "")
        yield "  " + ", ".join(filter(None, (f"{drill['name']} (fails {' and '.join(drill['fail'])}): {last}", due)))
    if told["never_covered"]:
        yield f"  No drill has covered the single points of failure {', '.join(told['never_covered'])}"
    for proposal in told["proposals"]:
        yield f"  To drill next, {proposal['component']}: {proposal['why']}"
        yield f"    {proposal['declaration']}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@drills.declare("rehearse")
def rehearse_drill(
    path: Annotated[Path, Argument("SITE.yaml")],
    name: Annotated[str, Argument("NAME", "A drill that the file declares.")],
    form: Annotated[Paper, flag("--format", "Text, or a paper to hand out.")] = Paper.TEXT,
    output: Output = None,
) -> None:
    """What would happen: what goes off when, who carries 911, what people must be told. No device is touched."""
    from resilience.drills.papers import NoPdf, rehearsal  # noqa: PLC0415  # templates are for papers

    (site,) = read_valid([path]).values()
    try:
        _write(rehearsal(rehearsed(site, declared(site, name)), form), output)
    except NoPdf as error:
        refuse(error)


@drills.declare("report")
def report_drill(
    number: Id,
    form: Annotated[ReportForm, flag("--format", "A page, a paper, text with marks, or values.")] = ReportForm.MD,
    output: Output = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """A drill's after-action report and improvement plan."""
    from resilience.drills.papers import NoPdf, report  # noqa: PLC0415
    from resilience.drills.story import tell  # noqa: PLC0415
    from resilience.store import drilling  # noqa: PLC0415

    with drill_book(database, read_config(config)) as connection:
        record = drilling.load(connection, number)
        before = drilling.before(connection, record)
    try:
        _write(report(tell(record, before), form), output)
    except NoPdf as error:
        refuse(error)
