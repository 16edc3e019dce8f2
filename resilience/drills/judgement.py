"""What a drill shows: whether the fault happened, what was measured, and where the model was wrong. Pure.

A drill that contradicts the model has found something: what went off unpredicted hangs on something that nobody
declared, and what stayed on does not hang on what is declared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from resilience.drills.comparison import SLACK, Battery, Compared, Match, batteries, compare, cut, first_down
from resilience.drills.record import Entry, Mark, Outcome, Prediction, Record
from resilience.duration import spoken


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    VOID = "void"
    ABORTED = "aborted"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    verdict: Verdict
    why: tuple[str, ...]
    """Why it is void or failed, worst first; what was shown where it passed."""
    fault_at: float | None
    marked: bool
    """Whether a person said when the fault was made; else it is when the component was last seen to work."""
    fault_until: float | None
    """When the fault was repaired, or the drill ended."""
    detected: float | None
    """Seconds from the fault until the monitor had decided; at most that, where nobody marked the fault."""
    taken_over: float | None
    """Seconds from the fault until the path that carried 911 was assured; 0 where the calls never had to move."""
    path: str
    """What carried 911 while the fault lasted."""
    gap: float
    """Seconds of the drill in which 911 was not assured."""
    lost: float
    """Seconds of the drill in which no path worked."""
    lost_at: float | None
    """Seconds from the fault until that first was so; negative before the fault."""
    restored: float | None
    """Seconds from the restoration until the calls went the way they went before."""
    compared: tuple[Compared, ...]
    batteries: tuple[Battery, ...]

    @property
    def surprises(self) -> tuple[Compared, ...]:
        """Where the model is wrong; a path is only ever wrong by what it stands on."""
        wrong = (Match.UNDECLARED, Match.OVER_DECLARED)
        return tuple(row for row in self.compared if row.match in wrong and row.kind != "path")


def judge(record: Record, now: float | None = None) -> Judgement:
    """What `record` shows; of one that still runs, what it shows until `now` (seconds since 1970)."""
    fault_at, marked, downs = _fault(record)
    end = record.ended or now or max([record.started, *(entry.at for entry in record.entries)])
    again = _mark(record, Mark.RESTORED, fault_at or 0.0) or _up_again(record)
    ways = list(_ways(record, end))
    during = [way for way in ways if fault_at is not None and way.end > fault_at and way.start < (again or end)]
    decided = [entry.at for entry in downs.values() if entry]
    told = record.prediction
    compared = compare(record, told, fault_at, (again or end) - fault_at) if told and fault_at is not None else ()
    shown = Judgement(
        verdict=Verdict.RUNNING,
        why=(),
        fault_at=fault_at,
        marked=marked,
        fault_until=None if fault_at is None else again or end,
        detected=max(0.0, max(decided) - fault_at) if decided and fault_at is not None else None,
        taken_over=_taken_over(during, fault_at),
        path=during[-1].path if during and during[-1].state == "assured" else "",
        gap=sum(way.end - way.start for way in ways if way.state != "assured"),
        lost=sum(way.end - way.start for way in ways if way.state == "lost"),
        lost_at=next((way.start - (fault_at or record.started) for way in ways if way.state == "lost"), None),
        restored=_restored(record, ways, again),
        compared=tuple(compared),
        batteries=tuple(batteries(record, told)) if told else (),
    )
    return _with_verdict(record, shown, downs)


# --- Moments --------------------------------------------------------------------------------------------------


Downs = Mapping[str, Entry | None]
"""By component that was to fail: when it was seen down."""


def _fault(record: Record) -> tuple[float | None, bool, Downs]:
    """When the fault was made, whether a person's mark says so, and what came of it.

    A mark that comes when the component has long been seen down was made late, and says nothing of the moment.
    """
    downs = {name: first_down(record, name) for name in record.drill.fail}
    mark = _mark(record, Mark.FAULT)
    if mark is not None:
        since = {name: first_down(record, name, mark) for name in downs}
        if all(since[name] or not down for name, down in downs.items()):
            return mark, True, since
    return min(map(_last_well, filter(None, downs.values())), default=None), False, downs


def _mark(record: Record, mark: Mark, since: float = 0.0) -> float | None:
    marks = (entry for entry in record.of("note") if entry.body.get("mark") == mark)
    return next((entry.at for entry in marks if entry.at >= since), None)


def _last_well(down: Entry) -> float:
    before: float | None = down.body["last_seen_before"]
    return down.at if before is None else min(before, down.at)


def _up_again(record: Record) -> float | None:
    """When the last of the failed components was seen up again; None where one is not."""
    out: set[str] = set()
    again = None
    for entry in record.of("state"):
        name = entry.body["name"]
        if name in record.drill.fail and entry.body["state"] in ("down", "unknown"):
            out.add(name)
        elif name in out:
            out.remove(name)
            again = entry.at if not out else again
    return None if out else again


# --- The way the calls went -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    start: float
    end: float
    state: str
    path: str


def _ways(record: Record, end: float) -> Iterator[_Way]:
    """The stretches of the drill between which the state of 911 or the preferred path changed."""
    if record.prediction is None:
        return
    turns = [(record.prediction.at, record.prediction.calling, record.prediction.path)]
    turns += [(entry.at, entry.body["state"], entry.body["path"]) for entry in record.of("calling")]
    for (start, state, path), (until, _, _) in pairwise([*turns, (max(end, turns[-1][0]), "", "")]):
        yield _Way(start, until, state, path)


def _taken_over(during: list[_Way], fault_at: float | None) -> float | None:
    """From the fault to the stretch from which on one path was assured to the end of the fault."""
    if fault_at is None or not during or during[-1].state != "assured":
        return None
    return max(0.0, during[-1].start - fault_at)


def _restored(record: Record, ways: list[_Way], again: float | None) -> float | None:
    before = record.prediction
    if again is None or before is None:
        return None
    as_before = (way for way in ways if way.end >= again and (way.state, way.path) == (before.calling, before.path))
    return next((max(0.0, way.start - again) for way in as_before), None)


# --- The verdict ----------------------------------------------------------------------------------------------


def _with_verdict(record: Record, shown: Judgement, downs: Downs) -> Judgement:
    if record.outcome is Outcome.RUNNING:
        return shown
    if record.outcome is Outcome.ABORTED:
        return replace(shown, verdict=Verdict.ABORTED, why=(record.reason or "no reason given",))
    if record.prediction is None:
        return replace(shown, verdict=Verdict.VOID, why=("No monitor recorded it",))
    if void := list(_void(record.prediction, downs)):
        return replace(shown, verdict=Verdict.VOID, why=tuple(void))
    if failed := list(_failed(record, record.prediction, shown)):
        return replace(shown, verdict=Verdict.FAILED, why=tuple(failed))
    return replace(shown, verdict=Verdict.PASSED, why=(f"With {cut(record)} down 911 went by {shown.path}",))


def _void(prediction: Prediction, downs: Downs) -> Iterator[str]:
    for name, down in downs.items():
        if prediction.before.get(name) == "down":
            yield f"{name} was down before the drill began"
        elif down is None:
            watched = "was never seen down" if name in prediction.before else "was not seen down; nothing watches it"
            yield f"{name} {watched}: the fault did not happen"


def _failed(record: Record, prediction: Prediction, shown: Judgement) -> Iterator[str]:
    low, lost_at = prediction.low, shown.lost_at
    if lost_at is not None and (low is None or lost_at + SLACK < low):
        yield f"911 could not be called for {_told(shown.lost)}; the model did not say so"
    expected, within = record.drill.expect_path, record.drill.expect_within
    if expected and expected not in shown.path.split(", "):
        yield f"911 went by {shown.path or 'no path'}, and {expected} was to carry it"
    elif within is not None and shown.taken_over is not None and shown.taken_over * 1000 > within:
        yield f"{expected or shown.path} took over after {_told(shown.taken_over)}; {spoken(within)} were allowed"
    elif not expected and not shown.path:
        yield "No path was assured while the fault lasted"
    for row in shown.compared:
        if row.match is Match.UNDECLARED:
            yield f"{row.name} went off, though nothing declares that it depends on {cut(record)}"
    for battery in shown.batteries:
        if battery.short and battery.measured is not None:
            yield f"{battery.ups} holds {_told(battery.measured)}, not the {_told(battery.promised)} that it promised"


def _told(moment: float) -> str:
    return spoken(moment * 1000 // 1000 * 1000)
