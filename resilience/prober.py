"""Runs one probe: bounded in time and number, shared among equals, never raising.

What a probe may raise ends here as a failed reading; a hanging, lying or dying peer costs its own reading.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping

from resilience.burst import Burst
from resilience.catalogue import QUANTITIES
from resilience.fence import Fence
from resilience.fitness import Fitness
from resilience.model import ProbeSpec, Secret, Site
from resilience.probing import Channels, Later, ProbeType, Run, SecretMissing
from resilience.reading import Reading, Reason, failure

log = logging.getLogger("resilience.prober")

AT_ONCE = 200
"""Probes that begin together. More only fill socket buffers, and lost answers look like outages."""
GRACE = 0.25
"""Seconds beyond its timeout in which a probe may still end itself with a better reason."""


def prepare(types: Mapping[str, ProbeType], sites: Iterable[Site]) -> None:
    """Imports what the probes of `sites` run by, before the first: an import stops the loop, and looks like lag.

    One that cannot be imported is a fault of its own readings, and ends neither a start nor a reload.
    """
    for name in {spec.type for site in sites for spec in site.probes if spec.settings is not None}:
        if isinstance(probe := types[name].probe, Later):
            try:
                probe.load()
            except Exception:  # whatever a stranger's module does
                log.exception("the probes of type %s cannot run", name)


class Prober:
    """Runs declared probes over shared channels."""

    def __init__(
        self,
        types: Mapping[str, ProbeType],
        *,
        secret: Callable[[Secret], str],
        fitness: Fitness,
        at_once: int = AT_ONCE,
        fence: Fence | None = None,
        opened: Callable[[Channels], object] = lambda _: None,
    ) -> None:
        """`fence` is what no probe leaves; `opened` may open shared channels in a way of its own."""
        self._types = types
        self._secret = secret
        self._fitness = fitness
        self._burst = Burst(at_once)
        self._fence = fence
        self._channels = Channels()
        opened(self._channels)
        self._running: dict[tuple[str, object, int], asyncio.Task[Reading]] = {}

    async def aclose(self) -> None:
        await self._channels.aclose()

    async def read(self, spec: ProbeSpec) -> Reading:
        """One reading of `spec`; equal probes under way at the same time run once."""
        if spec.settings is None:
            return failure(Reason.NOT_AVAILABLE, f"this version has no probe of type {spec.type}")
        key = (spec.type, spec.settings, spec.timeout)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run(spec))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)

    async def _run(self, spec: ProbeSpec) -> Reading:
        async with self._burst.place():
            start = time.monotonic()
            reading = await self._inside(spec)
        if reading.reason is Reason.IMPAIRED:
            self._fitness.overloaded(time.monotonic())
        elif reading.failed and (why := self._fitness.unfit_since(start)):
            return failure(Reason.IMPAIRED, f"the monitor was not fit to judge ({why}); then: {reading.text}")
        return reading

    async def _inside(self, spec: ProbeSpec) -> Reading:
        """A reading for which something was to leave the fence says nothing, whatever the probe made of that."""
        if self._fence is None:
            return await self._guarded(spec)
        with self._fence.around() as refused:
            reading = await self._guarded(spec)
        if refused:
            where = ", ".join(dict.fromkeys(refused))
            return failure(Reason.CONFIG, f"not asked: {where} is outside probe_networks of the configuration")
        return reading

    async def _guarded(self, spec: ProbeSpec) -> Reading:
        seconds = spec.timeout / 1000
        run = Run(seconds, spec.retries, self._channels, self._secret)
        try:
            async with asyncio.timeout(seconds + GRACE):
                reading = await self._types[spec.type].probe(spec.settings, run)
            if unknown := {seen.quantity for seen in reading.observations}.difference(QUANTITIES):
                return failure(Reason.INTERNAL, f"the probe observed what the catalogue has not: {sorted(unknown)}")
            if odd := {seen.quantity for seen in reading.observations if not math.isfinite(seen.value)}:
                return failure(Reason.INTERNAL, f"the probe observed a value that is no number: {sorted(odd)}")
            return reading
        except TimeoutError:
            return failure(Reason.TIMEOUT, f"no answer within {seconds:g} s")
        except SecretMissing as error:
            return failure(Reason.CONFIG, str(error))
        except Exception as error:  # a fault in one probe must not end the monitor
            log.exception("probe failed by a fault of its own", extra={"component": spec.component, "probe": spec.name})
            return failure(Reason.INTERNAL, f"a fault of the probe itself: {type(error).__name__}")
