"""When components fell, from the record of their states. Pure; moments are seconds since 1970.

A trouble lasts from when a component was first not seen to work until it was seen to work again. What falls again
within the hour is in the same trouble still: one that flaps for a day has failed once.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from resilience.reading import State
from resilience.state import FAILED_CHECK, PLANNED

SAME = 3600.0
"""Seconds of working after which the next fall is another trouble."""
SLACK = 180.0
"""Seconds between the last word that it works and the first that it is down, for the moment of the fall to be known."""
MOST = 100
"""Troubles of one component. One that falls more often is to be mended first. It bounds the work on a site: what all of
a hundred components do a hundred times a year takes seconds."""

_WORKS = frozenset({State.UP.value, State.DEGRADED.value})
_BY_STRUCTURE = re.compile(r"[^ :]+(, [^ :]+)* (is|are) off")
"""What the structure says of a component that no evidence of its own tells to be down."""

Span = tuple[float, float]


class Change(NamedTuple):
    """One change of a component's state, as recorded. `was` is empty where nothing was said before."""

    at: float
    name: str
    was: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    start: float
    """When it was first not seen to work: down, or unknown."""
    fell: float | None
    """When its own evidence first said down; None where that was not seen to happen."""
    until: float = float("inf")


def troubles(changes: Iterable[Change]) -> Mapping[str, tuple[Trouble, ...] | None]:
    """Each component's troubles from its changes in their order; None where there are more than MOST.

    Memory is bounded by components, however many changes there are.
    """
    courses: dict[str, _Course] = {}
    for change in changes:
        courses.setdefault(change.name, _Course()).took(change)
    return {name: None if course.restless else tuple(course.past) for name, course in courses.items()}


class _Course:
    """One component's states, followed. A second monitor's word of the same change is none."""

    def __init__(self) -> None:
        self.past: list[Trouble] = []
        self.restless = False
        self._state = ""
        self._seen = False
        """Whether the trouble that is open began from a state that was known."""

    def took(self, change: Change) -> None:
        worked = (self._state or change.was) in _WORKS
        self._state = change.state
        last = self.past[-1] if self.past else None
        is_open = last is not None and last.until == float("inf")
        if change.state in _WORKS:
            if last and is_open:
                self.past[-1] = replace(last, until=change.at)
            return
        down = change.state == State.DOWN.value and _own(change.text)
        if last and is_open:
            if down and self._seen and last.fell is None and change.at - last.start <= SLACK:
                self.past[-1] = replace(last, fell=change.at)
        elif last and change.at - last.until < SAME and (last.fell is not None or not down):
            self.past[-1], self._seen = replace(last, until=float("inf")), False
        elif not self.restless:
            self.past.append(Trouble(change.at, change.at if down and worked else None))
            self._seen = worked
            if len(self.past) > MOST:
                self.past, self.restless = [], True


def _own(text: str) -> bool:
    """Whether a component's own evidence says so: no planned work, no person's verdict, not what it stands on."""
    return not (text.startswith((PLANNED, FAILED_CHECK)) or _BY_STRUCTURE.fullmatch(text))


class Spans:
    """Stretches of time, put together where they touch."""

    def __init__(self, spans: Iterable[Span]) -> None:
        merged: list[Span] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            elif end > start:
                merged.append((start, end))
        self.spans: Sequence[Span] = merged
        self._ends = [end for _, end in merged]

    def __contains__(self, moment: float) -> bool:
        return any(True for _ in self.within(moment, moment))

    def within(self, start: float, end: float) -> Iterator[Span]:
        """The parts of them between `start` and `end`, both taken in."""
        for begins, ends in self.spans[bisect_left(self._ends, start) :]:
            if begins > end:
                return
            yield max(begins, start), min(ends, end)

    def between(self, start: float, end: float) -> Iterator[Span]:
        """What lies between them from `start` to `end`."""
        at = start
        for begins, ends in self.within(start, end):
            if begins > at:
                yield at, begins
            at = ends
        if at < end:
            yield at, end


def lasting(spans: Iterable[Span]) -> float:
    """Seconds that they last, all together."""
    return sum(end - start for start, end in spans)
