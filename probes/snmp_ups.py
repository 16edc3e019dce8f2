"""The `snmp-ups` probe: what a UPS's SNMP agent says, whichever vendor's MIB it speaks.

What may live here: which family an agent is, and what its objects amount to as `UpsFacts`. The families are
data in `probes.snmp_families`; the judgement is `probes.ups`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from probes.declared.snmp_ups import Settings
from probes.snmp import Session, SnmpFailure, Value, open_session
from probes.snmp_families import FAMILIES
from probes.snmp_known import SYS_OBJECT_ID, KnownAgents, number, points_at, shown
from probes.ups import Figure, Output, Refused, UpsFacts, agreed_runtime, credible_runtime, judge, ratio, serial_number
from probes.ups_mib import FLAGS, RFC_1628, AlarmTable, Enumerated, Family, Measured, Says
from resilience.probing import Run, SecretMissing
from resilience.reading import Reading, Reason, failure

MOST_ALARMS = 24
"""Rows of an alarm table that are read. RFC 1628 knows 24 alarms."""


class Heard(NamedTuple):
    """One word of a device, and the object that said it (empty for a row of an alarm table)."""

    name: str
    says: Says

    def __str__(self) -> str:
        return f"{self.name} {self.says.word}".strip()


def decode(family: Family, found: Mapping[str, Value], alarms: Mapping[str, Value]) -> UpsFacts:
    """What the objects `found` and the rows of the alarm table amount to. Pure; nothing here is guessed."""
    rows = list(_alarm_rows(family.alarms, found, alarms)) if family.alarms else []
    outputs = [heard for row in family.output for heard in _heard(row, found, CANNOT_TELL)]
    if family.stand_in and not any(heard.says.output for heard in outputs):
        outputs += _heard(family.stand_in, found, CANNOT_TELL)
    words = [*outputs, *(heard for row in family.conditions for heard in _heard(row, found, WEAK)), *rows]
    output = _combined({heard.says.output for heard in words if heard.says.output})
    if family.transfer_cause and output is Output.BATTERY:
        words += _heard(family.transfer_cause, found, Says(word=""))
    flags = {flag: any(getattr(heard.says, flag) for heard in words) for flag in FLAGS}
    draining = output is Output.BATTERY and flags["low_battery"]
    return UpsFacts(
        output=output,
        output_source=next((row.oid for row in family.output if row.oid in found), family.output[0].oid),
        output_text=", ".join(str(heard) for heard in words if heard.says.output),
        alarms=tuple(dict.fromkeys(str(heard) for heard in words if heard.says.alarm)),
        runtime=agreed_runtime(_runtimes(family.runtime, found, draining=draining)),
        runtime_low=next((low for low in _runtimes(family.runtime_low, found) if isinstance(low, Figure)), None),
        charge=_charge(family.charge, found, draining=draining),
        load=max(_ratios(family.load, found, most=200), key=attrgetter("value"), default=None),
        serial=serial_number(raw.decode(errors="replace"))
        if isinstance(raw := found.get(family.serial), bytes)
        else "",
        **flags,
    )


CANNOT_TELL = Says(word="", output=Output.UNKNOWN)
WEAK = Says(word="", alarm=True)
"""What a value says that the MIB does not list: of an output, and of a condition."""


def _heard(row: Enumerated, found: Mapping[str, Value], unlisted: Says) -> list[Heard]:
    """What `row` says, if the agent has it."""
    if row.oid not in found:
        return []
    says = _listed(row, found[row.oid])
    return [Heard(row.name, says or replace(unlisted, word=f"{shown(found[row.oid])} (not in its MIB)"))]


def _listed(row: Enumerated, raw: Value | None) -> Says | None:
    """What `raw` says by the table of `row`; None where the table does not have it."""
    value = number(raw)
    if value is not None:
        return row.values.get(value) or (row.above if value > 0 else None)
    return row.values.get(raw.decode(errors="replace").strip().lower()) if isinstance(raw, bytes) else None


def _combined(said: set[Output]) -> Output:
    """What carries the load where several objects speak: more than "line" refines it, a contradiction is unknown."""
    if not said or Output.UNKNOWN in said or said >= {Output.BATTERY, Output.BYPASS}:
        return Output.UNKNOWN
    return next((output for output in (Output.OFF, Output.BATTERY, Output.BYPASS) if output in said), Output.LINE)


def _alarm(table: AlarmTable, name: str) -> Says | None:
    """What the alarm `name` says: what is listed for it, or for the nearest group above it."""
    while name.startswith(f"{table.prefix}."):
        if says := table.values.get(name.removeprefix(f"{table.prefix}.")):
            return says
        name = name.rpartition(".")[0]
    return None


def _alarm_rows(table: AlarmTable, found: Mapping[str, Value], rows: Mapping[str, Value]) -> Iterator[Heard]:
    # An agent with a row for every alarm that could be (CE+T) fills those that are not with zeros.
    told = [value for value in rows.values() if str(value).strip(".0")]
    for value in told:
        yield Heard("", _alarm(table, str(value)) or Says(word=f"{shown(value)} (not in its MIB)", alarm=True))
    unlisted = (number(found.get(table.count)) or 0) - len(told)
    if unlisted > 0:
        yield Heard("", Says(word=f"{unlisted:g} more that the agent does not list", alarm=True))


def _runtimes(
    rows: tuple[Measured, ...], found: Mapping[str, Value], *, draining: bool = False
) -> list[Figure | Refused]:
    runtimes: list[Figure | Refused] = []
    for row in rows:
        if (value := found.get(row.oid)) is None or value == b"":
            continue
        raw = number(value)
        if raw is None:
            runtimes.append(Refused(shown(value), row.oid, "not a number"))
        elif raw in row.never:
            runtimes.append(Refused(f"{raw:.12g}", row.oid, row.never[raw]))
        else:
            runtimes.append(credible_runtime(raw, row.scale, row.oid, draining=draining))
    return runtimes


def _charge(rows: tuple[Measured, ...], found: Mapping[str, Value], *, draining: bool) -> Figure | None:
    """The lowest; 0 is "not known" with several makers, and believed of a battery that is known to be draining."""
    charges = [charge for charge in _ratios(rows, found, most=100) if charge.value or draining]
    return min(charges, key=attrgetter("value"), default=None)


def _ratios(rows: tuple[Measured, ...], found: Mapping[str, Value], *, most: float) -> list[Figure]:
    raws = [(row, number(found.get(row.oid))) for row in rows]
    known = [(row, raw) for row, raw in raws if raw is not None and raw not in row.never]
    ratios = [ratio(raw * row.scale, row.oid, most=most) for row, raw in known]
    return [figure for figure in ratios if figure]


# ---- which family ----


def own(family: Family) -> tuple[str, ...]:
    """The objects that a device of `family` shows and others do not: those of its status and its first runtime."""
    oids = (*(row.oid for row in family.output), family.runtime[0].oid)
    return oids if family is RFC_1628 or family.only_by_hint else tuple(oid for oid in oids if oid not in RFC_1628.oids)


def hinted(sys_object_id: Value | None) -> list[Family]:
    """Those that sysObjectID points at. Never a proof: cards with net-snmp's, and boxes with another maker's card."""
    return [family for family in FAMILIES.values() if points_at(sys_object_id, family.sys_object_ids)]


def plainly(family: Family, found: Mapping[str, Value]) -> bool:
    """Whether an object of `family` says what carries the load in words of its MIB."""
    says = [_listed(row, found.get(row.oid)) for row in family.output if row.oid in found]
    return any(said is not None and said.output for said in says)


def detected(found: Mapping[str, Value]) -> Family | None:
    """The family whose objects answer best, sysObjectID deciding only between equals; None where none answers."""
    pointed_at = hinted(found.get(SYS_OBJECT_ID))

    def answers(family: Family) -> tuple[bool, bool, bool]:
        return plainly(family, found), any(row.oid in found for row in family.output), family in pointed_at

    possible = [family for family in FAMILIES.values() if family in pointed_at or not family.only_by_hint]
    offered = [family for family in possible if set(own(family)) & set(found)]
    return max(offered, key=answers, default=None)


async def _polled(session: Session, settings: Settings, known: KnownAgents[Family]) -> tuple[Family, dict[str, Value]]:
    if remembered := known.get(settings):
        family, oids = remembered
        found = await session.get(oids)
        if _says_status(family, found):
            return family, found
    family = FAMILIES[settings.family] if settings.family else await _searched(session)
    found = await session.get(family.oids)
    if not found:
        raise SnmpFailure(Reason.NOT_OFFERED, f"the agent answers and has no object of {family.title} it lets us see")
    if _says_status(family, found):
        # Version 1 refuses a whole question for one missing object: ask only for what there is.
        known.keep(settings, family, tuple(found) if settings.version == "1" else tuple(_polled_oids(family, found)))
    return family, found


def _polled_oids(family: Family, found: Mapping[str, Value]) -> Iterator[str]:
    """What a poll asks of a known agent: all but the stand-in for a status that the agent has."""
    spared = family.stand_in.oid if family.stand_in and plainly(family, found) else ""
    return (oid for oid in family.oids if oid != spared)


def _says_status(family: Family, found: Mapping[str, Value]) -> bool:
    return any(row.oid in found for row in family.output)


async def _searched(session: Session) -> Family:
    """The agent's family: first what sysObjectID points at, and where that does not answer plainly, all of them."""
    found = await session.get([SYS_OBJECT_ID])
    first = list(dict.fromkeys(oid for family in hinted(found.get(SYS_OBJECT_ID)) for oid in own(family)))
    found |= await session.get(first)
    family = detected(found)
    if family is not None and plainly(family, found):
        return family
    others = dict.fromkeys(oid for family in FAMILIES.values() for oid in own(family))
    found |= await session.get([oid for oid in others if oid not in first])
    family = detected(found)
    if family is None:
        said = found.get(SYS_OBJECT_ID, "not shown")
        text = f"the agent answers (sysObjectID {said!s}) and shows no object of a UPS family known here"
        raise SnmpFailure(Reason.NOT_OFFERED, text)
    return family


async def probe(settings: Settings, run: Run) -> Reading:
    known: KnownAgents[Family] = run.channels.get("snmp-ups", KnownAgents)
    try:
        session = await open_session(settings, run)
        family, found = await _polled(session, settings, known)
        alarms: dict[str, Value] = {}
        if family.alarms and (number(found.get(family.alarms.count)) or 0) > 0:
            alarms = await session.walk(family.alarms.column, MOST_ALARMS)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
    return judge(decode(family, found, alarms))
