"""Findings that need two UPSes, and the exercise of a generator."""

import pytest

from builders import site
from history import SILENT, History, probe, says
from resilience.model import Site
from resilience.power import pair_loads, partners
from resilience.reading import Reading

T0 = 1_790_000_000.0
DAY = 86_400


def two_cords() -> Site:
    """A core with two cords, one by way of a PDU; a printer on one UPS alone; a third UPS beside them."""
    upses = {name: {"kind": "ups", "power": ["utility"], "probes": probe(name)} for name in ("ups-b", "ups-a", "ups-c")}
    return site(
        {
            "utility": {"kind": "utility"},
            **upses,
            "pdu": {"kind": "pdu", "power": ["ups-a"]},
            "core": {"kind": "switch", "power": ["ups-b", "pdu"]},
            "printer": {"kind": "service", "power": ["ups-c"]},
        },
        {"desk": ["core"]},
    )


def codes(history: History, now: float) -> set[tuple[str, str]]:
    history.assess(now)
    return history.codes()


def load(ratio: float) -> Reading:
    return says(ups_on_battery=0, ups_load_ratio=ratio)


def test_partners_share_a_load_of_two_cords() -> None:
    assert partners(two_cords()) == {"ups-b": {"ups-a"}}
    in_series = {
        "utility": {"kind": "utility"},
        "one": {"kind": "ups", "power": ["utility"]},
        "two": {"kind": "ups", "power": ["one"]},
        "core": {"kind": "switch", "power": ["two"]},
    }
    assert partners(site(in_series, {"desk": ["core"]})) == {}
    through = in_series | {
        "ats": {"kind": "ats", "power": ["one", "two"]},
        "core": {"kind": "switch", "power": ["ats"]},
    }
    assert partners(site(through, {"desk": ["core"]})) == {"one": {"two"}}, "a switch between two UPSes is a pair"


def test_a_pair_that_adds_up_to_more_than_one_rating() -> None:
    history = History(two_cords())
    history.read(T0, {"ups-a": load(0.62), "ups-b": load(0.5), "ups-c": load(0.9)})
    history.assess(T0)
    (found,) = [finding for finding in history.open if finding.code == "ups_pair_overload"]
    assert found.component == "ups-b"
    assert "ups-b at 50% and ups-a at 62% share a load" in found.text
    history.read(T0 + 60, {"ups-a": load(0.5), "ups-b": load(0.5), "ups-c": load(0.9)})
    assert not [code for code, _ in codes(history, T0 + 60) if code == "ups_pair_overload"]


def test_it_closes_on_two_loads_and_not_on_one() -> None:
    history = History(two_cords())
    history.read(T0, {"ups-a": load(0.62), "ups-b": load(0.5), "ups-c": load(0.1)})
    assert ("ups_pair_overload", "ups-b") in codes(history, T0)
    for minute in range(1, 9):
        history.read(T0 + 60 * minute, {"ups-a": SILENT, "ups-b": load(0.2), "ups-c": load(0.1)})
    assert pair_loads(history.site, {}) == {"ups-b": {"ups-a": None}}
    assert ("ups_pair_overload", "ups-b") in codes(history, T0 + 480), "the other's load is not known"
    history.read(T0 + 540, {"ups-a": load(0.2), "ups-b": load(0.2), "ups-c": load(0.1)})
    assert ("ups_pair_overload", "ups-b") not in codes(history, T0 + 540)


@pytest.mark.parametrize(("days", "due"), [(1, False), (34, False), (36, True)])
def test_a_generator_that_has_not_run_for_a_month_and_some_days(days: int, due: bool) -> None:
    generator = {"kind": "generator", "starts_within": "30s", "fuel": "24h", "probes": probe("gen", type="generator")}
    declared = site(
        {"utility": {"kind": "utility"}, "gen": generator, "pbx": {"kind": "pbx", "power": ["utility", "gen"]}},
        {"desk": ["pbx"]},
    )
    history = History(declared)
    last = T0 - days * DAY
    history.read(T0, {"gen": says(generator_auto=1, generator_last_exercise_timestamp_seconds=last)})
    assert (("generator_not_exercised", "gen") in codes(history, T0)) is due
