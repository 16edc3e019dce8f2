"""Why a component is a single point of failure, and the cheapest class of change that ends it. Pure.

Every proposed change is applied to the model and the site analysed again before it is told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from resilience.assess import Assessment, SinglePoint, assess_design, assess_live
from resilience.duration import FOREVER, Ms, spoken
from resilience.fix import Double, Feed, Fix, Lasts, Restore, apply, twin_of
from resilience.memory import Memory
from resilience.model import PASSES_POWER, Kind, Site, names_in
from resilience.reading import State
from resilience.steps import Batch
from resilience.structure import Course, OnTimes
from resilience.survival import Bounds, Live, design_bounds, live_basis
from resilience.wording import joined


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that together end one single point of failure, and the ones that are left at the site then."""

    fixes: tuple[Fix, ...]
    text: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    point: SinglePoint
    reason: str
    chains: tuple[tuple[str, ...], ...]
    """From the component over what it stops to each emergency path it breaks, shortest way."""
    remedy: Remedy | None
    """None where no change of one class ends it."""


Again = Callable[[tuple[Fix, ...]], Assessment]
"""The assessment to order 1 with these changes, with all else as it is. One change is tried for many points."""


def explain(design: Assessment, failed: frozenset[str] = frozenset()) -> tuple[Explanation, ...]:
    """Every single point of failure of a design in which `failed` is down, in the order of the assessment."""

    @cache
    def again(fixes: tuple[Fix, ...]) -> Assessment:
        return assess_design(apply(design.site, fixes), design.at, order=1, failed=failed)

    return tuple(_explained(design, point, design_bounds(design.site, failed), again) for point in design.single_points)


def explain_live(now: Assessment, live: Live, memory: Memory) -> tuple[Explanation, ...]:
    """Every single point of failure of this moment. What is not seen to work is restored before anything is bought."""

    @cache
    def again(fixes: tuple[Fix, ...]) -> Assessment:
        return assess_live(live_basis(apply(now.site, fixes), memory, now.at), now.at, order=1)

    return tuple(_explained(now, point, live.bounds, again) for point in now.single_points)


def _explained(assessment: Assessment, point: SinglePoint, bounds: Bounds, again: Again) -> Explanation:
    bound = bounds.low if assessment.assured else bounds.high
    # The second set is of nothing: what is off anyway is no consequence.
    on = bounds.structure.evaluate(bound, Batch.of((point.component,), ()))
    chains = tuple(_chains(assessment, point, on))
    reason = _reason(assessment, point, on, [chain[-1] for chain in chains])
    return Explanation(point, reason, chains, _remedy(assessment, point, on, again))


def _lost_at(course: Course) -> Ms:
    return next((moment for moment, mask in course if not mask & 1), FOREVER)


def _off_anyway(course: Course) -> bool:
    return not course[0][1] & 2


def _chains(assessment: Assessment, point: SinglePoint, on: OnTimes) -> Iterator[tuple[str, ...]]:
    """For each path that is off when 911 is: the shortest way along which one failure stops the next."""
    site = assessment.site
    lost = {name: _lost_at(course) for name, course in on.components.items()}
    dependents: dict[str, list[str]] = {}
    for name in site.components:
        for other in site.inputs(name):
            dependents.setdefault(other, []).append(name)
    ways: dict[str, tuple[str, ...]] = {point.component: (point.component,)}
    waiting = [point.component]
    for reached in waiting:
        for name in dependents.get(reached, ()):
            if name not in ways and lost[name] <= point.loss and not _off_anyway(on.components[name]):
                ways[name] = (*ways[reached], name)
                waiting.append(name)
    for path, course in zip(site.emergency_paths, on.paths, strict=True):
        if _lost_at(course) <= point.loss and not _off_anyway(course):
            through = [ways[name] for name in names_in(path.needs) if name in ways]
            if through:
                yield (*min(through, key=len), path.name)


def _reason(assessment: Assessment, point: SinglePoint, on: OnTimes, paths: Sequence[str]) -> str:
    name, site = point.component, assessment.site
    if point.loss > 0:
        holding = _first_to_run_out(site, point, on)
        holds = f"{holding} holds {spoken(point.loss)}" if holding else f"911 lasts {spoken(point.loss)}"
        missing = spoken(site.power_outage - point.loss)
        return f"without {name} {holds}, {missing} short of the {spoken(site.power_outage)} required"
    if len(site.emergency_paths) == 1:
        return f"{paths[0]} is the only path, and it {_leads(point, 1)}"
    if gone := _gone(assessment):
        return f"{gone}, and {_named(paths)} {_leads(point, len(paths))}"
    if len(paths) < len(site.emergency_paths):
        areas = _without_911(site, point, on)
        serving = [path.name for path in site.emergency_paths if not areas.isdisjoint(path.serves or areas)]
        word = "has" if len(areas) == 1 else "have"
        said = f"{_named(sorted(areas))} {word} no path but {_named(serving)}"
        return f"{said}, and {_all(serving)} {_leads(point, len(serving))}"
    if len(paths) > FEW:
        return f"all {len(paths)} paths {_leads(point, len(paths))}"
    return f"{joined(paths)} {_all(paths)} {_leads(point, len(paths))}"


def _all(paths: Sequence[str]) -> str:
    return {1: "it", 2: "both"}.get(len(paths), "all")


def _leads(point: SinglePoint, paths: int) -> str:
    """How paths stand on the component, by what that is."""
    verb = "draw on" if point.kind in PASSES_POWER else "end in" if point.kind is Kind.SHARED_RISK else "need"
    first, *more = verb.split(" ")
    return " ".join([first if paths > 1 else f"{first}s", *more, point.component])


def _without_911(site: Site, point: SinglePoint, on: OnTimes) -> frozenset[str]:
    """The areas that no path serves once the component has failed."""
    served = {
        area
        for path, course in zip(site.emergency_paths, on.paths, strict=True)
        if _lost_at(course) > point.loss
        for area in path.serves or site.areas
    }
    return frozenset(site.areas) - served


FEW = 4
"""Paths that are named one by one in a sentence."""


def _named(paths: Sequence[str]) -> str:
    shown = paths if len(paths) <= FEW else [*paths[: FEW - 1], f"{len(paths) - FEW + 1} more"]
    return joined(shown)


def _gone(assessment: Assessment) -> str:
    """The paths that are off with nothing more failed, or nothing."""
    off = [state for state in assessment.paths if not (state.assured if assessment.assured else state.possible)]
    one = len(off) == 1
    if any(state.possible for state in off):
        word = "is not known to work" if one else "are not known to work"
    else:
        word = "does not work" if one else "do not work"
    return f"{_named([state.path.name for state in off])} {word}" if off else ""


def _first_to_run_out(site: Site, point: SinglePoint, on: OnTimes) -> str:
    """The stored energy that ends when 911 does."""
    for name, component in site.components.items():
        stores = component.kind in (Kind.UPS, Kind.GENERATOR) or component.holds
        if stores and name != point.component and _lost_at(on.components[name]) == point.loss:
            return name
    return ""


def _remedy(assessment: Assessment, point: SinglePoint, on: OnTimes, again: Again) -> Remedy | None:
    """The first remedy, cheapest class first, that does end the single point of failure when it is tried."""
    for fixes, text in _candidates(assessment, point, on):
        after = again(fixes)
        left = {p.component for p in after.single_points}
        # Where 911 is lost nothing is left to be a single point of failure.
        lives = after.assured if assessment.assured else after.possible
        ended = left.isdisjoint((point.component, twin_of(assessment.site, point.component)))
        if lives and ended and (assessment.requirement_unmet or not after.requirement_unmet):
            return Remedy(fixes, text, tuple(sorted(left)))
    return None


def _candidates(assessment: Assessment, point: SinglePoint, on: OnTimes) -> Iterator[tuple[tuple[Fix, ...], str]]:
    if assessment.basis == "live":
        yield from _restored(assessment)
    yield from _fed_otherwise(assessment.site, point, on)
    yield from _longer(assessment.site, point, on)
    yield (Double(point.component),), _second(point)


def _restored(assessment: Assessment) -> Iterator[tuple[tuple[Fix, ...], str]]:
    """What is itself seen down or not known to work; what is off because of it comes back with it."""
    for name, status in assessment.known.items():
        if status.state is State.DOWN:
            yield (Restore(name),), f"{name} back in service"
        elif status.state is State.UNKNOWN:
            yield (Restore(name),), f"{name} seen to work"


_SECOND: Mapping[Kind, str] = {
    Kind.SHARED_RISK: "a second way beside {name}",
    Kind.UTILITY: "a second source of power beside {name}",
    Kind.UPS: "a second UPS beside {name}",
    Kind.ATS: "a second transfer switch beside {name}",
    Kind.PDU: "a second PDU beside {name}",
    Kind.PBX: "a second PBX beside {name}",
    Kind.SBC: "a second SBC beside {name}",
    Kind.DNS: "a second name server beside {name}",
    Kind.WAN: "a second line beside {name}",
    Kind.SIP_TRUNK: "a second trunk beside {name}",
}


def _second(point: SinglePoint) -> str:
    return _SECOND.get(point.kind, "a second {kind} beside {name}").format(name=point.component, kind=point.kind)


def _longer(site: Site, point: SinglePoint, on: OnTimes) -> Iterator[tuple[tuple[Fix, ...], str]]:
    """More stored energy, where 911 does last a while: one store alone, else all that run out too early."""
    missing = site.power_outage - point.loss
    if point.loss <= 0:
        return
    short = [
        component
        for name, component in site.components.items()
        if component.kind is Kind.UPS and name != point.component and _lost_at(on.components[name]) < site.power_outage
    ]
    fixes = [Lasts(component.name, (component.runtime or 0) + missing) for component in short]
    for fix in fixes:
        yield (fix,), f"a bigger UPS: {fix.component} is {spoken(missing)} short"
    if len(fixes) > 1:
        names = joined([fix.component for fix in fixes])
        yield tuple(fixes), f"bigger UPSes: {names} are {spoken(missing)} short"


def _fed_otherwise(site: Site, point: SinglePoint, on: OnTimes) -> Iterator[tuple[tuple[Fix, ...], str]]:
    """A feed that exists already, for what nothing but this component feeds."""
    if point.kind not in PASSES_POWER:
        return
    loads = tuple(
        name
        for name, component in site.components.items()
        if component.power and point.component in component.power and _lost_at(on.components[name]) <= point.loss
    )
    # Nobody puts one UPS behind another to make it last longer.
    batteries = any(site.components[name].kind is Kind.UPS for name in loads)
    for name, component in site.components.items():
        if batteries and component.kind is Kind.UPS:
            continue
        lives = name != point.component and any(mask & 1 for _, mask in on.components[name])
        if component.kind in PASSES_POWER and lives and loads and not _depends(site, name, loads):
            fix = Feed(name, loads)
            yield (fix,), str(fix)


def _depends(site: Site, name: str, others: tuple[str, ...]) -> bool:
    waiting, seen = [name], set[str]()
    while waiting:
        one = waiting.pop()
        if one in others:
            return True
        if one not in seen:
            seen.add(one)
            waiting.extend(site.inputs(one))
    return False
