"""A bound on how much begins at once, which waiting for the silent does not use up.

What is asked together is answered together, and answers that find the receive buffer full look like an outage. Only
what was just asked can do that: whoever has been silent for longer than `HELD` no longer counts. Else those that are
dead, which wait longest, would hold every place and keep the living waiting.

While the event loop is late it has more to do than it can: then a place is held until its holder is done.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HELD = 0.1
"""Seconds. With 200 places 2,000 a second may begin however many are dead; most answers come sooner."""

LATE = 0.5
"""Share of `HELD` by which the loop may be late, and still has time to begin more."""


class Burst:
    """`at_once` places. Each is held until its holder is done, and for no longer than `held` seconds."""

    def __init__(self, at_once: int, held: float = HELD) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._held = held

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place, in order of asking; the block may go on after the place is another's."""
        await self._free.acquire()
        place = _Place(self._free, self._held)
        try:
            yield
        finally:
            place.leave()


class _Place:
    def __init__(self, free: asyncio.Semaphore, held: float) -> None:
        self._free, self._held, self._left = free, held, False
        self._wait()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._later = loop.call_at(loop.time() + self._held, self._silent, loop.time())

    def _silent(self, since: float) -> None:
        if asyncio.get_running_loop().time() - since < self._held * (1 + LATE):
            self.leave()
        else:
            self._wait()

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._later.cancel()
            self._free.release()
