"""Many sites together: what takes 911 out at how many of them, and which site is nearest to losing it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from resilience.assess import NOW, UTILITY, Assessment, SiteState, assess_design
from resilience.duration import FOREVER, Ms
from resilience.margin import Margin, margin
from resilience.model import Site
from resilience.steps import Batch
from resilience.survival import design_bounds


@dataclass(frozen=True, slots=True)
class Blast:
    """One thing whose failure takes 911 out at `sites`. `site` is empty for what several sites share."""

    name: str
    site: str
    sites: tuple[str, ...]
    people: int
    """Those declared at `sites`; sites that declare none count 0."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One site's place in the fleet. `left` in ms: what a utility outage leaves, or what is left now."""

    site: str
    name: str
    state: SiteState
    margin: Margin
    left: Ms
    required: Ms
    people: int | None
    single_points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    blasts: tuple[Blast, ...]
    """Most sites first, then most people."""
    standings: tuple[Standing, ...]
    """Nearest to losing 911 first."""


class Placed(NamedTuple):
    """One site on its own: where it stands, and what takes it out, each with the site's id or "" for what is shared."""

    standing: Standing
    fatal: tuple[tuple[str, str], ...]


def placed(site: Site, now: float) -> Placed:
    """The design basis of one site. `now` in seconds since 1970: acceptances expire."""
    design = assess_design(site, now)
    own = [(point.component, site.id) for point in design.single_points if not site.components[point.component].shared]
    return Placed(_standing(design), (*own, *((name, "") for name in _shared_that_end_it(design))))


def together(sites: Iterable[Placed]) -> Fleet:
    every = list(sites)
    return Fleet(_blasts(every), tuple(sorted((site.standing for site in every), key=_nearest)))


def fleet(sites: Iterable[Site], now: float) -> Fleet:
    """The design basis of every site, taken together."""
    return together(placed(site, now) for site in sites)


def _standing(design: Assessment) -> Standing:
    survival = design.scenario(UTILITY) or design.scenario(NOW)
    return Standing(
        design.site.id,
        design.site.name,
        design.state,
        margin(design),
        survival.low if survival else FOREVER,
        design.site.power_outage,
        design.site.people,
        tuple(point.component for point in design.single_points),
    )


def _nearest(standing: Standing) -> tuple[int, Ms, str]:
    return (standing.margin.failures, standing.left, standing.site)


def _blasts(sites: Iterable[Placed]) -> tuple[Blast, ...]:
    hit: dict[tuple[str, str], list[Standing]] = {}
    for site in sites:
        for fatal in site.fatal:
            hit.setdefault(fatal, []).append(site.standing)
    blasts = (
        Blast(name, at, tuple(sorted(one.site for one in standings)), sum(one.people or 0 for one in standings))
        for (name, at), standings in hit.items()
    )
    return tuple(sorted(blasts, key=lambda blast: (-len(blast.sites), -blast.people, blast.name, blast.site)))


def _shared_that_end_it(design: Assessment) -> list[str]:
    """The shared things whose failure, with every component that is one of them, loses 911 or makes it too short."""
    members: dict[str, list[str]] = {}
    for component in design.site.components.values():
        if component.shared:
            members.setdefault(component.shared, []).append(component.name)
    if not members:
        return []
    bounds = design_bounds(design.site)
    within = 0 if design.requirement_unmet else design.site.power_outage
    bound = bounds.low if design.assured else bounds.high
    lives = bounds.structure.evaluate(bound, Batch.of(*members.values())).lives()
    return [name for name, life in zip(members, lives, strict=True) if life < within or life == 0]
