"""The `snmp-sbc` probe: what a session border controller or SIP gateway says of its own state and its SIP calls.

The makes are rows of one table, each proven on a public record. None of them tells by SNMP whether a SIP trunk
works, so a good answer proves nothing; what is told is an alarm, a device that is disabled, and calls that fill it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.declared.snmp_sbc import Sbc
from probes.pbx import Calls, of_calls
from probes.snmp import SnmpFailure, Value, open_session
from probes.snmp_known import SYS_OBJECT_ID, number, shown
from resilience.probing import Run, SecretMissing
from resilience.reading import Reading, Reason, State, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """An enumerated object: its OID, its name in the MIB, and what its values say."""

    oid: str
    name: str
    says: Mapping[int, tuple[State, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    title: str
    calls: str
    """The object that counts SIP calls under way."""
    words: tuple[Words, ...] = field(default=())


_FINE = (State.UP, "")

MAKES = (
    Make(
        title="AudioCodes Mediant",
        calls="1.3.6.1.4.1.5003.15.3.1.1.2.2.1.3.0",
        words=(
            Words(
                oid="1.3.6.1.4.1.5003.9.10.10.2.5.2.0",
                name="acSysStateOperational",
                says={1: (State.DOWN, "disabled"), 2: _FINE},
            ),
            Words(
                oid="1.3.6.1.4.1.5003.9.10.10.2.5.4.0",
                name="acSysStateGWSeverity",
                says={
                    0: _FINE,
                    1: _FINE,  # indeterminate and warning ask for nothing
                    2: _FINE,
                    3: (State.DEGRADED, "a minor alarm"),
                    4: (State.DEGRADED, "a major alarm"),
                    5: (State.DEGRADED, "a critical alarm"),
                },
            ),
        ),
    ),
    # cvCallVolConnActiveConnection.sip, CISCO-VOICE-DIAL-CONTROL-MIB: a call that is put through has two
    Make(title="Cisco CUBE", calls="1.3.6.1.4.1.9.9.63.1.3.8.1.1.2.2"),
    Make(title="Patton SmartNode", calls="1.3.6.1.4.1.1768.100.70.40.2.1.3.2"),
)

OIDS = (SYS_OBJECT_ID, *(oid for make in MAKES for oid in (make.calls, *(words.oid for words in make.words))))


def judge(found: Mapping[str, Value], limit: int) -> Reading:
    """What the objects `found` say of the device; `limit` calls are admitted, 0 where no limit is declared."""
    make = next((make for make in MAKES if {make.calls, *(words.oid for words in make.words)} & set(found)), None)
    if make is None:
        titles = ", ".join(make.title for make in MAKES)
        said = shown(found[SYS_OBJECT_ID]) if SYS_OBJECT_ID in found else "not shown"
        return failure(Reason.NOT_OFFERED, f"the agent (sysObjectID {said}) shows no SIP state of {titles}")
    told = [_told(words, found[words.oid]) for words in make.words if words.oid in found]
    active = number(found.get(make.calls))
    calls = [Calls(int(active), limit)] if active is not None and active >= 0 else []
    if calls and calls[0].exhausted:
        told.append((State.DEGRADED, f"all {limit} calls that it admits are under way"))
    states = {state for state, _ in told}
    text = "; ".join(word for _, word in told if word)
    for state in (State.DOWN, State.UNKNOWN, State.DEGRADED):
        if state in states:
            reason = Reason.DEVICE if state is State.UNKNOWN else None
            return Reading(state, reason, text, of_calls(calls))
    return Reading(State.UP, observations=of_calls(calls))


def _told(words: Words, value: Value) -> tuple[State, str]:
    said = number(value)
    unlisted = (State.UNKNOWN, f"{words.name} {shown(value)} (not in its MIB)")
    return words.says.get(int(said), unlisted) if said is not None and said == int(said) else unlisted


async def probe(settings: Sbc, run: Run) -> Reading:
    try:
        session = await open_session(settings, run)
        found = await session.get(OIDS)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    return judge(found, settings.calls)
