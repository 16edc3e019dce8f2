"""The live law again, for one round of readings at one moment: on lists of intervals, one failure set at a time.

Nothing is shared with `resilience.state`, `resilience.power` or `resilience.survival`. Moments are seconds after the
round; each probe has read once and decides at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from brute import ALWAYS, POWER, Intervals, at_least, hold, merged
from resilience.model import Component, Gate, Kind, Need, Site
from resilience.reading import Reading, State

WORKS = (State.UP, State.DEGRADED)


@dataclass
class BruteLive:
    """`readings` by component, all taken at 0 and looked at `age` seconds later."""

    site: Site
    readings: Mapping[str, Reading]
    age: float

    def said(self, name: str, quantity: str) -> float | None:
        """A value that was read and still stands."""
        reading = self.readings.get(name)
        if reading is None or reading.failed or not self.fresh(name):
            return None
        return next((o.value for o in reading.observations if o.quantity == quantity), None)

    def ever_said(self, name: str, quantity: str) -> float | None:
        reading = self.readings.get(name)
        if reading is None or reading.failed:
            return None
        return next((o.value for o in reading.observations if o.quantity == quantity), None)

    def fresh(self, name: str) -> bool:
        return all(self.age * 1000 <= probe.expires for probe in self.site.components[name].probes)

    def draining(self, ups: str) -> bool:
        """Last seen on battery, however long ago: nothing has been heard since."""
        return self.site.components[ups].kind is Kind.UPS and bool(self.ever_said(ups, "ups_on_battery"))

    def sources(self, name: str) -> set[str]:
        component = self.site.components[name]
        if component.kind in (Kind.UTILITY, Kind.GENERATOR):
            return {name}
        if component.kind not in POWER:
            return set()
        return set().union(*(self.sources(feed) for feed in component.power or ()))

    def state(self, name: str) -> State:
        component = self.site.components[name]
        if component.probes:
            own = self.readings[name].state if name in self.readings and self.fresh(name) else State.UNKNOWN
            blocked = any(self.state(road) not in WORKS for probe in component.probes for road in probe.via)
            if own is State.DOWN and self.readings[name].failed and blocked:
                own = State.UNKNOWN
        else:
            own = State.UP
        if own is State.DOWN:
            return own
        stands = component.kind is Kind.GENERATOR and not self.said(name, "generator_running")
        if stands and (self.said(name, "generator_failed") or self.said(name, "generator_auto") == 0):
            return State.DOWN
        if component.kind is Kind.UTILITY and not component.probes:
            fed = [c for c in self.site.components.values() if c.kind is Kind.UPS and name in self.sources(c.name)]
            on_line = [
                c for c in fed if self.said(c.name, "ups_on_battery") == 0 and not self.said(c.name, "ups_testing")
            ]
            if any(self.sources(ups.name) == {name} for ups in on_line):
                return State.UP
            if any(self.said(ups.name, "ups_on_battery") for ups in fed):
                return State.DOWN
            if any(self.draining(ups.name) for ups in fed):
                return State.UNKNOWN
        return own

    def seen_on(self, name: str) -> bool:
        component = self.site.components[name]
        if self.state(name) not in WORKS:
            return False
        if component.kind is Kind.GENERATOR:
            return bool(self.said(name, "generator_running"))
        return bool(component.probes)

    def energy(self, c: Component, *, low: bool) -> float:
        unknown = 0 if low else math.inf
        declared = c.runtime if c.kind is Kind.UPS else c.fuel
        if c.kind is Kind.UPS and c.probes:
            if self.said(c.name, "ups_unprotected"):
                return 0
            told = self.ever_said(c.name, "ups_runtime_seconds")
            margin = self.ever_said(c.name, "ups_runtime_low_seconds") or 0
            if self.draining(c.name):
                if told is None:
                    return unknown
                if not low:
                    return max(0, told - self.age) * 1000 if self.fresh(c.name) else math.inf
                flat = self.ever_said(c.name, "ups_low_battery")
                return 0 if flat else max(0, max(0, told - margin) - self.age) * 1000
            if self.said(c.name, "ups_runtime_seconds") is None:
                return unknown
            assert told is not None
            return max(0, told - margin) * 1000 if low else told * 1000
        if c.kind is Kind.GENERATOR and c.probes and declared is not None:
            if (gauge := self.said(c.name, "generator_fuel_ratio")) is not None:
                return declared * gauge if declared < math.inf else declared
            if self.ever_said(c.name, "generator_running"):
                return max(0, declared - self.age * 1000)
        return unknown if declared is None else declared

    def stuck(self, c: Component) -> tuple[str, ...]:
        """The feed that a transfer switch not in automatic stays on, where it is known."""
        if c.kind is not Kind.ATS or self.said(c.name, "ats_auto") != 0:
            return ()
        on = next(o.text for o in self.readings[c.name].observations if o.quantity == "ats_source_info")
        return (on,) if on in (c.power or ()) else ()

    def stuck_blindly(self, c: Component) -> bool:
        return c.kind is Kind.ATS and self.said(c.name, "ats_auto") == 0 and not self.stuck(c)

    def starts(self, c: Component) -> float:
        running = c.probes and self.said(c.name, "generator_running")
        return 0 if running else (c.starts_within or 0)

    def lost(self, ups: str) -> set[str]:
        """What counts as off for a UPS that is on battery."""
        interval = max((probe.interval for probe in self.site.components[ups].probes), default=0)
        gone = set()
        for source in self.sources(ups):
            c = self.site.components[source]
            if c.kind is Kind.UTILITY or self.age * 1000 >= (c.starts_within or 0) + interval:
                gone.add(source)
        return gone

    # The structure

    def on(self, need: Need, failed: frozenset[str], low: bool, pinned: frozenset[str]) -> Intervals:
        if isinstance(need, Gate):
            return at_least(need.count, [self.on(part, failed, low, pinned) for part in need.of])
        return self.component(need, failed, low, pinned, "")

    def component(self, name: str, failed: frozenset[str], low: bool, pinned: frozenset[str], view: str) -> Intervals:
        c = self.site.components[name]
        if name in failed:
            return []
        if name in pinned:
            return ALWAYS
        needs = self.on(c.needs, failed, low, pinned)
        on = at_least(2, [needs, self.supply(c, failed, low, pinned, view)])
        if c.holds:
            on = hold(on, c.holds)
        if c.kind not in POWER:
            on = on[:1] if on and on[0][0] == 0 else []
        return on

    def supply(self, c: Component, failed: frozenset[str], low: bool, pinned: frozenset[str], view: str) -> Intervals:
        if view and c.name in self.lost(view):
            feeds: Intervals = []
        elif c.kind is Kind.UTILITY or not c.power:
            feeds = ALWAYS
        else:
            inner = c.name if self.draining(c.name) else view
            power = self.stuck(c) or c.power
            feeds = at_least(
                1,
                [
                    self.component(feed, failed, low, pinned, inner if self.site.components[feed].kind in POWER else "")
                    for feed in power
                ],
            )
        if c.kind is Kind.GENERATOR:
            return at_least(2, [feeds, merged([(self.starts(c), self.energy(c, low=low))])])
        if c.kind is Kind.UPS and (not view or view == c.name):
            runtime = self.energy(c, low=low)
            return hold(feeds, runtime) if runtime else feeds
        return feeds

    def life(self, failed: frozenset[str], low: bool, pinned: frozenset[str]) -> float:
        areas = {area for path in self.site.emergency_paths for area in path.serves} or {""}
        lives = []
        for area in areas:
            serving = [p for p in self.site.emergency_paths if not p.serves or area in p.serves]
            on = at_least(1, [self.on(p.needs, failed, low, pinned) for p in serving])
            lives.append(on[0][1] if on and on[0][0] == 0 else 0.0)
        return min(lives)

    def off(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """What is off by the low bound and by the high one, and what is seen on against the structure."""
        states = {name: self.state(name) for name in self.site.components}
        down = frozenset(name for name, state in states.items() if state is State.DOWN)
        unknown = frozenset(name for name, state in states.items() if state is State.UNKNOWN)

        def now(name: str, failed: frozenset[str]) -> bool:
            on = self.component(name, failed, False, frozenset(), "")
            return bool(on) and on[0][0] == 0

        witnesses = [name for name in self.site.components if self.seen_on(name)]
        proven = {u for u in unknown if any(now(w, down) and not now(w, down | {u}) for w in witnesses)}
        against = frozenset(w for w in witnesses if not now(w, down))
        blind = frozenset(c.name for c in self.site.components.values() if self.stuck_blindly(c))
        return down | blind | frozenset(u for u in unknown - proven if not self.draining(u)), down, against

    def lives(self, failed: frozenset[str]) -> tuple[float, float]:
        off_low, off_high, against = self.off()
        return self.life(failed | off_low, True, frozenset()), self.life(failed | off_high, False, against - failed)
