"""What is wrong with a file, and where: faults, the report that gathers them, and words for near misses."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from resilience.yamltree import Mark


@dataclass(frozen=True, slots=True)
class Fault:
    """One message about a file. `code` is the finding code of a warning, empty for an error."""

    mark: Mark
    where: str
    message: str
    warning: bool = False
    code: str = ""
    reader: str = ""
    """The site file for which a value of another file was read, or the place in it of a variable in that value."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        reader = f" (for {self.reader})" if self.reader else ""
        return f"{self.mark}: {'warning: ' if self.warning else ''}{place}{self.message}{reader}"


class Reference(NamedTuple):
    """A name that stands for something declared elsewhere in the file: `to` is what it must be the name of."""

    to: str
    name: str
    mark: Mark
    where: str


class Report:
    """What one reading leaves behind beside its value: the faults and the references, in the order found.

    `partial`: what is read is lent to files and is none itself. What is missing there comes from elsewhere, what a
    variable makes of a value is not known yet, and no record becomes a value; everything else is told as ever.
    """

    def __init__(self, *, partial: bool = False) -> None:
        self.partial = partial
        self.faults: list[Fault] = []
        self.references: list[Reference] = []

    def error(self, mark: Mark, where: str, message: str) -> None:
        self.faults.append(Fault(mark, _told(where, 200), _told(message, 500)))

    def warn(self, mark: Mark, where: str, message: str, code: str = "") -> None:
        self.faults.append(Fault(mark, _told(where, 200), _told(message, 500), warning=True, code=code))

    def refer(self, to: str, name: str, mark: Mark, where: str) -> None:
        self.references.append(Reference(to, name, mark, where))

    @property
    def broken(self) -> bool:
        return any(not fault.warning for fault in self.faults)


def in_order(faults: Iterable[Fault], file: str = "") -> tuple[Fault, ...]:
    """By place, `file` first, each told once: a value that many probes share is read many times."""

    def place(fault: Fault) -> tuple[bool, str, int, int, int]:
        mark = fault.mark
        # At one place the shortest address comes first: it is that of the value and not of those who share it.
        return (mark.file != file, mark.file, mark.line, mark.column, len(fault.where))

    told: dict[tuple[Mark, str], Fault] = {}
    for fault in sorted(faults, key=place):
        told.setdefault((fault.mark, fault.message), fault)
    return tuple(told.values())


def _told(text: str, most: int) -> str:
    """`text` fit for a terminal and a log: what a file says is not allowed to steer them."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: most + 1])
    return shown if len(shown) <= most else shown[:most] + "…"


class Invalid(Exception):
    """There is no value; the report already says why, unless it is a partial one."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or nothing."""
    if len(word) > 64:  # longer than any name; the search takes time with the square of the length
        return ""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a known word is near, else nothing."""
    near = nearest(word, known)
    return f"; did you mean '{near}'?" if near else ""
