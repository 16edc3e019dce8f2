"""What a probe says: states, observations, readings, and the closed list of failure reasons.

Shared by the probes and the monitor. A failed reading is a value like any other, never an exception
that escapes and never a 0.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"

    @property
    def works(self) -> bool:
        return self in (State.UP, State.DEGRADED)


class Reason(StrEnum):
    """Why a reading failed. Closed: dashboards group by it."""

    TIMEOUT = "timeout"  # no answer in time
    REFUSED = "refused"  # an active refusal: TCP RST, ICMP port unreachable
    UNREACHABLE = "unreachable"  # no route, host or network unreachable
    CLOSED = "closed"  # the peer closed or reset in mid-answer
    RESOLVE = "resolve"  # the name did not resolve
    TLS = "tls"  # handshake, certificate or name
    AUTH = "auth"  # wrong or missing credentials, refused by an access list
    PROTOCOL = "protocol"  # an answer that is not the protocol: malformed, oversized, wrong id
    DEVICE = "device"  # the device answers and says it cannot tell: DATA-STALE, unknown UPS, SIP 5xx
    NOT_OFFERED = "not_offered"  # the device has none of the objects this probe reads
    LOSS = "loss"  # too many probes of a window were lost
    CONFIG = "config"  # a secret is missing, an address is fenced off, a source cannot be bound
    NOT_AVAILABLE = "not_available"  # this version has no probe of that type
    IMPAIRED = "impaired"  # the monitor itself was not fit to judge
    INTERNAL = "internal"  # a fault of ours; the log has the trace


@dataclass(frozen=True, slots=True)
class Observation:
    """One value: `quantity` is the metric's name without prefix, `value` in that metric's base unit.

    `target` tells apart several of one quantity (a ping target, a registration). `source` is where the
    value came from: an OID, a NUT variable, a header. `text` is a name that goes with it, such as the
    source an ATS is on or the reason why a runtime is not credible.
    """

    quantity: str
    value: float
    unit: str = ""
    source: str = ""
    target: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of one probe.

    `state` is what it says of the component: up, degraded or down; unknown says nothing. `reason` is None
    where the probe read what it came for, even if what it read is "down". `text` tells a person why the
    state is not up and what to look at.
    """

    state: State
    reason: Reason | None = None
    text: str = ""
    observations: tuple[Observation, ...] = ()

    @property
    def failed(self) -> bool:
        return self.reason is not None


def failure(reason: Reason, text: str, *, says: State = State.UNKNOWN) -> Reading:
    """A reading that failed. `says` is DOWN only where silence itself is the evidence (a ping, a trunk)."""
    return Reading(says, reason, text)
