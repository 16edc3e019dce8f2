"""What keeps failing together: counted, held against chance, found where it is planted and not where it is not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import site
from history import probe
from resilience.cofailure import BIN, Past, binomial_tail, holm, independent, pairs, proposals, seen_within
from resilience.falls import Change, Spans, Trouble, lasting, troubles
from resilience.model import Gate, Site, all_of, any_of
from resilience.sharedrisk import failing_together, needs_with, odds, shared_risks, told

DAY = 86_400.0
START = 1_790_000_000.0 // DAY * DAY
YEAR = 365 * DAY


def lines(**more: object) -> Site:
    """Three lines by one watched router, each with a trunk; nothing says that the lines share anything else."""
    made: dict[str, dict[str, object]] = {"edge": {"kind": "router", "power": [], "probes": probe("edge")}}
    for name in "abc":
        made[f"isp-{name}"] = {"kind": "wan", "needs": ["edge"], "probes": probe(f"isp-{name}")}
    made["trunk-a"] = {"kind": "sip-trunk", "needs": ["isp-a"], "probes": probe("trunk-a")}
    made["trunk-b"] = {"kind": "sip-trunk", "needs": ["isp-b"], "probes": probe("trunk-b")}
    made |= more  # type: ignore[arg-type]
    return site(made, {"desk": ["trunk-a"], "other": ["trunk-b"], "third": ["isp-c"]})


def fell(name: str, at: float, *, lasts: float = 600.0, text: str = "") -> list[Change]:
    why = text or f"{name}: no answer"
    return [Change(at, name, "up", "down", why), Change(at + lasts, name, "down", "up", "")]


def past(changes: Iterable[Change], **more: object) -> Past:
    told = troubles(sorted(changes))
    return Past(since=START, until=START + YEAR, troubles=told, **more)  # type: ignore[arg-type]


def names(found: Iterable[object]) -> list[tuple[str, str]]:
    return [one.names for one in found]  # type: ignore[attr-defined]


def moments(seed: int, number: int) -> list[float]:
    """One a day at most, hours apart."""
    random = Random(seed)
    return [START + day * DAY + random.uniform(0.1, 0.9) * DAY for day in random.sample(range(365), number)]


# --- Troubles -------------------------------------------------------------------------------------------------


def story(*turns: tuple[float, str]) -> list[Trouble]:
    was, changes = "up", []
    for at, state in turns:
        changes.append(Change(at, "x", was, state, "x: no answer"))
        was = state
    return [*(troubles(changes)["x"] or ())]


def test_a_trouble_lasts_until_it_works_again_and_flapping_is_one() -> None:
    assert story((0, "down"), (60, "up")) == [Trouble(0, 0, 60)]
    assert story((0, "down"), (60, "up"), (1000, "down"), (1060, "degraded")) == [Trouble(0, 0, 1060)]
    assert story((0, "down"), (60, "up"), (9000, "down")) == [Trouble(0, 0, 60), Trouble(9000, 9000)]


def test_of_what_came_by_way_of_unknown_the_moment_is_known_where_it_was_quick() -> None:
    assert story((0, "unknown"), (100, "down"), (200, "up")) == [Trouble(0, 100, 200)]
    assert story((0, "unknown"), (1000, "down"), (2000, "up")) == [Trouble(0, None, 2000)]
    assert story((0, "unknown"), (100, "up")) == [Trouble(0, None, 100)]


@pytest.mark.parametrize(
    "text",
    [
        "planned work by R. Chen: new fibre",
        "failed the check of 2026-11-02",
        "edge is off",
        "isp-a, isp-b are off",
    ],
)
def test_what_its_own_evidence_does_not_say_is_no_fall(text: str) -> None:
    (found,) = troubles(fell("x", 0, text=text))["x"] or ()
    assert found == Trouble(0, None, 600)
    (found,) = troubles(fell("x", 0, text="outlet: the outlet is off"))["x"] or ()
    assert found.fell == 0


def test_the_first_word_of_all_is_no_fall_and_two_monitors_tell_of_one() -> None:
    assert troubles([Change(0, "x", "", "down", "")])["x"] == (Trouble(0, None),)
    pair = sorted([*fell("x", 0), *fell("x", 7)])
    assert troubles(pair)["x"] == (Trouble(0, 0, 600),)


def test_two_years_of_flapping_are_no_more_memory_than_a_day_and_are_not_judged() -> None:
    def flapping() -> Iterable[Change]:
        for at in range(0, 2 * 365 * 86_400, 9_000):
            yield from fell("x", at)

    assert troubles(flapping()) == {"x": None}
    found = past([*fell("isp-a", START)])
    assert Past(since=0, until=1, troubles={**found.troubles, "x": None}).restless == ("x",)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8), st.integers(0, 50), st.integers(0, 50))
def test_spans_against_brute_force(spans: list[tuple[int, int]], start: int, end: int) -> None:
    start, end = min(start, end), max(start, end)
    kept = Spans((float(a), float(b)) for a, b in spans)
    inside = {at for at in range(start, end) if any(a <= at < b for a, b in spans)}
    assert lasting(kept.within(start, end)) == len(inside)
    assert lasting(kept.between(start, end)) == end - start - len(inside)


# --- Chance ---------------------------------------------------------------------------------------------------


@given(st.integers(1, 9), st.floats(0, 0.4), st.integers(0, 9))
def test_the_tail_against_all_outcomes(n: int, q: float, k: int) -> None:
    exact = sum((q ** sum(one)) * ((1 - q) ** (n - sum(one))) for one in product((0, 1), repeat=n) if sum(one) >= k)
    told = binomial_tail(n, q, k)
    assert told == 1.0 if k < n * q + 1 else abs(told - exact) < 1e-9


@given(st.lists(st.floats(0, 0.3), min_size=1, max_size=8), st.integers(1, 8))
def test_the_tail_bounds_trials_of_unequal_chances(chances: list[float], k: int) -> None:
    """Hoeffding's theorem, by all outcomes."""
    exact = 0.0
    for one in product((0, 1), repeat=len(chances)):
        if sum(one) >= k:
            weight = 1.0
            for happened, q in zip(one, chances, strict=True):
                weight *= q if happened else 1 - q
            exact += weight
    assert exact <= binomial_tail(len(chances), sum(chances) / len(chances), k) + 1e-9


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
    assert holm([]) == []


def slow_lines(interval: int) -> Site:
    return lines(
        **{
            name: {"kind": "wan", "probes": tuple(replace(one, interval=interval) for one in probe(name))}
            for name in ("isp-a", "isp-b", "isp-c")
        }
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_independent_failures_are_proposed_no_more_often_than_promised(seed: int) -> None:
    """Made-up sites whose lines fall in the same storms, each at a minute of its own, and are asked so seldom that some
    fall together at every site. A tenth of a hundred may be proposed wrongly; 25 were once in 100,000 runs."""
    random, wrong, met = Random(seed), 0, 0
    declared = slow_lines(600_000)
    for _ in range(100):
        changes: list[Change] = []
        storms = random.sample(range(365), 40)
        for name in ("isp-a", "isp-b", "isp-c"):
            for day in storms:
                changes += fell(name, START + day * DAY + random.uniform(0, BIN), lasts=random.uniform(60, 9000))
        found = past(changes)
        wrong += bool(proposals(declared, found, rare=0.1))
        met += any(len(pair.moments) >= 3 for pair in pairs(declared, found))
    assert met > 50
    assert wrong < 25


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 10), st.integers(0, 30))
def test_a_planted_cause_is_found_and_counted(seed: int, together: int, alone: int) -> None:
    random = Random(seed)
    when = moments(seed, together + 2 * alone)
    within = seen_within(lines(), "isp-a") or 0.0
    changes: list[Change] = []
    for at in when[:together]:
        changes += [*fell("isp-a", at), *fell("isp-b", at + random.uniform(-within, within))]
    for index, at in enumerate(when[together:]):
        changes += fell("isp-a" if index % 2 else "isp-b", at)
    for at in moments(seed + 1, 5):
        changes += fell("isp-c", at)
    found = proposals(lines(), past(changes))
    both = {name: [c.at for c in changes if c.name == name and c.state == "down"] for name in ("isp-a", "isp-b")}
    count = sum(any(abs(one - other) <= within for other in both["isp-b"]) for one in both["isp-a"])
    (pair,) = (one for one in pairs(lines(), past(changes)) if one.names == ("isp-a", "isp-b"))
    assert len(pair.moments) == count >= together
    assert pair.alone == (len(both["isp-a"]) - count, len(both["isp-b"]) - count)
    assert ("isp-a", "isp-b") in names(found)


# --- What is declared explains ----------------------------------------------------------------------------------


def together(*fallen: str, number: int = 5, seed: int = 1, apart: float = 5.0) -> list[Change]:
    return [
        change
        for at in moments(seed, number)
        for index, name in enumerate(fallen)
        for change in fell(name, at + index * apart)
    ]


def test_what_falls_with_what_it_needs_is_no_news() -> None:
    """The trunks go with the lines, which are the pair."""
    assert names(proposals(lines(), past(together("isp-a", "isp-b", "trunk-a", "trunk-b")))) == [("isp-a", "isp-b")]
    assert proposals(lines(), past(together("isp-a", "trunk-a"))) == ()


def test_what_falls_while_a_declared_common_cause_is_down_is_explained() -> None:
    assert proposals(lines(), past(together("edge", "isp-a", "isp-b"))) == ()
    # whichever of them is seen first
    assert proposals(lines(), past(together("isp-a", "isp-b", "edge", apart=60))) == ()
    # and where the common cause could not be seen meanwhile
    blind = [
        change._replace(state=change.state.replace("down", "unknown"), was=change.was.replace("down", "unknown"))
        if change.name == "edge"
        else change
        for change in together("edge", "isp-a", "isp-b")
    ]
    assert proposals(lines(), past(blind)) == ()


def test_what_shares_something_that_nobody_watches_is_declared_so_already() -> None:
    conduit = {"kind": "shared-risk"}
    by_conduit = {
        f"isp-{name}": {"kind": "wan", "needs": ["edge", "conduit"], "probes": probe(f"isp-{name}")} for name in "ab"
    }
    declared = lines(conduit=conduit, **by_conduit)
    assert not independent(declared, "isp-a", "isp-b")
    assert proposals(declared, past(together("isp-a", "isp-b"))) == ()


def test_a_way_round_that_was_down_is_no_explanation() -> None:
    """trunk-a goes by either line: one of them down explains nothing, and both do."""
    either = {"kind": "sip-trunk", "needs": all_of("edge", any_of("isp-a", "isp-b")), "probes": probe("trunk-a")}
    declared = lines(**{"trunk-a": either, "pbx": {"kind": "pbx", "power": [], "probes": probe("pbx")}})
    one_down = fell("isp-a", START - DAY, lasts=YEAR)
    assert names(proposals(declared, past([*one_down, *together("trunk-a", "pbx")]))) == [("trunk-a", "pbx")]
    both_down = [*one_down, *fell("isp-b", START - DAY, lasts=YEAR)]
    assert proposals(declared, past([*both_down, *together("trunk-a", "pbx")])) == ()


def test_a_battery_that_ran_out_is_the_utilitys_fault() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "20m", "probes": probe("ups", type="nut")},
            "switch": {"kind": "switch", "power": ["ups"], "probes": probe("switch")},
            "line": {"kind": "wan", "power": [], "probes": probe("line")},
        },
        {"desk": ["switch"], "line": ["line"]},
    )
    changes: list[Change] = []
    for at in moments(1, 5):
        changes += [*fell("utility", at, lasts=3000), *fell("switch", at + 1200), *fell("line", at + 1205)]
    assert proposals(declared, past(changes)) == ()
    # a line that goes with the utility itself is on something that nobody wrote down
    changes = [change for at in moments(1, 5) for n in ("utility", "line") for change in fell(n, at)]
    assert names(proposals(declared, past(changes))) == [("utility", "line")]


def test_faults_that_people_made_and_what_nobody_watched_teach_nothing() -> None:
    made = together("isp-a", "isp-b")
    assert proposals(lines(), past(made))
    quiet = tuple((at - 60, at + 600) for at in moments(1, 5))
    assert proposals(lines(), past(made, quiet=quiet)) == ()
    planned = [c._replace(text="planned work by x: y") if c.state == "down" else c for c in made]
    assert proposals(lines(), past(planned)) == ()


def test_twice_is_not_enough_and_slow_probes_tell_nothing() -> None:
    assert proposals(lines(), past(together("isp-a", "isp-b", number=2))) == ()
    slow = {
        f"isp-{name}": {
            "kind": "wan",
            "probes": tuple(replace(one, interval=3_600_000) for one in probe(f"isp-{name}")),
        }
        for name in "ab"
    }
    assert proposals(lines(**slow), past(together("isp-a", "isp-b"))) == ()


# --- What is said of it -----------------------------------------------------------------------------------------


def test_three_that_fall_together_share_one_thing() -> None:
    found = proposals(lines(), past(together("isp-a", "isp-b", "isp-c")))
    (risk,) = shared_risks(lines(), found)
    assert risk.names == ("isp-a", "isp-b", "isp-c")
    assert risk.declaration == 'shared-risk: {kind: shared-risk, description: "what isp-a, isp-b and isp-c share"}'
    assert risk.needs == dict.fromkeys(risk.names, "[edge, shared-risk]")
    known = replace(lines(), together=found)
    sentence = "every two of isp-a, isp-b and isp-c failed together at least 5 times; by chance less than 1 in "
    assert failing_together(known) == (("isp-a", f"{sentence}1,000,000,000; declared independent"),)
    taken = replace(lines(), components={**lines().components, "shared-risk": lines().components["edge"]})
    assert next(shared_risks(taken, found)).name == "shared-risk-2"


def test_needs_are_written_as_a_file_writes_them() -> None:
    assert needs_with(all_of(), "x") == "[x]"
    assert needs_with(any_of("a", all_of("b", "c")), "x") == "[{any_of: [a, {all_of: [b, c]}]}, x]"
    assert needs_with(Gate(2, ("a", "b", "c")), "x") == "[{at_least: {count: 2, of: [a, b, c]}}, x]"


def test_what_is_told() -> None:
    at = moments(1, 6)
    changes = [change for one in at[:5] for name in ("isp-a", "isp-b") for change in fell(name, one)]
    (found,) = proposals(lines(), past([*changes, *fell("isp-b", at[5])]))
    day = datetime.fromtimestamp(max(at[:5]), UTC).date()
    assert told(found) == (
        f"isp-a and isp-b failed within 75 s of each other 5 times, the last on {day}; "
        f"isp-a alone never, isp-b alone once; by chance {odds(found.chance)}"
    )
    assert odds(0.00026) == "1 in 4,000"
    assert odds(0.0) == "less than 1 in 1,000,000,000"
