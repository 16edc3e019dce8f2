"""What is remembered of a site from one answer to the next: tracks, batteries that drain, engines that run. Pure.

Moments in seconds since 1970.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from resilience.batterytest import Tests, believed
from resilience.model import ProbeSpec
from resilience.reading import Reading
from resilience.track import BLANK, Tracks, follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge:
    """A UPS on battery: since when it is seen so, and the last runtime it told. Seconds."""

    since: float
    runtime: float | None = None
    runtime_low: float | None = None
    """The runtime less the point at which the UPS shuts its load down."""
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that the next assessment of a site needs of the past. Replaced, never changed."""

    tracks: Tracks = field(default_factory=dict)
    discharges: Mapping[str, Discharge] = field(default_factory=dict)
    running_since: Mapping[str, float] = field(default_factory=dict)
    conflicts: Mapping[str, float] = field(default_factory=dict)
    """Components seen up against the structure: when that answer was first read."""
    tests: Tests = field(default_factory=dict)
    """Battery tests in progress."""


def forgetting(memory: Memory, gone: Collection[tuple[str, str]]) -> Memory:
    """`memory` without the tracks of the probes `gone`, and without what only they told: nothing could contradict it
    any more."""
    kept = {key: track for key, track in memory.tracks.items() if key not in gone}
    changed = {component for component, _ in gone}
    told = {
        (component, seen.quantity)
        for (component, _), track in kept.items()
        for seen in (track.success.observations if track.success else ())
    }

    def stays(name: str, quantity: str) -> bool:
        return name not in changed or (name, quantity) in told

    return replace(
        memory,
        tracks=kept,
        discharges={ups: found for ups, found in memory.discharges.items() if stays(ups, "ups_on_battery")},
        running_since={n: since for n, since in memory.running_since.items() if stays(n, "generator_running")},
        tests={key: test for key, test in memory.tests.items() if key not in gone},
    )


def remember(memory: Memory, spec: ProbeSpec, reading: Reading, at: float) -> Memory:
    """`memory` after one more answer of one probe."""
    tests, reading = believed(memory.tests, spec, reading, at)
    track = follow(memory.tracks.get(spec.key, BLANK), reading, at, spec)
    memory = replace(memory, tracks={**memory.tracks, spec.key: track}, tests=tests)
    if reading.failed:
        return memory
    values = {observation.quantity: observation.value for observation in reading.observations}
    if "ups_on_battery" in values:
        memory = replace(memory, discharges=_discharges(memory, spec, values, at))
    if "generator_running" in values:
        running = {name: since for name, since in memory.running_since.items() if name != spec.component}
        if values["generator_running"]:
            running[spec.component] = memory.running_since.get(spec.component, at)
        memory = replace(memory, running_since=running)
    return memory


def _discharges(memory: Memory, spec: ProbeSpec, values: Mapping[str, float], at: float) -> Mapping[str, Discharge]:
    ups = spec.component
    others = {name: discharge for name, discharge in memory.discharges.items() if name != ups}
    if not values["ups_on_battery"]:
        # Where a second probe of this UPS has just seen it on battery, the worse of the two counts.
        return memory.discharges if _seen_on_battery(memory, spec, at) else others
    discharge = memory.discharges.get(ups, Discharge(since=at))
    if "ups_runtime_seconds" in values:
        runtime = values["ups_runtime_seconds"]
        low = 0.0 if values.get("ups_low_battery") else runtime - values.get("ups_runtime_low_seconds", 0.0)
        discharge = replace(discharge, runtime=runtime, runtime_low=max(0.0, low), at=at)
    return {**others, ups: discharge}


def _seen_on_battery(memory: Memory, spec: ProbeSpec, at: float) -> bool:
    """Whether another probe of the same UPS said so, not longer ago than a reading of this one would stand."""
    others = (track for key, track in memory.tracks.items() if key[0] == spec.component and key != spec.key)
    return any(
        seen.quantity == "ups_on_battery" and seen.value > 0
        for track in others
        if track.success is not None and at <= track.success_at + spec.expires / 1000
        for seen in track.success.observations
    )
