"""Worked sites with their answers, worked out elsewhere by brute force over sets of times."""

import json

import pytest

import peers
import probes
from resilience.assess import assess_design
from resilience.duration import seconds
from resilience.report import as_json
from resilience.sitefile import read_site

CASES = ("cooling", "dual-cord", "off-grid", "route-advance", "two-wings", "ups-in-series")


@pytest.mark.parametrize("case", CASES)
def test_a_worked_case_comes_out_exactly(case: str) -> None:
    folder = peers.shared("cases")
    expected = json.loads((folder / "expected.json").read_text())[case]
    found = read_site((folder / f"{case}.yaml").read_bytes(), f"{case}.yaml", probes.registry())
    assert found.site is not None, found.faults
    design = assess_design(found.site, now=0)
    told = as_json(design, ())
    assert {order: sorted(sets) for order, sets in told["cut_sets"].items()} == expected["cut_sets"]
    assert {point["component"]: point["loss_after_seconds"] for point in told["single_points_of_failure"]} == expected[
        "spof"
    ]
    assert {survival.scenario: seconds(survival.low) for survival in design.survival} == expected["survival"]
    assert design.requirement_unmet == expected["requirement_unmet"]
