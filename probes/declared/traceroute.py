"""The `traceroute` probe as a site file declares it."""

import ipaddress
from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets
from resilience.fields import described, integer, list_of, network
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceroute(Targets):
    depth: int = 1
    """Public routers, counted from the site, that should be this line's own."""
    hops: int = 15
    own: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()


TRACEROUTE = ProbeType(
    name="traceroute",
    settings=Traceroute,
    fields={
        "host": TARGET_FIELDS["host"],
        "ip": TARGET_FIELDS["ip"],
        "source": TARGET_FIELDS["source"],
        "depth": described(
            integer(1, 8), "How many public routers, from the site on, should be this line's own; 1 unless given."
        ),
        "hops": described(integer(1, 30), "How far it is looked; 15 hops unless given."),
        "own": described(
            list_of(network(), least=1, what="prefix"),
            "Public prefixes of the site itself: routers in them are passed over.",
        ),
    },
    probe=Later("probes.traceroute:probe"),
    check=check_targets,
    interval=86_400_000,
    timeout=60_000,
    confirm=600_000,
    retries=1,
    fall=1,
    rise=1,
    proves=False,
)
