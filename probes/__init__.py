"""The probes: one module each, one line each in the table below.

A probe is one async function over the settings of its type (see `resilience.probing`). Adding one takes
three steps: write the module, add its line here, write its test.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points

from probes.egress import EGRESS
from probes.icmp import ICMP
from probes.kamailio import KAMAILIO
from probes.nut import NUT
from probes.sip_options import SIP_OPTIONS
from probes.snmp_ups import SNMP_UPS
from probes.tcp import TCP
from resilience.probing import ProbeType

BUILT_IN: tuple[ProbeType, ...] = (ICMP, TCP, EGRESS, NUT, SNMP_UPS, SIP_OPTIONS, KAMAILIO)


def registry() -> Mapping[str, ProbeType]:
    """Every probe type by name: ours, and those that installed packages offer as `resilience.probes`."""
    found = {probe_type.name: probe_type for probe_type in BUILT_IN}
    for entry in entry_points(group="resilience.probes"):
        offered: ProbeType = entry.load()
        found.setdefault(offered.name, offered)
    return found
