"""Pretended changes of a site: a component doubled, a longer runtime, one more feed. Pure: a site in, a site out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from resilience.duration import FOREVER, Ms, parse_duration, spoken
from resilience.model import Component, Gate, Kind, Need, Site, any_of
from resilience.wording import joined

SECOND = "-second"


@dataclass(frozen=True, slots=True)
class Double:
    """A second one beside it, with the same needs and feeds."""

    component: str

    def __str__(self) -> str:
        return f"a second {self.component}"

    def applied(self, site: Site) -> Site:
        original, twin = self.component, twin_of(site, self.component)

        def both(need: Need) -> Need:
            if isinstance(need, Gate):
                return Gate(need.count, tuple(both(part) for part in need.of))
            return any_of(original, twin) if need == original else need

        def fed(power: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return (*power, twin) if power and original in power else power

        changed = _each(site, lambda c: replace(c, needs=_gate(both(c.needs)), power=fed(c.power)))
        second = replace(changed.components[original], name=twin, probes=(), shared="")
        paths = tuple(replace(path, needs=_gate(both(path.needs))) for path in site.emergency_paths)
        return replace(changed, components={**changed.components, twin: second}, emergency_paths=paths)


@dataclass(frozen=True, slots=True)
class Lasts:
    """A UPS that holds, or a generator whose fuel lasts, `energy` ms."""

    component: str
    energy: Ms

    def __str__(self) -> str:
        return f"{self.component} lasting {spoken(self.energy)}"

    def applied(self, site: Site) -> Site:
        def longer(component: Component) -> Component:
            if component.name != self.component:
                return component
            if component.kind is Kind.UPS:
                return replace(component, runtime=self.energy)
            return replace(component, fuel=self.energy)

        return _each(site, longer)


@dataclass(frozen=True, slots=True)
class Feed:
    """`feed` as one more feed of every component in `loads`."""

    feed: str
    loads: tuple[str, ...]

    def __str__(self) -> str:
        return f"another feed, from {self.feed}, for {joined(self.loads)}"

    def applied(self, site: Site) -> Site:
        return _each(site, lambda c: replace(c, power=(*(c.power or ()), self.feed)) if c.name in self.loads else c)


@dataclass(frozen=True, slots=True)
class Restore:
    """`component` as it is when it works and nobody doubts it: its probes and planned work are left out."""

    component: str

    def __str__(self) -> str:
        return f"{self.component} back"

    def applied(self, site: Site) -> Site:
        name = self.component
        sound = _each(site, lambda c: replace(c, probes=(), attest=None) if c.name == name else c)
        work = (replace(w, components=tuple(n for n in w.components if n != name)) for w in site.maintenance)
        return replace(sound, maintenance=tuple(work))


Fix = Double | Lasts | Feed | Restore


def apply(site: Site, fixes: Iterable[Fix]) -> Site:
    for fix in fixes:
        site = fix.applied(site)
    return site


def parse_fix(text: str, site: Site) -> Fix:
    """`wan-a` doubles it, `ups-1=2h` makes it last; ValueError says what is wrong."""
    name, equals, energy = text.partition("=")
    component = site.components.get(name)
    if component is None:
        raise ValueError(f"'{name}' is not declared")
    if not equals:
        return Double(name)
    if component.kind not in (Kind.UPS, Kind.GENERATOR):
        raise ValueError(f"'{name}' is a {component.kind}: only a UPS and a generator store energy")
    return Lasts(name, FOREVER if energy == "unlimited" else parse_duration(energy))


def twin_of(site: Site, name: str) -> str:
    """A name for a second `name` that nothing at the site has yet."""
    twin = name + SECOND
    while twin in site.components:
        twin += SECOND
    return twin


def _each(site: Site, change: Callable[[Component], Component]) -> Site:
    return replace(site, components={name: change(component) for name, component in site.components.items()})


def _gate(need: Need) -> Gate:
    return need if isinstance(need, Gate) else Gate(1, (need,))
