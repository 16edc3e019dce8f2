"""One failure that takes out 911 and the alert about it: by design, as things are, and not where the alert gets out."""

from dataclasses import replace
from typing import Any

from builders import site
from history import SILENT, UP, History, probe
from resilience.assess import assess_design
from resilience.findings import design_findings
from resilience.model import Site, all_of, any_of

NOW = 1_790_000_000.0


def shared(declared: Site) -> dict[str, str]:
    findings = design_findings(assess_design(declared, NOW))
    return {finding.component: finding.text for finding in findings if finding.code == "alert_road_shared"}


def a_site(*alerting: Any, runtime: str = "1h", **fields: Any) -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": runtime},
            "long-ups": {"kind": "ups", "power": ["utility"], "runtime": "3h"},
            "conduit": {"kind": "shared-risk"},
            "wan-a": {"kind": "wan", "needs": ["conduit"], "power": ["ups"]},
            "wan-b": {"kind": "wan", "needs": ["conduit"], "power": ["ups"]},
            "modem": {"kind": "cellular", "power": ["long-ups"]},
            "phones": {"kind": "service"},
        },
        {"desk": ["phones", any_of("wan-a", "wan-b")]},
        requires="2h",
        alerting=all_of(*alerting),
        **fields,
    )


def test_where_nothing_is_declared_nothing_is_said() -> None:
    assert shared(a_site()) == {}


def test_what_911_and_the_alert_have_in_common_is_named() -> None:
    found = shared(a_site(any_of("wan-a", "wan-b")))
    assert set(found) == {"conduit", "ups", "utility"}
    assert found["conduit"] == "conduit takes out 911 at once, and what the alert about it travels over"
    assert found["utility"].startswith("utility takes out 911 after 60 min")


def test_what_takes_out_911_alone_is_not() -> None:
    assert "phones" not in shared(a_site("wan-a"))


def test_an_alert_with_a_road_of_its_own_gets_out() -> None:
    assert shared(a_site(any_of("wan-a", "modem"))) == {}


def test_a_road_that_outlasts_911_is_enough_and_one_that_ends_with_it_is_not() -> None:
    level = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "60m"},
            "ups-b": {"kind": "ups", "power": ["utility"], "runtime": "61m"},
            "ups-c": {"kind": "ups", "power": ["utility"], "runtime": "62m"},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
        requires="2h",
    )
    assert set(shared(replace(level, alerting=all_of("ups-b")))) == {"utility"}
    assert set(shared(replace(level, alerting=all_of("ups-c")))) == set()


def test_what_is_shared_only_now_is_found_live() -> None:
    declared = site(
        {
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
        alerting=all_of("wan-b"),
    )
    assert shared(declared) == {}
    history = History(declared)
    history.read(NOW, {"wan-a": UP, "wan-b": UP})
    history.at(NOW)
    assert ("alert_road_shared", "wan-b") not in history.codes()
    history.read(NOW + 60, {"wan-a": SILENT, "wan-b": UP})
    history.at(NOW + 60)
    assert ("alert_road_shared", "wan-b") in history.codes()
    history.read(NOW + 120, {"wan-a": UP, "wan-b": UP})
    history.at(NOW + 120)
    assert ("alert_road_shared", "wan-b") not in history.codes()
