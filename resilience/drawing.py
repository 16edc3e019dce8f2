"""The emergency path as a drawing: who stands where, and how the lines run. Pure; lengths in SVG user units.

A layered drawing (Sugiyama): the emergency paths at the left, best first, and everything to the right of what needs
it, so that a failure spreads to the left. A line over several columns gets a place of its own in each of them, and
the places of a column are ordered by where their neighbours stand, which keeps crossings few.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from resilience.model import Need, Site

BOX = (156.0, 40.0)
GAP = (60.0, 14.0)
"""Between columns, and between the boxes of a column."""
LANE = 10.0
"""The height of a place where a line only passes."""
MARGIN = 8.0
SWEEPS = 6
"""Passes of ordering; later ones change nothing in sites of a hundred components."""


@dataclass(frozen=True, slots=True)
class Box:
    """A path or a component; (x, y) is its upper left corner."""

    name: str
    x: float
    y: float
    is_path: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What `user` needs or is fed by. `curve` is an SVG path's `d`."""

    user: str
    used: str
    feeds: bool
    alternative: bool
    """Another one will do as well: one of several feeds, or beneath a gate that does not ask for all."""
    curve: str


@dataclass(frozen=True, slots=True)
class Drawing:
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


_Place = tuple[str, ...]
"""A box by (name,), a path by ("path", name), a passing line by (user, used, column)."""


def draw(site: Site) -> Drawing:
    """Everything that an emergency path stands on, directly or not. What no path stands on is left out."""
    paths = [_path(path.name) for path in site.emergency_paths]
    needs = {
        _path(path.name): [(name, False, some) for name, some in _used(path.needs)] for path in site.emergency_paths
    }
    for name in _reached(site):
        needs[(name,)] = _inputs(site, name)
    column = _columns(paths, needs)
    routes = {
        (user, used): [user, *((*user, used, str(at)) for at in range(column[user] + 1, column[(used,)])), (used,)]
        for user, uses in needs.items()
        for used, _, _ in uses
    }
    order = _ordered(paths, routes.values(), column, depth=max(column.values()))
    places = _placed(order, boxes=set(needs))
    boxes = tuple(Box(place[-1], *places[place], is_path=place in paths) for place in places if place in needs)
    lines = tuple(
        Line(user[-1], used, feeds, alternative, _curve(routes[user, used], places))
        for user, uses in needs.items()
        for used, feeds, alternative in uses
    )
    width = MARGIN * 2 + len(order) * BOX[0] + (len(order) - 1) * GAP[0]
    return Drawing(width, max(box.y for box in boxes) + BOX[1] + MARGIN, boxes, lines)


def _path(name: str) -> _Place:
    return ("path", name)


def _used(need: Need, alternative: bool = False) -> Iterator[tuple[str, bool]]:
    """Every name in `need`, and whether another one would do."""
    if isinstance(need, str):
        yield need, alternative
    else:
        for part in need.of:
            yield from _used(part, alternative or need.count < len(need.of))


def _inputs(site: Site, name: str) -> list[tuple[str, bool, bool]]:
    """(name, feeds, alternative), each name once: a need before a feed, and what must work before what may."""
    component = site.components[name]
    feeds = component.power or ()
    found: dict[str, tuple[str, bool, bool]] = {}
    for used, some in sorted(_used(component.needs), key=lambda one: one[1]):
        found.setdefault(used, (used, False, some))
    for feed in feeds:
        found.setdefault(feed, (feed, True, len(feeds) > 1))
    return list(found.values())


def _reached(site: Site) -> Iterable[str]:
    """The components that an emergency path stands on."""
    found: dict[str, None] = {}
    waiting = [name for path in site.emergency_paths for name, _ in _used(path.needs)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += site.inputs(name)
    return [name for name in site.components if name in found]


def _columns(paths: Sequence[_Place], needs: Mapping[_Place, list[tuple[str, bool, bool]]]) -> dict[_Place, int]:
    """The longest way from a path to each place. There are no loops: the reader refuses them."""
    column: dict[_Place, int] = dict.fromkeys(paths, 0)
    waiting = list(paths)
    while waiting:
        user = waiting.pop()
        for used, _, _ in needs[user]:
            if column.get((used,), 0) <= column[user]:
                column[(used,)] = column[user] + 1
                waiting.append((used,))
    return column


def _ordered(
    paths: Sequence[_Place], routes: Iterable[Sequence[_Place]], column: Mapping[_Place, int], depth: int
) -> list[list[_Place]]:
    """The places of each column from top to bottom; paths stay best first."""
    columns: list[dict[_Place, None]] = [{} for _ in range(depth + 1)]
    columns[0] = dict.fromkeys(paths)
    left: dict[_Place, list[_Place]] = {}
    right: dict[_Place, list[_Place]] = {}
    for route in routes:
        at = column[route[0]]
        for offset, (here, there) in enumerate(pairwise(route), start=1):
            columns[at + offset].setdefault(there)
            left.setdefault(there, []).append(here)
            right.setdefault(here, []).append(there)
    order = [list(places) for places in columns]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for at in range(1, depth + 1) if forward else range(depth - 1, 0, -1):
            beside, neighbours = (order[at - 1], left) if forward else (order[at + 1], right)
            rank = {place: index / max(1, len(beside) - 1) for index, place in enumerate(beside)}
            now = {place: index / max(1, len(order[at]) - 1) for index, place in enumerate(order[at])}
            order[at].sort(key=lambda place: _mean([rank[n] for n in neighbours.get(place, ())], now[place]))
    return order


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _placed(order: Sequence[Sequence[_Place]], boxes: set[_Place]) -> dict[_Place, tuple[float, float]]:
    """Upper left corners; every column stands in the middle of the tallest."""
    heights = [[BOX[1] if place in boxes else LANE for place in places] for places in order]
    tall = [sum(each) + GAP[1] * (len(each) - 1) for each in heights]
    places: dict[_Place, tuple[float, float]] = {}
    for at, (names, each) in enumerate(zip(order, heights, strict=True)):
        y = MARGIN + (max(tall) - tall[at]) / 2
        for place, height in zip(names, each, strict=True):
            places[place] = (MARGIN + at * (BOX[0] + GAP[0]), y)
            y += height + GAP[1]
    return places


def _curve(route: Sequence[_Place], places: Mapping[_Place, tuple[float, float]]) -> str:
    """From the right side of the user to the left side of what it uses, level where it passes a column."""
    x, y = places[route[0]]
    x, y = x + BOX[0], y + BOX[1] / 2
    parts = [f"M{x:g},{y:g}"]
    for place in route[1:]:
        to_x, top = places[place]
        to_y = top + (BOX[1] if place == route[-1] else LANE) / 2
        middle = (x + to_x) / 2
        parts.append(f"C{middle:g},{y:g} {middle:g},{to_y:g} {to_x:g},{to_y:g}")
        x, y = to_x, to_y
        if place != route[-1]:
            x += BOX[0]
            parts.append(f"H{x:g}")
    return " ".join(parts)
