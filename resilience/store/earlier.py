"""What an earlier run of a monitor has left in the database: what it knew of each site, and what people were told."""

import logging
from collections.abc import Container, Mapping

from sqlalchemy import select

from resilience.finding import SEVERITY
from resilience.model import Site
from resilience.notices import Notice, Notices
from resilience.store import tables
from resilience.store.database import Store
from resilience.store.remembered import Remembered, decoded

log = logging.getLogger("resilience.store")


def remembered(
    store: Store, vantage: str, watched: Mapping[str, Site], now: float
) -> tuple[dict[str, Remembered], list[str]]:
    """What is still worth knowing of the sites `watched`, and the sites that are watched no more."""
    found: dict[str, Remembered] = {}
    with store.reading() as connection:
        rows = connection.execute(select(tables.memories).filter_by(vantage=vantage)).all()
    for row in rows:
        if row.site not in watched:
            continue
        try:
            found[row.site] = decoded(watched[row.site], row.body, row.at, now)
        except ValueError as error:
            log.warning("what was known of the site cannot be read: %s", error, extra={"site": row.site})
    return found, [row.site for row in rows if row.site not in watched]


def noticed(store: Store, vantage: str, watched: Container[str]) -> Mapping[tuple[str, str], Notices]:
    """What each channel knew of each site, by (channel, site)."""
    found: dict[tuple[str, str], dict[tuple[str, str], Notice]] = {}
    with store.reading() as connection:
        rows = connection.execute(select(tables.notices).filter_by(vantage=vantage)).mappings().all()
    for row in rows:
        if row["site"] in watched and row["code"] in SEVERITY:
            notice = Notice(**{name: row[name] for name in Notice.__slots__})
            found.setdefault((row["channel"], row["site"]), {})[notice.key] = notice
    return found
