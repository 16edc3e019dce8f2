"""Two versions of site files: which single points of failure are gained and which are lost. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


def differences(old: Mapping[str, Site], new: Mapping[str, Site], now: float) -> tuple[Difference, ...]:
    """Every site whose state or single points of failure differ, by site. A new site gains all it has.

    A single point of failure that somebody accepted is none of those gained; one whose acceptance was withdrawn is.
    `now` in seconds since 1970: acceptances expire.
    """
    return tuple(_differences(old, new, now))


def _differences(old: Mapping[str, Site], new: Mapping[str, Site], now: float) -> Iterator[Difference]:
    for site in sorted(old.keys() | new.keys()):
        before, after = (
            assess_design(version[site], now, order=1) if site in version else None for version in (old, new)
        )
        had, has = ({p.component: p for p in found.unaccepted} if found else {} for found in (before, after))
        difference = Difference(
            site,
            before.state if before else None,
            after.state if after else None,
            tuple(has[name] for name in sorted(has.keys() - had.keys())),
            tuple(had[name] for name in sorted(had.keys() - has.keys())),
        )
        if difference.gained or difference.lost or difference.before is not difference.after:
            yield difference
