"""The pages for people: the fleet, and one site. From snapshots to HTML; touches no device and waits for none.

They work without a script. The one script there is brings a page up to date in place, and says so when it cannot.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from resilience.assess import NOW, UTILITY, Assessment, SiteState, Survival
from resilience.drawing import draw
from resilience.drawing_time import draw_outage
from resilience.duration import FOREVER, Ms, spoken
from resilience.explain import explain_live
from resilience.finding import Severity
from resilience.margin import margin, timeline
from resilience.model import Site
from resilience.reading import State
from resilience.snapshot import Snapshot
from resilience.state import Seen
from resilience.told import sentence

_LOADER = PackageLoader("resilience", "templates/pages")
_TEMPLATES = Environment(
    loader=_LOADER,
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

WAITING = "waiting"
"""The word for a site before its first full round: nothing is said of it until then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One site in the fleet's table. `taken` has no assessment before the first full round."""

    site: Site
    taken: Snapshot | None

    @property
    def now(self) -> Assessment | None:
        return self.taken.now if self.taken else None

    @property
    def state(self) -> str:
        return self.now.state if self.now else WAITING

    @property
    def left(self) -> Survival | None:
        """What is told of time: with nothing more failed where that ends, else in a utility outage."""
        if self.now is None:
            return None
        current = self.now.scenario(NOW)
        return current if current and current.low < FOREVER else self.now.scenario(UTILITY) or current

    def rank(self) -> tuple[int, int, float, str]:
        """Worst first; among equals the one that fewest failures or the least time part from the loss."""
        order = [*SiteState, WAITING]
        failures = margin(self.now).failures if self.now else 0
        return order.index(self.state), failures, self.left.low if self.left else FOREVER, self.site.id


def fleet(sites: Iterable[tuple[Site, Snapshot | None]], at: float) -> str:
    rows = sorted((Row(site, taken) for site, taken in sites), key=Row.rank)
    counts = {state: sum(row.state == state for row in rows) for state in (*SiteState, WAITING)}
    return page("fleet.html.j2", at, rows=rows, counts=counts)


def site(declared: Site, taken: Snapshot | None, at: float) -> str:
    row = Row(declared, taken)
    if taken is None or taken.now is None:
        return page("site.html.j2", at, row=row, now=None)
    now = taken.now
    states = {component.name: component for component in now.components}
    working = {name for name, component in states.items() if component.state is not State.DOWN}
    working |= {path.path.name for path in now.paths if path.possible} | ({"911"} if now.possible else set())
    utilities = declared.utilities
    return page(
        "site.html.j2",
        at,
        row=row,
        now=now,
        sentence=sentence(now, taken.design),
        drawing=draw(declared),
        states=states,
        paths={path.path.name: path for path in now.paths},
        points={point.component: point for point in now.single_points},
        reasons={told.point.component: told for told in explain_live(now, taken.live, taken.memory)},
        margin=margin(now),
        outage=draw_outage(declared, timeline(taken.live.bounds, utilities), working) if utilities else None,
        findings=taken.findings,
        severities=[*Severity],
        seen={name: sorted(found.items()) for name, found in taken.live.seen.items() if found},
    )


def missing(what: str, name: str, at: float) -> str:
    return page("missing.html.j2", at, what=what, name=name)


def page(template: str, at: float, **values: Any) -> str:
    """A page of `template`, as of `at` (seconds since 1970)."""
    return _TEMPLATES.get_template(template).render(at=at, **values)


def asset(name: str) -> str:
    """The text of a file that pages refer to."""
    return _LOADER.get_source(_TEMPLATES, name)[0]


def _spoken_left(duration: Ms) -> str:
    return "nothing" if duration <= 0 else spoken(duration)


def _age(then: float | None, at: float) -> str:
    if then is None:
        return "never"
    return "just now" if at - then < 1 else f"{spoken((at - then) // 1 * 1000)} ago"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _value(seen: Seen) -> str:
    observation = seen.observation
    unit = f" {observation.unit}" if observation.unit else ""
    return f"{observation.value:.4g}{unit}" + (f" ({observation.text})" if observation.text else "")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _after(seconds: float) -> str:
    return "at once after" if seconds <= 0 else f"{spoken(seconds * 1000)} after"


_TEMPLATES.filters.update(left=_spoken_left, spoken=spoken, clock=_clock, day=_day, after=_after, value=_value)
_TEMPLATES.globals.update(age=_age)
