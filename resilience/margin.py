"""How far a site is from losing 911: how many more failures, and what fails next in a scenario. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from resilience.assess import Assessment
from resilience.duration import FOREVER, Ms
from resilience.model import Site
from resilience.steps import Batch
from resilience.structure import Course, OnTimes
from resilience.survival import Bounds


@dataclass(frozen=True, slots=True)
class Margin:
    """How many more failures take 911 out, or make it shorter than required."""

    failures: int
    exact: bool
    """False where there is no cut set of any order asked for: the margin is `failures` or more."""


def margin(assessment: Assessment) -> Margin:
    """The size of the smallest cut set; 0 where 911 is lost already."""
    if not assessment.possible:
        return Margin(0, exact=True)
    sizes = [len(cut.members) for cut in assessment.cut_sets]
    return Margin(min(sizes), exact=True) if sizes else Margin(assessment.order + 1, exact=False)


@dataclass(frozen=True, slots=True)
class Event:
    """Something goes off or comes on: at `low` ms by the assured reading, at `high` by the possible one.

    None is "never, by that reading".
    """

    what: str
    """A component's or a path's name, or `911`."""
    kind: str
    """The component's kind, `path` or `911`."""
    on: bool
    low: Ms | None
    high: Ms | None

    @property
    def first(self) -> Ms:
        return min(moment for moment in (self.low, self.high, FOREVER) if moment is not None)


def timeline(bounds: Bounds, failed: Iterable[str]) -> tuple[Event, ...]:
    """Everything that changes once `failed` have failed at moment 0, in order; what carries 911 after what feeds it."""
    batch = Batch.of(failed)
    low, high = (bounds.structure.evaluate(bound, batch) for bound in (bounds.low, bounds.high))
    was = bounds.structure.evaluate(bounds.high, Batch.of(()), horizon=1)
    events = []
    for (what, kind, before), (_, _, by_low), (_, _, by_high) in zip(
        *(_things(bounds.structure.site, on) for on in (was, low, high)), strict=True
    ):
        worked = bool(before[0][1])
        # Changes alternate by either reading, so the n-th of one is the n-th of the other.
        changes = zip_longest(_changes(worked, by_low), _changes(worked, by_high))
        events += [
            Event(what, kind, worked if count % 2 else not worked, *moments) for count, moments in enumerate(changes)
        ]
    return tuple(sorted(events, key=lambda event: event.first))


def outage(bounds: Bounds) -> tuple[Event, ...]:
    """The timeline of a utility outage; nothing where the site has no utility."""
    utilities = bounds.structure.site.utilities
    return timeline(bounds, utilities) if utilities else ()


def _things(site: Site, on: OnTimes) -> Iterator[tuple[str, str, Course]]:
    for name, component in site.components.items():
        yield name, component.kind, on.components[name]
    for path, course in zip(site.emergency_paths, on.paths, strict=True):
        yield path.name, "path", course
    yield "911", "911", on.calling


def _changes(worked: bool, course: Course) -> Iterator[Ms]:
    state = worked
    for moment, on in course:
        if bool(on) != state:
            state = bool(on)
            yield moment
