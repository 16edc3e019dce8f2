"""A snapshot works out again only what can have changed."""

from dataclasses import replace

from builders import site
from history import SILENT, UP, History, probe, ups
from resilience.model import Site, any_of
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
