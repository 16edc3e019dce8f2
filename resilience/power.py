"""The live power rules: what UPSes, generators and transfer switches tell of their sources and of energy. Pure.

`now` in seconds since 1970, energy in milliseconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from resilience.duration import FOREVER, Ms
from resilience.memory import Discharge, Memory
from resilience.model import PASSES_POWER, Component, Kind, Site
from resilience.reading import State
from resilience.state import Quantities, Status

STORES = (Kind.UPS, Kind.GENERATOR)
"""Kinds that have energy of their own."""


GRAINS: tuple[tuple[Ms, int], ...] = ((2 * 3_600_000, 60_000), (600_000, 10_000), (0, 1_000))
"""From so many ms on, a runtime told on line, and fuel, are rounded down to so many, so that a jittering figure is no
change. That is less than two percent, or less than a second. A battery that is being drained is followed to the second.
Both bounds are rounded, so that neither ever says more than was read."""


@dataclass(frozen=True, slots=True)
class Energy:
    """(low, high) of a UPS's runtime or a generator's fuel, and when a generator carries. ms."""

    low: Ms = 0
    high: Ms = FOREVER
    starts_within: Ms = 0


def declared_energy(component: Component) -> Energy:
    declared = component.runtime if component.kind is Kind.UPS else component.fuel
    starts = component.starts_within or 0
    return Energy(starts_within=starts) if declared is None else Energy(declared, declared, starts)


def sources(site: Site) -> Mapping[str, frozenset[str]]:
    """For each UPS the utilities and generators that can reach it through what passes power on."""
    return {ups.name: _sources(site, ups.name) for ups in site.by_kind[Kind.UPS]}


def _sources(site: Site, ups: str) -> frozenset[str]:
    found, waiting, visited = set[str](), [ups], set[str]()
    while waiting:
        name = waiting.pop()
        if name in visited:
            continue
        visited.add(name)
        component = site.components[name]
        if component.kind in (Kind.UTILITY, Kind.GENERATOR):
            found.add(name)
        elif component.kind in PASSES_POWER:
            waiting.extend(component.power or ())
    return frozenset(found)


def partners(site: Site) -> Mapping[str, frozenset[str]]:
    """Each UPS that shares a load of two cords with another: those others, each pair under the one declared first."""
    order = [name for name, component in site.components.items() if component.kind is Kind.UPS]
    found: dict[str, set[str]] = {}
    for component in site.components.values():
        behind = [_nearest_upses(site, feed) for feed in component.power or ()]
        for place, feeds in enumerate(behind):
            for one in feeds:
                for other in set().union(*behind[place + 1 :]) - {one}:
                    first, second = sorted((one, other), key=order.index)
                    found.setdefault(first, set()).add(second)
    return {ups: frozenset(others) for ups, others in found.items()}


def _nearest_upses(site: Site, feed: str) -> frozenset[str]:
    """The UPSes that `feed` is or hangs on, through what passes power on."""
    found, waiting, visited = set[str](), [feed], set[str]()
    while waiting:
        name = waiting.pop()
        if name in visited:
            continue
        visited.add(name)
        component = site.components[name]
        if component.kind is Kind.UPS:
            found.add(name)
        elif component.kind in PASSES_POWER:
            waiting.extend(component.power or ())
    return frozenset(found)


def pair_loads(site: Site, seen: Mapping[str, Quantities]) -> dict[str, dict[str, tuple[float, float] | None]]:
    """Of each UPS and each of its partners the load of both as a share of their ratings, None where one is not seen."""
    loads = {name: told.value for name in seen if (told := seen[name].get(("ups_load_ratio", ""))) is not None}
    return {
        ups: {other: (loads[ups], loads[other]) if {ups, other} <= loads.keys() else None for other in sorted(others)}
        for ups, others in site.once(partners).items()
    }


def judge_sources(
    site: Site,
    known: Mapping[str, Status],
    seen: Mapping[str, Quantities],
    upstream: Mapping[str, frozenset[str]],
    discharges: Mapping[str, Discharge],
) -> dict[str, Status]:
    """A utility without a probe of its own: up if a UPS on line can be fed by nothing else, else down if one of
    its UPSes is on battery; not known where that was so when such a UPS was last read."""
    judged = dict(known)
    on_line = {ups: seen[ups]["ups_on_battery", ""].at for ups in upstream if _on_line(seen[ups])}
    for utility in site.utilities:
        if site.components[utility].probes or known[utility].state is State.DOWN:
            continue
        fed = [ups for ups in upstream if utility in upstream[ups]]
        proof = [(on_line[ups], ups) for ups in fed if ups in on_line and upstream[ups] == {utility}]
        draining = [(discharges[ups].since, ups) for ups in fed if ups in discharges]
        if proof:
            at, ups = max(proof)
            judged[utility] = Status(state=State.UP, why=f"{ups} is on line", evidence="observed", at=at)
        elif read := [one for one in draining if ("ups_on_battery", "") in seen[one[1]]]:
            since, ups = min(read)
            judged[utility] = Status(state=State.DOWN, why=f"{ups} is on battery", evidence="observed", at=since)
        elif draining:
            why = f"{min(draining)[1]} was on battery when it was last read"
            judged[utility] = Status(state=State.UNKNOWN, why=why, evidence="observed")
    return judged


def _on_line(seen: Quantities) -> bool:
    """Seen on line; during a battery test nothing is proven about the feeds."""
    on_battery, testing = seen.get(("ups_on_battery", "")), seen.get(("ups_testing", ""))
    return on_battery is not None and not on_battery.value and not (testing is not None and testing.value)


def judge_generator(status: Status, seen: Quantities) -> Status:
    """Running is up, whatever the switch says; standing still and not in automatic is failed."""
    if status.state is State.DOWN:
        return status
    running, auto, failed = (seen.get((q, "")) for q in ("generator_running", "generator_auto", "generator_failed"))
    if running is not None and running.value:
        return status
    if failed is not None and failed.value:
        return replace(status, state=State.DOWN, why="the controller reports a failure", at=failed.at)
    if auto is not None and not auto.value:
        return replace(status, state=State.DOWN, why="neither running nor in automatic", at=auto.at)
    return status


def late_generators(
    site: Site, discharges: Mapping[str, Discharge], upstream: Mapping[str, frozenset[str]], now: float
) -> frozenset[tuple[str, str]]:
    """(UPS, generator) where the generator has had its time and one interval more, and the UPS is still on battery."""
    late = set()
    for ups, discharge in discharges.items():
        interval = max((probe.interval for probe in site.components[ups].probes), default=0)
        for source in upstream.get(ups, ()):
            starts = site.components[source].starts_within
            if starts is not None and abs(now - discharge.since) >= (starts + interval) / 1000:
                late.add((ups, source))
    return frozenset(late)


def energy_of(component: Component, seen: Quantities, memory: Memory, now: float) -> Energy:
    if component.kind is Kind.UPS and component.probes:
        discharge = memory.discharges.get(component.name)
        energy = _ups_energy(seen, discharge, now)
        if component.measured is None:
            return energy
        # A battery that a drill has measured is assured for no longer than that, what it has spent taken off.
        spent = 0 if discharge is None else math.ceil(abs(now - discharge.since)) * 1000
        return replace(energy, low=min(energy.low, max(0, component.measured - spent)))
    if component.kind is Kind.GENERATOR and component.probes:
        return _generator_energy(component, seen, memory.running_since.get(component.name), now)
    return declared_energy(component)


def _floor(duration: Ms) -> Ms:
    if duration == FOREVER:
        return duration
    grain = next(grain for least, grain in GRAINS if duration >= least)
    return round(duration) // grain * grain


def _ups_energy(seen: Quantities, discharge: Discharge | None, now: float) -> Energy:
    if (unprotected := seen.get(("ups_unprotected", ""))) is not None and unprotected.value:
        return Energy(0, 0)
    if discharge is not None:
        if discharge.runtime is None or discharge.runtime_low is None:
            return Energy()
        age = abs(now - discharge.at)  # of a clock that was set back nothing is longer
        left_low, left = (max(0.0, told - age) // 1 * 1000 for told in (discharge.runtime_low, discharge.runtime))
        return Energy(left_low, left if ("ups_on_battery", "") in seen else FOREVER)
    if (runtime := seen.get(("ups_runtime_seconds", ""))) is None:
        return Energy()
    shutdown = seen.get(("ups_runtime_low_seconds", ""))
    low = max(0.0, runtime.value - (shutdown.value if shutdown else 0.0))
    return Energy(_floor(low * 1000), _floor(runtime.value * 1000))


def _generator_energy(component: Component, seen: Quantities, running_since: float | None, now: float) -> Energy:
    declared = declared_energy(component)
    low, high = declared.low, declared.high
    if (gauge := seen.get(("generator_fuel_ratio", ""))) is not None:
        low, high = (fuel if fuel == FOREVER else _floor(fuel * gauge.value) for fuel in (low, high))
    elif running_since is not None:
        run = abs(now - running_since) * 1000
        low, high = (_floor(max(0.0, fuel - run)) for fuel in (low, high))
    running = seen.get(("generator_running", ""))
    return Energy(low, high, 0 if running is not None and running.value else declared.starts_within)


def stuck_switches(site: Site, seen: Mapping[str, Quantities]) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Transfer switches not in automatic: the feed each stays on, and those whose feed nobody knows."""
    feeds: dict[str, tuple[str, ...]] = {}
    blindly = set()
    for component in site.by_kind[Kind.ATS]:
        auto = seen[component.name].get(("ats_auto", ""))
        if auto is None or auto.value:
            continue
        source = seen[component.name].get(("ats_source_info", ""))
        feed = _feed(component, source.observation.text) if source is not None else None
        if feed is not None:
            feeds[component.name] = (feed,)
        else:
            blindly.add(component.name)
    return feeds, frozenset(blindly)


def _feed(component: Component, said: str) -> str | None:
    """The feed that a switch calls `said`: by its name, or as `input N` the one at that place of its `power`."""
    power = component.power or ()
    if said in power:
        return said
    word, _, place = said.partition(" ")
    if word == "input" and place.isdecimal() and 0 < int(place) <= len(power):
        return power[int(place) - 1]
    return None
