"""The `snmp-interface` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType

_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}


def _bits(written: str) -> float:
    return float(written[:-1]) * _UNITS[written[-1]]


def rate() -> fields.Field[float]:
    """Bits a second, written `50M`."""
    wanted = "a rate in bits a second, such as 50M, 1.5M or 1G"
    return fields.mapped(fields.text(pattern=r"\d{1,4}(\.\d{1,3})?[kMG]", wanted=wanted), _bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    if_name: str = ""
    if_alias: str = ""
    if_index: int = 0
    capacity: float = 0.0
    """Bits a second, 0 where it is not declared."""
    capacity_out: float = 0.0
    """The same of what the interface sends, 0 where it is that of `capacity`."""
    congested: float = 0.9


def _check(settings: Settings) -> str | None:
    if sum(map(bool, (settings.if_name, settings.if_alias, settings.if_index))) != 1:
        return "one of 'if-name', 'if-alias' and 'if-index' says which interface is meant"
    if settings.capacity_out and not settings.capacity:
        return "'capacity-out' is beside a 'capacity', which is that of what comes in"
    return check_access(settings)


SNMP_INTERFACE = ProbeType(
    name="snmp-interface",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "if-name": fields.described(
            fields.text(longest=255), "The interface's ifName, or its ifDescr; its index may change at a restart."
        ),
        "if-alias": fields.described(fields.text(longest=255), "Its ifAlias: the description that people gave it."),
        "if-index": fields.described(fields.integer(1, 2**31 - 1), "Its ifIndex, where it has no name."),
        "capacity": fields.described(rate(), "What the line carries, such as 50M; the interface's speed unless given."),
        "capacity-out": fields.described(rate(), "The same for what the interface sends, where that is another rate."),
        "congested": fields.described(
            fields.decimal(0.1, 1), "The share of the capacity from which the line is degraded; 0.9 unless given."
        ),
    },
    probe=Later("probes.snmp_interface:probe"),
    check=_check,
)
