"""A bound on how much begins at once, which waiting for the silent does not use up.

What is asked together is answered together, and answers that find the receive buffer full look like an outage. Only
what was just asked can do that: whoever has been silent for longer than `HELD` no longer counts. Else those that are
dead, which wait longest, would hold every place and keep the living waiting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HELD = 0.1
"""Seconds. With 200 places 2,000 a second may begin however many are dead; most answers come sooner."""


class Burst:
    """`at_once` places. Each is held until its holder is done, and for no longer than `held` seconds."""

    def __init__(self, at_once: int, held: float = HELD) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._held = held

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place, in order of asking; the block may go on after the place is another's."""
        await self._free.acquire()
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._free.release()

        later = asyncio.get_running_loop().call_later(self._held, give_back)
        try:
            yield
        finally:
            later.cancel()
            give_back()
