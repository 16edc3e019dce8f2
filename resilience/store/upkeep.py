"""Old rows are taken away; evidence and what is still open never are."""

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, CompoundSelect, Table, delete, func, select, union

from resilience.drills.judgement import Verdict
from resilience.store import tables
from resilience.store.database import Store

AT_ONCE = 5_000
"""Rows in one transaction: what a monitor has to write meanwhile waits no longer than for these."""


def prune(store: Store, before: float) -> Mapping[str, int]:
    """Removes what ended before `before` (seconds since 1970); gives the number of rows by table."""
    removed = Counter({table.name: 0 for table in _old(before)})
    for table, number in prune_by_parts(store, before):
        removed[table] += number
    return removed


def prune_by_parts(store: Store, before: float, at_once: int = AT_ONCE) -> Iterator[tuple[str, int]]:
    """The same in short transactions; after each the table's name and the number of rows that went."""
    for table, is_old in _old(before).items():
        part = select(table.c.id).where(is_old).limit(at_once)
        gone = at_once
        while gone >= at_once:
            with store.writing() as connection:
                gone = connection.execute(delete(table).where(table.c.id.in_(part))).rowcount
            yield table.name, gone


def _old(before: float) -> Mapping[Table, ColumnElement[bool]]:
    return {
        tables.changes: tables.changes.c.at < before,
        tables.findings: tables.findings.c.closed < before,
        tables.notifications: tables.notifications.c.at < before,
        tables.works: tables.works.c.until < before,
        tables.drills: (tables.drills.c.ended < before) & tables.drills.c.id.not_in(_standing()),
    }


def _standing() -> CompoundSelect[tuple[int]]:
    """Drills that still say something: the last of its name that counted, by which batteries and the model are judged,
    and those with a corrective action that nothing has closed."""
    found, actions = tables.drills.c, tables.drill_actions.c
    counted = found.verdict.in_([Verdict.PASSED, Verdict.FAILED])
    last = select(func.max(found.id)).where(counted).group_by(found.site, found.name)
    return union(last, select(actions.drill).where(actions.closed_by.is_(None)))
