"""IF-MIB (RFC 2863): what an interface's objects say, and how much passed it between two readings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from probes.snmp import Value
from probes.snmp_known import number
from resilience.reading import State

SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
DESCR, NAME, ALIAS = f"{_IF}.2", f"{_IFX}.1", f"{_IFX}.18"
SPEED, ADMIN, OPER, HIGH_SPEED = f"{_IF}.5", f"{_IF}.7", f"{_IF}.8", f"{_IFX}.15"
IN, OUT, HC_IN, HC_OUT, DISCONTINUITY = f"{_IF}.10", f"{_IF}.16", f"{_IFX}.6", f"{_IFX}.10", f"{_IFX}.19"
COLUMNS = (NAME, DESCR, ALIAS, ADMIN, OPER, SPEED, HIGH_SPEED, HC_IN, HC_OUT, IN, OUT, DISCONTINUITY)

ADMIN_DOWN = 2
OPER_STATES: Mapping[float, tuple[State, str]] = {
    1: (State.UP, ""),
    2: (State.DOWN, "down"),
    3: (State.DOWN, "in a test: it passes no packets"),
    4: (State.UNKNOWN, "in a state that the device does not know"),
    5: (State.UNKNOWN, "dormant: it waits for something before it connects"),
    6: (State.DOWN, "not present: a module or a cable is missing"),
    7: (State.DOWN, "down because what it runs over is down"),
}
"""ifOperStatus. 0, which many agents send, is none of them."""

SATURATED = 2**32 - 1
"""ifSpeed of everything faster than it can say."""
LEAST_SPAN = 20.0
"""Seconds between the readings that a rate is made of: some devices refresh their counters only every ten."""
BEYOND = 1.5
"""Shares of the capacity that no line carries: the counters jumped, or the capacity is declared too small."""


def state(found: Mapping[str, Value], index: str) -> tuple[State, str]:
    """What the interface's status says, and in words where that is not up."""
    if number(found.get(f"{ADMIN}.{index}")) == ADMIN_DOWN:
        return State.UNKNOWN, "switched off in the device's configuration (ifAdminStatus)"
    said = number(found.get(f"{OPER}.{index}"))
    if said is None:
        return State.UNKNOWN, "without a status: the agent does not show ifOperStatus"
    return OPER_STATES.get(said, (State.UNKNOWN, f"in the state {said:g}, which IF-MIB does not have"))


def speed(found: Mapping[str, Value], index: str) -> float:
    """Bits a second; 0 where the device does not tell: it then says 0, or that it is too fast for the object."""
    if high := number(found.get(f"{HIGH_SPEED}.{index}")):
        return high * 1e6
    plain = number(found.get(f"{SPEED}.{index}")) or 0.0
    return 0.0 if plain >= SATURATED else plain


@dataclass(frozen=True, slots=True)
class Counters:
    """Octets that came in and went out, when, and what makes them comparable with earlier ones."""

    uptime: float
    """Seconds since the agent started, by its own clock."""
    octets: tuple[float, float]
    bits: int
    """How wide the counters are."""
    discontinuity: Value | None = None


def counters(found: Mapping[str, Value], index: str) -> Counters | None:
    """None where the agent does not count, or does not tell its uptime: a restart would then go unseen."""
    uptime = number(found.get(SYS_UP_TIME))
    if uptime is None:
        return None
    for bits, columns in ((64, (HC_IN, HC_OUT)), (32, (IN, OUT))):
        came, went = (number(found.get(f"{column}.{index}")) for column in columns)
        if came is not None and went is not None:
            return Counters(uptime / 100, (came, went), bits, found.get(f"{DISCONTINUITY}.{index}"))
    return None


class Passed(NamedTuple):
    """Bits a second that came in and went out, over `seconds`."""

    rates: tuple[float, float]
    seconds: float


def passed(before: Counters, after: Counters, capacities: tuple[float, float]) -> Passed | None:
    """What passed between two readings; None where they cannot be compared.

    They cannot after a restart, a discontinuity or a counter that went back. A 32-bit counter that went back has
    gone round once, if the capacity is known and could not have sent it round twice.
    """
    seconds = after.uptime - before.uptime
    if seconds <= 0 or before.bits != after.bits or before.discontinuity != after.discontinuity:
        return None
    rates = []
    for earlier, later, capacity in zip(before.octets, after.octets, capacities, strict=True):
        octets = later - earlier
        if after.bits == 32:
            if not capacity or capacity * BEYOND * seconds / 8 >= 2**32:
                return None
            octets %= 2**32
        if octets < 0:
            return None
        rates.append(octets * 8 / seconds)
    return Passed((rates[0], rates[1]), seconds)
