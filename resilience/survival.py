"""What the two bounds take for granted: as declared (design), or as seen now with the live power rules.

Low is what is assured (unknown is down, unknown energy is none), high what is possible. Pure; `now` in
seconds since 1970.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from resilience.duration import Ms
from resilience.memory import Memory
from resilience.model import Component, Kind, Site
from resilience.power import (
    STORES,
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
from resilience.state import Heard, Quantities, Status, hear
from resilience.steps import Batch, Bound
from resilience.structure import Structure


@dataclass(frozen=True, slots=True)
class Bounds:
    """One structure under its two readings."""

    structure: Structure
    low: Bound
    high: Bound


def design_bounds(site: Site, failed: frozenset[str] = frozenset()) -> Bounds:
    """Everything declared is healthy, runtimes as declared; `failed` is down from the start."""
    energy = {c.name: declared_energy(c) for kind in STORES for c in site.by_kind[kind]}
    low, high = (_bound(site, energy, side, failed) for side in (_low, _high))
    return Bounds(site.once(Structure), low, low if low == high else high)


def never_on(bounds: Bounds) -> str:
    """Why 911 has no life by design with nothing failed, or nothing where it has: what every path is stopped by."""
    site = bounds.structure.site
    on = bounds.structure.evaluate(bounds.high, Batch.of(()), horizon=1)
    if on.calling[0][1]:
        return ""
    off = {name for name in site.components if not on.components[name][0][1]}
    roots = sorted(name for name in off if off.isdisjoint(site.inputs(name)))
    return f"{', '.join(roots)} {'is' if len(roots) == 1 else 'are'} not on at the start"


def _bound(site: Site, energy: Mapping[str, Energy], side: Callable[[Energy], Ms], off: frozenset[str]) -> Bound:
    generators = [generator.name for generator in site.by_kind[Kind.GENERATOR]]
    return Bound(
        off=off,
        runtime={ups.name: side(energy[ups.name]) for ups in site.by_kind[Kind.UPS]},
        starts_within={name: energy[name].starts_within for name in generators},
        fuel={name: side(energy[name]) for name in generators},
    )


def _low(energy: Energy) -> Ms:
    return energy.low


def _high(energy: Energy) -> Ms:
    return energy.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is seen and that the bounds follow from. While it stays equal nothing is worked out again."""

    structure: Structure
    energy: Mapping[str, Energy]
    """Of every UPS and generator."""
    down: frozenset[str]
    unknown: frozenset[str]
    astray: frozenset[str]
    """Unknown components whose probes left by another way. What needs them is asked by that way too, and being up it
    proves nothing of them."""
    draining: frozenset[str]
    """Unknown UPSes whose reading was lost while on battery: assured for what is left of that reading."""
    stuck_blindly: frozenset[str]
    """Transfer switches that stay on a feed nobody knows."""
    seen_on: frozenset[str]
    """Components freshly observed to work now; of the generators those that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What follows from the facts."""

    bounds: Bounds
    proven: Mapping[str, str]
    """Unknown components that are up, each with something seen up that cannot be without it."""
    contradicted: frozenset[str]
    """Components seen up that are off by the structure even where everything unknown works."""


def conclude(facts: Facts) -> Concluded:
    site, structure = facts.structure.site, facts.structure
    possible = _bound(site, facts.energy, _high, facts.down)
    unknown = sorted(facts.unknown)
    just_now = structure.evaluate(possible, Batch.of((), *((name,) for name in unknown)), horizon=1).components
    witnesses = {name: just_now[name][0][1] for name in site.components if name in facts.seen_on}
    proven: dict[str, str] = {}
    for bit, name in enumerate(unknown, start=1):
        if name in facts.astray:
            continue
        for witness, on in witnesses.items():
            if on & 1 and not on >> bit & 1:
                proven[name] = witness
                break
    contradicted = frozenset(name for name, on in witnesses.items() if not on & 1 and site.components[name].probes)
    off = facts.down | (facts.unknown - proven.keys() - facts.draining) | facts.stuck_blindly
    low = _bound(site, facts.energy, _low, off)
    high = replace(possible, pinned=contradicted)
    return Concluded(
        # Where nothing is unknown the two are one, and need one evaluation.
        bounds=Bounds(structure, low, low if low == high else high),
        proven=proven,
        contradicted=contradicted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The live basis of one moment, with what was concluded on the way."""

    heard: Mapping[str, Heard]
    facts: Facts
    concluded: Concluded
    own: Mapping[str, Status]
    """By a component's own evidence alone."""
    statuses: Mapping[str, Status]
    """The same, completed by what other evidence proves."""
    seen: Mapping[str, Quantities]
    inputs_lost: tuple[str, ...]
    """UPSes on battery though a source they can be fed from is up."""
    not_carrying: tuple[str, ...]
    """Generators that should have taken over a UPS by now and have not."""

    @property
    def bounds(self) -> Bounds:
        return self.concluded.bounds

    @property
    def contradicted(self) -> frozenset[str]:
        """Components seen up that cannot be, by what the structure says is down."""
        return self.concluded.contradicted


def live_basis(site: Site, memory: Memory, now: float, previous: Live | None = None) -> Live:
    """What is seen now, by the live power rules. What has not changed since `previous`, of this very `site`, is taken
    over from it."""
    heard = hear(site, memory.tracks, now, previous.heard if previous else {})
    own = {name: heard[name].own for name in site.components}
    seen = {name: heard[name].seen for name in site.components}
    upstream = site.once(sources)
    known = judge_sources(site, own, seen, upstream, memory.discharges)
    for generator in site.by_kind[Kind.GENERATOR]:
        known[generator.name] = judge_generator(known[generator.name], seen[generator.name])
    late = late_generators(site, memory.discharges, upstream, now)
    stuck, stuck_blindly = stuck_switches(site, seen)
    unknown = frozenset([name for name, status in known.items() if status.state is State.UNKNOWN])
    facts = Facts(
        structure=_structure(site, memory, late, stuck, previous),
        energy={c.name: energy_of(c, seen[c.name], memory, now) for kind in STORES for c in site.by_kind[kind]},
        down=frozenset([name for name, status in known.items() if status.state is State.DOWN]),
        unknown=unknown,
        astray=frozenset([name for name in unknown if known[name].astray]),
        draining=unknown & memory.discharges.keys(),
        stuck_blindly=stuck_blindly,
        seen_on=frozenset(
            [name for name, status in known.items() if _seen_on(site.components[name], status, seen[name])]
        ),
    )
    concluded = previous.concluded if previous and previous.facts == facts else conclude(facts)
    for name, witness in concluded.proven.items():
        known[name] = _proven(known[name], witness, known[witness])
    return Live(
        heard=heard,
        facts=previous.facts if previous and concluded is previous.concluded else facts,
        concluded=concluded,
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
    )


def _structure(
    site: Site,
    memory: Memory,
    late: frozenset[tuple[str, str]],
    stuck: Mapping[str, tuple[str, ...]],
    previous: Live | None,
) -> Structure:
    """The site without the sources that a UPS on battery has lost, and with the feeds that a stuck switch stays on."""
    upstream = site.once(sources)
    lost = {
        ups: frozenset(s for s in upstream[ups] if site.components[s].kind is Kind.UTILITY or (ups, s) in late)
        for ups in memory.discharges
        if ups in upstream
    }
    if not lost and not stuck:
        return site.once(Structure)
    if previous is not None:
        structure = previous.facts.structure
        if (structure.lost, structure.feeds) == (lost, stuck):
            return structure
    return Structure(site, lost=lost, feeds=stuck)


def _seen_on(component: Component, status: Status, seen: Quantities) -> bool:
    """Whether `component` is freshly observed to work now. A generator that stands ready carries nothing, and proves
    nothing about what it needs."""
    if not (status.state.works and status.evidence == "observed"):
        return False
    running = seen.get(("generator_running", ""))
    return component.kind is not Kind.GENERATOR or (running is not None and bool(running.value))


def _proven(own: Status, witness: str, seen: Status) -> Status:
    return Status(
        state=State.UP,
        why=f"{own.why}; {witness} is up and cannot be without it",
        evidence="observed",
        at=seen.at,
        blind=own.blind,
    )
