"""A snapshot works out again only what can have changed."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import site
from history import SILENT, UP, History, probe, ups
from live_sites import live_sites, readings_of
from resilience import exporter
from resilience.model import Maintenance, Site, any_of
from resilience.reading import State
from resilience.snapshot import Snapshot, take

T0 = 1_790_000_000.0
DAY = 86400


def two_wans() -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h", "probes": probe("ups", type="nut")},
            "wan-a": {"kind": "wan", "probes": probe("wan-a"), "power": ["ups"]},
            "wan-b": {"kind": "wan", "probes": probe("wan-b"), "power": ["ups"]},
        },
        {"desk": [any_of("wan-a", "wan-b")]},
        requires="2h",
    )


def rendered(taken: Snapshot, parts: exporter.Parts) -> exporter.Families:
    durations = {spec.key: 0.1 for spec in taken.site.probes}
    return exporter.render(taken, file_valid=True, vantage="central", durations=durations, parts=parts)


def after(history: History, before: Snapshot | None, now: float) -> Snapshot:
    taken = take(history.site, history.memory, now, before=before)
    history.memory = taken.memory
    return taken


def test_equal_readings_give_the_same_answers_and_a_change_gives_new_ones() -> None:
    history = History(two_wans())
    healthy = {"ups": ups(runtime=3000), "wan-a": UP, "wan-b": UP}
    history.read(T0, healthy)
    first = after(history, None, T0)
    history.read(T0 + 60, healthy)
    second = after(history, first, T0 + 60)
    assert first.now is not None
    assert second.now is not None
    assert second.now.answers is first.now.answers
    assert second.design is first.design
    assert second.now.components != first.now.components, "the evidence is newer"

    history.read(T0 + 120, {**healthy, "wan-a": SILENT})
    third = after(history, second, T0 + 120)
    assert third.now is not None
    assert [point.component for point in third.now.single_points] == ["ups", "wan-b", "utility"]

    history.read(T0 + 180, {**healthy, "ups": ups(runtime=2400), "wan-a": SILENT})
    fourth = after(history, third, T0 + 180)
    assert fourth.now is not None
    assert fourth.now.single_points[-1].loss == 2_400_000


def test_a_runtime_that_jitters_is_no_change_and_never_looks_better() -> None:
    history = History(two_wans())
    history.read(T0, {"ups": ups(runtime=3005), "wan-a": UP, "wan-b": UP})
    first = after(history, None, T0)
    history.read(T0 + 60, {"ups": ups(runtime=3001), "wan-a": UP, "wan-b": UP})
    second = after(history, first, T0 + 60)
    assert second.live.concluded is first.live.concluded
    assert first.now is not None
    assert second.now is not None
    assert second.now.answers is first.now.answers
    assert second.now.survival[1].high == 3_000_000
    history.read(T0 + 120, {"ups": ups(runtime=2999), "wan-a": UP, "wan-b": UP})
    third = after(history, second, T0 + 120)
    assert third.now is not None
    assert third.now.survival[1].high == 2_990_000


def test_what_runs_out_is_noticed_without_a_new_answer() -> None:
    declared = replace(
        two_wans(),
        maintenance=(
            Maintenance(
                components=("wan-a",),
                start=datetime.fromtimestamp(T0 + 30, UTC),
                end=datetime.fromtimestamp(T0 + 90, UTC),
                by="b",
                reason="r",
            ),
        ),
    )
    history = History(declared)
    history.read(T0, {"ups": ups(runtime=3000), "wan-a": UP, "wan-b": UP})
    taken, states = after(history, None, T0), []
    for age in (29, 30, 89, 90, 185, 186):
        taken = after(history, taken, T0 + age)
        assert taken.now is not None
        states.append({state.name: state.state for state in taken.now.components}["wan-a"])
    assert states == [State.UP, State.DOWN, State.DOWN, State.UP, State.UP, State.UNKNOWN]


@settings(max_examples=60, deadline=None)
@given(live_sites(6), st.data())
def test_what_is_taken_over_is_what_would_be_worked_out(declared: Site, data: st.DataObject) -> None:
    """A past of several rounds, told once with all that is remembered and once from the memory alone."""
    history, now, before, parts = History(declared), T0, None, exporter.Parts()
    probed = [component for component in declared.components.values() if component.probes]
    for _ in range(data.draw(st.integers(2, 5))):
        for component in probed:
            if before is None or data.draw(st.booleans()):
                history.read(now, {component.name: data.draw(readings_of(component))})
        open_findings = before.findings if before else ()
        taken = take(declared, history.memory, now, before=before, open_findings=open_findings)
        anew = take(declared, history.memory, now, open_findings=open_findings)
        assert (taken.now is None) == (anew.now is None)
        if taken.now is not None and anew.now is not None:
            assert taken.now.components == anew.now.components
            assert taken.now.survival == anew.now.survival
            assert taken.now.cut_sets == anew.now.cut_sets
            assert taken.now.state is anew.now.state
        assert (taken.live.seen, taken.live.statuses) == (anew.live.seen, anew.live.statuses)
        assert (taken.findings, taken.memory) == (anew.findings, anew.memory)
        assert rendered(taken, parts) == rendered(taken, {})
        history.memory, before = taken.memory, taken
        now += data.draw(st.sampled_from([0.0, 5.0, 60.0, 126.0, 185.0, 300.0]))


def test_a_new_day_and_a_new_declaration_are_assessed_anew() -> None:
    history = History(two_wans())
    history.read(T0, {"ups": ups(runtime=3000), "wan-a": UP, "wan-b": UP})
    first = after(history, None, T0)
    assert after(history, first, T0 + DAY).design is not first.design
    history.site = replace(history.site, power_outage=0)
    changed = after(history, first, T0 + 1)
    assert changed.now is not None
    assert "utility" not in [point.component for point in changed.now.single_points if point.loss]


def test_before_the_first_full_round_nothing_is_said_and_after_it_always_something() -> None:
    declared = site(
        {"wan": {"kind": "wan", "probes": probe("wan", fall=3)}, "pbx": {"kind": "pbx", "power": []}},
        {"desk": ["wan", "pbx"]},
    )
    history = History(declared)
    assert after(history, None, T0).now is None
    history.read(T0, {"wan": SILENT})
    assert after(history, None, T0).now is None, "one failure of three: not decided"
    history.read(T0 + 5, {"wan": UP})
    assert after(history, None, T0 + 5).now is not None
    history.read(T0 + 10, {"wan": SILENT})
    now = after(history, None, T0 + 10).now
    assert now is not None, "while it makes up its mind, what was decided stands"
    assert now.assured
