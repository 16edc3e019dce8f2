"""A finding: a fault with a code, a severity, a component and a sentence. The closed list of codes.

The codes are a contract with other people's alert rules; the runbook's name is the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


_CRITICAL = ("calling_unavailable", "calling_ending")
_WARNING = (
    "calling_unverified",
    "requirement_unmet",
    "spof_new",
    "survival_short",
    "path_down",
    "component_down",
    "component_degraded",
    "trunk_unregistered",
    "trunk_wire_disagrees",
    "ups_on_battery",
    "ups_replace_battery",
    "ups_runtime_not_credible",
    "ups_input_lost",
    "ups_pair_overload",
    "generator_not_auto",
    "generator_failed",
    "generator_not_carrying",
    "generator_not_exercised",
    "fuel_low",
    "wan_down",
    "wan_degraded",
    "egress_unexpected",
    "line_out",
    "certificate_expiring",
    "probe_blind",
    "evidence_conflict",
    "file_invalid",
    "monitor_impaired",
    "store_unavailable",
    "alert_road_shared",
    "maintenance_leaves_spof",
    "drill_contradicts",
)
_INFO = (
    "spof_design",
    "unmonitored",
    "power_not_declared",
    "line_unproven",
    "attestation_due",
    "accepted_risk_expiring",
    "accepted_risk_moot",
    "drill_overdue",
    "secret_in_clear",
    "hidden_sharing",
    "failing_together",
)
SEVERITY: Mapping[str, Severity] = {
    **dict.fromkeys(_CRITICAL, Severity.CRITICAL),
    **dict.fromkeys(_WARNING, Severity.WARNING),
    **dict.fromkeys(_INFO, Severity.INFO),
}
"""Every code this version raises."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`component` is a component's or a path's name, empty where the site as a whole is meant."""

    code: str
    component: str
    text: str
    stale: bool = False

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.code]

    @property
    def key(self) -> tuple[str, str]:
        return (self.code, self.component)


def rank(finding: Finding) -> tuple[int, str, str]:
    """Worst first."""
    return (_RANK[finding.code], finding.code, finding.component)


_RANK = {code: [*Severity].index(severity) for code, severity in SEVERITY.items()}
