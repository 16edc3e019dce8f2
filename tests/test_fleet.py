"""Fleets and comparisons, on small sites whose answers can be seen by eye."""

from dataclasses import replace

from builders import site
from resilience.assess import SiteState
from resilience.compare import differences, judged
from resilience.duration import FOREVER
from resilience.fleet import Blast, fleet
from resilience.margin import Margin
from resilience.model import Site, any_of


def branch(name: str, *, carriers: tuple[str, str], people: int) -> Site:
    declared = site(
        {
            "router": {"kind": "router", "power": []},
            "wan-a": {"kind": "wan", "shared": carriers[0]},
            "wan-b": {"kind": "wan", "shared": carriers[1]},
        },
        {"desk": ["router", any_of("wan-a", "wan-b")]},
        people=people,
    )
    return replace(declared, id=name, name=name)


def test_a_carrier_that_carries_both_lines_is_found_at_every_site_it_takes_out() -> None:
    sites = [
        branch("aspen", carriers=("lumen", "lumen"), people=10),
        branch("boulder", carriers=("lumen", "lumen"), people=20),
        branch("denver", carriers=("lumen", "zayo"), people=400),
    ]
    found = fleet(sites, 0)
    assert found.blasts == (
        Blast("lumen", "", ("aspen", "boulder"), 30),
        Blast("router", "denver", ("denver",), 400),
        Blast("router", "boulder", ("boulder",), 20),
        Blast("router", "aspen", ("aspen",), 10),
    )


def test_sites_stand_by_margin_then_by_what_is_left() -> None:
    def powered(name: str, runtime: str) -> Site:
        declared = site(
            {
                "utility": {"kind": "utility"},
                "ups-a": {"kind": "ups", "power": ["utility"], "runtime": runtime},
                "ups-b": {"kind": "ups", "power": ["utility"], "runtime": runtime},
                "pbx-a": {"kind": "pbx", "power": ["ups-a"]},
                "pbx-b": {"kind": "pbx", "power": ["ups-b"]},
            },
            {"desk": [any_of("pbx-a", "pbx-b")]},
            requires="1h",
        )
        return replace(declared, id=name)

    single = replace(site({"pbx": {}}, {"desk": ["pbx"]}), id="single")
    standings = fleet([powered("long", "4h"), powered("short", "2h"), powered("scant", "30m"), single], 0).standings
    assert [(s.site, s.margin, s.left, s.state) for s in standings] == [
        ("scant", Margin(1, exact=True), 1_800_000, SiteState.AT_RISK),
        ("single", Margin(1, exact=True), FOREVER, SiteState.AT_RISK),
        ("short", Margin(2, exact=True), 7_200_000, SiteState.PROTECTED),
        ("long", Margin(2, exact=True), 14_400_000, SiteState.PROTECTED),
    ]


def test_a_second_line_into_one_conduit_is_a_single_point_gained() -> None:
    two = {
        "conduit": {"kind": "shared-risk"},
        "wan-a": {"kind": "wan", "needs": ["conduit"]},
        "wan-b": {"kind": "wan"},
    }
    one_conduit = {**two, "wan-b": {"kind": "wan", "needs": ["conduit"]}}
    paths = {"desk": [any_of("wan-a", "wan-b")]}
    apart, together = (judged(declared, 0) for declared in (site(two, paths), site(one_conduit, paths)))

    (worse,) = differences({"test": apart}, {"test": together})
    assert [point.component for point in worse.gained] == ["conduit"]
    assert (worse.lost, worse.before, worse.after) == ((), SiteState.PROTECTED, SiteState.AT_RISK)
    (better,) = differences({"test": together}, {"test": apart})
    assert [point.component for point in better.lost] == ["conduit"]
    assert better.gained == ()
    assert differences({"test": apart}, {"test": apart}) == ()
    (new,) = differences({}, {"test": together})
    assert [point.component for point in new.gained] == ["conduit"]
    assert new.before is None
