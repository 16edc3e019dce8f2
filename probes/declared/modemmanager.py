"""The `modemmanager` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp_cellular import LEAST_RSRP
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Modem:
    modem: str = "any"
    roaming: bool = False
    """Roaming is this SIM's usual way, and no weakness."""
    least_rsrp: int = LEAST_RSRP


MODEMMANAGER = ProbeType(
    name="modemmanager",
    settings=Modem,
    fields={
        "modem": fields.described(
            fields.text(pattern=r"[A-Za-z0-9/_][A-Za-z0-9/_.:-]{0,99}", wanted="a modem's number, UID or D-Bus path"),
            "The modem of this machine as `mmcli -L` has it; any, the only one, unless given.",
        ),
        "roaming": fields.described(fields.flag(), "Whether roaming is usual for this SIM; false unless given."),
        "least-rsrp": fields.described(
            fields.integer(-140, -44), f"RSRP in dBm below which it is degraded; {LEAST_RSRP} unless given."
        ),
    },
    probe=Later("probes.modemmanager:probe"),
)
