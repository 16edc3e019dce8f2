"""One tree laid over another: the law by which site files take from templates and defaults. Tree in, tree out.

Mappings merge by key; a scalar or a list replaces what lies below it, but `probes` and `emergency_paths` merge by
name; `KEY: unset` removes. A value keeps the mark of where it was written, a key that of its topmost entry.
"""

from collections.abc import Iterable, Mapping
from typing import overload

from resilience.faults import Report, did_you_mean
from resilience.yamltree import MAX_BYTES, Mark, Node, Scalar, Sequence, Table, YamlFault

UNSET = "unset"

NAMED: Mapping[str, tuple[str, ...]] = {"probes": ("name", "type"), "emergency_paths": ("name",)}
"""Lists that merge by name, with the keys that name an entry: the first of them it has."""

_GATES = frozenset({"all_of", "any_of", "at_least"})
_SOURCES = frozenset({"env", "file"})


def is_unset(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == UNSET


@overload
def laid_over(below: Node | None, above: Table, where: str, report: Report, key: str = "") -> Table: ...
@overload
def laid_over(below: Node | None, above: Node, where: str, report: Report, key: str = "") -> Node: ...
def laid_over(below: Node | None, above: Node, where: str, report: Report, key: str = "") -> Node:
    """`above` over `below`; `where` is its address and `key` the last step of that."""
    if isinstance(above, Table):
        under = below if isinstance(below, Table) and not _another_choice(key, below, above) else None
        return _merged(under, above, where, report) if under or unsets(above) else above
    if isinstance(above, Sequence) and key in NAMED:
        named = below if isinstance(below, Sequence) else None
        return _by_name(named, above, where, report, NAMED[key]) if named or unsets(above, key) else above
    return above


def _merged(below: Table | None, above: Table, where: str, report: Report) -> Table:
    entries, marks = (dict(below.entries), dict(below.marks)) if below else ({}, {})
    for word, node in above.entries.items():
        inside = f"{where}.{word}" if where else word
        if is_unset(node):
            if word not in entries:
                absent(word, entries, node.mark, inside, report)
            entries.pop(word, None)
            marks.pop(word, None)
        else:
            entries[word] = laid_over(entries.get(word), node, inside, report, word)
            marks[word] = above.marks[word]
    return Table(entries, marks, above.mark)


def absent(word: str, names: Iterable[str], mark: Mark, where: str, report: Report) -> None:
    """An error and no warning: under a misspelt name stays in place what its author believes gone."""
    near = did_you_mean(word, names)
    report.error(mark, where, f"'{word}' cannot be unset: nothing of that name comes from elsewhere{near}")


def _by_name(below: Sequence | None, above: Sequence, where: str, report: Report, naming: tuple[str, ...]) -> Sequence:
    """Entries keep their places, new ones follow; `- NAME: unset` removes one, and the name may stand again after it.

    A name that stands twice in `above` merges once: the second entry is left for the reader of the list to refuse.
    """
    items: list[Node | None] = list(below.items) if below else []
    places = {called: index for index, item in enumerate(items) if (called := _called(item, naming))}
    for index, item in enumerate(above.items):
        inside = f"{where}[{index}]"
        if isinstance(item, Table) and (gone := _removes(item)):
            if gone not in places:
                absent(gone, places, item.mark, inside, report)
            else:
                items[places.pop(gone)] = None
        elif (place := places.pop(_called(item, naming), None)) is not None:
            items[place] = laid_over(items[place], item, f"{where}[{place}]", report)
        else:
            items.append(laid_over(None, item, inside, report))
    return Sequence(tuple(item for item in items if item is not None), above.mark)


def _called(item: Node | None, naming: tuple[str, ...]) -> str:
    entries = item.entries if isinstance(item, Table) else {}
    node = next((entries[key] for key in naming if key in entries), None)
    return node.text if isinstance(node, Scalar) else ""


def _removes(item: Table) -> str:
    """The name that the list entry `- NAME: unset` removes, or nothing."""
    return next(iter(item.entries)) if len(item.entries) == 1 and all(map(is_unset, item.entries.values())) else ""


def _another_choice(key: str, below: Table, above: Table) -> bool:
    """Whether both are written as mappings but are one value each, and different ones: two gates, or two secrets.

    `any_of` over `all_of` replaces it: merged by key they would be two gates where there is one.
    """
    words = {*below.entries, *above.entries}
    if not below.entries or not above.entries or below.entries.keys() & above.entries.keys():
        return False
    if key == "needs":
        return words <= _GATES
    values = (*below.entries.values(), *above.entries.values())
    return words <= _SOURCES and key not in ("labels", "vars") and all(isinstance(node, Scalar) for node in values)


def unsets(node: Node, key: str = "") -> bool:
    """Whether anything in `node` is there to remove something."""
    if isinstance(node, Table):
        for word, entry in node.entries.items():
            if entry.text == UNSET if isinstance(entry, Scalar) else unsets(entry, word):
                return True
        return False
    return isinstance(node, Sequence) and key in NAMED and any(map(unsets, node.items))


def without_unset(table: Table) -> Table:
    """What `table` itself brings: without what is only there to remove something."""
    brought = {word: _brought(entry, word) for word, entry in table.entries.items()}
    return table._replace(entries={word: entry for word, entry in brought.items() if entry is not None})


def _brought(node: Node, key: str) -> Node | None:
    if isinstance(node, Table):
        return without_unset(node)
    if isinstance(node, Sequence) and key in NAMED and node.items:
        items = [item for item in node.items if not (isinstance(item, Table) and _removes(item))]
        kept = tuple(without_unset(item) if isinstance(item, Table) else item for item in items)
        return node._replace(items=kept) if kept else None
    return None if is_unset(node) else node


def bounded(tree: Node) -> None:
    """Raises YamlFault where the merged file is longer than one file may be."""
    if weight(tree) > MAX_BYTES:
        raise YamlFault(tree.mark, f"with all that it takes from elsewhere the file is longer than {MAX_BYTES} bytes")


def weight(tree: Node, most: int = MAX_BYTES) -> int:
    """How many bytes `tree` would at least take if it were written out; beyond `most` the counting stops."""
    counted = 0
    ahead = [tree]
    while ahead and counted <= most:
        node = ahead.pop()
        counted += 2
        if isinstance(node, Scalar):
            counted += len(node.text)
        elif isinstance(node, Sequence):
            ahead += node.items
        else:
            ahead += node.entries.values()
            counted += sum(map(len, node.entries))
    return counted
