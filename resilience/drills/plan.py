"""What is to be drilled: what is due, which single points of failure no drill has covered, what to drill next. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from resilience.assess import Assessment, SinglePoint
from resilience.drills.judgement import Verdict
from resilience.duration import spoken
from resilience.model import Drill, Site, Surprise
from resilience.steps import Batch


@dataclass(frozen=True, slots=True)
class Held:
    """A drill that was held; `at` is when it ended, in seconds since 1970. One that proves nothing is not held."""

    id: int
    name: str
    fail: tuple[str, ...]
    at: float
    verdict: Verdict
    surprises: tuple[Surprise, ...] = ()

    @property
    def counts(self) -> bool:
        return self.verdict in (Verdict.PASSED, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Due:
    """`at`: when it is due; None where it has never been held, which is overdue, or where nothing says how often."""

    site: Site
    drill: Drill
    at: float | None
    overdue: bool


def due(site: Site, now: float) -> tuple[Due, ...]:
    """Every drill of a site with its records, the most overdue first."""
    found = [Due(site, drill, drill.due_at, drill.overdue(now)) for drill in site.drills]
    return tuple(sorted(found, key=lambda one: (not one.overdue, one.at or 0.0, one.drill.name)))


def never_covered(design: Assessment, held: Iterable[Held]) -> tuple[SinglePoint, ...]:
    """Single points of failure that no drill has ever failed."""
    covered = {name for one in held if one.counts for name in one.fail}
    return tuple(point for point in design.single_points if point.component not in covered)


@dataclass(frozen=True, slots=True)
class Proposal:
    site: Site
    component: str
    why: str
    declaration: str
    """A line for the site file."""


def proposals(design: Assessment, held: Iterable[Held]) -> Iterator[Proposal]:
    """Drills that would show most, best first: what no drill has covered and what leaves 911 standing meanwhile.

    First the stored energy that a requirement hangs on, then what has least beside it. A component whose failure
    ends 911 at once is none of them: that is to be mended, not tried.
    """
    site = design.site
    covered = {name for one in held if one.counts for name in one.fail}
    covered |= {name for drill in site.drills for name in drill.fail}
    timed = {point.component: point.loss for point in design.single_points if point.loss > 0}
    partners = _partners(design)
    names = [name for name in (*timed, *partners) if name not in covered]
    for name in sorted(dict.fromkeys(names), key=lambda one: (timed.get(one, float("inf")), -partners.get(one, 0))):
        if name in timed:
            why = f"911 is to last {spoken(timed[name])} without it, and nobody has tried"
        else:
            why = f"each of {partners[name]} other failures would end 911 while it is out, and nobody has tried"
        yield Proposal(site, name, why, _declaration(design, name))


def _partners(design: Assessment) -> Mapping[str, int]:
    """How many other components end 911 together with each."""
    partners: dict[str, int] = {}
    for cut in design.cut_sets:
        if len(cut.members) == 2:
            for name in cut.members:
                partners[name] = partners.get(name, 0) + 1
    return partners


def _declaration(design: Assessment, name: str) -> str:
    site, bounds = design.site, design.answers.bounds
    on = bounds.structure.evaluate(bounds.low, Batch.of((name,)))
    path = next((p.name for p, course in zip(site.emergency_paths, on.paths, strict=True) if course[0][1]), None)
    expects = f", expect: {{path: {path}, within: 2m}}" if path else ""
    return f"- {{name: {name}-lost, fail: [{name}], every: 180d{expects}}}"
