"""The law of one component: under which failure sets it is on at a moment, given what it stands on.

A mask has one bit a failure set, so ∩ is `&` and ∪ is `|`. Nothing but `&`, `|`, `~` and `==` is asked of a
mask, so that formulas can stand in for integers. Exact, without clock or I/O.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from resilience.duration import FOREVER, Ms
from resilience.model import Component, Kind


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


GateOf = tuple[int, tuple["int | GateOf", ...]]
"""A count, and the steps and gates of which so many must be on."""


class Inputs(NamedTuple):
    """What must be on together: each of `every`, one of each group of `some`, each of `gates`. Steps by index."""

    every: tuple[int, ...] = ()
    some: tuple[tuple[int, ...], ...] = ()
    gates: tuple[GateOf, ...] = ()


class Step(NamedTuple):
    """A component, a view of one, a path, an area or 911, as it is evaluated. What it stands on comes earlier."""

    name: str
    """Of the component; empty where nothing of its own can fail."""
    inputs: Inputs
    """Needs and feeds together; the feeds of `battery` apart."""
    stores: Component | None = None
    """Where its on-times are not those of its inputs: a generator, a battery, something that holds."""
    battery: tuple[int, ...] | None = None
    """The feeds that a UPS bridges; None where it bridges none."""
    returns: bool = True
    """Whether it is on again when what it stands on is."""


def leaves(gate: GateOf) -> Iterator[int]:
    """Every step that `gate` names, repeats kept."""
    for part in gate[1]:
        if isinstance(part, int):
            yield part
        else:
            yield from leaves(part)


def together(inputs: Inputs, on: Sequence[int], among: int, full: int) -> int:
    """The sets of `among` under which all `inputs` are on."""
    for one in inputs.every:
        among &= on[one]
    for group in inputs.some:
        either = 0
        for one in group:
            either |= on[one]
        among &= either
    for gate in inputs.gates:
        among &= gate_mask(gate, on, full)
    return among


class Storage:
    """Stored energy in one evaluation: what was on when, as far as batteries and holds ask for it."""

    def __init__(self, bound: Bound, full: int, look_again: Callable[[int, Ms], None]) -> None:
        """`look_again` is told which step may change by itself, and at which moment."""
        self._bound = bound
        self._full = full
        self._look_again = look_again
        self._past: dict[tuple[int, bool], list[tuple[Ms, int]]] = {}

    def hold(self, index: int, stores: Component, mask: int, feeds: int | None, now: Ms) -> int:
        """hold( on(needs) ∩ supply ) at `now`, where `mask` is what needs and feeds allow; of a battery the needs
        alone, and `feeds` apart."""
        if stores.kind is Kind.GENERATOR:
            starts, fuel = self._bound.starts_within[stores.name], self._bound.fuel[stores.name]
            if now == 0:
                self._look_again(index, starts)
                self._look_again(index, fuel)
            mask = mask if starts <= now < fuel else 0
        if feeds is not None:
            mask &= self._held((index, False), feeds, self._bound.runtime[stores.name], now)
        if stores.holds:
            mask = self._held((index, True), mask, stores.holds, now)
        return mask

    def _held(self, key: tuple[int, bool], mask: int, hold: Ms, now: Ms) -> int:
        """[0, hold) ∪ {t : on at some moment of (t − hold, t]}, at the moment `now`."""
        if not hold or hold == FOREVER:
            return self._full if hold else mask
        past = self._past.setdefault(key, [])
        if not past or past[-1][1] != mask:
            past.append((now, mask))
            self._look_again(key[0], now + hold)
        if now < hold:
            return self._full
        # What was on until `end` is held until end + hold.
        for (_, before), (end, _) in zip(past[-2::-1], past[:0:-1], strict=True):
            if end + hold <= now:
                break
            mask |= before
        return mask


def union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def gate_mask(gate: GateOf, on: Sequence[int], full: int) -> int:
    """The sets under which at least `count` of the parts are on; a part that stands twice counts twice."""
    count, parts = gate
    masks = [on[part] if isinstance(part, int) else gate_mask(part, on, full) for part in parts]
    if count == 1:
        return union(masks)
    if count < len(parts):
        return at_least(count, masks, full)
    every = full
    for mask in masks:
        every &= mask
    return every


def at_least(count: int, masks: Iterable[int], full: int) -> int:
    """The sets that stand in `count` or more of `masks`; one that stands twice counts twice."""
    # reached[j] has the sets that stand in j of the masks seen so far.
    reached = [full] + [0] * count
    for mask in masks:
        for j in range(count, 0, -1):
            reached[j] |= reached[j - 1] & mask
    return reached[count]
