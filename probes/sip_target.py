"""Where SIP requests go and leave from: one target, local address, interface. Nothing is sent here."""

import socket
from dataclasses import dataclass

from probes.declared.sip_uri import Transport, bracketed


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
