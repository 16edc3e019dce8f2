"""A drill's report as values: what a page, a file or a program is made of. Pure.

Its shape is that of HSEEP's after-action report with improvement plan: overview, analysis, strengths, areas for
improvement, corrective actions with owner and date.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resilience.drills.chart import Chart, chart
from resilience.drills.comparison import Match
from resilience.drills.judgement import Judgement, Verdict, judge
from resilience.drills.record import Action, Entry, Record
from resilience.drills.rules import RULES, Rule
from resilience.duration import spoken
from resilience.wording import joined

SLOW_TO_SEE = 120.0
"""Seconds to detect from which it is an area for improvement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    record: Record
    shown: Judgement
    headline: str
    carried: str
    """What carried 911, and for how long."""
    strengths: tuple[str, ...]
    areas: tuple[str, ...]
    """Areas for improvement, the one thing to fix first."""
    actions: tuple[Action, ...]
    edits: tuple[str, ...]
    chart: Chart | None
    before: "Story | None"
    """The last drill of the same name that counted."""
    rules: tuple[tuple[Rule, str], ...]

    @property
    def fix_first(self) -> str:
        return self.areas[0] if self.areas else "Nothing that this drill has shown."


def tell(record: Record, before: Record | None = None) -> Story:
    shown = judge(record)
    return Story(
        record=record,
        shown=shown,
        headline=f"{record.drill.name} at {record.site_name}: {shown.verdict}",
        carried=_carried(shown),
        strengths=tuple(_strengths(record, shown)),
        areas=tuple(dict.fromkeys(_areas(record, shown))),
        actions=record.actions,
        edits=tuple(row.edit for row in shown.compared if row.edit),
        chart=chart(record, shown),
        before=tell(before) if before else None,
        rules=tuple((rule, _beside(rule, record, shown)) for rule in RULES),
    )


def told(moment: float | None) -> str:
    """Seconds in words; None is "not measured"."""
    return "not measured" if moment is None else "0 s" if moment < 1 else spoken(moment // 1 * 1000)


def _carried(shown: Judgement) -> str:
    if shown.fault_at is None or shown.fault_until is None:
        return "Nothing can be said of what carried 911"
    lasted = told(shown.fault_until - shown.fault_at)
    if not shown.path:
        return f"No path was assured at the end of the {lasted} that the fault lasted"
    return f"911 went by {shown.path} while the fault lasted ({lasted})"


def _strengths(record: Record, shown: Judgement) -> Iterator[str]:
    if shown.verdict not in (Verdict.PASSED, Verdict.FAILED):
        return
    if not shown.lost:
        yield "There was no moment at which 911 could not be called by any path."
    if shown.path and shown.taken_over is not None:
        moved = "had not to move" if shown.taken_over == 0 else f"were moved within {told(shown.taken_over)}"
        yield f"The calls {moved}; {shown.path} carried them."
    if shown.restored is not None:
        yield f"Everything went its usual way again {told(shown.restored)} after the repair."
    for battery in shown.batteries:
        if battery.measured is not None and not battery.short:
            yield f"{battery.ups} kept its word: {told(battery.measured)} of {told(battery.promised)} promised."
    right = [row.name for row in shown.compared if row.match is Match.AS_PREDICTED]
    if right and not shown.surprises:
        yield f"The model was right about {joined(right)}."
    for call in record.of("call"):
        if call.body["passed"]:
            yield f"A test call to a {call.body['number']} number by {call.body['path']} was answered."


def _areas(record: Record, shown: Judgement) -> Iterator[str]:
    """A cause before what came of it."""
    unwritten = [row for row in shown.compared if row.match is Match.UNDECLARED]
    for row in unwritten:
        yield f"{row.name} depends on something that the site file does not say. {row.edit}."
    if shown.verdict is not Verdict.PASSED:
        told_above = tuple(f"{row.name} went off, though" for row in unwritten)
        yield from (f"{why}." for why in shown.why if not any(map(why.startswith, told_above)))
    for row in shown.compared:
        if row.match is Match.OVER_DECLARED and row.kind != "path":
            yield f"{row.name} stayed on though the site file says otherwise. {row.edit}."
        elif row.match is Match.EARLY:
            yield f"{row.name} went off {told(row.measured)} after the fault; {told(row.predicted)} were predicted."
        elif row.match is Match.NOT_WATCHED:
            yield f"Nothing has seen whether {row.name} went off as predicted."
    if shown.detected is not None and shown.detected > SLOW_TO_SEE:
        yield f"It took up to {told(shown.detected)} until the fault was seen."
    if not shown.marked and shown.fault_at is not None:
        yield "Nobody marked the moment of the fault: times are counted from when it was last seen well."
    if shown.fault_at is not None and not any(entry.body["outcome"] == "sent" for entry in record.of("sent")):
        yield "No alert is recorded as sent to anyone."
    for call in record.of("call"):
        if not call.body["passed"]:
            yield f"A test call to a {call.body['number']} number by {call.body['path']} failed: {call.body['heard']}."


def _beside(rule: Rule, record: Record, shown: Judgement) -> str:
    """What was measured or recorded that has to do with `rule`; "not part of this drill" where nothing has."""
    calls = record.of("call")
    kinds = [name for name in record.drill.fail if record.kinds.get(name) == "utility"]
    if rule.topic == "reach" and calls:
        return f"Test calls made by hand: {len(calls)}, answered {sum(call.body['passed'] for call in calls)}."
    if rule.topic == "location" and calls:
        read_back = [call.body["location"] for call in calls if call.body["location"]]
        return f"Location read back: {'; '.join(read_back)}." if read_back else "No location was read back."
    if rule.topic == "energy" and kinds and record.prediction is not None:
        low = record.prediction.low
        lasts = "without end" if low is None else told(low)
        return f"Predicted for this outage: {lasts}. Batteries: {_batteries(shown) or 'not measured'}."
    if rule.topic == "diversity" and record.prediction is not None:
        exposed = joined(record.prediction.exposed) or "nothing"
        return f"While {joined(record.drill.fail)} was down, {exposed} alone would have taken 911 out."
    return "Not part of this drill."


def _batteries(shown: Judgement) -> str:
    return "; ".join(
        f"{battery.ups} {told(battery.measured)} of {told(battery.promised)}" for battery in shown.batteries
    )


def happenings(record: Record) -> Sequence[tuple[Entry, str]]:
    """Everything that happened, in order, each in one sentence."""
    return sorted(((entry, _happening(entry)) for entry in record.entries), key=lambda pair: pair[0].at)


def _happening(entry: Entry) -> str:
    body = entry.body
    match entry.kind:
        case "state":
            why = f" ({body['why']})" if body["why"] else ""
            return f"{body['name']} is {body['state']}, was {body['was']}{why}"
        case "path":
            return f"path {body['name']} is {body['state']}, was {body['was']}"
        case "calling":
            return f"911 is {body['state']}" + (f" by {body['path']}" if body["path"] else "")
        case "ups":
            runtime = "" if body["runtime"] is None else f", {told(body['runtime'])} left"
            return f"{body['name']} {'on battery' if body['on_battery'] else 'on line'}{runtime}"
        case "finding":
            return f"finding {body['code']} {'opened' if body['open'] else 'closed'}: {body['text']}"
        case "sent":
            return f"alert by {body['channel']}, {body['outcome']}: {body['title']}"
        case "call":
            read = f"; location read back: {body['location']}" if body["location"] else ""
            done = "answered" if body["passed"] else "failed"
            return f"test call to a {body['number']} number by {body['path']} {done}: {body['heard']}{read}"
        case _:
            mark = {"fault": "the fault is made: ", "restored": "restored: "}.get(body.get("mark", ""), "")
            return f"{mark}{body['text']}"
