"""What `analyze` says of an Open-PSA fault tree."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.exceptions import Exit

from resilience.commands.common import INVALID, print_faults, say
from resilience.faulttree import FaultTree, NoSuchTop
from resilience.openpsa import TreeInvalid, read_tree
from resilience.structure import StructureTooLarge
from resilience.treecuts import cut_set_counts, minimal_cut_sets


def tree_answers(paths: Sequence[Path], *, order: int, top: str, count: bool) -> Iterator[str]:
    try:
        for path in paths:
            yield _tree_answer(path, order=order, top=top, count=count)
    except (NoSuchTop, StructureTooLarge) as error:
        say(str(error))
        raise Exit(INVALID) from None


def _tree_answer(path: Path, *, order: int, top: str, count: bool) -> str:
    """One object: `order` and `cut_sets` by order, listed or counted."""
    tree = _read_tree(path)
    cuts: dict[str, object] = {}
    if count:
        cuts = {str(size): number for size, number in cut_set_counts(tree, order, top).items()}
    else:
        listed: dict[str, list[list[str]]] = {str(size): [] for size in range(1, order + 1)}
        for cut in minimal_cut_sets(tree, order, top):
            listed.setdefault(str(len(cut)), []).append(list(cut))
        cuts.update(listed)
    return json.dumps({"order": order, "cut_sets": cuts})


def _read_tree(path: Path) -> FaultTree:
    try:
        return read_tree(path.read_bytes(), str(path))
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror or error}") from None
    except TreeInvalid as error:
        print_faults(error.faults)
        raise Exit(INVALID) from None
