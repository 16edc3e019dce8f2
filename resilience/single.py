"""One look at one site, by the same probes and the same law as the monitor: for `resilience probe` and `/probe`."""

import asyncio
import time
from dataclasses import replace

from resilience import snapshot
from resilience.memory import Memory, remember
from resilience.model import ProbeSpec, Site
from resilience.prober import Prober
from resilience.reading import Reason, State, failure
from resilience.snapshot import Snapshot

CONFIRM = 1.0
"""Seconds between two tries of a probe that has not made up its mind: a plugin cannot wait for `confirm`."""


class _Look:
    def __init__(self, site: Site, prober: Prober) -> None:
        self.site = site
        self.prober = prober
        self.memory = Memory()

    async def decide(self, probe: ProbeSpec) -> None:
        while True:
            await self.read(probe)
            if not self.memory.tracks[probe.key].deciding:
                return
            await asyncio.sleep(min(CONFIRM, probe.confirm / 1000))

    async def read(self, probe: ProbeSpec) -> None:
        reading = await self.prober.read(probe)
        self.memory = remember(self.memory, probe, reading, time.time())

    def roads(self) -> list[ProbeSpec]:
        """Probes of what failed probes passed through: a failure counts once its road was read up after it."""
        failed = (probe for probe in self.site.probes if self._by_failure(probe))
        names = {road for probe in failed for road in probe.via}
        return [probe for name in sorted(names) for probe in self.site.components[name].probes if probe.settings]

    def _by_failure(self, probe: ProbeSpec) -> bool:
        track = self.memory.tracks.get(probe.key)
        return track is not None and track.state is State.DOWN and track.by_failure

    def conclude(self, budget: float) -> None:
        """What did not answer or did not make up its mind in time is unknown."""
        for probe in self.site.probes:
            if probe.settings is not None and probe.key not in self.memory.tracks:
                late = failure(Reason.TIMEOUT, f"nothing within {budget:g} s")
                self.memory = remember(self.memory, probe, late, time.time())
        decided = {key: replace(track, contrary=0) for key, track in self.memory.tracks.items()}
        self.memory = replace(self.memory, tracks=decided)


async def look(site: Site, prober: Prober, budget: float) -> Snapshot:
    """Runs every probe of `site` until decided or until `budget` seconds are over."""
    one = _Look(site, prober)
    probes = [probe for probe in site.probes if probe.settings is not None]
    try:
        async with asyncio.timeout(budget):
            await asyncio.gather(*map(one.decide, probes))
            await asyncio.gather(*map(one.read, one.roads()))
    except TimeoutError:
        pass  # conclude() says which
    one.conclude(budget)
    return snapshot.take(site, one.memory, time.time())
