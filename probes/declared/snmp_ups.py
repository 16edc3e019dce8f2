"""The `snmp-ups` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from probes.snmp_families import FAMILIES
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    family: str = ""


SNMP_UPS = ProbeType(
    name="snmp-ups",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "family": fields.described(fields.choice(*FAMILIES), "the MIB it speaks, where it is not to be found out"),
    },
    probe=Later("probes.snmp_ups:probe"),
    check=check_access,
)
