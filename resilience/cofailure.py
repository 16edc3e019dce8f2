"""Components declared independent that keep failing together: what no drill has shown and the record does. Pure.

**Chance.** Were two components independent, each fall of the one could as well have come at any other moment of the
same BIN of time in which it was watched and working. With the other's falls held where they are, it then comes within
`within` of one of them with probability q, the share of that time which lies so near. The number of n falls that do
is a sum of independent trials, of mean n·q̄; that k or more do has at most the probability of the binomial tail
P(X ≥ k), X ~ Bin(n, q̄), where k ≥ n·q̄ + 1 (Hoeffding 1956, Ann. Math. Statist. 27:713), and is called 1 elsewhere.
The other way round as well; the larger of the two counts. To move events within bins only (the interval jitter of
Amarasingham et al. 2012, J. Neurophysiol. 107:517) leaves what a season, a storm or office hours do to both of them
out of it: they fail on the same days then, but not in the same minutes.

**Many pairs.** Each probability is corrected by Holm's step-down procedure (1979, Scand. J. Statist. 6:65) for all
pairs of the site that were tried, so that RARE bounds the probability of even one wrong proposal at a site.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from resilience.falls import SAME, SLACK, Span, Spans, Trouble, lasting
from resilience.model import Kind, Site, Together
from resilience.power import sources
from resilience.steps import Batch
from resilience.survival import design_bounds

LEAST = 3
"""Falls together from which they "keep" falling together: once is an event, twice may be one bad week."""
RARE = 0.001
"""Corrected probability up to which a shared risk is proposed."""
BIN = 6 * 3600.0
"""Seconds: short beside a season or a storm, long beside the minute in which what has one cause falls."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two components that no declared thing explains, and how they fell."""

    names: tuple[str, str]
    falls: tuple[tuple[float, ...], tuple[float, ...]]
    moments: tuple[float, ...]
    """When the one named first fell, each time that both did."""
    within: float
    """Seconds that two falls of one cause may be seen apart."""
    chance: float
    """The probability of as many by chance, before correction."""

    @property
    def alone(self) -> tuple[int, int]:
        first, second = self.falls
        return len(first) - len(self.moments), len(second) - len(self.moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A site's past: troubles of its components, and when nothing could be learned."""

    since: float
    until: float
    troubles: Mapping[str, tuple[Trouble, ...] | None]
    """None: too many to say anything."""
    quiet: tuple[Span, ...] = ()
    """When the monitor was away or unfit, and when people made faults themselves: drills and planned work."""

    @property
    def restless(self) -> tuple[str, ...]:
        return tuple(name for name, found in self.troubles.items() if found is None)


def proposals(site: Site, past: Past, rare: float = RARE) -> tuple[Together, ...]:
    """The pairs that fell together at least LEAST times, and by chance with a corrected probability up to `rare`."""
    tried = list(pairs(site, past))
    corrected = holm([pair.chance for pair in tried])
    found = [
        Together(
            names=pair.names,
            moments=pair.moments,
            alone=pair.alone,
            within=pair.within,
            chance=chance,
            tried=len(tried),
        )
        for pair, chance in zip(tried, corrected, strict=True)
        if chance <= rare and len(pair.moments) >= LEAST
    ]
    return tuple(sorted(found, key=lambda one: (one.chance, one.names)))


def holm(chances: Sequence[float]) -> list[float]:
    """Each probability corrected for all of them having been tried."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    corrected, least = [1.0] * len(chances), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, chances[index] * (len(chances) - rank)))
        corrected[index] = least
    return corrected


# --- What is declared -----------------------------------------------------------------------------------------


def independent(site: Site, one: str, other: str) -> bool:
    """Whether nothing declared explains that both fail: neither stands on the other, and whatever both stand on is
    watched, so that a failure of it is told apart."""
    if not {one, other} <= site.components.keys():
        return False
    first, second = site.stands_on(one), site.stands_on(other)
    apart = one not in second and other not in first
    return apart and all(seen_within(site, name) is not None for name in first & second)


def seen_within(site: Site, name: str) -> float | None:
    """Seconds within which a failure of `name` is seen; None where no probe sees it."""
    component = site.components[name]
    probes = component.probes
    if not probes and component.kind is Kind.UTILITY:
        # One without a probe is judged by the UPSes that it feeds.
        fed = [ups for ups, upstream in site.once(sources).items() if name in upstream]
        probes = tuple(probe for ups in fed for probe in site.components[ups].probes)
    if not probes:
        return None
    # A failure counts once the probe's own road has been read up again.
    return (
        min(
            probe.interval
            + probe.fall * (probe.confirm + probe.timeout)
            + max((road.interval for via in probe.via for road in site.components[via].probes), default=0)
            for probe in probes
        )
        / 1000
    )


def pairs(site: Site, past: Past) -> Iterator[Pair]:
    """Every two components that are declared independent and fell LEAST times each, of causes of their own."""
    own = _own_falls(site, past)
    falls = {name: own[name] for name in site.components if len(own.get(name, ())) >= LEAST}
    for one, other in combinations(falls, 2):
        first, second = seen_within(site, one), seen_within(site, other)
        if first is None or second is None or not independent(site, one, other):
            continue
        within = max(first, second)
        if within * 2 >= SAME:
            continue  # probes as slow as that cannot tell which fall belongs to which
        common = site.stands_on(one) & site.stands_on(other)
        blind = Spans([*past.quiet, *(span for name in common for span in _around(site, past, name, one, other))])
        left = tuple(tuple(at for at in falls[name] if at not in blind) for name in (one, other))
        if min(map(len, left)) >= LEAST:
            yield _pair(past, (one, other), (left[0], left[1]), within, blind)


def _pair(
    past: Past, names: tuple[str, str], falls: tuple[tuple[float, ...], tuple[float, ...]], within: float, blind: Spans
) -> Pair:
    first, second = falls
    near_first, near_second = (Spans((at - within, at + within) for at in each) for each in falls)
    moments = tuple(at for at in first if at in near_second)
    if len(moments) < LEAST:
        return Pair(names, falls, moments, within, 1.0)
    shares = (
        [_share(past, names[0], at, near_second, blind) for at in first],
        [_share(past, names[1], at, near_first, blind) for at in second],
    )
    chance = max(binomial_tail(len(each), sum(each) / len(each), len(moments)) for each in shares)
    return Pair(names, falls, moments, within, chance)


def _share(past: Past, name: str, at: float, near: Spans, blind: Spans) -> float:
    """Of the time in its bin at which this fall at `at` could have come as well, the share that lies in `near`."""
    start = max(past.since, at // BIN * BIN)
    end = min(past.until, at // BIN * BIN + BIN)
    # A fall within the hour after another would have been the same trouble.
    others = []
    troubles = past.troubles[name] or ()
    for trouble in reversed(troubles[: bisect_left(troubles, end, key=_start)]):
        if trouble.until + SAME <= start:
            break
        if trouble.fell != at:
            others.append((trouble.start, trouble.until + SAME))
    free = list(Spans([*blind.within(start, end), *others]).between(start, end))
    reach = sum(lasting(near.within(*span)) for span in free)
    return min(1.0, reach / lasting(free)) if lasting(free) else 1.0


def _start(trouble: Trouble) -> float:
    return trouble.start


def binomial_tail(n: int, q: float, k: int) -> float:
    """P(X ≥ k) of X ~ Bin(n, q); 1 where `k` is less than the mean and one."""
    if k < n * q + 1 or q >= 1:
        return 1.0
    if q <= 0:
        return 0.0
    logs = (
        math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1) + j * math.log(q) + (n - j) * math.log1p(-q)
        for j in range(k, n + 1)
    )
    return min(1.0, math.fsum(map(math.exp, logs)))


def _around(site: Site, past: Past, beneath: str, *above: str) -> Iterator[Span]:
    """When `beneath` was in trouble, or may have been and was not seen to be yet."""
    found = past.troubles.get(beneath, ())
    if found is None:
        yield past.since, past.until
        return
    apart = max(SLACK, *(seen_within(site, name) or 0.0 for name in (beneath, *above)))
    yield from ((trouble.start - apart, trouble.until + apart) for trouble in found)


def _own_falls(site: Site, past: Past) -> Mapping[str, Sequence[float]]:
    """The falls of each component that nothing declared explains: with all that it stands on and that was in trouble
    then failed, it would have worked on."""
    quiet = Spans(past.quiet)
    asked: list[tuple[str, float, frozenset[str]]] = []
    for name, found in past.troubles.items():
        if name not in site.components or not found:
            continue
        beneath = {other: Spans(_around(site, past, other, name)) for other in site.stands_on(name) - {name}}
        for trouble in found:
            at = trouble.fell
            if at is not None and past.since <= at <= past.until and at not in quiet:
                asked.append((name, at, frozenset(other for other, spans in beneath.items() if at in spans)))
    explained = _off_with(site, {failed for _, _, failed in asked if failed})
    falls: dict[str, list[float]] = {}
    for name, at, failed in asked:
        if not failed or name not in explained[failed]:
            falls.setdefault(name, []).append(at)
    return falls


AT_ONCE = 256
"""Sets that are evaluated at once."""


def _off_with(site: Site, sets: Iterable[frozenset[str]]) -> Mapping[frozenset[str], frozenset[str]]:
    """Of each set the components that sooner or later are off because it fails: a battery may have run out."""
    bounds, asked = design_bounds(site), sorted(sets, key=sorted)
    found: dict[frozenset[str], frozenset[str]] = {}
    for first in range(0, len(asked), AT_ONCE):
        some = asked[first : first + AT_ONCE]
        on = bounds.structure.evaluate(bounds.low, Batch.of((), *some)).components
        for bit, failed in enumerate(some, start=1):
            found[failed] = frozenset(
                name for name, course in on.items() if any(mask & 1 and not mask >> bit & 1 for _, mask in course)
            )
    return found
