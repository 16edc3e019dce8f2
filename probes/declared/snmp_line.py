"""The `snmp-line` probe as a site file declares it."""

from dataclasses import dataclass
from typing import Any

from probes.declared.snmp import ACCESS_FIELDS, check_access
from probes.declared.snmp_row import Wanted
from probes.line_families import FAMILIES
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Wanted):
    tests_itself: bool = False
    """The gateway runs its line test on a schedule, so its last result says what is true."""


def settings(*, port: str = "", udp_port: int = 161, **others: Any) -> Settings:
    """In a file `port` is the line's: it is what people plug a line into."""
    return Settings(row=port, port=udp_port, **others)


SNMP_LINE = ProbeType(
    name="snmp-line",
    settings=settings,
    fields={
        **{key: known for key, known in ACCESS_FIELDS.items() if key != "port"},
        "udp-port": fields.described(fields.port(), "UDP port of the agent; 161 unless given."),
        "port": fields.described(
            fields.text(longest=64), "The line: a port's number as printed, its name, or its ifIndex."
        ),
        "family": fields.described(fields.choice(*FAMILIES), "The MIB it speaks, where it is not to be found out."),
        "tests-itself": fields.described(
            fields.flag(), "Whether the gateway runs its line test on a schedule, so that the last result counts."
        ),
    },
    probe=Later("probes.snmp_line:probe"),
    check=check_access,
)
