"""A site's past, read from the database: its components' troubles, and when nothing could be learned from them.

Each function runs inside the transaction of its caller.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, func, or_, select

from resilience.cofailure import Past
from resilience.falls import SLACK, Change, Span, troubles
from resilience.model import Site
from resilience.store.rows import WATCH
from resilience.store.tables import changes, drills, findings, works

MOST_CHANGES = 500_000
"""Changes that are read of a site, the newest: some seconds of work. What has more is looked at for less time."""
AT_ONCE = 1000
"""Rows in memory."""


def past_of(connection: Connection, site: Site, since: float, until: float, most: int = MOST_CHANGES) -> Past:
    """What the monitor that judges `site` has recorded of it; moments are seconds since 1970."""
    mine = (changes.c.site == site.id, changes.c.vantage == site.watched_by)
    of_components = (*mine, changes.c.subject == "component", changes.c.at <= until)
    oldest = (
        select(changes.c.at)
        .where(*of_components, changes.c.at >= since)
        .order_by(changes.c.at.desc())
        .offset(most - 1)
        .limit(1)
    )
    since = max(since, connection.scalar(oldest) or since)
    told = (
        select(changes.c.at, changes.c.name, changes.c.was, changes.c.state, changes.c.text)
        .where(*of_components, changes.c.at >= since, changes.c.name.in_(site.components))
        .order_by(changes.c.at, changes.c.id)
        .execution_options(yield_per=AT_ONCE)
    )
    before = _before(connection, site, since)
    rows = (Change(*row) for row in connection.execute(told))
    return Past(
        since=since,
        until=until,
        troubles=troubles(_both(before, rows)),
        quiet=tuple(_quiet(connection, site, since, until)),
    )


def _both(before: list[Change], after: Iterator[Change]) -> Iterator[Change]:
    yield from before
    yield from after


def _before(connection: Connection, site: Site, since: float) -> list[Change]:
    """The last word of each component before `since`, as of then."""
    last = (
        select(func.max(changes.c.id))
        .where(
            changes.c.site == site.id,
            changes.c.vantage == site.watched_by,
            changes.c.subject == "component",
            changes.c.name.in_(site.components),
            changes.c.at < since,
        )
        .group_by(changes.c.name)
    )
    rows = connection.execute(select(changes.c.name, changes.c.state).where(changes.c.id.in_(last)))
    return [Change(since, name, "", state, "") for name, state in rows]


def _quiet(connection: Connection, site: Site, since: float, until: float) -> Iterator[Span]:
    """When the monitor was away or unfit, and some time after, and when people were at work."""
    there = (findings.c.site == site.id, findings.c.vantage == site.watched_by, findings.c.code == "monitor_impaired")
    lasted = or_(findings.c.closed.is_(None), findings.c.closed >= since - SLACK)
    for opened, closed in connection.execute(select(findings.c.opened, findings.c.closed).where(*there, lasted)):
        yield opened - SLACK, (until if closed is None else closed) + SLACK
    watches = (changes.c.site == site.id, changes.c.vantage == site.watched_by, changes.c.subject == WATCH)
    told = select(changes.c.at, changes.c.state).where(*watches, changes.c.at <= until)
    away: float | None = None
    for at, state in connection.execute(told.order_by(changes.c.at, changes.c.id)):
        if state == "unwatched":
            away = at
        elif away is not None:
            yield away - SLACK, at + SLACK
            away = None
    for start, ended in connection.execute(
        select(drills.c.started, drills.c.ended).where(drills.c.site == site.id, drills.c.started <= until)
    ):
        yield start, until if ended is None else ended + SLACK
    for start, end, ended in connection.execute(
        select(works.c.start, works.c.until, works.c.ended).where(works.c.site == site.id, works.c.start <= until)
    ):
        yield start, min(end, end if ended is None else ended) + SLACK
    for work in site.maintenance:
        yield work.start.timestamp(), work.end.timestamp() + SLACK
