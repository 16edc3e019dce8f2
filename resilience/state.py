"""From readings to what is known of each component. Pure: the clock is passed in, in seconds since 1970.

A probe's answers become a track (debounced), tracks become one status a component (several probes, `via`,
attestations, expiry). Unknown is never up.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_

from resilience.catalogue import QUANTITIES
from resilience.model import LINES, Attestation, Component, ProbeSpec, Site
from resilience.reading import Observation, State
from resilience.structure import dependencies_first
from resilience.track import BLANK, Track, Tracks

ATTEST = "attest"
"""The type under which an attestation stands beside a component's probes."""
PLANNED, FAILED_CHECK = "planned work by", "failed the check of"
"""How the reason begins of what is down by planned work, and by a person's check."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the probes of one type say of a component, the best of them."""

    type: str
    state: State
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is known of one component by its own evidence alone."""

    state: State
    why: str = ""
    """For people: why it is not up, or why that is not known."""
    evidence: str = "declared"
    """`declared`, `attested`, `observed`, or `proven` where a call or a drill is all there is."""
    at: float | None = None
    """When the evidence is from; None for what is only declared."""
    proven_at: float | None = None
    """When a call or a drill last proved that it works, where that still stands."""
    unproven: str = ""
    """Why a line that probes see in service may not be relied on: its last proof by a person is too old, or missing."""
    blind: tuple[str, ...] = ()
    """Probes that know nothing while others of the component do."""
    astray: bool = False
    """Its probes left by another way: what they saw was not seen of it."""
    said: tuple[Said, ...] = ()
    """What each type of its probes says, where several do."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What one component's own evidence says. It is the same object for as long as it comes from the same evidence."""

    own: Status
    seen: "Quantities"
    tracks: tuple[Track, ...]
    """Of its own probes."""
    roads: tuple["Heard", ...]
    """What was heard of the components that its probes' traffic passes."""
    since: float
    until: float
    """Nothing of it changes by time alone from `since` on before `until`."""


def hear(site: Site, tracks: Tracks, now: float, before: Mapping[str, Heard]) -> dict[str, Heard]:
    """What is heard of every component. `before`, of the same site, is taken over where it still stands."""
    heard: dict[str, Heard] = {}
    for name, roads in site.once(_roads):
        component = site.components[name]
        mine = tuple([tracks.get(probe.key, BLANK) for probe in component.probes])
        by = tuple([heard[road] for road in roads])
        last = before.get(name)
        if last is None or not (last.since <= now < last.until and _same(last.tracks, mine) and _same(last.roads, by)):
            last = _heard(site, component, tracks, now, {road: heard[road].own for road in roads})
            last = replace(last, tracks=mine, roads=by)
        heard[name] = last
    return heard


def _same(one: Sequence[object], other: Sequence[object]) -> bool:
    return all(map(is_, one, other))


def _roads(site: Site) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Every component with the roads of its probes, after those."""
    roads = {
        name: tuple(dict.fromkeys(road for probe in c.probes for road in probe.via))
        for name, c in site.components.items()
    }
    return [(name, roads[name]) for name in dependencies_first(site.components, roads.__getitem__)]


def _heard(site: Site, component: Component, tracks: Tracks, now: float, known: Mapping[str, Status]) -> Heard:
    own = _planned_work(site, component.name, now) or _status(component, tracks, known, site, now)
    seen = quantities(component, tracks, now) if component.probes else {}
    ends = [moment for moment in _ends(site, component, tracks) if moment >= now]
    return Heard(own, seen, (), (), now, min(ends, default=math.inf))


def _planned_work(site: Site, name: str, now: float) -> Status | None:
    for work in site.maintenance:
        if name in work.components and work.start.timestamp() <= now < work.end.timestamp():
            return Status(state=State.DOWN, why=f"{PLANNED} {work.by}: {work.reason}", at=work.start.timestamp())
    return None


def _ends(site: Site, component: Component, tracks: Tracks) -> Iterator[float]:
    """The moments at which an answer, a check or planned work is over, or work begins."""
    for probe in component.probes:
        track = tracks.get(probe.key, BLANK)
        for at in (track.agreed_at, track.success_at):
            yield at - probe.expires / 1000
            yield at + probe.expires / 1000
    if component.attest is not None and component.attest.expires_at is not None:
        yield component.attest.expires_at
    for work in site.maintenance:
        if component.name in work.components:
            yield work.start.timestamp()
            yield work.end.timestamp()


@dataclass(frozen=True, slots=True)
class _Voice:
    type: str
    name: str
    state: State
    why: str
    at: float | None
    proves: bool = True
    """Whether it can carry the component; else it can only weaken or end it."""
    exercised: bool = False
    fallen: bool = False
    """Not known any more; what the device said last was down."""


def _status(component: Component, tracks: Tracks, known: Mapping[str, Status], site: Site, now: float) -> Status:
    if not component.monitored:
        return Status(state=State.UP)
    heard = [_hear(probe, tracks, known, site, now) for probe in component.probes]
    voices = [voice for voice in heard if voice]
    if component.attest is not None:
        voices.append(_attested(component.attest, now))
    status = _weigh(voices)
    if status.state.works and (astray := _astray(component, tracks)):
        return replace(status, state=State.UNKNOWN, why=astray, astray=True)
    if status.state.works and (unproven := _unproven(component, now)):
        why = "; ".join(filter(None, (status.why, unproven)))
        return replace(status, state=State.DEGRADED, why=why, unproven=unproven)
    return status


def _unproven(component: Component, now: float) -> str:
    """Why nobody knows that a call goes by this line, though a probe sees it in service; else nothing. What stands by
    for months fails where no probe looks: a number ported away, a plan suspended, a dead handset."""
    attest = component.attest
    if attest is None or component.kind not in LINES:
        return ""
    if attest.expires_at is None:
        return "in service, and no test call or check is recorded"
    return f"in service, and its last check of {attest.on} has expired" if now > attest.expires_at else ""


def _astray(component: Component, tracks: Tracks) -> str:
    """Why what was seen of `component` was not seen of it: its probes' traffic left by another way. Else nothing."""
    for probe in component.probes:
        track = tracks.get(probe.key, BLANK)
        # However old: that nobody sees the way any more does not put them on it again.
        for seen in track.success.observations if track.success else ():
            if seen.quantity == "egress_expected" and not seen.value:
                return f"its probes do not pass it: they {seen.text}"
    return ""


def _hear(probe: ProbeSpec, tracks: Tracks, known: Mapping[str, Status], site: Site, now: float) -> _Voice | None:
    """What `probe` says, or None where it has nothing to say: a good answer that proves nothing."""
    track = tracks.get(probe.key, BLANK)
    last = f"{probe.name}: {track.reading.text}" if track.reading and track.reading.text else ""
    if probe.settings is None:
        return _Voice(probe.type, probe.name, State.UNKNOWN, f"{probe.name}: not part of this version", None)
    if track.reading is None:
        return _Voice(probe.type, probe.name, State.UNKNOWN, f"{probe.name}: not read yet", None)
    if track.state is State.UNKNOWN:
        return _Voice(probe.type, probe.name, State.UNKNOWN, last or f"{probe.name}: nothing decided yet", None)
    if not stands(probe, track.agreed_at, now):
        why = last or f"{probe.name}: the last answer is too old"
        fallen = track.state is State.DOWN and not track.by_failure
        return _Voice(probe.type, probe.name, State.UNKNOWN, why, None, fallen=fallen)
    if track.state is State.DOWN and track.by_failure:
        for road in probe.via:
            if blocked := _blocked(road, track, tracks, known, site):
                return _Voice(probe.type, probe.name, State.UNKNOWN, f"{last} ({blocked})", None)
    if track.state is State.UP and not probe.proves:
        return None
    proves = probe.proves or track.state is State.DOWN
    why = "" if track.state is State.UP else last
    return _Voice(probe.type, probe.name, track.state, why, track.agreed_at, proves)


def stands(probe: ProbeSpec, at: float, now: float) -> bool:
    """Whether what `probe` said at `at` is still believed. So much ahead of `now` as it may be behind it is a clock
    that was set back; what is further ahead would stand until the clock has caught up, and is not believed."""
    return abs(now - at) <= probe.expires / 1000


def _blocked(road: str, track: Track, tracks: Tracks, known: Mapping[str, Status], site: Site) -> str:
    """Why a failure by way of `road` says nothing, or nothing: the road was read up at or after the failure."""
    if not known[road].state.works:
        return f"its own road {road} is {known[road].state}"
    component = site.components[road]
    if not component.probes:
        return ""
    read_up = max(
        (t.agreed_at for p in component.probes if p.proves and (t := tracks.get(p.key, BLANK)).state.works),
        default=0.0,
    )
    return "" if read_up >= track.fell_at else f"its own road {road} has not been read since"


def _attested(attest: Attestation, now: float) -> _Voice:
    if (at := attest.made_at) is None:
        return _Voice(ATTEST, ATTEST, State.UNKNOWN, "asked for a person's check; none is recorded", None)
    if now > at + attest.valid / 1000:
        return _Voice(ATTEST, ATTEST, State.UNKNOWN, f"the check of {attest.on} has expired", None)
    if not attest.passed:
        return _Voice(ATTEST, ATTEST, State.DOWN, f"{FAILED_CHECK} {attest.on}", at)
    return _Voice(ATTEST, ATTEST, State.UP, "", at, exercised=attest.exercised)


_BEST = (State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN)
"""Probes of one type are alternatives: the best known answer counts. Types must all hold: the worst known one,
and one of which the device last said that it is down is not known to hold."""


def _better(voice: _Voice) -> tuple[int, bool]:
    return _BEST.index(voice.state), voice.fallen


def _weigh(voices: Iterable[_Voice]) -> Status:
    voices = list(voices)
    by_type: dict[str, _Voice] = {}
    for voice in voices:
        best = by_type.get(voice.type)
        if best is None or _better(voice) < _better(best):
            by_type[voice.type] = voice
    said = tuple(Said(v.type, v.state, v.why) for v in by_type.values()) if len(by_type) > 1 else ()
    known = [voice for voice in by_type.values() if voice.state is not State.UNKNOWN]
    if not any(voice.proves for voice in known):
        why = "; ".join(voice.why for voice in by_type.values()) or "no probe of it proves that it works"
        evidence = "observed" if set(by_type) != {ATTEST} else "attested"
        return Status(state=State.UNKNOWN, why=why, evidence=evidence, said=said)
    worst = max(known, key=lambda voice: _BEST.index(voice.state))
    if worst.state.works and (fallen := [voice for voice in by_type.values() if voice.fallen]):
        why = "; ".join(f"{voice.why}, and was down when it was last known" for voice in fallen)
        return Status(state=State.UNKNOWN, why=why, evidence="observed", said=said)
    evidence = "proven" if worst.exercised else "attested" if worst.type == ATTEST else "observed"
    return Status(
        state=worst.state,
        why=worst.why,
        evidence=evidence,
        at=worst.at,
        proven_at=next((voice.at for voice in known if voice.exercised), None) if worst.state.works else None,
        blind=tuple(voice.name for voice in voices if voice.state is State.UNKNOWN and voice.type != ATTEST),
        said=said,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """The most pessimistic fresh value of one quantity of a component."""

    observation: Observation
    at: float

    @property
    def value(self) -> float:
        return self.observation.value


Quantities = Mapping[tuple[str, str], Seen]
"""By (quantity, target)."""


def quantities(component: Component, tracks: Tracks, now: float) -> Quantities:
    """What the component's probes last read and what still stands: each quantity's most pessimistic value."""
    seen: dict[tuple[str, str], Seen] = {}
    for probe in component.probes:
        track = tracks.get(probe.key, BLANK)
        if track.success is None or not stands(probe, track.success_at, now):
            continue
        for observation in track.success.observations:
            key = (observation.quantity, observation.target)
            fresh = Seen(observation, track.success_at)
            seen[key] = _worse(seen[key], fresh) if key in seen else fresh
    return seen


def _worse(one: Seen, other: Seen) -> Seen:
    rule = QUANTITIES[one.observation.quantity].worst
    if rule == "min":
        return min(one, other, key=lambda seen: seen.value)
    if rule == "max":
        return max(one, other, key=lambda seen: seen.value)
    return max(one, other, key=lambda seen: seen.at)
