"""Writes down what happens at sites under drill, as the monitor's snapshots show it."""

from collections.abc import Callable
from datetime import UTC, datetime

from resilience.drills.record import Entry, Prediction, Running, Watched, entries, predicted
from resilience.drills.rehearsal import rehearse
from resilience.snapshot import Snapshot


class Follower:
    """Belongs to one monitor, which tells it of every snapshot. What it hands on is written elsewhere."""

    def __init__(
        self,
        vantage: str,
        begin: Callable[[int, Prediction], object],
        happened: Callable[[int, Entry], object],
    ) -> None:
        """`begin` is told what was predicted, once a drill; `happened` everything after that."""
        self._vantage = vantage
        self._begin = begin
        self._happened = happened
        self._watched: dict[str, tuple[int, Watched]] = {}
        """By site: the drill under way, and what was last written down of it."""

    def took(self, taken: Snapshot, running: Running | None) -> None:
        """A new snapshot of a site at which `running` is under way, if anything is."""
        now = taken.now
        if running is None:
            self._watched.pop(taken.site.id, None)
            return
        if now is None or running.vantage not in ("", self._vantage):
            return
        if taken.site.watched_by != self._vantage:
            return  # a witness sees the site from elsewhere
        number, before = self._watched.get(taken.site.id, (running.id, running.watched))
        before = before if number == running.id else running.watched
        if before is None:
            today = datetime.fromtimestamp(taken.at, UTC).date()
            rehearsal = rehearse(taken.site, running.drill, taken.live.bounds, today)
            self._begin(running.id, predicted(rehearsal, taken.live, now))
            before = Watched()
        found, watched = entries(before, taken.live, now)
        self._watched[taken.site.id] = (running.id, watched)
        for entry in found:
            self._happened(running.id, entry)
