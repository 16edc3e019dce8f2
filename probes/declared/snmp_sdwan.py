"""The `snmp-sdwan` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    member: str
    check: str = ""
    quorum: int = 1


SNMP_SDWAN = ProbeType(
    name="snmp-sdwan",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "member": fields.required(
            fields.text(longest=64), "The interface that is a member of the SD-WAN, such as wan1."
        ),
        "check": fields.described(
            fields.text(longest=64), "The health check that counts, by its name; every one of the member unless given."
        ),
        "quorum": fields.described(
            fields.integer(1, 64), "How many health checks must be alive for the component to be up; 1 unless given."
        ),
    },
    probe=Later("probes.snmp_sdwan:probe"),
    check=check_access,
)
