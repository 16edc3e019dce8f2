"""Two versions of site files: which single points of failure are gained and which are lost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from resilience.assess import SinglePoint, SiteState, assess_design
from resilience.model import Site


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed at one site; `before` or `after` is None where the site is only in one version."""

    site: str
    before: SiteState | None
    after: SiteState | None
    gained: tuple[SinglePoint, ...]
    lost: tuple[SinglePoint, ...]


class Judged(NamedTuple):
    """One site in one version: its state, and the single points of failure that nobody accepted."""

    state: SiteState
    unaccepted: tuple[SinglePoint, ...]


def judged(site: Site, now: float) -> Judged:
    """By design. `now` in seconds since 1970: acceptances expire."""
    design = assess_design(site, now, order=1)
    return Judged(design.state, design.unaccepted)


def differences(old: Mapping[str, Judged], new: Mapping[str, Judged]) -> tuple[Difference, ...]:
    """Every site whose state or single points of failure differ, by its id. A new site gains all it has.

    A single point of failure that somebody accepted is none of those gained; one whose acceptance was withdrawn is.
    """
    found = (_difference(site, old.get(site), new.get(site)) for site in sorted(old.keys() | new.keys()))
    return tuple(one for one in found if one.gained or one.lost or one.before is not one.after)


def _difference(site: str, before: Judged | None, after: Judged | None) -> Difference:
    had, has = ({point.component: point for point in found.unaccepted} if found else {} for found in (before, after))
    return Difference(
        site,
        before.state if before else None,
        after.state if after else None,
        tuple(has[name] for name in sorted(has.keys() - had.keys())),
        tuple(had[name] for name in sorted(had.keys() - has.keys())),
    )
