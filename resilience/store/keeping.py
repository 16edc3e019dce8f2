"""The keeper: hands what the monitor has seen to the database, in a thread of its own.

The monitor never waits for it. While the database does not take writes they wait in a bounded queue and a sentence
says so; then they are caught up with, in their order. What a site's next assessment needs goes into the same
transaction as the last that was recorded of it, so a kill at any moment loses seconds and repeats nothing.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert

from resilience.drills.record import Entry, Prediction, Record
from resilience.finding import Finding
from resilience.model import Site
from resilience.notices import Notices
from resilience.records import Records
from resilience.snapshot import Snapshot
from resilience.store import tables
from resilience.store.database import Store, StoreRefused, StoreUnavailable
from resilience.store.drilling import Began, DrillRefused, Happened, before, load
from resilience.store.earlier import noticed, remembered
from resilience.store.learning import Learner
from resilience.store.recording import records_of
from resilience.store.remembered import Remembered, States, encoded
from resilience.store.rows import (
    Forgotten,
    Noticed,
    Row,
    Sent,
    away,
    changes,
    finding_rows,
    settle,
    states_of,
    write_all,
)
from resilience.store.upkeep import prune_by_parts

log = logging.getLogger("resilience.store")

MOST_WAITING = 50_000
"""Rows kept while the database is away: some 20 MB. Beyond it the oldest are dropped, and counted."""
AT_ONCE = 500
"""Rows in one transaction."""
SAVED_EVERY = 10.0
"""Seconds between two savings of a site in which nothing changed but the age of its readings."""
SAVED_A_SECOND = 50
"""Savings of such sites a second, all together: each of ten thousand sites is saved less often instead."""
LOOK = 5.0
"""Seconds between two looks for what people have recorded beside the monitor."""
RETRY, LONGEST_RETRY = 1.0, 30.0
STUCK = 30.0
"""Seconds after which a write that is still under way counts as one that fails."""
DAY = 86_400.0
OUR_FAULT = "a fault of the monitor itself; its log has the trace"


@dataclass
class _Known:
    """What is known here of one site. Its values are replaced, never edited: the thread may read them."""

    states: States = field(default_factory=dict)
    findings: Mapping[tuple[str, str], Finding] = field(default_factory=dict)
    taken: Snapshot | None = None
    saved: Snapshot | None = None
    saved_at: float = 0.0
    kept_at: float | None = None
    """Until when an earlier run watched it; None once that has been written down."""


class Keeper:
    """Writes for one monitor. What the event loop calls returns at once."""

    def __init__(
        self,
        store: Store,
        *,
        vantage: str = "central",
        retention: float | None = None,
        most: int = MOST_WAITING,
        on_records: Callable[[Mapping[str, Records]], object] = lambda _: None,
    ) -> None:
        """`retention` in seconds, None keeps all; `on_records` is called in the thread where records have changed."""
        self.store = store
        self.dropped = 0
        """Rows that were never written: the queue was full, or the database refused them."""
        self.notices: Mapping[tuple[str, str], Notices] = {}
        """What each channel knew of each site when the keeper started."""
        self.records: Mapping[str, Records] = {}
        self.on_records = on_records
        self._vantage = vantage
        self._retention = retention
        self._most = most
        self._rows: deque[Row] = deque()
        self._batch: list[Row] = []
        self._sites: dict[str, _Known] = {}
        self._urgent: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._ready = False
        self._said = ""
        self._busy_since: float | None = None
        self._looked_at = -LOOK
        self._pruned_at = -DAY
        self._learner = Learner(store, vantage)
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    @property
    def fault(self) -> str:
        """Why nothing is written at present; empty where all is well."""
        since = self._busy_since
        if not self._said and since is not None and time.monotonic() - since > STUCK:
            return f"the database has not answered for {time.monotonic() - since:.0f} s"
        return self._said

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._rows) + len(self._batch)

    def start(self, sites: Iterable[Site], now: float) -> Mapping[str, Remembered]:
        """Opens the database and begins to write; gives what was known of `sites`. Blocks for seconds at most.

        Without a database nothing is known, `fault` says why, and it is tried again for as long as it takes.
        """
        watched = {site.id: site for site in sites}
        found: dict[str, Remembered] = {}
        try:
            self._prepare()
            found, lost = remembered(self.store, self._vantage, watched, now)
            self._rows.extend(Forgotten(now, self._vantage, site) for site in lost)
            self.notices = noticed(self.store, self._vantage, watched)
            self._look(now)
            log.info("the record is kept in %s", self.store.place)
        except StoreUnavailable as error:
            self._fail(str(error))
        except Exception:  # what cannot be read must not keep a monitor from watching
            log.exception("the record cannot be read by a fault of our own")
            self._fail(OUR_FAULT)
        for name, kept in found.items():
            findings = {finding.key: finding for finding in kept.findings}
            self._sites[name] = _Known(states=kept.states, findings=findings, kept_at=kept.at)
        self._thread.start()
        return found

    def stop(self, seconds: float = 5.0) -> None:
        """Writes what is waiting, if the database takes it in time."""
        self._ending.set()
        self._wake.set()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self.store.close()

    def put(self, row: Row) -> None:
        """One more row to write, after all that came before it."""
        with self._lock:
            self._add((row,))
        self._wake.set()

    def begin_drill(self, number: int, prediction: Prediction) -> None:
        """What is predicted of a drill that has just begun."""
        self.put(Began(number, self._vantage, prediction))

    def happened(self, number: int, entry: Entry) -> None:
        """Something happened in a drill."""
        self.put(Happened(number, entry, self._vantage))

    def drill(self, number: int) -> tuple[Record, Record | None] | None:
        """A drill and the one before it; None where there is none, or no database. Blocks."""
        try:
            with self.store.reading() as connection:
                record = load(connection, number)
                return record, before(connection, record)
        except (DrillRefused, StoreUnavailable):
            return None

    def look_soon(self) -> None:
        """Somebody has just recorded something."""
        self._looked_at = -LOOK
        self._wake.set()

    def took(self, taken: Snapshot) -> None:
        """The monitor has taken a snapshot of a site. Before the site's first full round there is nothing to say."""
        if taken.now is None:
            return
        with self._lock:
            known = self._sites.setdefault(taken.site.id, _Known())
            known.taken = taken
            rows: list[Row] = [*away(known.kept_at, taken, self._vantage)]
            known.kept_at = None
            rows += changes(known.states, taken, self._vantage)
            rows += finding_rows(known.findings, taken, self._vantage)
            if not rows:
                return
            known.states = {key: state for key, (state, _) in states_of(taken).items()}
            known.findings = {finding.key: finding for finding in taken.findings}
            self._urgent.add(taken.site.id)
            self._add(rows)
        self._wake.set()

    def forget(self, site: str, now: float) -> None:
        """A site is no longer watched. What was recorded of it stays."""
        with self._lock:
            self._sites.pop(site, None)
            self._urgent.discard(site)
            self._add((Forgotten(now, self._vantage, site),))
        self._wake.set()

    def _add(self, rows: Iterable[Row]) -> None:
        self._rows.extend(rows)
        while self.waiting > self._most and self._rows:
            self._rows.popleft()
            self.dropped += 1

    # What follows runs in the thread, and once in `start`.

    def _run(self) -> None:
        pause = RETRY
        last = False
        while not last:
            # Rows that keep coming do not hurry a database that is in trouble.
            self._ending.wait(pause) if self._said else self._wake.wait(1.0)
            self._wake.clear()
            last = self._ending.is_set()
            self._busy_since = time.monotonic()
            try:
                self._round()
                if self._said:
                    log.warning("the database takes writes again")
                self._said = ""
            except StoreUnavailable as error:
                self._fail(str(error))
            except Exception:  # a fault of ours must not end the writing for good
                log.exception("the store failed by a fault of its own")
                self._fail(OUR_FAULT)
            self._busy_since = None
            pause = min(pause * 2, LONGEST_RETRY) if self._said else RETRY

    def _fail(self, why: str) -> None:
        if why != self._said:
            log.error("the database does not take writes: %s", why)
        self._said = why

    def _prepare(self) -> None:
        self.store.migrate()
        self._ready = True

    def _round(self) -> None:
        if not self._ready:
            self._prepare()
        while self._write():
            pass
        self._look(time.time())
        self._learn(time.time())
        if self._retention is not None and time.monotonic() - self._pruned_at >= DAY:
            self._prune(time.time() - self._retention)
            self._pruned_at = time.monotonic()

    def _prune(self, before: float) -> None:
        """What is to be written goes in between."""
        for _ in prune_by_parts(self.store, before):
            self._busy_since = time.monotonic()
            if self._ending.is_set():
                return
            while self._write():
                pass

    def _write(self) -> bool:
        """One transaction; whether there was anything to write."""
        with self._lock:
            while self._rows and len(self._batch) < AT_ONCE:
                self._batch.append(self._rows.popleft())
            # A memory goes with the last row of its site and never ahead of it.
            sites = [] if self._rows else self._due(time.monotonic())
        if not self._batch and not sites:
            return False
        try:
            with self.store.writing() as connection:
                write_all(connection, self._batch)
                for taken, states, first in sites:
                    self._save(connection, taken, states, first=first)
        except StoreRefused:
            self._one_by_one()
            return True
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("rows cannot be written by a fault of our own")
            self._one_by_one()
        self._batch = []
        with self._lock:
            for taken, states, _ in sites:
                known = self._sites.get(taken.site.id)
                if known is not None:
                    known.saved, known.saved_at = taken, time.monotonic()
                    if known.states is states:
                        self._urgent.discard(taken.site.id)
        return True

    def _due(self, now: float) -> list[tuple[Snapshot, States, bool]]:
        """Snapshots whose memory is to be saved, with the states recorded so far, and whether it is the first time."""
        under_drill = {site for site, known in self.records.items() if known.running}
        every = 0.0 if self._ending.is_set() else max(SAVED_EVERY, len(self._sites) / SAVED_A_SECOND)
        return [
            (known.taken, known.states, known.saved is None)
            for name, known in self._sites.items()
            if known.taken is not None
            and known.taken is not known.saved
            and (name in self._urgent or name in under_drill or now - known.saved_at >= every)
        ]

    def _save(self, connection: Connection, taken: Snapshot, states: States, *, first: bool) -> None:
        key = {"vantage": self._vantage, "site": taken.site.id}
        kept = Remembered(at=taken.at, memory=taken.memory, findings=taken.findings, states=states)
        connection.execute(delete(tables.memories).filter_by(**key))
        connection.execute(insert(tables.memories).values(**key, at=kept.at, body=encoded(taken.site, kept)))
        if first:
            settle(connection, taken.at, self._vantage, taken.site.id, taken.findings)

    def _one_by_one(self) -> None:
        """A row that the database refuses is dropped, so that those behind it get in."""
        while self._batch:
            try:
                with self.store.writing() as connection:
                    self._batch[0].write(connection)
            except StoreRefused as error:
                log.error("the database refuses a row, which is dropped: %s", error)
                self.dropped += 1
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("a row is dropped by a fault of our own")
                self.dropped += 1
            self._batch = self._batch[1:]

    def noticed(self, channel: str, site: str, notices: Notices) -> None:
        """A channel knows something else of a site than before."""
        self.put(Noticed(self._vantage, channel, site, tuple(notices.values())))

    def sent(self, channel: str, site: str, outcome: str, title: str, body: str) -> None:
        """A message has left, or has not."""
        self.put(
            Sent(
                at=time.time(),
                vantage=self._vantage,
                site=site,
                channel=channel,
                outcome=outcome,
                title=title,
                body=body,
            )
        )

    def _look(self, now: float) -> None:
        if time.monotonic() - self._looked_at < LOOK:
            return
        self._looked_at = time.monotonic()
        with self.store.reading() as connection:
            self._tell(records_of(connection, now))

    def _tell(self, recorded: Mapping[str, Records]) -> None:
        """What people have recorded, and what was learned from the past, takes effect."""
        found = self._learner.added_to(recorded)
        if found != self.records:
            self.records = found
            self.on_records(found)

    def _learn(self, now: float) -> None:
        with self._lock:
            if self._rows or self._ending.is_set():
                return
            watched = [(known.taken.site, known.findings) for known in self._sites.values() if known.taken]
        self._learner.learn(watched, now)
        self._tell(self.records)
