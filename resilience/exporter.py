"""A site's snapshot as lines of the Prometheus text format 0.0.4. Pure.

Rendered once a change and kept; a scrape only joins lines. Not known is absent, never 0 or −1.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial

from resilience.assess import Assessment, ComponentState, SiteState
from resilience.catalogue import METRICS, PREFIX, QUANTITIES
from resilience.duration import FOREVER, Ms
from resilience.finding import Finding
from resilience.margin import margin
from resilience.model import ProbeSpec, Site
from resilience.planned import work_at
from resilience.reading import State
from resilience.snapshot import Snapshot
from resilience.state import Quantities
from resilience.track import Track

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STATE_CODE = {State.DOWN: 0, State.UNKNOWN: 1, State.DEGRADED: 2, State.UP: 3}

Families = Mapping[str, list[str]]
"""Sample lines by metric name without prefix."""


Parts = dict[object, tuple[tuple[object, ...], list[tuple[str, str]]]]
"""What `render` keeps of one site for its next call: of each part all that it is made from, and its samples."""


class _Lines:
    """Samples of one site. Every line carries the site's label first."""

    def __init__(self, site: str, last: Parts) -> None:
        self.families: dict[str, list[str]] = {}
        self.parts: Parts = {}
        self._last = last
        self._samples: list[tuple[str, str]] = []
        self._site = f'{{site="{_escaped(site)}"'

    def part(self, key: object, made_from: tuple[object, ...], tell: Callable[[], None]) -> None:
        """What `tell` adds, or what it added last where it was made from the same."""
        part = self._last.get(key)
        if part is None or part[0] != made_from:
            self._samples = []
            tell()
            part = made_from, self._samples
        self.parts[key] = part
        for name, line in part[1]:
            self.families.setdefault(name, []).append(line)

    def add(self, name: str, value: float, /, **labels: str) -> None:
        told = "".join([f',{label}="{_escaped(text)}"' for label, text in labels.items()])
        self._samples.append((name, f"{PREFIX}{name}{self._site}{told}}} {_number(value)}\n"))


@lru_cache(maxsize=16_384)
def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if value == FOREVER:
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _seconds(duration: Ms) -> float:
    return duration if duration == FOREVER else duration / 1000


def render(
    snapshot: Snapshot,
    *,
    file_valid: bool,
    vantage: str,
    durations: Mapping[tuple[str, str], float],
    parts: Parts | None = None,
) -> Families:
    """Every sample of one site; `durations` in seconds, of each probe's last run.

    `parts` belongs to the site and is kept from call to call: what is made from the same is not rendered again.
    """
    site, now = snapshot.site, snapshot.now
    lines = _Lines(site.id, {} if parts is None else parts)
    lines.part("site", (site, file_valid), lambda: _site(lines, site, file_valid))
    for probe in site.probes:
        track, duration = snapshot.memory.tracks.get(probe.key), durations.get(probe.key)
        lines.part(
            probe.key, (probe, vantage, track, duration), partial(_probe, lines, probe, vantage, track, duration)
        )
    if now is not None:
        lines.part("calling", (now.answers,), lambda: _calling(lines, now))
        for state in now.components:
            seen = snapshot.live.seen[state.name]
            lines.part((state.name,), (state, seen), partial(_component, lines, state, seen))
        _under_way(lines, snapshot)
        for assessment in (now, snapshot.design):
            lines.part(assessment.basis, (assessment.answers,), partial(_cuts, lines, assessment))
        lines.part("findings", (snapshot.findings,), lambda: _findings(lines, snapshot.findings))
    if parts is not None:
        parts.clear()
        parts.update(lines.parts)
    return lines.families


def page(sites: Iterable[Families]) -> str:
    """All sites together: every family once, with its help and type."""
    sites = list(sites)
    parts: list[str] = []
    for name, text in METRICS.items():
        samples = [line for families in sites for line in families.get(name, ())]
        if samples:
            parts.append(f"# HELP {PREFIX}{name} {text}\n# TYPE {PREFIX}{name} gauge\n")
            parts.extend(samples)
    return "".join(parts)


def _site(lines: _Lines, site: Site, file_valid: bool) -> None:
    place = site.location
    lat, lon = ("" if degrees is None else f"{degrees:g}" for degrees in (place.lat, place.lon))
    lines.add("site_info", 1, name=site.name, owner=site.owner.team, region=site.region, lat=lat, lon=lon)
    lines.add("site_file_valid", file_valid)
    if site.people is not None:
        lines.add("site_people", site.people)
    for component in site.components.values():
        if component.shared:
            lines.add("shared_component_info", 1, component=component.name, shared=component.shared)
        if component.attest is not None and (expires := component.attest.expires_at) is not None:
            lines.add("attestation_expiry_timestamp_seconds", expires, component=component.name)
    for name, until in _accepted_until(site).items():
        expiry = datetime.combine(until, time(), UTC) + timedelta(days=1)
        lines.add("accepted_risk_expiry_timestamp_seconds", expiry.timestamp(), component=name)
    for drill in site.drills:
        lines.add("drill_active", drill.running, drill=drill.name)
        if drill.due_at is not None:
            lines.add("drill_due_timestamp_seconds", drill.due_at, drill=drill.name)
        if drill.held_at is not None:
            lines.add("drill_timestamp_seconds", drill.held_at, drill=drill.name, result=drill.result)


def _accepted_until(site: Site) -> dict[str, date]:
    """A risk that is accepted again has two entries and ends with the later."""
    found: dict[str, date] = {}
    for risk in site.accepted_risks:
        found[risk.component] = max(risk.until, found.get(risk.component, risk.until))
    return found


def _probe(lines: _Lines, probe: ProbeSpec, vantage: str, track: Track | None, duration: float | None) -> None:
    labels = {"component": probe.component, "probe": probe.name, "type": probe.type, "vantage": vantage}
    lines.add("probe_interval_seconds", probe.interval / 1000, **labels)
    if track is None or track.reading is None:
        return
    lines.add("probe_success", not track.reading.failed, **labels)
    lines.add("probe_last_run_timestamp_seconds", track.read_at, **labels)
    if track.success_at:
        lines.add("probe_last_success_timestamp_seconds", track.success_at, **labels)
    if duration is not None:
        lines.add("probe_duration_seconds", round(duration, 6), **labels)
    if track.reading.reason is not None:
        lines.add("probe_failure", 1, **labels, reason=track.reading.reason)


def _calling(lines: _Lines, now: Assessment) -> None:
    for site_state in SiteState:
        lines.add("emergency_calling_state", now.state is site_state, state=site_state)
    lines.add("emergency_calling_up", now.assured, bound="assured")
    lines.add("emergency_calling_up", now.possible, bound="possible")
    for position, state in enumerate(now.paths, start=1):
        path = state.path
        labels = {"path": path.name, "tier": path.tier}
        lines.add("emergency_path_info", 1, **labels, rank=str(position), instructions=path.instructions)
        lines.add("emergency_path_up", state.assured, **labels, bound="assured")
        lines.add("emergency_path_up", state.possible, **labels, bound="possible")
        lines.add("emergency_path_preferred", state.preferred, **labels)
    lines.add("margin_failures", margin(now).failures)
    if now.site.power_outage:
        for survival in now.survival:
            lines.add("survival_required_seconds", _seconds(survival.required), scenario=survival.scenario)


def _cuts(lines: _Lines, assessment: Assessment) -> None:
    basis = assessment.basis
    for point in assessment.single_points:
        lines.add(
            "single_point_of_failure_loss_seconds",
            _seconds(point.loss),
            component=point.component,
            kind=point.kind,
            basis=basis,
            accepted="true" if point.accepted else "false",
        )
    lines.add("single_points_of_failure", len(assessment.unaccepted), basis=basis)
    for order in range(1, assessment.order + 1):
        count = sum(len(cut.members) == order for cut in assessment.cut_sets)
        lines.add("cut_sets", count, basis=basis, order=str(order))
    for survival in assessment.survival:
        for bound, life in (("low", survival.low), ("high", survival.high)):
            lines.add("survival_seconds", _seconds(life), scenario=survival.scenario, bound=bound, basis=basis)


def _component(lines: _Lines, state: ComponentState, found: Quantities) -> None:
    lines.add("component_state_code", STATE_CODE[state.state], component=state.name, kind=state.kind)
    if state.at is not None:
        lines.add("evidence_timestamp_seconds", state.at, component=state.name, evidence=state.evidence)
    if state.proven_at is not None and state.evidence != "proven":
        lines.add("evidence_timestamp_seconds", state.proven_at, component=state.name, evidence="proven")
    for (name, target), seen in found.items():
        quantity = QUANTITIES[name]
        labels = {quantity.label: target} if quantity.label else {}
        if quantity.text_label:
            labels[quantity.text_label] = seen.observation.text
        lines.add(name, seen.value, component=state.name, **labels)


def _under_way(lines: _Lines, snapshot: Snapshot) -> None:
    names = tuple(dict.fromkeys(name for work in work_at(snapshot.site, snapshot.at) for name in work.components))
    start = min((discharge.since for discharge in snapshot.memory.discharges.values()), default=None)

    def tell() -> None:
        for name in names:
            lines.add("maintenance_active", 1, component=name)
        if start is not None:
            lines.add("outage_start_timestamp_seconds", start)

    lines.part("under way", (names, start), tell)


def _findings(lines: _Lines, findings: Iterable[Finding]) -> None:
    for finding in findings:
        lines.add(
            "finding",
            1,
            code=finding.code,
            severity=finding.severity,
            component=finding.component,
            stale="true" if finding.stale else "false",
        )
