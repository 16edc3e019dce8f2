"""From the file to the printed object: random sites written as YAML, read and analysed, against brute force."""

import json
import math
from typing import Any

from hypothesis import given, settings

import probes
from brute import Brute
from builders import random_sites
from resilience.assess import assess_design
from resilience.findings import design_findings
from resilience.model import Component, Need, Site
from resilience.report import as_json
from resilience.sitefile import read_site

TYPES = probes.registry()


def written(site: Site) -> bytes:
    """`site` as a file; JSON is YAML."""
    document = {
        "schema": "1",
        "site": site.id,
        "name": site.name,
        "owner": {"team": site.owner.team},
        "requires": {"power_outage": f"{site.power_outage}ms"},
        "components": {name: _component(component) for name, component in site.components.items()},
        "emergency_paths": [
            {"name": path.name, "tier": path.tier, "needs": _need(path.needs)}
            | ({"serves": list(path.serves)} if path.serves else {})
            for path in site.emergency_paths
        ],
    }
    return json.dumps(document).encode()


def _component(component: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": component.kind}
    if component.needs.of:
        entry["needs"] = _need(component.needs)
    if component.power is not None:
        entry["power"] = list(component.power)
    for key, duration in (("runtime", component.runtime), ("fuel", component.fuel)):
        if duration is not None:
            # "unlimited" is a fuel; the longest duration that can be written stands for a runtime without end.
            entry[key] = f"{duration}ms" if duration != math.inf else "unlimited" if key == "fuel" else "36500d"
    if component.starts_within is not None:
        entry["starts_within"] = f"{component.starts_within}ms"
    if component.holds:
        entry["holds"] = f"{component.holds}ms"
    if component.units > 1:
        entry["units"] = str(component.units)
    return entry


def _need(need: Need) -> Any:
    if isinstance(need, str):
        return need
    return {"at_least": {"count": str(need.count), "of": [_need(part) for part in need.of]}}


def _told(life: float) -> float | None:
    return None if life == math.inf else life / 1000


@settings(max_examples=150, deadline=None)
@given(random_sites(8))
def test_a_written_site_comes_out_as_the_law_says(declared: Site) -> None:
    found = read_site(written(declared), "random.yaml", TYPES)
    possible = Brute(declared, low=False)
    if possible.life(frozenset()) == 0:
        assert found.site is None
        assert ["911 cannot be called" in fault.message for fault in found.faults if not fault.warning] == [True]
        return
    assert found.site is not None, found.faults
    site = found.site
    design = assess_design(site, 0)
    told = as_json(design, design_findings(design))
    assured, possible = Brute(site, low=True), Brute(site, low=False)
    life = assured.life(frozenset()) or possible.life(frozenset())
    brute = assured if assured.life(frozenset()) else possible
    within = site.power_outage if life >= site.power_outage else 0
    expected = brute.cut_sets(within, 2)
    for order in (1, 2):
        assert told["cut_sets"][str(order)] == sorted(list(cut) for cut in expected if len(cut) == order)
    losses = {point["component"]: point["loss_after_seconds"] for point in told["single_points_of_failure"]}
    assert losses == {cut[0]: _told(loss) for cut, loss in expected.items() if len(cut) == 1}
    for survival in told["survival"]:
        failed = frozenset(site.utilities if survival["scenario"] == "utility" else ())
        assert survival["low_seconds"] == _told(assured.life(failed))
        assert survival["high_seconds"] == _told(possible.life(failed))
    unmet = {finding["code"] for finding in told["findings"]} & {"requirement_unmet"}
    assert bool(unmet) == (life < site.power_outage)
