"""The `tcp` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets
from resilience.fields import port, required
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp(Targets):
    port: int


TCP = ProbeType(
    name="tcp",
    settings=Tcp,
    fields={**TARGET_FIELDS, "port": required(port(), "The TCP port to connect to.")},
    probe=Later("probes.tcp:probe"),
    check=check_targets,
    interval=30_000,
    timeout=2_000,
    confirm=5_000,
    retries=0,
    fall=3,
    rise=3,
)
