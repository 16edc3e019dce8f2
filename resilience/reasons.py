"""Explanations, margin and survival timeline as text and as JSON values. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from resilience import report
from resilience.assess import Assessment
from resilience.duration import FOREVER, Ms, seconds, spoken
from resilience.explain import Explanation, explain_live
from resilience.margin import Event, Margin, margin, outage
from resilience.snapshot import Snapshot
from resilience.wording import joined


def as_text(explanations: Sequence[Explanation], margin: Margin, events: Sequence[Event]) -> str:
    """Beneath an assessment's text: why each single point is one, what would end it, how an outage goes."""
    return "\n".join([*_reasons(explanations), *_outage(events), _margin(margin)])


def _reasons(explanations: Sequence[Explanation]) -> Iterator[str]:
    if explanations:
        yield "  Why, and what would end it"
    for explanation in explanations:
        yield f"    {explanation.point.component}: {explanation.reason}"
        yield from (f"      {' > '.join(chain[:-1])} > 911 by {chain[-1]}" for chain in explanation.chains)
        if explanation.remedy is None:
            yield "      no single change ends it"
        else:
            left = explanation.remedy.leaves
            leaves = f"leaves {joined(left)}" if left else "leaves no single point of failure"
            yield f"      {explanation.remedy.text}; that {leaves}"


def _outage(events: Sequence[Event]) -> Iterator[str]:
    if events:
        yield "  A utility outage, as far as it is assured"
    # Moments that are told alike are one line: a minute's end and the end of its first seconds.
    assured = [event for event in events if event.low is not None and event.low != FOREVER]
    for moment, group in groupby(assured, key=lambda event: spoken(event.low or 0)):
        together = list(group)
        for on, word in ((False, "off"), (True, "on")):
            names = [_what(event) for event in together if event.on is on]
            if names:
                yield f"    {moment}: {joined(names)} {word}"


def _what(event: Event) -> str:
    return f"911 by {event.what}" if event.kind == "path" else event.what


def _margin(margin: Margin) -> str:
    more = "" if margin.exact else " or more"
    return (
        f"  Margin: {margin.failures}{more} more failure{'' if (margin.failures, margin.exact) == (1, True) else 's'}"
    )


def as_json(explanations: Sequence[Explanation], margin: Margin, events: Sequence[Event]) -> dict[str, Any]:
    """Further keys of an assessment's object; infinity and "never" are None."""
    return course_as_json(margin, events) | {
        "explanations": [
            {
                "component": explanation.point.component,
                "reason": explanation.reason,
                "chains": [list(chain) for chain in explanation.chains],
                "fix": explanation.remedy
                and {"text": explanation.remedy.text, "leaves": list(explanation.remedy.leaves)},
            }
            for explanation in explanations
        ],
    }


def course_as_json(margin: Margin, events: Sequence[Event]) -> dict[str, Any]:
    """`margin` and `timeline` alone: what costs little enough to be told of every site at once."""
    return {
        "margin": {"failures": margin.failures, "exact": margin.exact},
        "timeline": [
            {
                "what": event.what,
                "kind": event.kind,
                "on": event.on,
                "low_seconds": _told(event.low),
                "high_seconds": _told(event.high),
            }
            for event in events
        ],
    }


def snapshot_as_json(taken: Snapshot, now: Assessment, *, explained: bool) -> dict[str, Any]:
    """The contract's object of a site as seen now, with its margin, how a utility outage would go from here, and where
    it is asked for, why each single point of failure is one."""
    course = margin(now), outage(taken.live.bounds)
    told = report.as_json(now, taken.findings, taken.memory)
    return told | (
        as_json(explain_live(now, taken.live, taken.memory), *course) if explained else course_as_json(*course)
    )


def _told(moment: Ms | None) -> float | None:
    return None if moment is None else seconds(moment)
