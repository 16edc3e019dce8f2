"""A site as a fault tree: its top is that 911 is lost before it may be, its basic events are the components.

The evaluator itself makes the tree. It asks of its masks only `&`, `|` and `~`, so formulas stand in for them,
and the tree cannot say anything else than the evaluator does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import cast

from resilience.duration import Ms, seconds
from resilience.faulttree import ALWAYS, NEVER, FaultTree, Vote
from resilience.model import Site
from resilience.steps import Batch, Bound
from resilience.structure import OnTimes
from resilience.survival import Bounds, design_bounds

TOP = "loss of 911"


def site_tree(site: Site, failed: frozenset[str] = frozenset()) -> FaultTree:
    """The design basis of `site`, with `failed` down from the start.

    Its minimal cut sets are those of the assessment: what makes life(911) shorter than is required, or where
    it is so with nothing more failed, what ends it at once.
    """
    bounds = design_bounds(site, failed)
    bound, within = _question(site, bounds)
    formulas = _Formulas()
    candidates = {name: _Event(formulas, name) for name, c in site.components.items() if c.candidate}
    # One failure set, in which each candidate has failed or not: 1 is "on" and 0 is "off" for every such set.
    batch = Batch(1, cast("Mapping[str, int]", candidates))
    on = bounds.structure.evaluate(bound, batch, within or 1)
    lost = reduce(and_, (mask for _, mask in on.calling))
    return formulas.tree(lost, _names(site, on))


def _question(site: Site, bounds: Bounds) -> tuple[Bound, Ms]:
    """The bound that is asked, and the life(911) that a cut set is under; 0: at once."""
    low, high = (bounds.structure.evaluate(bound, Batch.of(())).lives()[0] for bound in (bounds.low, bounds.high))
    life = low or high
    return (bounds.low if low else bounds.high), (site.power_outage if life >= site.power_outage else 0)


def _names(site: Site, on: OnTimes) -> Mapping[int, str]:
    """What the formulas that the evaluator came by are about, as people would say it."""
    about = {f"path {path.name}": course for path, course in zip(site.emergency_paths, on.paths, strict=True)}
    about["911"] = on.calling
    names: dict[int, str] = {}
    for thing, course in {**on.components, **about}.items():
        for moment, formula in cast("Sequence[tuple[Ms, object]]", course):
            if isinstance(formula, _Off):
                after = f" after {seconds(moment)} s" if moment else ""
                names.setdefault(formula.key, f"{thing} off{after}")
    return names


@dataclass(frozen=True, slots=True, eq=False)
class _Event:
    """The sets of failures that hold a component."""

    formulas: "_Formulas"
    name: str

    def __invert__(self) -> "_Off":
        return self.formulas.event(self.name)


@dataclass(frozen=True, slots=True)
class _Off:
    """The sets of failures under which something is on, told by what puts it off."""

    formulas: "_Formulas" = field(compare=False)
    key: int

    def __and__(self, other: "_Off | int") -> "_Off | int":
        if isinstance(other, int):
            return self if other else 0
        return self.formulas.gate(False, self.key, other.key)

    def __or__(self, other: "_Off | int") -> "_Off | int":
        if isinstance(other, int):
            return other or self
        return self.formulas.gate(True, self.key, other.key)

    __rand__, __ror__ = __and__, __or__


_Formula = str | tuple[bool, int, int]
"""A basic event's name, or whether all or any of two earlier formulas must fail."""


MOST_PARTS = 64
"""Parts up to which a formula is compared with others; beyond, it is a part itself."""


class _Formulas:
    """Each formula once."""

    def __init__(self) -> None:
        self._made: list[_Formula] = []
        self._known: dict[_Formula, _Off] = {}
        self._flat: dict[tuple[bool, int], frozenset[int]] = {}
        """What a formula is all or any of, with nothing nested that says the same flat."""

    def event(self, name: str) -> _Off:
        return self._once(name)

    def gate(self, every: bool, one: int, other: int) -> _Off:
        """Both or either of two formulas; one of them alone where that says the same: (a or b) or a, (a and b) or a."""
        first, second = self._parts(every, one), self._parts(every, other)
        if first >= second or first & self._parts(not every, other):
            return _Off(self, one)
        if second >= first or second & self._parts(not every, one):
            return _Off(self, other)
        made = self._once((every, min(one, other), max(one, other)))
        if len(first) + len(second) <= MOST_PARTS:
            self._flat[every, made.key] = first | second
        return made

    def _parts(self, every: bool, key: int) -> frozenset[int]:
        return self._flat.get((every, key)) or frozenset((key,))

    def _once(self, formula: _Formula) -> _Off:
        if formula not in self._known:
            self._known[formula] = _Off(self, len(self._made))
            self._made.append(formula)
        return self._known[formula]

    def tree(self, top: _Off | int, names: Mapping[int, str]) -> FaultTree:
        """What `top` comes from. A formula without a name goes into the only one that uses it, if that is alike."""
        if isinstance(top, int):
            return FaultTree({TOP: NEVER if top else ALWAYS}, ())
        users = Counter({top.key: 1})
        for key in range(top.key, -1, -1):
            formula = self._made[key]
            if users[key] and not isinstance(formula, str):
                users.update(formula[1:])
        called = {key: name if isinstance(name, str) else f"_{key}" for key, name in enumerate(self._made)}
        called |= {key: name for key, name in {**names, top.key: TOP}.items() if not isinstance(self._made[key], str)}
        gates: dict[str, Vote] = {}
        for key, formula in enumerate(self._made[: top.key + 1]):
            if users[key] and not isinstance(formula, str):
                every, inputs = formula[0], dict[str, None]()
                for part in formula[1:]:
                    below = gates.get(called[part])
                    inlined = below and part not in names and users[part] == 1 and below.is_and == every
                    inputs |= dict.fromkeys(gates.pop(called[part]).of if inlined else (called[part],))
                gates[called[key]] = Vote(len(inputs) if every else 1, tuple(inputs))
        gates.setdefault(TOP, Vote(1, (called[top.key],)))
        used = (name for vote in gates.values() for name in vote.of if name not in gates)
        return FaultTree(dict(reversed(gates.items())), tuple(dict.fromkeys(used)))
