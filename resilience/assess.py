"""The assessment of one site: the answers to "if one more thing fails, can people still call 911, for how long".

Pure. One function for both bases: `assess` takes the bounds, wherever they came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NamedTuple

from resilience.alertroad import alerts_lost
from resilience.cutsets import CutSet, Singles, completed
from resilience.duration import Ms
from resilience.model import EmergencyPath, Kind, Site
from resilience.reading import State
from resilience.state import Status
from resilience.steps import Batch
from resilience.structure import OnTimes
from resilience.survival import Bounds, Live, design_bounds

NOW = "now"
UTILITY = "utility"


class SiteState(StrEnum):
    """Worst first, as a wall screen sorts them."""

    UNAVAILABLE = "unavailable"
    UNVERIFIED = "unverified"
    AT_RISK = "at_risk"
    PROTECTED = "protected"


class PathState(NamedTuple):
    path: EmergencyPath
    assured: bool
    possible: bool
    preferred: bool
    """The best one that is assured, else the best that is possible; one for each area."""


class SinglePoint(NamedTuple):
    """A single point of failure; `loss` = ms from its failure to the loss of 911."""

    component: str
    kind: Kind
    loss: Ms
    accepted: bool


@dataclass(frozen=True, slots=True)
class Survival:
    """life(911) in a scenario, ms."""

    scenario: str
    low: Ms
    high: Ms
    required: Ms


class ComponentState(NamedTuple):
    """`at`: seconds since 1970 of its evidence; None for what is only declared."""

    name: str
    kind: Kind
    state: State
    evidence: str
    at: float | None
    why: str
    proven_at: float | None = None
    """When a call or a drill last proved that it works, where that still stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that follows from the bounds and the accepted risks, and from nothing else."""

    bounds: Bounds
    accepted: frozenset[str]
    order: int
    assured: frozenset[str]
    """Components that work by the low bound, and `possible` by the high one."""
    possible: frozenset[str]
    state: SiteState
    paths: tuple[PathState, ...]
    cut_sets: tuple[CutSet, ...]
    single_points: tuple[SinglePoint, ...]
    """Soonest loss first."""
    survival: tuple[Survival, ...]
    alerts_lost: frozenset[str]
    """Single points of failure that take out the alert about it as well."""
    requirement_unmet: bool
    """911 is not assured for as long as required with nothing more failed; cut sets are those that end it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    site: Site
    basis: str
    """`design` or `live`."""
    at: float
    answers: Answers
    known: Mapping[str, Status]
    """What is known of each component before the structure is asked."""
    components: tuple[ComponentState, ...]

    @property
    def state(self) -> SiteState:
        return self.answers.state

    @property
    def paths(self) -> tuple[PathState, ...]:
        return self.answers.paths

    @property
    def order(self) -> int:
        return self.answers.order

    @property
    def cut_sets(self) -> tuple[CutSet, ...]:
        return self.answers.cut_sets

    @property
    def single_points(self) -> tuple[SinglePoint, ...]:
        return self.answers.single_points

    @property
    def survival(self) -> tuple[Survival, ...]:
        return self.answers.survival

    @property
    def requirement_unmet(self) -> bool:
        return self.answers.requirement_unmet

    @property
    def assured(self) -> bool:
        return self.survival[0].low > 0

    @property
    def possible(self) -> bool:
        return self.survival[0].high > 0

    @property
    def unaccepted(self) -> tuple[SinglePoint, ...]:
        return tuple(point for point in self.single_points if not point.accepted)

    def scenario(self, name: str) -> Survival | None:
        return next((survival for survival in self.survival if survival.scenario == name), None)


def assess_design(site: Site, now: float, *, order: int = 2, failed: frozenset[str] = frozenset()) -> Assessment:
    """As declared, everything healthy but `failed`."""
    known = {name: _ASSUMED_FAILED if name in failed else _HEALTHY for name in site.components}
    answers = answer(design_bounds(site, failed), accepted_components(site, _day(now)), order)
    components = _components(known, answers)
    return Assessment(site=site, basis="design", at=now, answers=answers, known=known, components=components)


_HEALTHY = Status(state=State.UP)
_ASSUMED_FAILED = Status(state=State.DOWN, why="assumed failed")


def assess_live(live: Live, now: float, *, order: int = 2, previous: Assessment | None = None) -> Assessment:
    """As seen now. Of `previous` is taken over what follows from nothing that has changed."""
    site = live.bounds.structure.site
    accepted = accepted_components(site, _day(now))
    known = live.statuses
    last = previous.answers if previous else None
    if previous and last and (last.bounds, last.accepted, last.order) == (live.bounds, accepted, order):
        answers = last
        components = tuple(
            [
                state
                if previous.known[state.name] is known[state.name]
                else _component_state(site, state.name, known[state.name], answers)
                for state in previous.components
            ]
        )
    else:
        answers = answer(live.bounds, accepted, order)
        components = _components(known, answers)
    return Assessment(site=site, basis="live", at=now, answers=answers, known=known, components=components)


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def answer(bounds: Bounds, accepted: frozenset[str], order: int) -> Answers:
    """The law of cut sets and site states over two bounds."""
    site = bounds.structure.site
    scenarios = [(NOW, ())] + ([(UTILITY, site.utilities)] if site.utilities else [])
    failed = [names for _, names in scenarios]
    bound, singles = bounds.low, Singles.of(bounds.structure, bounds.low, order, *failed)
    on = low = high = bounds.structure.evaluate(bound, singles.batch)
    if bounds.high is not bounds.low:
        if low.life() > 0:
            high = bounds.structure.evaluate(bounds.high, Batch.of(*failed))
        else:
            bound, singles = bounds.high, Singles.of(bounds.structure, bounds.high, order, *failed)
            on = high = bounds.structure.evaluate(bound, singles.batch)
    survival = tuple(
        Survival(scenario, low.life(bit), high.life(bit), site.power_outage)
        for bit, (scenario, _) in enumerate(scenarios)
    )
    lasts = on.life()
    unmet = lasts < site.power_outage
    cuts: tuple[CutSet, ...] = ()
    if lasts > 0:
        within = 0 if unmet else site.power_outage
        cuts = completed(bounds.structure, bound, singles, on, within=within, order=order)
    points = sorted(
        (
            SinglePoint(name, site.components[name].kind, cut.loss, name in accepted)
            for cut in cuts
            if len(cut.members) == 1
            for name in cut.members
        ),
        key=lambda point: (point.loss, point.component),
    )
    return Answers(
        bounds=bounds,
        accepted=accepted,
        order=order,
        assured=low.working(site),
        possible=high.working(site),
        state=_site_state(site, survival, points, accepted),
        paths=_path_states(site, low, high),
        cut_sets=cuts,
        single_points=tuple(points),
        alerts_lost=alerts_lost(bounds.structure, bound, ((point.component, point.loss) for point in points)),
        survival=survival,
        requirement_unmet=lasts > 0 and unmet,
    )


def accepted_components(site: Site, today: date) -> frozenset[str]:
    """Components whose risk somebody accepted and which has not expired."""
    return frozenset(risk.component for risk in site.accepted_risks if today <= risk.until)


def _site_state(
    site: Site, survival: Sequence[Survival], points: Sequence[SinglePoint], accepted: frozenset[str]
) -> SiteState:
    now = survival[0]
    if now.high == 0:
        return SiteState.UNAVAILABLE
    if now.low == 0:
        return SiteState.UNVERIFIED
    outage_accepted = not accepted.isdisjoint(site.utilities)
    short = now.low < now.required or any(
        scenario.low < scenario.required and not outage_accepted for scenario in survival[1:]
    )
    if short or any(not point.accepted for point in points):
        return SiteState.AT_RISK
    return SiteState.PROTECTED


def _path_states(site: Site, low: OnTimes, high: OnTimes) -> tuple[PathState, ...]:
    assured = [bool(course[0][1] & 1) for course in low.paths]
    possible = [bool(course[0][1] & 1) for course in high.paths]
    best: dict[str, int] = {}
    for known in (assured, possible):
        for i, path in enumerate(site.emergency_paths):
            if known[i]:
                for area in path.serves or site.areas or ("",):
                    best.setdefault(area, i)
    preferred = frozenset(best.values())
    return tuple(
        PathState(path, assured[i], possible[i], i in preferred) for i, path in enumerate(site.emergency_paths)
    )


def _components(known: Mapping[str, Status], answers: Answers) -> tuple[ComponentState, ...]:
    site = answers.bounds.structure.site
    return tuple(_component_state(site, name, status, answers) for name, status in known.items())


def _component_state(site: Site, name: str, own: Status, answers: Answers) -> ComponentState:
    kind = site.components[name].kind
    if name in answers.assured:
        # Assured for what is left of a lost reading is a weakness with a name, not plain up.
        weak = own.state in (State.DEGRADED, State.UNKNOWN)
        state, why = (State.DEGRADED, own.why) if weak else (State.UP, own.why)
    elif name in answers.possible:
        state = State.UNKNOWN
        why = own.why if own.state is State.UNKNOWN else _because(site, name, answers.assured, own, "not known to work")
    else:
        state = State.DOWN
        why = own.why if own.state is State.DOWN else _because(site, name, answers.possible, own, "off")
    return ComponentState(name, kind, state, own.evidence, own.at, why, own.proven_at)


def _because(site: Site, name: str, on: frozenset[str], own: Status, word: str) -> str:
    """Which of the things it needs or is fed by are not among those that are on."""
    off = [other for other in site.inputs(name) if other not in on]
    return f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} {word}" if off else own.why
