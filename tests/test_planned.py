"""Planned work counts as down, is quiet itself, and what it exposes is told; recorded checks stand above the file's."""

from datetime import UTC, datetime, timedelta

from builders import site
from history import SILENT, UP, probe, ups
from resilience import exporter
from resilience.finding import Finding
from resilience.memory import Memory, remember
from resilience.model import Attestation, Maintenance, ProbeSpec, Site, any_of
from resilience.reading import Reading
from resilience.records import NONE, Records, recorded
from resilience.snapshot import Snapshot, take

NOW = 1_790_000_000.0


def a_site(*, attest: Attestation | None = None) -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "9h", "probes": probe("ups", type="nut")},
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
            "red-phone": {"kind": "phones", "attest": attest},
        },
        {"desk": [any_of("wan-a", "wan-b")], "lobby": ["red-phone"]},
    )


class Watched:
    def __init__(self, declared: Site) -> None:
        self.declared = declared
        self.memory = Memory()
        self.last: Snapshot | None = None
        self.open: tuple[Finding, ...] = ()

    def at(self, seconds: float, records: Records = NONE, **readings: Reading) -> Snapshot:
        is_now = recorded(self.declared, records)
        for name, reading in readings.items():
            spec: ProbeSpec
            (spec,) = is_now.components[name.replace("_", "-")].probes
            self.memory = remember(self.memory, spec, reading, NOW + seconds)
        self.last = take(is_now, self.memory, NOW + seconds, before=self.last, open_findings=self.open)
        self.memory, self.open = self.last.memory, self.last.findings
        return self.last


def codes(taken: Snapshot, component: str) -> dict[str, Finding]:
    return {finding.code: finding for finding in taken.findings if finding.component == component}


def work(*components: str, start: float = 0, end: float = 100) -> Records:
    moment = datetime.fromtimestamp(NOW, UTC)
    planned = Maintenance(
        components=components,
        start=moment + timedelta(seconds=start),
        end=moment + timedelta(seconds=end),
        by="J. Ortiz",
        reason="new line card",
    )
    return Records(work=(planned,))


LOOK = Attestation(valid=90 * 86_400_000, at=NOW - 10, on=datetime.fromtimestamp(NOW - 10, UTC).date(), by="J. Ortiz")


def test_the_work_is_quiet_and_what_it_exposes_is_told_until_it_is_over() -> None:
    watched = Watched(a_site())
    everything = {"wan_a": UP, "wan_b": UP, "ups": ups(runtime=9 * 3600)}
    before = watched.at(0, **everything)
    assert "maintenance_leaves_spof" not in codes(before, "wan-a")
    during = watched.at(10, work("wan-a", "red-phone"), wan_a=SILENT)
    assert "wan_down" not in codes(during, "wan-a")
    told = codes(during, "wan-a")["maintenance_leaves_spof"].text
    assert told == (
        "wan-a and red-phone out of service until 2026-09-21 14:15 UTC (J. Ortiz: new line card): "
        "without wan-b 911 is lost at once"
    )
    assert "spof_new" in codes(during, "wan-b")
    assert "path_down" in codes(during, "lobby")
    page = exporter.page([exporter.render(during, file_valid=True, vantage="central", durations={})])
    assert 'resilience_maintenance_active{site="test",component="wan-a"} 1' in page
    # what fails beside it is told as ever
    assert "wan_down" in codes(watched.at(20, work("wan-a", "red-phone"), wan_b=SILENT), "wan-b")
    watched.at(30, work("wan-a", "red-phone"), wan_b=UP)
    after = watched.at(101, work("wan-a", "red-phone"))
    assert "maintenance_leaves_spof" not in codes(after, "wan-a")
    assert "wan_down" in codes(after, "wan-a"), "it never came back"


def test_work_that_costs_no_safety_is_not_told() -> None:
    watched = Watched(a_site())
    during = watched.at(0, work("ups"), wan_a=UP, wan_b=UP, ups=ups(runtime=60))
    assert not codes(during, "ups")


def test_what_was_wrong_before_is_not_resolved_by_somebody_coming_to_look() -> None:
    watched = Watched(a_site())
    assert "wan_down" in codes(watched.at(0, wan_a=SILENT, wan_b=UP, ups=ups(runtime=60)), "wan-a")
    during = codes(watched.at(5, work("wan-a", start=5)), "wan-a")
    assert during["wan_down"].stale
    assert "wan_down" in codes(watched.at(101, work("wan-a", start=5)), "wan-a")
    assert "wan_down" not in codes(watched.at(110, work("wan-a", start=5), wan_a=UP), "wan-a")


def test_a_recorded_check_stands_above_the_files_and_runs_out() -> None:
    files = Attestation(valid=86_400_000, on=datetime.fromtimestamp(NOW, UTC).date())
    everything = {"wan_a": UP, "wan_b": UP, "ups": ups(runtime=60)}

    def state(records: Records, seconds: float = 0, attest: Attestation | None = files) -> tuple[str, str]:
        taken = Watched(a_site(attest=attest)).at(seconds, records, **everything)
        assert taken.now is not None
        found = next(component for component in taken.now.components if component.name == "red-phone")
        return found.state, found.evidence

    assert state(NONE) == ("up", "attested")
    failed = Attestation(valid=86_400_000, at=NOW, passed=False)
    assert state(Records({"red-phone": failed})) == ("down", "attested")
    assert state(Records({"red-phone": LOOK}), attest=None) == ("up", "attested")
    brief = Attestation(valid=1_000, at=NOW - 0.5)
    assert state(Records({"red-phone": brief})) == ("up", "attested")
    assert state(Records({"red-phone": brief}), 1)[0] == "unknown"
    called = Attestation(valid=86_400_000, at=NOW - 10, exercised=True)
    assert state(Records({"red-phone": called})) == ("up", "proven")


def test_what_a_call_proved_stands_beside_what_a_probe_sees() -> None:
    called = Records({"wan-a": Attestation(valid=86_400_000, at=NOW - 10, exercised=True)})
    taken = Watched(a_site()).at(0, called, wan_a=UP, wan_b=UP, ups=ups(runtime=60))
    page = exporter.page([exporter.render(taken, file_valid=True, vantage="central", durations={})])
    name = 'resilience_evidence_timestamp_seconds{site="test",component="wan-a",evidence='
    assert f'{name}"observed"}} {NOW:.0f}\n' in page
    assert f'{name}"proven"}} {NOW - 10:.0f}\n' in page
