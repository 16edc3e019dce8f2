"""The `snmp-cellular` probe: whether a router's modem has a SIM, a network and a signal.

What may live here: the probe. The MIBs are data in `probes.cellular_families`, the judgement is `probes.cellular`.
"""

from collections.abc import Mapping

from probes.cellular import judge
from probes.cellular_families import FAMILIES, REFUSED
from probes.declared.snmp_cellular import Settings
from probes.snmp import Value
from probes.snmp_rows import Row, decode
from probes.snmp_search import Makes, read
from probes.snmp_tables import Family
from resilience.probing import Run
from resilience.reading import Reading

MODEMS = Makes(FAMILIES, REFUSED)


async def probe(settings: Settings, run: Run) -> Reading:
    def judged(family: Family, row: Row, found: Mapping[str, Value]) -> Reading:
        told = decode(family, row.index, found)
        return judge(told, roaming=settings.roaming, least_rsrp=settings.least_rsrp)

    return await read(settings, MODEMS, run, judged)
