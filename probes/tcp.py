"""The `tcp` probe: whether a connection to a port is accepted. Nothing is sent on it."""

import socket
import struct

from probes.asking import ask_each
from probes.declared.tcp import Tcp
from probes.stream import connect
from probes.targets import Address
from resilience.probing import Run
from resilience.reading import Observation, Reading, State

_TCP_INFO_RTT = struct.Struct("68xI")
"""tcpi_rtt of linux/tcp.h in microseconds; 0 where the first SYN or its answer was lost and nothing could be
measured."""


async def probe(settings: Tcp, run: Run) -> Reading:
    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        with await connect(family, address, settings) as sock:
            tcp_info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RTT.size)
        rtt = _TCP_INFO_RTT.unpack(tcp_info)[0] / 1e6
        seen = (Observation("wan_rtt_seconds", rtt, "s", "TCP handshake", target),) if rtt else ()
        return Reading(State.UP, observations=seen)

    return await ask_each(settings, settings.port, run, ask)
