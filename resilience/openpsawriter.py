"""Fault tree → Open-PSA model exchange format, as `scram` and this project's own reader take it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from resilience.faulttree import FaultTree, Vote

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
"""A name that the format allows, in plain letters: no dot, and '-' only between others."""


def write_tree(tree: FaultTree, name: str) -> str:
    """The text of the file, its gates in the order of `tree`. What an identifier stands for is its `<label>`."""
    called = dict(identifiers(tree.events))
    called |= identifiers(tuple(tree.gates), taken=frozenset(called.values()))
    definitions = [
        line
        for gate, vote in tree.gates.items()
        for line in _element("define-gate", gate, called[gate], _formula(vote, tree, called))
    ]
    for event in tree.events:
        definitions += _element("define-basic-event", event, called[event], ())
    lines = _element("define-fault-tree", name, identifiers([name])[name], definitions)
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<opsa-mef>", *lines, "</opsa-mef>", ""])


def identifiers(names: Sequence[str], taken: frozenset[str] = frozenset()) -> Mapping[str, str]:
    """What stands for each of `names` in the file: itself where the format allows it, and never the same for two.

    `identifiers(tree.events)` leads from the components of a site to the basic events of what was written of it.
    """
    called = {name: name for name in names if IDENTIFIER.fullmatch(name) and name not in taken}
    used = {*taken, *called}
    for name in names:
        if name not in called:
            plain = re.sub(r"[^A-Za-z0-9]+", "_", name)
            plain = plain if IDENTIFIER.fullmatch(plain) else f"_{plain}"
            while plain in used:
                plain += "_"
            called[name] = plain
            used.add(plain)
    return called


def _element(tag: str, name: str, identifier: str, inside: Sequence[str]) -> Iterator[str]:
    label = [f"<label>{escape(name)}</label>"] if name != identifier else []
    if not label and not inside:
        yield f'<{tag} name="{identifier}"/>'
    else:
        yield f'<{tag} name="{identifier}">'
        yield from (f"  {line}" for line in (*label, *inside))
        yield f"</{tag}>"


def _formula(vote: Vote, tree: FaultTree, called: Mapping[str, str]) -> Sequence[str]:
    if vote.count <= 0 or vote.count > len(vote.of):
        return [f'<constant value="{"true" if vote.count <= 0 else "false"}"/>']
    inputs = [f'<{"gate" if name in tree.gates else "basic-event"} name="{called[name]}"/>' for name in vote.of]
    if len(inputs) == 1:
        return inputs
    tag = "or" if vote.is_or else "and" if vote.is_and else "atleast"
    least = f' min="{vote.count}"' if tag == "atleast" else ""
    return [f"<{tag}{least}>", *(f"  {line}" for line in inputs), f"</{tag}>"]
