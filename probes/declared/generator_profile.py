"""A generator controller's profile: which registers or objects say which fact, read from a YAML file and checked.

What may live here: the profile as values, and what is wrong with a file of one, each fault at its line. The
profiles that come with the package are the files of `probes/profiles`; a site writes its own in the same form
(docs/generator-profiles.md). Every reader of a register map needs the same five things: where, how wide, in which
order, in which unit, and which numbers mean "not there".
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from resilience import fields
from resilience.faults import Invalid, Report
from resilience.fields import VARIABLE, Field, described, record
from resilience.yamltree import Node, Scalar, Table, YamlFault, parse_tree

SHIPPED = Path(__file__).parent.parent / "profiles"

TRUTHS = ("auto", "running", "failed", "on_load")
"""Facts that are so or not so; of several rows one that says so is enough, but for `auto`: there all must."""
MEASURES = ("fuel", "start_battery", "last_exercise")
"""Facts that are a number: percent of a tank, volts, seconds since 1970."""

UNIMPLEMENTED: Mapping[int, tuple[int, ...]] = {16: (0xFFFF, 0x8000), 32: (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF)}
"""Raw values that say "not there" where a row names none of its own, by width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Where one fact stands. `values` are pairs of a raw number and what it says, None for "cannot tell"."""

    register: int | None = None
    oid: str = ""
    function: int = 3
    width: int = 16
    signed: bool = False
    low_first: bool = False
    scale: float = 1
    bit: int | None = None
    nibbles: int = 0
    """So many registers hold four values of four bits each; one of them in `values` decides."""
    values: tuple[tuple[int, bool | None], ...] = ()
    above: float | None = None
    never: tuple[int, ...] = ()

    @property
    def registers(self) -> int:
        """How many registers (or bits, with functions 1 and 2) the row takes."""
        return self.nibbles or (2 if self.width == 32 else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    title: str
    protocol: str = "modbus"
    source: str = ""
    facts: tuple[tuple[str, tuple[Row, ...]], ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for _, rows in self.facts for row in rows)

    def of(self, fact: str) -> tuple[Row, ...]:
        return next((rows for name, rows in self.facts if name == fact), ())


_SAYS = {"true": True, "false": False, "unknown": None}


def _pairs(values: Mapping[str, str]) -> tuple[tuple[int, bool | None], ...]:
    return tuple((int(raw), _SAYS[says]) for raw, says in values.items())


def _row(**given: Any) -> Row:
    if "width" in given:
        given["width"] = int(given["width"])
    if "function" in given:
        given["function"] = int(given["function"])
    given["low_first"] = given.pop("words", "high-first") == "low-first"
    given["values"] = _pairs(given.pop("values", {}))
    return Row(**given)


_ROW_FIELDS: Mapping[str, Field[Any]] = {
    "register": described(fields.integer(0, 65535), "The register's address in the message, counted from 0."),
    "oid": described(fields.text(pattern=r"1(\.\d{1,10}){3,60}", wanted="an OID in numbers"), "The SNMP object."),
    "function": described(fields.choice("1", "2", "3", "4"), "The Modbus function that reads it; 3."),
    "width": described(fields.choice("16", "32"), "Bits of the value; 16."),
    "signed": described(fields.flag(), "Whether the value is two's complement; false."),
    "words": described(fields.choice("high-first", "low-first"), "The order of the two registers of 32 bits."),
    "scale": described(fields.decimal(0.000001, 1_000_000), "What one of the raw value is in the fact's unit; 1."),
    "bit": described(fields.integer(0, 31), "The bit that says so, 0 the lowest."),
    "nibbles": described(fields.integer(1, 100), "So many registers of four values of four bits each."),
    "values": described(
        fields.table_of(fields.choice("true", "false", "unknown"), key=r"-?\d{1,10}", wanted="a whole number", least=1),
        "What each raw value says; one that is not listed cannot tell.",
    ),
    "above": described(fields.decimal(-1_000_000, 1_000_000), "Says so where the scaled value is greater."),
    "never": described(fields.list_of(fields.integer(-(2**31), 2**32 - 1)), "Raw values that mean 'not there'."),
}


def _row_rules(values: Mapping[str, Any], written: Container[str]) -> Iterator[tuple[str, str]]:
    if ("register" in written) == ("oid" in written):
        yield "register", "one of 'register' and 'oid' is wanted"
    for key in ("function", "width", "words", "signed", "nibbles"):
        if "oid" in written and key in written:
            yield key, f"'{key}' is of registers, and this is an SNMP object"
    if values.get("width") != "32" and "words" in written:
        yield "words", "'words' orders the two registers of 'width: 32'"
    if values.get("bit", 0) > 15 and values.get("width") != "32":
        yield "bit", "16 bits have the numbers 0 to 15"
    if "nibbles" in written and "values" not in written:
        yield "nibbles", "'nibbles' need 'values': which of 0 to 15 say so"


def _rows(truth: bool) -> Field[tuple[Row, ...]]:
    """The rows of one fact: a row, or of a truth a list of them."""

    def rules(values: Mapping[str, Any], written: Container[str]) -> Iterator[tuple[str, str]]:
        yield from _row_rules(values, written)
        ways = [key for key in ("bit", "values", "above") if key in written]
        binary = values.get("function") in ("1", "2")
        if truth and len(ways) != 1 and not (binary and not ways):
            yield "bit", "one of 'bit', 'values' and 'above' is wanted: what says so"
        if not truth and ways:
            yield ways[0], "this fact is a number; 'bit', 'values' and 'above' are of facts that are so or not so"

    one = record(_ROW_FIELDS, _row, rule=rules)
    several = fields.list_of(one, least=1, what="row")

    def read(node: Node, where: str, report: Report) -> tuple[Row, ...]:
        if truth and not isinstance(node, Table):
            return several.read(node, where, report)
        return (one.read(node, where, report),)

    return Field(read, lambda: {"anyOf": [one.schema, several.schema]} if truth else one.schema)


_FACT_FIELDS: Mapping[str, Field[Any]] = {
    "auto": described(_rows(True), "The controller is in automatic: it starts the engine by itself."),
    "running": described(_rows(True), "The engine runs."),
    "failed": described(_rows(True), "It failed to start, or is shut down or locked out by an alarm."),
    "on_load": described(_rows(True), "The generator carries the load."),
    "fuel": described(_rows(False), "Percent of the tank."),
    "start_battery": described(_rows(False), "Volts of the starter's battery."),
    "last_exercise": described(_rows(False), "When it last ran, in seconds since 1970."),
}


def _profile(facts: Mapping[str, tuple[Row, ...]], **given: Any) -> Profile:
    return Profile(facts=tuple(facts.items()), **given)


def _profile_rules(values: Mapping[str, Any], written: Container[str]) -> Iterator[tuple[str, str]]:
    facts = values.get("facts")
    if facts is None:
        return
    if not facts:
        yield "facts", "is empty; at least one fact is wanted"
    by_snmp = values.get("protocol") == "snmp"
    for fact, rows in facts.items():
        if any(bool(row.oid) != by_snmp for row in rows):
            wanted = "'oid'" if by_snmp else "'register'"
            yield "facts", f"'{fact}' is told by {wanted} with this 'protocol'"


PROFILE_FIELDS: Mapping[str, Field[Any]] = {
    "title": fields.required(fields.text(longest=100), "What it is for, for people."),
    "protocol": described(fields.choice("modbus", "snmp"), "How the controller is asked; modbus."),
    "source": described(fields.text(), "Where the map is from."),
    "facts": fields.required(record(_FACT_FIELDS, dict), "The facts it tells, each with its row."),
}
ROW_FIELDS = _ROW_FIELDS
FACT_FIELDS = _FACT_FIELDS
_PROFILE = record(PROFILE_FIELDS, _profile, rule=_profile_rules)


def parse_profile(text: bytes, file: str, report: Report) -> Profile:
    """The profile in `text`; what is wrong goes into `report` with its place in `file`, and Invalid is raised."""
    try:
        tree = parse_tree(text, file, report.error)
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
        raise Invalid from None
    profile = _PROFILE.read(tree, "", report)
    if report.broken:
        raise Invalid
    return profile


def shipped() -> tuple[str, ...]:
    """The names of the profiles that come with the package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


@cache
def shipped_profile(name: str) -> Profile:
    path = SHIPPED / f"{name}.yaml"
    return parse_profile(path.read_bytes(), str(path), Report())


def profile() -> Field[Profile]:
    """The name of a shipped profile, or `{file: PATH}` of one's own, beside the site file or below it."""

    def read(node: Node, where: str, report: Report) -> Profile:
        if isinstance(node, Scalar):
            if report.partial and VARIABLE in node.text:
                raise Invalid
            name = fields.choice(*shipped()).read(node, where, report)
            return shipped_profile(name)
        if not isinstance(node, Table) or set(node.entries) != {"file"} or not isinstance(node.entries["file"], Scalar):
            report.error(node.mark, where, "a profile is a name, or {file: PATH} of one of your own")
            raise Invalid
        return _own(node.entries["file"], where, report)

    own = {
        "type": "object",
        "properties": {"file": {"type": "string"}},
        "required": ["file"],
        "additionalProperties": False,
    }
    return Field(read, lambda: {"anyOf": [{"enum": list(shipped())}, own]})


def _own(node: Scalar, where: str, report: Report) -> Profile:
    if report.partial and VARIABLE in node.text:
        raise Invalid
    path = Path(node.text)
    if path.is_absolute() or ".." in path.parts or not node.text:
        report.error(node.mark, where, "the file of a profile stands beside the file that names it, or below")
        raise Invalid
    path = Path(node.mark.file).parent / path
    try:
        text = path.read_bytes()
    except OSError as error:
        report.error(node.mark, where, f"the profile {path} cannot be read: {error.strerror}")
        raise Invalid from None
    inner = Report()
    try:
        return parse_profile(text, str(path), inner)
    finally:
        report.faults += inner.faults
