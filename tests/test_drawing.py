"""The drawings: nothing is left out, nothing stands on something else, and an outage is drawn as it is told."""

from itertools import combinations

from hypothesis import given, settings

from builders import random_sites, site
from resilience.drawing import BOX, draw
from resilience.drawing_time import LABEL, PLOT, Span, draw_outage
from resilience.margin import timeline
from resilience.model import Site, any_of, names_in
from resilience.survival import design_bounds


@settings(max_examples=200, deadline=None)
@given(random_sites(most=14))
def test_every_box_once_and_every_line_to_the_right(declared: Site) -> None:
    drawing = draw(declared)
    boxes = {(box.is_path, box.name): box for box in drawing.boxes}
    assert len(boxes) == len(drawing.boxes)
    assert [box.name for box in drawing.boxes if box.is_path] == [path.name for path in declared.emergency_paths]
    wanted = {(path.name, used) for path in declared.emergency_paths for used in names_in(path.needs)}
    for name in [name for is_path, name in boxes if not is_path]:
        wanted |= {(name, used) for used in declared.inputs(name)}
    assert {(line.user, line.used) for line in drawing.lines} == wanted
    for line in drawing.lines:
        user = boxes.get((False, line.user), boxes.get((True, line.user)))
        assert user is not None
        assert user.x + BOX[0] < boxes[False, line.used].x
    for one, other in combinations(drawing.boxes, 2):
        assert one.x != other.x or abs(one.y - other.y) >= BOX[1]
    assert all(0 <= box.x <= drawing.width - BOX[0] and 0 <= box.y <= drawing.height - BOX[1] for box in drawing.boxes)


def test_what_no_path_stands_on_is_left_out_and_alternatives_are_told() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "generator": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "pbx": {"kind": "pbx", "power": ["utility", "generator"], "needs": ["closet"]},
            "closet": {},
            "line": {"kind": "fallback-line"},
            "canteen": {"power": ["utility"]},
        },
        {"desk": [any_of("pbx", "line"), "closet"]},
    )
    drawing = draw(declared)
    assert "canteen" not in {box.name for box in drawing.boxes}
    assert {(line.user, line.used): (line.feeds, line.alternative) for line in drawing.lines} == {
        ("desk", "pbx"): (False, True),
        ("desk", "line"): (False, True),
        ("desk", "closet"): (False, False),
        ("pbx", "closet"): (False, False),
        ("pbx", "utility"): (True, True),
        ("pbx", "generator"): (True, True),
    }


def test_a_path_and_a_component_may_have_one_name() -> None:
    drawing = draw(site({"red-phone": {}}, {"red-phone": ["red-phone"]}))
    assert [(box.name, box.is_path) for box in drawing.boxes] == [("red-phone", True), ("red-phone", False)]


def test_an_outage_is_drawn_with_what_is_assured_and_what_is_possible() -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "gen": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
            "ups": {"kind": "ups", "power": ["utility"], "runtime": "1h"},
            "ups-old": {"kind": "ups", "power": ["utility"]},
            "pbx": {"kind": "pbx", "power": ["ups"]},
            "gate": {"kind": "gateway", "power": ["ups-old"]},
            "line": {"kind": "fallback-line"},
        },
        {"desk": ["pbx"], "door": ["gate"], "lobby": ["line"]},
        requires="2h",
    )
    events = timeline(design_bounds(declared), declared.utilities)
    drawn = draw_outage(declared, events, {"lobby", "911"})
    end = 24 * 1.15  # hours: a little after the last change
    told = {row.name: row.told for row in drawn.rows}
    assert told == {
        "911": "assured without end",
        "desk": "assured until 60 min",
        "door": "assured not at all, possible without end",
        "lobby": "assured without end",
        "gen": "assured from 30 s until 24 h",
        "ups": "assured until 60 min",
        "ups-old": "assured not at all, possible without end",
    }
    rows = {row.name: row.spans for row in drawn.rows}
    assert rows["desk"] == (Span(LABEL, PLOT / end, assured=False), Span(LABEL, PLOT / end, assured=True))
    assert rows["door"] == (Span(LABEL, PLOT, assured=False),)
    assert drawn.required_x == LABEL + PLOT * 2 / end
    assert [tick.text for tick in drawn.ticks] == ["0", "4 h", "8 h", "12 h", "16 h", "20 h", "24 h"]
