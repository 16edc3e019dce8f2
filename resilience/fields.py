"""Fields: how one value of a file is read, said to be wrong, and described to an editor.

A field reads a node of the tree into a typed value. What is wrong goes into the report with its place and
the reading goes on, so that one run names every fault. The same field gives its JSON Schema.
"""

import ipaddress
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from typing import Any, Generic, TypeVar

from resilience import duration
from resilience.faults import Invalid, Report, did_you_mean, nearest
from resilience.model import Secret
from resilience.yamltree import Node, Scalar, Sequence, Table

T = TypeVar("T")
U = TypeVar("U")


IGNORED = "x-"
"""Keys that start with it are the author's own, at every level of a file."""


REMEMBERED = 64
"""Characters of a text whose value is remembered. Longer ones seldom come twice."""

VARIABLE = "${"
"""Begins a variable in what is lent to site files."""


@dataclass(frozen=True)
class Field(Generic[T]):
    """`read(node, where, report)` gives the value, or reports and raises Invalid. `describe` gives the JSON Schema,
    which is made when it is asked for: few commands do."""

    read: Callable[[Node, str, Report], T]
    describe: Callable[[], Mapping[str, Any]]
    required: bool = False
    doc: str = ""
    nested: Mapping[str, "Field[Any]"] = field(default_factory=dict)
    """The fields of a record, for those who look inside."""

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.describe()


def required(inner: Field[T], doc: str = "") -> Field[T]:
    return replace(inner, required=True, doc=doc or inner.doc)


def described(inner: Field[T], doc: str) -> Field[T]:
    return replace(inner, doc=doc)


def what_is(node: Node) -> str:
    if node == Scalar("", node.mark):
        return "nothing"
    return {Scalar: "a single value", Sequence: "a list", Table: "a mapping"}[type(node)]


def scalar(convert: Callable[[str], T], schema: Mapping[str, Any], *, wanted: str = "a single value") -> Field[T]:
    """A field of one scalar. `convert` is a function of the text alone; it raises ValueError with the message for the
    author. What it makes of a text is remembered: a fleet's files say the same things over and over."""
    known = lru_cache(512)(convert)

    def read(node: Node, where: str, report: Report) -> T:
        if not isinstance(node, Scalar):
            report.error(node.mark, where, f"{wanted} is wanted here, not {what_is(node)}")
            raise Invalid
        text = node.text
        if report.partial and VARIABLE in text:
            raise Invalid
        try:
            return known(text) if len(text) <= REMEMBERED else convert(text)
        except ValueError as error:
            report.error(node.mark, where, str(error))
            raise Invalid from None

    return Field(read, lambda: schema)


def mapped(inner: Field[T], build: Callable[[T], U]) -> Field[U]:
    """What `inner` reads, made into something else."""
    return Field(
        lambda node, where, report: build(inner.read(node, where, report)),
        inner.describe,
        inner.required,
        inner.doc,
        inner.nested,
    )


_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f]")


def text(*, empty: bool = False, pattern: str = "", wanted: str = "", longest: int = 2000) -> Field[str]:
    """Text; `pattern` is a whole-match regular expression, said to people as `wanted`."""
    regex = re.compile(pattern, re.ASCII) if pattern else None

    def convert(value: str) -> str:
        if not value.strip() and not empty:
            raise ValueError("is empty")
        if len(value) > longest:
            raise ValueError(f"has {len(value)} characters; {longest} are the most")
        if _CONTROL.search(value):
            raise ValueError("holds a control character")
        if regex and not regex.fullmatch(value):
            raise ValueError(f"'{value}' is not {wanted}")
        return value

    # An editor's YAML types a bare 180 as a number; the file means the text.
    schema: dict[str, Any] = {"type": ["string", "number", "boolean"]}
    if pattern:
        schema = {"type": ["string", "number"], "pattern": f"^(?:{pattern})$"}
    return scalar(convert, schema)


NAME = r"[a-z0-9][a-z0-9._-]{0,62}"


def name() -> Field[str]:
    """The name of a component, path, probe or drill."""
    return text(pattern=NAME, wanted="a name: small letters, digits, '-', '_' and '.', a letter or digit first")


W = TypeVar("W", bound=str)


def choice(*words: W) -> Field[W]:
    """One of `words`, which may be members of a StrEnum: a value is the member."""
    known = {str(word): word for word in words}

    def convert(value: str) -> W:
        if value not in known:
            raise ValueError(f"'{value}' is not one of {', '.join(words)}{did_you_mean(value, words)}")
        return known[value]

    numbers = [int(word) for word in words if word.isdigit()]
    return scalar(convert, {"enum": [*words, *numbers]})


def integer(least: int, most: int) -> Field[int]:
    def convert(value: str) -> int:
        # `0112` is 112 to one reader and 74 to another.
        if not re.fullmatch(r"-?(0|[1-9]\d{0,11})", value, re.ASCII) or not least <= int(value) <= most:
            raise ValueError(f"'{value}' is not a whole number from {least} to {most}")
        return int(value)

    return scalar(
        convert,
        {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, {"type": "string", "pattern": r"^-?\d+$"}]},
    )


def decimal(least: float, most: float) -> Field[float]:
    def convert(value: str) -> float:
        if not re.fullmatch(r"-?\d{1,9}(\.\d{1,12})?", value, re.ASCII) or not least <= float(value) <= most:
            raise ValueError(f"'{value}' is not a number from {least:g} to {most:g}")
        return float(value)

    return scalar(
        convert,
        {
            "anyOf": [
                {"type": "number", "minimum": least, "maximum": most},
                {"type": "string", "pattern": r"^-?[\d.]+$"},
            ]
        },
    )


def flag() -> Field[bool]:
    def convert(value: str) -> bool:
        if value not in ("true", "false"):
            raise ValueError(f"'{value}' is not true or false")
        return value == "true"

    return scalar(convert, {"enum": [True, False, "true", "false"]})


YEARS = range(2000, 2200)


def span(*, least: int = 0, word: str = "", word_means: float = 0) -> Field[float]:
    """A duration in ms of at least `least`; `word` is one more text that is allowed (`unlimited`)."""

    def convert(value: str) -> float:
        if word and value == word:
            return word_means
        parsed = duration.parse_duration(value)
        if parsed < least:
            raise ValueError(f"'{value}' is too short; {duration.spoken(least)} is the least")
        return parsed

    schema: dict[str, Any] = {"type": "string", "pattern": duration.PATTERN}
    return scalar(convert, {"anyOf": [schema, {"const": word}]} if word else schema)


D = TypeVar("D", bound=date)


def _near(day: D) -> D:
    if day.year not in YEARS:
        raise ValueError
    return day


def day() -> Field[date]:
    def convert(value: str) -> date:
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
                raise ValueError
            return _near(date.fromisoformat(value))
        except ValueError:
            raise ValueError(f"'{value}' is not a day; write it as 2027-06-30") from None

    return scalar(convert, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})


_RFC3339 = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"


def moment() -> Field[datetime]:
    def convert(value: str) -> datetime:
        try:
            if not re.fullmatch(_RFC3339, value, re.ASCII):
                raise ValueError
            return _near(datetime.fromisoformat(value))
        except ValueError:
            raise ValueError(f"'{value}' is not a moment of RFC 3339; write it as 2026-11-23T14:00:00Z") from None

    return scalar(convert, {"type": "string", "pattern": f"^{_RFC3339}$"})


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
"""As `ipaddress` reads and writes it, in a tenth of the time."""


def host() -> Field[str]:
    """A host name or an address."""

    def convert(value: str) -> str:
        if _IPV4.fullmatch(value):
            return value
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            pass
        label = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
        dotted_quad = re.fullmatch(r"[\d.]+", value)
        if dotted_quad or len(value) > 253 or not re.fullmatch(rf"{label}(\.{label})*\.?", value, re.ASCII):
            raise ValueError(f"'{value}' is neither a host name nor an IP address")
        return value

    return scalar(convert, {"type": "string"})


def address() -> Field[str]:
    """A numeric IP address."""

    def convert(value: str) -> str:
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise ValueError(f"'{value}' is not an IP address") from None

    return scalar(convert, {"type": "string"})


def network() -> Field[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """A prefix such as 198.51.100.0/24, or a single address."""

    def convert(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        try:
            return ipaddress.ip_network(value)
        except ValueError as error:
            host_bits = ", it has bits beyond its prefix length" if "host bits" in str(error) else ""
            raise ValueError(f"'{value}' is not an IP prefix such as 198.51.100.0/24{host_bits}") from None

    return scalar(convert, {"type": "string"})


def port() -> Field[int]:
    return integer(1, 65535)


def list_of(item: Field[T], *, least: int = 0, what: str = "entry", indexed: bool = True) -> Field[tuple[T, ...]]:
    """A list; every item is read even where an earlier one is wrong. `indexed`: an item's address has its index."""

    def read(node: Node, where: str, report: Report) -> tuple[T, ...]:
        if not isinstance(node, Sequence):
            report.error(node.mark, where, f"a list is wanted here, not {what_is(node)}")
            raise Invalid
        if len(node.items) < least:
            report.error(node.mark, where, f"is empty; at least {least} {what} is wanted")
            raise Invalid
        values, wrong = [], False
        for index, entry in enumerate(node.items):
            try:
                values.append(item.read(entry, f"{where}[{index}]" if indexed else where, report))
            except Invalid:
                wrong = True
        if wrong:
            raise Invalid
        return tuple(values)

    bound = {"minItems": least} if least else {}
    return Field(read, lambda: {"type": "array", "items": item.schema} | bound)


def distinct(inner: Field[T], *keys: str, advice: str = "") -> Field[T]:
    """A list of mappings no two of which have the same name; it stands under the first of `keys` an entry has."""

    def read(node: Node, where: str, report: Report) -> T:
        lines: dict[str, int] = {}
        wrong = False
        entries = node.items if isinstance(node, Sequence) else ()
        for index, entry in enumerate(entries if len(entries) > 1 else ()):
            own = entry.entries if isinstance(entry, Table) else {}
            called = next((own[key] for key in keys if key in own), None)
            if not isinstance(called, Scalar):
                continue
            if called.text in lines:
                message = f"'{called.text}' already stands in line {lines[called.text]}{advice}"
                report.error(called.mark, f"{where}[{index}]", message)
                wrong = True
            lines.setdefault(called.text, called.mark.line)
        value = inner.read(node, where, report)
        if wrong:
            raise Invalid
        return value

    return replace(inner, read=read)


def either(first: Field[T], *others: Field[T]) -> Field[T]:
    """The first of several readings that succeeds; where none does, the faults are those of the first."""

    def read(node: Node, where: str, report: Report) -> T:
        for reading in (first, *others):
            attempt = Report(partial=report.partial)
            try:
                value = reading.read(node, where, attempt)
            except Invalid:
                continue
            report.faults += attempt.faults
            report.references += attempt.references
            return value
        return first.read(node, where, report)

    def describe() -> Mapping[str, Any]:
        schemas = [dict(field.schema) for field in (first, *others)]
        different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
        return {"anyOf": different} if len(different) > 1 else different[0]

    return Field(read, describe)


def deferred(make: Callable[[], Field[T]]) -> Field[T]:
    """A field that is made when it is first read or described, for one that much must be imported for."""
    made = cache(make)
    return Field(lambda node, where, report: made().read(node, where, report), lambda: made().schema)


def reference(to: str) -> Field[str]:
    """The name of a `to` (component, path, device) of the same file; whether there is one is asked at the end."""

    def read(node: Node, where: str, report: Report) -> str:
        if not isinstance(node, Scalar) or not node.text.strip():
            report.error(node.mark, where, f"the name of a {to} is wanted here, not {what_is(node)}")
            raise Invalid
        report.refer(to, node.text, node.mark, where)
        return node.text

    return Field(read, lambda: {"type": ["string", "number"], "pattern": f"^(?:{NAME})$"})


def references(to: str, *, least: int = 0) -> Field[tuple[str, ...]]:
    """A list of names. All have the address of the list; their marks tell them apart."""
    return list_of(reference(to), least=least, what="name", indexed=False)


def table_of(
    value: Field[T], *, key: str = "", wanted: str = "", least: int = 0, what: str = "entry"
) -> Field[dict[str, T]]:
    """A mapping from free names to one kind of value; `key` is a whole-match expression for the names."""

    fits = re.compile(key, re.ASCII).fullmatch

    def read(node: Node, where: str, report: Report) -> dict[str, T]:
        table = as_table(node, where, report)
        values: dict[str, T] = {}
        wrong = len(table.entries) < least and not report.partial
        if wrong:
            report.error(node.mark, where, f"is empty; at least {least} {what} is wanted")
        for word, entry in table.entries.items():
            inside = f"{where}.{word}" if where else word
            if key and not fits(word):
                report.error(table.marks[word], inside, f"'{word}' is not {wanted}")
                wrong = True
            try:
                values[word] = value.read(entry, inside, report)
            except Invalid:
                wrong = True
        if wrong:
            raise Invalid
        return values

    names = {"propertyNames": {"pattern": f"^(?:{key})$"}} if key else {}
    bound = {"minProperties": least} if least else {}
    return Field(read, lambda: {"type": "object", "additionalProperties": value.schema} | names | bound)


def as_table(node: Node, where: str, report: Report) -> Table:
    if not isinstance(node, Table):
        report.error(node.mark, where, f"a mapping is wanted here, not {what_is(node)}")
        raise Invalid
    return node


class Keys:
    """What may stand in a mapping. Names are those of the file; those that start with `ignore` are passed over."""

    def __init__(self, fields: Mapping[str, Field[Any]], *, ignore: str = "", what: str = "key") -> None:
        self.fields = fields
        self._ignore = ignore
        self._what = what

    @cached_property
    def _needed(self) -> Mapping[str, Field[Any]]:
        return {word: known for word, known in self.fields.items() if known.required}

    @cached_property
    def as_written(self) -> bool:
        """Whether the names of the file are names of Python as they are."""
        return not any("-" in word for word in self.fields)

    def read(self, table: Table, where: str, report: Report) -> tuple[dict[str, Any], bool]:
        """The values of the entries that are known, and whether anything was wrong or missing."""
        values: dict[str, Any] = {}
        wrong = False
        misspelt: set[str] = set()
        fields, within = self.fields, f"{where}." if where else ""
        for word, entry in table.entries.items():
            known = fields.get(word)
            if known is not None:
                try:
                    values[word] = known.read(entry, within + word, report)
                except Invalid:
                    wrong = True
            elif not (self._ignore and word.startswith(self._ignore)):
                message = f"unknown {self._what} '{word}'{did_you_mean(word, fields)}"
                report.error(table.marks[word], within + word, message)
                misspelt.add(nearest(word, fields))
                wrong = True
        if not report.partial and not self._needed.keys() <= table.entries.keys():
            wrong |= self._tell_missing(table, where, report, misspelt)
        return values, wrong

    def _tell_missing(self, table: Table, where: str, report: Report, misspelt: set[str]) -> bool:
        missing = [word for word in self._needed if word not in table.entries and word not in misspelt]
        for word in missing:
            doc = self._needed[word].doc
            meaning = f" ({doc.rstrip('.')})" if doc else ""
            report.error(table.mark, where, f"'{word}' is missing{meaning}")
        return bool(missing)


Rule = Callable[[Mapping[str, Any], Container[str]], Iterator[tuple[str, str]]]
"""A law over the values of one mapping: gets those that could be read and the keys that were written, yields
(key, message) for what is wrong. It holds its tongue where a value it needs is not there."""


def record(
    fields: Mapping[str, Field[Any]],
    build: Callable[..., T],
    *,
    ignore: str = "",
    rule: Rule | None = None,
    what: str = "key",
) -> Field[T]:
    """A mapping with known keys; `build` takes them by name, `-` written `_`."""

    keys = Keys(fields, ignore=ignore, what=what)

    def read(node: Node, where: str, report: Report) -> T:
        table = as_table(node, where, report)
        values, wrong = keys.read(table, where, report)
        if report.partial:
            raise Invalid
        for key, message in rule(values, table.entries) if rule else ():
            written = table.entries.get(key)
            report.error(written.mark if written else table.mark, f"{where}.{key}" if where else key, message)
            wrong = True
        if wrong:
            raise Invalid
        return build(**(values if keys.as_written else {key.replace("-", "_"): value for key, value in values.items()}))

    return Field(read, lambda: record_schema(fields, ignore=ignore), nested=fields)


def record_schema(fields: Mapping[str, Field[Any]], *, ignore: str = "") -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            key: {**known.schema, **({"description": known.doc} if known.doc else {})} for key, known in fields.items()
        },
        "additionalProperties": False,
    }
    if needed := [key for key, known in fields.items() if known.required]:
        schema["required"] = needed
    if ignore:
        schema["patternProperties"] = {f"^{re.escape(ignore)}": {}}
    return schema


SECRET_FILE = r"/?[A-Za-z0-9][A-Za-z0-9._@/-]*"


def secret() -> Field[Secret]:
    """`{env: NAME}`, `{file: NAME}`, or the text itself, which is warned about."""

    def read(node: Node, where: str, report: Report) -> Secret:
        if isinstance(node, Scalar):
            if not node.text:
                report.error(node.mark, where, "is empty")
                raise Invalid
            report.warn(
                node.mark, where, "a secret stands in clear; use {env: NAME} or {file: NAME}", "secret_in_clear"
            )
            return Secret("clear", node.text)
        if not isinstance(node, Table) or len(node.entries) != 1 or not set(node.entries) <= {"env", "file"}:
            report.error(node.mark, where, "a secret is {env: NAME} or {file: NAME}")
            raise Invalid
        ((source, value),) = node.entries.items()
        if not isinstance(value, Scalar):
            report.error(value.mark, where, f"a single value is wanted here, not {what_is(value)}")
            raise Invalid
        if report.partial and VARIABLE in value.text:
            raise Invalid
        if source == "env":
            # The text is not repeated: it may be the secret itself, written in the wrong place.
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value.text, re.ASCII):
                report.error(value.mark, where, "what follows 'env' is not the name of an environment variable")
                raise Invalid
            if value.text.startswith("RESILIENCE_"):
                report.error(
                    value.mark, where, f"'{value.text}': variables of the monitor itself are never read as secrets"
                )
                raise Invalid
        elif not re.fullmatch(SECRET_FILE, value.text, re.ASCII) or ".." in value.text.split("/"):
            report.error(value.mark, where, "what follows 'file' is not the name of a file below the folder of secrets")
            raise Invalid
        return Secret(source, value.text)

    def reference(source: str) -> dict[str, Any]:
        entries = {source: {"type": "string"}}
        return {"type": "object", "properties": entries, "required": [source], "additionalProperties": False}

    return Field(read, lambda: {"anyOf": [reference("env"), reference("file"), {"type": ["string", "number"]}]})
