"""The shape of a device's SNMP tables as data: columns of words and of figures, of which each thing has a row.

Data only: no device's OID, no decoding. `probes.snmp_rows` reads rows by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What one value says. `value` is what it means for the quantity of its object, None where it means nothing."""

    word: str
    proves: bool = False
    out: bool = False
    weak: bool = False
    value: float | None = None


Condition = tuple[str, frozenset[int]]
"""A column, and the values that it must have for another one to mean something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A column whose values are words: numbers of an enumeration, or texts (compared without case).

    `bits`: the value is a sum of the keys. `tested`: it is the result of a test that the device ran some time ago.
    """

    oid: str
    name: str
    values: Mapping[Any, Says]
    """By number, or by text in lower case."""
    quantity: str = ""
    bits: bool = False
    tested: bool = False
    only_if: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A column that counts: `scale` of the quantity's unit in one of its units, credible from `least` to `most`."""

    oid: str
    name: str
    quantity: str
    unit: str
    scale: float = 1
    least: float
    most: float
    never: Mapping[float, str] = field(default_factory=dict)
    """Raw values that are no measurement, and why."""
    needs: str = ""
    """A quantity without which this one is not believed."""
    only_if: Condition | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A column whose text goes with an `_info` quantity."""

    oid: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A second table about the same things. `key` holds the row's index in the first one; where the device does not
    tell it, the row whose `same` is what `as_` is in the first one, if exactly one is."""

    key: str
    same: str
    as_: str
    figures: tuple[Measured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    title: str
    sys_object_ids: tuple[str, ...]
    """Prefixes of sysObjectID: a hint which family to ask for first, never a proof."""
    rows: str
    """The column that every row has."""
    only: frozenset[int] = frozenset()
    """Values of `rows` that make a row one of ours; all where empty."""
    labels: tuple[str, ...] = ()
    """Columns of names that people may call a row by."""
    printed: int | None = None
    """The number printed on the device beside index 0, where ports go by that number. It is the index's first arc."""
    words: tuple[Words, ...] = ()
    figures: tuple[Measured, ...] = ()
    names: tuple[Named, ...] = ()
    joined: Joined | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that one poll asks for."""
        words_and_figures: tuple[Words | Measured, ...] = (*self.words, *self.figures)
        conditions = (row.only_if[0] for row in words_and_figures if row.only_if)
        asked = (row.oid for row in words_and_figures)
        return tuple(dict.fromkeys((*asked, *(row.oid for row in self.names), *conditions)))
