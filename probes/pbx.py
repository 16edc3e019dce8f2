"""What a PBX says of its trunks, in one form for every make, and what that amounts to. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resilience.reading import Observation, Reading, Reason, State, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """One registration, gateway or destination of a PBX.

    `registered` and `reachable` are None where it does not register, or is not asked whether it answers. `expires`
    is Unix time. One that is not `counted` is switched off on purpose, and counts only where it is named.
    """

    name: str
    state: State
    why: str = ""
    registered: bool | None = None
    reachable: bool | None = None
    expires: float | None = None
    rtt: float | None = None
    counted: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls under way and how many there may be, as the PBX tells; a limit of 0 is none that it tells."""

    active: int
    limit: int = 0

    @property
    def exhausted(self) -> bool:
        return 0 < self.limit <= self.active


def select(trunks: Sequence[Trunk], watched: str) -> tuple[Trunk, ...]:
    """The trunks that count: the one that is named, else all that are not switched off.

    One that is named and not there is down: a PBX that has lost a trunk from its configuration lists it nowhere.
    """
    if not watched:
        return tuple(trunk for trunk in trunks if trunk.counted)
    if found := tuple(trunk for trunk in trunks if trunk.name == watched):
        return found
    there = ", ".join(trunk.name for trunk in trunks[:10]) or "none"
    why = f"the PBX has none of that name; it has: {there}"
    return (Trunk(name=watched, state=State.DOWN, why=why, registered=False),)


def judge(counted: Sequence[Trunk], calls: Sequence[Calls] = ()) -> Reading:
    """What the trunks that count amount to: any one carries the component, one that is lost beside it is degraded.

    Calls that fill what the PBX admits are a weakness: the next caller hears busy.
    """
    if not counted:
        return failure(Reason.DEVICE, "the PBX has no trunk that is switched on")
    states = {trunk.state for trunk in counted}
    text = "; ".join(filter(None, (_told(counted, state, says) for state, says in _SAYS.items())))
    full = next((f"all {one.limit} calls that it admits are under way" for one in calls if one.exhausted), "")
    observations = tuple(_observations(counted)) + of_calls(calls)
    if not any(state.works for state in states):
        if State.UNKNOWN in states:
            return Reading(State.UNKNOWN, Reason.DEVICE, text, observations)
        return Reading(State.DOWN, None, text, observations)
    weak = bool(states & {State.DOWN, State.DEGRADED} or full)
    said = "; ".join(filter(None, (text, full)))
    return Reading(State.DEGRADED if weak else State.UP, None, said, observations)


_SAYS = {State.DOWN: "not working", State.DEGRADED: "weak", State.UNKNOWN: "not known to work"}


def _told(trunks: Sequence[Trunk], state: State, says: str) -> str:
    found = [f"{trunk.name} ({trunk.why})" for trunk in trunks if trunk.state is state]
    return f"{says}: {', '.join(found)}" if found else ""


def _observations(trunks: Sequence[Trunk]) -> Iterator[Observation]:
    for trunk in trunks:
        if trunk.registered is not None:
            yield Observation(
                "trunk_registered", float(trunk.registered), source=trunk.source, target=trunk.name, text=trunk.why
            )
        if trunk.expires is not None:
            yield Observation(
                "trunk_registration_expiry_timestamp_seconds",
                trunk.expires,
                "s",
                source=trunk.source,
                target=trunk.name,
            )
        if trunk.reachable is not None:
            yield Observation("trunk_up", float(trunk.reachable), source=trunk.source, target=trunk.name)
        if trunk.rtt is not None:
            yield Observation("trunk_rtt_seconds", trunk.rtt, "s", source=trunk.source, target=trunk.name)


def of_calls(calls: Sequence[Calls]) -> tuple[Observation, ...]:
    if not calls:
        return ()
    fullest = max(calls, key=lambda one: (one.active / one.limit if one.limit else 0.0, one.active))
    active = Observation("trunk_calls", fullest.active)
    if not fullest.limit:
        return (active,)
    return (active, Observation("trunk_calls_ratio", fullest.active / fullest.limit))


def all_hold(readings: Sequence[Reading]) -> Reading:
    """Several things that a declaration names, all of which must work; what is not known decides only alone."""
    observations = tuple(seen for reading in readings for seen in reading.observations)
    text = "; ".join(reading.text for reading in readings if reading.text)
    known = [reading for reading in readings if reading.state is not State.UNKNOWN]
    if not known:
        return Reading(State.UNKNOWN, readings[0].reason, text, observations)
    worst = max(known, key=lambda reading: (State.UP, State.DEGRADED, State.DOWN).index(reading.state))
    return Reading(worst.state, None, text, observations)
