"""The `tcp` probe: whether a connection to a port is accepted. Nothing is sent on it."""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Mapping

from probes.declared.tcp import Tcp
from probes.targets import (
    Address,
    Unresolved,
    by_quorum,
    leave_by,
    not_sent,
    resolve,
    wanted_family,
)
from resilience.duration import spoken
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

# linux/in.h, linux/tcp.h; the first is in Python's socket module from 3.12 on
_IP_BIND_ADDRESS_NO_PORT = 24
_TCP_INFO_RTT = struct.Struct("68xI")
"""tcpi_rtt in microseconds; 0 where the first SYN or its answer was lost and nothing could be measured."""


_ANSWERS: Mapping[int, tuple[Reason, str]] = {
    errno.ECONNREFUSED: (Reason.REFUSED, "the connection is refused: the host answers and nothing listens there"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "the network says that the host is unreachable"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "the network says that the host's network is unreachable"),
    errno.ETIMEDOUT: (Reason.TIMEOUT, "no answer"),
}
"""What the network can say of a connection that was asked for."""


async def probe(settings: Tcp, run: Run) -> Reading:
    readings = await asyncio.gather(*(_ask(target, settings, run) for target in settings.all))
    return by_quorum(dict(zip(settings.all, readings, strict=True)), settings.quorum)


async def _ask(target: str, settings: Tcp, run: Run) -> Reading:
    now = asyncio.get_running_loop().time()
    until = now + run.timeout
    try:
        family, address = await resolve(target, settings.port, wanted_family(settings), now + run.timeout / 2)
    except Unresolved as error:
        return failure(Reason.RESOLVE, str(error))
    where = f"{target} port {settings.port}"
    try:
        async with asyncio.timeout_at(until):
            answer, rtt = await _connect(family, address, settings)
    except TimeoutError:
        return failure(Reason.TIMEOUT, f"{where}: no answer within {spoken(run.timeout * 1000)}", says=State.DOWN)
    except OSError as error:
        return not_sent(where, settings, error)
    if answer:
        reason, text = _ANSWERS.get(answer, (Reason.UNREACHABLE, os.strerror(answer)))
        return failure(reason, f"{where}: {text}", says=State.DOWN)
    seen = (Observation("wan_rtt_seconds", rtt, "s", "TCP handshake", target),) if rtt else ()
    return Reading(State.UP, observations=seen)


async def _connect(family: socket.AddressFamily, address: Address, settings: Tcp) -> tuple[int, float]:
    """The network's answer (0, or an errno) and the handshake's round trip in seconds, 0 where not measured.

    Raises OSError where the connection could not even be asked for.
    """
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        if family == socket.AF_INET:
            # Else a source address has its few ports once for all destinations, TIME_WAIT included.
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        leave_by(sock, settings.source, settings.interface)
        answer = sock.connect_ex(address)
        if answer == errno.EINPROGRESS:
            answer = await _answer(sock)
        elif answer not in (0, errno.ECONNREFUSED):  # loopback refuses at once, anything else is our own fault
            raise OSError(answer, os.strerror(answer))
        if answer:
            return answer, 0.0
        tcp_info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RTT.size)
        return 0, _TCP_INFO_RTT.unpack(tcp_info)[0] / 1e6


async def _answer(sock: socket.socket) -> int:
    loop, settled = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(sock, settled.set)
    try:
        await settled.wait()
    finally:
        loop.remove_writer(sock)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
