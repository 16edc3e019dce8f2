"""How a site file says which SIP URI is asked, and by which way."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from probes.declared.sip_uri import SipUri, Transport
from probes.declared.targets import literal
from resilience.fields import Field, address, described, flag, scalar, text


class Server(NamedTuple):
    """A DNS server."""

    address: str
    port: int = 53


def parse_server(text: str) -> Server:
    """`192.0.2.53`, `192.0.2.53:5353` or `[2001:db8::53]:5353`; ValueError is a message for a file's author."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)|([0-9a-fA-F:]+))(?::(\d{1,5}))?", text, re.ASCII)
    host = match and (match[1] or match[2] or match[3])
    if not match or not host or not literal(host) or not 1 <= int(match[4] or 53) <= 65_535:
        raise ValueError(f"{text[:80]!r} is not the address of a DNS server, with or without a port")
    return Server(str(ipaddress.ip_address(host)), int(match[4] or 53))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Which SIP URI is asked, and by which way."""

    uri: SipUri
    source: str = ""
    interface: str = ""
    verify: bool = True
    ca: str = ""
    resolver: Server | None = None


WAY_FIELDS: Mapping[str, Field[Any]] = {
    "source": described(address(), "the local address to ask from"),
    "interface": described(
        text(pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", wanted="a network interface"), "the interface to ask from"
    ),
    "verify": described(flag(), "whether the certificate of a TLS target is verified (true)"),
    "ca": described(text(), "a PEM file with the provider's CA, instead of the system's"),
    "resolver": described(
        scalar(parse_server, {"type": "string"}),
        "the DNS server that is asked for the URI's name, as address or address:port, instead of the system's",
    ),
}


def check_way(uri: SipUri, way: Way) -> str | None:
    """The rules over several keys for the way to `uri`: a message for the file's author, or None."""
    may_be_tls = uri.transport is Transport.TLS or not (uri.transport_written or uri.port or literal(uri.host))
    if not may_be_tls and (way.ca or not way.verify):
        return "ca and verify are for TLS targets; write sips: or ;transport=tls"
    if way.ca and not way.verify:
        return "ca without verification is read by nobody; leave out one of ca and verify: false"
    if way.source and (host := literal(uri.host)) and ipaddress.ip_address(way.source).version != host.version:
        return f"source {way.source} and the URI's {uri.host} are of different IP versions"
    return None
