"""A site file together with what its folder lends it: one tree, read afterwards as if it stood in one file.

From below: what is usual for a component's kind, the `site` parts of the folders from the outermost inwards, the
template, the site file. What a component shares with other sites is put in whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from resilience.defaults import Lent
from resilience.faults import Fault, Invalid, Report, did_you_mean
from resilience.fields import IGNORED, name
from resilience.merge import absent, is_unset, laid_over, unsets, weight
from resilience.siteshape import VARS
from resilience.variables import BUILT_IN, Variables
from resilience.yamltree import MAX_BYTES, Mark, Node, Scalar, Table, YamlFault

LIKE = name()
OWN_WORDS = frozenset({"shared", "description"})
"""What a site itself says of a component that it shares with others."""

_NO_ID = Scalar("", Mark("", 1, 1))
"""Of a file without an id, which is told as missing."""


class NoTemplate(Invalid):
    """The site is like nothing that there is; the report says so."""


@dataclass(frozen=True, slots=True)
class Composed:
    table: Table
    usual: Mapping[str, Table]
    """What is usual for probes, by their type."""
    variables: Variables
    grown: bool
    """Whether anything came from elsewhere."""
    silent: frozenset[Mark]
    """What stands there is told as wrong already, and what follows from that is not told."""

    def told(self, faults: Iterable[Fault], file: str) -> Iterator[Fault]:
        """Those to tell of the site `file`; where a variable of its own may be at fault, with the place of that."""
        for fault in faults:
            origin = self.variables.origins.get(fault.mark)
            if fault.mark not in self.silent:
                yield replace(fault, reader=str(origin)) if origin and origin.file == file else fault


def composed(site: Table, lent: Lent, report: Report) -> Composed:
    """Raises NoTemplate, and YamlFault where the whole would be too large."""
    template = _template(site, lent, report)
    parts = [*lent.parts, *([template] if template else [])]
    variables = _variables([*parts, site], report)
    layers = [*map(variables.replaced, parts), site]
    kinds = {kind: variables.replaced(part) for kind, part in lent.kinds.items()}
    usual = {word: variables.replaced(part) for word, part in lent.probes.items()}
    _tell_unused(site, variables, report)
    table = Table({}, {}, site.mark)
    for layer in layers:
        table = laid_over(table, _only(layer, *(layer.entries.keys() - {"like", "vars", "components"})), "", report)
    assembly = _Components(kinds, lent, report)
    if (node := assembly.assembled(layers)) is not None:
        marks = {**table.marks, "components": node.mark}
        table = Table({**table.entries, "components": node}, marks, table.mark)
    grown = bool(parts or kinds or usual or lent.shared)
    return Composed(table, usual, variables, grown, frozenset(assembly.silent))


def _only(table: Table, *keys: str) -> Table:
    return table._replace(entries={word: node for word, node in table.entries.items() if word in keys})


def _template(site: Table, lent: Lent, report: Report) -> Table | None:
    said = _standing([*lent.parts, site], "like", "like", report)
    if not said:
        return None
    try:
        called = LIKE.read(said[-1], "like", report)
    except Invalid:
        raise NoTemplate from None
    if called not in lent.templates:
        near = did_you_mean(called, lent.templates) if lent.templates else "; no _defaults.yaml here or above has any"
        report.error(said[-1].mark, "like", f"'{called}' is not a template{near}")
        raise NoTemplate
    return lent.templates[called]


def _variables(layers: list[Table], report: Report) -> Variables:
    site, values = layers[-1], Table({}, {}, layers[-1].mark)
    if given := site.entries.get("vars"):
        with suppress(Invalid):
            VARS.read(given, "vars", report)
    for layer in layers:
        values = laid_over(values, _only(layer, "vars"), "", report)
    node = values.entries.get("vars")
    known = {**(node.entries if isinstance(node, Table) else {}), BUILT_IN: site.entries.get("site", _NO_ID)}
    return Variables({word: value for word, value in known.items() if isinstance(value, Scalar)})


def _tell_unused(site: Table, variables: Variables, report: Report) -> None:
    given = site.entries.get("vars")
    if not isinstance(given, Table):
        return
    for word, node in given.entries.items():
        if word not in variables.used and word != BUILT_IN and not is_unset(node):
            message = f"'{word}' is not used: neither the template nor the defaults have ${{{word}}}"
            report.warn(given.marks[word], f"vars.{word}", message)


def _standing(layers: Sequence[Table], key: str, where: str, report: Report) -> list[Node]:
    """What the layers say of `key`, from below, since it was last unset or replaced: mappings, or one other node."""
    said: list[Node] = []
    for index, layer in enumerate(layers):
        node = layer.entries.get(key)
        if node is None:
            continue
        if is_unset(node):
            if not said:
                known = {word: entry for lower in layers[:index] for word, entry in lower.entries.items()}
                absent(key, known, node.mark, where, report)
            said = []
        elif isinstance(node, Table) and said and isinstance(said[-1], Table):
            said.append(node)
        else:
            said = [node]
    return said


def _said(layers: list[Table], key: str) -> Scalar | None:
    """The topmost word on `key`."""
    node = next((layer.entries[key] for layer in reversed(layers) if key in layer.entries), None)
    return node if isinstance(node, Scalar) and not is_unset(node) else None


class _Components:
    def __init__(self, kinds: Mapping[str, Table], lent: Lent, report: Report) -> None:
        self._kinds = kinds
        self._shared = lent.shared
        self._root = lent.root
        self._report = report
        self._grown = 0
        self.silent: set[Mark] = set()

    def assembled(self, layers: list[Table]) -> Node | None:
        said = _standing(layers, "components", "components", self._report)
        tables = [node for node in said if isinstance(node, Table)]
        if not tables:
            return said[-1] if said else None
        if len(tables) == 1 and self._is_whole(tables[0]):
            return tables[0]
        entries: dict[str, Node] = {}
        for word in dict.fromkeys(word for table in tables for word in table.entries):
            parts = _standing(tables, word, f"components.{word}", self._report)
            if parts:
                layered = [part for part in parts if isinstance(part, Table)]
                entries[word] = self._component(layered, f"components.{word}") if layered else parts[-1]
        marks = {word: mark for table in tables for word, mark in table.marks.items()}
        return Table(entries, marks, tables[-1].mark)

    def _is_whole(self, components: Table) -> bool:
        """Whether nothing is put into them and nothing taken out."""
        shared = any("shared" in entry.entries for entry in components.entries.values() if isinstance(entry, Table))
        return not self._kinds and not shared and not unsets(components)

    def _component(self, layers: list[Table], where: str) -> Table:
        shared, kind = _said(layers, "shared"), _said(layers, "kind")
        named = shared is not None and self._shared is not None
        entry = None if named or kind is None else self._put_in(self._kinds.get(kind.text))
        for layer in layers:
            entry = laid_over(entry, layer, where, self._report)
        assert entry is not None  # noqa: S101  there is a layer at least
        return self._with_shared(shared, entry, where) if shared and named else entry

    def _with_shared(self, called: Scalar, entry: Table, where: str) -> Table:
        declared = self._put_in((self._shared or {}).get(called.text))
        if declared is None:
            near = did_you_mean(called.text, self._shared or ())
            nowhere = f"; {self._root} would declare it" if self._root else "; there is no _defaults.yaml to declare it"
            message = f"nothing shared is called '{called.text}'{near or nowhere}"
            self._report.error(called.mark, f"{where}.shared", message)
            self.silent.add(entry.mark)  # that its kind is missing
            return entry
        own: dict[str, Node] = {}
        for word, node in entry.entries.items():
            if word in OWN_WORDS or word.startswith(IGNORED):
                own[word] = node
            elif not _same(declared.entries.get(word), node):
                message = f"'{called.text}' is one thing at every site, declared in {_line(declared.mark)}; not here"
                self._report.error(entry.marks[word], f"{where}.{word}", message)
        marks = {word: entry.marks[word] for word in own}
        return Table({**declared.entries, **own}, {**declared.marks, **marks}, entry.mark)

    def _put_in(self, part: Table | None) -> Table | None:
        """`part`, put into one component more; bounded, for a line of a site could bring a megabyte each time."""
        if part is not None:
            self._grown += weight(part)
            if self._grown > MAX_BYTES:
                raise YamlFault(part.mark, f"put into every component it makes more than {MAX_BYTES} bytes")
        return part


def _same(one: Node | None, other: Node) -> bool:
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.text == other.text


def _line(mark: Mark) -> str:
    return f"{mark.file}:{mark.line}"
