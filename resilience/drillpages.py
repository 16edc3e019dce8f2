"""The pages about drills: the plan, one that is under way, and the report of one that is over."""

from collections.abc import Iterable

from resilience.drills.judgement import judge
from resilience.drills.papers import report
from resilience.drills.plan import Held, due
from resilience.drills.progress import expected
from resilience.drills.record import Outcome, Record, Running
from resilience.drills.story import happenings, tell
from resilience.model import Site
from resilience.pages import page
from resilience.records import Records

SHOWN = 200
"""Held drills shown, the newest."""


def drills(sites: Iterable[tuple[Site, Records]], at: float) -> str:
    """All sites' drills: under way, declared, held."""
    sites = list(sites)
    planned = [one for site, _ in sites for one in due(site, at)]
    running: list[tuple[Site, Running]] = [(site, known.running) for site, known in sites if known.running]
    held: list[tuple[Site, Held]] = [(site, one) for site, known in sites for one in known.held]
    return page(
        "drills.html.j2",
        at,
        running=running,
        due=sorted(planned, key=lambda one: (not one.overdue, one.at or 0.0)),
        held=sorted(held, key=lambda pair: -pair[1].at)[:SHOWN],
    )


def drill(record: Record, before: Record | None, at: float) -> str:
    """One drill: what happens and is expected next, or its report."""
    if record.outcome is not Outcome.RUNNING:
        return report(tell(record, before), "html").decode()
    shown = judge(record, at)
    return page(
        "drill.html.j2",
        at,
        record=record,
        shown=shown,
        expected=list(expected(record, shown)),
        happenings=happenings(record),
    )
