"""The `snmp-bgp` probe: whether a router's BGP sessions are established (BGP4-MIB, RFC 4273)."""

from collections.abc import Mapping

from probes.declared.snmp_bgp import Settings
from probes.snmp import SnmpFailure, Value, open_session
from probes.snmp_known import number
from probes.targets import by_quorum
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure

_PEER = "1.3.6.1.2.1.15.3.1"
STATE, ADMIN, REMOTE_AS, LAST_ERROR = (f"{_PEER}.{column}" for column in (2, 3, 9, 14))

STOPPED, ESTABLISHED = 1, 6
STATES: Mapping[float, str] = {1: "idle", 2: "connect", 3: "active", 4: "opensent", 5: "openconfirm", 6: "established"}
ERRORS: Mapping[int, str] = {
    1: "message header error",
    2: "OPEN message error",
    3: "UPDATE message error",
    4: "hold timer expired",
    5: "state machine error",
    6: "cease",
}
"""NOTIFICATION error codes, RFC 4271 §4.5."""


def judge(peer: str, found: Mapping[str, Value]) -> Reading:
    """What the row of one peer says. A session that is stopped by configuration is nothing that failed."""
    said = number(found.get(f"{STATE}.{peer}"))
    if said is None:
        return failure(Reason.NOT_OFFERED, f"{peer}: the agent shows no such BGP peer (BGP4-MIB)")
    remote = number(found.get(f"{REMOTE_AS}.{peer}"))
    who = f"{peer} (AS {remote:.0f})" if remote else peer
    if number(found.get(f"{ADMIN}.{peer}")) == STOPPED:
        return Reading(State.UNKNOWN, None, f"{who}: stopped in the router's configuration")
    if said not in STATES:
        return Reading(State.UNKNOWN, None, f"{who}: in the state {said:g}, which BGP4-MIB does not have")
    seen = (Observation("bgp_established", float(said == ESTABLISHED), "1", f"{STATE}.{peer}", peer),)
    if said == ESTABLISHED:
        return Reading(State.UP, observations=seen)
    return Reading(State.DOWN, None, f"{who}: {STATES[said]}{last_error(found.get(f'{LAST_ERROR}.{peer}'))}", seen)


def last_error(value: Value | None) -> str:
    """bgpPeerLastError in words: two octets, code and subcode; nothing where there was none."""
    if not isinstance(value, bytes) or len(value) != 2 or not value[0]:
        return ""
    return f", last error {ERRORS.get(value[0], f'code {value[0]}')} ({value[0]}/{value[1]})"


async def probe(settings: Settings, run: Run) -> Reading:
    columns = (STATE, ADMIN, REMOTE_AS, LAST_ERROR)
    try:
        session = await open_session(settings, run)
        found = await session.get([f"{column}.{peer}" for peer in settings.peers for column in columns])
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    return by_quorum({peer: judge(peer, found) for peer in settings.peers}, settings.quorum)
