"""What a site file says once for many probes, spread over them: tree in, tree out.

A probe gets the values of its device, beneath its own and in the place of the key `device`, and the site-wide
`via` where it has none of its own. A value keeps the mark of where it was written: a fault in it is found there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from resilience.probeshape import LENT
from resilience.probing import ProbeType
from resilience.yamltree import Node, Scalar, Sequence, Table, beneath

Entries = Mapping[str, Node]


def spread(site: Table, probe_types: Mapping[str, ProbeType]) -> Table:
    components = _entries(site, "components")
    devices = _entries(site, "devices")
    via = site.entries.get("via")
    road = _road(via, components)

    def complete(probe: Table, component: str) -> Table:
        called, device = probe.entries.get("type"), probe.entries.get("device")
        known = probe_types.get(called.text) if isinstance(called, Scalar) else None
        lending = devices.get(device.text) if isinstance(device, Scalar) else None
        if isinstance(lending, Table):
            fitting = {*LENT, *(known.fields if known else ())}
            own = {key: node for key, node in probe.entries.items() if key != "device"}
            lent = {key: node for key, node in lending.entries.items() if key in fitting}
            probe = beneath(replace(probe, entries=own), lent)
        return probe if via is None or component in road else beneath(probe, {"via": via})

    each = {name: _with_probes(component, name, complete) for name, component in components.items()}
    table = site.entries.get("components")
    if not isinstance(table, Table):
        return site
    return replace(site, entries={**site.entries, "components": replace(table, entries=each)})


def _entries(site: Table, key: str) -> Entries:
    node = site.entries.get(key)
    return node.entries if isinstance(node, Table) else {}


def _with_probes(component: Node, name: str, complete: Callable[[Table, str], Table]) -> Node:
    probes = component.entries.get("probes") if isinstance(component, Table) else None
    if not isinstance(component, Table) or not isinstance(probes, Sequence):
        return component
    items = tuple(complete(probe, name) if isinstance(probe, Table) else probe for probe in probes.items)
    return replace(component, entries={**component.entries, "probes": replace(probes, items=items)})


def _road(via: Node | None, components: Entries) -> set[str]:
    """The components on the way to the site and whatever they need: their own probes stop where they stand.

    What feeds them is not on the way: a UPS card is reached through the router that the UPS feeds.
    """
    road: set[str] = set()
    ahead = list(_names(via)) if via is not None else []
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
