"""Where SIP requests go and leave from: the targets of a URI, local address, interface. Nothing is sent here."""

import asyncio
import socket
from dataclasses import dataclass

from probes.sip import SipUri, Transport, bracketed

MOST_TARGETS = 16
"""Addresses asked for one URI: a name with more is a mistake or an attack."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place a URI leads to. `host` is numeric."""

    transport: Transport
    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}/{self.transport}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where requests leave from: a local address, a network interface, both, or as the system routes."""

    address: str = ""
    interface: str = ""

    def open(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """A non-blocking socket bound to this source; OSError where that cannot be."""
        opened = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        try:
            if self.interface:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
            if self.address:
                opened.bind((self.address, 0))
        except OSError:
            opened.close()
            raise
        return opened

    def towards(self, target: Target) -> str:
        """The local address that requests to `target` leave from; OSError where there is no route. Sends nothing."""
        with self.open(target.family, socket.SOCK_DGRAM) as unsent:
            unsent.connect((target.host, target.port))
            return str(unsent.getsockname()[0])


async def targets(uri: SipUri, source: Source) -> tuple[Target, ...]:
    """Every place to ask for `uri`, in the resolver's order; OSError where the name leads nowhere.

    An address, or a name by A and AAAA (RFC 3263 §4.2); NAPTR and SRV records (§4.1) belong here, for names
    without port. A family that `source` has not, or that this machine has no route for, is left out of a name
    that has another.
    """
    family = socket.AF_UNSPEC
    if source.address:
        family = socket.AF_INET6 if ":" in source.address else socket.AF_INET
    port = uri.port or uri.transport.default_port
    found = await asyncio.get_running_loop().getaddrinfo(uri.host, port, family=family, type=socket.SOCK_DGRAM)
    every = tuple(dict.fromkeys(Target(uri.transport, str(entry[4][0]), port) for entry in found))[:MOST_TARGETS]
    return tuple(target for target in every if _routed(target, source)) or every


def _routed(target: Target, source: Source) -> bool:
    try:
        source.towards(target)
    except OSError:
        return False
    return True
