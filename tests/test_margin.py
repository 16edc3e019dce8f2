"""Margin and survival timeline: literal for known sites, and consistent with survival for random ones."""

from hypothesis import given, settings

from builders import random_sites, site
from history import BLIND, UP, History, probe
from resilience.assess import assess_design
from resilience.duration import FOREVER
from resilience.margin import Event, Margin, margin, timeline
from resilience.model import Site, any_of
from resilience.steps import Batch
from resilience.survival import design_bounds


def test_margin_is_the_smallest_cut_set() -> None:
    one = site({"pbx": {}}, {"p": ["pbx"]})
    two = site({"a": {}, "b": {}}, {"p": [any_of("a", "b")]})
    three = site({"a": {}, "b": {}, "c": {}}, {"p": [any_of("a", "b", "c")]})
    assert margin(assess_design(one, 0)) == Margin(1, exact=True)
    assert margin(assess_design(two, 0)) == Margin(2, exact=True)
    assert margin(assess_design(three, 0)) == Margin(3, exact=False)
    assert margin(assess_design(two, 0, failed=frozenset("a"))) == Margin(1, exact=True)
    assert margin(assess_design(one, 0, failed=frozenset({"pbx"}))) == Margin(0, exact=True)


def test_what_is_not_assured_has_no_margin() -> None:
    declared = site(
        {name: {"kind": "wan", "probes": probe(name)} for name in ("wan-a", "wan-b")},
        {"desk": [any_of("wan-a", "wan-b")]},
    )
    history = History(declared)
    history.read(0, {"wan-a": BLIND, "wan-b": BLIND})
    assert margin(history.assess(0)) == Margin(0, exact=True)
    history.read(60, {"wan-a": UP, "wan-b": BLIND})
    assert margin(history.assess(60)) == Margin(1, exact=True)


def test_an_outage_told_in_order() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "house": {"kind": "ats", "power": ["utility", "gen"]},
            "ups": {"kind": "ups", "power": ["utility"]},
            "pbx": {"kind": "pbx", "power": ["ups"]},
            "lift": {"kind": "gateway", "power": ["house"]},
        },
        {"desk": ["pbx"], "lift-phone": ["lift"]},
    )
    events = timeline(design_bounds(declared), ["utility"])
    told = [(event.what, event.on, event.low, event.high) for event in events]
    assert told == [
        ("utility", False, 0, 0),
        ("house", False, 0, 0),
        ("ups", False, 0, None),
        ("pbx", False, 0, None),
        ("lift", False, 0, 0),
        ("desk", False, 0, None),
        ("lift-phone", False, 0, 0),
        ("911", False, 0, None),
        ("gen", True, 30_000, 30_000),
        ("house", True, 30_000, 30_000),
        ("gen", False, 86_400_000, 86_400_000),
        ("house", False, 86_400_000, 86_400_000),
    ]


@settings(max_examples=100, deadline=None)
@given(random_sites())
def test_the_timeline_loses_911_when_survival_ends(declared: Site) -> None:
    bounds = design_bounds(declared)
    low, high = (
        bounds.structure.evaluate(bound, Batch.of(declared.utilities)).lives()[0] for bound in (bounds.low, bounds.high)
    )
    healthy = bounds.structure.evaluate(bounds.high, Batch.of(())).lives()[0]
    lost = [event for event in timeline(bounds, declared.utilities) if event.kind == "911" and not event.on]
    if healthy == 0:
        return
    first = lost[0] if lost else Event("911", "911", on=False, low=None, high=None)
    assert (FOREVER if first.low is None else first.low) == low
    assert (FOREVER if first.high is None else first.high) == high
