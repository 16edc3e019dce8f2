"""A utility outage as a drawing: during which times 911, each path and each store of energy are on. Pure.

Solid is assured, hatched is possible. Lengths in SVG user units.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from resilience.duration import FOREVER, Ms, spoken
from resilience.margin import Event
from resilience.model import Kind, Site

LABEL = 170.0
PLOT = 640.0
ROW = 26.0
TICK_STEPS: Sequence[Ms] = tuple(
    minutes * 60_000 for minutes in (0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080, 43200)
)
MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Span:
    x: float
    width: float
    assured: bool


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    kind: str
    y: float
    spans: tuple[Span, ...]
    told: str
    """Until when, in words."""


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class OutageDrawing:
    width: float
    height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    required_x: float | None


def draw_outage(site: Site, events: Iterable[Event], working: Container[str]) -> OutageDrawing:
    """`events` of `resilience.margin.timeline`; `working` holds what possibly works and of which no event tells."""
    changes: dict[str, list[Event]] = {}
    for event in events:
        changes.setdefault(event.what, []).append(event)
    end = _end(site, (event for each in changes.values() for event in each))
    rows = tuple(
        Row(name, kind, ROW * index, *_drawn(changes.get(name, ()), name in working, end))
        for index, (name, kind) in enumerate(_shown(site))
    )
    required = LABEL + PLOT * site.power_outage / end if site.power_outage else None
    return OutageDrawing(LABEL + PLOT + 20, ROW * (len(rows) + 1), rows, tuple(ticks(end)), required)


def _shown(site: Site) -> Iterator[tuple[str, str]]:
    yield "911", "911"
    for path in site.emergency_paths:
        yield path.name, "path"
    for component in site.components.values():
        if component.kind in (Kind.UPS, Kind.GENERATOR) or component.holds:
            yield component.name, component.kind


def _end(site: Site, events: Iterable[Event]) -> Ms:
    """Where the drawing ends: a little after the last change and the requirement."""
    moments = [moment for event in events for moment in (event.low, event.high) if moment is not None]
    last = max((moment for moment in (*moments, site.power_outage) if moment != FOREVER), default=0)
    return max(last * 1.15, 60_000)


def _drawn(changes: Sequence[Event], works: bool, end: Ms) -> tuple[tuple[Span, ...], str]:
    began = not changes[0].on if changes else works
    low = _stretches([event.low for event in changes], began, end)
    high = _stretches([event.high for event in changes], began, end)
    spans = [*(_span(one, assured=False, end=end) for one in high), *(_span(one, assured=True, end=end) for one in low)]
    return tuple(spans), _told(low, high, end)


def _stretches(moments: Iterable[Ms | None], works: bool, end: Ms) -> list[tuple[Ms, Ms]]:
    """The times on, from 0 to `end`; a change that never comes ends the list."""
    found: list[tuple[Ms, Ms]] = []
    on, since = works, 0.0
    for moment in moments:
        if moment is None or moment >= end:
            break
        if on and moment > since:
            found.append((since, moment))
        on, since = not on, moment
    return [*found, (since, end)] if on else found


def _span(stretch: tuple[Ms, Ms], *, assured: bool, end: Ms) -> Span:
    start, stop = stretch
    return Span(LABEL + PLOT * start / end, PLOT * (stop - start) / end, assured)


def _told(low: list[tuple[Ms, Ms]], high: list[tuple[Ms, Ms]], end: Ms) -> str:
    return f"assured {_until(low, end)}" + ("" if low == high else f", possible {_until(high, end)}")


def _until(stretches: list[tuple[Ms, Ms]], end: Ms) -> str:
    if not stretches:
        return "not at all"
    parts = []
    for start, stop in stretches:
        since = "" if start <= 0 else f"from {spoken(start)} "
        parts.append(f"{since}without end" if stop >= end else f"{since}until {spoken(stop)}")
    return " and ".join(parts)


def ticks(end: Ms, x: float = LABEL, width: float = PLOT) -> Iterator[Tick]:
    """Round moments from 0, at `x`, to `end`, `width` further on."""
    step = next((step for step in TICK_STEPS if end / step <= MOST_TICKS), end)
    moment: Ms = 0
    while moment <= end:
        yield Tick(x + width * moment / end, "0" if moment == 0 else spoken(moment))
        moment += step
