"""Random sites with random readings, for property tests of the live basis."""

from typing import Any

from hypothesis import strategies as st

from builders import needs_over
from history import BLIND, SILENT, UP, probe, says, ups
from resilience.duration import FOREVER
from resilience.model import Component, EmergencyPath, Kind, Owner, Site, Tier
from resilience.reading import Reading, State

MINUTE = 60_000
KINDS = [Kind.UTILITY, Kind.GENERATOR, Kind.UPS, Kind.UPS, Kind.ATS, Kind.PBX, Kind.WAN, Kind.SERVICE]
MINUTES = st.sampled_from([0, 1, 2, 5, 20]).map(lambda minutes: minutes * MINUTE)


@st.composite
def live_sites(draw: st.DrawFn, most: int = 8) -> Site:
    """Dual cords, transfer switches, UPSes in series, generators, holds; some of it probed, some by way of others."""
    made: dict[str, Component] = {}
    for index in range(draw(st.integers(2, most))):
        name, names = f"c{index}", list(made)
        kind = draw(st.sampled_from(KINDS if names else [Kind.UTILITY]))
        fields: dict[str, Any] = {}
        feeds = [n for n in names if made[n].kind in (Kind.UTILITY, Kind.GENERATOR, Kind.UPS, Kind.ATS)]
        if kind in (Kind.UPS, Kind.ATS) or (kind is Kind.PBX and feeds and draw(st.booleans())):
            fields["power"] = tuple(
                draw(st.lists(st.sampled_from(feeds or names), min_size=1, max_size=2, unique=True))
            )
        if kind not in (Kind.UTILITY, Kind.ATS) and names and draw(st.integers(0, 2)) == 0:
            fields["needs"] = draw(needs_over(names, 1))
        if kind is Kind.UPS:
            fields["runtime"] = draw(st.one_of(st.none(), MINUTES))
        if kind is Kind.GENERATOR:
            fields["starts_within"] = draw(MINUTES)
            fuel = draw(st.one_of(st.none(), st.sampled_from([1, 10]), st.just(FOREVER)))
            fields["fuel"] = fuel if fuel in (None, FOREVER) else fields["starts_within"] + fuel * MINUTE
        if draw(st.integers(0, 5)) == 0:
            fields["holds"] = draw(MINUTES)
        if draw(st.integers(0, 2)):
            roads = [n for n in names if made[n].kind is Kind.WAN]
            via = tuple(draw(st.lists(st.sampled_from(roads), max_size=1))) if roads else ()
            fields["probes"] = probe(name, via=via)
        made[name] = Component(name=name, kind=kind, **fields)
    paths = tuple(
        EmergencyPath(name=f"p{index}", tier=Tier.PRIMARY, needs=draw(needs_over(list(made), 1)))
        for index in range(draw(st.integers(1, 2)))
    )
    return Site(
        id="random",
        name="random",
        owner=Owner(team="operations"),
        components=made,
        emergency_paths=paths,
        power_outage=draw(MINUTES),
    )


def flag(draw: st.DrawFn) -> float | None:
    return draw(st.sampled_from([None, 0.0, 1.0]))


@st.composite
def readings_of(draw: st.DrawFn, component: Component) -> Reading:
    kind = component.kind
    if draw(st.integers(0, 4)) == 0:
        return BLIND
    if kind is Kind.UPS:
        more = {name: value for name in ("testing", "unprotected", "low_battery") if (value := flag(draw)) is not None}
        on_battery = draw(st.booleans()) and not more.get("testing")
        runtime = draw(st.sampled_from([None, 60.0, 600.0, 1200.0]))
        if draw(st.booleans()):
            more["runtime_low_seconds"] = 60.0
        return ups(on_battery=on_battery, runtime=runtime, **more)
    if kind is Kind.GENERATOR:
        names = ("generator_running", "generator_auto", "generator_failed")
        values = {name: value for name in names if (value := flag(draw)) is not None}
        if draw(st.booleans()):
            values["generator_fuel_ratio"] = draw(st.sampled_from([0.0, 0.5, 1.0]))
        return says(draw(st.sampled_from([State.UP, State.UP, State.DOWN])), **values)
    if kind is Kind.ATS:
        feed = draw(st.sampled_from([*(component.power or ()), "?"]))
        return says(text={"ats_source_info": feed}, ats_auto=draw(st.sampled_from([0.0, 1.0])), ats_source_info=1)
    return draw(st.sampled_from([UP, UP, SILENT, says(State.DOWN), says(State.DEGRADED)]))
