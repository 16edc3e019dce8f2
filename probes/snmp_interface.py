"""The `snmp-interface` probe: whether a router's or switch's interface is up, and how full the line on it is.

What may live here: finding the interface by its name, the counters of the reading before, and the verdict. What the
objects say is in `probes.if_mib`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes import if_mib
from probes.declared.snmp_interface import Settings
from probes.if_mib import ALIAS, COLUMNS, DESCR, NAME, SYS_UP_TIME, Counters, Passed
from probes.snmp import Session, SnmpFailure, Value, open_session
from probes.snmp_rows import NotThere, shown
from resilience.duration import spoken
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure

MOST_INTERFACES = 2048
"""Names that are looked through; the run's time ends a longer search."""


class Known:
    """What the next reading of each interface needs of this one: its index, and its counters."""

    def __init__(self) -> None:
        self.indexes: dict[Settings, str] = {}
        self.columns: dict[Settings, tuple[str, ...]] = {}
        self.counters: dict[Settings, Counters] = {}

    def since(self, settings: Settings, now: Counters | None, capacities: tuple[float, float]) -> Passed | None:
        """What passed since the reading before, which `now` then replaces. One that is too near is kept instead."""
        if now is None:
            self.counters.pop(settings, None)
            return None
        before = self.counters.get(settings)
        if before and 0 < now.uptime - before.uptime < if_mib.LEAST_SPAN:
            return None
        self.counters[settings] = now
        return if_mib.passed(before, now, capacities) if before else None

    async def aclose(self) -> None:
        self.indexes.clear()
        self.columns.clear()
        self.counters.clear()


def is_meant(settings: Settings, found: Mapping[str, Value], index: str) -> bool:
    """Whether the objects of `index` are those of the declared interface."""
    if settings.if_index:
        return any(f"{column}.{index}" in found for column in COLUMNS)
    columns = (ALIAS,) if settings.if_alias else (NAME, DESCR)
    return (settings.if_name or settings.if_alias) in {shown(found.get(f"{column}.{index}", "")) for column in columns}


async def _index(session: Session, settings: Settings) -> str:
    """The index that the declared name has now. Raises NotThere."""
    wanted = settings.if_name or settings.if_alias
    there: list[str] = []
    for column in (ALIAS,) if settings.if_alias else (NAME, DESCR):
        names = {oid: shown(name) for oid, name in (await session.walk(column, MOST_INTERFACES)).items()}
        called = [oid.removeprefix(f"{column}.") for oid, name in names.items() if name == wanted]
        if len(called) == 1:
            return called[0]
        if called:
            raise NotThere(f"several interfaces are called '{wanted}': index {', '.join(called[:8])}; use if-index")
        there += [name for name in names.values() if name and name not in there]
    shown_names = ", ".join(there[:24]) or "none with a name"
    raise NotThere(f"no interface is called '{wanted}'; there are {shown_names}")


async def _polled(session: Session, settings: Settings, known: Known) -> tuple[str, dict[str, Value]]:
    """The interface's index and objects. A name's index may be another one after a restart: it is asked for each
    time, and looked for where it is no longer the name's."""
    remembered = str(settings.if_index) if settings.if_index else known.indexes.get(settings, "")
    if remembered:
        found = await session.get(_oids(remembered, known.columns.get(settings, COLUMNS)))
        if settings.version == "1":  # which refuses a whole question for one missing object: ask for what there is
            known.columns[settings] = tuple(column for column in COLUMNS if f"{column}.{remembered}" in found)
        if is_meant(settings, found, remembered):
            return remembered, found
        if settings.if_index:
            raise NotThere(f"the agent shows no interface with the index {settings.if_index}")
    index = known.indexes[settings] = await _index(session, settings)
    known.columns.pop(settings, None)
    found = await session.get(_oids(index, COLUMNS))
    if not is_meant(settings, found, index):
        raise SnmpFailure(Reason.PROTOCOL, "the agent changes its interfaces' indexes while it is read")
    return index, found


def _oids(index: str, columns: Sequence[str]) -> list[str]:
    return [SYS_UP_TIME, *(f"{column}.{index}" for column in columns)]


def capacities(settings: Settings, found: Mapping[str, Value], index: str) -> tuple[float, float]:
    """Bits a second in and out: as declared, else the interface's speed; 0 where neither is known."""
    inward = settings.capacity or if_mib.speed(found, index)
    return inward, settings.capacity_out or inward


@dataclass(frozen=True, slots=True)
class Use:
    """How full one direction is."""

    direction: str
    share: float
    capacity: float

    def __str__(self) -> str:
        return f"{self.direction} {self.share:.0%} of {self.capacity / 1e6:.6g} Mb/s"


def judge(settings: Settings, name: str, status: tuple[State, str], uses: list[Use], seconds: float) -> Reading:
    """The reading that status and use amount to."""
    state, word = status
    credible = [use for use in uses if use.share <= if_mib.BEYOND]
    seen = tuple(
        Observation(
            "interface_utilization_ratio", use.share, "1", "ifHCInOctets, ifHCOutOctets", f"{name} {use.direction}"
        )
        for use in credible
    )
    if state is not State.UP:
        return Reading(state, None, f"{name} is {word}", seen)
    over = span(seconds)
    weak = [f"{use} over {over}" for use in credible if use.share >= settings.congested]
    odd = [f"{use} over {over}, which cannot be; is the capacity right?" for use in uses if use not in credible]
    text = ", ".join([*weak, *odd])
    return Reading(State.DEGRADED if weak else State.UP, None, f"{name}: {text}" if text else "", seen)


def span(seconds: float) -> str:
    return spoken(round(seconds) * 1000)


async def probe(settings: Settings, run: Run) -> Reading:
    known = run.channels.get("snmp-interface", Known)
    try:
        session = await open_session(settings, run)
        index, found = await _polled(session, settings, known)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    name = settings.if_name or settings.if_alias or shown(found.get(f"{NAME}.{index}", "")) or f"interface {index}"
    bits = capacities(settings, found, index)
    since = known.since(settings, if_mib.counters(found, index), bits)
    uses = []
    if since:
        directions = zip(("in", "out"), since.rates, bits, strict=True)
        uses = [Use(direction, rate / capacity, capacity) for direction, rate, capacity in directions if capacity]
    return judge(settings, name, if_mib.state(found, index), uses, since.seconds if since else 0.0)
