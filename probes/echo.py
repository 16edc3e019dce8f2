"""ICMP echo on sockets: one for each family, source and interface, shared by all targets.

What may live here: sockets, their options and buffers, the pace of sending. Linux raw(7) and icmp(7). Messages
are in `probes.icmp_message`, the matching of replies in `probes.echo_requests`.
"""

import asyncio
import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from probes.buffers import dropped, enlarge, stamp, waited
from probes.echo_requests import InFlight, Request, Window
from probes.icmp_message import PROTOCOL, TYPES_READ, NotEcho, without_ip_header
from probes.targets import Address, leave_by


class NotPermitted(OSError):
    """This process may open no ICMP socket of any kind."""


_RATE = 10_000
"""Requests a second. Replies to 50 ms of them fit a receive buffer of the default size (212,992 octets,
doubled by the kernel, some 800 a packet), those to 1.5 s of them the size asked for."""
_READ_AT_ONCE = 2 * _RATE
"""More than the replies to two seconds: a loop that lagged hears them all before it looks at the time, and a
flood cannot keep it."""

# linux/icmp.h, linux/icmpv6.h, asm-generic/socket.h; not in Python's socket module
_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1


class EchoChannel:
    """One socket for all targets that are reached by the same family, source and interface.

    Raw where that is permitted, else the unprivileged ICMP socket of net.ipv4.ping_group_range, which hears
    no errors. Opened with the first window; what cannot be opened now is tried again with the next.
    """

    def __init__(self, family: socket.AddressFamily, source: str = "", interface: str = "") -> None:
        self._family = family
        self._source = source
        self._interface = interface
        self._socket: socket.socket | None = None
        self._in_flight = InFlight(family, 0)
        self._next_turn = 0.0

    async def window(self, address: Address, *, count: int, spacing: float, until: float) -> Window:
        """Send `count` requests `spacing` seconds apart and hear replies until all are in or `until` (loop time).

        Requests leave in the first half of that time, so that each has the other half to be answered; one
        whose turn comes later is not sent.
        """
        now = asyncio.get_running_loop().time()
        half, spacing = (now + until) / 2, min(spacing, (until - now) / 2 / count)
        replied, requests, error = asyncio.Event(), list[Request](), None
        dropped = self._dropped()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(half):
                    for n in range(count):
                        if n:
                            await asyncio.sleep(spacing)
                        await self._turn()
                        try:
                            requests.append(self._send(address, replied.set))
                        except OSError as fault:
                            error = fault
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    while any(asked.rtt is None for asked in requests):
                        await replied.wait()
                        replied.clear()
        finally:
            self._in_flight.forget(requests)
        return Window(
            count,
            len(requests),
            tuple(asked.rtt for asked in requests if asked.rtt is not None),
            next((asked.said for asked in requests if asked.said and asked.rtt is None), ""),
            error,
            self._dropped() != dropped,
        )

    async def aclose(self) -> None:
        self._close()

    async def _turn(self) -> None:
        """Wait until one more request keeps to the rate."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turn)
        self._next_turn = turn + 1 / _RATE
        if turn > now:
            await asyncio.sleep(turn - now)

    def _send(self, address: Address, replied: Callable[[], None]) -> Request:
        sock = self._opened()
        asked = self._in_flight.add(address[0], time.perf_counter(), replied)
        try:
            sock.sendto(asked.packet, address)
        except OSError:
            self._in_flight.forget([asked])
            raise
        return asked

    def _read(self, sock: socket.socket, ip_header: bool) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                packet, ancillary, _, sender = sock.recvmsg(2048, 128)
            except BlockingIOError:
                return
            # In this order: a pause between the clocks must not make the wait longer than the round trip.
            delay = waited(ancillary)
            now = time.perf_counter()
            with suppress(NotEcho):
                message = without_ip_header(packet) if ip_header else packet
                self._in_flight.hear(message, sender[0], now, delay)

    def _opened(self) -> socket.socket:
        if self._socket is not None and self._bound():
            return self._socket
        self._close()
        sock = _icmp_socket(self._family)
        try:
            leave_by(sock, self._source, self._interface)
            raw = sock.type == socket.SOCK_RAW
            if not raw and not self._source:
                sock.bind(("", 0))  # the kernel chooses the identifier
            identifier = secrets.randbelow(1 << 16) if raw else sock.getsockname()[1]
            _prepare(sock, self._family)
        except OSError:
            sock.close()
            raise
        self._socket, self._in_flight = sock, InFlight(self._family, identifier)
        asyncio.get_running_loop().add_reader(sock, self._read, sock, raw and self._family == socket.AF_INET)
        return sock

    def _bound(self) -> bool:
        """False where the interface went away: one that came back by the same name is another to the kernel."""
        if self._socket is None or not self._interface:
            return True
        try:
            name: bytes = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
        except OSError:
            return False
        return name.rstrip(b"\0") == self._interface.encode()

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _dropped(self) -> int:
        return 0 if self._socket is None else dropped(self._socket)


def permitted() -> bool:
    """Whether this process can open an ICMP socket for IPv4, raw or unprivileged; False whatever the cause."""
    try:
        _icmp_socket(socket.AF_INET).close()
    except OSError:
        return False
    return True


def _icmp_socket(family: socket.AddressFamily) -> socket.socket:
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        with suppress(PermissionError):
            return socket.socket(family, kind | socket.SOCK_NONBLOCK, PROTOCOL[family])
    raise NotPermitted(errno.EACCES, "neither raw nor unprivileged ICMP sockets are permitted")


def _prepare(sock: socket.socket, family: socket.AddressFamily) -> None:
    """Room for bursts, the kernel's time of arrival, and on raw sockets only the types that `parse` reads."""
    enlarge(sock)
    stamp(sock)
    if sock.type == socket.SOCK_RAW:
        blocked = (1 << 256) - 1 - sum(1 << kind for kind in TYPES_READ[family])
        words = struct.pack("=8I", *(blocked >> 32 * n & 0xFFFFFFFF for n in range(8)))
        if family == socket.AF_INET:
            sock.setsockopt(_SOL_RAW, _ICMP_FILTER, words[:4])
        else:
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, words)
