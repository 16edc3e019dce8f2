"""Laws over a whole site file: dangling names, loops, what feeds what, what a kind must and must not have.

They go over the tree and the references that reading left behind, not over the site, so that a fault
elsewhere in the file hides none of theirs.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from resilience.faults import Reference, Report, did_you_mean
from resilience.model import PASSES_POWER, PLUGS_IN, Kind
from resilience.yamltree import Mark, Node, Scalar, Sequence, Table

MOST_LOOPS = 20
"""After so many loops in a file the rest is left for the next reading."""

_KINDS = frozenset(kind.value for kind in Kind)

BELONGS_TO: Mapping[str, Kind] = {"runtime": Kind.UPS, "starts_within": Kind.GENERATOR, "fuel": Kind.GENERATOR}
"""Keys that only one kind has."""


def crosscheck(site: Table, report: Report) -> None:
    declared = site.entries.get("components")
    components = declared if isinstance(declared, Table) else None
    _names(site, components, report)
    if components is None:
        return
    kinds = {name: _text(entry, "kind") for name, entry in components.entries.items()}
    for name, entry in components.entries.items():
        if isinstance(entry, Table):
            _component(name, entry, kinds[name], components.marks[name], report)
    _feeds(kinds, report)
    _loops(components, report)


def _text(node: Node, key: str) -> str:
    entry = node.entries.get(key) if isinstance(node, Table) else None
    return entry.text if isinstance(entry, Scalar) else ""


def _names(site: Table, components: Table | None, report: Report) -> None:
    """Every reference is the name of something declared. Where the declarations cannot be read, nothing is said."""
    devices, paths = site.entries.get("devices", Table({}, {}, site.mark)), site.entries.get("emergency_paths")
    known = {
        "component": components.entries if components else None,
        "device": devices.entries if isinstance(devices, Table) else None,
        "emergency path": [_text(path, "name") for path in paths.items] if isinstance(paths, Sequence) else None,
    }
    for reference in report.references:
        names = known[reference.to]
        if names is not None and reference.name not in names:
            message = f"'{reference.name}' is not declared{did_you_mean(reference.name, names)}"
            report.error(reference.mark, reference.where, message)


def _component(name: str, entry: Table, kind: str, mark: Mark, report: Report) -> None:
    where = f"components.{name}"
    for key, owner in BELONGS_TO.items():
        if key in entry.entries and kind in _KINDS and kind != owner:
            report.error(entry.marks[key], f"{where}.{key}", f"'{key}' belongs to kind {owner}, and this is {kind}")
    power = entry.entries.get("power")
    if kind == Kind.UPS and (power is None or power == Sequence((), power.mark)):
        report.error(power.mark if power else mark, where, "a UPS without feeds; name them in 'power'")
    if kind == Kind.GENERATOR and "starts_within" not in entry.entries:
        report.error(mark, where, "a generator without 'starts_within'; say how soon it carries the load")
    if kind == Kind.UTILITY and power is not None and power != Sequence((), power.mark):
        report.warn(power.mark, f"{where}.power", "nothing feeds a utility; what it stands on goes into 'needs'")
    if kind in PLUGS_IN and power is None:
        message = f"kind {kind} plugs in, and 'power' does not say where; write [] if it needs none"
        report.warn(mark, where, message, "power_not_declared")


def _feeds(kinds: Mapping[str, str], report: Report) -> None:
    # A switch feeds what hangs on it by PoE.
    passing = PASSES_POWER | {Kind.SWITCH}
    fed = {f"components.{name}.power": kind for name, kind in kinds.items()}
    for feed in report.references:
        if feed.where not in fed or feed.name not in kinds:
            continue
        kind = kinds[feed.name]
        if kind in _KINDS and kind not in passing:
            report.warn(feed.mark, feed.where, f"'{feed.name}' is of kind {kind}, which passes no power on")
        if kind == Kind.UTILITY and fed[feed.where] == Kind.GENERATOR:
            report.warn(feed.mark, feed.where, f"a generator fed by the utility '{feed.name}' is gone together with it")


def _loops(components: Table, report: Report) -> None:
    at: dict[str, list[Reference]] = {}
    for reference in report.references:
        if reference.to == "component" and reference.name in components.entries:
            at.setdefault(reference.where, []).append(reference)
    inputs = {
        name: [*at.get(f"components.{name}.needs", ()), *at.get(f"components.{name}.power", ())]
        for name in components.entries
    }
    for loop in _each_loop(inputs):
        report.error(loop[0].mark, loop[0].where, f"a loop: {_spelled(loop)}")
    if not any(where.endswith("].via") for where in at):
        return
    roads = {name: [*_roads(name, entry, at)] for name, entry in components.entries.items()}
    for loop in _each_loop(roads):
        report.error(loop[0].mark, loop[0].where, f"a loop of probes' roads: {_spelled(loop)}")


def _roads(name: str, component: Node, at: Mapping[str, list[Reference]]) -> Iterator[Reference]:
    probes = component.entries.get("probes") if isinstance(component, Table) else None
    for index in range(len(probes.items) if isinstance(probes, Sequence) else 0):
        yield from at.get(f"components.{name}.probes[{index}].via", ())


def _spelled(loop: list[Reference]) -> str:
    names = [reference.name for reference in loop]
    return " -> ".join([names[-1], *names])


def _each_loop(edges: Mapping[str, list[Reference]]) -> Iterator[list[Reference]]:
    """The loops as the references that make them, each beginning at its member declared first.

    One is taken apart at its last reference before the next is looked for, so a reference closes one loop at most.
    """
    if _without_loop(edges):
        return
    order = {name: index for index, name in enumerate(edges)}
    left = {name: {reference.name: reference for reference in reversed(out)} for name, out in edges.items()}
    for _ in range(MOST_LOOPS):
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            against = error.args[1][:-1]  # each is needed by the one after it
            names = against[::-1]
            first = min(range(len(names)), key=lambda index: order[names[index]])
            names = names[first:] + names[:first]
            loop = [left[name][following] for name, following in zip(names, [*names[1:], names[0]], strict=True)]
            del left[names[-1]][names[0]]
            yield loop
        else:
            return


def _without_loop(edges: Mapping[str, list[Reference]]) -> bool:
    """Whether everything can be put in an order; much quicker than to find the loop that there hardly ever is."""
    waiting = {name: len(out) for name, out in edges.items()}
    users: dict[str, list[str]] = {}
    for name, out in edges.items():
        for reference in out:
            users.setdefault(reference.name, []).append(name)
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:  # grows meanwhile
        for user in users.get(name, ()):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    return len(ready) == len(edges)
