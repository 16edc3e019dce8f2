"""How a site file names bare targets and the way out to them, for every probe that asks any host."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from resilience.fields import Field, address, choice, described, host, integer, list_of, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is asked and by which way out; `source` and `interface` "" leave it to the routing table."""

    host: str = ""
    hosts: tuple[str, ...] = ()
    ip: str = ""
    source: str = ""
    interface: str = ""
    quorum: int = 1

    @property
    def all(self) -> tuple[str, ...]:
        return self.hosts or (self.host,)

    @property
    def ip_version(self) -> str:
        """That of the source, else the one wanted, else "" for any."""
        source = literal(self.source)
        return str(source.version) if source else self.ip


@lru_cache(1024)
def literal(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `word` is; None for a name and for ""."""
    try:
        return ipaddress.ip_address(word)
    except ValueError:
        return None


TARGET_FIELDS: Mapping[str, Field[Any]] = {
    "host": described(host(), "The target, where there is one."),
    "hosts": described(list_of(host(), least=1, what="target"), "The targets, where there are several."),
    "quorum": described(integer(1, 1000), "How many targets must answer for the component to be up; 1 unless given."),
    "ip": described(choice("4", "6"), "The IP version a name is resolved to."),
    "source": described(
        address(),
        "The address to send from. It picks the way out only where a routing rule `from` it exists; "
        "name the interface as well where that rule can lose its route.",
    ),
    "interface": described(
        text(pattern=r"[^\s/:]{1,15}", wanted="the name of a network interface"), "The interface to send through."
    ),
}


def check_targets(settings: Targets) -> str | None:
    """The rules over several keys: a message for the file's author, or None."""
    if bool(settings.host) == bool(settings.hosts):
        return "one of 'host' and 'hosts' is wanted"
    if len(set(settings.all)) < len(settings.all):
        return "a target stands twice in 'hosts'"
    if settings.quorum > len(settings.all):
        return f"a quorum of {settings.quorum} cannot be met by {len(settings.all)} targets"
    source = literal(settings.source)
    if source and settings.ip not in ("", str(source.version)):
        return f"'ip' is {settings.ip} and the source is an IPv{source.version} address"
    for target in settings.all:
        found = literal(target)
        if found and (found == source or found.is_unspecified or found.is_multicast):
            return f"'{target}' is not the address of another machine"
        if found and settings.ip_version not in ("", str(found.version)):
            asked = "46".replace(str(found.version), "")
            return f"'{target}' is an IPv{found.version} address, the probe asks by IPv{asked}"
    return None


def check_tls(tls: bool, verify: bool, ca: str) -> str | None:
    """The rules over the keys of TLS: a message for the file's author, or None."""
    if not tls and (ca or not verify):
        return "ca and verify are for TLS; write tls: true"
    if ca and not verify:
        return "ca without verification is read by nobody; leave out one of ca and verify: false"
    return None
