"""The shipped alert rules, as the real promtool runs them: every rule, and the laws that all of them obey."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import peers
from promtool import ALERTS, RULES, alert, as_told_by, changes, check, facts, finding, lasts, moment, run
from resilience import catalogue
from resilience.finding import SEVERITY
from resilience.fitness import Fitness
from resilience.instruments import Instruments

TEST = ALERTS / "resilience.test.yml"

ONE, TWO = ("a:9911",), ("a:9911", "b:9911")
monitors = pytest.mark.parametrize("monitors", [ONE, TWO], ids=["one monitor", "two monitors"])


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def promtool(*args: str) -> None:
    program = peers.command("promtool", "prometheus")
    said = subprocess.run([program, *args], capture_output=True, text=True, check=False, cwd=ALERTS)
    assert said.returncode == 0, said.stdout + said.stderr


# --- The file ---------------------------------------------------------------------------------------------------


def test_promtool_has_nothing_to_say_of_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)


def test_every_rule_says_what_a_person_should_read() -> None:
    promtool("test", "rules", TEST.name)


def test_every_rule_fires_and_clears_in_that_test() -> None:
    names = {rule["alert"] for rule in rules() if "alert" in rule}
    checks = [each for test in yaml.safe_load(TEST.read_text())["tests"] for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in checks if each["exp_alerts"]} == names
    assert {each["alertname"] for each in checks if not each["exp_alerts"]} == names - {"ResilienceWatchdog"}


def test_every_alert_has_its_labels_and_its_annotations() -> None:
    for rule in rules():
        if "alert" in rule:
            assert {"summary", "runbook_url"} <= set(rule["annotations"]), rule["alert"]
            assert set(rule.get("labels", ())) <= {"code", "severity"}, "what changes is no label"


def test_every_alert_stands_in_the_documents() -> None:
    told = re.findall(r"^\| `(Resilience\w+)`", (ALERTS.parent / "docs" / "outputs.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(rule["alert"] for rule in rules() if "alert" in rule)


def test_every_metric_of_the_rules_is_exported() -> None:
    own = {
        f"{family.name}{'_total' * (family.type == 'counter')}" for family in Instruments(Fitness()).registry.collect()
    }
    known = {f"resilience_{name}" for name in catalogue.METRICS} | own
    named = set(re.findall(r"\bresilience_[a-z_]+\b", RULES.read_text()))
    assert len(named) > 15
    assert named <= known


# --- The laws ---------------------------------------------------------------------------------------------------

OWN = {
    "accepted_risk_expiring": "ResilienceAcceptedRiskExpiring",
    "calling_ending": "ResilienceCallingEnding",
    "calling_unavailable": "ResilienceCallingUnavailable",
    "calling_unverified": "ResilienceCallingUnverified",
    "certificate_expiring": "ResilienceCertificateExpiring",
    "drill_overdue": "ResilienceDrillOverdue",
    "monitor_impaired": "ResilienceMonitorImpaired",
    "path_down": "ResiliencePathDown",
    "probe_stale": "ResilienceProbeStale",
    "requirement_unmet": "ResilienceSurvivalShort",
    "spof_new": "ResilienceSinglePointNew",
    "store_unavailable": "ResilienceMonitorImpaired",
    "survival_short": "ResilienceSurvivalShort",
    "trunk_unregistered": "ResilienceTrunkUnregistered",
    "vantage_disagreement": "ResilienceMonitorsDisagree",
}
"""The alert of a code that has one of its own."""


def alerts_of_every_code() -> list[dict[str, str]]:
    return [
        alert(OWN.get(code, f"ResilienceFinding{severity.capitalize()}"), code=code)
        for code, severity in SEVERITY.items()
    ]


def every_code(ends: float) -> dict[str, str]:
    return {finding("x", code, severity, "thing"): lasts(2, ends) for code, severity in SEVERITY.items()}


@monitors
def test_every_code_gives_one_alert_that_ends_with_it(tmp_path: Path, monitors: tuple[str, ...]) -> None:
    series = as_told_by(monitors, facts("x", ends=90) | every_code(15))
    check(tmp_path, series, {1: [], 14: alerts_of_every_code(), 80: []}, every=30)


@monitors
def test_a_series_that_goes_missing_resolves_nothing(tmp_path: Path, monitors: tuple[str, ...]) -> None:
    """The monitor dies at 20 with everything it told; at 40 it is back, and judges nothing until 50."""
    dies, back, judges, ends = 20, 40, 50, 120
    series = facts("x", ends=dies) | every_code(dies) | {"resilience_sites{}": lasts(0, dies)}
    for name in series:
        if not name.startswith("resilience_finding"):
            returns = judges if "calling_up" in name else back
            series[name] += f" _x{moment(returns) - moment(dies) - 2} 1x{moment(ends) - moment(returns)}"
    held = alerts_of_every_code()
    silent = alert("ResilienceSiteSilent", code="site_silent")
    fires = {19: held, 20.5: held, 39: held, 49: [*held, silent], 56: kept_longer_than(held, "5m"), 119: []}
    check(tmp_path, as_told_by(monitors, series), fires, every=30)


def kept_longer_than(held: list[dict[str, str]], usual: str) -> list[dict[str, str]]:
    """Those that fire on for longer than usual after a monitor has said the contrary."""
    longer = {rule["alert"] for rule in rules() if rule.get("keep_firing_for", usual) != usual}
    return [each for each in held if each["alertname"] in longer]


def test_what_is_held_open_without_a_word_ends_after_a_day(tmp_path: Path) -> None:
    series = as_told_by(ONE, facts("x", ends=10) | {finding("x", "wan_down", "warning", "isp-a"): lasts(2, 10)})
    series |= as_told_by(("another:9911",), {"resilience_sites{}": lasts(0, 1500)})
    held, silent = alert("ResilienceFindingWarning", code="wan_down"), alert("ResilienceSiteSilent", code="site_silent")
    check(tmp_path, series, {9: [held], 1440: [held, silent], 1460: []}, every=120)


@monitors
def test_a_site_that_turns_from_at_risk_to_unverified_resolves_nothing(
    tmp_path: Path, monitors: tuple[str, ...]
) -> None:
    """Its finding turns stale. Or the monitor has forgotten it: 911 is not assured, so nothing has got better."""
    site = facts("x", ends=60)
    site['resilience_emergency_calling_up{site="x",bound="assured"}'] = changes((0, 1), (20, 0), (40, 1), ends=60)
    kept = {
        finding("x", "spof_new", "warning", "isp-b"): lasts(2, 20),
        finding("x", "spof_new", "warning", "isp-b", stale="true"): lasts(20, 40),
        finding("x", "survival_short", "warning"): lasts(2, 20),
        finding("x", "calling_unverified", "warning"): lasts(20, 40),
    }
    before = [
        alert("ResilienceSinglePointNew", code="spof_new"),
        alert("ResilienceSurvivalShort", code="survival_short"),
    ]
    unverified = alert("ResilienceCallingUnverified", code="calling_unverified")
    fires = {15: before, 20.5: before, 30: [*before, unverified], 41: [*before, unverified], 50: []}
    check(tmp_path, as_told_by(monitors, site | kept), fires)


def test_a_site_that_loses_911_after_it_was_unverified_has_not_recovered(tmp_path: Path) -> None:
    site = facts("x", ends=60)
    site['resilience_emergency_calling_up{site="x",bound="assured"}'] = changes((0, 1), (2, 0), (40, 1), ends=60)
    series = site | {
        finding("x", "calling_unverified", "warning"): lasts(2, 20),
        finding("x", "calling_unavailable", "critical"): lasts(20, 40),
    }
    unverified = alert("ResilienceCallingUnverified", code="calling_unverified")
    out = alert("ResilienceCallingUnavailable", code="calling_unavailable")
    check(tmp_path, as_told_by(ONE, series), {10: [unverified], 30: [unverified, out], 46: []})


def test_the_minutes_left_hold_their_alert_until_they_are_back(tmp_path: Path) -> None:
    """On battery, 40 minutes left and falling; then the reading is lost; then 911 is; then power is back."""
    site = facts("x", ends=120)
    site['resilience_emergency_calling_up{site="x",bound="assured"}'] = changes((0, 1), (30, 0), (60, 1), ends=120)
    left = 'resilience_survival_seconds{site="x",scenario="now",bound="low",basis="live"}'
    series = site | {left: "999999x5 2400-10x173 0x179 999999x360"}
    ending = alert("ResilienceCallingEnding", code="calling_ending")
    check(tmp_path, as_told_by(ONE, series), {10: [], 12: [ending], 31: [ending], 59: [ending], 66: []})


@pytest.mark.parametrize("pattern", ["1 stale", "1 stale _ _", "stale 1 stale"])
def test_what_comes_and_goes_faster_than_it_is_looked_at_does_not_page(tmp_path: Path, pattern: str) -> None:
    series = facts("x", ends=60) | {finding("x", "wan_down", "warning", "isp-a"): f"_x10 {' '.join([pattern] * 90)}"}
    check(tmp_path, as_told_by(ONE, series), {minute / 6: [] for minute in range(0, 300, 5)})


def test_what_comes_and_goes_slowly_is_one_alert_throughout(tmp_path: Path) -> None:
    """Two minutes down, two minutes up, ten times: one page, and one end."""
    down = " ".join(["1x11 stale _x11"] * 10)
    series = facts("x", ends=90) | {finding("x", "wan_down", "warning", "isp-a"): f"_x6 {down}"}
    one = [alert("ResilienceFindingWarning", code="wan_down")]
    throughout = dict.fromkeys(range(2, 43), one)
    check(tmp_path, as_told_by(ONE, series), {1: []} | throughout | {47: []})


def test_of_two_monitors_the_one_that_sees_the_fault_counts(tmp_path: Path) -> None:
    fault = finding("x", "wan_down", "warning", "isp-a")
    series = as_told_by(TWO, facts("x", ends=60))
    series |= as_told_by(("a:9911",), {fault: lasts(2, 30)}) | as_told_by(("b:9911",), {fault: lasts(20, 40)})
    seen = [alert("ResilienceFindingWarning", code="wan_down")]
    check(tmp_path, series, {1: [], 10: seen, 25: seen, 44: seen, 46: []})


def test_two_monitors_with_different_versions_of_a_site_file_still_alert(tmp_path: Path) -> None:
    told = as_told_by(TWO, facts("x", ends=60) | {finding("x", "wan_down", "warning", "isp-a"): lasts(2, 60)})
    told = {name.replace('owner="ops"', 'owner="new"') if "b:9911" in name else name: told[name] for name in told}
    check(tmp_path, told, {10: [alert("ResilienceFindingWarning", code="wan_down")]})


@monitors
def test_planned_work_mutes_its_own_and_nothing_else(tmp_path: Path, monitors: tuple[str, ...]) -> None:
    """isp-a is taken out. What that exposes is told; so is isp-a once the work is over and it is still out."""
    series = facts("x", ends=60) | {
        'resilience_maintenance_active{site="x",component="isp-a"}': lasts(1, 30),
        finding("x", "wan_down", "warning", "isp-a"): lasts(2, 40),
        finding("x", "path_down", "warning", "desk-by-a"): lasts(2, 40),
        finding("x", "spof_new", "warning", "isp-b"): lasts(2, 40),
        finding("x", "maintenance_leaves_spof", "warning", "isp-a"): lasts(1, 30),
    }
    exposed = [
        alert("ResiliencePathDown", code="path_down"),
        alert("ResilienceSinglePointNew", code="spof_new"),
    ]
    by_the_work = alert("ResilienceFindingWarning", code="maintenance_leaves_spof")
    itself = alert("ResilienceFindingWarning", code="wan_down")
    during = [*exposed, by_the_work]
    fires = {10: during, 29: during, 31: [*during, itself], 36: [*exposed, itself], 46: []}
    check(tmp_path, as_told_by(monitors, series), fires)


@pytest.mark.parametrize("quiet", [5, 20], ids=["the monitor is quiet", "the monitor speaks on"])
def test_planned_work_resolves_nothing_that_was_told_before(tmp_path: Path, quiet: float) -> None:
    """Whether it is over is said when the work is: of what is worked on the monitor does not speak."""
    series = facts("x", ends=60) | {
        finding("x", "wan_down", "warning", "isp-a"): lasts(2, quiet),
        'resilience_maintenance_active{site="x",component="isp-a"}': lasts(5, 30),
    }
    told = [alert("ResilienceFindingWarning", code="wan_down")]
    check(tmp_path, as_told_by(ONE, series), {4: told, 15: told, 29: told, 34: told, 36: []})


def test_planned_work_stays_muted_while_the_monitor_is_gone(tmp_path: Path) -> None:
    series = facts("x", ends=10) | {
        'resilience_maintenance_active{site="x",component="isp-a"}': lasts(1, 10),
        finding("x", "wan_down", "warning", "isp-a"): lasts(2, 10),
    }
    check(tmp_path, as_told_by(ONE, series), {9: [], 12: [], 30: []})


def test_a_drill_is_said_first_and_changes_no_label(tmp_path: Path) -> None:
    series = facts("x", ends=60) | {
        finding("x", "path_down", "warning", "desk"): lasts(2, 40),
        'resilience_drill_active{site="x",drill="isp-outage"}': changes((0, 0), (10, 1), (20, 0), ends=60),
    }

    def told(summary: str) -> list[dict[str, Any]]:
        labels = {"site": "x", "code": "path_down", "component": "desk", "severity": "warning", "owner": "ops"}
        said = {
            "summary": summary,
            "use": "No path to 911 is known to work at this site.",
            "silence": "",
            "runbook_url": "docs/runbooks/path_down.md",
        }
        return [{"exp_labels": labels, "exp_annotations": said}]

    plain = "The x: the path desk to 911 does not work."
    run(
        tmp_path,
        as_told_by(ONE, series),
        alert_rule_test=[
            {"eval_time": at, "alertname": "ResiliencePathDown", "exp_alerts": told(summary)}
            for at, summary in (("5m", plain), ("15m", f"DRILL: {plain}"), ("25m", plain))
        ],
    )


def test_a_site_whose_facts_are_missing_still_alerts_by_its_id(tmp_path: Path) -> None:
    _, assured = facts("x", ends=60)
    series = {assured: lasts(0, 60), finding("x", "path_down", "warning", "desk"): lasts(2, 60)}
    told = {
        "exp_labels": {"site": "x", "code": "path_down", "component": "desk", "severity": "warning"},
        "exp_annotations": {
            "summary": "x: the path desk to 911 does not work.",
            "use": "No path to 911 is known to work at this site.",
            "silence": "",
            "runbook_url": "docs/runbooks/path_down.md",
        },
    }
    test = {"eval_time": "5m", "alertname": "ResiliencePathDown", "exp_alerts": [told]}
    run(tmp_path, as_told_by(TWO, series), alert_rule_test=[test])


def test_a_dead_monitor_is_one_alert_and_not_one_for_each_of_its_sites(tmp_path: Path) -> None:
    series: dict[str, str] = {"resilience_sites{}": lasts(0, 10)}
    for number in range(20):
        series |= facts(f"site-{number}", ends=10)
    check(tmp_path, as_told_by(ONE, series), {9: [], 30: []})


def test_a_site_that_was_silent_before_the_monitor_died_stays_so(tmp_path: Path) -> None:
    series = facts("x", ends=10) | {"resilience_sites{}": lasts(0, 30)}
    silent = [alert("ResilienceSiteSilent", code="site_silent")]
    check(tmp_path, as_told_by(ONE, series), {9: [], 20: silent, 45: silent})


def test_a_probe_that_never_read_anything_is_stale_and_one_that_read_silence_is_not(tmp_path: Path) -> None:
    probe = 'component="{0}",probe="p",type="icmp",vantage="central"'
    series = facts("x", ends=60)
    for name, state in (("blind", 1), ("cut", 0)):
        labels = f'site="x",{probe.format(name)}'
        series[f"resilience_probe_interval_seconds{{{labels}}}"] = lasts(0, 60, 30)
        series[f'resilience_component_state_code{{site="x",component="{name}",kind="wan"}}'] = lasts(0, 60, state)
    check(
        tmp_path,
        as_told_by(ONE, series),
        {9: [], 30: [alert("ResilienceProbeStale", component="blind")]},
        by="alertname, component",
    )


def test_a_probe_that_one_of_two_vantages_reads_is_not_stale(tmp_path: Path) -> None:
    series = as_told_by(TWO, facts("x", ends=60))
    for vantage in ("east", "west"):
        labels = f'{{site="x",component="wan",probe="p",type="icmp",vantage="{vantage}"}}'
        series[f"resilience_probe_interval_seconds{labels}"] = lasts(0, 60, 30)
    series[f"resilience_probe_last_success_timestamp_seconds{labels}"] = "0+10x350"
    check(tmp_path, series, {30: [], 50: []})


def test_monitors_that_disagree_are_told_when_it_lasts(tmp_path: Path) -> None:
    state = 'resilience_emergency_calling_state{site="x",state="protected"}'
    series = as_told_by(TWO, facts("x", ends=120))
    series |= as_told_by(("a:9911",), {state: lasts(0, 120)})
    series |= as_told_by(("b:9911",), {state: changes((0, 1), (10, 0), (12, 1), (20, 0), (40, 1), ends=120)})
    disagree = [alert("ResilienceMonitorsDisagree", code="vantage_disagreement")]
    check(tmp_path, series, {13: [], 19: [], 30: disagree, 110: []}, every=30)
