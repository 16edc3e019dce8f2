"""Drills: predicted, measured, compared. What happens is told as readings; the law makes of them what it does."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings

from builders import component, random_sites, site
from exercise import START, exercise, note
from history import BLIND, SILENT, UP, probe, ups
from resilience.assess import assess_design
from resilience.drills.comparison import Battery, Match
from resilience.drills.judgement import Verdict, judge
from resilience.drills.plan import Held, due, never_covered, proposals
from resilience.drills.record import Outcome, drill_of, prediction_of, to_json
from resilience.drills.rehearsal import rehearse
from resilience.duration import FOREVER
from resilience.model import Drill, Gate, Site, Surprise, all_of, any_of, indispensable
from resilience.records import Records, recorded
from resilience.sharing import contradictions
from resilience.steps import Batch
from resilience.survival import design_bounds

TODAY = date(2026, 9, 21)


def office(**fields: object) -> Site:
    """Two ISPs, each with a trunk, and a UPS beneath the PBX."""
    return site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "40m", "probes": probe("ups", type="nut")},
            "pbx": {"kind": "pbx", "power": ["ups"], "probes": probe("pbx")},
            "isp-a": {"kind": "wan", "probes": probe("isp-a")},
            "isp-b": {"kind": "wan", "probes": probe("isp-b")},
            "trunk-a": {"kind": "sip-trunk", "needs": ["isp-a"], "probes": probe("trunk-a")},
            "trunk-b": {"kind": "sip-trunk", "needs": ["isp-b"], "probes": probe("trunk-b")},
            "mobile": {"kind": "cellular", "probes": probe("mobile")},
        },
        {"desk-a": ["pbx", "trunk-a"], "desk-b": ["pbx", "trunk-b"], "mobile": ["mobile"]},
        **fields,  # type: ignore[arg-type]
    )


WELL = {
    "ups": ups(runtime=2400),
    **dict.fromkeys(("pbx", "isp-a", "isp-b", "trunk-a", "trunk-b", "mobile"), UP),
}
CUT_A = Drill(name="isp-a-cut", fail=("isp-a",), expect_path="desk-b", expect_within=120_000)
A_DOWN = {"isp-a": SILENT, "trunk-a": SILENT, "isp-b": UP, "trunk-b": UP, "pbx": UP, "mobile": UP}


# --- Rehearsed ------------------------------------------------------------------------------------------------


def test_a_rehearsal_says_who_carries_911_at_each_moment() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "40m"},
            "pbx": {"kind": "pbx", "power": ["ups"]},
            "mobile": {"holds": "2h", "kind": "cellular", "power": ["utility"]},
        },
        {"desk": ["pbx"], "mobile": ["mobile"]},
    )
    rehearsal = rehearse(declared, Drill(name="dark", fail=("utility",)), design_bounds(declared), TODAY)
    told = [(s.start, s.end, s.path.name if s.path else None, s.assured) for s in rehearsal.stretches]
    assert told == [
        (0, 40 * 60_000, "desk", True),
        (40 * 60_000, 120 * 60_000, "mobile", True),
        (120 * 60_000, FOREVER, None, False),
    ]
    assert rehearsal.told == "With utility failed 911 goes by desk, and is lost after 2 h"
    assert rehearsal.agrees is None


def test_a_rehearsal_is_held_against_what_is_expected() -> None:
    bounds = design_bounds(office())
    assert rehearse(office(), CUT_A, bounds, TODAY).agrees is True
    wrong = Drill(name="isp-a-cut", fail=("isp-a",), expect_path="desk-a", expect_within=120_000)
    assert rehearse(office(), wrong, bounds, TODAY).agrees is False
    assert {p.component for p in rehearse(office(), CUT_A, bounds, TODAY).exposed} == set()
    both = Drill(name="both", fail=("isp-a", "isp-b"))
    assert {p.component for p in rehearse(office(), both, bounds, TODAY).exposed} == {"mobile"}


@settings(max_examples=100, deadline=None)
@given(random_sites())
def test_a_rehearsal_loses_911_when_survival_ends(declared: Site) -> None:
    names = tuple(declared.components)[:1]
    bounds = design_bounds(declared)
    rehearsal = rehearse(declared, Drill(name="d", fail=names), bounds, TODAY)
    low = bounds.structure.evaluate(bounds.low, Batch.of(names)).life()
    unassured = [s.start for s in rehearsal.stretches if not s.assured]
    assert min(unassured, default=FOREVER) == low == rehearsal.survival.low


# --- Exercised ------------------------------------------------------------------------------------------------


def test_what_went_as_predicted_has_passed() -> None:
    story = [note(10, "fibre pulled", mark="fault"), (40, A_DOWN), (300, WELL)]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=400))
    assert shown.verdict is Verdict.PASSED
    assert shown.why == ("With isp-a down 911 went by desk-b",)
    assert (shown.detected, shown.taken_over, shown.path) == (30, 30, "desk-b")
    assert (shown.gap, shown.lost, shown.restored) == (0, 0, 0)
    assert {(row.name, row.match) for row in shown.compared} == {
        ("isp-a", Match.AS_PREDICTED),
        ("trunk-a", Match.AS_PREDICTED),
        ("desk-a", Match.AS_PREDICTED),
    }


def test_without_a_mark_the_fault_is_when_it_was_last_seen_well() -> None:
    shown = judge(exercise(office(), CUT_A, WELL, [(40, A_DOWN), (300, WELL)], lasts=400))
    assert not shown.marked
    assert shown.fault_at == START - 1
    assert shown.detected == 41


def test_a_fault_that_did_not_happen_voids_the_drill() -> None:
    shown = judge(exercise(office(), CUT_A, WELL, [(40, WELL)], lasts=400))
    assert shown.verdict is Verdict.VOID
    assert shown.why == ("isp-a was never seen down: the fault did not happen",)


def test_what_nobody_watches_cannot_be_seen_down() -> None:
    drill = Drill(name="dark", fail=("utility",))
    blind = {name: reading for name, reading in WELL.items() if name != "ups"} | {"ups": SILENT}
    shown = judge(exercise(office(), drill, blind, [(40, blind)], lasts=400))
    assert shown.verdict is Verdict.VOID
    assert shown.why == ("utility was not seen down; nothing watches it: the fault did not happen",)


def test_a_drill_in_a_real_outage_is_void() -> None:
    shown = judge(exercise(office(), CUT_A, A_DOWN | {"ups": ups(runtime=2400)}, [(40, A_DOWN)], lasts=400))
    assert shown.verdict is Verdict.VOID
    assert shown.why == ("isp-a was down before the drill began",)


def test_an_undeclared_dependency_is_found_and_an_edit_proposed() -> None:
    """isp-b hangs on the same fibre, which nobody wrote down; its trunk goes with it and is no surprise of its own."""
    everything = A_DOWN | {"isp-b": SILENT, "trunk-b": SILENT}
    story = [note(10, "pulled", mark="fault"), (40, everything), (300, WELL)]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=400))
    assert shown.verdict is Verdict.FAILED
    assert shown.why == (
        "911 went by mobile, and desk-b was to carry it",
        "isp-b went off, though nothing declares that it depends on isp-a",
    )
    matches = {row.name: row for row in shown.compared}
    assert matches["isp-b"].match is Match.UNDECLARED
    assert matches["isp-b"].edit == "components.isp-b.needs: add isp-a, or what both of them stand on"
    assert matches["trunk-b"].match is Match.FOLLOWED


def test_what_stayed_on_is_over_declared() -> None:
    """trunk-a really goes by either ISP."""
    stayed = A_DOWN | {"trunk-a": UP}
    story = [note(10, "pulled", mark="fault"), *((at, stayed) for at in range(40, 640, 60)), (700, WELL)]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=800))
    (row,) = shown.surprises
    assert (row.name, row.match, row.measured) == ("trunk-a", Match.OVER_DECLARED, None)


def test_a_takeover_that_took_too_long_fails() -> None:
    slow = CUT_A.__class__(name="isp-a-cut", fail=("isp-a",), expect_path="desk-b", expect_within=20_000)
    story = [note(10, "pulled", mark="fault"), (40, A_DOWN), (300, WELL)]
    shown = judge(exercise(office(), slow, WELL, story, lasts=400))
    assert shown.verdict is Verdict.FAILED
    assert shown.why == ("desk-b took over after 30 s; 20 s were allowed",)


def test_911_lost_unpredicted_fails_and_the_time_is_measured() -> None:
    declared = site(
        {
            "isp-a": {"kind": "wan", "probes": probe("isp-a")},
            "isp-b": {"kind": "wan", "probes": probe("isp-b")},
        },
        {"a": ["isp-a"], "b": ["isp-b"]},
    )
    story = [
        note(10, "pulled", mark="fault"),
        (40, {"isp-a": SILENT, "isp-b": SILENT}),
        (70, {"isp-a": SILENT, "isp-b": UP}),
        (300, {"isp-a": UP, "isp-b": UP}),
    ]
    shown = judge(exercise(declared, Drill(name="d", fail=("isp-a",)), {"isp-a": UP, "isp-b": UP}, story, lasts=400))
    assert shown.lost == 30
    assert shown.taken_over == 60
    assert shown.verdict is Verdict.FAILED
    assert shown.why[0] == "911 could not be called for 30 s; the model did not say so"


def test_a_battery_that_drains_too_fast_has_not_kept_its_word() -> None:
    drill = Drill(name="dark", fail=("utility",))
    on = {name: UP for name in WELL if name != "ups"}
    story = [
        (60, on | {"ups": ups(on_battery=True, runtime=2400)}),
        (360, on | {"ups": ups(on_battery=True, runtime=1200)}),
        (420, on | {"ups": ups(runtime=1200)}),
    ]
    shown = judge(exercise(office(), drill, WELL, story, lasts=500))
    assert shown.batteries == (Battery("ups", 2400, 600, 360, ran_out=False),)
    assert shown.verdict is Verdict.FAILED
    assert "ups holds 10 min, not the 40 min that it promised" in shown.why


def test_aborted_and_running_drills_are_not_judged() -> None:
    aborted = exercise(office(), CUT_A, WELL, [], lasts=60, outcome=Outcome.ABORTED, reason="a real call came in")
    assert (judge(aborted).verdict, judge(aborted).why) == (Verdict.ABORTED, ("a real call came in",))
    assert judge(exercise(office(), CUT_A, WELL, [(40, A_DOWN)], lasts=0, outcome=Outcome.RUNNING)).verdict is (
        Verdict.RUNNING
    )


def test_plan_and_prediction_survive_being_written() -> None:
    record = exercise(office(), CUT_A, WELL, [], lasts=1)
    assert record.prediction is not None
    for value, back in ((record.prediction, prediction_of), (record.drill, drill_of)):
        assert back(json.loads(json.dumps(to_json(value)))) == value


def test_a_mark_that_came_late_is_not_the_moment() -> None:
    """Somebody pulled the plug, walked back, and then said so: what fell before the mark fell by this fault."""
    story = [(40, A_DOWN), note(90, "pulled", mark="fault"), (700, WELL)]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=800))
    assert (shown.verdict, shown.marked, shown.fault_at) == (Verdict.PASSED, False, START - 1)
    assert shown.surprises == ()


def test_a_mark_stands_although_something_blinked_before_it() -> None:
    story = [(10, A_DOWN), (20, WELL), note(50, "pulled", mark="fault"), (80, A_DOWN), (300, WELL)]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=400))
    assert (shown.verdict, shown.marked, shown.detected) == (Verdict.PASSED, True, 30)


def test_restored_before_the_fault_is_a_slip() -> None:
    story = [
        note(5, "oops", mark="restored"),
        note(10, "pulled", mark="fault"),
        (40, A_DOWN),
        note(300, "back", mark="restored"),
        (310, WELL),
    ]
    shown = judge(exercise(office(), CUT_A, WELL, story, lasts=400))
    assert (shown.verdict, shown.fault_until, shown.restored) == (Verdict.PASSED, START + 300, 10)


def test_unknown_is_not_restored() -> None:
    story = [note(10, "", mark="fault"), (40, A_DOWN), (300, A_DOWN | {"isp-a": BLIND}), (600, WELL)]
    assert judge(exercise(office(), CUT_A, WELL, story, lasts=700)).fault_until == START + 600
    assert judge(exercise(office(), CUT_A, WELL, story[:-1], lasts=700)).fault_until == START + 700


def test_what_could_not_be_seen_did_not_stay_on() -> None:
    """The trunk is asked by way of the line that is cut: its silence says nothing, and is no contradiction."""
    declared = office()
    by_a = replace(declared.components["trunk-a"], probes=probe("trunk-a", via=("isp-a",)))
    declared = replace(declared, components={**declared.components, "trunk-a": by_a})
    story = [note(10, "", mark="fault"), *((at, A_DOWN) for at in range(40, 640, 60)), (700, WELL)]
    shown = judge(exercise(declared, CUT_A, WELL, story, lasts=800))
    assert {row.name: row.match for row in shown.compared}["trunk-a"] is Match.NOT_WATCHED
    assert (shown.verdict, shown.surprises) == (Verdict.PASSED, ())


def test_what_the_structure_alone_says_is_down_was_not_seen_down() -> None:
    """Of what was to fail the one fell; the other went blind, and is off by what is declared: that is no fault seen."""
    both = Drill(name="both", fail=("isp-a", "trunk-a"))
    blind = A_DOWN | {"trunk-a": BLIND}
    shown = judge(exercise(office(), both, WELL, [(40, blind), (300, blind), (600, WELL)], lasts=700))
    assert shown.verdict is Verdict.VOID
    assert shown.why == ("trunk-a was never seen down: the fault did not happen",)


def test_what_is_seen_before_what_it_stands_on_followed_it_all_the_same() -> None:
    """And it may stand on it by something that nobody watches."""
    declared = office()
    by_router = replace(declared.components["trunk-b"], needs=all_of("router"))
    router = component("router", "router", needs=["isp-b"])
    declared = replace(declared, components={**declared.components, "router": router, "trunk-b": by_router})
    first, then = A_DOWN | {"trunk-b": SILENT}, A_DOWN | {"isp-b": SILENT, "trunk-b": SILENT}
    story = [note(10, "", mark="fault"), (40, first), (80, then), (300, WELL)]
    shown = judge(exercise(declared, CUT_A, WELL, story, lasts=400))
    assert [row.name for row in shown.surprises] == ["isp-b"]


def test_911_lost_sooner_than_predicted_fails_however_long_the_drill_was() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "40m", "probes": probe("ups", type="nut")},
            "pbx": {"kind": "pbx", "power": ["ups"], "probes": probe("pbx")},
        },
        {"desk": ["pbx"]},
    )
    well = {"ups": ups(runtime=2400), "pbx": UP}
    on_battery = {"ups": ups(on_battery=True, runtime=2400), "pbx": UP}
    story = [note(10, "", mark="fault"), (40, on_battery), (100, on_battery | {"pbx": SILENT}), (2700, well)]
    shown = judge(exercise(declared, Drill(name="dark", fail=("utility",)), well, story, lasts=2800))
    assert shown.lost_at == 90
    assert shown.why[0] == "911 could not be called for 43 min; the model did not say so"


def test_a_path_cannot_do_without_what_no_way_goes_round() -> None:
    assert indispensable(all_of("pbx", any_of("isp-a", "isp-b"))) == {"pbx"}
    assert indispensable(any_of(all_of("core", "isp-a"), all_of("core", "isp-b"))) == {"core"}
    assert indispensable(Gate(2, ("a", "b", "b"))) == {"b"}


# --- Planned --------------------------------------------------------------------------------------------------


def held(name: str, fail: str, days_ago: float, verdict: Verdict = Verdict.PASSED) -> Held:
    return Held(1, name, (fail,), START - days_ago * 86400, verdict)


@pytest.mark.parametrize(
    ("past", "overdue"),
    [
        ([], True),
        ([held("isp-a-cut", "isp-a", 10)], False),
        ([held("isp-a-cut", "isp-a", 91)], True),
        ([held("isp-a-cut", "isp-a", 91), held("isp-a-cut", "isp-a", 1, Verdict.VOID)], True),
        ([held("isp-a-cut", "isp-a", 91), held("isp-a-cut", "isp-a", 1, Verdict.FAILED)], False),
    ],
)
def test_a_drill_that_proved_nothing_was_not_held(past: list[Held], overdue: bool) -> None:
    quarterly = Drill(name="isp-a-cut", fail=("isp-a",), every=90 * 86_400_000)
    (one,) = due(recorded(office(drills=(quarterly,)), Records(held=tuple(past))), START)
    assert one.overdue is overdue


def test_what_no_drill_has_covered_and_what_to_drill_next() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "40m"},
            "conduit": {"kind": "shared-risk"},
            "isp-a": {"kind": "wan", "power": ["ups"], "needs": ["conduit"]},
            "isp-b": {"kind": "wan", "power": ["ups"], "needs": ["conduit"]},
        },
        {"desk": [any_of("isp-a", "isp-b")]},
        requires="2h",
    )
    design = assess_design(declared, START)
    assert {p.component for p in never_covered(design, [])} == {"conduit", "ups", "utility"}
    assert {p.component for p in never_covered(design, [held("x", "utility", 1)])} == {"conduit", "ups"}
    found = [(p.component, p.declaration) for p in proposals(design, [])]
    assert found[0] == (
        "utility",
        "- {name: utility-lost, fail: [utility], every: 180d, expect: {path: desk, within: 2m}}",
    )
    assert [name for name, _ in found] == ["utility", "isp-a", "isp-b"]


def test_what_a_drill_found_stands_until_the_file_says_it() -> None:
    everything = A_DOWN | {"isp-b": SILENT, "trunk-b": SILENT}
    record = exercise(office(), CUT_A, WELL, [note(10, "", mark="fault"), (40, everything), (300, WELL)], lasts=400)
    (found,) = judge(record).surprises
    surprise = Surprise(found.name, found.match is Match.UNDECLARED, found.edit)
    past = Held(1, CUT_A.name, CUT_A.fail, START, Verdict.FAILED, (surprise,))
    declared = recorded(office(drills=(CUT_A,)), Records(held=(past,)))
    assert [name for name, _ in contradictions(declared)] == ["isp-b"]
    mended = {
        name: replace(component, needs=all_of("fibre")) if name in ("isp-a", "isp-b") else component
        for name, component in declared.components.items()
    }
    mended["fibre"] = component("fibre", "shared-risk")
    assert [*contradictions(replace(declared, components=mended))] == []
