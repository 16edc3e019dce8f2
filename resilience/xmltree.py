"""XML text → a tree of elements in which each knows its line and column.

Nothing is fetched and nothing is expanded: a document type declaration is refused, so no entity is ever
declared. Size, depth and the number of elements are bounded while reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from resilience.yamltree import Mark

MAX_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_ELEMENTS = 100_000
"""Ten times the largest fault tree in use; about 50 MB of elements."""


@dataclass(frozen=True, slots=True)
class Element:
    tag: str
    attributes: Mapping[str, str]
    children: "tuple[Element, ...]"
    text: str
    """What stands directly in it, without the blanks around."""
    mark: Mark


class XmlFault(Exception):
    """The text is no tree that can be read; nothing else of it can be said."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(f"{mark}: {message}")
        self.mark = mark
        self.message = message


def parse_xml(text: bytes, file: str) -> Element:
    """The root element of `text`; XmlFault says where and why there is none."""
    if len(text) > MAX_BYTES:
        raise XmlFault(Mark(file, 1, 1), f"the file is longer than {MAX_BYTES} bytes")
    builder = _Builder(file)
    try:
        builder.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise XmlFault(
            Mark(file, error.lineno, error.offset + 1), f"not XML: {expat.ErrorString(error.code)}"
        ) from None
    except (LookupError, ValueError) as error:  # the encoding that the file names
        raise XmlFault(Mark(file, 1, 1), f"not XML: {error}") from None
    return builder.root


@dataclass(slots=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    mark: Mark
    children: list[Element]
    text: list[str]


class _Builder:
    def __init__(self, file: str) -> None:
        self.root: Element
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self._file = file
        self._open: list[_Open] = []
        self._elements = 0

    def _mark(self) -> Mark:
        return Mark(self._file, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal or system or public:
            raise XmlFault(self._mark(), "a document type that declares something is not read; leave it out")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise XmlFault(self._mark(), f"more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise XmlFault(self._mark(), f"nested deeper than {MAX_DEPTH} levels")
        self._open.append(_Open(tag, attributes, self._mark(), [], []))

    def _characters(self, text: str) -> None:
        if stripped := text.strip():
            self._open[-1].text.append(stripped)

    def _end(self, tag: str) -> None:
        done = self._open.pop()
        element = Element(done.tag, done.attributes, tuple(done.children), " ".join(done.text), done.mark)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
