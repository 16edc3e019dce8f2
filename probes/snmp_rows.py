"""One thing of several in a device's SNMP tables (a line, a modem): which row it is, and what its objects say.

Pure. What may live here: choosing a row by its name, and decoding it. No device's OID, and no opinion on what a line
or a modem is: a word of a device proves service, ends it, weakens it, or says nothing, and its table says which.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from probes.snmp import SnmpFailure, Value
from probes.snmp_known import number
from probes.snmp_tables import Condition, Family, Joined, Measured, Says, Words
from resilience.reading import Observation, Reason, State


@dataclass(frozen=True, slots=True)
class Row:
    index: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return self.labels[0] if self.labels else self.index


def rows_of(family: Family, found: Mapping[str, Value]) -> list[Row]:
    """The rows that walks of `rows` and `labels` found, each with its names."""
    rows: list[Row] = []
    for oid, value in found.items():
        index = _index(oid, family.rows)
        if not index or (family.only and number(value) not in family.only):
            continue
        named = [found.get(f"{label}.{index}") for label in family.labels]
        labels = [text for value in named if value is not None and (text := shown(value))]
        if family.printed is not None:
            labels.append(f"port {int(index.split('.')[0]) + family.printed}")
        rows.append(Row(index, tuple(dict.fromkeys(labels))))
    return rows


def _index(oid: str, column: str) -> str:
    return oid.removeprefix(f"{column}.") if oid.startswith(f"{column}.") else ""


class NotThere(SnmpFailure):
    """The device answers, and does not have what the file names."""

    def __init__(self, text: str) -> None:
        super().__init__(Reason.CONFIG, text)


def chosen(family: Family, rows: list[Row], wanted: str) -> Row:
    """The row that `wanted` names, or the only one; NotThere says what there is instead."""
    there = ", ".join(str(row) if str(row) == row.index else f"{row} (index {row.index})" for row in rows[:24])
    if not wanted:
        if len(rows) == 1:
            return rows[0]
        raise NotThere(f"the device has several, and the file does not say which: {there}")
    asked = wanted.strip().casefold()
    numbered = f"port {asked}" if family.printed is not None else ""
    called = [row for row in rows if {asked, numbered} & {label.casefold() for label in row.labels}]
    if not called and family.printed is None:
        called = [row for row in rows if row.index == asked]
    if len(called) == 1:
        return called[0]
    word = "several are" if called else "nothing is"
    raise NotThere(f"{word} called '{wanted}' there; it has {there}")


def shown(value: Value) -> str:
    """`value` for people: one line of at most 80 characters, without what a terminal would obey."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return "".join(letter for letter in text[:200].split("\0")[0] if letter.isprintable()).strip()[:80]


# ---- what a row says ----


class Heard(NamedTuple):
    row: Words
    says: Says

    def __str__(self) -> str:
        return f"{self.row.name} {self.says.word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that one row says."""

    heard: tuple[Heard, ...] = ()
    figures: tuple[Observation, ...] = ()
    refused: tuple[str, ...] = ()
    """Figures that are not believed, and why."""
    names: tuple[Observation, ...] = ()


def decode(family: Family, index: str, found: Mapping[str, Value], *, trust_tests: bool = False) -> Told:
    """What the objects `found` of row `index` say. Pure; nothing here is guessed."""
    heard: list[Heard] = []
    for row in family.words:
        value = found.get(f"{row.oid}.{index}")
        if value is None or not _holds(row.only_if, index, found):
            continue
        for says in _meant(row, value):
            stale = row.tested and not trust_tests and says.proves
            heard.append(
                Heard(row, replace(says, proves=False, word=f"{says.word} (some time ago)") if stale else says)
            )
    columns = [(row, f"{row.oid}.{index}") for row in family.figures if _holds(row.only_if, index, found)]
    if family.joined and (other := joined_row(family.joined, index, found)):
        columns += [(row, f"{row.oid}.{other}") for row in family.joined.figures]
    figures, refused = _figures(columns, found)
    names = (
        Observation(row.quantity, 1.0, source=f"{row.oid}.{index}", text=text)
        for row in family.names
        if (text := shown(found.get(f"{row.oid}.{index}", "")))
    )
    return Told(heard=tuple(heard), figures=tuple(figures.values()), refused=tuple(refused), names=tuple(names))


def _holds(condition: Condition | None, index: str, found: Mapping[str, Value]) -> bool:
    return condition is None or number(found.get(f"{condition[0]}.{index}")) in condition[1]


NOTHING_SAID = frozenset({"", "-", "n/a", "none", "unknown"})
"""Words of an agent that has nothing to say. Any other that no table lists is a weakness beside a proof."""


def _meant(row: Words, value: Value) -> list[Says]:
    text = shown(value)
    silent = text.casefold() in NOTHING_SAID or (row.bits and text == "0")
    unlisted = Says(word=f"{text or 'empty'} (not in its MIB)", weak=not silent)
    counted = number(value)
    if row.bits and counted is not None and counted > 0:
        total = int(counted)
        said = [says for bit, says in row.values.items() if isinstance(bit, int) and total & bit]
        rest = total & ~sum(bit for bit in row.values if isinstance(bit, int))
        # Bit 1, no alarm, stands alone or is a contradiction.
        said = [says for says in said if not says.proves] if len(said) > 1 or rest else said
        return [*said, *([unlisted] if rest else [])]
    key: int | str | None = text.casefold() if isinstance(value, bytes) else None
    if counted is not None and key not in row.values:
        key = int(counted) if counted == int(counted) else None
    return [row.values.get(key, unlisted) if key is not None else unlisted]


def _figures(
    columns: list[tuple[Measured, str]], found: Mapping[str, Value]
) -> tuple[dict[str, Observation], list[str]]:
    """Credible figures by quantity, the first column of a quantity first; and those refused, with the reason."""
    figures: dict[str, Observation] = {}
    refused: list[str] = []
    for row, oid in columns:
        raw = number(found.get(oid))
        if raw is None:
            if found.get(oid) is not None:
                refused.append(f"{row.name} '{shown(found[oid])}': no number")
        elif raw in row.never:
            refused.append(f"{row.name} {raw:.12g}: {row.never[raw]}")
        elif not row.least <= raw * row.scale <= row.most:
            refused.append(f"{row.name} {raw:.12g}: outside {row.least:g} to {row.most:g} {row.unit}")
        elif row.needs and row.needs not in figures:
            refused.append(f"{row.name} {raw:.12g}: nothing that it was measured on")
        else:
            figures.setdefault(row.quantity, Observation(row.quantity, raw * row.scale, row.unit, oid))
    return figures, refused


def joined_row(joined: Joined, index: str, found: Mapping[str, Value]) -> str:
    """The index in the second table of what is row `index` in the first one; "" where that is not sure."""
    told = {_index(oid, joined.key): number(value) for oid, value in found.items() if _index(oid, joined.key)}
    if told:
        same = [other for other, key in told.items() if str(key) == index or (key is not None and f"{key:g}" == index)]
    else:
        value = found.get(f"{joined.as_}.{index}")
        same = [_index(oid, joined.same) for oid, other in found.items() if _index(oid, joined.same) and other == value]
    return same[0] if len(same) == 1 else ""


def verdict(told: Told, weaknesses: tuple[str, ...]) -> tuple[State, str]:
    """Out where one word says so; in service only where one proves it; else unknown."""
    if out := [str(heard) for heard in told.heard if heard.says.out]:
        return State.DOWN, "; ".join(out)
    if not any(heard.says.proves for heard in told.heard):
        said = "; ".join(map(str, told.heard)) or "nothing"
        return State.UNKNOWN, f"what it says does not prove that it is in service ({said})"
    weak = (*(str(heard) for heard in told.heard if heard.says.weak), *weaknesses)
    return (State.DEGRADED if weak else State.UP), "; ".join(weak)


def spoken_values(told: Told) -> Iterator[Observation]:
    """The quantities of the words."""
    for row, says in told.heard:
        if row.quantity and says.value is not None:
            yield Observation(row.quantity, says.value, source=row.oid, text=says.word)
