"""Findings: faults with a code, a severity and a sentence. Pure.

Alerts, pages and reports are made of findings. How they stay open: `resilience.latching`. The codes are a
contract; the runbook's name is the code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta

from resilience.assess import NOW, UTILITY, Assessment, ComponentState, SinglePoint, SiteState
from resilience.duration import spoken
from resilience.finding import Finding, rank
from resilience.memory import Memory
from resilience.model import PLUGS_IN, Component, Drill, Kind, ProbeSpec, Secret, Site
from resilience.planned import exposed, worked_on
from resilience.power import pair_loads
from resilience.reading import State
from resilience.sharedrisk import failing_together
from resilience.sharing import contradictions, hidden_sharing
from resilience.state import Seen, Status
from resilience.survival import Live
from resilience.wire import disagreements
from resilience.wording import joined

ENDING_SOON = 15 * 60_000
"""ms of assured calling left at which people are told to move."""
FUEL_LOW = 0.5
"""Share of a tank under which a delivery is due: half is the usual contract."""
EXERCISE_DUE = 35 * 86400
"""Seconds since a generator last ran: NFPA 110 asks for an exercise a month, and some days are grace."""
CERTIFICATE_WARNING = 30 * 86400
"""Seconds before notAfter."""
DUE_SOON = timedelta(days=14)
"""For attestations that run out and accepted risks that expire."""


def design_findings(design: Assessment) -> tuple[Finding, ...]:
    """What the declaration alone shows."""
    found = [*_requirement(design), *design.site.once(_declared), *_risks(design), *_alert_road(design)]
    found += [Finding("spof_design", point.component, _point_text(point, "is")) for point in design.single_points]
    return tuple(sorted(found, key=rank))


def live_findings(
    live: Live, now: Assessment, design: Assessment, memory: Memory, reduced: Assessment | None = None
) -> tuple[Finding, ...]:
    """What is true at this moment, before anything is latched; `reduced` is the design without what is worked on."""
    by_design = {point.component for point in design.single_points}
    found = [*_calling(now), *_requirement(now), *now.site.once(_declared), *_risks(design), *_alert_road(design, now)]
    for component, text in exposed(design, reduced, now.at) if reduced else ():
        found.append(Finding("maintenance_leaves_spof", component, text))
    found += [Finding("spof_design", point.component, _point_text(point, "is")) for point in design.single_points]
    found += [
        Finding("spof_new", point.component, _point_text(point, "is now"))
        for point in now.unaccepted
        if point.component not in by_design
    ]
    found += [
        Finding("path_down", state.path.name, f"the {state.path.tier} path {state.path.name} does not work")
        for state in now.paths
        if not state.possible
    ]
    quiet = worked_on(now.site, now.at)
    for state in now.components:
        if state.name not in quiet:
            found += _component(state, live, now, memory)
    found += [
        Finding("drill_overdue", drill.name, _overdue_text(drill)) for drill in now.site.drills if drill.overdue(now.at)
    ]
    found += [Finding("drill_contradicts", *one) for one in contradictions(now.site)]
    for ups, told in _overloads(now.site, live).items():
        found += [Finding("ups_pair_overload", ups, "; ".join(told))] if told else []
    found += [Finding("trunk_wire_disagrees", *one) for one in disagreements(now.site, live.own)]
    found += [
        Finding("hidden_sharing", *one)
        for one in _of_one((names[0], text) for names, text in hidden_sharing(now.site, live.seen))
    ]
    found += [Finding("failing_together", *one) for one in _of_one(now.site.once(failing_together))]
    return tuple(sorted(found, key=rank))


def _of_one(told: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """All sentences about one component as one."""
    by_name: dict[str, list[str]] = {}
    for name, text in told:
        by_name.setdefault(name, []).append(text)
    return ((name, "; ".join(texts)) for name, texts in by_name.items())


def _overdue_text(drill: Drill) -> str:
    if drill.due_at is None:
        return f"the drill {drill.name} has never been held"
    return f"the drill {drill.name} was due on {datetime.fromtimestamp(drill.due_at, UTC).date()}"


def _overloads(site: Site, live: Live) -> dict[str, list[str]]:
    """Of each UPS the partners that could not take its load over, or it theirs. Taken as of one rating."""
    return {
        ups: [
            f"{ups} at {loads[0]:.0%} and {other} at {loads[1]:.0%} share a load: without one the other is overloaded"
            for other, loads in others.items()
            if loads is not None and sum(loads) > 1
        ]
        for ups, others in pair_loads(site, live.seen).items()
    }


def _alert_road(*assessments: Assessment) -> Iterator[Finding]:
    """By design and as things are now; of one failure once."""
    lost = {
        point.component: point
        for assessment in assessments
        for point in assessment.single_points
        if point.component in assessment.answers.alerts_lost
    }
    for name, point in lost.items():
        loss = "at once" if point.loss <= 0 else f"after {spoken(point.loss)}"
        text = f"{name} takes out 911 {loss}, and what the alert about it travels over"
        yield Finding("alert_road_shared", name, text)


def _point_text(point: SinglePoint, verb: str) -> str:
    loss = "911 is lost at once" if point.loss <= 0 else f"911 is lost after {spoken(point.loss)}"
    accepted = " (accepted)" if point.accepted else ""
    return f"{point.component} {verb} a single point of failure: without it {loss}{accepted}"


def _calling(now: Assessment) -> Iterator[Finding]:
    survival = now.scenario(NOW)
    instead = next((state.path for state in now.paths if state.preferred), None)
    use = f"; use {instead.name}: {instead.instructions}" if instead and instead.instructions else ""
    if now.state is SiteState.UNAVAILABLE:
        yield Finding("calling_unavailable", "", "no emergency path works: 911 cannot be called from here")
    elif now.state is SiteState.UNVERIFIED:
        yield Finding("calling_unverified", "", f"911 is possible, but nothing seen now assures it{use}")
    elif survival and survival.low < ENDING_SOON:
        yield Finding("calling_ending", "", f"911 is assured for {spoken(survival.low)} more{use}")


def _requirement(assessment: Assessment) -> Iterator[Finding]:
    required = spoken(assessment.site.power_outage)
    survival = assessment.scenario(NOW)
    if assessment.requirement_unmet and survival:
        left = survival.low if assessment.assured else survival.high
        text = f"{required} of 911 are required; {spoken(left)} are left with nothing more failed"
        yield Finding("requirement_unmet", "", text)
    outage = assessment.scenario(UTILITY)
    if outage and assessment.assured and outage.low < outage.required:
        text = f"in a utility outage 911 lasts {spoken(outage.low)}; {required} are required"
        yield Finding("survival_short", "", text)


def _declared(site: Site) -> Sequence[Finding]:
    return tuple(_by_declaration(site))


def _by_declaration(site: Site) -> Iterator[Finding]:
    for component in site.components.values():
        if not component.monitored:
            yield Finding("unmonitored", component.name, "neither probed nor attested; it counts as up")
        if clear := [probe.name for probe in component.probes if _in_clear(probe)]:
            yield Finding("secret_in_clear", component.name, f"a secret of {joined(clear)} stands in clear in the file")
        if component.kind in PLUGS_IN and component.power is None:
            text = "the file does not say what powers it; it counts as always powered"
            yield Finding("power_not_declared", component.name, text)


def _in_clear(probe: ProbeSpec) -> bool:
    if not is_dataclass(probe.settings):
        return False
    values = (getattr(probe.settings, setting.name) for setting in fields(probe.settings))
    return any(isinstance(value, Secret) and value.source == "clear" for value in values)


def _risks(design: Assessment) -> Iterator[Finding]:
    points = {point.component for point in design.single_points}
    today = datetime.fromtimestamp(design.at, UTC).date()
    for risk in design.site.accepted_risks:
        if risk.component not in points:
            text = f"accepted by {risk.by}, but it is no single point of failure"
            yield Finding("accepted_risk_moot", risk.component, text)
        elif risk.until - today <= DUE_SOON:
            word = "expires" if risk.until >= today else "expired"
            yield Finding("accepted_risk_expiring", risk.component, f"its acceptance {word} on {risk.until}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding that one quantity amounts to."""

    code: str
    quantity: str
    bad: Callable[[Seen, float], bool]
    text: Callable[[Seen, float], str]


_RULES = (
    Rule("ups_on_battery", "ups_on_battery", lambda s, now: s.value > 0, lambda s, now: "on battery"),
    Rule(
        "ups_replace_battery",
        "ups_replace_battery",
        lambda s, now: s.value > 0,
        lambda s, now: "asks for a new battery; its runtime is not counted",
    ),
    Rule(
        "ups_runtime_not_credible",
        "ups_runtime_credible",
        lambda s, now: s.value < 1,
        lambda s, now: f"its runtime is not believed: {s.observation.text}",
    ),
    Rule("generator_not_auto", "generator_auto", lambda s, now: s.value < 1, lambda s, now: "not in automatic"),
    Rule(
        "generator_failed",
        "generator_failed",
        lambda s, now: s.value > 0,
        lambda s, now: f"the controller reports a failure {s.observation.text}".rstrip(),
    ),
    Rule(
        "fuel_low", "generator_fuel_ratio", lambda s, now: s.value < FUEL_LOW, lambda s, now: f"fuel at {s.value:.0%}"
    ),
    Rule(
        "generator_not_exercised",
        "generator_last_exercise_timestamp_seconds",
        lambda s, now: now - s.value > EXERCISE_DUE,
        lambda s, now: f"last ran {spoken((now - s.value) * 1000)} ago",
    ),
    Rule(
        "trunk_unregistered",
        "trunk_registered",
        lambda s, now: s.value < 1,
        lambda s, now: f"registration {s.observation.target} is not valid: {s.observation.text}".rstrip(": "),
    ),
    Rule(
        "egress_unexpected",
        "egress_expected",
        lambda s, now: s.value < 1,
        lambda s, now: f"its probes {s.observation.text}",
    ),
    Rule(
        "certificate_expiring",
        "tls_certificate_expiry_timestamp_seconds",
        lambda s, now: s.value - now < CERTIFICATE_WARNING,
        lambda s, now: (
            f"the certificate of {s.observation.target} "
            + (f"expires in {spoken((s.value - now) * 1000)}" if s.value > now else "has expired")
        ),
    ),
)
BY_QUANTITY = {rule.code: rule for rule in _RULES}
"""The rule of each finding that one quantity amounts to."""

_DOWN_CODE = {
    Kind.WAN: "wan_down",
    Kind.FALLBACK_LINE: "line_out",
    Kind.CELLULAR: "line_out",
    Kind.SATELLITE: "line_out",
}


def _component(state: ComponentState, live: Live, now: Assessment, memory: Memory) -> Iterator[Finding]:
    """Raised at the root only: its own evidence is bad, and nothing it needs or is fed by is seen down."""
    name = state.name
    component, own = now.site.components[name], live.own[name]
    raised = False
    quantities = {quantity for quantity, _ in live.seen[name]}
    for rule in _RULES if quantities else ():
        if rule.quantity not in quantities:
            continue
        worst = [seen for (quantity, _), seen in live.seen[name].items() if quantity == rule.quantity]
        if bad := [seen for seen in worst if rule.bad(seen, now.at)]:
            raised = True
            yield Finding(rule.code, name, "; ".join(f"{name}: {rule.text(seen, now.at)}" for seen in bad))
    if name in live.inputs_lost:
        raised = True
        yield Finding("ups_input_lost", name, f"{name} is on battery though a utility that feeds it is up")
    if name in live.not_carrying:
        yield Finding("generator_not_carrying", name, f"{name} has had its time to start and carries nothing")
    if component.kind is Kind.UPS and _runtime_missing(state, live):
        yield Finding("ups_runtime_not_credible", name, f"{name} reports no runtime; none is counted")
    if own.blind:
        yield Finding("probe_blind", name, f"{name}: {', '.join(own.blind)} sees nothing while others do")
    if _conflict_stands(name, live, memory):
        yield Finding("evidence_conflict", name, f"{name} is seen up though it cannot be by what else is seen")
    yield from _due(component, own, now.at)
    if raised or own.state in (State.UP, State.UNKNOWN) or own.why == own.unproven:
        return
    if any(live.own[feed].state is State.DOWN for feed in now.site.inputs(name)):
        return
    if own.state is State.DOWN:
        yield Finding(_DOWN_CODE.get(component.kind, "component_down"), name, f"{name} is down: {own.why}")
    else:
        code = "wan_degraded" if component.kind is Kind.WAN else "component_degraded"
        yield Finding(code, name, f"{name} works with a weakness: {own.why}")


def _due(component: Component, own: Status, now: float) -> Iterator[Finding]:
    if own.unproven:
        yield Finding("line_unproven", component.name, f"{component.name} is {own.unproven}")
    attest = component.attest
    if attest is None:
        return
    if attest.expires_at is None:
        yield Finding("attestation_due", component.name, "asked for a person's check; none is recorded")
        return
    until = datetime.fromtimestamp(attest.expires_at, UTC).date()
    if until - datetime.fromtimestamp(now, UTC).date() <= DUE_SOON:
        yield Finding("attestation_due", component.name, f"the check of {attest.on} is good until {until}")


def _runtime_missing(state: ComponentState, live: Live) -> bool:
    seen = live.seen[state.name]
    return ("ups_on_battery", "") in seen and ("ups_runtime_credible", "") not in seen


def _conflict_stands(name: str, live: Live, memory: Memory) -> bool:
    """Seen up in a second round since the contradiction was first noticed."""
    if name not in live.contradicted or name not in memory.conflicts:
        return False
    at = live.own[name].at
    return at is not None and at > memory.conflicts[name]


def noticed(memory: Memory, live: Live) -> Memory:
    """`memory` with the contradictions of this moment, each with the evidence it was first noticed on."""
    conflicts = {
        name: memory.conflicts.get(name, live.own[name].at or 0.0) for name in live.contradicted if name in live.own
    }
    return replace(memory, conflicts=conflicts)
