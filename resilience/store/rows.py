"""What the monitor has to write down: values that a thread of its own turns into rows, in their order.

Whatever has `write(connection)` can be handed to the keeper; it runs inside a transaction with others and may run
again where that failed, so it touches nothing but the database.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from resilience.finding import Finding
from resilience.notices import Notice
from resilience.reading import State
from resilience.snapshot import Snapshot
from resilience.store import tables
from resilience.store.remembered import States


class Row(Protocol):
    def write(self, connection: Connection) -> None: ...


def write_all(connection: Connection, rows: Iterable[Row]) -> None:
    """In their order. Changes of state, of which a start brings thousands, go many in one statement."""
    for kind, same in groupby(rows, type):
        if kind is Changed:
            connection.execute(insert(tables.changes), [asdict(row) for row in same])  # type: ignore[call-overload]
        else:
            for row in same:
                row.write(connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One change of state."""

    at: float
    vantage: str
    site: str
    subject: str
    name: str
    was: str
    state: str
    text: str

    def write(self, connection: Connection) -> None:
        row = {name: getattr(self, name) for name in self.__slots__}
        connection.execute(insert(tables.changes).values(row))


@dataclass(frozen=True, slots=True)
class Opened:
    at: float
    vantage: str
    site: str
    finding: Finding

    def write(self, connection: Connection) -> None:
        found = tables.findings
        is_open = _open_row(self.vantage, self.site, self.finding)
        if connection.execute(select(found.c.id).where(*is_open)).first() is None:
            connection.execute(
                insert(found).values(
                    vantage=self.vantage,
                    site=self.site,
                    code=self.finding.code,
                    component=self.finding.component,
                    severity=self.finding.severity,
                    text=self.finding.text,
                    opened=self.at,
                )
            )


@dataclass(frozen=True, slots=True)
class Closed:
    at: float
    vantage: str
    site: str
    finding: Finding

    def write(self, connection: Connection) -> None:
        is_open = _open_row(self.vantage, self.site, self.finding)
        connection.execute(update(tables.findings).where(*is_open).values(closed=self.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message to people; `site` is empty where it was about many."""

    at: float
    vantage: str
    site: str
    channel: str
    outcome: str
    title: str
    body: str

    def write(self, connection: Connection) -> None:
        row = {name: getattr(self, name) for name in self.__slots__}
        connection.execute(insert(tables.notifications).values(row))


@dataclass(frozen=True, slots=True)
class Noticed:
    """All that a channel knows of a site, in the place of what it knew before."""

    vantage: str
    channel: str
    site: str
    notices: tuple[Notice, ...]

    def write(self, connection: Connection) -> None:
        key = {"vantage": self.vantage, "channel": self.channel, "site": self.site}
        connection.execute(delete(tables.notices).filter_by(**key))
        if self.notices:
            connection.execute(insert(tables.notices), [{**key, **asdict(notice)} for notice in self.notices])


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A site is no longer watched: nothing of it is open any more, and its past is nobody's."""

    at: float
    vantage: str
    site: str

    def write(self, connection: Connection) -> None:
        settle(connection, self.at, self.vantage, self.site, ())
        connection.execute(delete(tables.memories).filter_by(vantage=self.vantage, site=self.site))


def settle(connection: Connection, at: float, vantage: str, site: str, is_open: Iterable[Finding]) -> None:
    """Closes what is open in the database and, by `is_open`, nowhere else: rows that were lost on the way."""
    keys = {finding.key for finding in is_open}
    found = tables.findings.c
    rows = select(found.id, found.code, found.component).where(
        found.vantage == vantage, found.site == site, found.closed.is_(None)
    )
    lost = [row.id for row in connection.execute(rows) if (row.code, row.component) not in keys]
    if lost:
        connection.execute(update(tables.findings).where(found.id.in_(lost)).values(closed=at))


def _open_row(vantage: str, site: str, finding: Finding) -> tuple[ColumnElement[bool], ...]:
    found = tables.findings.c
    return (
        found.vantage == vantage,
        found.site == site,
        found.code == finding.code,
        found.component == finding.component,
        found.closed.is_(None),
    )


def states_of(taken: Snapshot) -> dict[tuple[str, str], tuple[str, str]]:
    """State and reason of the site, its paths and its components; nothing before the first full round."""
    now = taken.now
    if now is None:
        return {}
    told: dict[tuple[str, str], tuple[str, str]] = {("site", ""): (now.state, "")}
    for path in now.paths:
        state = State.UP if path.assured else State.UNKNOWN if path.possible else State.DOWN
        told["path", path.path.name] = (state, "")
    for component in now.components:
        told["component", component.name] = (component.state, component.why)
    return told


AWAY = 60.0
"""Seconds between two runs from which it is written down that nobody watched."""
WATCH = "watch"
"""The subject of those changes; its states are `watched` and `unwatched`."""


def away(since: float | None, taken: Snapshot, vantage: str) -> Iterator[Changed]:
    """That nobody watched the site from `since`, when an earlier run was stopped, to now. Pure."""
    if since is None or taken.at - since < AWAY:
        return
    for at, was, state in ((since, "watched", "unwatched"), (taken.at, "unwatched", "watched")):
        yield Changed(at=at, vantage=vantage, site=taken.site.id, subject=WATCH, name="", was=was, state=state, text="")


def changes(before: States, taken: Snapshot, vantage: str) -> Iterator[Changed]:
    """What differs from the states last recorded. Pure."""
    for (subject, name), (state, text) in states_of(taken).items():
        was = before.get((subject, name), "")
        if was != state:
            yield Changed(
                at=taken.at,
                vantage=vantage,
                site=taken.site.id,
                subject=subject,
                name=name,
                was=was,
                state=state,
                text=text,
            )


def finding_rows(before: Mapping[tuple[str, str], Finding], taken: Snapshot, vantage: str) -> Iterator[Opened | Closed]:
    """Findings that were not open before, and those that no longer are. Pure."""
    after = {finding.key: finding for finding in taken.findings}
    for key in after.keys() - before.keys():
        yield Opened(taken.at, vantage, taken.site.id, after[key])
    for key in before.keys() - after.keys():
        yield Closed(taken.at, vantage, taken.site.id, before[key])
