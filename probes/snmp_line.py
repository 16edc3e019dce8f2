"""The `snmp-line` probe: whether a telephone line of a gateway is in service.

What may live here: the probe. What the MIBs say is data in `probes.line_families`. Nothing is tested or seized: a
busy line is in service, and the result of a line test counts only where the gateway runs it by itself.
"""

from collections.abc import Mapping

from probes.declared.snmp_line import Settings
from probes.line_families import FAMILIES, REFUSED
from probes.snmp import Value
from probes.snmp_rows import Row, Told, decode, spoken_values, verdict
from probes.snmp_search import Makes, read
from probes.snmp_tables import Family
from resilience.probing import Run
from resilience.reading import Observation, Reading, State

LINES = Makes(FAMILIES, REFUSED)


def judge(told: Told, row: Row) -> Reading:
    """The reading that what the gateway told of the line amounts to."""
    state, text = verdict(told, ())
    observations = (*told.figures, *spoken_values(told))
    if state is not State.UNKNOWN:
        said = ", ".join(map(str, told.heard))
        observations = (Observation("line_in_service", float(state.works), text=said), *observations)
    return Reading(state, None, f"{row}: {text}" if text else "", observations)


async def probe(settings: Settings, run: Run) -> Reading:
    def judged(family: Family, row: Row, found: Mapping[str, Value]) -> Reading:
        return judge(decode(family, row.index, found, trust_tests=settings.tests_itself), row)

    return await read(settings, LINES, run, judged)
