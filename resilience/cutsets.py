"""Minimal cut sets: the smallest sets of failures that take 911 out at once, or sooner than required.

Every combination of an order is one bit of a batch, so the structure function is evaluated once an order.
Combinations stand in colexicographic order: those of n things are those of n − 1, then those with the n-th.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import combinations
from math import comb
from operator import and_, or_
from typing import NamedTuple

from resilience.duration import Ms
from resilience.steps import Batch, Bound
from resilience.structure import OnTimes, Structure, StructureTooLarge, bits

MOST_BYTES = 400_000_000
"""What the masks of one order may take; reckoned before any is made."""


class CutSet(NamedTuple):
    """`members` sorted by name; `loss` = life(911; members) in ms."""

    members: tuple[str, ...]
    loss: Ms


@dataclass(frozen=True, slots=True)
class Singles:
    """One batch of the scenarios asked for, then of all single failures, then of all pairs.

    An evaluation costs by the moment, hardly by the set: the pairs that a single would have spared cost less than
    a second evaluation.
    """

    names: Sequence[str]
    """What may fail, and is not off anyway."""
    blocks: "_Blocks"
    batch: Batch

    @classmethod
    def of(cls, structure: Structure, bound: Bound, order: int, *scenarios: Iterable[str]) -> "Singles":
        names = [name for name in structure.candidates if name not in bound.off]
        sizes = tuple(size for size in (1, 2)[:order] if size <= len(names))
        for size in sizes:
            refuse_too_large(structure, len(names), size)
        blocks = _blocks(len(names), sizes, len(scenarios))
        failed = dict(zip(names, blocks.masks, strict=True))
        for bit, scenario in enumerate(scenarios):
            for name in scenario:
                failed[name] = failed.get(name, 0) | 1 << bit
        return cls(names, blocks, Batch((1 << blocks.end) - 1, failed))


def minimal_cut_sets(structure: Structure, bound: Bound, *, within: Ms, order: int) -> tuple[CutSet, ...]:
    """Every minimal cut set of up to `order` members under which 911 is lost before `within` (0: at once).

    Sorted by order, then by name. The caller has made sure that life(911) with nothing failed is not below
    `within`, and not 0. StructureTooLarge where an order would not fit; nothing has been computed of it then.
    """
    singles = Singles.of(structure, bound, order)
    on = structure.evaluate(bound, singles.batch, within or 1)
    return completed(structure, bound, singles, on, within=within, order=order)


def completed(
    structure: Structure, bound: Bound, singles: Singles, on: OnTimes, *, within: Ms, order: int
) -> tuple[CutSet, ...]:
    """The same, where `singles` have been evaluated already, as far as `within` at least."""
    found = _found(singles.names, singles.blocks, on, within, 0)
    alone = {cut.members[0] for cut in found if len(cut.members) == 1}
    names = [name for name in singles.names if name not in alone]
    for size in range(3, min(order, len(names)) + 1):
        refuse_too_large(structure, len(names), size)
        blocks = _blocks(len(names), (size,), 0)
        batch = Batch((1 << blocks.end) - 1, dict(zip(names, blocks.masks, strict=True)))
        covered = _covered(found, dict(zip(names, blocks.masks, strict=True)))
        found += _found(names, blocks, structure.evaluate(bound, batch, within or 1), within, covered)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The combinations of several sizes, a block of bits each from its start on."""

    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    end: int
    masks: tuple[int, ...]
    """For each thing, the combinations that hold it."""


@lru_cache(maxsize=512)
def _blocks(n: int, sizes: tuple[int, ...], start: int) -> _Blocks:
    """Those of n things, where the bits before `start` are for something else."""
    masks, starts = [0] * n, []
    for size in sizes:
        starts.append(start)
        masks = [mask | own << start for mask, own in zip(masks, combination_masks(n, size), strict=True)]
        start += comb(n, size)
    return _Blocks(sizes, tuple(starts), start, tuple(masks))


def _found(names: Sequence[str], blocks: _Blocks, on: OnTimes, within: Ms, covered: int) -> list[CutSet]:
    """The combinations that are cut sets and, neither in `covered` nor by a smaller one of these, not minimal."""
    losses = [(moment, gone) for moment, gone in on.losses() if moment < (within or 1)]
    found: list[CutSet] = []
    for size, start in zip(blocks.sizes, blocks.starts, strict=True):
        own = ((1 << comb(len(names), size)) - 1) << start & ~covered
        fresh = [(bit, moment) for moment, gone in losses for bit in bits((gone & own) >> start)]
        if comb(len(names), size) <= MOST_LISTED:
            members, place = _combinations(len(names), size)
            fresh.sort(key=lambda one: place[one[0]])
            found += [CutSet(tuple([names[i] for i in members[bit]]), moment) for bit, moment in fresh]
        else:
            cuts = [
                CutSet(tuple([names[i] for i in combination(len(names), size, bit)]), moment) for bit, moment in fresh
            ]
            found += sorted(cuts)
        if size == 1:
            covered |= reduce(or_, (blocks.masks[bit] for bit, _ in fresh), 0)
    return found


def _covered(found: Iterable[CutSet], masks: Mapping[str, int]) -> int:
    """The combinations that hold a cut set already found, where `masks` has those that hold each thing."""
    covered = 0
    for cut in found:
        if all(member in masks for member in cut.members):
            covered |= reduce(and_, (masks[member] for member in cut.members))
    return covered


def refuse_too_large(structure: Structure, candidates: int, size: int) -> None:
    """StructureTooLarge where the sets of `size` out of so many candidates would not fit."""
    sets = comb(candidates, size)
    needed = sets // 8 * (len(structure) + candidates) * 4
    if needed > MOST_BYTES:
        raise StructureTooLarge(
            f"{structure.site.id}: {candidates} components have {sets} sets of {size}, about {needed // 1_000_000} MB; "
            f"ask for order {size - 1}"
        )


@lru_cache(maxsize=512)
def combination_masks(n: int, size: int) -> tuple[int, ...]:
    """For each of n things, the bits of the `size`-combinations that hold it."""
    if size == 1:
        return tuple(1 << index for index in range(n))
    masks: list[int] = []
    for last in range(n):
        shift = comb(last, size)
        rest = combination_masks(last, size - 1)
        masks = [a | b << shift for a, b in zip(masks, rest, strict=True)]
        masks.append(((1 << comb(last, size - 1)) - 1) << shift)
    return tuple(masks)


def combination(n: int, size: int, rank: int) -> tuple[int, ...]:
    """The `rank`-th `size`-combination of n things in colexicographic order, ascending."""
    members = []
    for k in range(size, 0, -1):
        index = k - 1
        while comb(index + 1, k) <= rank:
            index += 1
        rank -= comb(index, k)
        members.append(index)
    return tuple(reversed(members))


MOST_LISTED = 40_000
"""Combinations that are kept as a list: those of 60 things to order 3."""


@lru_cache(maxsize=64)
def _combinations(n: int, size: int) -> tuple[Sequence[tuple[int, ...]], Sequence[int]]:
    """The combinations by their rank, and the place of each rank in the order of their members."""
    by_rank = sorted(combinations(range(n), size), key=lambda members: members[::-1])
    place = [0] * len(by_rank)
    for at, rank in enumerate(sorted(range(len(by_rank)), key=by_rank.__getitem__)):
        place[rank] = at
    return by_rank, place
