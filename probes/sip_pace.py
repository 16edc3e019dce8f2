"""What a destination is owed, fleet-wide: few requests a second, and quiet for as long as it asked for quiet.

No socket and no clock: moments are seconds of one monotonic clock, passed in.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from resilience.reading import Reading

LONGEST_QUIET = 600.0
"""Seconds. A hostile or broken peer cannot blind the monitor for longer than this with one Retry-After."""
_PRUNE_ABOVE = 4_096


@dataclass(frozen=True, slots=True)
class Quiet:
    """A destination that asked not to be asked until a moment, and the reading that its answer to `method` gave."""

    until: float
    reading: Reading
    method: str = "OPTIONS"


class Pace:
    """The channel all SIP probes share: `per_second` requests to one destination, retransmissions not counted."""

    def __init__(self, per_second: float = 1.0) -> None:
        self._interval = 1 / per_second
        self._next: dict[Hashable, float] = {}
        self._quiet: dict[Hashable, Quiet] = {}

    async def aclose(self) -> None:
        self._next.clear()
        self._quiet.clear()

    def turn(self, destination: Hashable, now: float, latest: float) -> float | None:
        """The moment of the caller's turn, in order of asking; None, and no turn taken, where it is after `latest`."""
        moment = max(now, self._next.get(destination, now))
        if moment > latest:
            return None
        if len(self._next) > _PRUNE_ABOVE:
            self._next = {place: free for place, free in self._next.items() if free > now}
        self._next[destination] = moment + self._interval
        return moment

    def keep_quiet(
        self, destination: Hashable, now: float, seconds: float, reading: Reading, method: str = "OPTIONS"
    ) -> None:
        """Honours a Retry-After of `seconds`, up to LONGEST_QUIET."""
        self._quiet = {place: quiet for place, quiet in self._quiet.items() if quiet.until > now}
        self._quiet[destination] = Quiet(now + min(seconds, LONGEST_QUIET), reading, method)

    def quiet(self, destination: Hashable, now: float) -> Quiet | None:
        """What stands while `destination` is not to be asked, or None where it may be."""
        quiet = self._quiet.get(destination)
        return quiet if quiet and quiet.until > now else None
