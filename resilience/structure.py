"""The structure function: during which times each component, each path and 911 are on.

The one evaluator. It answers "does it work", "what is its state" and "for how long" for many failure sets
at once: time is cut into slices at every moment where anything may change, and each component holds one
integer a slice with one bit a failure set, so ∩ is `&` and ∪ is `|`. Exact, without clock or I/O.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from resilience.duration import FOREVER, Ms
from resilience.model import PASSES_POWER, Component, Gate, Kind, Need, Site
from resilience.steps import (
    NOTHING,
    Batch,
    Bound,
    Edges,
    GateOf,
    Own,
    Slices,
    Step,
    edges_of,
    evaluate_step,
    gate_mask,
    leaves,
    union,
)

MOST_SLICES = 4096
"""Moments at which something changes. A real site has about ten; stored energy nested without end has no bound."""


class StructureTooLarge(Exception):
    """The answer would cost more memory than is allowed; the message names the size and a way out."""


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


def bits(mask: int) -> Iterator[int]:
    """The positions of the ones in `mask`, lowest first, in time that is linear in its length."""
    text = f"{mask:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


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
        self._steps: list[Step] = []
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
        inputs = (*leaves(needs), *(feeds or ()))
        step = Step(component, needs, feeds, inputs, not view or view == name)
        self._steps.append(step)
        self._index[name, view] = len(self._steps) - 1
        return len(self._steps) - 1

    def _passes(self, name: str) -> bool:
        return self.site.components[name].kind in PASSES_POWER

    def _gate(self, need: Need) -> GateOf:
        """`need` over steps, with nothing nested that says the same flat: all_of in all_of, any_of in any_of."""
        parts = need.of if isinstance(need, Gate) else (need,)
        count = need.count if isinstance(need, Gate) else 1
        if len(parts) == 1 and isinstance(parts[0], Gate):
            return self._gate(parts[0])
        flat: list[int | GateOf] = []
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
            on.append(_spread(evaluate_step(step, bound, batch, own, on), own.slices, len(moments)))
        paths = [
            _spread([gate_mask(gate, on, k, full) for k in own.slices], own.slices, len(moments))
            for gate, own in zip(self._paths, plan.paths, strict=True)
        ]
        calling = []
        for k in range(len(moments)):
            mask = full
            for area in self._areas:
                mask &= union([paths[index][k] for index in area])
            calling.append(mask)
        components = {name: on[index] for name, index in self._base.items()}
        return OnTimes(moments, full, components, paths, calling)

    def _changes(self, bound: Bound) -> "_Changes":
        """When anything may go on or off. The last two bounds are remembered: an assessment asks for both by turns."""
        for known, changes in self._remembered:
            if known is bound:
                return changes
        moments: set[Ms] = {0}
        edges: list[Edges] = []
        for step in self._steps:
            edges.append(edges_of(step, bound, edges))
            moments.update(*edges[-1])
            if len(moments) > MOST_SLICES:
                raise StructureTooLarge(
                    f"{self.site.id}: power and holds change at more than {MOST_SLICES} moments; nest fewer of them"
                )
        paths = [
            NOTHING.union(*(edges[index][end] for index in leaves(gate) for end in (0, 1))) for gate in self._paths
        ]
        changes = _Changes(
            _in_order(moments), [_in_order(s | e) for s, e in edges], [_in_order(path) for path in paths]
        )
        self._remembered = [(bound, changes), *self._remembered[:1]]
        return changes


@dataclass(frozen=True, slots=True)
class _Plan:
    moments: Sequence[Ms]
    steps: Sequence[Own]
    paths: Sequence[Own]


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

            def own(changes: Sequence[Ms]) -> Own:
                mine = _before(changes, horizon)
                return Own(mine, [place[moment] for moment in mine])

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
