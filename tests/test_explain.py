"""Explanations and pretended fixes: literal for known sites, and checked by brute force for random ones."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brute import Brute
from brute_live import BruteLive
from builders import random_sites, site
from history import BLIND, SILENT, UP, History, probe
from live_sites import live_sites, readings_of
from resilience.assess import assess_design
from resilience.explain import Remedy, explain, explain_live
from resilience.fix import Double, Feed, Lasts, Restore, apply, parse_fix
from resilience.model import Maintenance, Site, any_of
from resilience.reading import Reading

T0 = 1_790_000_000.0


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

    assert ups.reason == "desk-phones and lobby both draw on ups-idf"
    assert ups.remedy is not None
    assert ups.remedy.fixes == (Feed("utility", ("phones", "lobby-phone")),)
    assert ups.remedy.leaves == ("conduit-east", "utility")

    assert utility.reason == "without utility ups-idf holds 23 min, 97 min short of the 2 h required"
    assert utility.remedy is not None
    assert utility.remedy.text == "a bigger UPS: ups-idf is 97 min short"


def two_ways() -> Site:
    return site(
        {
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
        },
        {"by-a": ["wan-a"], "by-b": ["wan-b"]},
    )


@pytest.mark.parametrize(
    ("reading", "reason", "fix"),
    [
        (SILENT, "by-a does not work, and by-b needs wan-b", "wan-a back in service"),
        (BLIND, "by-a is not known to work, and by-b needs wan-b", "wan-a seen to work"),
    ],
)
def test_what_is_not_seen_to_work_is_restored_before_anything_is_bought(
    reading: Reading, reason: str, fix: str
) -> None:
    history = History(two_ways())
    history.read(T0, {"wan-a": reading, "wan-b": UP})
    live, now = history.at(T0)
    (told,) = explain_live(now, live, history.memory)
    assert (told.point.component, told.reason, told.chains) == ("wan-b", reason, (("wan-b", "by-b"),))
    assert told.remedy == Remedy((Restore("wan-a"),), fix, ())
    history.read(T0 + 60, {"wan-a": UP, "wan-b": UP})
    assert not history.assess(T0 + 60).single_points


def test_planned_work_is_restored_by_its_end() -> None:
    work = Maintenance(
        components=("wan-a",),
        start=datetime.fromtimestamp(T0 - 60, UTC),
        end=datetime.fromtimestamp(T0 + 60, UTC),
        by="b",
        reason="r",
    )
    history = History(replace(two_ways(), maintenance=(work,)))
    history.read(T0, {"wan-a": UP, "wan-b": UP})
    live, now = history.at(T0)
    (told,) = explain_live(now, live, history.memory)
    assert told.remedy is not None
    assert told.remedy.fixes == (Restore("wan-a"),)
    assert not history.assess(T0 + 60).single_points


def test_a_live_weakness_of_the_design_is_told_with_the_fix_of_the_design() -> None:
    history = History(
        site(
            {"utility": {"kind": "utility"}, "pbx": {"kind": "pbx", "power": ["utility"], "probes": probe("pbx")}},
            {"desk": ["pbx"]},
        )
    )
    history.read(T0, {"pbx": UP})
    live, now = history.at(T0)
    pbx, utility = explain_live(now, live, history.memory)
    assert (pbx.reason, pbx.remedy and pbx.remedy.text) == (
        "desk is the only path, and it needs pbx",
        "a second PBX beside pbx",
    )
    assert utility.chains == (("utility", "pbx", "desk"),)


@settings(max_examples=80, deadline=None)
@given(live_sites(6), st.data())
def test_what_is_told_to_do_now_does_end_it_by_the_law_written_a_second_time(
    declared: Site, data: st.DataObject
) -> None:
    readings = {c.name: data.draw(readings_of(c)) for c in declared.components.values() if c.probes}
    history = History(declared)
    history.read(T0, readings)
    live, now = history.at(T0)
    for told in explain_live(now, live, history.memory):
        if told.remedy is None:
            continue
        restored = {fix.component for fix in told.remedy.fixes if isinstance(fix, Restore)}
        fixed = BruteLive(
            apply(declared, told.remedy.fixes), {n: r for n, r in readings.items() if n not in restored}, 0.0
        )
        low, high = fixed.lives(frozenset())
        side = 0 if low > 0 else 1
        for life in ((low, high)[side], fixed.lives(frozenset({told.point.component}))[side]):
            assert life > 0
            # Where the requirement is unmet already, a point is what ends 911 at once, and that is what ends.
            assert now.requirement_unmet or life >= declared.power_outage


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


def test_a_feed_that_is_there_comes_before_a_bigger_battery() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "generator": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "23m"},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
        requires="2h",
    )
    told = {explanation.point.component: explanation for explanation in explain(assess_design(declared, 0))}
    remedy = told["utility"].remedy
    assert remedy is not None
    assert (remedy.fixes, remedy.leaves) == ((Feed("generator", ("ups",)),), ("pbx", "ups"))


def test_areas_are_told_that_lose_every_path() -> None:
    declared = site(
        {
            "core": {"kind": "switch", "power": []},
            "mobile": {"kind": "cellular", "power": []},
        },
        {"east": ["core"], "west": ["core"], "west-mobile": ["mobile"]},
    )
    served = {"east": ("east wing",), "west": ("west wing",), "west-mobile": ("west wing",)}
    paths = tuple(replace(path, serves=served[path.name]) for path in declared.emergency_paths)
    (core,) = explain(assess_design(replace(declared, emergency_paths=paths), 0))
    assert core.reason == "east wing has no path but east, and it needs core"
    assert core.chains == (("core", "east"), ("core", "west"))


def test_what_ends_911_at_once_has_its_fix_though_the_requirement_stays_unmet() -> None:
    declared = site(
        {
            "generator": {"kind": "generator", "starts_within": "0s", "fuel": "24h"},
            "pbx": {"kind": "pbx", "power": ["generator"]},
        },
        {"desk": ["pbx"]},
        requires="2d",
    )
    told = {explanation.point.component: explanation.remedy for explanation in explain(assess_design(declared, 0))}
    assert {name: remedy and remedy.leaves for name, remedy in told.items()} == {
        "generator": ("pbx",),
        "pbx": ("generator",),
    }
