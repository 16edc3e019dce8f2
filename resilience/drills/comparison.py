"""Predicted against measured, component by component, path by path and battery by battery. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from resilience.drills.record import Entry, Prediction, Record
from resilience.wording import joined

SLACK = 180.0
"""Seconds that a change may be seen apart from its prediction: an interval and the confirmations of a slow probe."""
SHORT = 0.8
"""Share of a promised runtime under which a battery has not kept its word."""
DISCHARGED = 60.0
"""Seconds on battery from which its use tells how long it would last."""


class Match(StrEnum):
    """A component or a path, predicted against measured."""

    AS_PREDICTED = "as predicted"
    EARLY = "earlier than predicted"
    LATE = "later than predicted"
    UNDECLARED = "suspected undeclared dependency"
    FOLLOWED = "went off with what it needs"
    OVER_DECLARED = "stayed on, though declared to depend on it"
    NOT_WATCHED = "not watched"


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds after the fault; None is "did not"."""

    name: str
    kind: str
    predicted: float | None
    measured: float | None
    match: Match
    edit: str = ""
    """A proposed change of the site file."""


@dataclass(frozen=True, slots=True)
class Battery:
    """Seconds. `measured` is how long it did hold or, by what it used up, would have held; None: not to be said."""

    ups: str
    promised: float
    measured: float | None
    discharged: float
    """For how long it was seen on battery."""
    ran_out: bool

    @property
    def short(self) -> bool:
        return self.measured is not None and self.measured < SHORT * self.promised


def first_down(record: Record, name: str, since: float = 0.0) -> Entry | None:
    """When `name` was first seen down from `since` on: by evidence, not because the structure says so."""
    return next(
        (
            entry
            for entry in record.of("state")
            if entry.body["name"] == name and entry.body["own"] == "down" and entry.at >= since
        ),
        None,
    )


def compare(record: Record, prediction: Prediction, fault_at: float, lasted: float) -> Iterator[Compared]:
    """Every component and path that was predicted to go off within `lasted` seconds of the fault, or that did."""
    off: dict[str, tuple[float | None, float | None]] = {}
    for step in prediction.steps:
        if not step.on:
            off.setdefault(step.what, (step.low, step.high))
    went = _went_off(record, prediction, fault_at)
    before = prediction.before
    for name, kind in [*record.kinds.items(), *((path, "path") for path in record.paths)]:
        low, high = off.get(name, (None, None))
        measured = went.get(name)
        if before.get(name) == "down":
            continue
        if measured is not None:
            yield _happened(record, name, kind, (low, high), went)
        elif not _seen_on(record, prediction, name, kind, fault_at + lasted):
            if kind != "path" and low is not None and low <= lasted:
                yield Compared(name, kind, low, None, Match.NOT_WATCHED)
        elif high is not None and high + SLACK < lasted:
            edit = "" if kind == "path" else f"components.{name}: take out what makes it depend on {cut(record)}"
            yield Compared(name, kind, high, None, Match.OVER_DECLARED, edit)


def _seen_on(record: Record, prediction: Prediction, name: str, kind: str, until: float) -> bool:
    """Whether `name` was seen to work all the time until then. What was not seen may have been off."""
    was = prediction.paths if kind == "path" else prediction.before
    entries = record.of("path" if kind == "path" else "state")
    word = "state" if kind == "path" else "own"
    said = [entry.body[word] for entry in entries if entry.body["name"] == name and entry.at <= until]
    return {was.get(name, ""), *said} <= {"up", "degraded"}


def _went_off(record: Record, prediction: Prediction, fault_at: float) -> dict[str, float]:
    """By name: seconds from the fault until it was first down, of a component by its own evidence."""
    went: dict[str, float] = {}
    for entry in record.of("state", "path"):
        word = entry.body["own"] if entry.kind == "state" else entry.body["state"]
        name = entry.body["name"]
        # A source without a probe is what those that it feeds say: of itself it shows nothing.
        watched = entry.kind == "path" or name in prediction.before
        if word == "down" and entry.at >= fault_at and watched:
            went.setdefault(name, entry.at - fault_at)
    for name in record.drill.fail:
        if (down := first_down(record, name, fault_at)) is not None:
            went.setdefault(name, max(0.0, down.at - fault_at))
    return went


def _happened(
    record: Record, name: str, kind: str, off: tuple[float | None, float | None], went: Mapping[str, float]
) -> Compared:
    low, high = off
    measured = went[name]
    if low is None and high is None:
        beneath = _beneath(record, name)
        if kind == "path" or any(other in went and went[other] <= measured + SLACK for other in beneath):
            return Compared(name, kind, None, measured, Match.FOLLOWED)
        edit = f"components.{name}.needs: add {cut(record)}, or what both of them stand on"
        return Compared(name, kind, None, measured, Match.UNDECLARED, edit)
    if low is not None and measured < low - SLACK:
        return Compared(name, kind, low, measured, Match.EARLY)
    if high is not None and measured > high + SLACK:
        return Compared(name, kind, high, measured, Match.LATE)
    return Compared(name, kind, low, measured, Match.AS_PREDICTED)


def _beneath(record: Record, name: str) -> frozenset[str]:
    """All that `name` stood on, as declared then."""
    found: set[str] = set()
    waiting = [*record.inputs.get(name, ())]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(record.inputs.get(one, ()))
    return frozenset(found)


def cut(record: Record) -> str:
    """What was to fail, in words."""
    return joined(record.drill.fail)


def batteries(record: Record, prediction: Prediction) -> Iterator[Battery]:
    """Every UPS that was seen on battery."""
    for ups, promised in prediction.runtimes.items():
        told = [entry for entry in record.of("ups") if entry.body["name"] == ups]
        on = [entry for entry in told if entry.body["on_battery"]]
        if not on:
            continue
        first, last = on[0], on[-1]
        after = next((entry.at for entry in told if entry.at > last.at), None)
        out = next(
            (e.at for e in record.of("state") if e.body["name"] == ups and e.body["own"] == "down" and e.at > first.at),
            None,
        )
        if out is not None and (after is None or out <= after):
            yield Battery(ups, promised, out - first.at, out - first.at, ran_out=True)
            continue
        spent = last.at - first.at
        used = (first.body["runtime"] or 0) - (last.body["runtime"] or 0)
        known = first.body["runtime"] is not None and last.body["runtime"] is not None
        measured = first.body["runtime"] * spent / used if known and spent >= DISCHARGED and used > 0 else None
        yield Battery(ups, promised, measured, (after or last.at) - first.at, ran_out=False)
