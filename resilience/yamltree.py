"""YAML text → a tree in which every scalar is text and every node knows its file, line and column.

Straight from the parser's events: nothing is resolved, so `no`, `0112` and `12:30` stay what was written.
Duplicate keys, tags, aliases, merge keys, second documents, nesting and size are refused here.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import yaml

MAX_DEPTH = 40
"""Deeper than any site file; libyaml's own recursion crashes the process far beyond."""
MAX_BYTES = 1 << 20


class Mark(NamedTuple):
    """A place in a file, counted from 1. A tuple: a fleet's files have millions of them."""

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


Note = Callable[[Mark, str, str], None]
"""Takes a fault after which the tree can still be built: its mark, the address of the value, the message."""


def _refuse(mark: Mark, where: str, message: str) -> None:
    raise YamlFault(mark, message)


def beneath(own: Table, lent: Mapping[str, Node]) -> Table:
    """`own` with the entries of `lent` where it has none of that name; each keeps the mark of where it stands."""
    added = {word: node for word, node in lent.items() if word not in own.entries}
    return replace(
        own,
        entries={**own.entries, **added},
        marks={**own.marks, **{word: node.mark for word, node in added.items()}},
    )


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it (twenty times faster); only its events are used."""


def parse_tree(text: bytes, file: str, note: Note = _refuse) -> Node:
    """The tree of the one document in `text` (UTF-8); YamlFault says where and why there is none.

    Faults that leave a tree (a duplicate key, a tag) go to `note`, and the first of two entries stands.
    """
    if len(text) > MAX_BYTES:
        raise YamlFault(Mark(file, 1, 1), f"the file is longer than {MAX_BYTES} bytes")
    parser = None
    try:
        parser = _LOADER(text)
        return _Builder(parser, file, note).document()
    except yaml.MarkedYAMLError as error:
        place: Any = error.problem_mark or error.context_mark
        mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file, 1, 1)
        said = error.problem or "cannot be read"
        raise YamlFault(mark, f"not YAML: {said}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1
        raise YamlFault(Mark(file, line, 1), f"not UTF-8 text: {error.reason}") from None
    finally:
        if parser is not None:
            parser.dispose()


class _Builder:
    def __init__(self, parser: object, file: str, note: Note) -> None:
        self._parser = parser
        self._file = file
        self._note = note
        self._path: list[str] = []

    def _next(self) -> Any:
        return self._parser.get_event()  # type: ignore[attr-defined]  # the loaders have no common stub

    def _mark(self, event: Any) -> Mark:
        start = event.start_mark
        return Mark(self._file, start.line + 1, start.column + 1)

    def document(self) -> Node:
        self._next()  # stream start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise YamlFault(Mark(self._file, 1, 1), "the file is empty")
        root = self._node(self._next())
        self._next()  # document end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise YamlFault(self._mark(event), "a second document; one file declares one thing")
        return root

    def _node(self, event: Any) -> Node:
        mark = self._mark(event)
        if len(self._path) >= MAX_DEPTH:
            raise YamlFault(mark, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault(mark, f"'*{event.anchor}': aliases are not read; write the value out")
        if event.tag is not None:
            self._note(mark, self._where(), f"'{event.tag}': tags are not read; leave it out")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._items()), mark)
        return self._table(mark)

    def _items(self) -> Iterator[Node]:
        index = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._inside(f"[{index}]", event)
            index += 1

    def _table(self, mark: Mark) -> Table:
        entries: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = self._mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlFault(at, "a key must be plain text")
            key = event.value
            node = self._inside(key, self._next())
            if key == "<<":
                self._note(at, self._where(), "merge keys are not read; write the values out")
            elif key in entries:
                self._note(at, self._where(), f"'{key}' stands twice; it first stands in line {marks[key].line}")
            else:
                marks[key] = at
                entries[key] = node
        return Table(entries, marks, mark)

    def _inside(self, step: str, event: Any) -> Node:
        self._path.append(step)
        node = self._node(event)
        self._path.pop()
        return node

    def _where(self) -> str:
        return ".".join(self._path).replace(".[", "[")


def quoted(value: str) -> str:
    """`value` as a double-quoted YAML scalar on one line, whatever it holds."""
    dumped: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=sys.maxsize)
    return dumped.rstrip("\n")
