"""The minimal cut sets of a fault tree up to an order, listed or counted.

The reduced tree is searched with all combinations of one order, one last member after the other: every
combination of the rest is one bit of an integer, so a gate is `&` and `|`. What is found over groups is then
multiplied out.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from math import comb
from operator import and_, or_
from typing import TypeVar

from resilience.cutsets import combination_masks
from resilience.faulttree import FaultTree, Vote
from resilience.reduction import Reduced, reduced
from resilience.structure import StructureTooLarge

MOST_BYTES = 200_000_000
"""What the masks of one order may take; reckoned before any is made."""
MOST_FOUND = 1_000_000
"""Cut sets of groups held at once, about 100 bytes each."""
MOST_LISTED = 2_000_000
"""Cut sets written out, about 150 bytes each."""

Found = Sequence[tuple[str, ...]]
"""Minimal cut sets over the leaves of a reduced tree."""


def minimal_cut_sets(tree: FaultTree, order: int, top: str = "") -> Found:
    """Every minimal cut set of up to `order` basic events, each sorted, by order and then by name.

    One of no members says that the top has failed with nothing more failed. NoSuchTop; StructureTooLarge where
    the order would not fit.
    """
    form, found = _found(tree, order, top)
    counted = _counts(form, found, order)
    if sum(counted) > MOST_LISTED:
        least = max(size for size in range(order) if sum(counted[: size + 1]) <= MOST_LISTED)
        raise StructureTooLarge(
            f"{sum(counted)} minimal cut sets up to order {order} are too many to list; "
            f"count them with --count, or ask for order {least}"
        )
    return _listed(form, found, order)


def cut_set_counts(tree: FaultTree, order: int, top: str = "") -> Mapping[int, int]:
    """How many minimal cut sets there are of each order up to `order`, without listing them."""
    form, found = _found(tree, order, top)
    return dict(enumerate(_counts(form, found, order)))
