"""One site at one moment: everything that metrics, pages, reports and exit codes are made from. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from resilience.assess import Assessment, assess_design, assess_live
from resilience.findings import Finding, latched, live_findings, noticed
from resilience.model import ProbeSpec, Site
from resilience.state import Memory
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


def take(site: Site, memory: Memory, previous: Iterable[Finding], now: float) -> Snapshot:
    """The snapshot of `site` at `now`; `previous` are the findings that were open before."""
    design = assess_design(site, now)
    live = live_basis(site, memory, now)
    if not first_round_done(site, memory):
        return Snapshot(site=site, at=now, design=design, memory=memory, live=live, now=None, findings=tuple(previous))
    assessment = assess_live(site, live, now)
    fresh = live_findings(live, assessment, design, memory)
    return Snapshot(
        site=site,
        at=now,
        design=design,
        memory=noticed(memory, live),
        live=live,
        now=assessment,
        findings=latched(previous, fresh, live, assessment),
    )


def first_round_done(site: Site, memory: Memory) -> bool:
    """Whether every probe has answered or failed as often as it needs for its first word."""
    return all(_has_spoken(probe, memory) for probe in site.probes)


def _has_spoken(probe: ProbeSpec, memory: Memory) -> bool:
    if probe.settings is None:
        return True
    track = memory.tracks.get(probe.key)
    return track is not None and track.reading is not None and not track.deciding
