"""A drill under way: what has been seen, and what the model expects next. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from resilience.drills.judgement import Judgement
from resilience.drills.record import Record


@dataclass(frozen=True, slots=True)
class Expected:
    """One predicted change. Moments are seconds since 1970; None is "not by that bound" or "before the fault"."""

    what: str
    kind: str
    on: bool
    seconds: float
    """After the fault, by the earlier bound."""
    at: float | None
    """When it is expected; None before the fault."""
    seen_at: float | None
    """When it was seen; None while it was not."""


def expected(record: Record, shown: Judgement) -> Iterator[Expected]:
    """The predicted changes in order of time. A component that nothing watches is never seen to change."""
    if record.prediction is None:
        return
    changes: dict[tuple[str, bool], list[float]] = {}
    for entry in record.of("state", "path"):
        on = entry.body["state"] != "down"
        if on != (entry.body["was"] != "down"):
            changes.setdefault((entry.body["name"], on), []).append(entry.at)
    for step in record.prediction.steps:
        earliest = min((moment for moment in (step.low, step.high) if moment is not None), default=None)
        if earliest is None or step.kind == "911":
            continue
        seen = changes.get((step.what, step.on), [])
        at = None if shown.fault_at is None else shown.fault_at + earliest
        yield Expected(step.what, step.kind, step.on, earliest, at, seen.pop(0) if seen else None)
