"""What people record, in the database: checks (as evidence) and planned work.

Each function runs inside the transaction of its caller.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from resilience import records
from resilience.model import Attestation, Maintenance
from resilience.reading import State
from resilience.records import Records
from resilience.store import drilling, evidence
from resilience.store.drilling import ATTESTATION
from resilience.store.tables import evidence as evidence_table
from resilience.store.tables import memories, work_components, works


def attest(connection: Connection, *, site: str, component: str, body: Mapping[str, Any], at: float) -> evidence.Entry:
    """Records a check; `body` is of `records.check_body`."""
    return evidence.append(connection, kind=ATTESTATION, site=site, subject=component, body=body, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of planned work. Moments in seconds since 1970; `exposes` is what it was said to leave."""

    id: int
    site: str
    components: tuple[str, ...]
    start: float
    until: float
    by: str
    reason: str
    risk_accepted: bool
    exposes: str
    ended: float | None
    ended_by: str | None

    @property
    def end(self) -> float:
        return self.until if self.ended is None else min(self.until, self.ended)

    @property
    def planned(self) -> Maintenance:
        """As a site file would declare it."""
        start, end = (datetime.fromtimestamp(moment, UTC) for moment in (self.start, self.end))
        return Maintenance(components=self.components, start=start, end=end, by=self.by, reason=self.reason)


def start_work(
    connection: Connection,
    *,
    site: str,
    components: Iterable[str],
    start: float,
    until: float,
    by: str,
    reason: str,
    risk_accepted: bool = False,
    exposes: str = "",
) -> int:
    """Records work; gives its number."""
    values = {"site": site, "start": start, "until": until, "by": by, "reason": reason}
    added = connection.execute(insert(works).values(**values, risk_accepted=risk_accepted, exposes=exposes))
    (number,) = added.inserted_primary_key or (0,)
    connection.execute(
        insert(work_components), [{"maintenance": number, "component": name} for name in dict.fromkeys(components)]
    )
    return int(number)


def end_work(connection: Connection, number: int, *, at: float, by: str, site: str = "") -> bool:
    """Ends work before its time; whether it was still going on, at `site` where that is named."""
    going_on = [works.c.id == number, works.c.until > at, works.c.ended.is_(None)]
    if site:
        going_on.append(works.c.site == site)
    return connection.execute(update(works).where(*going_on).values(ended=at, ended_by=by)).rowcount > 0


def works_of(connection: Connection, *, site: str = "", after: float | None = None) -> Iterator[Work]:
    """In the order recorded; `after`: only what is not over at that moment."""
    wanted = select(works).order_by(works.c.id)
    if site:
        wanted = wanted.where(works.c.site == site)
    if after is not None:
        wanted = wanted.where(works.c.until > after, works.c.ended.is_(None))
    found = connection.execute(wanted).mappings().all()
    components: dict[int, list[str]] = {}
    for number, name in connection.execute(
        select(work_components).join(works).where(works.c.id.in_([row["id"] for row in found]))
    ):
        components.setdefault(number, []).append(name)
    for row in found:
        yield Work(components=tuple(components.get(row["id"], ())), **row)


def seen_down(connection: Connection, site: str, since: float) -> frozenset[str]:
    """Components that a monitor said are down, not longer ago than `since`."""
    rows = select(memories.c.body).where(memories.c.site == site, memories.c.at >= since)
    states = (entry for body in connection.scalars(rows) for entry in json.loads(body).get("states", ()))
    return frozenset(name for subject, name, state in states if (subject, state) == ("component", State.DOWN))


def checks(connection: Connection, site: str = "") -> Iterator[tuple[str, str, Attestation]]:
    """(site, component, the newest check)"""
    newest = select(func.max(evidence_table.c.number)).where(evidence_table.c.kind == ATTESTATION)
    if site:
        newest = newest.where(evidence_table.c.site == site)
    newest = newest.group_by(evidence_table.c.site, evidence_table.c.subject)
    for row in connection.execute(select(evidence_table).where(evidence_table.c.number.in_(newest))).mappings():
        entry = evidence.Entry(**row)
        try:
            check = records.check(entry.at, entry.content)
        except (KeyError, TypeError, ValueError, OverflowError):
            # Not written by us, as `evidence verify` tells. What it may have said is not taken for a pass.
            check = Attestation(valid=0, on=datetime.fromtimestamp(entry.at, UTC).date(), at=entry.at)
        yield entry.site, entry.subject, check


def records_of(connection: Connection, now: float, site: str = "") -> dict[str, Records]:
    """All that is recorded and counts at `now`, by site."""
    checked: dict[str, dict[str, Attestation]] = {}
    planned: dict[str, list[Maintenance]] = {}
    for name, component, check in checks(connection, site):
        checked.setdefault(name, {})[component] = check
    for work in works_of(connection, site=site, after=now):
        planned.setdefault(work.site, []).append(work.planned)
    held, running = drilling.held(connection, site), drilling.running(connection, now, site)
    measured = drilling.measured(connection, site)
    return {
        name: Records(
            checks=checked.get(name, {}),
            work=tuple(planned.get(name, ())),
            held=tuple(held.get(name, ())),
            running=running.get(name),
            measured=measured.get(name, {}),
        )
        for name in checked.keys() | planned.keys() | held.keys() | running.keys()
    }
