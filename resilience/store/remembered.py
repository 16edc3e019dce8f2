"""What a site's next assessment needs of the past, as text and back. Pure.

Written after every change and every few seconds, so that a restart goes on where the monitor was stopped:
debounce counts, batteries that are discharging, findings that are open, the states last recorded.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from resilience.batterytest import BatteryTest
from resilience.finding import SEVERITY, Finding
from resilience.latching import without_the_probes
from resilience.memory import Discharge, Memory, forgetting
from resilience.model import ProbeSpec, Site
from resilience.reading import Observation, Reading, Reason, State
from resilience.state import stands
from resilience.track import Track

FORMAT = 1

States = Mapping[tuple[str, str], str]
"""By (subject, name): `site`, `path` or `component`, and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """`at` is when it was true, in seconds since 1970."""

    at: float
    memory: Memory = field(default_factory=Memory)
    findings: tuple[Finding, ...] = ()
    states: States = field(default_factory=dict)


def encoded(site: Site, kept: Remembered) -> str:
    """`kept` as text. Each track carries a mark of its probe: another probe's past is nobody's."""
    marks = {probe.key: _mark(probe) for probe in site.probes}
    tracks = [
        [component, probe, marks[component, probe], _track(track)]
        for (component, probe), track in kept.memory.tracks.items()
        if (component, probe) in marks
    ]
    memory = kept.memory
    return json.dumps(
        {
            "format": FORMAT,
            "tracks": tracks,
            "discharges": {name: [d.since, d.runtime, d.runtime_low, d.at] for name, d in memory.discharges.items()},
            "running_since": dict(memory.running_since),
            "conflicts": dict(memory.conflicts),
            "tests": [[*key, test.since, test.believed] for key, test in memory.tests.items()],
            "findings": [[f.code, f.component, f.text, f.stale] for f in kept.findings],
            "states": [[*key, state] for key, state in kept.states.items()],
        },
        separators=(",", ":"),
    )


def decoded(site: Site, text: str, at: float, now: float) -> Remembered:
    """What is still worth knowing at `now`; ValueError where `text` is not of this format.

    A probe whose last word is too old is forgotten, not unknown: about a site nothing is said until its
    first round, and a restart after a long pause is no reason to alarm anyone.
    """
    try:
        body = json.loads(text)
        if body["format"] != FORMAT:
            raise ValueError(f"format {body['format']}")
        specs = {probe.key: probe for probe in site.probes}
        tracks = {(component, probe): _track_of(fields) for component, probe, _, fields in body["tracks"]}
        marks = {(component, probe): mark for component, probe, mark, _ in body["tracks"]}
        gone = {key for key, mark in marks.items() if key not in specs or mark != _mark(specs[key])}
        watched = {component for component, _ in specs}
        memory = forgetting(
            Memory(
                tracks=tracks,
                discharges={
                    name: Discharge(since=since, runtime=runtime, runtime_low=low, at=read)
                    for name, (since, runtime, low, read) in body["discharges"].items()
                    if name in watched
                },
                running_since={name: since for name, since in body["running_since"].items() if name in watched},
                conflicts={name: since for name, since in body["conflicts"].items() if name in watched},
                tests={
                    (component, probe): BatteryTest(since, believed)
                    for component, probe, since, believed in body.get("tests", ())
                },
            ),
            gone,
        )
        old = {key for key, track in memory.tracks.items() if not _still_worth(specs[key], track, now)}
        return Remembered(
            at=at,
            memory=replace(
                memory,
                tracks={key: track for key, track in memory.tracks.items() if key not in old},
                tests={key: test for key, test in memory.tests.items() if key in memory.tracks and key not in old},
            ),
            findings=without_the_probes(
                (Finding(*fields) for fields in body["findings"] if fields[0] in SEVERITY), marks.keys() - specs.keys()
            ),
            states={(subject, name): state for subject, name, state in body["states"]},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _still_worth(spec: ProbeSpec, track: Track, now: float) -> bool:
    return stands(spec, max(track.agreed_at, track.read_at if track.deciding else 0.0), now)


def _mark(probe: ProbeSpec) -> str:
    """Tells one declaration of a probe from another. A secret's text is in no repr, so it is in no mark."""
    return hashlib.sha256(repr(probe).encode()).hexdigest()[:16]


def _track(track: Track) -> dict[str, Any]:
    return {
        "state": track.state,
        "since": track.since,
        "agreed_at": track.agreed_at,
        "contrary": track.contrary,
        "by_failure": track.by_failure,
        "fell_at": track.fell_at,
        "reading": _reading(track.reading),
        "read_at": track.read_at,
        "success": None if track.success is track.reading else _reading(track.success),
        "same": track.success is track.reading,
        "success_at": track.success_at,
    }


def _track_of(fields: Mapping[str, Any]) -> Track:
    plain = {name: value for name, value in fields.items() if name not in ("state", "reading", "success", "same")}
    reading = _reading_of(fields["reading"])
    success = reading if fields["same"] else _reading_of(fields["success"])
    return Track(state=State(fields["state"]), reading=reading, success=success, **plain)


def _reading(reading: Reading | None) -> list[Any] | None:
    if reading is None:
        return None
    seen = [[o.quantity, o.value, o.unit, o.source, o.target, o.text] for o in reading.observations]
    return [reading.state, reading.reason, reading.text, seen]


def _reading_of(fields: list[Any] | None) -> Reading | None:
    if fields is None:
        return None
    state, reason, text, seen = fields
    observations = tuple(Observation(*values) for values in seen)
    return Reading(State(state), None if reason is None else Reason(reason), text, observations)
