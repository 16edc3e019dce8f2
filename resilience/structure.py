"""The structure function: during which times each component, each path and 911 are on.

The one evaluator. It answers "does it work", "what is its state" and "for how long" for many failure sets
at once: each component has one integer with one bit a failure set, so ∩ is `&` and ∪ is `|`. It goes from one
moment to the next, and looks again only at what stands on something that has just changed. Exact, without clock
or I/O.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from resilience.duration import FOREVER, Ms
from resilience.model import PASSES_POWER, Component, Gate, Kind, Need, Site
from resilience.steps import Batch, Bound, GateOf, Inputs, Step, Storage, gate_mask

MOST_MOMENTS = 4096
"""Moments at which something changes. A real site has about ten; stored energy nested without end has no bound."""


class StructureTooLarge(Exception):
    """The answer would cost more memory than is allowed; the message names the size and a way out."""


Course = Sequence[tuple[Ms, int]]
"""Under which sets something is on from each moment on, up to the next. The first moment is 0."""


@dataclass(frozen=True, slots=True)
class OnTimes:
    """The answer, up to the horizon that was asked for."""

    full: int
    components: Mapping[str, Course]
    paths: Sequence[Course]
    calling: Course
    """911, in every area."""

    def losses(self) -> list[tuple[Ms, int]]:
        """When 911 is first lost: (moment, the sets under which it is lost then), earliest first."""
        alive, lost = self.full, []
        for moment, on in self.calling:
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
        course = self.components[component.name]
        if component.kind is Kind.GENERATOR:
            return any(on >> bit & 1 for _, on in course)
        return bool(course[0][1] >> bit & 1)


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
    """A site, put in order for evaluation. It is made once and evaluated for any bounds.

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
        self.candidates = sorted(c.name for c in site.components.values() if c.candidate)
        """What can be a member of a cut set."""
        self._steps: list[Step] = []
        self._index: dict[tuple[str, str], int] = {}
        for name in dependencies_first(site.components, site.inputs):
            self._step(name, "")
        self._base = {name: index for (name, view), index in self._index.items() if not view}
        self._components = len(self._steps)
        paths = [self._add(Step("", self._inputs(path.needs))) for path in site.emergency_paths]
        areas = [
            tuple(
                index
                for index, path in zip(paths, site.emergency_paths, strict=True)
                if not path.serves or area in path.serves
            )
            for area in site.areas or ("",)
        ]
        self._paths = paths
        self._calling = self._add(Step("", Inputs(tuple(self._add(Step("", Inputs(some=(area,)))) for area in areas))))
        self._users = [0] * len(self._steps)
        """For each step those that stand on it, one bit each."""
        for index, step in enumerate(self._steps):
            for used in (*step.inputs.steps(), *(step.battery or ())):
                self._users[used] |= 1 << index

    def __len__(self) -> int:
        return self._components

    def _add(self, step: Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1

    def _step(self, name: str, view: str) -> int:
        if (index := self._index.get((name, view))) is not None:
            return index
        component = self.site.components[name]
        feeds: tuple[int, ...] | None = None
        if view and name in self.lost[view]:
            feeds = ()
        elif named := self.feeds.get(name, component.power):
            inner = name if name in self.lost else view
            feeds = tuple([self._step(feed, inner if self._passes(feed) else "") for feed in named])
        # Its battery does not count in the view of a UPS that its output does not reach.
        bridges = component.kind is Kind.UPS and feeds is not None and (not view or view == name)
        inputs = self._inputs(component.needs)
        if feeds is not None and not bridges:
            every, some, gates = inputs
            inputs = Inputs((*every, *feeds), some, gates) if len(feeds) == 1 else Inputs(every, (*some, feeds), gates)
        stores = bridges or component.holds or component.kind is Kind.GENERATOR
        index = self._index[name, view] = self._add(
            Step(
                name,
                inputs,
                component if stores else None,
                feeds if bridges else None,
                component.kind in PASSES_POWER,
            )
        )
        return index

    def _passes(self, name: str) -> bool:
        return self.site.components[name].kind in PASSES_POWER

    def _inputs(self, gate: Gate) -> Inputs:
        """`gate` as a conjunction, with nothing nested that says the same flat."""
        every: list[int] = []
        some: list[tuple[int, ...]] = []
        gates: list[GateOf] = []
        waiting: list[Need] = [gate]
        for need in waiting:
            if isinstance(need, str):
                every.append(self._step(need, ""))
            elif need.count == len(need.of):
                waiting += need.of
            elif need.count == 1 and all(isinstance(part, str) for part in need.of):
                some.append(tuple([self._step(part, "") for part in need.of if isinstance(part, str)]))
            else:
                gates.append(self._gate(need))
        return Inputs(tuple(every), tuple(some), tuple(gates))

    def _gate(self, gate: Gate) -> GateOf:
        return gate.count, tuple(
            self._step(part, "") if isinstance(part, str) else self._gate(part) for part in gate.of
        )

    def evaluate(self, bound: Bound, batch: Batch, horizon: Ms = FOREVER) -> OnTimes:
        """On-times of everything for every set of `batch`, up to `horizon` (ms), which 1 makes "just now"."""
        steps, users, full, failed = self._steps, self._users, batch.full, batch.failed
        survives = [full & ~failed[step.name] if step.name in failed else full for step in steps]
        pinned = set[int]()
        if bound.off or bound.pinned:
            for index, step in enumerate(steps):
                if step.name in bound.off:
                    survives[index] = 0
                elif step.name in bound.pinned:
                    pinned.add(index)
        on = [0] * len(steps)
        courses: list[list[tuple[Ms, int]]] = [[] for _ in steps]
        agenda: dict[Ms, int] = {}
        moments: list[Ms] = []
        now: Ms = 0

        def look_again(index: int, moment: Ms) -> None:
            if now < moment < horizon:
                if moment not in agenda:
                    agenda[moment] = 0
                    heappush(moments, moment)
                agenda[moment] |= 1 << index

        storage = Storage(bound, full, look_again)
        stale = (1 << len(steps)) - 1
        for count in range(MOST_MOMENTS):
            while stale:
                index = (stale & -stale).bit_length() - 1
                stale &= stale - 1
                step = steps[index]
                _, (every, some, gates), stores, _, returns = step
                mask = survives[index]
                if index not in pinned:
                    for one in every:
                        mask &= on[one]
                    for group in some:
                        either = 0
                        for one in group:
                            either |= on[one]
                        mask &= either
                    for gate in gates:
                        mask &= gate_mask(gate, on, full)
                    if stores is not None:
                        mask = storage.mask(index, step, mask, on, now) & survives[index]
                    if count and not returns:
                        mask &= on[index]
                if not count or mask != on[index]:
                    on[index] = mask
                    courses[index].append((now, mask))
                    if count:
                        stale |= users[index]
            if not moments:
                break
            now = heappop(moments)
            stale = agenda.pop(now)
        else:
            raise StructureTooLarge(
                f"{self.site.id}: power and holds change at more than {MOST_MOMENTS} moments; nest fewer of them"
            )
        components = {name: courses[index] for name, index in self._base.items()}
        return OnTimes(full, components, [courses[index] for index in self._paths], courses[self._calling])
