"""The live law: what readings, silence and contradiction make of a site. The clock is a number."""

from datetime import UTC, date, datetime

from builders import site
from history import BLIND, SILENT, UP, History, probe, says, ups
from resilience.assess import Assessment, SiteState
from resilience.duration import FOREVER
from resilience.model import AcceptedRisk, Maintenance, Site, any_of
from resilience.reading import State

T0 = 1_790_000_000.0
HOUR = 3_600_000


def survival(assessment: Assessment, scenario: str = "now") -> tuple[float, float]:
    found = assessment.scenario(scenario)
    assert found is not None
    return found.low, found.high


def generator_site(*, gen_probe: bool = True, ups_in_front: bool = False) -> Site:
    gen = {"kind": "generator", "starts_within": "30s", "fuel": "24h"}
    if gen_probe:
        gen["probes"] = probe("gen", type="generator")
    components = {
        "utility": {"kind": "utility", "probes": probe("utility", type="meter")},
        "gen": gen,
        "pbx": {"kind": "pbx", "power": ["utility", "gen"]},
    }
    if ups_in_front:
        components["utility"] = {"kind": "utility"}
        components["ups"] = {"kind": "ups", "power": ["utility", "gen"], "runtime": "45m", "probes": probe("ups")}
        components["pbx"] = {"kind": "pbx", "power": ["ups"]}
    return site(components, {"desk": ["pbx"]})


def test_a_running_generator_carries_a_pbx_whose_utility_is_down() -> None:
    history = History(generator_site())
    history.read(T0, {"utility": says(State.DOWN), "gen": says(generator_running=1, generator_auto=1)})
    assert history.state("pbx", T0) is State.UP
    history.read(T0 + 60, {"utility": says(State.DOWN), "gen": says(generator_running=1, generator_auto=0)})
    assert history.state("pbx", T0 + 60) is State.UP, "in manual and running: up"


def test_a_generator_in_manual_and_stopped_has_failed() -> None:
    history = History(generator_site())
    history.read(T0, {"utility": says(), "gen": says(generator_running=0, generator_auto=0)})
    assert history.state("gen", T0) is State.DOWN
    assert history.state("pbx", T0) is State.UP
    assert ("generator_not_auto", "gen") in history.codes()
    assert [point.component for point in history.assess(T0).single_points] == ["pbx", "utility"]


def test_fuel_is_the_gauge_or_the_declared_fuel_less_the_hours_run() -> None:
    history = History(generator_site())
    history.read(T0, {"utility": says(), "gen": says(generator_running=0, generator_auto=1, generator_fuel_ratio=0.25)})
    history.read(T0 + 10, {"utility": says(State.DOWN), "gen": says(generator_running=1, generator_fuel_ratio=0.25)})
    assert survival(history.assess(T0 + 10)) == (6 * HOUR, 6 * HOUR)
    assert ("fuel_low", "gen") in history.codes()

    history = History(generator_site())
    for hour in range(3):
        history.read(T0 + hour * 3600, {"utility": says(State.DOWN), "gen": says(generator_running=1)})
    assert survival(history.assess(T0 + 7200)) == (22 * HOUR, 22 * HOUR)


def test_on_battery_the_generator_counts_until_it_has_had_its_time() -> None:
    history = History(generator_site(gen_probe=False, ups_in_front=True))
    history.read(T0, {"ups": ups(runtime=2700)})
    assert survival(history.assess(T0)) == (FOREVER, FOREVER)
    history.read(T0 + 60, {"ups": ups(on_battery=True, runtime=2700)})
    assert survival(history.assess(T0 + 65)) == (24 * HOUR + 2_695_000,) * 2, "5 s into the outage: the generator's"
    history.read(T0 + 120, {"ups": ups(on_battery=True, runtime=2640)})
    assert survival(history.assess(T0 + 149))[0] > 23 * HOUR
    late = history.assess(T0 + 150)
    assert survival(late) == (2_610_000, 2_610_000), "at 30 s + one interval: the battery's"
    assert ("generator_not_carrying", "gen") in history.codes()


def test_a_generator_that_stands_ready_is_no_contradiction_and_proves_nothing() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "pump": {"kind": "service", "probes": probe("pump", type="tcp")},
            "gen": {
                "kind": "generator",
                "starts_within": "30s",
                "fuel": "24h",
                "needs": ["pump"],
                "probes": probe("gen", type="generator"),
            },
            "ups": {"kind": "ups", "power": ["utility", "gen"], "runtime": "45m", "probes": probe("ups")},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    ready, carrying = says(generator_running=0, generator_auto=1), says(generator_running=1, generator_auto=1)
    history = History(declared)
    for minute in (0, 60):
        history.read(T0 + minute, {"ups": ups(runtime=2700), "gen": ready, "pump": UP})
        assert survival(history.assess(T0 + minute), "utility") == (24 * HOUR + 2_700_000,) * 2
    assert ("evidence_conflict", "gen") not in history.codes()
    history.read(T0 + 120, {"ups": ups(runtime=2700), "gen": ready, "pump": BLIND})
    history.read(T0 + 300, {"ups": ups(runtime=2700), "gen": ready, "pump": BLIND})
    assert survival(history.assess(T0 + 300), "utility") == (2_700_000, 24 * HOUR + 2_700_000)
    history.read(T0 + 360, {"ups": ups(runtime=2700), "gen": carrying, "pump": BLIND})
    assert history.state("pump", T0 + 360) is State.UP, "an engine that runs does prove its pump"


def test_planned_work_counts_as_down_and_is_no_cut_set() -> None:
    work = Maintenance(
        components=("wan-a",),
        start=datetime.fromtimestamp(T0, UTC),
        end=datetime.fromtimestamp(T0 + 3600, UTC),
        by="continuity planning",
        reason="new optics",
    )
    declared = site(
        {
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
        maintenance=(work,),
    )
    history = History(declared)
    history.read(T0, {"wan-a": UP, "wan-b": UP})
    assessment = history.assess(T0)
    assert [cut.members for cut in assessment.cut_sets] == [("wan-b",)]
    assert next(c.why for c in assessment.components if c.name == "wan-a") == (
        "planned work by continuity planning: new optics"
    )
    history.read(T0 + 3600, {"wan-a": UP, "wan-b": UP})
    assert history.assess(T0 + 3600).state is SiteState.PROTECTED


def battery_site(**fields: object) -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups")},
            "pbx": {"kind": "pbx", "power": ["ups"], **fields},
        },
        {"desk": ["pbx"]},
        requires="2h",
    )


def test_a_reading_ages_and_a_lost_one_is_unbounded_above() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(on_battery=True, runtime=2400)})
    history.read(T0 + 100, {"ups": BLIND})
    assert survival(history.assess(T0 + 100)) == (2_300_000, 2_300_000)
    assert survival(history.assess(T0 + 600)) == (1_800_000, FOREVER), "no reading for more than three intervals"
    assert history.state("ups", T0 + 600) is State.DEGRADED
    assert history.assess(T0 + 2399).assured
    assert not history.assess(T0 + 2401).assured
    assert history.assess(T0 + 2401).state is SiteState.UNVERIFIED, (
        "the site never looks better, and is not called dead"
    )


def test_the_shutdown_point_of_the_ups_is_taken_off_the_low_bound() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(on_battery=True, runtime=600, runtime_low_seconds=120)})
    assert survival(history.assess(T0)) == (480_000, 600_000)
    history.read(T0 + 60, {"ups": ups(on_battery=True, runtime=100, low_battery=1)})
    assert survival(history.assess(T0 + 60)) == (0, 100_000)


def test_bypass_and_replace_leave_no_battery_but_the_feeds_pass() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(runtime=3600, unprotected=1)})
    assessment = history.assess(T0)
    assert survival(assessment) == (FOREVER, FOREVER)
    assert survival(assessment, "utility") == (0, 0)


def test_a_battery_test_is_no_outage() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(runtime=3600, testing=1)})
    assert history.state("utility", T0) is State.UP
    assert survival(history.assess(T0)) == (FOREVER, FOREVER)
    assert ("ups_on_battery", "ups") not in history.codes()


def test_a_battery_test_that_hangs_through_an_outage_is_one() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(runtime=1200, testing=1, discharging=1)})
    history.read(T0 + 1800, {"ups": ups(runtime=600, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 1800)) == (FOREVER, FOREVER), "as long as a test may last"
    history.read(T0 + 1860, {"ups": ups(runtime=540, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 1860)) == (540_000, 540_000)
    assert ("ups_on_battery", "ups") in history.codes()
    assert history.state("utility", T0 + 1860) is State.DOWN
    history.read(T0 + 1920, {"ups": ups(runtime=540, testing=1, discharging=0)})
    assert survival(history.assess(T0 + 1920)) == (FOREVER, FOREVER), "on line again; the word still hangs"
    history.read(T0 + 1980, {"ups": ups(runtime=600, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 1980))[1] == 600_000, "which makes the next outage one at once"
    history.read(T0 + 2040, {"ups": ups(runtime=1200)})
    history.read(T0 + 9000, {"ups": ups(runtime=1200, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 9000)) == (FOREVER, FOREVER), "a test of its own"


def test_a_calibration_has_as_long_as_the_battery_lasts() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(runtime=7200, testing=1, discharging=1)})
    history.read(T0 + 7200, {"ups": ups(runtime=900, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 7200)) == (FOREVER, FOREVER)
    history.read(T0 + 7260, {"ups": ups(runtime=840, testing=1, discharging=1)})
    assert survival(history.assess(T0 + 7260)) == (840_000, 840_000)


def test_a_ups_that_tells_no_runtime_is_credited_with_none() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups()})
    assert survival(history.assess(T0), "utility") == (0, FOREVER)
    assert ("ups_runtime_not_credible", "ups") in history.codes()


def test_two_upses_that_disagree_leave_the_utility_up() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups-a": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups-a")},
            "ups-b": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups-b")},
            "pbx": {"kind": "pbx", "power": ["ups-a", "ups-b"]},
        },
        {"desk": ["pbx"]},
    )
    history = History(declared)
    history.read(T0, {"ups-a": ups(runtime=3600), "ups-b": ups(on_battery=True, runtime=1200)})
    assert history.state("utility", T0) is State.UP
    assert ("ups_input_lost", "ups-b") in history.codes()
    assert ("ups_input_lost", "ups-a") not in history.codes()
    assert survival(history.assess(T0), "utility") == (HOUR, HOUR)


def test_both_upses_on_battery_prove_the_utility_down() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(on_battery=True, runtime=3600)})
    assert history.state("utility", T0) is State.DOWN
    assert history.state("pbx", T0) is State.UP
    assert ("ups_on_battery", "ups") in history.codes()


def test_a_load_seen_up_under_a_ups_seen_off_is_unverified_never_unavailable() -> None:
    history = History(battery_site(probes=probe("pbx", type="tcp")))
    history.read(T0, {"ups": says(State.DOWN, ups_on_battery=0), "pbx": UP})
    assert history.assess(T0).state is SiteState.UNVERIFIED
    assert ("evidence_conflict", "pbx") not in history.codes()
    history.read(T0 + 60, {"ups": says(State.DOWN, ups_on_battery=0), "pbx": UP})
    assert history.assess(T0 + 60).state is SiteState.UNVERIFIED
    assert ("evidence_conflict", "pbx") in history.codes()
    history.read(T0 + 120, {"ups": says(State.DOWN, ups_on_battery=0), "pbx": SILENT})
    assert history.assess(T0 + 120).state is SiteState.UNAVAILABLE


def test_a_silent_card_under_a_load_that_answers_is_up_with_unknown_runtime() -> None:
    history = History(battery_site(probes=probe("pbx", type="tcp")))
    history.read(T0, {"ups": BLIND, "pbx": UP})
    assert history.state("ups", T0) is State.UP
    assessment = history.assess(T0)
    assert survival(assessment) == (FOREVER, FOREVER)
    assert survival(assessment, "utility") == (0, FOREVER)


def test_no_evidence_at_all_is_unverified_never_unavailable() -> None:
    history = History(battery_site(probes=probe("pbx", type="tcp")))
    history.read(T0, {"ups": BLIND, "pbx": BLIND})
    assert history.assess(T0).state is SiteState.UNVERIFIED
    assert ("calling_unverified", "") in history.codes()


def test_an_accepted_utility_risk_covers_a_short_survival() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups")},
            "pbx-a": {"kind": "pbx", "power": ["ups"]},
            "pbx-b": {"kind": "pbx", "power": ["utility"]},
        },
        {"desk": [any_of("pbx-a", "pbx-b")]},
        requires="2h",
        accepted_risks=(_accepted("utility", "2027-01-01"),),
    )
    history = History(declared)
    history.read(T0, {"ups": ups(runtime=3600)})
    assert history.assess(T0).state is SiteState.PROTECTED
    assert history.assess(T0 + 200 * 86400).state is not SiteState.PROTECTED, "an acceptance ends"


def _accepted(name: str, until: str) -> AcceptedRisk:
    return AcceptedRisk(component=name, reason="r", by="b", until=date.fromisoformat(until))


def test_in_an_outage_the_requirement_is_asked_anew_and_what_ends_it_is_named() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(on_battery=True, runtime=7140)})
    assessment = history.assess(T0)
    assert assessment.requirement_unmet
    assert assessment.state is SiteState.AT_RISK
    assert [point.component for point in assessment.single_points] == ["pbx", "ups"]
    assert ("requirement_unmet", "") in history.codes()


def test_a_failure_by_a_road_that_is_not_up_is_unknown_and_a_success_always_counts() -> None:
    declared = site(
        {
            "wan": {"kind": "wan", "probes": probe("wan")},
            "trunk": {"kind": "sip-trunk", "probes": probe("trunk", type="sip-options", via=("wan",))},
        },
        {"desk": ["trunk"]},
    )
    history = History(declared)
    history.read(T0, {"wan": SILENT, "trunk": SILENT})
    assert history.state("trunk", T0) is State.UNKNOWN
    history.read(T0 + 60, {"trunk": UP})
    assert history.state("trunk", T0 + 60) is State.UP
    history.read(T0 + 120, {"trunk": SILENT})
    assert history.state("trunk", T0 + 120) is State.UNKNOWN
    history.read(T0 + 130, {"wan": UP})
    assert history.state("trunk", T0 + 130) is State.DOWN, "the road was read up after the failure"


def test_a_failure_waits_until_its_road_has_been_read() -> None:
    declared = site(
        {
            "wan": {"kind": "wan", "probes": probe("wan")},
            "trunk": {"kind": "sip-trunk", "probes": probe("trunk", type="sip-options", via=("wan",))},
        },
        {"desk": ["trunk"]},
    )
    history = History(declared)
    history.read(T0, {"wan": UP})
    history.read(T0 + 30, {"trunk": SILENT})
    assert history.state("trunk", T0 + 30) is State.UNKNOWN, "the road was last read up before the failure"
    history.read(T0 + 60, {"wan": UP})
    assert history.state("trunk", T0 + 60) is State.DOWN


def test_probes_of_one_type_are_alternatives_and_types_must_all_hold() -> None:
    same = (*probe("wan", name="one"), *probe("wan", name="two"))
    history = History(site({"wan": {"kind": "wan", "probes": same}}, {"p": ["wan"]}))
    history.read(T0, {"wan/one": SILENT, "wan/two": UP})
    assert history.state("wan", T0) is State.UP

    both = (*probe("wan"), *probe("wan", type="tcp"))
    history = History(site({"wan": {"kind": "wan", "probes": both}}, {"p": ["wan"]}))
    history.read(T0, {"wan/icmp": UP, "wan/tcp": SILENT})
    assert history.state("wan", T0) is State.DOWN
    assert ("wan_down", "wan") in history.codes()
    history.read(T0 + 60, {"wan/icmp": UP, "wan/tcp": BLIND})
    later = T0 + 300
    history.read(later, {"wan/icmp": UP})
    assert history.state("wan", later) is State.UP
    assert ("probe_blind", "wan") in history.codes()


def test_a_finding_closes_on_contrary_evidence_only() -> None:
    history = History(battery_site())
    history.read(T0, {"ups": ups(on_battery=True, runtime=3600)})
    history.assess(T0)
    assert ("ups_on_battery", "ups") in history.codes()
    history.assess(T0 + 600)
    (kept,) = [finding for finding in history.open if finding.code == "ups_on_battery"]
    assert kept.stale
    history.read(T0 + 660, {"ups": ups(runtime=3000)})
    history.assess(T0 + 660)
    assert ("ups_on_battery", "ups") not in history.codes()


def test_a_transfer_switch_in_manual_keeps_the_feed_it_is_on() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "0s", "fuel": "24h"},
            "ats": {"kind": "ats", "power": ["utility", "gen"], "probes": probe("ats", type="snmp-ats")},
            "pbx": {"kind": "pbx", "power": ["ats"]},
        },
        {"desk": ["pbx"]},
    )
    history = History(declared)
    history.read(T0, {"ats": says(text={"ats_source_info": "utility"}, ats_auto=0, ats_source_info=1)})
    assert survival(history.assess(T0), "utility") == (0, 0)
    history.read(T0 + 60, {"ats": says(text={"ats_source_info": "?"}, ats_auto=0, ats_source_info=1)})
    assert survival(history.assess(T0 + 60)) == (0, FOREVER), "nobody knows which feed it is on"
    history.read(T0 + 120, {"ats": says(ats_auto=1)})
    assert survival(history.assess(T0 + 120), "utility") == (24 * HOUR, 24 * HOUR)


def test_a_live_single_point_that_is_not_in_the_design_is_news() -> None:
    declared = site(
        {
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
    )
    history = History(declared)
    history.read(T0, {"wan-a": UP, "wan-b": UP})
    assert history.assess(T0).state is SiteState.PROTECTED
    history.read(T0 + 30, {"wan-a": SILENT, "wan-b": UP})
    assessment = history.assess(T0 + 30)
    assert assessment.state is SiteState.AT_RISK
    assert [point.component for point in assessment.single_points] == ["wan-b"]
    assert {("spof_new", "wan-b"), ("wan_down", "wan-a")} <= history.codes()


def test_a_finding_is_raised_at_the_root_only() -> None:
    declared = site(
        {
            "edge": {"kind": "router", "power": [], "probes": probe("edge")},
            "wan": {"kind": "wan", "needs": ["edge"], "probes": probe("wan")},
        },
        {"desk": ["wan"]},
    )
    history = History(declared)
    history.read(T0, {"edge": SILENT, "wan": SILENT})
    history.assess(T0)
    assert ("component_down", "edge") in history.codes()
    assert ("wan_down", "wan") not in history.codes()


def test_two_probes_of_a_ups_that_disagree_leave_it_on_battery() -> None:
    both = (*probe("ups", type="nut"), *probe("ups", type="snmp-ups"))
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": both},
            "pbx": {"kind": "pbx", "power": ["ups"]},
        },
        {"desk": ["pbx"]},
    )
    history = History(declared)
    history.read(T0, {"ups/nut": ups(on_battery=True, runtime=1200)})
    history.read(T0 + 1, {"ups/snmp-ups": ups(runtime=1200)})
    assert survival(history.assess(T0 + 1))[0] == 1_199_000
    history.read(T0 + 60, {"ups/nut": ups(runtime=1200)})
    history.read(T0 + 61, {"ups/snmp-ups": ups(runtime=1200)})
    assert survival(history.assess(T0 + 61)) == (FOREVER, FOREVER)
