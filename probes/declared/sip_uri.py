"""SIP targets as site files name them: a URI to its parts, or why it is refused."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from probes.emergency import permitted


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"

    @property
    def default_port(self) -> int:
        return 5061 if self is Transport.TLS else 5060


@dataclass(frozen=True, slots=True)
class SipUri:
    """A declared target: `scheme` sip or sips, `host` without brackets; `port` 0 where none is written."""

    scheme: str
    host: str
    transport: Transport = Transport.UDP
    port: int = 0
    user: str = ""
    transport_written: bool = False

    @property
    def address_of_record(self) -> str:
        """Without port and transport, which a To header may not carry (RFC 3261 §19.1.1, table 1)."""
        return f"{self.scheme}:{self.user}{'@' if self.user else ''}{bracketed(self.host)}"

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        transport = f";transport={self.transport}" if self.transport_written else ""
        return f"{self.address_of_record}{port}{transport}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[A-Za-z0-9\-_.!~*'()&=+$,;/%:]+)@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)"
    r"(?::(?P<port>\d{1,5}))?(?P<parameters>(?:;[^;]*)*)",
    re.ASCII | re.IGNORECASE,
)


def parse_uri(text: str) -> SipUri:
    """The target `text` names; ValueError is a message for the author of a site file."""
    match = _URI.fullmatch(text)
    if match is None or len(text) > 300:
        raise ValueError(f"{text[:80]!r} is not a SIP URI; write it as sip:sbc.carrier.example;transport=tls")
    if ":" in (match["user"] or ""):
        raise ValueError("a SIP URI with a password in it is refused; OPTIONS needs none")
    permitted(text)
    port = int(match["port"] or 0)
    if match["port"] and not 1 <= port <= 65535:
        raise ValueError(f"{match['port']} is not a port from 1 to 65535")
    scheme = match["scheme"].lower()
    written = _transport(match["parameters"])
    if scheme == "sips" and written is Transport.UDP:
        raise ValueError("sips: runs over TLS, not over UDP")
    return SipUri(
        scheme,
        _host(match["host"]),
        Transport.TLS if scheme == "sips" else written or Transport.UDP,
        port,
        match["user"] or "",
        transport_written=written is not None,
    )


def _host(text: str) -> str:
    if text.startswith("["):
        return str(ipaddress.IPv6Address(text[1:-1]))
    return str(ipaddress.IPv4Address(text)) if re.fullmatch(r"[\d.]+", text, re.ASCII) else text.lower()


def _transport(parameters: str) -> Transport | None:
    found = None
    for parameter in filter(None, parameters.split(";")):
        name, _, value = parameter.lower().partition("=")
        if name != "transport" or found or value not in set(Transport):
            raise ValueError(f"';{parameter[:40]}': one ;transport=udp, tcp or tls is all a URI may carry here")
        found = Transport(value)
    return found
