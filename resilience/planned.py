"""Planned work: what is being worked on at a moment, and what a site has left without it. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC

from resilience.assess import NOW, Assessment, assess_design
from resilience.duration import spoken
from resilience.model import Maintenance, Site
from resilience.wording import joined


def work_at(site: Site, now: float) -> tuple[Maintenance, ...]:
    """What is going on at `now`, in seconds since 1970."""
    return tuple(work for work in site.maintenance if work.start.timestamp() <= now < work.end.timestamp())


def worked_on(site: Site, now: float) -> frozenset[str]:
    """Components whose own faults nobody needs to hear of: somebody is there. What their absence exposes is told."""
    return frozenset(name for work in work_at(site, now) for name in work.components)


def without(site: Site, components: Iterable[str], now: float) -> Assessment:
    """`site` as declared, everything healthy but `components`."""
    return assess_design(site, now, order=1, failed=frozenset(components))


def exposed(design: Assessment, reduced: Assessment, now: float) -> Iterator[tuple[str, str]]:
    """What the work going on at `now` leaves the site with: a component of each work, and a sentence."""
    left = "; ".join(exposures(design, reduced))
    for work in work_at(design.site, now) if left else ():
        until = work.end.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield (
            work.components[0],
            f"{joined(work.components)} out of service until {until} ({work.by}: {work.reason}): {left}",
        )


def exposures(design: Assessment, reduced: Assessment) -> Iterator[str]:
    """What `reduced` has to fear and `design` has not, a sentence each; nothing where the work costs no safety."""
    if not reduced.possible:
        yield "911 cannot be called"
        return
    life = reduced.scenario(NOW)
    if life and reduced.requirement_unmet and not design.requirement_unmet:
        yield f"911 lasts {spoken(life.low)} with nothing more failed"
    by_design = {point.component: point.loss for point in design.single_points}
    for point in reduced.unaccepted:
        if by_design.get(point.component, float("inf")) > point.loss:
            loss = "at once" if point.loss <= 0 else f"after {spoken(point.loss)}"
            yield f"without {point.component} 911 is lost {loss}"
