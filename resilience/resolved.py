"""A site file with all that it takes from elsewhere, as one YAML text that says of each value where it stands."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from resilience.fields import secret
from resilience.folders import Folders, Unreadable, content, refused
from resilience.probing import ProbeType
from resilience.sitefile import Reader, SiteFile
from resilience.siteshape import site_fields
from resilience.yamltree import Mark, Node, Scalar, Sequence, Table, quoted

_PLAIN = re.compile(r"-?[A-Za-z0-9/+][A-Za-z0-9 /+._@();'-]*(?<! )", re.ASCII)
"""Text that YAML reads as it stands, between brackets too."""

_HIDDEN = '"***"'
_COMMENTS = 64
"""The column at which the origins stand, where the values leave room."""


def resolved(path: Path, probe_types: Mapping[str, ProbeType]) -> tuple[SiteFile, str]:
    """The site file and that text, which is empty where nothing can be put together. Read by itself, the text gives
    the same site; a secret that stands in clear is not shown. Raises OSError where there is no such file.
    """
    path.stat()
    lent = Folders(probe_types, relative=not path.is_absolute()).lent(path.parent)
    try:
        found, tree = Reader(probe_types).read_whole(content(path), str(path), lent)
    except Unreadable as error:
        return SiteFile(None, refused(path, str(error))), ""
    if tree is None:
        return found, ""
    order = {word: place for place, word in enumerate(site_fields(probe_types))}
    entries = dict(sorted(tree.entries.items(), key=lambda entry: order.get(entry[0], len(order))))
    lines = _Writer(probe_types).table(tree._replace(entries=entries), "")
    return found, "".join(f"{line}\n" for line in lines)


class _Writer:
    def __init__(self, probe_types: Mapping[str, ProbeType]) -> None:
        a_secret = secret().schema
        fields = [entry for probe_type in probe_types.values() for entry in probe_type.fields.items()]
        self._secrets = {key for key, known in fields if known.schema == a_secret}

    def table(self, table: Table, indent: str) -> Iterator[str]:
        for word, node in table.entries.items():
            hidden = word in self._secrets and isinstance(node, Scalar)
            yield from self._value(f"{indent}{_text(word)}:", node, _HIDDEN if hidden else _on_a_line(node), indent)

    def _value(self, head: str, node: Node, short: str, indent: str) -> Iterator[str]:
        if short:
            yield f"{head} {short}".ljust(_COMMENTS) + f"  # {_origin(node.mark)}"
            return
        yield head
        if isinstance(node, Table):
            yield from self.table(node, f"{indent}  ")
        elif isinstance(node, Sequence):
            for item in node.items:
                yield from self._item(item, f"{indent}  ")

    def _item(self, item: Node, indent: str) -> Iterator[str]:
        if not isinstance(item, Table) or not item.entries:
            yield from self._value(f"{indent}-", item, _on_a_line(item), indent)
            return
        first, *others = self.table(item, f"{indent}  ")
        yield f"{indent}- {first.lstrip()}"
        yield from others


def _on_a_line(node: Node) -> str:
    """A scalar, a list of nothing but scalars, or what is empty; else nothing."""
    if isinstance(node, Scalar):
        return _text(node.text)
    if isinstance(node, Table):
        return "" if node.entries else "{}"
    scalars = [item for item in node.items if isinstance(item, Scalar)]
    return f"[{', '.join(_text(item.text) for item in scalars)}]" if len(scalars) == len(node.items) else ""


def _text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quoted(text)


def _origin(mark: Mark) -> str:
    file = "".join(char if char.isprintable() else "?" for char in mark.file)
    return f"{file}:{mark.line}"
