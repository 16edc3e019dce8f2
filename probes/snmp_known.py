"""What the SNMP probes share that have to find out which MIB an agent speaks: values as numbers and words, and the
memory of what was found out."""

import asyncio
import re
from collections.abc import Hashable
from typing import Generic, TypeVar

from probes.snmp import Value

SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"

REMEMBERED = 3600
"""Seconds that an agent is taken for the family it was found to be; then what it offers is looked at anew."""

F = TypeVar("F")


def number(value: Value | None) -> float | None:
    """`value` as a number: some agents send their figures as text ("74")."""
    if isinstance(value, bytes) and re.fullmatch(rb"\s*-?\d{1,12}(\.\d{1,6})?\s*", value):
        return float(value)
    return value if isinstance(value, int) else None


def shown(value: Value) -> str:
    """`value` for people, however long and strange."""
    return repr(value.decode(errors="replace")[:40]) if isinstance(value, bytes) else str(value)


def points_at(sys_object_id: Value | None, prefixes: tuple[str, ...]) -> bool:
    """Whether sysObjectID lies below one of `prefixes`; some agents put a dot before it."""
    said = f"{sys_object_id!s}.".removeprefix(".")
    return any(said.startswith(f"{prefix}.") for prefix in prefixes)


class KnownAgents(Generic[F]):
    """The family of each agent and the objects it has, so that a poll is one GET instead of a search."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[F, tuple[str, ...], float]] = {}

    def get(self, settings: Hashable) -> tuple[F, tuple[str, ...]] | None:
        entry = self._known.get(settings)
        return entry[:2] if entry and asyncio.get_running_loop().time() < entry[2] else None

    def keep(self, settings: Hashable, family: F, oids: tuple[str, ...]) -> None:
        self._known[settings] = (family, oids, asyncio.get_running_loop().time() + REMEMBERED)

    async def aclose(self) -> None:
        self._known.clear()
