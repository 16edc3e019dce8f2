"""The law of one component: when it may go on or off, and under which failure sets it is on.

A mask has one bit a failure set, so ∩ is `&` and ∪ is `|`. Nothing but `&`, `|`, `~`, `==` and truth is asked of
a mask, so that formulas can stand in for integers. Exact, without clock or I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from resilience.duration import Ms
from resilience.model import PASSES_POWER, Component, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What one bound takes for granted about each component. Durations in ms."""

    off: frozenset[str] = frozenset()
    """Components that do not work, whatever feeds them."""
    pinned: frozenset[str] = frozenset()
    """Components that work, whatever the structure says: they were seen."""
    runtime: Mapping[str, Ms] = field(default_factory=dict)
    starts_within: Mapping[str, Ms] = field(default_factory=dict)
    fuel: Mapping[str, Ms] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Failure sets, one bit each: `failed[component]` has the bits of the sets that hold the component."""

    full: int
    failed: Mapping[str, int]

    @classmethod
    def of(cls, *sets: Iterable[str]) -> "Batch":
        failed: dict[str, int] = {}
        for bit, members in enumerate(sets):
            for name in members:
                failed[name] = failed.get(name, 0) | 1 << bit
        return cls((1 << len(sets)) - 1, failed)


Slices = Sequence[int]
"""One integer a slice of time, one bit a failure set."""


@dataclass(frozen=True, slots=True)
class Step:
    """One component as it is evaluated; its needs and feeds stand earlier. A view of a component is a step too."""

    component: Component
    needs: "GateOf"
    feeds: tuple[int, ...] | None
    """None: its supply is always on."""
    inputs: tuple[int, ...]
    """Every step that `needs` and `feeds` name."""
    bridges: bool = True
    """Whether its battery counts: not in the view of a UPS that its output does not reach."""


GateOf = tuple[int, tuple["int | GateOf", ...]]


@dataclass(frozen=True, slots=True)
class Own:
    """The moments at which one step or path may change, and the slices that begin there."""

    moments: Sequence[Ms]
    slices: Sequence[int]


Edges = tuple[frozenset[Ms], frozenset[Ms]]
"""The moments at which something may come on, and may go off."""


def edges_of(step: Step, bound: Bound, edges: Sequence[Edges]) -> Edges:
    """Where the on-times of `step` may begin and end. Only an end moves when something holds: a start never does."""
    component = step.component
    starts, ends = NOTHING, NOTHING
    for index in step.inputs:
        if edges[index] is not _STEADY:
            starts, ends = starts | edges[index][0], ends | edges[index][1]
    if component.kind is Kind.GENERATOR:
        starts |= {bound.starts_within[component.name]}
        ends |= {bound.fuel[component.name]}
    elif component.kind is Kind.UPS and step.bridges:
        ends = _held_ends(ends, bound.runtime[component.name])
    if component.holds:
        ends = _held_ends(ends, component.holds)
    return (starts, ends) if starts or ends else _STEADY


NOTHING: frozenset[Ms] = frozenset()
_STEADY: Edges = (NOTHING, NOTHING)


def _held_ends(ends: frozenset[Ms], hold: Ms) -> frozenset[Ms]:
    return ends | {hold} | {end + hold for end in ends}


def leaves(gate: GateOf) -> Iterable[int]:
    for part in gate[1]:
        if isinstance(part, int):
            yield part
        else:
            yield from leaves(part)


def evaluate_step(step: Step, bound: Bound, batch: Batch, own: Own, on: Sequence[Slices]) -> list[int]:
    """keep( hold( on(needs) ∩ supply ) ), and nothing where it has failed: one mask for each of its own moments."""
    moments, at = own.moments, own.slices
    component, full = step.component, batch.full
    name = component.name
    if name in bound.off:
        return [0] * len(moments)
    survives = full & ~batch.failed.get(name, 0)
    if name in bound.pinned:
        return [survives] * len(moments)
    masks = [full] * len(moments) if step.feeds is None else [union([on[f][k] for f in step.feeds]) for k in at]
    if component.kind is Kind.GENERATOR:
        starts, fuel = bound.starts_within[name], bound.fuel[name]
        masks = [mask if starts <= moment < fuel else 0 for moment, mask in zip(moments, masks, strict=True)]
    elif component.kind is Kind.UPS and step.bridges:
        masks = _hold(masks, bound.runtime[name], moments, full)
    if step.needs[1]:
        masks = [mask & gate_mask(step.needs, on, k, full) for mask, k in zip(masks, at, strict=True)]
    if component.holds:
        masks = _hold(masks, component.holds, moments, full)
    if component.kind not in PASSES_POWER:
        masks = _first_stretch(masks)
    return masks if survives == full else [mask & survives for mask in masks]


def _hold(masks: list[int], hold: Ms, moments: Sequence[Ms], full: int) -> list[int]:
    """[0, hold) ∪ {t : on at some moment of (t − hold, t]}."""
    if not hold:
        return masks
    held: list[int] = []
    for index, moment in enumerate(moments):
        mask = full if moment < hold else masks[index]
        # A slice j that ends at e keeps the load until e + hold.
        for j in range(index - 1, -1, -1):
            if mask == full or moments[j + 1] + hold <= moment:
                break
            mask |= masks[j]
        held.append(mask)
    return held


def _first_stretch(slices: list[int]) -> list[int]:
    kept, alive = [], slices[0]
    for mask in slices:
        alive &= mask
        kept.append(alive)
    return kept


def union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def gate_mask(gate: GateOf, on: Sequence[Slices], k: int, full: int) -> int:
    """The sets under which at least `count` of the parts are on in slice k; a part that stands twice counts twice."""
    count, parts = gate
    if count == len(parts):
        mask = full
        for part in parts:
            mask &= on[part][k] if isinstance(part, int) else gate_mask(part, on, k, full)
        return mask
    if count == 1:
        mask = 0
        for part in parts:
            mask |= on[part][k] if isinstance(part, int) else gate_mask(part, on, k, full)
        return mask
    return at_least(
        count, (on[part][k] if isinstance(part, int) else gate_mask(part, on, k, full) for part in parts), full
    )


def at_least(count: int, masks: Iterable[int], full: int) -> int:
    """The sets that stand in `count` or more of `masks`; one that stands twice counts twice."""
    # reached[j] has the sets that stand in j of the masks seen so far.
    reached = [full] + [0] * count
    for mask in masks:
        for j in range(count, 0, -1):
            reached[j] |= reached[j - 1] & mask
    return reached[count]
