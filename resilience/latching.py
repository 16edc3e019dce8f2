"""How findings stay open: one closes on a contrary observation, never because data went missing. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from resilience.assess import Assessment, SiteState
from resilience.finding import Finding, rank
from resilience.findings import BY_QUANTITY, Rule
from resilience.planned import worked_on
from resilience.power import pair_loads
from resilience.reading import State
from resilience.sharing import SAME, hidden_sharing
from resilience.state import Quantities, Seen
from resilience.survival import Live
from resilience.wire import disagreement

_OF_ITS_STATE = {
    "component_degraded",
    "component_down",
    "evidence_conflict",
    "line_out",
    "line_unproven",
    "probe_blind",
    "wan_degraded",
    "wan_down",
}
"""Findings that only a known state of the component contradicts."""

_OF_COMPONENT = {
    *BY_QUANTITY,
    *_OF_ITS_STATE,
    "attestation_due",
    "generator_not_carrying",
    "ups_input_lost",
    "ups_runtime_not_credible",
}
"""Findings about a component itself."""

_SHARED = {"hidden_sharing", "trunk_wire_disagrees", "ups_pair_overload"}
"""Findings about several components or several probes, under the name of the first."""

_OF_THE_WHOLE = {
    "alert_road_shared",
    "calling_ending",
    "calling_unavailable",
    "requirement_unmet",
    "spof_new",
    "survival_short",
}
"""Findings that follow from everything seen; where nothing assures 911 they may still be true."""


def latched(previous: Iterable[Finding], fresh: Iterable[Finding], live: Live, now: Assessment) -> tuple[Finding, ...]:
    """`fresh`, and those of `previous` that nothing observed has contradicted, marked stale."""
    open_now = {finding.key: finding for finding in fresh}
    for finding in previous:
        if finding.key not in open_now and not _contradicted(finding, live, now):
            open_now[finding.key] = replace(finding, stale=True)
    return tuple(sorted(open_now.values(), key=rank))


def without_the_probes(findings: Iterable[Finding], gone: Iterable[tuple[str, str]]) -> tuple[Finding, ...]:
    """`findings` less those about components of which the file has taken a probe away (`gone`, by component and
    name): what it told nobody could contradict any more."""
    changed = {component for component, _ in gone}
    return tuple(f for f in findings if not (f.code in _OF_COMPONENT | _SHARED and f.component in changed))


def _contradicted(finding: Finding, live: Live, now: Assessment) -> bool:
    """Whether what is seen now says that `finding` is over."""
    site = now.site
    if finding.code in _OF_COMPONENT and finding.component in worked_on(site, now.at):
        return False  # that it is worked on is no observation
    if finding.code in BY_QUANTITY and finding.component in site.components:
        return _read_otherwise(BY_QUANTITY[finding.code], finding.component, live, now.at)
    if finding.code == "ups_input_lost" and finding.component in live.facts.structure.lost:
        lost = live.facts.structure.lost[finding.component].intersection(site.utilities)
        return all(live.statuses[utility].state is not State.UNKNOWN for utility in lost)
    if finding.code in _OF_ITS_STATE:
        own = live.own.get(finding.component)
        return own is None or own.state is not State.UNKNOWN
    if finding.code == "trunk_wire_disagrees":
        said = live.own[finding.component].said if finding.component in live.own else ()
        return disagreement(said) == ""
    if finding.code == "hidden_sharing" and finding.component in site.components:
        still = (names[0] for names, _ in hidden_sharing(site, _last_read(live)))
        return finding.component not in still and any(quantity in SAME for quantity, _ in live.seen[finding.component])
    if finding.code == "failing_together":
        return site.together is not None or finding.component not in site.components
    if finding.code == "ups_pair_overload":
        return all(loads is not None for loads in pair_loads(site, live.seen).get(finding.component, {}).values())
    if finding.code == "path_down":
        return all(state.assured for state in now.paths if state.path.name == finding.component)
    if finding.code in _OF_THE_WHOLE:
        return now.state is not SiteState.UNVERIFIED
    return True


def _read_otherwise(rule: Rule, component: str, live: Live, now: float) -> bool:
    """Whether the rule's quantity is seen, and of every target of which the last word was bad."""
    seen = live.seen[component]
    for track in live.heard[component].tracks:
        for told in track.success.observations if track.success else ():
            lost = told.quantity == rule.quantity and (told.quantity, told.target) not in seen
            if lost and rule.bad(Seen(told, track.success_at), now):
                return False
    return any(quantity == rule.quantity for quantity, _ in seen)


def _last_read(live: Live) -> Mapping[str, Quantities]:
    """What each component's probes last read, however long ago."""
    return {
        name: {
            (told.quantity, told.target): Seen(told, track.success_at)
            for track in heard.tracks
            for told in (track.success.observations if track.success else ())
        }
        for name, heard in live.heard.items()
    }
