"""A fault tree made small without loss: the same minimal cut sets up to an order, over far fewer events.

Four steps, repeated while one of them changes anything. Folding and merging take out what says nothing.
Truncation takes out what no cut set of the order can pass through. Grouping makes one of the events that only
ever stand together, so that what is left to search is the part of the tree where things are truly shared.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from resilience.faulttree import ALWAYS, NEVER, FaultTree, Vote
from resilience.structure import dependencies_first

Gates = Mapping[str, Vote]


@dataclass(frozen=True, slots=True)
class Reduced:
    """`groups` are inputs that stand for several: 1 of n, or n of n, basic events and groups. No event stands twice."""

    top: str
    gates: Gates
    """Each after its inputs; the top last."""
    groups: Mapping[str, Vote]
    """Each after its members."""

    @property
    def leaves(self) -> tuple[str, ...]:
        """The basic events and groups that gates have as inputs."""
        return tuple({name: None for vote in self.gates.values() for name in vote.of if name not in self.gates})

    @property
    def weights(self) -> Mapping[str, int]:
        """How many basic events it takes, at least, for each leaf to fail."""
        weights: dict[str, int] = {}
        for group, vote in self.groups.items():
            weights[group] = sum(sorted(weights.get(member, 1) for member in vote.of)[: vote.count])
        return {leaf: weights.get(leaf, 1) for leaf in self.leaves}


def reduced(tree: FaultTree, top: str, order: int) -> Reduced:
    """What is left of `tree` under `top` where cut sets of up to `order` events are asked for."""
    form = _reachable(Reduced(top, tree.gates, {}))
    while True:
        for step in (_folded, _merged, _truncated, _grouped):
            after = step(form, order)
            if after != form:
                form = after
                break
        else:
            return form


def _inputs_first(form: Reduced) -> list[str]:
    return dependencies_first([form.top], lambda name: form.gates[name].of if name in form.gates else ())


def _folded(form: Reduced, order: int) -> Reduced:
    """Without constants, gates of one input, and gates said twice."""
    stands: dict[str, str] = {}
    gates: dict[str, Vote] = {}
    first: dict[Vote, str] = {}
    for name in _inputs_first(form):
        if name not in form.gates:
            stands[name] = name
            continue
        vote = _simple(form.gates[name], stands, gates)
        if name == form.top and len(vote.of) == 1:
            vote = gates.get(vote.of[0], vote)
        elif name != form.top and len(vote.of) == 1:
            stands[name] = vote.of[0]
            continue
        stands[name] = name if name == form.top else first.setdefault(vote, name)
        gates[name] = vote
    return _reachable(replace(form, gates=gates))


def _simple(vote: Vote, stands: Mapping[str, str], gates: Gates) -> Vote:
    inputs = [stands[name] for name in vote.of]
    count = vote.count - sum(gates.get(name) == ALWAYS for name in inputs)
    inputs = [name for name in inputs if gates.get(name) not in (ALWAYS, NEVER)]
    if count <= 0:
        return ALWAYS
    if count > len(inputs):
        return NEVER
    if count in (1, len(inputs)):
        once = tuple(sorted(set(inputs)))
        return Vote(1 if count == 1 else len(once), once)
    return Vote(count, tuple(sorted(inputs)))


def _merged(form: Reduced, order: int) -> Reduced:
    """Without an `or` under an `or`, or an `and` under an `and`, that nothing else uses."""
    users = Counter(name for vote in form.gates.values() for name in set(vote.of))
    gates: dict[str, Vote] = {}
    merged: set[str] = set()
    for name in reversed(list(form.gates)):
        vote = form.gates[name]
        if name in merged:
            continue
        inputs: set[str] = set()
        waiting = list(vote.of) if vote.is_or or vote.is_and else []
        while waiting:
            entry = waiting.pop()
            below = form.gates.get(entry)
            if below is not None and users[entry] == 1 and (below.is_or if vote.is_or else below.is_and):
                merged.add(entry)
                waiting.extend(below.of)
            else:
                inputs.add(entry)
        gates[name] = Vote(1 if vote.is_or else len(inputs), tuple(sorted(inputs))) if inputs else vote
    return _reachable(replace(form, gates=gates))


def _reachable(form: Reduced) -> Reduced:
    return replace(form, gates={name: form.gates[name] for name in _inputs_first(form) if name in form.gates})


def _truncated(form: Reduced, order: int) -> Reduced:
    """Without inputs that would take more failures than are left once what must fail beside them has.

    `least` is a lower bound of the failures a name takes, `left` an upper bound of those that a cut set of the
    order can spend on what is under it.
    """
    least = dict(form.weights)
    under = {leaf: 1 << index for index, leaf in enumerate(least)}
    beside: dict[str, _Beside] = {}
    for name, vote in form.gates.items():
        beside[name] = _Beside(vote, least, under)
        least[name] = beside[name].all
        under[name] = reduce(or_, (under[entry] for entry in vote.of), 0)
    left = {form.top: order}
    gates: dict[str, Vote] = {}
    for name in reversed(list(form.gates)):
        kept = []
        for entry in form.gates[name].of:
            budget = left[name] - beside[name].without(entry)
            left[entry] = max(left.get(entry, 0), budget)
            if least[entry] <= budget:
                kept.append(entry)
        gates[name] = Vote(form.gates[name].count, tuple(kept))
    return replace(form, gates=dict(reversed(gates.items())))


class _Beside:
    """Lower bounds of what it takes for a vote to fail, from inputs that share no leaf: their costs add up."""

    def __init__(self, vote: Vote, least: Mapping[str, int], under: Mapping[str, int]) -> None:
        self._least = least
        self._apart: set[str] = set()
        covered = 0
        for entry in sorted(vote.of, key=least.__getitem__, reverse=True) if vote.count > 1 else ():
            if not under[entry] & covered:
                self._apart.add(entry)
                covered |= under[entry]
        self._costs = sorted(least[entry] for entry in self._apart)
        # Where all the others have failed, so many of these still must.
        self._needed = vote.count - (len(vote.of) - len(self._apart))
        each = sorted(least[entry] for entry in vote.of)
        alone = each[vote.count - 1] if 0 < vote.count <= len(each) else 0
        self.all = max(alone, self._cheapest(self._needed))

    def _cheapest(self, needed: int) -> int:
        return sum(self._costs[: max(needed, 0)])

    def without(self, entry: str) -> int:
        """The failures that are spent outside what is under `entry` when it is one of those that fail."""
        if entry not in self._apart or self._needed < 2:
            return 0
        cost = self._least[entry]
        if cost <= self._costs[self._needed - 1]:
            return self._cheapest(self._needed) - cost
        return self._cheapest(self._needed - 1)


def _grouped(form: Reduced, order: int) -> Reduced:
    """With one leaf in the place of those that are inputs of the same gates, all of them `or`, or all `and`."""
    users: dict[str, list[str]] = {leaf: [] for leaf in form.leaves}
    for user, vote in form.gates.items():
        for entry in dict.fromkeys(vote.of):
            if entry in users:
                users[entry].append(user)
    together: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for leaf, above in users.items():
        votes = [form.gates[user] for user in above]
        if all(vote.is_or for vote in votes) or all(vote.is_and for vote in votes):
            together.setdefault((votes[0].is_or, tuple(above)), []).append(leaf)
    groups, gates = dict(form.groups), dict(form.gates)
    for (one, all_above), members in together.items():
        if len(members) > 1:
            group = f"/{len(groups)}"
            groups[group] = Vote(1 if one else len(members), tuple(members))
            for user in all_above:
                rest = set(gates[user].of) - set(members)
                gates[user] = Vote(1 if one else len(rest) + 1, tuple(sorted((*rest, group))))
    return replace(form, gates=gates, groups=groups)
