"""A drill as a chart: what was on during which time, predicted above measured. Pure; lengths in SVG user units."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from resilience.drawing_time import LABEL, PLOT, Span, Tick, ticks
from resilience.drills.judgement import Judgement
from resilience.drills.record import Entry, Prediction, Record

ROW = 34.0
LEAD = 0.06
"""Share of the chart before the fault."""


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` is solid where it was on, outlined where that was not known."""

    name: str
    y: float
    predicted: tuple[Span, ...]
    measured: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    width: float
    height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    fault_x: float


def chart(record: Record, shown: Judgement) -> Chart | None:
    """911, every path, and every component that was to fail or did; None where nothing was recorded."""
    prediction = record.prediction
    if prediction is None:
        return None
    zero = shown.fault_at if shown.fault_at is not None else record.started
    end = record.ended if record.ended is not None else max([record.started, *(entry.at for entry in record.entries)])
    lasted = max(60.0, end - zero)
    scale = _Scale(-lasted * LEAD / (1 - LEAD), lasted)
    rows = []
    for index, (name, kind) in enumerate(_shown(record, shown)):
        off = [step.low for step in prediction.steps if step.what == name]
        measured = _measured(record, name, kind, zero, prediction)
        rows.append(Row(name, index * ROW, tuple(scale.spans(_turns(off))), tuple(scale.spans(measured))))
    marks = tuple(tick for tick in ticks(lasted * 1000, scale.x(0), scale.width(lasted)))
    return Chart(LABEL + PLOT + 20, ROW * len(rows) + 24, tuple(rows), marks, scale.x(0))


Turn = tuple[float, str]
"""From that many seconds after the fault on it is `on`, `off` or `unknown`."""


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    end: float

    def width(self, seconds: float) -> float:
        return PLOT * seconds / (self.end - self.start)

    def x(self, moment: float) -> float:
        return LABEL + self.width(min(max(moment, self.start), self.end) - self.start)

    def spans(self, turns: Iterable[Turn]) -> Iterator[Span]:
        listed = [*turns, (self.end, "off")]
        for (begins, state), (until, _) in pairwise(listed):
            x, to = self.x(begins), self.x(until)
            if state != "off" and to > x:
                yield Span(x, to - x, assured=state == "on")


def _shown(record: Record, shown: Judgement) -> Iterator[tuple[str, str]]:
    yield "911", "911"
    yield from ((path, "path") for path in record.paths)
    changed = dict.fromkeys([*record.drill.fail, *(row.name for row in shown.compared if row.kind != "path")])
    yield from ((name, "component") for name in changed)


def _turns(off: list[float | None]) -> Iterator[Turn]:
    """As predicted: on, then off and on by turns."""
    yield (float("-inf"), "on")
    for index, moment in enumerate(off):
        if moment is not None:
            yield (moment, "on" if index % 2 else "off")


_CALLING = {"assured": "on", "possible": "unknown", "lost": "off"}
_STATE = {"up": "on", "degraded": "on", "unknown": "unknown", "down": "off"}


def _measured(record: Record, name: str, kind: str, zero: float, prediction: Prediction) -> Iterator[Turn]:
    entries: list[Entry]
    if kind == "911":
        yield (float("-inf"), _CALLING[prediction.calling])
        for entry in record.of("calling"):
            yield (entry.at - zero, _CALLING[entry.body["state"]])
        return
    entries = [entry for entry in record.of("path" if kind == "path" else "state") if entry.body["name"] == name]
    before = entries[0].body["was"] if entries else prediction.before.get(name, "up")
    yield (float("-inf"), _STATE[before])
    for entry in entries:
        yield (entry.at - zero, _STATE[entry.body["state"]])
