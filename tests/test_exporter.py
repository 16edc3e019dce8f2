"""The exposition: literal text for a known moment, every name in the catalogue, no sample twice."""

import re

from builders import site
from history import SILENT, UP, History, probe, ups
from resilience import exporter
from resilience.catalogue import METRICS, QUANTITIES
from resilience.model import any_of
from resilience.snapshot import Snapshot, take

T0 = 1_790_000_000.0
SAMPLE = re.compile(
    r'resilience_([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\}) (\+Inf|-?\d+(?:\.\d+)?(?:e-?\d+)?)\n'
)


def two_wans() -> History:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups", type="nut")},
            "wan-a": {"kind": "wan", "probes": probe("wan-a"), "shared": 'conduit "east"'},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"by-a": ["pbx", "wan-a"], "by-b": ["pbx", any_of("wan-a", "wan-b")]},
        requires="2h",
        people=12,
    )
    history = History(declared)
    history.read(T0, {"ups": ups(runtime=3000), "wan-a": SILENT, "wan-b": UP})
    return history


def render(history: History, now: float = T0) -> tuple[Snapshot, str]:
    taken = take(history.site, history.memory, now)
    durations = {("wan-b", "icmp"): 0.25}
    return taken, exporter.page([exporter.render(taken, file_valid=True, vantage="central", durations=durations)])


def test_the_literal_text_of_a_moment() -> None:
    _, text = render(two_wans())
    for line in (
        'resilience_emergency_calling_state{site="test",state="at_risk"} 1',
        'resilience_emergency_calling_state{site="test",state="protected"} 0',
        'resilience_emergency_calling_up{site="test",bound="assured"} 1',
        'resilience_emergency_path_up{site="test",path="by-a",tier="primary",bound="possible"} 0',
        'resilience_emergency_path_preferred{site="test",path="by-b",tier="alternate"} 1',
        "resilience_single_point_of_failure_loss_seconds"
        '{site="test",component="wan-b",kind="wan",basis="live",accepted="false"} 0',
        "resilience_single_point_of_failure_loss_seconds"
        '{site="test",component="utility",kind="utility",basis="live",accepted="false"} 3000',
        'resilience_survival_seconds{site="test",scenario="now",bound="low",basis="live"} +Inf',
        'resilience_survival_seconds{site="test",scenario="utility",bound="low",basis="design"} 3600',
        'resilience_survival_required_seconds{site="test",scenario="utility"} 7200',
        'resilience_component_state_code{site="test",component="wan-a",kind="wan"} 0',
        'resilience_shared_component_info{site="test",component="wan-a",shared="conduit \\"east\\""} 1',
        'resilience_probe_success{site="test",component="wan-a",probe="icmp",type="icmp",vantage="central"} 0',
        "resilience_probe_failure"
        '{site="test",component="wan-a",probe="icmp",type="icmp",vantage="central",reason="timeout"} 1',
        "resilience_probe_duration_seconds"
        '{site="test",component="wan-b",probe="icmp",type="icmp",vantage="central"} 0.25',
        'resilience_ups_runtime_seconds{site="test",component="ups"} 3000',
        'resilience_finding{site="test",code="spof_new",severity="warning",component="wan-b",stale="false"} 1',
    ):
        assert f"{line}\n" in text


def test_every_line_parses_and_no_name_and_label_set_stands_twice() -> None:
    _, text = render(two_wans())
    samples = [line for line in text.splitlines(keepends=True) if not line.startswith("#")]
    found = [SAMPLE.fullmatch(line) for line in samples]
    assert all(found), [line for line, match in zip(samples, found, strict=True) if not match]
    names = [match.group(1, 2) for match in found if match]
    assert len(names) == len(set(names))
    assert {name for name, _ in names} <= set(METRICS)


def test_nothing_is_said_about_a_site_before_its_first_full_round() -> None:
    history = History(two_wans().site)
    history.read(T0, {"wan-a": UP})
    taken, text = render(history)
    assert taken.now is None
    assert "resilience_emergency_calling_state" not in text
    assert "resilience_site_info" in text


def test_not_known_is_absent() -> None:
    history = two_wans()
    _, text = render(history, T0 + 3600)
    assert "resilience_ups_runtime_seconds" not in text
    assert 'resilience_emergency_calling_state{site="test",state="unverified"} 1\n' in text


def test_every_quantity_is_a_metric() -> None:
    assert set(QUANTITIES) <= set(METRICS)
