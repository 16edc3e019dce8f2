"""Finding a thing of several in a device's SNMP tables, and asking for it: the I/O around `probes.snmp_rows`."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields

from probes.declared.snmp import Access
from probes.declared.snmp_row import Wanted
from probes.snmp import Session, SnmpFailure, Value, open_session
from probes.snmp_known import SYS_OBJECT_ID
from probes.snmp_rows import NotThere, Row, chosen, joined_row, rows_of, shown
from probes.snmp_tables import Family, Joined
from resilience.probing import Run, SecretMissing
from resilience.reading import Reading, Reason, failure

MOST_ROWS = 256
"""Rows of a table that are looked through: a chassis has fewer lines, and a walk is one question a row."""

REMEMBERED = 3600
"""Seconds that rows are taken for those they were found to be; then their table is looked through anew."""


@dataclass(frozen=True, slots=True)
class Makes:
    """The families that a probe reads, and makes that it knows and does not read: sysObjectID prefix to why."""

    families: Mapping[str, Family]
    refused: Mapping[str, str]


Rows = tuple[Family, list[Row]]


class Known:
    """The family and the rows of each agent, so that a poll is one GET instead of a search."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[Rows, float]] = {}

    def get(self, agent: object) -> Rows | None:
        rows, until = self._known.get(agent, (None, 0.0))
        return rows if asyncio.get_running_loop().time() < until else None

    def keep(self, agent: object, rows: Rows) -> None:
        self._known[agent] = (rows, asyncio.get_running_loop().time() + REMEMBERED)

    async def aclose(self) -> None:
        self._known.clear()


async def search(session: Session, makes: Makes, named: str) -> Rows:
    """The family that the agent speaks (`named` where the file says so), and its rows."""
    told = shown((await session.get([SYS_OBJECT_ID])).get(SYS_OBJECT_ID, "")).lstrip(".")
    hint = f"{told}."
    for prefix, why in makes.refused.items():
        if hint.startswith(f"{prefix}.") and not named:
            raise SnmpFailure(Reason.NOT_OFFERED, why)
    candidates = (
        [makes.families[named]]
        if named
        else sorted(
            makes.families.values(), key=lambda family: not any(hint.startswith(f"{p}.") for p in family.sys_object_ids)
        )
    )
    for family in candidates:
        found = await session.walk(family.rows, MOST_ROWS if family.only else 1)
        if not rows_of(family, found):
            continue
        if not family.only:
            found = await session.walk(family.rows, MOST_ROWS)
        for label in family.labels:
            found |= await session.get([f"{label}.{row.index}" for row in rows_of(family, found)])
        return family, rows_of(family, found)
    titles = ", ".join(family.title for family in candidates)
    raise SnmpFailure(
        Reason.NOT_OFFERED, f"the agent answers (sysObjectID {told or 'not shown'}) and shows no {titles}"
    )


async def _polled(session: Session, family: Family, row: Row) -> dict[str, Value]:
    """The objects of `row`; empty where it is gone, or where its index belongs to another one by now."""
    found = await session.get([f"{column}.{row.index}" for column in (*family.columns, *family.labels)])
    named = {label for column in family.labels if (label := shown(found.get(f"{column}.{row.index}", "")))}
    if not named <= set(row.labels) or not any(f"{column}.{row.index}" in found for column in family.columns):
        return {}
    return found | (await _second(session, family.joined, row.index, found) if family.joined else {})


async def ask(session: Session, wanted: Wanted, makes: Makes, known: Known) -> tuple[Family, Row, dict[str, Value]]:
    """The declared row and its objects, with those of its second table."""
    access = (getattr(wanted, setting.name) for setting in fields(Access))
    agent = (*access, wanted.family, tuple(makes.families))
    if remembered := known.get(agent):
        family, rows = remembered
        with suppress(NotThere):
            row = chosen(family, rows, wanted.row)
            if found := await _polled(session, family, row):
                return family, row, found
    family, rows = await search(session, makes, wanted.family)
    known.keep(agent, (family, rows))
    row = chosen(family, rows, wanted.row)
    if found := await _polled(session, family, row):
        return family, row, found
    raise SnmpFailure(Reason.NOT_OFFERED, f"{family.title}: {row} has no object that the agent lets us see")


async def _second(session: Session, joined: Joined, index: str, found: Mapping[str, Value]) -> dict[str, Value]:
    rows = await session.walk(joined.key, MOST_ROWS) or await session.walk(joined.same, MOST_ROWS)
    other = joined_row(joined, index, {**found, **rows})
    return rows | (await session.get([f"{row.oid}.{other}" for row in joined.figures]) if other else {})


async def read(
    wanted: Wanted, makes: Makes, run: Run, judge: Callable[[Family, Row, Mapping[str, Value]], Reading]
) -> Reading:
    """One reading of the declared row: `judge` on what was found, or the failure."""
    known = run.channels.get("snmp-rows", Known)
    try:
        session = await open_session(wanted, run)
        return judge(*await ask(session, wanted, makes, known))
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except SnmpFailure as silent:
        return failure(silent.reason, silent.text)
