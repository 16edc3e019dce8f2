"""`${lan}` in what is lent to site files: where it may stand, and the text that takes its place. Tree in, tree out.

Variables stand inside scalars alone, `$${` is a literal `${`, and a value is put in as it stands: there are no
expressions, and what a variable brings is not searched for variables again.
"""

import re
from collections.abc import Iterator, Mapping
from typing import overload

from resilience.faults import Report, did_you_mean
from resilience.fields import VARIABLE
from resilience.yamltree import MAX_BYTES, Mark, Node, Scalar, Sequence, Table, YamlFault

NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
BUILT_IN = "site"
"""The id of the site."""

_WRITTEN = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")


class Variables:
    """The variables of one site file, and what came of them."""

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        self._values = values
        self._length = 0
        self._unknown: dict[Mark, str] = {}
        self.used: set[str] = set()
        self.origins: dict[Mark, Mark] = {}
        """Of each value made with variables: where the first of them stands."""

    @overload
    def replaced(self, node: Table) -> Table: ...
    @overload
    def replaced(self, node: Node) -> Node: ...
    def replaced(self, node: Node) -> Node:
        """`node` with the values in place of the variables; a scalar with an unknown one stays as it is.

        Raises YamlFault where the text grows beyond what one file may hold.
        """
        if isinstance(node, Scalar):
            return self._scalar(node) if VARIABLE in node.text else node
        if isinstance(node, Sequence):
            items = tuple(map(self.replaced, node.items))
            return node if all(map(_same, items, node.items)) else node._replace(items=items)
        entries = {word: self.replaced(entry) for word, entry in node.entries.items()}
        return node if all(map(_same, entries.values(), node.entries.values())) else node._replace(entries=entries)

    def _scalar(self, node: Scalar) -> Scalar:
        names = [found[1] for found in _WRITTEN.finditer(node.text) if found[1] is not None]
        self.used.update(names)
        for name in names:
            if name not in self._values:
                self._unknown[node.mark] = name
                return node
        self._length += len(node.text) + sum(len(self._values[name].text) for name in names)
        if self._length > MAX_BYTES:
            raise YamlFault(node.mark, f"with its variables replaced the text is longer than {MAX_BYTES} bytes")
        text = _WRITTEN.sub(lambda found: VARIABLE if found[1] is None else self._values[found[1]].text, node.text)
        if names:
            self.origins[node.mark] = self._values[names[0]].mark
        return Scalar(text, node.mark)

    def tell_unknown(self, tree: Node, report: Report) -> None:
        """An error for each value in `tree` that has an unknown variable, in the place of all others about it.

        One that the site file has replaced asks for nothing.
        """
        if not self._unknown:
            return
        report.faults = [fault for fault in report.faults if fault.mark not in self._unknown]
        for where, scalar in scalars(tree):
            if name := self._unknown.get(scalar.mark):
                near = did_you_mean(name, self._values)
                report.error(scalar.mark, where, f"unknown variable '{name}': 'vars' does not give it{near}")


def _same(one: Node, other: Node) -> bool:
    return one is other


def tell_misspelt(tree: Node, report: Report) -> None:
    """An error for each `${` in `tree` that is no variable."""
    for where, scalar in scalars(tree):
        for found in _WRITTEN.finditer(scalar.text) if VARIABLE in scalar.text else ():
            if found[1] is not None and not (found[2] and re.fullmatch(NAME, found[1], re.ASCII)):
                # What follows is not repeated: it may be a part of a secret.
                message = "'${' begins no variable: that is a name in braces, as in ${lan}; write $${ for a plain ${"
                report.error(scalar.mark, where, message)


def scalars(node: Node, where: str = "") -> Iterator[tuple[str, Scalar]]:
    """Every scalar of a tree with its address."""
    if isinstance(node, Scalar):
        yield where, node
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from scalars(item, f"{where}[{index}]")
    else:
        for word, entry in node.entries.items():
            yield from scalars(entry, f"{where}.{word}" if where else word)
