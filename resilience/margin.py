"""How far a site is from losing 911: how many more failures, and what fails next in a scenario. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

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
    """The size of the smallest cut set; 0 where 911 is lost already, or not assured: what is not known may have
    failed."""
    if not assessment.assured:
        return Margin(0, exact=True)
    sizes = [len(cut.members) for cut in assessment.cut_sets]
    return Margin(min(sizes), exact=True) if sizes else Margin(assessment.order + 1, exact=False)


class Event(NamedTuple):
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

    def first(self) -> Ms:
        return min(FOREVER if self.low is None else self.low, FOREVER if self.high is None else self.high)


def timeline(bounds: Bounds, failed: Iterable[str]) -> tuple[Event, ...]:
    """Everything that changes once `failed` have failed at moment 0, in order; what carries 911 after what feeds it."""
    site, structure = bounds.structure.site, bounds.structure
    # The second set is of nothing: it tells what was on before.
    batch = Batch.of(failed, ())
    high = structure.evaluate(bounds.high, batch)
    low = high if bounds.low is bounds.high else structure.evaluate(bounds.low, batch)
    events: list[Event] = []
    for (what, kind, by_low), (_, _, by_high) in zip(_things(site, low), _things(site, high), strict=True):
        worked = bool(by_high[0][1] & 2)
        # Changes alternate by either reading, so the n-th of one is the n-th of the other.
        early = _changes(worked, by_low)
        late = early if by_low is by_high else _changes(worked, by_high)
        on = worked
        for moments in zip_longest(early, late):
            on = not on
            events.append(Event(what, kind, on, *moments))
    events.sort(key=Event.first)
    return tuple(events)


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


def _changes(worked: bool, course: Course) -> Sequence[Ms]:
    """The moments at which it goes off or comes on, where it `worked` before."""
    if len(course) == 1:
        return () if bool(course[0][1] & 1) == worked else (0,)
    state, moments = worked, []
    for moment, on in course:
        if bool(on & 1) != state:
            state = not state
            moments.append(moment)
    return moments
