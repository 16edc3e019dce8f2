"""Evidence that contradicts declared independence."""

import pytest

from builders import site
from history import History, probe
from resilience.model import any_of
from resilience.reading import Observation, Reading, State

T0 = 1_790_000_000.0


def sees(quantity: str, text: str) -> Reading:
    return Reading(State.UP, None, "", (Observation(quantity, 1.0, text=text),))


def two(kind: str, *, conduit: bool = False) -> History:
    components = {
        "conduit": {"kind": "shared-risk"},
        "a": {"kind": kind, "probes": probe("a")},
        "b": {"kind": kind, "probes": probe("b")},
    }
    if kind == "ups":
        components["utility"] = {"kind": "utility"}
    for name in "ab":
        components[name]["needs"] = ["conduit"] if conduit else []
        if kind == "ups":
            components[name]["power"] = ["utility"]
    return History(site(components, {"p": [any_of("a", "b")]}))


@pytest.mark.parametrize(
    ("kind", "quantity", "text", "said"),
    [
        ("wan", "wan_first_hop_info", "192.0.2.1", "a and b leave by the same first public router 192.0.2.1"),
        ("wan", "wan_public_address_info", "198.51.100.7", "a and b leave by the same public address 198.51.100.7"),
        ("wan", "wan_as_info", "AS64500", "a and b lie in the same autonomous system AS64500"),
        ("sip-trunk", "trunk_address_info", "203.0.113.9", "a and b lead to the same address 203.0.113.9"),
        ("dns", "dns_server_info", "10.0.0.2", "a and b ask the same server 10.0.0.2"),
        ("ups", "ups_serial_info", "AS1234", "a and b have the same serial number AS1234"),
    ],
)
def test_the_same_text_at_two_independent_components_is_a_finding(
    kind: str, quantity: str, text: str, said: str
) -> None:
    history = two(kind)
    history.read(T0, {"a": sees(quantity, text), "b": sees(quantity, text)})
    history.assess(T0)
    (found,) = (finding for finding in history.open if finding.code == "hidden_sharing")
    assert (found.component, found.text) == ("a", f"{said}, though declared independent")

    history.read(T0 + 60, {"a": sees(quantity, text), "b": sees(quantity, "other")})
    history.assess(T0 + 60)
    assert "hidden_sharing" not in {finding.code for finding in history.open}


def test_a_declared_shared_risk_is_not_hidden() -> None:
    history = two("wan", conduit=True)
    history.read(T0, {"a": sees("wan_as_info", "AS64500"), "b": sees("wan_as_info", "AS64500")})
    history.assess(T0)
    assert "hidden_sharing" not in {finding.code for finding in history.open}
