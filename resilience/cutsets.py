"""Minimal cut sets: the smallest sets of failures that take 911 out at once, or sooner than required.

Every combination of an order is one bit of a batch, so the structure function is evaluated once an order.
Combinations stand in colexicographic order: those of n things are those of n − 1, then those with the n-th.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

from resilience.duration import Ms
from resilience.steps import Batch, Bound
from resilience.structure import Structure, StructureTooLarge, bits

MOST_BYTES = 400_000_000
"""What the masks of one order may take; reckoned before any is made."""


@dataclass(frozen=True, slots=True)
class CutSet:
    """`members` sorted by name; `loss` = life(911; members) in ms."""

    members: tuple[str, ...]
    loss: Ms


def minimal_cut_sets(structure: Structure, bound: Bound, *, within: Ms, order: int) -> tuple[CutSet, ...]:
    """Every minimal cut set of up to `order` members under which 911 is lost before `within` (0: at once).

    Sorted by order, then by name. The caller has made sure that life(911) with nothing failed is not below
    `within`, and not 0. StructureTooLarge where an order would not fit; nothing has been computed of it then.
    """
    names = sorted(c.name for c in structure.site.components.values() if c.candidate and c.name not in bound.off)
    found: list[CutSet] = []
    # Singles and pairs share one evaluation: it costs more than the pairs that a single would have spared.
    for asked in ((1, 2)[:order], *((size,) for size in range(3, order + 1))):
        single = {cut.members[0] for cut in found if len(cut.members) == 1}
        names = [name for name in names if name not in single]
        sizes = tuple(size for size in asked if size <= len(names))
        if not sizes:
            break
        refuse_too_large(structure, len(names), sizes[-1])
        blocks = _blocks(len(names), sizes)
        batch = Batch((1 << blocks.sets) - 1, dict(zip(names, blocks.masks, strict=True)))
        losses = structure.evaluate(bound, batch, within or 1).losses()
        for size, start in zip(sizes, blocks.starts, strict=True):
            covered = _covered(found, names, size)
            own = (1 << comb(len(names), size)) - 1
            fresh = [
                CutSet(tuple(names[index] for index in combination(len(names), size, bit)), loss)
                for loss, gone in losses
                for bit in bits(gone >> start & own & ~covered)
            ]
            found.extend(sorted(fresh, key=lambda cut: cut.members))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The combinations of several sizes, a block of bits each from its start on."""

    masks: tuple[int, ...]
    starts: tuple[int, ...]
    sets: int


@lru_cache(maxsize=512)
def _blocks(n: int, sizes: tuple[int, ...]) -> _Blocks:
    counts = [comb(n, size) for size in sizes]
    starts = tuple(sum(counts[:index]) for index in range(len(sizes)))
    masks = [0] * n
    for size, start in zip(sizes, starts, strict=True):
        masks = [mask | own << start for mask, own in zip(masks, combination_masks(n, size), strict=True)]
    return _Blocks(tuple(masks), starts, sum(counts))


def _covered(found: Sequence[CutSet], names: Sequence[str], size: int) -> int:
    """The combinations of `size` that hold a cut set already found."""
    position = {name: index for index, name in enumerate(names)}
    masks = combination_masks(len(names), size)
    covered = 0
    for cut in found:
        if all(member in position for member in cut.members):
            held = masks[position[cut.members[0]]]
            for member in cut.members[1:]:
                held &= masks[position[member]]
            covered |= held
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
    if comb(n, size) <= MOST_LISTED:
        return _combinations(n, size)[rank]
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
def _combinations(n: int, size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted(combinations(range(n), size), key=lambda members: members[::-1]))
