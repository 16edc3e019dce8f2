"""The minimal cut sets of a fault tree up to an order, listed or counted.

The reduced tree is searched with all combinations of a size at once, one last member after the other: each
combination of the others is one bit of an integer, so `or` is | and `and` is &. What is found over groups is
then multiplied out.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import islice
from math import comb
from operator import and_, or_

from resilience.cutsets import MOST_BYTES, combination_masks
from resilience.faulttree import FaultTree, Vote
from resilience.reduction import Reduced, reduced
from resilience.steps import at_least
from resilience.structure import StructureTooLarge, bits

MOST_FOUND = 1_000_000
"""Cut sets over groups held at once, about 100 bytes each."""
MOST_LISTED = 2_000_000
"""Cut sets written out, about 150 bytes each."""

CutSets = Sequence[tuple[str, ...]]


def minimal_cut_sets(tree: FaultTree, order: int, top: str = "") -> CutSets:
    """Every minimal cut set of up to `order` basic events: names sorted, sets by order and then by name.

    A set of no members says that the top has failed though nothing has. NoSuchTop, or StructureTooLarge.
    """
    form = reduced(tree, tree.top(top), order)
    found = _search(form, order)
    counts = _counts(form, found, order)
    if (total := sum(counts)) > MOST_LISTED:
        fits = max(size for size in range(order) if sum(counts[: size + 1]) <= MOST_LISTED)
        raise StructureTooLarge(
            f"{total} minimal cut sets of up to {order} events are too many to list; count them with --count, "
            f"or ask for order {fits}"
        )
    return _listed(form, found, order)


def cut_set_counts(tree: FaultTree, order: int, top: str = "") -> Mapping[int, int]:
    """How many minimal cut sets of each order, from 1 to `order`; 0 stands where the top has failed though
    nothing has. Lists none of them. NoSuchTop, or StructureTooLarge."""
    form = reduced(tree, tree.top(top), order)
    counts = _counts(form, _search(form, order), order)
    return {size: count for size, count in enumerate(counts) if size or count}


def _search(form: Reduced, order: int) -> CutSets:
    """The minimal cut sets over the leaves of `form`, of up to `order` leaves."""
    if _failing(form, {}, 1):
        return [()]
    weights = form.weights
    # Lightest first: the leaves that a larger size has room for are the first ones, and so keep their positions.
    leaves = sorted(weights, key=lambda leaf: (weights[leaf], leaf))
    _refuse_too_large(form, len(leaves), 1)
    alone = _failing(form, {leaf: 1 << index for index, leaf in enumerate(leaves)}, (1 << len(leaves)) - 1)
    found: list[tuple[str, ...]] = [(leaf,) for index, leaf in enumerate(leaves) if alone >> index & 1]
    leaves = [leaf for index, leaf in enumerate(leaves) if not alone >> index & 1]
    sizes = range(2, order + 1)
    rooms = [bisect_right(leaves, order - size + 1, key=weights.__getitem__) for size in sizes]
    for size, room in zip(sizes, rooms, strict=True):
        _refuse_too_large(form, room, size)
    seen = _Seen([[] for _ in leaves], 0)
    for size, room in zip(sizes, rooms, strict=True):
        found += islice(_of_size(form, leaves[:room], size, seen), MOST_FOUND + 1 - len(found))
        if len(found) > MOST_FOUND:
            raise StructureTooLarge(
                f"{room} events under {len(form.gates)} gates have over {MOST_FOUND} minimal cut sets of {size}; "
                f"ask for order {size - 1}"
            )
    return found


@dataclass(slots=True)
class _Seen:
    """What the sizes done leave for the next, in positions of leaves."""

    minimal: list[list[tuple[int, ...]]]
    """The minimal cut sets, by their last member and without it."""
    cuts: int
    """The combinations of the last size that are cut sets, minimal or not."""


def _of_size(form: Reduced, leaves: Sequence[str], size: int, seen: _Seen) -> Iterator[tuple[str, ...]]:
    """The minimal cut sets of just `size` leaves; `seen` is brought up to this size."""
    whole = combination_masks(len(leaves), size - 1)
    columns = [[comb(index, k) for index in range(len(leaves) + 1)] for k in range(size)]
    cuts = 0
    for last in range(size - 1, len(leaves)):
        full = (1 << comb(last, size - 1)) - 1
        masks = [mask & full for mask in whole[:last]]
        fails = _failing(form, {**dict(zip(leaves, masks, strict=False)), leaves[last]: full}, full)
        cuts |= fails << comb(last, size)
        covered = seen.cuts & full
        for others in seen.minimal[last]:
            covered |= reduce(and_, (masks[index] for index in others))
        fresh = [_combination(rank, columns) for rank in bits(fails & ~covered)]
        seen.minimal[last] += fresh
        yield from (tuple(leaves[index] for index in (*others, last)) for others in fresh)
    seen.cuts = cuts


def _refuse_too_large(form: Reduced, leaves: int, size: int) -> None:
    masks = 2 * leaves + len(form.gates)
    needed = max(leaves, comb(max(leaves - 1, 0), size - 1)) // 8 * masks
    if needed > MOST_BYTES:
        smaller = f"ask for order {size - 1}" if size > 1 else "no order fits"
        raise StructureTooLarge(
            f"{leaves} events under {len(form.gates)} gates have {comb(leaves, size)} sets of {size}, about "
            f"{needed // 1_000_000} MB; {smaller}"
        )


def _failing(form: Reduced, masks: Mapping[str, int], full: int) -> int:
    """The combinations under which the top fails, where `masks` has those that hold a leaf."""
    fails = dict(masks)
    for name, vote in form.gates.items():
        fails[name] = _vote(vote, [fails.get(entry, 0) for entry in vote.of], full)
    return fails[form.top]


def _vote(vote: Vote, inputs: Sequence[int], full: int) -> int:
    if vote.is_or:
        return reduce(or_, inputs, 0)
    if vote.is_and:
        return reduce(and_, inputs)
    return at_least(vote.count, inputs, full)


def _combination(rank: int, columns: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The members, ascending, of the `rank`-th combination in colexicographic order; columns[k][n] = comb(n, k)."""
    members = []
    for column in reversed(columns[1:]):
        index = bisect_right(column, rank) - 1
        rank -= column[index]
        members.append(index)
    return tuple(reversed(members))


def _counts(form: Reduced, found: CutSets, order: int) -> Sequence[int]:
    """How many sets of basic events of each order, from 0, the sets over leaves in `found` stand for."""
    one: tuple[int, ...] = (0, 1) + (0,) * (order - 1)
    leaves: dict[str, tuple[int, ...]] = {}
    for group, vote in form.groups.items():
        members = [leaves.get(member, one) for member in vote.of]
        leaves[group] = tuple(map(sum, zip(*members, strict=True))) if vote.is_or else _times(members, order)
    alike = Counter(tuple(leaves.get(leaf, one) for leaf in cut) for cut in found)
    totals = [0] * (order + 1)
    for counts, times in alike.items():
        for size, count in enumerate(_times(counts, order)):
            totals[size] += count * times
    return totals


def _times(factors: Sequence[Sequence[int]], order: int) -> tuple[int, ...]:
    """The counts of sets that take one of each factor, up to `order`."""
    totals = [1] + [0] * order
    for factor in factors:
        totals = [sum(totals[size - k] * factor[k] for k in range(size + 1)) for size in range(order + 1)]
    return tuple(totals)


def _listed(form: Reduced, found: CutSets, order: int) -> CutSets:
    @cache
    def of_leaf(leaf: str, size: int) -> CutSets:
        """The cut sets of a leaf that have exactly `size` basic events."""
        if leaf not in form.groups:
            return [(leaf,)] if size == 1 else []
        group = form.groups[leaf]
        if group.is_or:
            return [cut for member in group.of for cut in of_leaf(member, size)]
        return of_all(group.of, size)

    def of_all(leaves: tuple[str, ...], size: int) -> CutSets:
        if not leaves:
            return [] if size else [()]
        first, rest = leaves[0], leaves[1:]
        return [
            cut + others
            for own in range(1, size - len(rest) + 1)
            for others in of_all(rest, size - own)
            for cut in of_leaf(first, own)
        ]

    by_size = ([tuple(sorted(cut)) for leaves in found for cut in of_all(leaves, size)] for size in range(order + 1))
    return [cut for cuts in by_size for cut in sorted(cuts)]
