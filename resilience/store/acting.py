"""Planned work begun and checks recorded, for commands and pages alike: looked at first, then written."""

from collections.abc import Sequence
from dataclasses import dataclass

from resilience import planned
from resilience.assess import assess_design
from resilience.model import Site
from resilience.records import recorded, records_for
from resilience.store.database import Store
from resilience.store.recording import records_of, seen_down, start_work

LATELY = 300.0
"""Seconds for which what a monitor has seen counts when work is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """`number` is None where the work was not begun: it would leave what `exposes` says, and nobody accepts that."""

    number: int | None
    out: tuple[str, ...]
    """All that is out of service then: this work, other work, and what is seen down."""
    exposes: tuple[str, ...]


def begin_work(
    store: Store,
    declared: Site,
    components: Sequence[str],
    *,
    seconds: float,
    by: str,
    reason: str,
    risk_accepted: bool,
    now: float,
) -> Begun:
    """Begins work on `components` of the site that its file declares; raises StoreUnavailable."""
    with store.reading() as connection:
        known = recorded(declared, records_for(declared.id, records_of(connection, now, declared.id)))
        down = seen_down(connection, declared.id, now - LATELY).intersection(known.components)
    out = planned.worked_on(known, now).union(components, down)
    left = tuple(planned.exposures(assess_design(known, now, order=1), planned.without(known, out, now)))
    number = None
    if risk_accepted or not left:
        with store.writing() as connection:
            number = start_work(
                connection,
                site=declared.id,
                components=components,
                start=now,
                until=now + seconds,
                by=by,
                reason=reason,
                risk_accepted=bool(left),
                exposes="; ".join(left),
            )
    return Begun(number=number, out=tuple(sorted(out)), exposes=left)
