"""The monitor: one tick a site, what is due runs, every answer becomes a new snapshot.

The scheduler only ticks. A probe that hears a contrary answer asks again every `confirm` until it is decided.
Scrapes and pages read snapshots; nothing they do touches a device.
"""

import asyncio
import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from resilience import exporter, snapshot
from resilience.drills.following import Follower
from resilience.drills.record import Entry, Prediction, Running
from resilience.finding import Finding
from resilience.fitness import Fitness
from resilience.instruments import Instruments
from resilience.latching import without_the_probes
from resilience.memory import Memory, forgetting, remember
from resilience.model import ProbeSpec, Site
from resilience.prober import Prober
from resilience.reading import Reading
from resilience.records import Records, recorded, records_for
from resilience.single import look
from resilience.snapshot import Snapshot

log = logging.getLogger("resilience.monitor")

GRID = 10.0
"""Seconds between two ticks of a site; less where one of its probes asks for a shorter interval."""
DEAD_AFTER = 60.0
"""Seconds without a tick of any site after which the monitor is not healthy."""
DRAIN = 5.0
"""Seconds that running probes are given at the end."""

OF_THE_MONITOR = ("file_invalid", "monitor_impaired", "store_unavailable")
"""Findings that say nothing of the site itself; they are made anew each time and never latch."""

GATHER = 0.05
"""Seconds that an answer waits for others of its site before the site is assessed."""

ProbeKey = tuple[str, str]


class Recorder(Protocol):
    """What writes down what the monitor sees. It never makes the monitor wait."""

    @property
    def fault(self) -> str:
        """Why nothing is written at present; empty where all is well."""

    def took(self, taken: Snapshot) -> None: ...

    def begin_drill(self, number: int, prediction: Prediction) -> None: ...

    def happened(self, number: int, entry: Entry) -> None: ...

    def forget(self, site: str, now: float) -> None: ...


class Heard(Protocol):
    """What tells people of what the monitor sees."""

    def took(self, taken: Snapshot, drill: str = "") -> None: ...

    def forget(self, site: str) -> None: ...


@dataclass
class Watch:
    """One site under watch. The only thing that changes; all it holds is replaced, never edited."""

    site: Site
    """As declared, with what people have recorded."""
    declared: Site
    memory: Memory = field(default_factory=Memory)
    findings: tuple[Finding, ...] = ()
    snapshot: Snapshot | None = None
    families: exporter.Families = field(default_factory=dict)
    parts: exporter.Parts = field(default_factory=dict)
    file_fault: str = ""
    """What is wrong with the site's file; an older version of it is in force then."""
    next_due: dict[ProbeKey, float] = field(default_factory=dict)
    running: dict[ProbeKey, "asyncio.Task[None]"] = field(default_factory=dict)
    durations: dict[ProbeKey, float] = field(default_factory=dict)
    stale: bool = False
    """A new snapshot is on its way."""


class Monitor:
    """Watches sites until stopped. Belongs to one event loop."""

    def __init__(
        self,
        prober: Prober,
        fitness: Fitness,
        *,
        vantage: str = "central",
        grid: float = GRID,
        recorder: Recorder | None = None,
        notifier: Heard | None = None,
        instruments: Instruments | None = None,
    ) -> None:
        self.watches: dict[str, Watch] = {}
        self.instruments = instruments or Instruments(fitness)
        self.ticked_at = time.monotonic()
        self._prober = prober
        self._fitness = fitness
        self._vantage = vantage
        self._grid = grid
        self._recorder = recorder
        self._notifier = notifier
        self._follower = Follower(vantage, recorder.begin_drill, recorder.happened) if recorder else None
        self._records: Mapping[str, Records] = {}
        self._past: Mapping[str, tuple[Memory, tuple[Finding, ...]]] = {}
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._background: set[asyncio.Task[None]] = set()
        self._looks: dict[str, asyncio.Task[Snapshot]] = {}

    async def start(
        self,
        sites: Mapping[str, Site],
        *,
        past: Mapping[str, tuple[Memory, tuple[Finding, ...]]] = MappingProxyType({}),
        known: Mapping[str, Records] = MappingProxyType({}),
    ) -> None:
        """`past` is what an earlier run remembered of a site and its open findings, `known` what people recorded."""
        self._past, self._records = past, known
        self._background.add(asyncio.create_task(self._fitness.watch()))
        self._scheduler.start()
        self.adopt(sites, {})

    def ailing(self) -> str:
        """Why the monitor is not healthy, or nothing."""
        silent = time.monotonic() - self.ticked_at
        return f"no site has been looked at for {silent:.0f} s" if self.watches and silent > DEAD_AFTER else ""

    async def stop(self) -> None:
        """No new probe starts; those under way are given a moment."""
        self._scheduler.remove_all_jobs()
        await asyncio.sleep(0)  # a tick that was submitted runs to its end; shutdown would cancel it with a trace
        self._scheduler.shutdown(wait=False)
        running: list[asyncio.Task[Any]] = [*self._looks.values()]
        running += [task for watch in self.watches.values() for task in watch.running.values()]
        if running:
            await asyncio.wait(running, timeout=DRAIN)
        for task in (*running, *self._background):
            task.cancel()
        await asyncio.gather(*running, *self._background, return_exceptions=True)
        await asyncio.sleep(2 * GATHER)  # what was answered last is still assessed
        await self._prober.aclose()

    def adopt(self, sites: Mapping[str, Site], faults: Mapping[str, str]) -> None:
        """Watches exactly `sites` and the sites in `faults` that it has an older version of.

        What is known of a probe that has not changed is kept.
        """
        for site_id in [known for known in self.watches if known not in sites and known not in faults]:
            self._forget(site_id)
        for site_id, declared in sites.items():
            site = recorded(declared, records_for(site_id, self._records))
            if site_id in self.watches:
                self.watches[site_id].declared = declared
                self._replace(self.watches[site_id], site)
            else:
                memory, findings = self._past.get(site_id, (Memory(), ()))
                self.watches[site_id] = Watch(site, declared, memory=memory, findings=findings)
            self._schedule(site_id, self._beat(site))
        for site_id, watch in self.watches.items():
            watch.file_fault = faults.get(site_id, "")
            self._refresh_soon(watch)
        self._past = {}
        self.instruments.sites.set(len(self.watches))

    def record(self, found: Mapping[str, Records]) -> None:
        """What people have recorded, of all sites, takes effect."""
        before, self._records = self._records, found
        for site_id, watch in self.watches.items():
            is_now = records_for(site_id, found)
            if is_now != records_for(site_id, before):
                self._replace(watch, recorded(watch.declared, is_now))
                self._refresh_soon(watch)

    def records_of(self, site: str) -> Records:
        """What people have recorded of a site."""
        return records_for(site, self._records)

    async def look(self, site: Site, budget: float) -> exporter.Families:
        """The metrics of one look at `site` within `budget` seconds, apart from what is watched. Callers share it."""
        task = self._looks.get(site.id)
        if task is None:
            task = self._looks[site.id] = asyncio.create_task(look(site, self._prober, budget))
            task.add_done_callback(lambda _: self._looks.pop(site.id, None))
        taken = await asyncio.shield(task)
        return self._exported(site, exporter.render(taken, file_valid=True, vantage=self._vantage, durations={}))

    def judges(self, site: Site) -> bool:
        """Whether what this monitor concludes of `site` is for others; else it is a witness."""
        return site.watched_by == self._vantage

    def _exported(self, site: Site, families: exporter.Families) -> exporter.Families:
        """A witness tells what its probes see, and nothing that the judge concludes otherwise."""
        if self.judges(site):
            return families
        return {name: lines for name, lines in families.items() if name.startswith("probe_")}

    def _forget(self, site_id: str) -> None:
        watch = self.watches.pop(site_id)
        self._scheduler.remove_job(site_id)
        for task in watch.running.values():
            task.cancel()
        if self._recorder is not None:
            self._recorder.forget(site_id, time.time())
        if self._notifier is not None:
            self._notifier.forget(site_id)

    def _replace(self, watch: Watch, site: Site) -> None:
        before = {probe.key: probe for probe in watch.site.probes}
        after = {probe.key: probe for probe in site.probes}
        kept = {key for key, probe in after.items() if before.get(key) == probe}
        watch.site = site
        watch.memory = forgetting(watch.memory, before.keys() - kept)
        watch.findings = without_the_probes(watch.findings, before.keys() - after.keys())
        watch.next_due = {key: due for key, due in watch.next_due.items() if key in kept}
        for key, task in watch.running.items():
            if key not in kept:
                task.cancel()

    def _beat(self, site: Site) -> float:
        """Seconds between two ticks of `site`: a reading must not grow too old between them."""
        return min(self._grid, *(probe.interval / 1000 for probe in site.probes), GRID)

    def _schedule(self, site_id: str, beat: float) -> None:
        """Ticks are spread over the grid by the site's name, so that a thousand sites do not ask at once."""
        spread = min(beat, 1.0 + len(self.watches) / 20)
        first = datetime.now(UTC) + timedelta(seconds=zlib.crc32(site_id.encode()) % 1000 / 1000 * spread)
        self._scheduler.add_job(
            self._tick,
            IntervalTrigger(seconds=beat, start_date=first, timezone=UTC),
            args=[site_id],
            id=site_id,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    async def _tick(self, site_id: str) -> None:
        """Starts what is due, and takes a new snapshot because time has passed."""
        self.ticked_at = time.monotonic()
        watch = self.watches.get(site_id)
        if watch is None:
            return
        now, beat = time.monotonic(), self._beat(watch.site)
        for probe in watch.site.probes:
            if probe.settings is None or now < watch.next_due.get(probe.key, 0.0):
                continue
            if probe.key in watch.running:
                self.instruments.overruns.inc()
                continue
            # Due by the grid, so that a tick that comes a moment early does not skip a round.
            watch.next_due[probe.key] = now + probe.interval / 1000 - beat / 2
            task = asyncio.create_task(self._decide(watch, probe))
            watch.running[probe.key] = task
            task.add_done_callback(partial(_finished, watch, probe.key))
        self._refresh_soon(watch)

    async def _decide(self, watch: Watch, probe: ProbeSpec) -> None:
        """Reads once, and again every `confirm` while an answer contradicts what was decided."""
        for _ in range(probe.rise + probe.fall):
            start = time.monotonic()
            reading = await self._prober.read(probe)
            if self.watches.get(watch.site.id) is not watch or probe not in watch.site.probes:
                return
            watch.durations[probe.key] = time.monotonic() - start
            self._hear(watch, probe, reading, time.time())
            if not watch.memory.tracks[probe.key].deciding:
                return
            await asyncio.sleep(probe.confirm / 1000)

    def _hear(self, watch: Watch, probe: ProbeSpec, reading: Reading, at: float) -> None:
        before = watch.memory.tracks.get(probe.key)
        watch.memory = remember(watch.memory, probe, reading, at)
        track = watch.memory.tracks[probe.key]
        said = {"site": watch.site.id, "component": probe.component, "probe": probe.name}
        if reading.reason is not None:
            self.instruments.failures.labels(probe.type, reading.reason).inc()
            if before is None or before.reading is None or before.reading.reason is not reading.reason:
                log.warning("%s", reading.text, extra={**said, "reason": reading.reason})
        if before is not None and before.state is not track.state:
            log.info("%s", reading.text or f"was {before.state}", extra={**said, "state": track.state})
        self._refresh_soon(watch, GATHER)

    def _refresh_soon(self, watch: Watch, gather: float = 0.0) -> None:
        """A new snapshot, which waits `gather` seconds for answers that come together with this one."""
        if not (watch.stale and gather):
            watch.stale = True
            asyncio.get_running_loop().call_later(gather, self._refresh, watch)

    def _refresh(self, watch: Watch) -> None:
        """A new snapshot and its metrics. Where that fails nothing is said of the site: what was true may not be."""
        watch.stale = False
        if self.watches.get(watch.site.id) is not watch:
            return
        try:
            self._take(watch)
        except Exception:
            log.exception("the site cannot be assessed", extra={"site": watch.site.id})
            watch.snapshot, watch.families = None, {}

    def _take(self, watch: Watch) -> None:
        taken = snapshot.take(
            watch.site, watch.memory, time.time(), before=watch.snapshot, open_findings=watch.findings
        )
        findings = [finding for finding in taken.findings if finding.code not in OF_THE_MONITOR]
        if watch.file_fault:
            findings.append(Finding("file_invalid", "", f"an older version is in force: {watch.file_fault}"))
        if reasons := self._fitness.reasons(time.monotonic()):
            text = f"the monitor is not fit to judge: {', '.join(sorted(reasons))}"
            findings.append(Finding("monitor_impaired", "", text))
        if self._recorder is not None and (fault := self._recorder.fault):
            findings.append(Finding("store_unavailable", "", f"nothing is written down at present: {fault}"))
        taken = replace(taken, findings=tuple(findings))
        _log_changes(watch, taken)
        if self._recorder is not None:
            self._recorder.took(taken)
        running = self.records_of(watch.site.id).running
        if self._follower is not None:
            self._follow(self._follower, taken, running)
        if self._notifier is not None and self.judges(watch.site):
            self._notifier.took(taken, running.drill.name if running else "")
        watch.memory, watch.findings, watch.snapshot = taken.memory, taken.findings, taken
        families = exporter.render(
            taken,
            file_valid=not watch.file_fault,
            vantage=self._vantage,
            durations=watch.durations,
            parts=watch.parts,
        )
        watch.families = self._exported(watch.site, families)

    def _follow(self, follower: Follower, taken: Snapshot, running: Running | None) -> None:
        try:
            follower.took(taken, running)
        except Exception:  # a drill that cannot be recorded must not end the watching
            log.exception("the drill cannot be recorded", extra={"site": taken.site.id})


def _finished(watch: Watch, key: ProbeKey, _: "asyncio.Task[None]") -> None:
    watch.running.pop(key, None)


def _log_changes(watch: Watch, taken: Snapshot) -> None:
    before = watch.snapshot.now.state if watch.snapshot and watch.snapshot.now else None
    if taken.now and taken.now.state is not before:
        log.info("site is %s", taken.now.state, extra={"site": watch.site.id, "state": taken.now.state})
    was, is_now = ({finding.key: finding for finding in found} for found in (watch.findings, taken.findings))
    for key in is_now.keys() - was.keys():
        finding = is_now[key]
        said = {"site": watch.site.id, "component": finding.component, "code": finding.code}
        log.info("finding opened: %s", finding.text, extra=said)
    for key in was.keys() - is_now.keys():
        finding = was[key]
        said = {"site": watch.site.id, "component": finding.component, "code": finding.code}
        log.info("finding closed", extra=said)
