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
from resilience.steps import Batch, Bound, GateOf, Inputs, Step, Storage, leaves, together, union

MOST_MOMENTS = 4096
"""Moments at which something changes. A real site has about ten; stored energy nested without end has no bound."""


SHALLOW = 100
"""Components that cannot stand on each other deeper than Python recurses."""


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

    def life(self, bit: int = 0) -> Ms:
        """life(911; S) of one set of the batch."""
        return next((moment for moment, on in self.calling if not on >> bit & 1), FOREVER)

    def working(self, site: Site) -> frozenset[str]:
        """The components that work with the first set of the batch."""
        return frozenset([name for name, component in site.components.items() if self.works(component)])

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
        self.candidates = sorted([c.name for c in site.components.values() if c.candidate])
        """What can be a member of a cut set."""
        self._steps: list[Step] = []
        self._index: dict[str, int] = {}
        self._views: dict[tuple[str, str], int] = {}
        self._users: list[int] = []
        """For each step those that stand on it, one bit each."""
        # A chain of thousands must not become a recursion as deep.
        deep = len(site.components) > SHALLOW
        for name in dependencies_first(site.components, site.inputs) if deep else site.components:
            self._at(name, "")
        self._components = len(self._steps)
        self._paths = [self._add(Step("", self._inputs(path.needs))) for path in site.emergency_paths]
        serving: dict[str, list[int]] = {area: [] for area in site.areas or ("",)}
        for index, path in zip(self._paths, site.emergency_paths, strict=True):
            for area in path.serves or serving:
                serving[area].append(index)
        areas = [self._add(Step("", Inputs(some=(tuple(paths),)))) for paths in serving.values()]
        self._calling = self._add(Step("", Inputs(tuple(areas))))

    def __len__(self) -> int:
        return self._components

    def _add(self, step: Step) -> int:
        users, index = self._users, len(self._steps)
        every, some, gates = step.inputs
        for group in (every, *some, step.battery or (), *map(leaves, gates)):
            for used in group:
                users[used] |= 1 << index
        self._steps.append(step)
        users.append(0)
        return index

    def _at(self, name: str, view: str) -> int:
        """Which step is `name`, as the UPS `view` sees it if that is a name; it is made where there is none."""
        index = self._views.get((name, view)) if view else self._index.get(name)
        if index is None:
            index = self._add(self._step(name, view))
            if view:
                self._views[name, view] = index
            else:
                self._index[name] = index
        return index

    def _step(self, name: str, view: str) -> Step:
        component = self.site.components[name]
        kind = component.kind
        feeds: tuple[int, ...] | None = None
        if view and name in self.lost[view]:
            feeds = ()
        elif named := self.feeds.get(name, component.power):
            inner = name if name in self.lost else view
            feeds = tuple([self._at(feed, inner if inner and self._passes(feed) else "") for feed in named])
        # Its battery does not count in the view of a UPS that its output does not reach.
        bridges = kind is Kind.UPS and feeds is not None and (not view or view == name)
        stores = component if bridges or component.holds or kind is Kind.GENERATOR else None
        inputs = self._inputs(component.needs, None if bridges else feeds)
        return Step(name, inputs, stores, feeds if bridges else None, kind in PASSES_POWER)

    def _passes(self, name: str) -> bool:
        return self.site.components[name].kind in PASSES_POWER

    def _inputs(self, gate: Gate, feeds: tuple[int, ...] | None = None) -> Inputs:
        """`gate` and one of `feeds` as a conjunction, with nothing nested that says the same flat."""
        every: list[int] = []
        some = [] if feeds is None else [feeds]
        gates: list[GateOf] = []
        waiting: list[Need] = [*gate.of] if gate.count == len(gate.of) else [gate]
        for need in waiting:
            if isinstance(need, str):
                every.append(self._at(need, ""))
            elif need.count == len(need.of):
                waiting += need.of
            elif need.count == 1 and (names := [part for part in need.of if isinstance(part, str)]) == [*need.of]:
                some.append(tuple([self._at(name, "") for name in names]))
            else:
                gates.append(self._gate(need))
        return Inputs(tuple(every), tuple(some), tuple(gates))

    def _gate(self, gate: Gate) -> GateOf:
        return gate.count, tuple(
            [self._at(part, "") if isinstance(part, str) else self._gate(part) for part in gate.of]
        )

    def evaluate(self, bound: Bound, batch: Batch, horizon: Ms = FOREVER) -> OnTimes:
        """On-times of everything for every set of `batch`, up to `horizon` (ms), which 1 makes "just now"."""
        users, full = self._users, batch.full
        steps, survives = self._under(bound, batch)
        agenda = _Agenda(horizon, (1 << len(steps)) - 1)
        storage = Storage(bound, full, agenda.look_again)
        on = [0] * len(steps)
        courses: list[list[tuple[Ms, int]]] = [[] for _ in steps]
        for now, due in agenda:
            stale = due
            while stale:
                index = (stale & -stale).bit_length() - 1
                stale &= stale - 1
                _, inputs, stores, battery, returns = steps[index]
                # What does not return is lost where it has once been off.
                most = on[index] if now and not returns else survives[index]
                if now and not most:
                    continue
                if stores is None:
                    mask = together(inputs, on, most, full)
                else:
                    fed = None if battery is None else union([on[feed] for feed in battery])
                    mask = storage.hold(index, stores, together(inputs, on, full, full), fed, now) & most
                if not now or mask != on[index]:
                    on[index] = mask
                    courses[index].append((now, mask))
                    # At 0 everything is due, each after what it stands on.
                    stale |= users[index] if now else 0
        if agenda.overfull:
            raise StructureTooLarge(
                f"{self.site.id}: power and holds change at more than {MOST_MOMENTS} moments; nest fewer of them"
            )
        components = {name: courses[index] for name, index in self._index.items()}
        return OnTimes(full, components, [courses[index] for index in self._paths], courses[self._calling])

    def _under(self, bound: Bound, batch: Batch) -> tuple[Sequence[Step], Sequence[int]]:
        """The steps, those that were seen to work without what they stand on; and the sets that each survives."""
        steps, full, failed = self._steps, batch.full, batch.failed
        survives = [full & ~failed[step.name] if step.name in failed else full for step in steps]
        if bound.off:
            survives = [0 if step.name in bound.off else mask for step, mask in zip(steps, survives, strict=True)]
        if bound.pinned:
            steps = [Step(step.name, Inputs()) if step.name in bound.pinned else step for step in steps]
        return steps, survives


class _Agenda:
    """The moments at which to look again, in order, each with the steps to look at, one bit each."""

    def __init__(self, horizon: Ms, first: int) -> None:
        self.overfull = False
        self._horizon = horizon
        self._now: Ms = 0
        self._moments: list[Ms] = [0]
        self._steps: dict[Ms, int] = {0: first}

    def look_again(self, index: int, moment: Ms) -> None:
        if self._now < moment < self._horizon:
            if moment not in self._steps:
                self._steps[moment] = 0
                heappush(self._moments, moment)
            self._steps[moment] |= 1 << index

    def __iter__(self) -> Iterator[tuple[Ms, int]]:
        for _ in range(MOST_MOMENTS):
            if not self._moments:
                return
            self._now = heappop(self._moments)
            yield self._now, self._steps.pop(self._now)
        self.overfull = bool(self._moments)
