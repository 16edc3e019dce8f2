"""`drill start|note|call|finish|abort|action`: a drill that is really done. The monitor watches; people do it."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import click

from resilience.commands import history  # noqa: F401  # one more command of the same group
from resilience.commands.common import flag, say
from resilience.commands.drills import Id, declared, drill_book, drills, refuse, rehearsed
from resilience.commands.settings import (
    ConfigFile,
    Database,
    Sites,
    read_config,
    refusals,
    site_named,
    wanted_store,
)
from resilience.commands.signatures import Argument
from resilience.config import Config
from resilience.drills.judgement import judge
from resilience.drills.record import Action, Entry, Mark, Outcome, Prediction
from resilience.faults import did_you_mean

ACKNOWLEDGED_WITHIN = 20.0
"""Seconds within which a monitor that watches the site has begun to record."""

CAUGHT_UP_WITHIN = 30.0
"""Seconds within which a monitor has written down what it saw before the end."""


class Number(StrEnum):
    """What kind of number somebody dialled by hand. The monitor dials none."""

    TEST_LINE = "933"
    NON_EMERGENCY = "non-emergency"
    INTERNAL = "internal"
    ARRANGED = "arranged-with-psap"


class Result(StrEnum):
    PASS = "pass"
    FAIL = "fail"


By = Annotated[str, flag("--by", "Who says so.")]


@drills.declare()
def start(  # noqa: PLR0917  # a command's options
    word: Annotated[str, Argument("SITE", "A site file, or the id of a site in --sites.")],
    name: Annotated[str, Argument("NAME", "A drill that the file declares.")],
    by: By,
    participants: Annotated[list[str] | None, flag("--with", "Somebody else who takes part; repeatable.")] = None,
    accept_risk: Annotated[bool, flag("--accept-risk", "Begin although 911 will be lost by the model.")] = False,
    sites: Sites = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Begins a drill: the monitor writes its prediction down, then somebody makes the fault."""
    from resilience.store import drilling  # noqa: PLC0415  # the other commands start without a database

    settings = read_config(config)
    site = site_named(word, sites, settings)
    drill = declared(site, name)
    rehearsal = rehearsed(site, drill)
    if rehearsal.survival.low <= 0 and not accept_risk:
        refuse(f"{rehearsal.told}; --accept-risk begins all the same")
    with drill_book(database, settings) as connection:
        number = drilling.begin(connection, site, drill, by=by, participants=participants or (), at=time.time())
    prediction = _acknowledged(database, settings, number)
    if prediction is None:
        with drill_book(database, settings) as connection:
            reason = "no monitor began to record it"
            drilling.end(connection, number, Outcome.ABORTED, by=by, reason=reason, at=time.time())
            drilling.close(connection, number, at=time.time())
        refuse(
            f"drill {number} is off: within {ACKNOWLEDGED_WITHIN:g} s no monitor that watches {site.id} and uses "
            "this database began to record it"
        )
    click.echo(f"drill {number} ({drill.name} at {site.id}) has begun; the prediction is written down")
    for text in drill.safety:
        click.echo(f"  first: {text}")
    if down := [component for component, state in prediction.states.items() if state == "down"]:
        click.echo(f"  ALREADY DOWN: {', '.join(down)}. If that is a real outage: resilience drill abort {number}")
    click.echo(f"  {rehearsal.told}")
    if prediction.exposed:
        click.echo(f"  while it lasts, one more failure ends 911: {', '.join(prediction.exposed)}")
    click.echo(f"  now fail {' and '.join(drill.fail)}, and say so: resilience drill note {number} --mark fault …")


def _acknowledged(database: str, settings: Config, number: int) -> Prediction | None:
    """The prediction, once a monitor has written it; None where none does in time."""
    from resilience.store import drilling  # noqa: PLC0415

    until = time.monotonic() + ACKNOWLEDGED_WITHIN
    with wanted_store(database, settings) as store, refusals():
        while time.monotonic() < until:
            with store.reading() as connection:
                prediction = drilling.load(connection, number).prediction
            if prediction is not None:
                return prediction
            time.sleep(0.5)
    return None


def _happened(number: int, database: str, config: Path | None, kind: str, body: dict[str, Any]) -> Any:
    """Writes an entry of a running drill; gives its record."""
    from resilience.store import drilling  # noqa: PLC0415

    with drill_book(database, read_config(config)) as connection:
        record = drilling.load(connection, number)
        if record.outcome is not Outcome.RUNNING:
            raise drilling.DrillRefused(f"drill {number} is over")
        drilling.Happened(number, Entry(time.time(), kind, body)).write(connection)
    return record


@drills.declare()
def note(  # noqa: PLR0917  # a command's options
    number: Id,
    text: Annotated[str, Argument("TEXT", "What somebody did, saw or heard.")],
    by: By,
    mark: Annotated[Mark | None, flag("--mark", "The fault is made now, or everything is put back now.")] = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Writes down what somebody says while a drill runs."""
    _happened(number, database, config, "note", {"by": by, "text": text, "mark": mark or ""})


@drills.declare()
def call(  # noqa: PLR0917  # a command's options
    number: Id,
    by: By,
    path: Annotated[str, flag("--path", "The emergency path that it went by.")],
    dialled: Annotated[Number, flag("--number", "What kind of number was dialled, by hand.")],
    heard: Annotated[str, flag("--heard", "What was heard.")],
    location: Annotated[str, flag("--location", "The location that was read back.")] = "",
    result: Annotated[Result, flag("--result", "Whether it did what it should.")] = Result.PASS,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Writes down a test call that somebody made by hand. The monitor itself never calls."""
    from resilience.store import drilling  # noqa: PLC0415

    body = {"by": by, "path": path, "number": dialled.value, "heard": heard, "location": location}
    record = _happened(number, database, config, "call", body | {"passed": result is Result.PASS})
    if path not in record.paths:
        say(f"note: {record.site} declares no path '{path}'{did_you_mean(path, record.paths)}")
        return
    if result is Result.PASS:
        with drill_book(database, read_config(config)) as connection:
            drilling.prove(connection, record, path, by=by, heard=heard, at=time.time())


@drills.declare()
def finish(number: Id, by: By, database: Database = "", config: ConfigFile = None) -> None:
    """Ends a drill, judges it and puts it into the chain of evidence."""
    _ended(number, by, "", database, config, aborted=False)


@drills.declare()
def abort(
    number: Id,
    by: By,
    reason: Annotated[str, flag("--reason", "Why.")],
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Ends a drill that could not be carried through."""
    _ended(number, by, reason, database, config, aborted=True)


def _ended(number: int, by: str, reason: str, database: str, config: Path | None, *, aborted: bool) -> None:
    from resilience.store import drilling  # noqa: PLC0415

    outcome, settings = Outcome.ABORTED if aborted else Outcome.FINISHED, read_config(config)
    with drill_book(database, settings) as connection:
        drilling.end(connection, number, outcome, by=by, reason=reason, at=time.time())
    if not _caught_up(database, settings, number):
        say(
            f"note: in {CAUGHT_UP_WITHIN:g} s the monitor has not written all that it saw; what it writes later is lost"
        )
    with drill_book(database, settings) as connection:
        record = drilling.close(connection, number, at=time.time())
    shown = judge(record)
    click.echo(f"drill {number} ({record.drill.name} at {record.site}): {shown.verdict}")
    for why in shown.why:
        click.echo(f"  {why}")
    click.echo(f"  evidence {record.hash}")


def _caught_up(database: str, settings: Config, number: int) -> bool:
    """Whether the monitor has written what it saw before the end; it is waited for."""
    from resilience.store import drilling  # noqa: PLC0415

    until = time.monotonic() + CAUGHT_UP_WITHIN
    with wanted_store(database, settings) as store, refusals():
        while time.monotonic() < until:
            with store.reading() as connection:
                if drilling.caught_up(connection, number):
                    return True
            time.sleep(0.2)
    return False


@drills.declare()
def action(  # noqa: PLR0917  # a command's options
    number: Id,
    text: Annotated[str, Argument("TEXT", "What is to be put right.")],
    owner: Annotated[str, flag("--owner", "Who sees to it.")],
    due: Annotated[str, flag("--due", "By which day, such as 2027-03-31.")],
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """Adds a corrective action to a drill's improvement plan. A repeat that passes closes it."""
    from resilience.store import drilling  # noqa: PLC0415

    try:
        day = datetime.strptime(due, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise click.BadParameter(f"--due: '{due}' is no day such as 2027-03-31") from None
    with drill_book(database, read_config(config)) as connection:
        drilling.load(connection, number)
        drilling.act(connection, number, Action(text=text, owner=owner, due=day.isoformat()))
