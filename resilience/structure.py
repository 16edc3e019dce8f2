"""The structure function: during which times each component, each path and 911 are on.

The one evaluator. It answers "does it work", "what is its state" and "for how long" for many failure sets
at once: time is cut into slices at every moment where anything may change, and each component holds one
integer a slice with one bit a failure set, so ∩ is `&` and ∪ is `|`. Exact, without clock or I/O.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from resilience.duration import FOREVER, Ms
from resilience.model import PASSES_POWER, Component, Gate, Kind, Need, Site

MOST_SLICES = 4096
"""Moments at which something changes. A real site has about ten; stored energy nested without end has no bound."""


class StructureTooLarge(Exception):
    """The answer would cost more memory than is allowed; the message names the size and a way out."""


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
class OnTimes:
    """The answer. Slice k is [moments[k], moments[k + 1]), the last one without end or up to the horizon."""

    moments: Sequence[Ms]
    full: int
    components: Mapping[str, Slices]
    paths: Sequence[Slices]
    calling: Slices
    """911, in every area."""

    def losses(self) -> list[tuple[Ms, int]]:
        """When 911 is first lost: (moment, the sets under which it is lost then), earliest first."""
        alive, lost = self.full, []
        for moment, on in zip(self.moments, self.calling, strict=True):
            if gone := alive & ~on:
                lost.append((moment, gone))
                alive &= on
        return lost

    def lives(self) -> list[Ms]:
        """life(911; S) of every set in the batch, in ms."""
        lives: list[Ms] = [FOREVER] * self.full.bit_length()
        for moment, gone in self.losses():
            for bit in bits(gone):
                lives[bit] = moment
        return lives

    def works(self, component: Component, bit: int = 0) -> bool:
        """Whether `component` is on at time 0; a generator, whether it will come on at all."""
        slices = self.components[component.name]
        if component.kind is Kind.GENERATOR:
            return any(on >> bit & 1 for on in slices)
        return bool(slices[0] >> bit & 1)


def dependencies_first(names: Iterable[str], inputs: Callable[[str], Iterable[str]]) -> list[str]:
    """`names` and all they reach, each after its `inputs`; a checked site has no cycle."""
    order: dict[str, None] = {}
    for root in names:
        waiting = [root]
        while waiting:
            missing = [name for name in inputs(waiting[-1]) if name not in order]
            if missing:
                waiting.extend(missing)
            else:
                order[waiting.pop()] = None
    return list(order)


def bits(mask: int) -> Iterable[int]:
    """The positions of the ones in `mask`, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass(frozen=True, slots=True)
class _Step:
    """One component as it is evaluated; its needs and feeds stand earlier. A view of a component is a step too."""

    component: Component
    needs: "_Gate"
    feeds: tuple[int, ...] | None
    """None: its supply is always on."""
    inputs: tuple[int, ...]
    """Every step that `needs` and `feeds` name."""
    bridges: bool = True
    """Whether its battery counts: not in the view of a UPS that its output does not reach."""


_Gate = tuple[int, tuple["int | _Gate", ...]]


class Structure:
    """A site, put in order for evaluation.

    `lost` names, for a UPS that is on battery, the sources that are off for it: what lies between is evaluated
    once more, as this UPS sees it. `feeds` replaces the feeds of a component: an ATS that cannot transfer.
    """

    def __init__(
        self,
        site: Site,
        *,
        lost: Mapping[str, frozenset[str]] | None = None,
        feeds: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.site = site
        self.lost = lost or {}
        self.feeds = feeds or {}
        self._steps: list[_Step] = []
        self._remembered: list[tuple[Bound, _Changes]] = []
        self._index: dict[tuple[str, str], int] = {}
        for name in dependencies_first(site.components, site.inputs):
            self._step(name, "")
        self._base = {name: index for (name, view), index in self._index.items() if not view}
        self._paths = [self._gate(path.needs) for path in site.emergency_paths]
        self._areas = [
            [index for index, path in enumerate(site.emergency_paths) if not path.serves or area in path.serves]
            for area in site.areas or ("",)
        ]

    def __len__(self) -> int:
        return len(self._steps)

    def _step(self, name: str, view: str) -> int:
        if (index := self._index.get((name, view))) is not None:
            return index
        component = self.site.components[name]
        feeds: tuple[int, ...] | None = None
        if view and name in self.lost[view]:
            feeds = ()
        elif named := self.feeds.get(name, component.power):
            inner = name if name in self.lost else view
            feeds = tuple(self._step(feed, inner if self._passes(feed) else "") for feed in named)
        needs = self._gate(component.needs)
        inputs = (*_leaves(needs), *(feeds or ()))
        step = _Step(component, needs, feeds, inputs, not view or view == name)
        self._steps.append(step)
        self._index[name, view] = len(self._steps) - 1
        return len(self._steps) - 1

    def _passes(self, name: str) -> bool:
        return self.site.components[name].kind in PASSES_POWER

    def _gate(self, need: Need) -> _Gate:
        """`need` over steps, with nothing nested that says the same flat: all_of in all_of, any_of in any_of."""
        parts = need.of if isinstance(need, Gate) else (need,)
        count = need.count if isinstance(need, Gate) else 1
        if len(parts) == 1 and isinstance(parts[0], Gate):
            return self._gate(parts[0])
        flat: list[int | _Gate] = []
        for part in parts:
            made = self._step(part, "") if isinstance(part, str) else self._gate(part)
            if isinstance(made, tuple):
                inner, inside = made
                if len(inside) == 1 or (inner == len(inside) and count == len(parts)) or inner == count == 1:
                    flat.extend(inside)
                    continue
            flat.append(made)
        return (len(flat) if count == len(parts) else count), tuple(flat)

    def evaluate(self, bound: Bound, batch: Batch, horizon: Ms = FOREVER) -> OnTimes:
        """On-times of everything for every set of `batch`, up to `horizon` (ms), which 1 makes "just now"."""
        plan = self._changes(bound).up_to(horizon)
        moments, full = plan.moments, batch.full
        on: list[Slices] = []
        for step, own in zip(self._steps, plan.steps, strict=True):
            on.append(_spread(_evaluate_step(step, bound, batch, own, on), own.slices, len(moments)))
        paths = [
            _spread([_gate(gate, on, k, full) for k in own.slices], own.slices, len(moments))
            for gate, own in zip(self._paths, plan.paths, strict=True)
        ]
        calling = []
        for k in range(len(moments)):
            mask = full
            for area in self._areas:
                mask &= _any([paths[index][k] for index in area])
            calling.append(mask)
        components = {name: on[index] for name, index in self._base.items()}
        return OnTimes(moments, full, components, paths, calling)

    def _changes(self, bound: Bound) -> "_Changes":
        """When anything may go on or off. The last two bounds are remembered: an assessment asks for both by turns."""
        for known, changes in self._remembered:
            if known is bound:
                return changes
        moments: set[Ms] = {0}
        edges: list[_Edges] = []
        for step in self._steps:
            edges.append(_edges(step, bound, edges))
            moments.update(*edges[-1])
            if len(moments) > MOST_SLICES:
                raise StructureTooLarge(
                    f"{self.site.id}: power and holds change at more than {MOST_SLICES} moments; nest fewer of them"
                )
        paths = [
            _NOTHING.union(*(edges[index][end] for index in _leaves(gate) for end in (0, 1))) for gate in self._paths
        ]
        changes = _Changes(
            _in_order(moments), [_in_order(s | e) for s, e in edges], [_in_order(path) for path in paths]
        )
        self._remembered = [(bound, changes), *self._remembered[:1]]
        return changes


@dataclass(frozen=True, slots=True)
class _Own:
    """The moments at which one step or path may change, and the slices that begin there."""

    moments: Sequence[Ms]
    slices: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Plan:
    moments: Sequence[Ms]
    steps: Sequence[_Own]
    paths: Sequence[_Own]


@dataclass(frozen=True, slots=True)
class _Changes:
    """0 and the moments after it at which something may go on or off, in order: anything, each step, each path.

    Between its own moments a step stays as it is, so it is evaluated at those alone.
    """

    moments: Sequence[Ms]
    steps: Sequence[Sequence[Ms]]
    paths: Sequence[Sequence[Ms]]
    plans: dict[Ms, _Plan] = field(default_factory=dict)
    """By horizon; an assessment asks for two."""

    def up_to(self, horizon: Ms) -> _Plan:
        if (plan := self.plans.get(horizon)) is None:
            moments = _before(self.moments, horizon)
            place = {moment: k for k, moment in enumerate(moments)}

            def own(changes: Sequence[Ms]) -> _Own:
                mine = _before(changes, horizon)
                return _Own(mine, [place[moment] for moment in mine])

            plan = self.plans[horizon] = _Plan(moments, list(map(own, self.steps)), list(map(own, self.paths)))
        return plan


def _in_order(moments: Iterable[Ms]) -> Sequence[Ms]:
    return sorted({0, *moments} - {FOREVER})


def _before(moments: Sequence[Ms], horizon: Ms) -> Sequence[Ms]:
    return moments if moments[-1] < horizon else moments[: bisect_left(moments, horizon)]


def _spread(masks: list[int], at: Sequence[int], count: int) -> Slices:
    """`masks` from the slices `at` on, each up to the next, for all of `count` slices."""
    if len(masks) == count:
        return masks
    if len(masks) == 1:
        return masks * count
    return [mask for mask, start, end in zip(masks, at, (*at[1:], count), strict=True) for _ in range(start, end)]


_Edges = tuple[frozenset[Ms], frozenset[Ms]]
"""The moments at which something may come on, and may go off."""


def _edges(step: _Step, bound: Bound, edges: Sequence[_Edges]) -> _Edges:
    """Where the on-times of `step` may begin and end. Only an end moves when something holds: a start never does."""
    component = step.component
    starts, ends = _NOTHING, _NOTHING
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


_NOTHING: frozenset[Ms] = frozenset()
_STEADY: _Edges = (_NOTHING, _NOTHING)


def _held_ends(ends: frozenset[Ms], hold: Ms) -> frozenset[Ms]:
    return ends | {hold} | {end + hold for end in ends}


def _leaves(gate: _Gate) -> Iterable[int]:
    for part in gate[1]:
        if isinstance(part, int):
            yield part
        else:
            yield from _leaves(part)


def _evaluate_step(step: _Step, bound: Bound, batch: Batch, own: _Own, on: Sequence[Slices]) -> list[int]:
    """keep( hold( on(needs) ∩ supply ) ), and nothing where it has failed: one mask for each of its own moments."""
    moments, at = own.moments, own.slices
    component, full = step.component, batch.full
    name = component.name
    if name in bound.off:
        return [0] * len(moments)
    survives = full & ~batch.failed.get(name, 0)
    if name in bound.pinned:
        return [survives] * len(moments)
    masks = [full] * len(moments) if step.feeds is None else [_any([on[f][k] for f in step.feeds]) for k in at]
    if component.kind is Kind.GENERATOR:
        starts, fuel = bound.starts_within[name], bound.fuel[name]
        masks = [mask if starts <= moment < fuel else 0 for moment, mask in zip(moments, masks, strict=True)]
    elif component.kind is Kind.UPS and step.bridges:
        masks = _hold(masks, bound.runtime[name], moments, full)
    if step.needs[1]:
        masks = [mask & _gate(step.needs, on, k, full) for mask, k in zip(masks, at, strict=True)]
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


def _any(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _gate(gate: _Gate, on: Sequence[Slices], k: int, full: int) -> int:
    """The sets under which at least `count` of the parts are on in slice k; a part that stands twice counts twice."""
    count, parts = gate
    if count == len(parts):
        mask = full
        for part in parts:
            mask &= on[part][k] if isinstance(part, int) else _gate(part, on, k, full)
        return mask
    if count == 1:
        mask = 0
        for part in parts:
            mask |= on[part][k] if isinstance(part, int) else _gate(part, on, k, full)
        return mask
    # reached[j] has the sets under which j of the parts seen so far are on.
    reached = [full] + [0] * count
    for part in parts:
        mask = on[part][k] if isinstance(part, int) else _gate(part, on, k, full)
        for j in range(count, 0, -1):
            reached[j] |= reached[j - 1] & mask
    return reached[count]
