"""The `snmp-sdwan` probe: what a FortiGate's own health checks see of one member of its SD-WAN.

FORTINET-FORTIGATE-MIB, fgVWLHealthCheckLinkTable. The firewall asks from the member itself, which a monitor behind it
cannot. No other make is read: of none is there a public record that shows what its checks say.
"""

from collections.abc import Mapping
from typing import NamedTuple

from probes import voice
from probes.declared.snmp_sdwan import Settings
from probes.icmp import JITTER_DEGRADED, LOSS_DEGRADED, LOSS_FAILED, RTT_DEGRADED
from probes.snmp import SnmpFailure, Value, open_session
from probes.snmp_known import number
from probes.snmp_rows import NotThere, shown
from probes.targets import by_quorum
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure

_LINK = "1.3.6.1.4.1.12356.101.4.9.2.1"
NAME, STATE, LATENCY, JITTER, LOSS, MEMBER = (f"{_LINK}.{column}" for column in (2, 4, 5, 6, 9, 14))
ALIVE, DEAD = 0, 1
MOST_LINKS = 512


class Measure(NamedTuple):
    """A column, in milliseconds or percent as text, and what it measures."""

    column: str
    quantity: str
    unit: str
    scale: float
    most: float


MEASURES = (
    Measure(LATENCY, "wan_rtt_seconds", "s", 0.001, 60),
    Measure(JITTER, "wan_jitter_seconds", "s", 0.001, 60),
    Measure(LOSS, "wan_loss_ratio", "1", 0.01, 1),
)


def links(settings: Settings, members: Mapping[str, Value], names: Mapping[str, Value]) -> dict[str, str]:
    """Index and health check's name of the declared member's rows. Raises NotThere."""
    rows = {oid.removeprefix(f"{MEMBER}."): shown(member) for oid, member in members.items()}
    checks = {index: shown(names.get(f"{NAME}.{index}", "")) or index for index in rows}
    found = {
        index: checks[index]
        for index, member in rows.items()
        if member == settings.member and settings.check in ("", checks[index])
    }
    if found:
        return found
    there = ", ".join(f"{member} ({checks[index]})" for index, member in list(rows.items())[:24]) or "none"
    wanted = f"'{settings.member}'" + (f" with the check '{settings.check}'" if settings.check else "")
    raise NotThere(f"no SD-WAN member {wanted}; there are {there}")


def judge(who: str, index: str, found: Mapping[str, Value]) -> Reading:
    """What one health check says of the member. While it is dead its figures are none."""
    state = number(found.get(f"{STATE}.{index}"))
    if state == DEAD:
        return Reading(State.DOWN, None, f"{who}: the firewall's health check is dead")
    if state != ALIVE:
        said = "no state" if state is None else f"the state {state:g}"
        return Reading(State.UNKNOWN, None, f"{who}: {said}, which says nothing of the link")
    values: dict[str, float] = {}
    for measure in MEASURES:
        raw = number(found.get(f"{measure.column}.{index}"))
        if raw is not None and 0 <= raw * measure.scale <= measure.most:
            values[measure.quantity] = raw * measure.scale
    seen = [
        Observation(m.quantity, values[m.quantity], m.unit, m.column, who) for m in MEASURES if m.quantity in values
    ]
    rtt, jitter, loss = (values.get(measure.quantity) for measure in MEASURES)
    if rtt is not None and jitter is not None and loss is not None:
        seen.append(Observation("wan_mos", voice.mos(voice.rating(rtt, jitter, loss)), "1", "E-model", who))
    if loss is not None and loss > LOSS_FAILED:
        return Reading(State.DOWN, None, f"{who}: {loss:.0%} of the firewall's checks are lost", tuple(seen))
    weak = [
        text
        for value, bound, text in (
            (loss, LOSS_DEGRADED, f"{loss or 0:.0%} of the firewall's checks are lost"),
            (rtt, RTT_DEGRADED, f"the round trip takes {(rtt or 0) * 1000:.0f} ms"),
            (jitter, JITTER_DEGRADED, f"successive round trips differ by {(jitter or 0) * 1000:.0f} ms"),
        )
        if value is not None and value >= bound
    ]
    return Reading(State.DEGRADED if weak else State.UP, None, f"{who}: {', '.join(weak)}" if weak else "", tuple(seen))


async def probe(settings: Settings, run: Run) -> Reading:
    try:
        session = await open_session(settings, run)
        members = await session.walk(MEMBER, MOST_LINKS)
        if not members:
            return failure(Reason.NOT_OFFERED, "the agent shows no SD-WAN health check (FORTINET-FORTIGATE-MIB)")
        names = await session.get([f"{NAME}.{oid.removeprefix(f'{MEMBER}.')}" for oid in members])
        rows = links(settings, members, names)
        columns = (STATE, *(measure.column for measure in MEASURES))
        found = await session.get([f"{column}.{index}" for index in rows for column in columns])
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    readings = {
        f"{settings.member} {check}": judge(f"{settings.member} {check}", i, found) for i, check in rows.items()
    }
    return by_quorum(readings, settings.quorum)
