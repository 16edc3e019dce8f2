"""The `dns` probe as a site file declares it."""

import ipaddress
from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets
from resilience.fields import choice, described, host, list_of, port, required, span, text
from resilience.probing import Later, ProbeType

RECORDS = ("A", "AAAA", "SRV", "NAPTR", "CNAME", "MX", "NS", "PTR", "SOA", "TXT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns(Targets):
    query: str
    record: str = "A"
    port: int = 53
    expect: tuple[str, ...] = ()
    """Addresses and prefixes for A and AAAA, else records as text; () takes any record."""
    slow: float = 1_000
    """Milliseconds."""


def _check(settings: Dns) -> str | None:
    if settings.record in ("A", "AAAA"):
        version = 4 if settings.record == "A" else 6
        for wanted in settings.expect:
            try:
                found = ipaddress.ip_network(wanted).version
            except ValueError:
                return (
                    f"expect: '{wanted}' is neither an address nor a prefix, which is what {settings.record} is about"
                )
            if found != version:
                return f"expect: '{wanted}' is of IPv{found}; {settings.record} records are of IPv{version}"
    return check_targets(settings)


DNS = ProbeType(
    name="dns",
    settings=Dns,
    fields={
        **TARGET_FIELDS,
        "query": required(host(), "The name asked for."),
        "record": described(choice(*RECORDS), "The kind of record asked for; A unless given."),
        "port": described(port(), "The servers' port; 53 unless given."),
        "expect": described(
            list_of(text(longest=500), least=1, what="record"),
            "What may be answered: addresses or prefixes for A and AAAA, else records as zone files write them.",
        ),
        "slow": described(span(least=1), "An answer later than this is degraded; 1s unless given."),
    },
    probe=Later("probes.dns:probe"),
    check=_check,
    interval=30_000,
    timeout=2_000,
    confirm=5_000,
    retries=1,
    fall=3,
    rise=3,
)
