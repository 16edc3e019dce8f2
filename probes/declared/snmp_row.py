"""How a site file says which thing of an SNMP agent is meant, where the agent has several."""

from dataclasses import dataclass

from probes.declared.snmp import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Access):
    """Which thing of which agent: `row` by name, index or printed number, "" where there is one; `family` if told."""

    row: str = ""
    family: str = ""
