"""The probes: what a file may say of one in `probes.declared`, what talks to the device in a module of its name.

Adding one takes a line here (CONTRIBUTING.md). A type is imported when a file names it.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from resilience.probing import ProbeType

BUILT_IN: Mapping[str, str] = {
    "icmp": "probes.declared.icmp:ICMP",
    "tcp": "probes.declared.tcp:TCP",
    "dns": "probes.declared.dns:DNS",
    "http": "probes.declared.http:HTTP",
    "certificate": "probes.declared.certificate:CERTIFICATE",
    "egress": "probes.declared.egress:EGRESS",
    "traceroute": "probes.declared.traceroute:TRACEROUTE",
    "nut": "probes.declared.nut:NUT",
    "snmp-ups": "probes.declared.snmp_ups:SNMP_UPS",
    "snmp-line": "probes.declared.snmp_line:SNMP_LINE",
    "snmp-cellular": "probes.declared.snmp_cellular:SNMP_CELLULAR",
    "modemmanager": "probes.declared.modemmanager:MODEMMANAGER",
    "snmp-ats": "probes.declared.snmp_ats:SNMP_ATS",
    "snmp-interface": "probes.declared.snmp_interface:SNMP_INTERFACE",
    "snmp-bgp": "probes.declared.snmp_bgp:SNMP_BGP",
    "snmp-sdwan": "probes.declared.snmp_sdwan:SNMP_SDWAN",
    "snmp-ipsla": "probes.declared.snmp_ipsla:SNMP_IPSLA",
    "generator": "probes.declared.generator:GENERATOR",
    "snmp-sbc": "probes.declared.snmp_sbc:SNMP_SBC",
    "sip-options": "probes.declared.sip_options:SIP_OPTIONS",
    "sip-binding": "probes.declared.sip_binding:SIP_BINDING",
    "asterisk": "probes.declared.asterisk:ASTERISK",
    "freeswitch": "probes.declared.freeswitch:FREESWITCH",
    "kamailio": "probes.declared.kamailio:KAMAILIO",
    "opensips": "probes.declared.opensips:OPENSIPS",
}
"""Every type of ours, and where it is declared."""


class _Registry(Mapping[str, ProbeType]):
    """Imports a type when it is asked for. Strangers are asked only where a name is none of ours."""

    def __init__(self) -> None:
        self._known: dict[str, ProbeType] = {}
        self._offered: Mapping[str, ProbeType] | None = None

    def __getitem__(self, name: str) -> ProbeType:
        if name not in BUILT_IN:
            return self._strangers()[name]
        if name not in self._known:
            module, _, constant = BUILT_IN[name].partition(":")
            self._known[name] = getattr(import_module(module), constant)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        yield from BUILT_IN
        yield from (name for name in self._strangers() if name not in BUILT_IN)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _strangers(self) -> Mapping[str, ProbeType]:
        if self._offered is None:
            from importlib.metadata import entry_points  # noqa: PLC0415  # costs 30 ms, and most files need none

            offered: list[ProbeType] = [entry.load() for entry in entry_points(group="resilience.probes")]
            self._offered = {probe_type.name: probe_type for probe_type in offered}
        return self._offered


def registry() -> Mapping[str, ProbeType]:
    """Every probe type by name: ours, and those that installed packages offer as `resilience.probes`."""
    return _Registry()
