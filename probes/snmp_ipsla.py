"""The `snmp-ipsla` probe: what a Cisco router's own IP SLA operations last saw (CISCO-RTTMON-MIB).

The router asks from where the site's traffic leaves, which a monitor behind its NAT cannot. Its answers count only as
long as it goes on asking.
"""

from collections.abc import Mapping

from probes.declared.snmp_ipsla import Settings
from probes.if_mib import SYS_UP_TIME
from probes.snmp import SnmpFailure, Value, open_session
from probes.snmp_known import number
from probes.targets import by_quorum
from resilience.duration import spoken
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure

_RTTMON = "1.3.6.1.4.1.9.9.42.1"
KIND, FREQUENCY = f"{_RTTMON}.2.1.1.4", f"{_RTTMON}.2.1.1.6"
RUNNING = f"{_RTTMON}.2.9.1.10"
COMPLETION, SENSE, AT = f"{_RTTMON}.2.10.1.1", f"{_RTTMON}.2.10.1.2", f"{_RTTMON}.2.10.1.5"
COLUMNS = (KIND, FREQUENCY, RUNNING, COMPLETION, SENSE, AT)

ACTIVE = 6
"""rttMonCtrlOperState."""
IN_MILLISECONDS: Mapping[float, str] = {1: "ICMP echo", 5: "UDP echo", 6: "TCP connect"}
"""rttMonCtrlAdminRttType of operations whose completion time is a round trip, and always in milliseconds: that of
jitter operations may be in microseconds, that of HTTP and DNS is a server's."""
SENSES: Mapping[float, tuple[State, str]] = {
    1: (State.UP, ""),
    2: (State.DOWN, "disconnected"),
    3: (State.DEGRADED, "over its threshold"),
    4: (State.DOWN, "timed out"),
    5: (State.UNKNOWN, "not asked: the one before was still under way"),
    6: (State.DOWN, "not connected"),
    7: (State.UNKNOWN, "not asked: the router had no room for it"),
    8: (State.DOWN, "answered out of sequence"),
    9: (State.DOWN, "answered with other data than were sent"),
    11: (State.DOWN, "DNS server timed out"),
    12: (State.DOWN, "TCP connection timed out"),
    13: (State.DOWN, "HTTP transaction timed out"),
    14: (State.DOWN, "DNS query error"),
    15: (State.DOWN, "HTTP error"),
}
"""RttResponseSense. 0, 10 and 16 name no outcome that says anything of the way."""
PATIENCE = 30.0
"""Seconds beyond three periods of an operation after which its last result is too old."""
USUAL_FREQUENCY = 60.0
"""Seconds from one asking to the next where the router does not tell."""


def judge(operation: int, found: Mapping[str, Value]) -> Reading:
    """What the rows of one operation say."""
    values = {column: number(found.get(f"{column}.{operation}")) for column in COLUMNS}
    who = f"operation {operation}"
    sense = values[SENSE]
    if sense is None:
        return failure(Reason.NOT_OFFERED, f"{who}: the agent shows no such IP SLA operation, or no result of it")
    if values[RUNNING] is not None and values[RUNNING] != ACTIVE:
        return failure(Reason.DEVICE, f"{who}: it is not running (rttMonCtrlOperState {values[RUNNING]:g})")
    if stale := _stale(number(found.get(SYS_UP_TIME)), values[AT], values[FREQUENCY] or USUAL_FREQUENCY):
        return failure(Reason.DEVICE, f"{who}: {stale}")
    state, word = SENSES.get(sense, (State.UNKNOWN, f"ended with the sense {sense:g}, which says nothing of the way"))
    seen: tuple[Observation, ...] = ()
    completion = values[COMPLETION]
    if state.works and values[KIND] in IN_MILLISECONDS and completion is not None:
        seen = (Observation("wan_rtt_seconds", completion / 1000, "s", f"{COMPLETION}.{operation}", who),)
    return Reading(state, None, f"{who}: {word}" if word else "", seen)


def _stale(uptime: float | None, at: float | None, frequency: float) -> str:
    """Why the last result is none of today, or nothing. Both moments are hundredths since the router started."""
    if uptime is None or at is None:
        return "the router does not tell when its last result is from"
    age = (uptime - at) / 100
    if age < -1:
        return "its last result is from before a restart"
    if age > 3 * frequency + PATIENCE:
        return f"its last result is {spoken(round(age) * 1000)} old, and it asks every {spoken(frequency * 1000)}"
    return ""


async def probe(settings: Settings, run: Run) -> Reading:
    oids = [SYS_UP_TIME, *(f"{column}.{operation}" for operation in settings.operations for column in COLUMNS)]
    try:
        session = await open_session(settings, run)
        found = await session.get(oids)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    return by_quorum({str(operation): judge(operation, found) for operation in settings.operations}, settings.quorum)
