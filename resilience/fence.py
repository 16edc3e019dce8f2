"""The fence: addresses that probes may speak to. Whatever a site file names, nothing leaves for another.

It stands below every probe, at the socket: Python tells an audit hook (PEP 578) of each connect and each datagram
before the kernel does, with the address that is really meant. So it holds after name resolution, for redirects and
referrals, and for the probes of strangers.
"""

import contextvars
import errno
import ipaddress
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
"""Audit events of traffic that leaves, and which of their arguments is the address."""
DNS = 53

_inside: contextvars.ContextVar["_Round | None"] = contextvars.ContextVar("fence", default=None)


class _Round:
    """One execution of a probe. Tasks and callbacks that it starts belong to it; threads by `copy_context`."""

    def __init__(self, fence: "Fence") -> None:
        self.refused: list[str] = []
        self._fence = fence

    def pass_or_raise(self, address: Any) -> None:
        if address is None or isinstance(address, (str, bytes)):
            return  # a socket that is connected already, or one of this machine's file system
        host, port = str(address[0]), address[1] if len(address) > 1 else 0
        if not self._fence.permits(host, port):
            self.refused.append(host)
            raise PermissionError(errno.EPERM, f"{host} is outside probe_networks")


class Fence:
    """Permits the addresses of `networks`, and the name servers of this machine on port 53."""

    def __init__(self, networks: Iterable[Network], resolver: Path = Path("/etc/resolv.conf")) -> None:
        self._networks = tuple(networks)
        self._name_servers = frozenset(_name_servers(resolver))
        _install()

    def permits(self, host: str, port: int) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False  # a name that nobody has resolved
        address = getattr(address, "ipv4_mapped", None) or address
        plain = str(address).partition("%")[0]
        if port == DNS and plain in self._name_servers:
            return True
        return any(address.version == network.version and address in network for network in self._networks)

    @contextmanager
    def around(self) -> Iterator[list[str]]:
        """What is run inside stays inside; gives the addresses that were refused."""
        now = _Round(self)
        token = _inside.set(now)
        try:
            yield now.refused
        finally:
            _inside.reset(token)


def _name_servers(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        word, _, server = line.partition(" ")
        if word == "nameserver":
            yield server.strip().partition("%")[0]


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in EVENTS:
        current = _inside.get()
        if current is not None:
            current.pass_or_raise(args[EVENTS[event]])


_installed: list[bool] = []


def _install() -> None:
    """Once a process, and only where there is a fence: a hook is there for good and hears everything."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
