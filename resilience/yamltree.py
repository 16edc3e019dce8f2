"""YAML text → a tree in which every scalar is text and every node knows its file, line and column.

Straight from the parser's events: no tags are resolved, so `no`, `0112` and `12:30` stay what was written.
Duplicate keys, aliases, second documents, nesting and size are refused here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 40
"""Deeper than any site file; libyaml's own recursion crashes the process far beyond."""
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Sequence:
    items: "tuple[Node, ...]"
    mark: Mark


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping. `marks` are those of the keys."""

    entries: "Mapping[str, Node]"
    marks: Mapping[str, Mark]
    mark: Mark


Node = Scalar | Sequence | Table


class YamlFault(Exception):
    """The text is no tree that a site file can be read from; nothing else of it can be said."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(f"{mark}: {message}")
        self.mark = mark
        self.message = message


def parse_tree(text: bytes, file: str) -> Node:
    """The tree of the one document in `text` (UTF-8); YamlFault says where and why there is none."""
    if len(text) > MAX_BYTES:
        raise YamlFault(Mark(file, 1, 1), f"the file has {len(text)} bytes; {MAX_BYTES} are the most")
    loader = yaml.CParser if hasattr(yaml, "CParser") else yaml.Loader
    parser = loader(text)
    try:
        return _Builder(parser, file).document()
    except yaml.MarkedYAMLError as error:
        place: Any = error.problem_mark or error.context_mark
        mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file, 1, 1)
        said = error.problem or "cannot be read"
        raise YamlFault(mark, f"not YAML: {said}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1
        raise YamlFault(Mark(file, line, 1), f"not UTF-8 text: {error.reason}") from None
    finally:
        if hasattr(parser, "dispose"):
            parser.dispose()


class _Builder:
    def __init__(self, parser: object, file: str) -> None:
        self._parser = parser
        self._file = file

    def _next(self) -> yaml.Event:
        event: yaml.Event = self._parser.get_event()  # type: ignore[attr-defined]  # CParser has no stub
        return event

    def _mark(self, event: yaml.Event) -> Mark:
        start = event.start_mark
        return Mark(self._file, start.line + 1, start.column + 1)

    def document(self) -> Node:
        self._next()  # stream start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise YamlFault(Mark(self._file, 1, 1), "the file is empty")
        root = self._node(self._next(), 1)
        self._next()  # document end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlFault(self._mark(event), "a second document; one file declares one thing")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        mark = self._mark(event)
        if depth > MAX_DEPTH:
            raise YamlFault(mark, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault(mark, f"'*{event.anchor}': aliases are not read; write the value out")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._items(yaml.SequenceEndEvent, depth)), mark)
        return self._table(mark, depth)

    def _items(self, end: type[yaml.Event], depth: int) -> Iterator[Node]:
        while not isinstance(event := self._next(), end):
            yield self._node(event, depth + 1)

    def _table(self, mark: Mark, depth: int) -> Table:
        entries: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = self._mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlFault(at, "a key must be plain text")
            key = event.value
            if key == "<<":
                raise YamlFault(at, "merge keys are not read; write the values out")
            if key in entries:
                raise YamlFault(at, f"'{key}' stands twice; it first stands in line {marks[key].line}")
            marks[key] = at
            entries[key] = self._node(self._next(), depth + 1)
        return Table(entries, marks, mark)
