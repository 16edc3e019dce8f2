"""Whether the monitor itself is fit to judge: a blocked event loop, a stepped clock, no local network.

While it is not, a failed reading says nothing about the thing it was to read. One watch task; what it
concludes is asked for by the runner of the probes.
"""

import asyncio
import time
from pathlib import Path

BEAT = 0.25
"""Seconds between two looks."""
LAG = 0.75
"""Seconds the loop may be late. Timeouts and retransmissions of seconds are wrong beyond it."""
STEP = 5.0
"""Seconds by which wall clock and monotonic clock may part between two looks."""
INTERFACES = Path("/sys/class/net")


def network_lost(interfaces: Path = INTERFACES) -> bool:
    """Whether there are network interfaces beside the loopback and none of them has a link.

    `operstate` is `unknown` for tunnels and some virtual interfaces that work.
    """
    states = []
    for interface in interfaces.glob("*"):
        if interface.name == "lo":
            continue
        try:
            states.append((interface / "operstate").read_text().strip())
        except OSError:
            continue  # it went away between the listing and the look
    return bool(states) and not any(state in ("up", "unknown") for state in states)


class Fitness:
    """What has been wrong with the monitor lately. `reasons` are the labels of the impairment metric."""

    def __init__(self, interfaces: Path = INTERFACES) -> None:
        self.lag = 0.0
        """Seconds the loop was late at the last look."""
        self._interfaces = interfaces
        self._unfit_at: dict[str, float] = {}
        self._network_lost = False
        self._looked_at: float | None = None

    async def watch(self) -> None:
        """Looks until cancelled."""
        expected, wall = time.monotonic(), time.time()
        self._looked_at = expected
        while True:
            await asyncio.sleep(BEAT)
            now, now_wall = time.monotonic(), time.time()
            self.note(late=now - expected - BEAT, stepped=abs((now_wall - wall) - (now - expected)), at=now)
            self._network_lost = network_lost(self._interfaces)
            expected, wall = now, now_wall
            self._looked_at = now

    def note(self, *, late: float, stepped: float, at: float) -> None:
        """One look at monotonic moment `at`: how late it came and how far the clocks have parted."""
        self.lag = max(0.0, late)
        if late > LAG:
            self._unfit_at["loop_lag"] = at
        if stepped > STEP:
            self._unfit_at["clock"] = at

    def unfit_since(self, start: float) -> str:
        """Why a failure of something begun at monotonic moment `start` says nothing; empty where it does."""
        for reason, at in self._unfit_at.items():
            if at >= start:
                return reason
        if self._looked_at is not None and time.monotonic() - self._looked_at > BEAT + LAG:
            return "loop_lag"  # the watch itself has not had its turn yet
        return "no_network" if self._network_lost else ""

    def reasons(self, now: float, memory: float = 60.0) -> frozenset[str]:
        """What is wrong now, or was within `memory` seconds."""
        lately = {reason for reason, at in self._unfit_at.items() if now - at < memory}
        return frozenset(lately | ({"no_network"} if self._network_lost else set()))
