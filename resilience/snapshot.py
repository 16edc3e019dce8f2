"""One site at one moment: everything that metrics, pages, reports and exit codes are made from. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from resilience.assess import Assessment, assess_design, assess_live
from resilience.finding import Finding
from resilience.findings import live_findings, noticed
from resilience.latching import latched
from resilience.memory import Memory
from resilience.model import ProbeSpec, Site
from resilience.planned import without, work_at, worked_on
from resilience.reading import State
from resilience.survival import Live, live_basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    site: Site
    at: float
    """Seconds since 1970."""
    design: Assessment
    memory: Memory
    live: Live
    now: Assessment | None
    """None before the first full round: nothing is said about a site until then."""
    findings: tuple[Finding, ...]
    reduced: Assessment | None = None
    """The design without what is worked on now; None where nothing is."""


def take(
    site: Site, memory: Memory, now: float, *, before: Snapshot | None = None, open_findings: Iterable[Finding] = ()
) -> Snapshot:
    """The snapshot of `site` at `now`. What has not changed since `before` is not worked out again.

    `open_findings` are those that were open before.
    """
    unchanged = before is not None and before.site is site
    design = before.design if before and unchanged and _same_day(before.at, now) else assess_design(site, now)
    live = live_basis(site, memory, now, before.live if before and unchanged else None)
    if not first_round_done(site, memory):
        return Snapshot(
            site=site, at=now, design=design, memory=memory, live=live, now=None, findings=tuple(open_findings)
        )
    assessment = assess_live(live, now, previous=before.now if before and unchanged else None)
    reduced = _reduced(site, now, before if unchanged else None)
    fresh = live_findings(live, assessment, design, memory, reduced)
    return Snapshot(
        site=site,
        at=now,
        design=design,
        memory=noticed(memory, live),
        live=live,
        now=assessment,
        findings=latched(open_findings, fresh, live, assessment),
        reduced=reduced,
    )


def _reduced(site: Site, now: float, before: Snapshot | None) -> Assessment | None:
    under_way = work_at(site, now)
    if not under_way:
        return None
    if before and before.reduced and _same_day(before.at, now) and work_at(site, before.at) == under_way:
        return before.reduced
    return without(site, worked_on(site, now), now)


def _same_day(one: float, other: float) -> bool:
    """Acceptances and checks end by the day (UTC)."""
    return one // 86400 == other // 86400


def first_round_done(site: Site, memory: Memory) -> bool:
    """Whether every probe has answered or failed as often as it needs for its first word."""
    return all(_has_spoken(probe, memory) for probe in site.probes)


def _has_spoken(probe: ProbeSpec, memory: Memory) -> bool:
    if probe.settings is None:
        return True
    track = memory.tracks.get(probe.key)
    return track is not None and track.reading is not None and (track.state is not State.UNKNOWN or not track.deciding)
