"""The kernel's buffers of one datagram socket: room for bursts, whether it dropped what came, how long it lay there.

Linux socket(7). What a silence is worth while a buffer was full is said by whoever asked.
"""

import socket
import struct
import time
from collections.abc import Iterable

ROOM = 8 << 20
"""Bytes asked for. With the usual 208 KiB a burst of 500 answers lost 5 to 17 of 100; and what is sent to 200 dead
hosts of one's own network fills as much for three seconds, while the kernel asks who has their address."""

# asm-generic/socket.h, linux/sock_diag.h; not in Python's socket module
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 32, 33, 35
_SO_MEMINFO, _MEMINFO, _MEMINFO_DROPS = 55, struct.Struct("9I"), 8
_TIMESPEC = struct.Struct("@ll")


def enlarge(sock: socket.socket) -> None:
    """`ROOM` both ways with CAP_NET_ADMIN, else as much as net.core.rmem_max and wmem_max allow."""
    for forced, usual in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, ROOM)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, usual, ROOM)


def dropped(sock: socket.socket) -> int:
    """Datagrams dropped so far because the receive buffer was full."""
    counters = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    return int(_MEMINFO.unpack(counters)[_MEMINFO_DROPS])


def stamp(sock: socket.socket) -> None:
    """The kernel's time of arrival comes with each datagram."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def waited(ancillary: Iterable[tuple[int, int, bytes]]) -> float:
    """Seconds a packet lay in the receive buffer, so that a busy event loop is not taken for a slow network.

    The kernel stamps by wall clock.
    """
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return time.time() - float(seconds) - float(nanoseconds) / 1e9
    return 0.0
