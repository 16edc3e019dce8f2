"""Drills in the database: begun, recorded, ended, judged, read back.

Each function runs inside the transaction of its caller.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from resilience import records
from resilience.drills.comparison import Match
from resilience.drills.judgement import Verdict, judge
from resilience.drills.plan import Held
from resilience.drills.record import (
    Action,
    Entry,
    Outcome,
    Prediction,
    Record,
    Running,
    drill_of,
    prediction_of,
    resumed,
    to_json,
)
from resilience.model import Drill, Site, Surprise, indispensable
from resilience.store import evidence
from resilience.store.tables import drill_actions, drill_entries, drills, findings, memories, notifications

DRILL = "drill"
"""The kind of evidence that a closed drill is."""


ATTESTATION = "attestation"
"""The kind of evidence that a person's check is."""
PROVEN_FOR = 90 * 86_400_000
"""ms for which a test call proves a path, where nothing says how often it is drilled."""

LONGEST = 86_400.0
"""Seconds after which a drill that nobody has ended is forgotten: a real outage must not be told as a drill."""


class DrillRefused(Exception):
    """It cannot be begun or ended now; the message says why."""


def begin(connection: Connection, site: Site, drill: Drill, *, by: str, participants: Iterable[str], at: float) -> int:
    """A drill has begun; gives its number. DrillRefused while another one runs at the site."""
    if (other := running_at(connection, site.id)) is not None:
        raise DrillRefused(f"drill {other.id} ({other.drill.name}) is still running at {site.id}")
    plan = {
        "site_name": site.name,
        "drill": to_json(replace(drill, held_at=None, result="", surprises=(), running=False)),
        "kinds": {name: component.kind for name, component in site.components.items()},
        "inputs": {name: list(site.inputs(name)) for name in site.components},
        "paths": {path.name: sorted(indispensable(path.needs)) for path in site.emergency_paths},
    }
    added = connection.execute(
        insert(drills).values(
            site=site.id,
            name=drill.name,
            plan=json.dumps(plan),
            by=by,
            participants=json.dumps(list(participants)),
            started=at,
            vantage="",
            outcome=Outcome.RUNNING,
            ended_by="",
            reason="",
            verdict="",
            batteries="{}",
            surprises="[]",
            hash="",
        )
    )
    (number,) = added.inserted_primary_key or (0,)
    return int(number)


@dataclass(frozen=True, slots=True)
class Began:
    """What a monitor predicts of a drill, before anything is cut. The first word stands."""

    id: int
    vantage: str
    prediction: Prediction

    def write(self, connection: Connection) -> None:
        told = {"vantage": self.vantage, "prediction": json.dumps(to_json(self.prediction))}
        waiting = (drills.c.id == self.id, drills.c.prediction.is_(None), drills.c.hash == "")
        connection.execute(update(drills).where(*waiting).values(told))


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened in a drill that nobody has closed. What a monitor saw counts where it is the one that records
    it; `vantage` is empty for what a person says."""

    id: int
    entry: Entry
    vantage: str = ""

    def write(self, connection: Connection) -> None:
        open_drill = select(drills.c.id).where(drills.c.id == self.id, drills.c.hash == "")
        if self.vantage:
            open_drill = open_drill.where(drills.c.vantage == self.vantage)
        if connection.execute(open_drill).first() is not None:
            body = json.dumps(self.entry.body)
            connection.execute(
                insert(drill_entries).values(drill=self.id, at=self.entry.at, kind=self.entry.kind, body=body)
            )


def end(connection: Connection, number: int, outcome: Outcome, *, by: str, reason: str, at: float) -> None:
    """It is over; DrillRefused where it is not running. One that is over and was never closed stays as it is."""
    is_running = (drills.c.id == number, drills.c.outcome == Outcome.RUNNING)
    ended = {"outcome": outcome, "ended": at, "ended_by": by, "reason": reason}
    if connection.execute(update(drills).where(*is_running).values(ended)).rowcount:
        return
    if connection.execute(select(drills.c.id).where(drills.c.id == number, drills.c.hash == "")).first() is None:
        raise DrillRefused(f"no drill {number} is running")


def caught_up(connection: Connection, number: int) -> bool:
    """Whether the monitor that records a drill has written all that it saw before the end: a site's memory is saved
    after the rows that were made before it."""
    wrote = (memories.c.vantage == drills.c.vantage, memories.c.site == drills.c.site)
    waits = select(drills.c.id).where(drills.c.id == number, drills.c.prediction.is_not(None))
    written = select(memories.c.at).where(*wrote, memories.c.at >= drills.c.ended)
    return connection.execute(waits.where(~written.exists())).first() is None


def close(connection: Connection, number: int, *, at: float) -> Record:
    """Judges a drill that is over, puts it into the chain of evidence, and closes what its repeat has shown mended."""
    record = load(connection, number)
    if record.hash:
        raise DrillRefused(f"drill {number} is closed already")
    shown = judge(record)
    measured = {battery.ups: battery.measured for battery in shown.batteries if battery.measured is not None}
    body = {
        "drill": record.id,
        "name": record.drill.name,
        "verdict": shown.verdict,
        "why": list(shown.why),
        "record": _digest(record),
    }
    entry = evidence.append(connection, kind=DRILL, site=record.site, subject=record.drill.name, body=body, at=at)
    surprises = [[row.name, row.match is Match.UNDECLARED, row.edit] for row in shown.surprises]
    closed = {
        "verdict": shown.verdict,
        "batteries": json.dumps(measured),
        "surprises": json.dumps(surprises),
        "hash": entry.hash,
    }
    connection.execute(update(drills).where(drills.c.id == number).values(closed))
    if shown.verdict is Verdict.PASSED:
        earlier = select(drills.c.id).filter_by(site=record.site, name=record.drill.name).where(drills.c.id < number)
        open_actions = (drill_actions.c.drill.in_(earlier), drill_actions.c.closed_by.is_(None))
        connection.execute(update(drill_actions).where(*open_actions).values(closed_by=number))
    return replace(record, hash=entry.hash)


def _digest(record: Record) -> str:
    """SHA-256 of all that a report is made from, but what may still come: corrective actions."""
    return evidence.digest(asdict(replace(record, actions=(), hash="")))


def act(connection: Connection, number: int, action: Action) -> None:
    """Something is to be put right after a drill."""
    connection.execute(insert(drill_actions).values(drill=number, text=action.text, owner=action.owner, due=action.due))


def prove(connection: Connection, record: Record, path: str, *, by: str, heard: str, at: float) -> None:
    """A call that somebody made by `path` is evidence of everything that the path cannot do without, good until the
    next drill. Which of several ways it took, and what a call that failed has failed on, nobody knows."""
    body = records.check_body(
        by=by,
        method=f"test call by {path} in drill {record.id}",
        result="pass",
        valid=record.drill.every or PROVEN_FOR,
        kind="test-call",
        note=heard,
        file=None,
    )
    for component in record.paths[path]:
        evidence.append(connection, kind=ATTESTATION, site=record.site, subject=component, body=body, at=at)


def load(connection: Connection, number: int) -> Record:
    """DrillRefused where there is none of that number."""
    row = connection.execute(select(drills).where(drills.c.id == number)).mappings().first()
    if row is None:
        raise DrillRefused(f"there is no drill {number}")
    plan = json.loads(row["plan"])
    told = connection.execute(
        select(drill_entries.c.at, drill_entries.c.kind, drill_entries.c.body)
        .where(drill_entries.c.drill == number, drill_entries.c.at <= (row["ended"] or float("inf")))
        .order_by(drill_entries.c.at, drill_entries.c.id)
    )
    written = [Entry(at, kind, json.loads(body)) for at, kind, body in told]
    actions = connection.execute(select(drill_actions).where(drill_actions.c.drill == number)).mappings()
    return Record(
        id=row["id"],
        site=row["site"],
        site_name=plan["site_name"],
        drill=drill_of(plan["drill"]),
        kinds=plan["kinds"],
        inputs={name: tuple(inputs) for name, inputs in plan["inputs"].items()},
        paths={name: tuple(needs) for name, needs in plan["paths"].items()},
        by=row["by"],
        participants=tuple(json.loads(row["participants"])),
        started=row["started"],
        prediction=prediction_of(json.loads(row["prediction"])) if row["prediction"] else None,
        outcome=Outcome(row["outcome"]),
        ended=row["ended"],
        ended_by=row["ended_by"],
        reason=row["reason"],
        entries=tuple(sorted([*_once(written), *_alerts(connection, row)], key=lambda entry: entry.at)),
        actions=tuple(
            Action(text=a["text"], owner=a["owner"], due=a["due"], closed_by=a["closed_by"]) for a in actions
        ),
        hash=row["hash"],
    )


def _once(written: Iterable[Entry]) -> Iterator[Entry]:
    """Two monitors of one name write the same change; it happened once."""
    last: dict[tuple[str, str], Any] = {}
    for entry in written:
        if entry.kind in ("state", "path", "calling"):
            key = (entry.kind, entry.body.get("name", ""))
            now = {name: value for name, value in entry.body.items() if name in ("state", "own", "path")}
            if last.get(key) == now:
                continue
            last[key] = now
        yield entry


def _alerts(connection: Connection, row: RowMapping) -> Iterator[Entry]:
    """Findings that opened or closed meanwhile at the site, and what was sent to whom."""
    since, until = row["started"], row["ended"] if row["ended"] is not None else float("inf")
    there = select(findings).where(findings.c.site == row["site"])
    for found in connection.execute(there.where(findings.c.opened >= since, findings.c.opened <= until)).mappings():
        yield Entry(found["opened"], "finding", _finding(found, is_open=True))
    for found in connection.execute(there.where(findings.c.closed >= since, findings.c.closed <= until)).mappings():
        yield Entry(found["closed"], "finding", _finding(found, is_open=False))
    sent = select(notifications).where(
        notifications.c.site == row["site"], notifications.c.at >= since, notifications.c.at <= until
    )
    for told in connection.execute(sent).mappings():
        yield Entry(told["at"], "sent", {name: told[name] for name in ("channel", "outcome", "title")})


def _finding(found: RowMapping, *, is_open: bool) -> dict[str, Any]:
    return {name: found[name] for name in ("code", "component", "severity", "text")} | {"open": is_open}


def running_at(connection: Connection, site: str) -> Running | None:
    wanted = select(drills).where(drills.c.site == site, drills.c.outcome == Outcome.RUNNING)
    return next(_running(connection, connection.execute(wanted).mappings().all()), None)


def running(connection: Connection, now: float, site: str = "") -> dict[str, Running]:
    """The drill under way at each site; one that nobody has ended in time is none."""
    wanted = select(drills).where(drills.c.outcome == Outcome.RUNNING, drills.c.started > now - LONGEST)
    if site:
        wanted = wanted.where(drills.c.site == site)
    rows = connection.execute(wanted).mappings().all()
    return {row["site"]: one for row, one in zip(rows, _running(connection, rows), strict=True)}


def _running(connection: Connection, rows: Iterable[RowMapping]) -> Iterator[Running]:
    for row in rows:
        record = load(connection, row["id"])
        watched = resumed(record.prediction, record.entries) if record.prediction else None
        yield Running(id=record.id, drill=record.drill, started=record.started, vantage=row["vantage"], watched=watched)


def held(connection: Connection, site: str = "") -> dict[str, list[Held]]:
    """Drills that are over and judged, by site, in the order of their ends."""
    wanted = select(drills).where(drills.c.hash != "").order_by(drills.c.ended)
    if site:
        wanted = wanted.where(drills.c.site == site)
    found: dict[str, list[Held]] = {}
    for row in connection.execute(wanted).mappings():
        fail = tuple(json.loads(row["plan"])["drill"]["fail"])
        surprises = tuple(Surprise(*one) for one in json.loads(row["surprises"]))
        one = Held(row["id"], row["name"], fail, row["ended"], Verdict(row["verdict"]), surprises)
        found.setdefault(row["site"], []).append(one)
    return found


def measured(connection: Connection, site: str = "") -> dict[str, dict[str, float]]:
    """Seconds that each UPS was last measured to hold, by site."""
    wanted = select(drills.c.site, drills.c.batteries).where(drills.c.hash != "").order_by(drills.c.ended)
    if site:
        wanted = wanted.where(drills.c.site == site)
    found: dict[str, dict[str, float]] = {}
    for name, batteries in connection.execute(wanted):
        found.setdefault(name, {}).update(json.loads(batteries))
    return found


def before(connection: Connection, record: Record) -> Record | None:
    """The last drill of the same name at the site that proved something, before `record`."""
    counted = [
        one.id
        for one in held(connection, record.site).get(record.site, ())
        if one.name == record.drill.name and one.counts and one.id < record.id
    ]
    return load(connection, counted[-1]) if counted else None
