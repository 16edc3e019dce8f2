"""The `icmp` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets
from resilience.fields import described, integer, span
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Icmp(Targets):
    count: int = 3
    """Echo requests a target and reading."""
    spacing: float = 200
    """Milliseconds between them; less where the timeout is short."""


ICMP = ProbeType(
    name="icmp",
    settings=Icmp,
    fields={
        **TARGET_FIELDS,
        "count": described(integer(1, 20), "Echo requests to each target in a reading; 3 unless given."),
        "spacing": described(span(least=1), "Time between them; 200ms unless given."),
    },
    probe=Later("probes.icmp:probe"),
    check=check_targets,
    interval=30_000,
    timeout=2_000,
    confirm=5_000,
    retries=0,
    fall=3,
    rise=3,
)
