"""YAML text → a tree in which every scalar is text and every node knows its file, line and column.

Straight from the parser's events: nothing is resolved, so `no`, `0112` and `12:30` stay what was written.
Duplicate keys, tags, aliases, merge keys, second documents, nesting and size are refused here.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import yaml

MAX_DEPTH = 40
"""Deeper than any site file; libyaml's own recursion crashes the process far beyond."""
MAX_BYTES = 1 << 20


class Mark(NamedTuple):
    """A place in a file, counted from 1. A tuple like the nodes: a fleet's files have millions of them."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Scalar(NamedTuple):
    text: str
    mark: Mark


class Sequence(NamedTuple):
    items: "tuple[Node, ...]"
    mark: Mark


class Table(NamedTuple):
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
    if not added:
        return own
    marks = {word: node.mark for word, node in added.items()}
    return Table({**own.entries, **added}, {**own.marks, **marks}, own.mark)


_Scalar: Any = yaml.ScalarEvent
_SequenceEnd, _MappingEnd = yaml.SequenceEndEvent, yaml.MappingEndEvent
_new: Any = tuple.__new__
"""A named tuple without the call of its own `__new__`, which takes longer than all else about it."""

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
    """One event at a time; scalars, which are most of a file, are made where they stand and not by `_node`."""

    def __init__(self, parser: Any, file: str, note: Note) -> None:
        self._next = parser.get_event
        self._file = file
        self._note = note
        self._path: list[str] = []

    def _mark(self, event: Any) -> Mark:
        start = event.start_mark
        mark: Mark = _new(Mark, (self._file, start.line + 1, start.column + 1))
        return mark

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
            return self._sequence(mark)
        return self._table(mark)

    def _plain(self) -> bool:
        """Whether a scalar inside the container at hand may be made without `_node`."""
        return len(self._path) + 1 < MAX_DEPTH

    def _sequence(self, mark: Mark) -> Sequence:
        take, file, path, plain = self._next, self._file, self._path, self._plain()
        items: list[Node] = []
        event: Any
        while (event := take()).__class__ is not _SequenceEnd:
            if event.__class__ is _Scalar and plain and event.tag is None:
                start = event.start_mark
                items.append(_new(Scalar, (event.value, _new(Mark, (file, start.line + 1, start.column + 1)))))
            else:
                path.append(f"[{len(items)}]")
                items.append(self._node(event))
                path.pop()
        return Sequence(tuple(items), mark)

    def _table(self, mark: Mark) -> Table:
        take, file, path, plain = self._next, self._file, self._path, self._plain()
        entries: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        event: Any
        while (event := take()).__class__ is not _MappingEnd:
            start = event.start_mark
            at = _new(Mark, (file, start.line + 1, start.column + 1))
            if event.__class__ is not _Scalar:
                raise YamlFault(at, "a key must be plain text")
            key: str = event.value
            event = take()
            if event.__class__ is _Scalar and plain and event.tag is None:
                start = event.start_mark
                node: Node = _new(Scalar, (event.value, _new(Mark, (file, start.line + 1, start.column + 1))))
            else:
                path.append(key)
                node = self._node(event)
                path.pop()
            if key == "<<":
                self._note(at, self._where(), "merge keys are not read; write the values out")
            elif key in entries:
                self._note(at, self._where(), f"'{key}' stands twice; it first stands in line {marks[key].line}")
            else:
                marks[key] = at
                entries[key] = node
        return Table(entries, marks, mark)

    def _where(self) -> str:
        return ".".join(self._path).replace(".[", "[")


def quoted(value: str) -> str:
    """`value` as a double-quoted YAML scalar on one line, whatever it holds."""
    dumped: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=sys.maxsize)
    return dumped.rstrip("\n")
