"""Reports and rehearsals on paper: HTML, PDF, Markdown, text, JSON. Values in, text or bytes out."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from resilience.drawing_time import draw_outage
from resilience.drills.rehearsal import Rehearsal
from resilience.drills.rules import EDITION
from resilience.drills.story import Story, happenings, told
from resilience.duration import FOREVER, Ms, seconds, spoken
from resilience.margin import Event
from resilience.wording import joined


class NoPdf(Exception):
    """WeasyPrint is not installed; the message says how to get it."""


_LOADER = PackageLoader("resilience", "templates/drills")


def _environment(*, escape: bool) -> Environment:
    made = Environment(
        loader=_LOADER,
        autoescape=escape,  # noqa: S701  # Markdown and plain text have no markup to keep out
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=_clock,
        told=told,
        spoken=spoken,
        lasts=_lasts,
        offset=_offset,
        moment=_moment,
        sentence=_sentence,
        cell=_cell,
        isfinite=math.isfinite,
    )
    return made


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _lasts(duration: float | None) -> str:
    return "without end" if duration is None else told(duration)


def _offset(moment: float | None) -> str:
    return "–" if moment is None else "at once" if moment < 1 else f"after {told(moment)}"


def _moment(at: Ms | None) -> str:
    return "never" if at is None or at == FOREVER else "at once" if at <= 0 else spoken(at)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _cell(text: str) -> str:
    """Text for one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


_HTML, _PLAIN = _environment(escape=True), _environment(escape=False)


def report(story: Story, form: str) -> bytes:
    """`form` is html, pdf, md or json; NoPdf where pdf cannot be made here."""
    if form == "json":
        return _json(report_values(story))
    return _printed("report", form, story=story, happenings=happenings(story.record), edition=EDITION)


def rehearsal(shown: Rehearsal, form: str) -> bytes:
    """`form` is text, html, pdf, md or json; NoPdf where pdf cannot be made here."""
    if form == "json":
        return _json(rehearsal_values(shown))
    outage = draw_outage(shown.site, shown.events, {"911"} | {path.name for path in shown.site.emergency_paths})
    return _printed(
        "rehearsal",
        "txt" if form == "text" else form,
        rehearsal=shown,
        course=tuple(_course(shown.events)),
        drill=shown.drill,
        site=shown.site,
        outage=outage,
        verdict=_expectation(shown),
    )


def _course(events: Iterable[Event]) -> Iterator[tuple[Ms | None, Ms | None, str]]:
    """What changes at one moment, in one sentence: by the assured and by the possible reading, and what."""
    for (low, high, on), group in groupby(events, key=lambda event: (event.low, event.high, event.on)):
        yield low, high, f"{joined([event.what for event in group])} {'on' if on else 'off'}"


def _expectation(shown: Rehearsal) -> str:
    drill = shown.drill
    if shown.agrees is None:
        return ""
    within = f" within {spoken(drill.expect_within)}" if drill.expect_within else ""
    word = "so it is by the model" if shown.agrees else "by the model it is not so"
    return f"{drill.expect_path} is expected to carry 911{within}: {word}"


def _printed(name: str, form: str, **values: Any) -> bytes:
    if form == "pdf":
        return _pdf(_printed(name, "html", **values).decode())
    environment = _HTML if form == "html" else _PLAIN
    css = Markup(_LOADER.get_source(_HTML, "paper.css")[0]) if form == "html" else ""  # noqa: S704  # our own file
    return environment.get_template(f"{name}.{form}.j2").render(css=css, **values).encode()


def _pdf(html: str) -> bytes:
    try:
        from weasyprint import HTML  # noqa: PLC0415  # an extra, and slow to import
    except (ImportError, OSError) as error:
        raise NoPdf(f"PDF needs the extra: pip install 'site-resilience-monitor[pdf]' ({error})") from None

    def nothing(url: str, *args: object, **more: object) -> Any:
        raise ValueError("a report loads nothing")

    made: bytes = HTML(string=html, url_fetcher=nothing).write_pdf()
    return made


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()


def rehearsal_values(shown: Rehearsal) -> dict[str, Any]:
    """Seconds; infinity and "never" are None."""
    return {
        "site": shown.site.id,
        "drill": shown.drill.name,
        "fail": list(shown.drill.fail),
        "expected_path": shown.drill.expect_path or None,
        "as_expected": shown.agrees,
        "low_seconds": seconds(shown.survival.low),
        "high_seconds": seconds(shown.survival.high),
        "stretches": [
            {
                "area": turn.area,
                "from_seconds": seconds(turn.start),
                "to_seconds": seconds(turn.end),
                "path": turn.path.name if turn.path else None,
                "assured": turn.assured,
                "instructions": turn.path.instructions if turn.path else "",
            }
            for turn in shown.stretches
        ],
        "timeline": [
            {
                "what": event.what,
                "kind": event.kind,
                "on": event.on,
                "low_seconds": None if event.low is None else seconds(event.low),
                "high_seconds": None if event.high is None else seconds(event.high),
            }
            for event in shown.events
        ],
        "exposed": [point.component for point in shown.exposed],
    }


def report_values(story: Story) -> dict[str, Any]:
    """Moments in seconds since 1970, durations in seconds; None is "not measured" or "did not"."""
    record, shown = story.record, story.shown
    return {
        "drill": record.id,
        "site": record.site,
        "name": record.drill.name,
        "fail": list(record.drill.fail),
        "verdict": shown.verdict,
        "why": list(shown.why),
        "started": record.started,
        "ended": record.ended,
        "by": record.by,
        "participants": list(record.participants),
        "path": shown.path,
        "fault_at": shown.fault_at,
        "detected_seconds": shown.detected,
        "taken_over_seconds": shown.taken_over,
        "restored_seconds": shown.restored,
        "not_assured_seconds": shown.gap,
        "lost_seconds": shown.lost,
        "compared": [asdict(row) for row in shown.compared],
        "batteries": [asdict(battery) | {"short": battery.short} for battery in shown.batteries],
        "strengths": list(story.strengths),
        "areas_for_improvement": list(story.areas),
        "corrective_actions": [asdict(action) for action in story.actions],
        "prediction": asdict(record.prediction) if record.prediction else None,
        "entries": [asdict(entry) for entry in record.entries],
        "evidence_sha256": record.hash or None,
    }
