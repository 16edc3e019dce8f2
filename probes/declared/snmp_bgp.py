"""The `snmp-bgp` probe as a site file declares it."""

import ipaddress
from dataclasses import dataclass

from probes.declared.snmp import ACCESS_FIELDS, Access, check_access
from resilience import fields
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Access):
    peers: tuple[str, ...]
    quorum: int = 1


def _check(settings: Settings) -> str | None:
    if len(set(settings.peers)) < len(settings.peers):
        return "a peer stands twice in 'peers'"
    if settings.quorum > len(settings.peers):
        return f"a quorum of {settings.quorum} cannot be met by {len(settings.peers)} peers"
    for peer in settings.peers:
        if ipaddress.ip_address(peer).version == 6:
            return f"'{peer}' is an IPv6 address; BGP4-MIB (RFC 4273) knows IPv4 peers only"
    return check_access(settings)


SNMP_BGP = ProbeType(
    name="snmp-bgp",
    settings=Settings,
    fields={
        **ACCESS_FIELDS,
        "peers": fields.required(
            fields.list_of(fields.address(), least=1, what="peer"), "The IPv4 addresses of the router's BGP peers."
        ),
        "quorum": fields.described(
            fields.integer(1, 1000), "How many sessions must be established for the component to be up; 1 unless given."
        ),
    },
    probe=Later("probes.snmp_bgp:probe"),
    check=_check,
)
