"""The grammar of `needs`: a name, `all_of`, `any_of`, `at_least: {count: k, of: [...]}`; a list is all_of.

Read by hand and not as a union of records: one wrong key gives one message, at that key.
"""

from collections.abc import Callable, Mapping
from typing import Any

from resilience.faults import Invalid, Report
from resilience.fields import Field, Keys, as_table, integer, reference, required, what_is
from resilience.model import Gate, Need, all_of, any_of
from resilience.yamltree import Node, Scalar, Sequence, Table

_NAME = reference("component")
_ReadGate = Callable[[Node, str, Report], Gate]

_IN_ENGLISH = {"and": "all_of", "or": "any_of"}


def needs() -> Field[Gate]:
    """What must work, as one gate; its schema stands under `NEED_DEFINITION` in the document's `$defs`."""

    def read(node: Node, where: str, report: Report) -> Gate:
        need = _need(node, where, report)
        return need if isinstance(need, Gate) else all_of(need)

    return Field(read, lambda: {"$ref": "#/$defs/need"})


def _need(node: Node, where: str, report: Report) -> Need:
    if isinstance(node, Scalar):
        if meant := _spelled_out(node.text):
            report.error(node.mark, where, f"'{node.text}' is not a name; write {{{meant}: [...]}}")
            raise Invalid
        return _NAME.read(node, where, report)
    if isinstance(node, Sequence):
        return all_of(*_parts(node, where, report))
    table = as_table(node, where, report)
    for word in table.entries:
        if word.lower() in _IN_ENGLISH:
            report.error(table.marks[word], where, f"'{word}' is not a gate; write {_IN_ENGLISH[word.lower()]}")
            raise Invalid
    if len(table.entries) == 1:
        ((word, body),) = table.entries.items()
        if word in _GATES:
            return _GATES[word](body, where, report)
    return _among_others(table, where, report)


def _spelled_out(text: str) -> str:
    """The gate that `text` has an English word for, or nothing."""
    return next((_IN_ENGLISH[word] for word in text.lower().split() if word in _IN_ENGLISH), "")


def _among_others(table: Table, where: str, report: Report) -> Need:
    """The gate of a mapping that holds none, several or something else beside it: hardly ever right."""

    def part(gate: _ReadGate) -> Field[Gate]:
        # What a gate names has the address of the whole `needs`: its marks tell it apart, its depth is of no interest.
        return Field(lambda body, _, report: gate(body, where, report), dict)

    fields = {word: part(gate) for word, gate in _GATES.items()}
    values, wrong = Keys(fields, what="gate").read(table, where, report)
    if wrong:
        raise Invalid
    if len(values) != 1:
        report.error(table.mark, where, f"one gate is wanted here, one of {', '.join(_GATES)}; there are {len(values)}")
        raise Invalid
    gate: Need = next(iter(values.values()))
    return gate


def _all_of(body: Node, where: str, report: Report) -> Gate:
    return all_of(*_parts(body, where, report))


def _any_of(body: Node, where: str, report: Report) -> Gate:
    return any_of(*_parts(body, where, report))


def _parts(node: Node, where: str, report: Report) -> tuple[Need, ...]:
    if not isinstance(node, Sequence):
        report.error(node.mark, where, f"a list of needs is wanted here, not {what_is(node)}")
        raise Invalid
    if not node.items:
        report.error(node.mark, where, "is empty: it names nothing that must work")
        raise Invalid
    parts: list[Need] = []
    for item in node.items:
        try:
            parts.append(_need(item, where, report))
        except Invalid:
            continue
    if len(parts) < len(node.items):
        raise Invalid
    return tuple(parts)


def _at_least(node: Node, where: str, report: Report) -> Gate:
    table = as_table(node, where, report)
    fields: Mapping[str, Field[Any]] = {
        "count": required(integer(1, 10_000), "how many must work"),
        "of": required(Field(lambda body, _, report: _parts(body, where, report), dict), "a list of needs"),
    }
    values, wrong = Keys(fields).read(table, where, report)
    if wrong:
        raise Invalid
    count, parts = values["count"], values["of"]
    if count > len(parts):
        message = f"{count} of {len(parts)} can never work; the count is from 1 to {len(parts)}"
        report.error(table.entries["count"].mark, where, message)
        raise Invalid
    return Gate(count, parts)


_GATES: Mapping[str, _ReadGate] = {"all_of": _all_of, "any_of": _any_of, "at_least": _at_least}

_LIST = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/need"}}

NEED_DEFINITION: Mapping[str, Any] = {
    "description": "A component's name, or a gate over needs; a list is all_of.",
    "anyOf": [
        dict(_NAME.schema),
        _LIST,
        {"type": "object", "properties": {"all_of": _LIST}, "required": ["all_of"], "additionalProperties": False},
        {"type": "object", "properties": {"any_of": _LIST}, "required": ["any_of"], "additionalProperties": False},
        {
            "type": "object",
            "properties": {
                "at_least": {
                    "type": "object",
                    "properties": {"count": dict(integer(1, 10_000).schema), "of": _LIST},
                    "required": ["count", "of"],
                    "additionalProperties": False,
                }
            },
            "required": ["at_least"],
            "additionalProperties": False,
        },
    ],
}
