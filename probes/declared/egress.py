"""The `egress` probe as a site file declares it."""

import ipaddress
from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets
from resilience.fields import described, list_of, network, port
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress(Targets):
    port: int = 3478
    expect: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    """The provider's prefixes; () proves that something left, not by whom."""


EGRESS = ProbeType(
    name="egress",
    settings=Egress,
    fields={
        **TARGET_FIELDS,
        "port": described(port(), "The STUN servers' UDP port; 3478 unless given."),
        "expect": described(
            list_of(network(), least=1, what="prefix"),
            "The provider's public prefixes, such as 198.51.100.0/24: an address outside means another way out.",
        ),
    },
    probe=Later("probes.egress:probe"),
    check=check_targets,
    interval=300_000,
    timeout=5_000,
    confirm=15_000,
    retries=0,  # RFC 8489's own retransmissions
    fall=2,
    rise=2,
)
