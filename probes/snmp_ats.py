"""The `snmp-ats` probe: what a transfer switch's agent says of the input it is on and whether it would change it.

The makers' objects are data in `probes.ats_mib`. An input is told by its number, or by the feed that the file's
`inputs` gives it; without that the site's own order of feeds counts (`resilience.power`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from probes.ats_mib import ATS_FAMILIES, AtsFamily, AtsObject, AtsSays
from probes.declared.snmp_ats import Ats
from probes.snmp import Session, SnmpFailure, Value, open_session
from probes.snmp_known import SYS_OBJECT_ID, KnownAgents, number, points_at, shown
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AtsFacts:
    """One switch's answer, decoded. Words are "object value" for people."""

    source_oid: str
    on: int = 0
    """The input in use, from 1; 0 where that is not said or said twice."""
    preferred: int = 0
    blind: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    said: str = ""


def decode(family: AtsFamily, found: Mapping[str, Value]) -> AtsFacts:
    """What the objects `found` amount to. Pure."""
    heard = [(row, says) for row in (family.source, *family.rows) for says in _heard(row, found)]

    def named(kind: str) -> tuple[str, ...]:
        return tuple(f"{row.name} {says.word}" for row, says in heard if getattr(says, kind))

    used = {says.on for _, says in heard if says.on}
    on = used.pop() if len(used) == 1 else 0
    preferred = next((says.on for says in _heard(family.preferred, found)), 0) if family.preferred else 0
    return AtsFacts(
        source_oid=family.source.oid,
        on=on,
        preferred=preferred,
        blind=named("blind"),
        off=named("off"),
        stuck=named("stuck"),
        single=(*named("single"), *named("bad")),
        weak=named("weak"),
        said=", ".join(f"{row.name} {says.word}" for row, says in heard if row is family.source) or "nothing",
    )


def _heard(row: AtsObject, found: Mapping[str, Value]) -> Iterator[AtsSays]:
    if row.oid not in found:
        return
    raw = found[row.oid]
    value = number(raw)
    if row.bits:
        if value is not None:
            yield from (says for bit, says in row.bits.items() if int(value) & bit)
        return
    if value is None:
        known = row.values.get(raw.decode(errors="replace").strip().lower()) if isinstance(raw, bytes) else None
    else:
        known = row.values.get(value)
    if known is not None:
        yield known
    elif value is None or 0 not in row.values:  # where 0 alone is listed, the object is a measurement
        yield AtsSays(word=f"{shown(raw)} (not in its MIB)", weak=True)


def judge(facts: AtsFacts, inputs: tuple[str, ...]) -> Reading:
    """The reading that `facts` amount to; `inputs` are the feeds by the switch's own numbers."""
    if facts.blind:
        return failure(Reason.DEVICE, f"the card has lost its switch: {', '.join(facts.blind)}")
    observations = tuple(_observations(facts, inputs))
    if facts.off:
        return Reading(State.DOWN, None, f"the output is off ({', '.join(facts.off)})", observations)
    if not facts.on:
        text = f"the switch does not say which input it is on ({facts.said})"
        return Reading(State.UNKNOWN, Reason.DEVICE, text, observations)
    weaknesses = list(_weaknesses(facts, inputs))
    return Reading(State.DEGRADED if weaknesses else State.UP, None, "; ".join(weaknesses), observations)


def feed(facts_input: int, inputs: tuple[str, ...]) -> str:
    return inputs[facts_input - 1] if 0 < facts_input <= len(inputs) else f"input {facts_input}"


def _weaknesses(facts: AtsFacts, inputs: tuple[str, ...]) -> Iterator[str]:
    if facts.stuck:
        yield f"would not transfer, stays on {feed(facts.on, inputs)}: {', '.join(facts.stuck)}"
    if facts.single:
        yield f"redundancy lost: {', '.join(facts.single)}"
    if facts.preferred and facts.preferred != facts.on:
        yield f"on {feed(facts.on, inputs)}, not on the preferred {feed(facts.preferred, inputs)}"
    yield from facts.weak


def _observations(facts: AtsFacts, inputs: tuple[str, ...]) -> Iterator[Observation]:
    source = facts.source_oid
    yield Observation("ats_auto", float(not facts.stuck), source=source, text=", ".join(facts.stuck))
    yield Observation("ats_redundant", float(not facts.single), source=source, text=", ".join(facts.single))
    if facts.on:
        yield Observation("ats_source_info", 1.0, source=source, text=feed(facts.on, inputs))


def detected(found: Mapping[str, Value]) -> AtsFamily | None:
    """The family whose status object answers; sysObjectID decides between equals."""
    offered = [family for family in ATS_FAMILIES.values() if family.source.oid in found]
    hint = found.get(SYS_OBJECT_ID)
    return max(offered, key=lambda family: points_at(hint, family.sys_object_ids), default=None)


async def _polled(session: Session, settings: Ats, known: KnownAgents[AtsFamily]) -> AtsFacts:
    remembered = known.get(settings)
    if remembered:
        found = await session.get(remembered[1])
        if remembered[0].source.oid in found:
            return decode(remembered[0], found)
    found = await session.get([SYS_OBJECT_ID, *(family.source.oid for family in ATS_FAMILIES.values())])
    family = detected(found)
    if family is None:
        said = found.get(SYS_OBJECT_ID, "not shown")
        titles = ", ".join(family.title for family in ATS_FAMILIES.values())
        raise SnmpFailure(Reason.NOT_OFFERED, f"the agent answers (sysObjectID {said!s}) and is none of {titles}")
    found = await session.get(family.oids)
    if family.source.oid in found:
        known.keep(settings, family, tuple(found) if settings.version == "1" else family.oids)
    return decode(family, found)


async def probe(settings: Ats, run: Run) -> Reading:
    known: KnownAgents[AtsFamily] = run.channels.get("snmp-ats", KnownAgents)
    try:
        session = await open_session(settings, run)
        facts = await _polled(session, settings, known)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    return judge(facts, settings.inputs)
