"""What the two bounds take for granted: as declared (design), or as seen now with the live power rules.

Low is what is assured (unknown is down, unknown energy is none), high what is possible. Pure; `now` in
seconds since 1970, energy in milliseconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from resilience.duration import FOREVER, Ms
from resilience.model import PASSES_POWER, Component, Kind, Site
from resilience.reading import State
from resilience.state import Discharge, Memory, Quantities, Status, quantities, statuses
from resilience.structure import Batch, Bound, Structure


@dataclass(frozen=True, slots=True)
class Bounds:
    """One structure under its two readings."""

    structure: Structure
    low: Bound
    high: Bound


def design_bounds(site: Site, failed: frozenset[str] = frozenset()) -> Bounds:
    """Everything declared is healthy, runtimes as declared; `failed` is down from the start."""
    energy = {name: _declared_energy(component) for name, component in site.components.items()}
    return _bounds(Structure(site), energy, failed, failed)


def never_on(site: Site) -> str:
    """Why 911 has no life by design with nothing failed, or nothing where it has: what every path is stopped by."""
    bounds = design_bounds(site)
    on = bounds.structure.evaluate(bounds.high, Batch.of(()), horizon=1)
    if on.calling[0]:
        return ""
    off = {name for name in site.components if not on.components[name][0]}
    roots = sorted(name for name in off if off.isdisjoint(site.inputs(name)))
    return f"{', '.join(roots)} {'is' if len(roots) == 1 else 'are'} not on at the start"


@dataclass(frozen=True, slots=True)
class _Energy:
    """(low, high) of a UPS's runtime or a generator's fuel, and when a generator carries. ms."""

    low: Ms = 0
    high: Ms = FOREVER
    starts_within: Ms = 0


def _declared_energy(component: Component) -> _Energy:
    declared = component.runtime if component.kind is Kind.UPS else component.fuel
    starts = component.starts_within or 0
    return _Energy(starts_within=starts) if declared is None else _Energy(declared, declared, starts)


def _bounds(
    structure: Structure, energy: Mapping[str, _Energy], off_low: frozenset[str], off_high: frozenset[str]
) -> Bounds:
    components = structure.site.components.values()
    ups = [c.name for c in components if c.kind is Kind.UPS]
    generators = [c.name for c in components if c.kind is Kind.GENERATOR]
    starts = {name: energy[name].starts_within for name in generators}

    def bound(off: frozenset[str], side: Callable[[_Energy], Ms]) -> Bound:
        return Bound(
            off=off,
            runtime={name: side(energy[name]) for name in ups},
            starts_within=starts,
            fuel={name: side(energy[name]) for name in generators},
        )

    low = bound(off_low, lambda e: e.low)
    # Where nothing is unknown the two are one, and need one evaluation.
    sure = off_low == off_high and all(energy[name].low == energy[name].high for name in (*ups, *generators))
    return Bounds(structure, low, low if sure else bound(off_high, lambda e: e.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The live basis of one moment, with what was concluded on the way."""

    bounds: Bounds
    own: Mapping[str, Status]
    """By a component's own evidence alone."""
    statuses: Mapping[str, Status]
    """The same, completed by what other evidence proves."""
    seen: Mapping[str, Quantities]
    inputs_lost: tuple[str, ...]
    """UPSes on battery though a source they can be fed from is up."""
    not_carrying: tuple[str, ...]
    """Generators that should have taken over a UPS by now and have not."""
    contradicted: Mapping[str, str]
    """Components seen up that cannot be, by what the structure says is down."""


def live_basis(site: Site, memory: Memory, now: float, previous: Structure | None = None) -> Live:
    """What is seen now, by the live power rules. `previous` is used again where it would come out the same."""
    seen = {name: quantities(component, memory.tracks, now) for name, component in site.components.items()}
    own = statuses(site, memory.tracks, now)
    upstream = {c.name: _sources(site, c.name) for c in site.components.values() if c.kind is Kind.UPS}
    known = _judge_sources(site, own, seen, upstream, memory.discharges)
    known = {name: _judge_generator(site.components[name], status, seen[name]) for name, status in known.items()}
    late = _late_generators(site, memory.discharges, upstream, now)
    energy = {name: _energy(c, known[name], seen[name], memory, now) for name, c in site.components.items()}
    stuck, stuck_blindly = _stuck_switches(site, seen)
    lost = {
        ups: frozenset(s for s in upstream[ups] if site.components[s].kind is Kind.UTILITY or (ups, s) in late)
        for ups in memory.discharges
        if ups in upstream
    }
    if previous is not None and (previous.site, previous.lost, previous.feeds) == (site, lost, stuck):
        structure = previous
    else:
        structure = Structure(site, lost=lost, feeds=stuck)
    off_high = frozenset(name for name, status in known.items() if status.state is State.DOWN)
    unknown = frozenset(name for name, status in known.items() if status.state is State.UNKNOWN)
    bounds = _bounds(structure, energy, off_high, off_high)
    proven = _proven_up(site, bounds, known, unknown)
    known.update(proven)
    # A UPS whose reading was lost while on battery is assured for what is left of that reading.
    draining = {name for name in unknown if name in memory.discharges}
    off_low = off_high | (unknown - frozenset(proven) - draining) | stuck_blindly
    bounds = replace(bounds, low=replace(bounds.low, off=off_low))
    contradicted = _contradicted(site, bounds, known)
    bounds = replace(bounds, high=replace(bounds.high, pinned=frozenset(contradicted)))
    return Live(
        bounds=bounds,
        own=own,
        statuses=known,
        seen=seen,
        inputs_lost=tuple(
            ups
            for ups in memory.discharges
            if ups in upstream
            and any(known[utility].state.works for utility in upstream[ups].intersection(site.utilities))
        ),
        not_carrying=tuple(sorted({generator for _, generator in late})),
        contradicted=contradicted,
    )


def _sources(site: Site, ups: str) -> frozenset[str]:
    """Utilities and generators that can reach `ups` through what passes power on."""
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


def _judge_sources(
    site: Site,
    known: Mapping[str, Status],
    seen: Mapping[str, Quantities],
    upstream: Mapping[str, frozenset[str]],
    discharges: Mapping[str, Discharge],
) -> dict[str, Status]:
    """A utility without a probe of its own: up if a UPS on line can be fed by nothing else, else down if one of
    its UPSes is on battery."""
    judged = dict(known)
    on_line = {
        ups: seen[ups]["ups_on_battery", ""].at
        for ups in upstream
        if ("ups_on_battery", "") in seen[ups] and not seen[ups]["ups_on_battery", ""].value
    }
    for utility in site.utilities:
        if site.components[utility].probes or known[utility].state is State.DOWN:
            continue
        fed = [ups for ups in upstream if utility in upstream[ups]]
        proof = [(on_line[ups], ups) for ups in fed if ups in on_line and upstream[ups] == {utility}]
        draining = [(discharges[ups].since, ups) for ups in fed if ups in discharges]
        if proof:
            at, ups = max(proof)
            judged[utility] = Status(state=State.UP, why=f"{ups} is on line", evidence="observed", at=at)
        elif draining:
            since, ups = min(draining)
            judged[utility] = Status(state=State.DOWN, why=f"{ups} is on battery", evidence="observed", at=since)
    return judged


def _judge_generator(component: Component, status: Status, seen: Quantities) -> Status:
    """Running is up, whatever the switch says; standing still and not in automatic is failed."""
    if component.kind is not Kind.GENERATOR or status.state is State.DOWN:
        return status
    running, auto, failed = (seen.get((q, "")) for q in ("generator_running", "generator_auto", "generator_failed"))
    if running is not None and running.value:
        return status
    if failed is not None and failed.value:
        return replace(status, state=State.DOWN, why="the controller reports a failure", at=failed.at)
    if auto is not None and not auto.value:
        return replace(status, state=State.DOWN, why="neither running nor in automatic", at=auto.at)
    return status


def _late_generators(
    site: Site, discharges: Mapping[str, Discharge], upstream: Mapping[str, frozenset[str]], now: float
) -> frozenset[tuple[str, str]]:
    """(UPS, generator) where the generator has had its time and one interval more, and the UPS is still on battery."""
    late = set()
    for ups, discharge in discharges.items():
        interval = max((probe.interval for probe in site.components[ups].probes), default=0)
        for source in upstream.get(ups, ()):
            starts = site.components[source].starts_within
            if starts is not None and now >= discharge.since + (starts + interval) / 1000:
                late.add((ups, source))
    return frozenset(late)


def _energy(component: Component, status: Status, seen: Quantities, memory: Memory, now: float) -> _Energy:
    if component.kind is Kind.UPS and component.probes:
        return _ups_energy(component, status, seen, memory.discharges.get(component.name), now)
    if component.kind is Kind.GENERATOR and component.probes:
        return _generator_energy(component, seen, memory.running_since.get(component.name), now)
    return _declared_energy(component)


def _ups_energy(
    component: Component, status: Status, seen: Quantities, discharge: Discharge | None, now: float
) -> _Energy:
    if (unprotected := seen.get(("ups_unprotected", ""))) is not None and unprotected.value:
        return _Energy(0, 0)
    if discharge is not None:
        if discharge.runtime is None or discharge.runtime_low is None:
            return _Energy()
        age = now - discharge.at
        left_low, left = (round(max(0.0, told - age) * 1000) for told in (discharge.runtime_low, discharge.runtime))
        return _Energy(left_low, left if ("ups_on_battery", "") in seen else FOREVER)
    if (runtime := seen.get(("ups_runtime_seconds", ""))) is None:
        return _Energy()
    shutdown = seen.get(("ups_runtime_low_seconds", ""))
    low = max(0.0, runtime.value - (shutdown.value if shutdown else 0.0))
    return _Energy(round(low * 1000), round(runtime.value * 1000))


def _generator_energy(component: Component, seen: Quantities, running_since: float | None, now: float) -> _Energy:
    declared = _declared_energy(component)
    low, high = declared.low, declared.high
    if (gauge := seen.get(("generator_fuel_ratio", ""))) is not None:
        low, high = (fuel if fuel == FOREVER else round(fuel * gauge.value) for fuel in (low, high))
    elif running_since is not None:
        run = round((now - running_since) * 1000)
        low, high = max(0, low - run), max(0, high - run)
    running = seen.get(("generator_running", ""))
    return _Energy(low, high, 0 if running is not None and running.value else declared.starts_within)


def _stuck_switches(site: Site, seen: Mapping[str, Quantities]) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Transfer switches not in automatic: the feed each stays on, and those whose feed nobody knows."""
    feeds: dict[str, tuple[str, ...]] = {}
    blindly = set()
    for component in site.components.values():
        auto = seen[component.name].get(("ats_auto", ""))
        if component.kind is not Kind.ATS or auto is None or auto.value:
            continue
        source = seen[component.name].get(("ats_source_info", ""))
        if source is not None and source.observation.text in (component.power or ()):
            feeds[component.name] = (source.observation.text,)
        else:
            blindly.add(component.name)
    return feeds, frozenset(blindly)


def _observed(status: Status) -> bool:
    return status.state.works and status.evidence == "observed"


def _proven_up(site: Site, bounds: Bounds, known: Mapping[str, Status], unknown: frozenset[str]) -> dict[str, Status]:
    """Unknown components that something freshly seen up cannot work without."""
    if not unknown:
        return {}
    names = sorted(unknown)
    on = bounds.structure.evaluate(bounds.high, Batch.of((), *((name,) for name in names)), horizon=1)
    proven: dict[str, Status] = {}
    for witness, status in known.items():
        component = site.components[witness]
        if not _observed(status) or witness in unknown or not on.works(component):
            continue
        for bit, name in enumerate(names, start=1):
            if name not in proven and not on.works(component, bit):
                proven[name] = Status(
                    state=State.UP,
                    why=f"{known[name].why}; {witness} is up and cannot be without it",
                    evidence="observed",
                    at=status.at,
                    blind=known[name].blind,
                )
    return proven


def _contradicted(site: Site, bounds: Bounds, known: Mapping[str, Status]) -> dict[str, str]:
    """Components seen up that are off by the structure even where everything unknown works."""
    on = bounds.structure.evaluate(bounds.high, Batch.of(()), horizon=1)
    return {
        name: known[name].why
        for name, component in site.components.items()
        if _observed(known[name]) and component.probes and not on.works(component)
    }
