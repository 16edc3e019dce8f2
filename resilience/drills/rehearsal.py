"""A drill rehearsed: what goes off when, who carries 911 at each moment, what is left exposed. Pure; no device.

The same law as every other answer, over the bounds it is given: the design, or what is seen at this moment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from resilience.assess import SinglePoint, Survival, accepted_components, answer
from resilience.duration import FOREVER, Ms, spoken
from resilience.margin import Event, timeline
from resilience.model import Drill, EmergencyPath, Kind, Site
from resilience.steps import Batch
from resilience.structure import Course, OnTimes
from resilience.survival import Bounds


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to `end` ms the calls of `area` go by `path`; None: 911 cannot be called there."""

    area: str
    start: Ms
    end: Ms
    path: EmergencyPath | None
    assured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    site: Site
    drill: Drill
    events: tuple[Event, ...]
    stretches: tuple[Stretch, ...]
    """Area by area, in order of time."""
    survival: Survival
    exposed: tuple[SinglePoint, ...]
    """What would take 911 out alone while the drill lasts."""

    @property
    def lost(self) -> bool:
        """Whether 911 may be lost at all."""
        return self.survival.low < FOREVER

    @property
    def agrees(self) -> bool | None:
        """Whether the expected path carries the calls by the expected time; None where nothing is expected."""
        if not self.drill.expect_path:
            return None
        by = self.drill.expect_within or 0
        return any(
            stretch.path is not None and stretch.path.name == self.drill.expect_path and stretch.assured
            for stretch in self.stretches
            if stretch.start <= by < stretch.end
        )

    @property
    def told(self) -> str:
        """The answer in one sentence."""
        failing = f"With {' and '.join(self.drill.fail)} failed"
        if self.survival.high <= 0:
            return f"{failing} 911 cannot be called from the first moment"
        if self.survival.low <= 0:
            return f"{failing} 911 is not assured from the first moment"
        first = next(stretch for stretch in self.stretches if stretch.path is not None)
        carried = f"{failing} 911 goes by {first.path.name if first.path else ''}"
        return carried if not self.lost else f"{carried}, and is lost after {spoken(self.survival.low)}"


def rehearse(site: Site, drill: Drill, bounds: Bounds, today: date) -> Rehearsal:
    """`drill` by `bounds`; `today` decides which risks are accepted."""
    batch = Batch.of(drill.fail)
    low, high = (bounds.structure.evaluate(bound, batch) for bound in (bounds.low, bounds.high))
    failed = frozenset(drill.fail)
    after = replace(
        bounds,
        low=replace(bounds.low, off=bounds.low.off | failed),
        high=replace(bounds.high, off=bounds.high.off | failed, pinned=bounds.high.pinned - failed),
    )
    return Rehearsal(
        site=site,
        drill=drill,
        events=tuple(_told(site, drill, timeline(bounds, drill.fail))),
        stretches=tuple(_stretches(site, low, high)),
        survival=Survival(drill.name, low.life(), high.life(), site.power_outage),
        exposed=answer(after, accepted_components(site, today), 1).single_points,
    )


def _told(site: Site, drill: Drill, events: Iterable[Event]) -> Iterator[Event]:
    """A generator comes on because a utility went: where none does, its times are of no outage."""
    dark = not frozenset(drill.fail).isdisjoint(site.utilities)
    return (event for event in events if dark or event.kind != Kind.GENERATOR or event.what in drill.fail)


def _stretches(site: Site, low: OnTimes, high: OnTimes) -> Iterator[Stretch]:
    moments = sorted({moment for on in (low, high) for course in on.paths for moment, _ in course})
    for area in site.areas or ("",):
        serving = [
            (path, by_low, by_high)
            for path, by_low, by_high in zip(site.emergency_paths, low.paths, high.paths, strict=True)
            if not path.serves or area in path.serves
        ]
        open_since: Stretch | None = None
        for start, end in pairwise([*moments, FOREVER]):
            on = [path for path, course, _ in serving if _on(course, start)]
            maybe = [path for path, _, course in serving if _on(course, start)]
            path = next(iter(on or maybe), None)
            if open_since and (open_since.path, open_since.assured) == (path, bool(on)):
                open_since = replace(open_since, end=end)
                continue
            if open_since:
                yield open_since
            open_since = Stretch(area, start, end, path, bool(on))
        if open_since:
            yield open_since


def _on(course: Course, moment: Ms) -> bool:
    """Whether it is on at `moment`."""
    return bool([mask for begins, mask in course if begins <= moment][-1])
