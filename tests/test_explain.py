"""Explanations and pretended fixes: literal for known sites, and checked by brute force for random ones."""

import pytest
from hypothesis import given, settings

from brute import Brute
from builders import random_sites, site
from resilience.assess import assess_design
from resilience.explain import explain
from resilience.fix import Double, Feed, Lasts, apply, parse_fix
from resilience.model import Site, any_of


def office() -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "ups-mdf": {"kind": "ups", "power": ["utility"], "runtime": "3h"},
            "ups-idf": {"kind": "ups", "power": ["utility"], "runtime": "23m"},
            "conduit-east": {"kind": "shared-risk"},
            "wan-a": {"kind": "wan", "needs": ["conduit-east"], "power": ["ups-mdf"]},
            "wan-b": {"kind": "wan", "needs": ["conduit-east"], "power": ["ups-mdf"]},
            "phones": {"kind": "phones", "units": 40, "power": ["ups-idf"]},
            "lobby-line": {"kind": "fallback-line", "needs": ["conduit-east"]},
            "lobby-phone": {"kind": "phones", "power": ["ups-idf"]},
        },
        {"desk-phones": ["phones", any_of("wan-a", "wan-b")], "lobby": ["lobby-phone", "lobby-line"]},
        requires="2h",
    )


def test_the_reasons_the_chains_and_the_cheapest_fix() -> None:
    conduit, ups, utility = explain(assess_design(office(), 0))
    assert conduit.reason == "desk-phones and lobby both end in conduit-east"
    assert conduit.chains == (
        ("conduit-east", "wan-a", "desk-phones"),
        ("conduit-east", "lobby-line", "lobby"),
    )
    assert conduit.remedy is not None
    assert conduit.remedy.text == "a second way beside conduit-east"
    assert conduit.remedy.leaves == ("ups-idf", "utility")

    assert ups.reason == "desk-phones and lobby both end in ups-idf"
    assert ups.remedy is not None
    assert ups.remedy.fixes == (Feed("utility", ("phones", "lobby-phone")),)
    assert ups.remedy.leaves == ("conduit-east", "utility")

    assert utility.reason == "without utility ups-idf holds 23 min; 2 h are required"
    assert utility.remedy is not None
    assert utility.remedy.text == "a bigger UPS: ups-idf is 97 min short"


def test_two_stores_that_are_short_are_both_named() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups-a": {"kind": "ups", "power": ["utility"], "runtime": "1h"},
            "ups-b": {"kind": "ups", "power": ["utility"], "runtime": "1h"},
            "pbx": {"kind": "pbx", "power": ["ups-a"]},
            "switch": {"kind": "switch", "power": ["ups-b"]},
        },
        {"desk": ["pbx", "switch"]},
        requires="2h",
    )
    told = {explanation.point.component: explanation for explanation in explain(assess_design(declared, 0))}
    remedy = told["utility"].remedy
    assert remedy is not None
    assert remedy.text == "bigger UPSes: ups-a and ups-b are 60 min short"


def test_a_site_without_a_single_point_has_nothing_to_explain() -> None:
    assert explain(assess_design(site({"a": {}, "b": {}}, {"p": [any_of("a", "b")]}), 0)) == ()


@settings(max_examples=120, deadline=None)
@given(random_sites(7))
def test_every_remedy_ends_its_single_point_of_failure_by_brute_force(declared: Site) -> None:
    design = assess_design(declared, 0)
    for explanation in explain(design):
        assert explanation.chains
        assert all(chain[0] == explanation.point.component for chain in explanation.chains)
        if explanation.remedy is None:
            continue
        fixed = apply(declared, explanation.remedy.fixes)
        brute = Brute(fixed, low=design.assured)
        within = fixed.power_outage if brute.life(frozenset()) >= fixed.power_outage else 0
        singles = {members[0] for members in brute.cut_sets(within, 1)}
        assert explanation.point.component not in singles
        assert singles == set(explanation.remedy.leaves)


def test_a_fix_is_read_from_the_command_line() -> None:
    declared = office()
    assert parse_fix("wan-a", declared) == Double("wan-a")
    assert parse_fix("ups-idf=2h", declared) == Lasts("ups-idf", 7_200_000)
    assert apply(declared, [Lasts("ups-idf", 7_200_000)]).components["ups-idf"].runtime == 7_200_000
    with pytest.raises(ValueError, match="'wan-z' is not declared"):
        parse_fix("wan-z", declared)
    with pytest.raises(ValueError, match="only a UPS and a generator store energy"):
        parse_fix("wan-a=2h", declared)
    with pytest.raises(ValueError, match="'2x' is not a duration"):
        parse_fix("ups-idf=2x", declared)
