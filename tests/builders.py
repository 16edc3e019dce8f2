"""Sites for tests, made from the model as the reader would make them, and random ones for property tests."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from resilience.duration import FOREVER, parse_duration
from resilience.model import (
    Component,
    EmergencyPath,
    Gate,
    Kind,
    Need,
    Owner,
    Site,
    Tier,
    all_of,
    any_of,
)


def gate(*needs: Need) -> Gate:
    return all_of(*needs)


def component(name: str, kind: str = "service", **fields: Any) -> Component:
    for key in ("runtime", "starts_within", "fuel", "holds"):
        if isinstance(fields.get(key), str):
            fields[key] = FOREVER if fields[key] == "unlimited" else parse_duration(fields[key])
    if isinstance(fields.get("needs"), (list, tuple)):
        fields["needs"] = all_of(*fields["needs"])
    if isinstance(fields.get("power"), list):
        fields["power"] = tuple(fields["power"])
    return Component(name=name, kind=Kind(kind), **fields)


def site(
    components: Mapping[str, Mapping[str, Any]], paths: Mapping[str, Any], *, requires: str = "0s", **fields: Any
) -> Site:
    """A site from `{name: {kind: …, power: […]}}` and `{path: needs}` or `{path: (needs, areas)}`."""
    made = {name: component(name, **entry) for name, entry in components.items()}
    declared = []
    for (name, entry), tier in zip(paths.items(), [*Tier] * 3, strict=False):
        needs, serves = entry if isinstance(entry, tuple) else (entry, ())
        declared.append(EmergencyPath(name=name, tier=tier, needs=all_of(*needs), serves=tuple(serves)))
    return Site(
        id="test",
        name="test",
        owner=Owner(team="operations"),
        components=made,
        emergency_paths=tuple(declared),
        power_outage=parse_duration(requires),
        **fields,
    )


SPANS = st.sampled_from([0, 1, 2, 3, 5, 8, 13]).map(lambda minutes: minutes * 60_000)
RUNTIMES = st.one_of(st.none(), SPANS, st.just(FOREVER))


@st.composite
def needs_over(draw: st.DrawFn, names: list[str], depth: int = 2) -> Gate:
    """A random need over `names`: nested gates, repeats allowed."""
    leaf = st.sampled_from(names)
    part = leaf if depth == 0 else st.one_of(leaf, leaf, needs_over(names, depth - 1))
    parts = draw(st.lists(part, min_size=1, max_size=3))
    kind = draw(st.sampled_from(["all", "any", "some"]))
    if kind == "all":
        return all_of(*parts)
    if kind == "any":
        return any_of(*parts)
    return Gate(draw(st.integers(1, len(parts))), tuple(parts))


@st.composite
def random_sites(draw: st.DrawFn, most: int = 9) -> Site:
    """A random site: series and parallel UPSes, standby generators, holds, units, areas, repeated components."""
    size = draw(st.integers(2, most))
    names: list[str] = []
    made: dict[str, Component] = {}
    for index in range(size):
        name = f"c{index}"
        kind = draw(
            st.sampled_from(
                [Kind.UTILITY, Kind.GENERATOR, Kind.UPS, Kind.UPS, Kind.ATS, Kind.SWITCH, Kind.PBX, Kind.SERVICE]
            )
        )
        if kind is Kind.UPS and not names:
            kind = Kind.UTILITY
        fields: dict[str, Any] = {}
        if names and kind is not Kind.UTILITY:
            if draw(st.booleans()):
                fields["needs"] = draw(needs_over(names))
            if kind is Kind.UPS or draw(st.booleans()):
                fields["power"] = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)))
        if kind is Kind.UPS:
            fields["runtime"] = draw(RUNTIMES)
        if kind is Kind.GENERATOR:
            fields["starts_within"] = draw(SPANS)
            fuel = draw(st.one_of(st.none(), st.sampled_from([1, 4, 20]), st.just(FOREVER)))
            fields["fuel"] = fuel if fuel in (None, FOREVER) else fields["starts_within"] + fuel * 60_000
        if draw(st.integers(0, 3)) == 0:
            fields["holds"] = draw(SPANS)
        if draw(st.integers(0, 5)) == 0:
            fields["units"] = 2
        made[name] = Component(name=name, kind=kind, **fields)
        names.append(name)
    paths = tuple(
        EmergencyPath(
            name=f"p{index}",
            tier=Tier.PRIMARY,
            needs=draw(needs_over(names)),
            serves=tuple(draw(st.lists(st.sampled_from(["east", "west"]), max_size=2, unique=True))),
        )
        for index in range(draw(st.integers(1, 3)))
    )
    return Site(
        id="random",
        name="random",
        owner=Owner(team="operations"),
        components=made,
        emergency_paths=paths,
        power_outage=draw(SPANS),
    )
