"""The `snmp-ups` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType

FAMILY_NAMES = (
    *("apc", "mge", "xups", "cyberpower", "liebert-gp", "liebert-flexible", "ita2", "vertiv-dcs", "delta", "tripplite"),
    *(
        "socomec7",
        "socomec",
        "eppc",
        "xppc",
        "dell",
        "hpe",
        "huawei",
        "usha",
        "sinetica",
        "alpha",
        "eltek",
        "cet",
        "rfc1628",
    ),
)
"""Those of `probes.snmp_families`, whose tables reading a file need not load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    family: str = ""


SNMP_UPS = ProbeType(
    name="snmp-ups",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "family": fields.described(fields.choice(*FAMILY_NAMES), "the MIB it speaks, where it is not to be found out"),
    },
    probe=Later("probes.snmp_ups:probe"),
    check=check_access,
)
