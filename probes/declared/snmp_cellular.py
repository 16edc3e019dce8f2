"""The `snmp-cellular` probe as a site file declares it."""

from dataclasses import dataclass
from typing import Any

from probes.cellular_families import FAMILIES
from probes.declared.snmp import ACCESS_FIELDS, check_access
from probes.declared.snmp_row import Wanted
from resilience import fields
from resilience.probing import Later, ProbeType

LEAST_RSRP = -105
"""dBm. Below it a call's setup and its voice suffer; operators plan for -105 to -110 indoors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Wanted):
    roaming: bool = False
    """Roaming is this SIM's usual way, and no weakness."""
    least_rsrp: int = LEAST_RSRP


def settings(*, modem: str = "", **others: Any) -> Settings:
    return Settings(row=modem, **others)


SNMP_CELLULAR = ProbeType(
    name="snmp-cellular",
    settings=settings,
    fields={
        **ACCESS_FIELDS,
        "modem": fields.described(fields.text(longest=64), "Its name or index, where the device has several."),
        "family": fields.described(fields.choice(*FAMILIES), "The MIB it speaks, where it is not to be found out."),
        "roaming": fields.described(fields.flag(), "Whether roaming is usual for this SIM; false unless given."),
        "least-rsrp": fields.described(
            fields.integer(-140, -44), f"RSRP in dBm below which it is degraded; {LEAST_RSRP} unless given."
        ),
    },
    probe=Later("probes.snmp_cellular:probe"),
    check=check_access,
)
