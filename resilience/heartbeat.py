"""A sign of life to a watcher elsewhere: who hears nothing for a while knows that the monitor itself is gone.

Sent only while the monitor is well: one that is alive and cannot judge is no watch.
"""

import asyncio
import http.client
import logging
import urllib.request
from collections.abc import Callable

from prometheus_client import Counter

log = logging.getLogger("resilience.heartbeat")

PATIENCE = 10.0
"""Seconds for one request."""


class Heart:
    """Asks for `url` by GET every `interval` seconds while `well()`."""

    def __init__(self, url: str, interval: float, *, well: Callable[[], bool]) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError("heartbeat.url: not a URL of http or https")
        self._url = url
        self._interval = interval
        self._well = well

    async def run(self, counter: Counter) -> None:
        """Beats until cancelled."""
        was_sent = True
        while True:
            sent = False
            if self._well():
                sent = await asyncio.to_thread(self._beat)
                counter.labels("sent" if sent else "failed").inc()
            else:
                counter.labels("withheld").inc()
            if sent is not was_sent:
                log.warning("the watcher elsewhere hears from us again" if sent else "no heartbeat has left")
            was_sent = sent
            await asyncio.sleep(self._interval)

    def _beat(self) -> bool:
        try:
            with urllib.request.urlopen(self._url, timeout=PATIENCE) as answer:  # noqa: S310  # its scheme was looked at
                answer.read(1024)
                return True
        except (OSError, ValueError, http.client.HTTPException):  # the last for what is no HTTP
            return False  # not told: its words may hold the URL, which is a secret
