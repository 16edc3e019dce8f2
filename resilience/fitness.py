"""Whether the monitor itself is fit to judge: a blocked event loop, a clock that is wrong, no local network, no room.

While it is not, a failed reading says nothing about the thing it was to read. One watch task; what it
concludes is asked for by the runner of the probes.
"""

import asyncio
import ctypes
import math
import time
from collections.abc import Callable
from pathlib import Path

BEAT = 0.25
"""Seconds between two looks."""
LAG = 0.75
"""Seconds the loop may be late. Timeouts and retransmissions of seconds are wrong beyond it."""
STEP = 5.0
"""Seconds by which wall clock and monotonic clock may part between two looks."""
TOLD_ALONE = frozenset({"overload", "clock_unsynchronised"})
"""Reasons that are told and take nothing from the other readings."""
INTERFACES = Path("/sys/class/net")
_STA_UNSYNC = 0x0040  # linux/timex.h


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


class _Timex(ctypes.Structure):
    """struct timex as far as `status`, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def clock_synchronised() -> bool:
    """Whether the kernel takes its clock for synchronised, by adjtimex(2), which changes nothing here."""
    asked = _Timex()
    return ctypes.CDLL(None).adjtimex(ctypes.byref(asked)) >= 0 and not asked.status & _STA_UNSYNC


class Fitness:
    """What has been wrong with the monitor lately. `reasons` are the labels of the impairment metric.

    A clock that is no longer synchronised is told and changes no reading: what a probe waits for is measured by
    another clock. One that never was is not told: under many hypervisors the kernel does not know.
    """

    def __init__(self, interfaces: Path = INTERFACES, synchronised: Callable[[], bool] = clock_synchronised) -> None:
        self.lag = 0.0
        """Seconds the loop was late at the last look."""
        self._interfaces = interfaces
        self._unfit_at: dict[str, float] = {}
        self._overloaded_at = -math.inf
        self._network_lost = False
        self._synchronised = synchronised
        self._clock_kept = False
        self._clock_lost = False
        self._looked_at: float | None = None

    async def watch(self) -> None:
        """Looks until cancelled."""
        expected, wall = time.monotonic(), time.time()
        self._looked_at = expected
        while True:
            await asyncio.sleep(BEAT)
            now, now_wall = time.monotonic(), time.time()
            self.note(late=now - expected - BEAT, stepped=abs((now_wall - wall) - (now - expected)), at=now)
            self.look(now)
            expected, wall = now, now_wall
            self._looked_at = now

    def note(self, *, late: float, stepped: float, at: float) -> None:
        """One look at monotonic moment `at`: how late it came and how far the clocks have parted."""
        self.lag = max(0.0, late)
        if late > LAG:
            self._unfit_at["loop_lag"] = at
        if stepped > STEP:
            self._unfit_at["clock"] = at

    def look(self, at: float) -> None:
        """One look around at monotonic moment `at`."""
        self._network_lost = network_lost(self._interfaces)
        if self._network_lost:
            self._unfit_at["no_network"] = at  # what was asked meanwhile may end when it is back
        kept = self._synchronised()
        self._clock_kept |= kept
        self._clock_lost = self._clock_kept and not kept

    def overloaded(self, at: float) -> None:
        """A probe could not ask, or its answer may have found no room. That reading says so itself; others stand."""
        self._overloaded_at = at

    def unfit_since(self, start: float) -> str:
        """Why a failure of something begun at monotonic moment `start` says nothing; empty where it does."""
        for reason, at in self._unfit_at.items():
            if at >= start:
                return reason
        if self._looked_at is not None and time.monotonic() - self._looked_at > BEAT + LAG:
            return "loop_lag"  # the watch itself has not had its turn yet
        return "no_network" if self._network_lost else ""

    def judges(self, now: float) -> bool:
        """Whether nothing lately took the meaning from all failures together."""
        return not self.reasons(now) - TOLD_ALONE

    def reasons(self, now: float, memory: float = 60.0) -> frozenset[str]:
        """What is wrong now, or was within `memory` seconds."""
        moments = {**self._unfit_at, "overload": self._overloaded_at}
        lately = {reason for reason, at in moments.items() if now - at < memory}
        standing = {"no_network": self._network_lost, "clock_unsynchronised": self._clock_lost}
        return frozenset(lately.union(reason for reason, stands in standing.items() if stands))
