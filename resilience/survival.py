"""What the two bounds take for granted: as declared (design), or as seen now with the live power rules.

Low is what is assured (unknown is down, unknown energy is none), high what is possible. Pure; `now` in
seconds since 1970.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from resilience.duration import Ms
from resilience.model import Kind, Site
from resilience.power import (
    Energy,
    declared_energy,
    energy_of,
    judge_generator,
    judge_sources,
    late_generators,
    sources,
    stuck_switches,
)
from resilience.reading import State
from resilience.state import Memory, Quantities, Status, quantities, statuses
from resilience.steps import Batch, Bound
from resilience.structure import Structure, structure_of


@dataclass(frozen=True, slots=True)
class Bounds:
    """One structure under its two readings."""

    structure: Structure
    low: Bound
    high: Bound


def design_bounds(site: Site, failed: frozenset[str] = frozenset()) -> Bounds:
    """Everything declared is healthy, runtimes as declared; `failed` is down from the start."""
    energy = {name: declared_energy(component) for name, component in site.components.items()}
    return _bounds(structure_of(site), energy, failed, failed)


def never_on(bounds: Bounds) -> str:
    """Why 911 has no life by design with nothing failed, or nothing where it has: what every path is stopped by."""
    site = bounds.structure.site
    on = bounds.structure.evaluate(bounds.high, Batch.of(()), horizon=1)
    if on.calling[0][1]:
        return ""
    off = {name for name in site.components if not on.components[name][0][1]}
    roots = sorted(name for name in off if off.isdisjoint(site.inputs(name)))
    return f"{', '.join(roots)} {'is' if len(roots) == 1 else 'are'} not on at the start"


def _bounds(
    structure: Structure, energy: Mapping[str, Energy], off_low: frozenset[str], off_high: frozenset[str]
) -> Bounds:
    components = structure.site.components.values()
    ups = [c.name for c in components if c.kind is Kind.UPS]
    generators = [c.name for c in components if c.kind is Kind.GENERATOR]
    starts = {name: energy[name].starts_within for name in generators}

    def bound(off: frozenset[str], side: Callable[[Energy], Ms]) -> Bound:
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
    upstream = {c.name: sources(site, c.name) for c in site.components.values() if c.kind is Kind.UPS}
    known = judge_sources(site, own, seen, upstream, memory.discharges)
    known = {name: judge_generator(site.components[name], status, seen[name]) for name, status in known.items()}
    late = late_generators(site, memory.discharges, upstream, now)
    energy = {name: energy_of(c, seen[name], memory, now) for name, c in site.components.items()}
    stuck, stuck_blindly = stuck_switches(site, seen)
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
