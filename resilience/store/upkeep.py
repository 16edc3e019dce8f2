"""Old rows are taken away; evidence and what is still open never are."""

from sqlalchemy import delete

from resilience.store import tables
from resilience.store.database import Store


def prune(store: Store, before: float) -> dict[str, int]:
    """Removes what ended before `before` (seconds since 1970); gives the number of rows by table."""
    old = {
        tables.changes: tables.changes.c.at < before,
        tables.findings: tables.findings.c.closed < before,
        tables.notifications: tables.notifications.c.at < before,
        tables.works: tables.works.c.until < before,
        tables.drills: tables.drills.c.ended < before,
    }
    removed = {}
    for table, is_old in old.items():
        with store.writing() as connection:
            removed[table.name] = connection.execute(delete(table).where(is_old)).rowcount
    return removed
