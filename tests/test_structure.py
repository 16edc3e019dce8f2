"""The evaluator against the law: worked sites, and a brute force over random ones."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brute import Brute
from builders import random_sites, site
from resilience.cutsets import combination, combination_masks, minimal_cut_sets
from resilience.model import Gate, Site
from resilience.steps import Batch
from resilience.structure import SHALLOW, Structure, StructureTooLarge, bits
from resilience.survival import design_bounds

MINUTE = 60_000


def lives(declared: Site, *sets: set[str], low: bool = True) -> list[float]:
    bounds = design_bounds(declared)
    bound = bounds.low if low else bounds.high
    return Structure(declared).evaluate(bound, Batch.of(*sets)).lives()


def test_a_ups_bridges_until_the_generator_carries() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "ups": {"kind": "ups", "power": ["utility", "gen"], "runtime": "45m"},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    now, outage, both, ups = lives(declared, set(), {"utility"}, {"utility", "gen"}, {"ups"})
    assert now == math.inf
    assert outage == (24 * 60 + 45) * MINUTE
    assert both == 45 * MINUTE
    assert ups == 0


def test_a_ups_shorter_than_the_start_loses_what_it_feeds() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "ups": {"kind": "ups", "power": ["utility", "gen"], "runtime": "20s"},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    assert lives(declared, {"utility"}) == [20_000]


def test_unknown_energy_is_nothing_assured_and_everything_possible() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"]},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    assert lives(declared, {"utility"}, low=True) == [0]
    assert lives(declared, {"utility"}, low=False) == [math.inf]


def test_an_entry_that_stands_twice_counts_twice() -> None:
    declared = site({"a": {}, "b": {}}, {"p": [Gate(2, ("a", "a", "b"))]})
    assert lives(declared, {"a"}, {"b"}) == [0, math.inf]


@settings(max_examples=400, deadline=None)
@given(random_sites(), st.booleans(), st.data())
def test_lives_agree_with_brute_force(declared: Site, low: bool, data: st.DataObject) -> None:
    names = st.frozensets(st.sampled_from(sorted(declared.components)), max_size=4)
    sets = data.draw(st.lists(names, min_size=1, max_size=8))
    brute = Brute(declared, low=low)
    assert lives(declared, *map(set, sets), low=low) == [brute.life(failed) for failed in sets]


@settings(max_examples=150, deadline=None)
@given(random_sites(7), st.booleans())
def test_cut_sets_agree_with_brute_force(declared: Site, low: bool) -> None:
    bounds = design_bounds(declared)
    bound = bounds.low if low else bounds.high
    brute = Brute(declared, low=low)
    healthy = brute.life(frozenset())
    if healthy == 0:
        return
    within = declared.power_outage if healthy >= declared.power_outage else 0
    found = minimal_cut_sets(Structure(declared), bound, within=within, order=3)
    assert {cut.members: cut.loss for cut in found} == brute.cut_sets(within, 3)


@settings(max_examples=150, deadline=None)
@given(random_sites(), st.data())
def test_one_more_failure_never_helps_and_low_is_never_over_high(declared: Site, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(declared.components))
    some = data.draw(st.frozensets(names, max_size=3))
    more = some | {data.draw(names)}
    low = lives(declared, set(some), set(more))
    high = lives(declared, set(some), set(more), low=False)
    assert low[1] <= low[0]
    assert high[1] <= high[0]
    assert low[0] <= high[0]


@settings(max_examples=50, deadline=None)
@given(random_sites(7))
def test_cut_sets_are_an_antichain_and_minimal(declared: Site) -> None:
    bound = design_bounds(declared).low
    structure = Structure(declared)
    if structure.evaluate(bound, Batch.of(())).lives() == [0]:
        return
    found = [set(cut.members) for cut in minimal_cut_sets(structure, bound, within=0, order=3)]
    assert not any(one < other for one in found for other in found)
    for cut in found:
        assert lives(declared, cut) == [0]
        assert all(life > 0 for member in cut for life in lives(declared, cut - {member}))


@pytest.mark.parametrize(("n", "size"), [(1, 1), (5, 2), (7, 3), (6, 6)])
def test_combinations_are_each_one_bit(n: int, size: int) -> None:
    masks = combination_masks(n, size)
    seen = set()
    for rank in range(math.comb(n, size)):
        members = tuple(index for index in range(n) if masks[index] >> rank & 1)
        assert members == combination(n, size, rank)
        seen.add(members)
    assert len(seen) == math.comb(n, size)


def test_too_large_an_order_is_refused_before_memory_is_used() -> None:
    declared = site({f"c{index}": {} for index in range(300)}, {"p": ["c0"]})
    with pytest.raises(StructureTooLarge, match=r"4410549 sets of 3, .* ask for order 2"):
        minimal_cut_sets(Structure(declared), design_bounds(declared).low, within=0, order=4)


def test_a_chain_of_thousands_is_no_recursion() -> None:
    chain = {"c0": {}} | {f"c{index}": {"needs": [f"c{index - 1}"]} for index in range(1, 5000)}
    declared = site(chain, {"p": ["c4999"]})
    assert lives(declared, set(), {"c0"}) == [math.inf, 0]


@pytest.mark.parametrize("count", [SHALLOW, 2 * SHALLOW])
def test_the_order_of_a_file_does_not_matter(count: int) -> None:
    def above(index: int) -> Gate:
        name = f"c{index - 1}"
        return Gate(1, (Gate(2, (name, name, "spare")), Gate(1, ("spare", Gate(2, (name, name, name))))))

    chain = {f"c{index}": {"needs": [above(index)]} for index in range(count - 2, 0, -1)}
    declared = site({**chain, "c0": {}, "spare": {}}, {"p": [f"c{count - 2}"]})
    assert lives(declared, set(), {"c0"}, {"spare"}, {"c0", "spare"}) == [math.inf, math.inf, math.inf, 0]


def test_more_moments_than_any_site_has_are_refused() -> None:
    gens = {
        f"g{number}": {"kind": "generator", "starts_within": f"{number}s", "fuel": f"{5000 + number}s"}
        for number in range(1, 2100)
    }
    declared = site({**gens, "pdu": {"kind": "pdu", "power": list(gens)}}, {"p": ["pdu"]})
    with pytest.raises(StructureTooLarge, match="at more than 4096 moments"):
        lives(declared, set())


def test_a_hold_is_looked_at_again_only_where_something_changed() -> None:
    """A hold that asked itself what it had been would find a change every time, and look again for ever."""
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "cooling": {"kind": "service", "power": ["utility", "gen"], "holds": "20m"},
        },
        {"p": ["cooling"]},
    )
    on = Structure(declared).evaluate(design_bounds(declared).low, Batch.of((), ("utility",), ("utility", "gen")))
    assert on.components["cooling"] == [(0, 0b111), (20 * MINUTE, 0b011), ((24 * 60 + 20) * MINUTE, 0b001)]


def test_bits() -> None:
    assert list(bits(0b10110)) == [1, 2, 4]
