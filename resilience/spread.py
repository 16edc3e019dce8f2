"""What a site file says once for many probes, spread over them: tree in, tree out.

A probe gets the values of its device, beneath its own and in the place of the key `device`; beneath these what is
usual for its type; and the site-wide `via` where it has none by then. A value keeps the mark of where it was written:
a fault in it is found there. What is shared with other sites is complete, and is not reached by this site's road.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from resilience.probeshape import LENT
from resilience.probing import ProbeType
from resilience.yamltree import Node, Scalar, Sequence, Table, beneath

Entries = Mapping[str, Node]
T = TypeVar("T")


def spread(site: Table, probe_types: Mapping[str, ProbeType], usual: Mapping[str, Table] | None = None) -> Table:
    table = site.entries.get("components")
    if not isinstance(table, Table):
        return site
    components, devices, via = table.entries, _entries(site, "devices"), site.entries.get("via")
    if not usual and not devices and via is None:
        return site
    roads: dict[int, set[str]] = {}

    def stands_in(road: Node, name: str) -> bool:
        if id(road) not in roads:
            roads[id(road)] = _road(road, components)
        return name in roads[id(road)]

    def complete(name: str, probe: Table) -> Table:
        alone = _shared(components[name])
        of_type = _of_type(probe, {} if alone else usual or {})
        if of_type:
            of_type = _picked(of_type, ("device", *_keys(probe, probe_types)))
        device = probe.entries.get("device", of_type.get("device"))
        lending = devices.get(device.text) if isinstance(device, Scalar) else None
        if isinstance(lending, Table):
            probe = beneath(_without(probe, "device"), _picked(lending.entries, _keys(probe, probe_types)))
            of_type = {key: node for key, node in of_type.items() if key != "device"}
        ways = () if alone else (of_type.get("via"), via)
        fit = [way for way in ways if way is not None and not stands_in(way, name)]
        of_type = {key: node for key, node in of_type.items() if key != "via"}
        return beneath(probe, {**of_type, "via": fit[0]} if fit else of_type)

    each = {
        name: _with_probes(component, partial(complete, name)) if isinstance(component, Table) else component
        for name, component in components.items()
    }
    return site._replace(entries={**site.entries, "components": table._replace(entries=each)})


def usual_probes(component: Table, probe_types: Mapping[str, ProbeType], usual: Mapping[str, Table]) -> Table:
    """`component` with what is usual for the types of its probes, apart from any site: without roads and devices."""

    def complete(probe: Table) -> Table:
        lent = _picked(_of_type(probe, usual), _keys(probe, probe_types))
        return beneath(probe, {key: node for key, node in lent.items() if key != "via"})

    return _with_probes(component, complete)


def _keys(probe: Table, probe_types: Mapping[str, ProbeType]) -> tuple[str, ...]:
    """What a probe may be lent."""
    known = _known(probe, probe_types)
    return (*LENT, *(known.fields if known else ()))


def _picked(entries: Entries, keys: Iterable[str]) -> dict[str, Node]:
    return {key: entries[key] for key in keys if key in entries}


def _known(probe: Table, known: Mapping[str, T]) -> T | None:
    called = probe.entries.get("type")
    return known.get(called.text) if isinstance(called, Scalar) else None


def _of_type(probe: Table, usual: Mapping[str, Table]) -> Entries:
    table = _known(probe, usual)
    return table.entries if table else {}


def _without(table: Table, key: str) -> Table:
    return table._replace(entries={word: node for word, node in table.entries.items() if word != key})


def _shared(component: Node) -> bool:
    return isinstance(component, Table) and "shared" in component.entries


def _entries(site: Table, key: str) -> Entries:
    node = site.entries.get(key)
    return node.entries if isinstance(node, Table) else {}


def _with_probes(component: Table, complete: Callable[[Table], Table]) -> Table:
    probes = component.entries.get("probes")
    if not isinstance(probes, Sequence):
        return component
    items = tuple(complete(probe) if isinstance(probe, Table) else probe for probe in probes.items)
    return component._replace(entries={**component.entries, "probes": probes._replace(items=items)})


def _road(via: Node, components: Entries) -> set[str]:
    """The components on the way to the site and whatever they need: their own probes stop where they stand.

    What feeds them is not on the way: a UPS card is reached through the router that the UPS feeds.
    """
    road: set[str] = set()
    ahead = list(_names(via))
    while ahead:
        name = ahead.pop()
        component = components.get(name)
        if name not in road and isinstance(component, Table):
            road.add(name)
            ahead += _names(component.entries.get("needs"))
    return road


def _names(node: Node | None) -> Iterator[str]:
    """Every name in a list of names or in `needs`, whatever its gates."""
    if isinstance(node, Scalar):
        yield node.text
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _names(item)
    elif isinstance(node, Table):
        for key, entry in node.entries.items():
            if key != "count":
                yield from _names(entry)
