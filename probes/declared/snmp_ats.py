"""The `snmp-ats` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Ats(Access):
    inputs: tuple[str, ...] = ()


def _check(settings: Ats) -> str | None:
    if len(set(settings.inputs)) < len(settings.inputs):
        return "a feed stands twice in 'inputs'"
    return check_access(settings)


SNMP_ATS = ProbeType(
    name="snmp-ats",
    settings=Ats,
    fields={
        **ACCESS_FIELDS,
        "inputs": fields.described(
            fields.references("component", least=1),
            "The feeds on its inputs 1, 2 (A, B); the component's 'power' in its order unless given.",
        ),
    },
    probe=Later("probes.snmp_ats:probe"),
    check=_check,
)
