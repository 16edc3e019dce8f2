"""`resilience simulate NAME`: one simulated device, until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from typing import Protocol

from resilience.simulate.devices import battery, rfc1628
from resilience.simulate.sip import SipSimulator
from resilience.simulate.snmp import SnmpAgentSimulator
from resilience.simulate.tcp import PortSimulator
from resilience.simulate.upsd import UpsdSimulator


class Simulator(Protocol):
    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int: ...

    async def aclose(self) -> None: ...


SIMULATORS: dict[str, tuple[Callable[[], Simulator], str]] = {
    "upsd": (
        lambda: UpsdSimulator({"ups": battery(23 * 60)}),
        "{{type: nut, host: 127.0.0.1, port: {port}, ups: ups}}",
    ),
    "snmp": (
        lambda: SnmpAgentSimulator(rfc1628(23), "public"),
        "{{type: snmp-ups, host: 127.0.0.1, port: {port}, community: public}}",
    ),
    "sip": (SipSimulator, '{{type: sip-options, uri: "sip:127.0.0.1:{port}"}}'),
    "tcp": (PortSimulator, "{{type: tcp, host: 127.0.0.1, port: {port}}}"),
}
"""What each simulates, and the probe that reads it, for a site file."""


async def serve(name: str, port: int, say: Callable[[str], None]) -> None:
    """Runs the simulator `name` on loopback until SIGINT or SIGTERM. OSError where it cannot listen."""
    make, declared = SIMULATORS[name]
    simulator = make()
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    say(f"probes: [{declared.format(port=await simulator.start(port=port))}]")
    try:
        await stop.wait()
    finally:
        await simulator.aclose()
