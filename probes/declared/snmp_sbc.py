"""The `snmp-sbc` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Sbc(Access):
    calls: int = 0


SNMP_SBC = ProbeType(
    name="snmp-sbc",
    settings=Sbc,
    fields={
        **ACCESS_FIELDS,
        "calls": fields.described(
            fields.integer(1, 1_000_000), "SIP calls, as the device counts them, that its licence or trunk admits."
        ),
    },
    probe=Later("probes.snmp_sbc:probe"),
    check=check_access,
    proves=False,
)
