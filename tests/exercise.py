"""A drill told by hand: readings at moments, as the monitor would hear and record them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from history import History
from resilience.drills.record import Entry, Outcome, Record, Watched, entries, predicted
from resilience.drills.rehearsal import rehearse
from resilience.model import Drill, Site, names_in
from resilience.reading import Reading

START = 1_790_000_000.0


def exercise(
    site: Site,
    drill: Drill,
    before: Mapping[str, Reading],
    story: Sequence[tuple[float, Mapping[str, Reading] | Entry]],
    *,
    lasts: float,
    outcome: Outcome = Outcome.FINISHED,
    **more: Any,
) -> Record:
    """What is recorded when `before` was read at the start, and then each (seconds after it, readings or a note)."""
    history = History(site)
    history.read(START - 1, before)
    live, now = history.at(START)
    prediction = predicted(rehearse(site, drill, live.bounds, date(2026, 9, 21)), live, now)
    _, watched = entries(Watched(), live, now)
    found: list[Entry] = []
    for after, happening in story:
        if isinstance(happening, Entry):
            found.append(happening)
            continue
        history.read(START + after, happening)
        live, now = history.at(START + after)
        new, watched = entries(watched, live, now)
        found += new
    return Record(
        id=1,
        site=site.id,
        site_name=site.name,
        drill=drill,
        kinds={name: component.kind for name, component in site.components.items()},
        inputs={name: site.inputs(name) for name in site.components},
        paths={path.name: names_in(path.needs) for path in site.emergency_paths},
        by="J. Ortiz",
        started=START,
        prediction=prediction,
        outcome=outcome,
        ended=START + lasts if outcome is not Outcome.RUNNING else None,
        entries=tuple(found),
        **more,
    )


def note(after: float, text: str, *, mark: str = "", by: str = "J. Ortiz") -> tuple[float, Entry]:
    return after, Entry(START + after, "note", {"by": by, "text": text, "mark": mark})
