"""An assessment for people and for programs: text, JSON, a Nagios plugin's line. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from resilience.assess import NOW, UTILITY, Assessment, SiteState
from resilience.duration import seconds, spoken
from resilience.finding import Finding, Severity
from resilience.memory import Memory
from resilience.model import Site
from resilience.reading import State
from resilience.snapshot import Snapshot
from resilience.state import stands

EXIT = {SiteState.PROTECTED: 0, SiteState.AT_RISK: 1, SiteState.UNAVAILABLE: 2, SiteState.UNVERIFIED: 3}
"""Exit codes of `probe`, as a Nagios plugin gives them."""
NAGIOS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def as_json(assessment: Assessment, findings: Iterable[Finding], memory: Memory | None = None) -> dict[str, Any]:
    """The contract's object of one site; infinity is None. `memory` gives what the probes read."""
    cuts: dict[str, list[list[str]]] = {str(order): [] for order in range(1, assessment.order + 1)}
    for cut in assessment.cut_sets:
        cuts[str(len(cut.members))].append(list(cut.members))
    return {
        "site": assessment.site.id,
        "basis": assessment.basis,
        "state": assessment.state,
        "paths": [
            {
                "name": state.path.name,
                "tier": state.path.tier,
                "assured": state.assured,
                "possible": state.possible,
                "preferred": state.preferred,
            }
            for state in assessment.paths
        ],
        "cut_sets": cuts,
        "single_points_of_failure": [
            {
                "component": point.component,
                "kind": point.kind,
                "loss_after_seconds": seconds(point.loss),
                "accepted": point.accepted,
            }
            for point in assessment.single_points
        ],
        "survival": [
            {
                "scenario": survival.scenario,
                "low_seconds": seconds(survival.low),
                "high_seconds": seconds(survival.high),
                "required_seconds": seconds(survival.required),
            }
            for survival in assessment.survival
        ],
        "components": [
            {
                "name": state.name,
                "kind": state.kind,
                "state": state.state,
                "evidence": state.evidence,
                "age_seconds": None if state.at is None else round(assessment.at - state.at, 3),
                "why": state.why,
            }
            for state in assessment.components
        ],
        "observations": list(_observations(assessment.site, memory, assessment.at)) if memory else [],
        "probe_failures": list(_probe_failures(assessment.site, memory)) if memory else [],
        "findings": [
            {"code": f.code, "severity": f.severity, "component": f.component, "text": f.text} for f in findings
        ],
    }


def _observations(site: Site, memory: Memory, now: float) -> Iterator[dict[str, Any]]:
    for probe in site.probes:
        track = memory.tracks.get(probe.key)
        if track is None or track.success is None or not stands(probe, track.success_at, now):
            continue
        for seen in track.success.observations:
            yield {
                "component": probe.component,
                "probe": probe.name,
                "quantity": seen.quantity,
                "value": seen.value,
                "unit": seen.unit,
                "source": seen.source,
            } | ({"target": seen.target} if seen.target else {})


def _probe_failures(site: Site, memory: Memory) -> Iterator[dict[str, Any]]:
    for probe in site.probes:
        track = memory.tracks.get(probe.key)
        if track and track.reading and track.reading.reason:
            yield {
                "component": probe.component,
                "probe": probe.name,
                "reason": track.reading.reason,
                "text": track.reading.text,
            }


def as_text(assessment: Assessment, findings: Sequence[Finding]) -> str:
    """What a facilities lead reads: paths best first, what takes 911 out, an outage, what nobody watches."""
    return "\n".join([*_summary(assessment), *_paths(assessment), *_points(assessment), *_rest(assessment, findings)])


def _summary(assessment: Assessment) -> Iterator[str]:
    state = assessment.state.replace("_", " ").upper()
    failed = [c.name for c in assessment.components if c.why == "assumed failed"]
    assumed = f", with {', '.join(failed)} failed" if failed else ""
    yield f"{assessment.site.name} ({assessment.site.id}): {state} ({assessment.basis}{assumed})"


def _paths(assessment: Assessment) -> Iterator[str]:
    yield "  911 goes by"
    for rank, state in enumerate(assessment.paths, start=1):
        works = "works" if state.assured else "not verified" if state.possible else "DOES NOT WORK"
        area = f", for {', '.join(state.path.serves)}" if state.path.serves else ""
        use = "  <- use this" if state.preferred else ""
        yield f"    {rank}. {state.path.name} ({state.path.tier}{area}): {works}{use}"


def _points(assessment: Assessment) -> Iterator[str]:
    if not assessment.possible:
        return
    if assessment.requirement_unmet:
        survival = assessment.scenario(NOW)
        left = spoken(survival.low if assessment.assured else survival.high) if survival else ""
        yield f"  911 lasts {left}; {spoken(assessment.site.power_outage)} are required. What would end it at once:"
    elif assessment.single_points:
        yield "  One failure takes 911 out"
    else:
        yield "  No single failure takes 911 out"
    for point in assessment.single_points:
        accepted = "  (accepted)" if point.accepted else ""
        yield f"    {point.component} ({point.kind}): {_loss(point.loss)}{accepted}"
    pairs = sum(len(cut.members) == 2 for cut in assessment.cut_sets)
    if pairs:
        yield f"  {pairs} pair{'s' if pairs > 1 else ''} of failures would"


def _loss(loss: float) -> str:
    return "at once" if loss <= 0 else f"after {spoken(loss)}"


def _rest(assessment: Assessment, findings: Sequence[Finding]) -> Iterator[str]:
    outage = assessment.scenario(UTILITY)
    if outage is not None and assessment.possible:
        required = f" ({spoken(outage.required)} required)" if outage.required else ""
        low, high = (spoken(bound) if bound > 0 else "no time" for bound in (outage.low, outage.high))
        span = low if low == high else f"{low} assured, {high} possible"
        yield f"  A utility outage leaves 911 {span}{required}"
    broken = [c for c in assessment.components if c.state in (State.DOWN, State.UNKNOWN)]
    if broken and assessment.basis == "live":
        yield "  Not working or not known"
        yield from (f"    {c.name}: {c.state}{f', {c.why}' if c.why else ''}" for c in broken)
    unmonitored = [finding.component for finding in findings if finding.code == "unmonitored"]
    if unmonitored:
        yield f"  Nobody watches {', '.join(unmonitored)}"


def nagios(snapshot: Snapshot) -> tuple[str, int]:
    """The plugin's output and exit code of a snapshot."""
    if snapshot.now is None:
        return nagios_line(3, f"{snapshot.site.id}: not every probe has answered or failed yet"), 3
    now, code = snapshot.now, EXIT[snapshot.now.state]
    said = [f.text for f in snapshot.findings if f.severity is not Severity.INFO]
    if now.state is not SiteState.PROTECTED:
        said += [f.text for f in snapshot.findings if f.code == "spof_design"]
    text = "; ".join(dict.fromkeys(said)) or "no single failure takes 911 out"
    survival = now.scenario(UTILITY) or now.survival[0]
    low, required = seconds(survival.low), seconds(survival.required)
    figures = [] if low is None else [f"survival={low}s;;{required}:" if required else f"survival={low}s"]
    figures.append(f"paths={sum(state.assured for state in now.paths)}")
    return f"{nagios_line(code, f'{snapshot.site.id} {now.state}: {text}')} | {' '.join(figures)}", code


def nagios_line(code: int, said: str) -> str:
    """A plugin's line without figures: nothing in `said` may end the line or begin the figures."""
    return f"RESILIENCE {NAGIOS[code]} - {' '.join(said.split()).replace('|', '/')}"
