"""The `snmp-ipsla` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    operations: tuple[int, ...]
    quorum: int = 1


def _check(settings: Settings) -> str | None:
    if len(set(settings.operations)) < len(settings.operations):
        return "an operation stands twice in 'operations'"
    if settings.quorum > len(settings.operations):
        return f"a quorum of {settings.quorum} cannot be met by {len(settings.operations)} operations"
    return check_access(settings)


SNMP_IPSLA = ProbeType(
    name="snmp-ipsla",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "operations": fields.required(
            fields.list_of(fields.integer(1, 2**31 - 1), least=1, what="operation"),
            "The numbers of the router's IP SLA operations, as `ip sla 10` names them.",
        ),
        "quorum": fields.described(
            fields.integer(1, 1000), "How many operations must succeed for the component to be up; 1 unless given."
        ),
    },
    probe=Later("probes.snmp_ipsla:probe"),
    check=_check,
)
