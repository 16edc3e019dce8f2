"""The `tcp` probe: whether a connection to a port is accepted. Nothing is sent on it."""

import socket
import struct
from dataclasses import dataclass

from probes.asking import ask_each
from probes.stream import connect
from probes.targets import TARGET_FIELDS, Address, Targets, check_targets
from resilience.fields import port, required
from resilience.probing import ProbeType, Run
from resilience.reading import Observation, Reading, State

_TCP_INFO_RTT = struct.Struct("68xI")
"""tcpi_rtt of linux/tcp.h in microseconds; 0 where the first SYN or its answer was lost and nothing could be
measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp(Targets):
    port: int


async def probe(settings: Tcp, run: Run) -> Reading:
    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        with await connect(family, address, settings) as sock:
            tcp_info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_RTT.size)
        rtt = _TCP_INFO_RTT.unpack(tcp_info)[0] / 1e6
        seen = (Observation("wan_rtt_seconds", rtt, "s", "TCP handshake", target),) if rtt else ()
        return Reading(State.UP, observations=seen)

    return await ask_each(settings, settings.port, run, ask)


TCP = ProbeType(
    name="tcp",
    settings=Tcp,
    fields={**TARGET_FIELDS, "port": required(port(), "The TCP port to connect to.")},
    probe=probe,
    check=check_targets,
    interval=30_000,
    timeout=2_000,
    confirm=5_000,
    retries=0,
    fall=3,
    rise=3,
)
