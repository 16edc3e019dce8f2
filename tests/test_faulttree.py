"""Cut sets of fault trees: worked ones, random ones against brute force, and what is refused."""

from collections.abc import Iterable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.faulttree import ALWAYS, NEVER, FaultTree, NoSuchTop, Vote
from resilience.reduction import reduced
from resilience.structure import StructureTooLarge
from resilience.treecuts import cut_set_counts, minimal_cut_sets


def tree(**gates: Vote) -> FaultTree:
    inputs = dict.fromkeys(name for vote in gates.values() for name in vote.of)
    return FaultTree(gates, tuple(name for name in inputs if name not in gates))


def any_fails(*inputs: str) -> Vote:
    return Vote(1, inputs)


def all_fail(*inputs: str) -> Vote:
    return Vote(len(inputs), inputs)


def fails(declared: FaultTree, name: str, failed: Iterable[str]) -> bool:
    """The law, for one set of failures: nothing is shared with the search."""
    if name not in declared.gates:
        return name in failed
    vote = declared.gates[name]
    return sum(fails(declared, entry, failed) for entry in vote.of) >= vote.count


def brute_force(declared: FaultTree, order: int, top: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for size in range(order + 1):
        for members in combinations(sorted(declared.events), size):
            if not any(set(cut) <= set(members) for cut in found) and fails(declared, top, members):
                found.append(members)
    return found


@st.composite
def random_trees(draw: st.DrawFn) -> FaultTree:
    """Shared gates, repeated events, votes with inputs that stand twice, constants, gates of one input."""
    events = [f"e{index}" for index in range(draw(st.integers(1, 8)))]
    below, gates = list(events), {}
    for index in range(draw(st.integers(1, 9))):
        entries = st.sampled_from(below[-6:]) if draw(st.booleans()) else st.sampled_from(below)
        inputs = tuple(draw(st.lists(entries, max_size=5)))
        count = draw(st.sampled_from([1, 1, len(inputs), draw(st.integers(0, 4))]))
        gates[f"g{index}"] = Vote(count, inputs)
        below.append(f"g{index}")
    return FaultTree(dict(reversed(gates.items())), tuple(events))


@settings(max_examples=400, deadline=None)
@given(random_trees(), st.integers(1, 5), st.data())
def test_cut_sets_agree_with_brute_force(declared: FaultTree, order: int, data: st.DataObject) -> None:
    top = data.draw(st.sampled_from(list(declared.gates)))
    expected = brute_force(declared, order, top)
    assert minimal_cut_sets(declared, order, top) == expected
    counts = cut_set_counts(declared, order, top)
    assert counts == {
        size: sum(len(cut) == size for cut in expected) for size in range(order + 1) if size or expected == [()]
    }


def test_two_of_three_and_a_shared_event() -> None:
    declared = tree(
        top=any_fails("votes", "pair"), votes=Vote(2, ("a", "b", "c")), pair=all_fail("a", "x"), x=any_fails("d", "b")
    )
    assert minimal_cut_sets(declared, 2) == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c")]
    assert cut_set_counts(declared, 3) == {1: 0, 2: 4, 3: 0}


def test_an_input_that_stands_twice_counts_twice() -> None:
    assert minimal_cut_sets(tree(top=Vote(2, ("a", "a", "b"))), 2) == [("a",)]


def test_a_top_that_has_failed_has_the_empty_cut_set_and_one_that_cannot_has_none() -> None:
    failed = tree(top=any_fails("a", "on"), on=ALWAYS)
    assert minimal_cut_sets(failed, 3) == [()]
    assert cut_set_counts(failed, 2) == {0: 1, 1: 0, 2: 0}
    assert minimal_cut_sets(tree(top=all_fail("a", "off"), off=NEVER), 3) == []


def test_gates_that_cannot_be_cut_at_the_order_are_gone_before_the_search() -> None:
    wide = {f"w{index}": all_fail(*(f"e{index}-{k}" for k in range(4))) for index in range(200)}
    declared = tree(top=any_fails("a", *wide), **wide)
    assert reduced(declared, "top", 3).leaves == ("a",)
    assert cut_set_counts(declared, 4) == {1: 1, 2: 0, 3: 0, 4: 200}


def test_counts_of_what_is_too_much_to_list() -> None:
    banks = {f"bank{index}": any_fails(*(f"e{index}-{k}" for k in range(400))) for index in range(3)}
    declared = tree(top=all_fail(*banks), **banks)
    assert cut_set_counts(declared, 3) == {1: 0, 2: 0, 3: 400**3}
    with pytest.raises(StructureTooLarge, match=r"64000000 minimal cut sets .* --count, or ask for order 2"):
        minimal_cut_sets(declared, 3)


def test_a_tree_too_large_for_the_order_is_refused_with_its_size_and_a_smaller_order() -> None:
    """Neighbours in a ring share an event with each other, so nothing can be grouped."""
    ring = {f"g{index}": any_fails(f"e{index}", f"e{(index + 1) % 300}") for index in range(300)}
    declared = tree(top=Vote(4, tuple(ring)), **ring)
    with pytest.raises(StructureTooLarge, match=r"300 events under 301 gates have .* sets of 4, .* ask for order 3"):
        minimal_cut_sets(declared, 4)
    assert len(minimal_cut_sets(declared, 2)) == 300 * 297 // 2


def test_more_cut_sets_than_can_be_held_are_refused_while_they_are_found() -> None:
    ring = {f"g{index}": any_fails(f"e{index}", f"e{(index + 1) % 220}") for index in range(220)}
    with pytest.raises(StructureTooLarge, match=r"over 1000000 minimal cut sets of 3; ask for order 2"):
        cut_set_counts(tree(top=Vote(5, tuple(ring)), **ring), 3)


def test_a_chain_of_thousands_is_no_recursion() -> None:
    chain = {f"g{index}": any_fails(f"g{index + 1}", f"e{index}") for index in range(5000)}
    found = minimal_cut_sets(tree(**chain, g5000=all_fail("a", "b")), 2)
    assert len(found) == 5001
    assert found[-1] == ("a", "b")


def test_the_only_root_is_the_top_or_one_is_asked_for() -> None:
    declared = tree(first=any_fails("a", "b"), second=all_fail("a", "b"))
    with pytest.raises(NoSuchTop, match="2 roots; choose one with --top: first, second"):
        minimal_cut_sets(declared, 1)
    assert minimal_cut_sets(declared, 2, "second") == [("a", "b")]
    with pytest.raises(NoSuchTop, match="'secnd' is no gate of this tree; did you mean 'second'"):
        minimal_cut_sets(declared, 2, "secnd")
