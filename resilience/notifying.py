"""Tells people what has opened, what still stands and what is over: for those who run no Alertmanager.

Follows every snapshot in the event loop; a message leaves in a thread, one at a time for each channel, and one that
does not leave is tried again, with what is true then. Grouping of many and silences are Alertmanager's.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prometheus_client import Counter

from resilience import messages
from resilience.config import Channel, Notify
from resilience.finding import Severity
from resilience.notices import Notices, Patience, Told, after_telling, due, followed
from resilience.planned import worked_on
from resilience.snapshot import Snapshot

log = logging.getLogger("resilience.notify")

BEAT = 1.0
"""Seconds between two looks for what is due."""
FIRST_RETRY, LONGEST_RETRY = 5.0, 600.0
MANY = 5
"""Sites beyond which one message tells of all."""


Send = Callable[[str, str, str, Severity], bool]
"""Sends (channel's name, title, body, severity), blocking; whether it left. What it raises counts as "no"."""


@dataclass
class _Line:
    """One channel and what it knows, by site."""

    name: str
    channel: Channel
    notices: dict[str, Notices] = field(default_factory=dict)
    busy: bool = False
    not_before: float = 0.0
    pause: float = FIRST_RETRY


class Notifier:
    """`keep` is told what a channel knows of a site whenever that has changed, `sent` of every message."""

    def __init__(
        self,
        settings: Notify,
        send: Send,
        *,
        counter: Counter | None = None,
        keep: Callable[[str, str, Notices], object] = lambda *_: None,
        sent: Callable[[str, str, str, str, str], object] = lambda *_: None,
    ) -> None:
        self._lines = {name: _Line(name, channel) for name, channel in settings.channels.items()}
        self._send = send
        self._patience = Patience(
            after=settings.after / 1000, settle=settings.settle / 1000, repeat=settings.repeat / 1000
        )
        self._runbooks = settings.runbooks
        self._counter = counter
        self._keep = keep
        self._sent = sent
        self._seen: dict[str, tuple[Snapshot, str]] = {}
        self._threads = ThreadPoolExecutor(max_workers=len(settings.channels), thread_name_prefix="notify")
        self._under_way: set[asyncio.Task[None]] = set()

    def restore(self, known: Mapping[tuple[str, str], Notices]) -> None:
        """What an earlier run had told, by (channel, site)."""
        for (channel, site), notices in known.items():
            if channel in self._lines:
                self._lines[channel].notices[site] = notices

    def took(self, taken: Snapshot, drill: str = "") -> None:
        """A new snapshot of a site at which `drill` is under way, if any is. Before its first round nothing is told."""
        if taken.now is None:
            return
        site = taken.site
        self._seen[site.id] = (taken, drill)
        for line in self._lines.values():
            if line.channel.owners and site.owner.team not in line.channel.owners:
                continue
            wanted = [f for f in taken.findings if _at_least(f.severity, line.channel.severity)]
            self._know(line, site.id, followed(line.notices.get(site.id, {}), wanted, taken.at))

    def forget(self, site: str) -> None:
        """A site is no longer watched: nobody is told of it any more."""
        self._seen.pop(site, None)
        for line in self._lines.values():
            if site in line.notices:
                self._know(line, site, {})

    def _know(self, line: _Line, site: str, notices: Notices) -> None:
        before = line.notices.get(site, {})
        line.notices[site] = notices
        if _marks(before) != _marks(notices):
            self._keep(line.name, site, notices)

    async def run(self) -> None:
        """Tells until cancelled."""
        while True:
            self.tell(time.time())
            await asyncio.sleep(BEAT)

    def tell(self, now: float) -> None:
        """Starts what is due at `now`."""
        for line in self._lines.values():
            # What is further away than it can be was set before the clock was set back.
            if line.busy or now < line.not_before <= now + LONGEST_RETRY:
                continue
            waiting = [
                (taken, told, drill)
                for site, (taken, drill) in self._seen.items()
                if (told := due(line.notices.get(site, {}), now, self._patience, worked_on(taken.site, now)))
            ]
            if waiting:
                waiting.sort(key=lambda one: ([*Severity].index(one[1].worst), one[0].site.id))
                line.busy = True
                task = asyncio.create_task(self._deliver(line, waiting if len(waiting) > MANY else waiting[:1]))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _deliver(self, line: _Line, waiting: list[tuple[Snapshot, Told, str]]) -> None:
        try:
            told = await self._told(line, waiting)
        except Exception:  # a fault of ours: told twice is better than never again
            log.exception("a message to channel %s failed by a fault of our own", line.name)
            told = False
        if told:
            line.pause = FIRST_RETRY
        else:
            log.error("channel %s did not take a message; again in %.0f s", line.name, line.pause)
            line.not_before = time.time() + line.pause
            line.pause = min(line.pause * 2, LONGEST_RETRY)
        line.busy = False

    async def _told(self, line: _Line, waiting: list[tuple[Snapshot, Told, str]]) -> bool:
        if len(waiting) > 1:
            title, body = messages.digest(waiting, runbooks=self._runbooks)
        else:
            ((taken, told, drill),) = waiting
            title = messages.title(taken, told, drill=drill)
            body = messages.body(taken, told, drill=drill, runbooks=self._runbooks)
        left = await self._leaves(line.name, title, body, waiting[0][1].worst)
        now, outcome = time.time(), "sent" if left else "failed"
        if self._counter is not None:
            self._counter.labels(line.name, outcome).inc()
        self._sent(line.name, waiting[0][0].site.id if len(waiting) == 1 else "", outcome, title, body)
        for taken, told, _ in waiting if left else ():
            known = line.notices.get(taken.site.id, {})
            self._know(line, taken.site.id, after_telling(known, told, now))
        return left

    async def _leaves(self, channel: str, title: str, body: str, severity: Severity) -> bool:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._send, channel, title, body, severity)
        except Exception as error:  # noqa: BLE001  # whatever a service's plug-in does, the others are told
            # Its words are not repeated: they may hold the channel's URL.
            log.error("channel %s failed by a fault of its own: %s", channel, type(error).__name__)
            return False

    async def aclose(self) -> None:
        """What is under way is given a moment."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=5)
        self._threads.shutdown(wait=False, cancel_futures=True)


def _at_least(severity: Severity, least: Severity) -> bool:
    order = [*Severity]
    return order.index(severity) <= order.index(least)


def _marks(notices: Notices) -> set[tuple[object, ...]]:
    """What of them must outlive a restart; a text that only counts minutes down need not."""
    return {(notice.key, notice.opened, notice.told, notice.gone) for notice in notices.values()}
