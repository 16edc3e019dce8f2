"""The law again, written for one failure set at a time over lists of intervals, to hold the evaluator against.

Nothing is shared with `resilience.structure`: an on-set is a sorted list of disjoint [start, end).
"""

import math
from itertools import combinations

from resilience.model import Component, Gate, Kind, Need, Site

Intervals = list[tuple[float, float]]
ALWAYS: Intervals = [(0, math.inf)]
POWER = {Kind.UTILITY, Kind.GENERATOR, Kind.UPS, Kind.ATS, Kind.PDU}


def merged(intervals: Intervals) -> Intervals:
    out: Intervals = []
    for start, end in sorted(i for i in intervals if i[0] < i[1]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def at_least(count: int, sets: list[Intervals]) -> Intervals:
    """The times when at least `count` of `sets` are on, by sweeping the ends."""
    points = sorted({0.0, *(edge for one in sets for interval in one for edge in interval if edge < math.inf)})
    out: Intervals = []
    for start, end in zip(points, [*points[1:], math.inf], strict=True):
        if sum(any(a <= start < b for a, b in one) for one in sets) >= count:
            out.append((start, end))
    return merged(out)


def hold(on: Intervals, h: float) -> Intervals:
    return merged([(0, h), *((a, b + h) for a, b in on)])


class Brute:
    """The law for one site and one bound (`low`: unknown energy is 0; else it never ends)."""

    def __init__(self, site: Site, *, low: bool) -> None:
        self.site = site
        self.unknown = 0 if low else math.inf

    def on(self, need: Need, failed: frozenset[str]) -> Intervals:
        if isinstance(need, Gate):
            return at_least(need.count, [self.on(part, failed) for part in need.of])
        return self.component(self.site.components[need], failed)

    def component(self, c: Component, failed: frozenset[str]) -> Intervals:
        if c.name in failed:
            return []
        on = at_least(2, [self.on(c.needs, failed), self.supply(c, failed)])
        if c.holds:
            on = hold(on, c.holds)
        if c.kind not in POWER:
            on = on[:1] if on and on[0][0] == 0 else []
        return on

    def supply(self, c: Component, failed: frozenset[str]) -> Intervals:
        if c.kind is Kind.UTILITY or not c.power:
            feeds = ALWAYS
        else:
            feeds = at_least(1, [self.on(feed, failed) for feed in c.power])
        if c.kind is Kind.GENERATOR:
            fuel = self.unknown if c.fuel is None else c.fuel
            assert c.starts_within is not None
            return at_least(2, [feeds, merged([(c.starts_within, fuel)])])
        if c.kind is Kind.UPS:
            runtime = self.unknown if c.runtime is None else c.runtime
            return hold(feeds, runtime) if runtime else feeds
        return feeds

    def life(self, failed: frozenset[str]) -> float:
        areas = {area for path in self.site.emergency_paths for area in path.serves} or {""}
        lives = []
        for area in areas:
            serving = [p for p in self.site.emergency_paths if not p.serves or area in p.serves]
            on = at_least(1, [self.on(p.needs, failed) for p in serving])
            lives.append(on[0][1] if on and on[0][0] == 0 else 0.0)
        return min(lives)

    def cut_sets(self, within: float, order: int) -> dict[tuple[str, ...], float]:
        """Minimal sets with life < within (or = 0), by trying every set of candidates."""
        names = sorted(c.name for c in self.site.components.values() if c.units < 2)
        found: dict[tuple[str, ...], float] = {}
        for size in range(1, order + 1):
            for members in combinations(names, size):
                if any(set(smaller) <= set(members) for smaller in found):
                    continue
                life = self.life(frozenset(members))
                if life < within or life == 0:
                    found[members] = life
        return found
