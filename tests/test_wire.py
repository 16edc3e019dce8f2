"""The finding trunk_wire_disagrees: a PBX and the provider's side that contradict each other, from first to last."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

import kamailio_peer
import peers
from builders import site
from conftest import clear
from history import BLIND, UP, History, probe, says
from probes.declared.kamailio import KAMAILIO
from probes.declared.sip_binding import SIP_BINDING
from probes.declared.sip_options import SIP_OPTIONS
from probes.declared.sip_uri import parse_uri
from resilience.model import Site
from resilience.reading import Reading, Reason, State
from resilience.state import Said
from resilience.wire import PBX, WIRE, disagreement

RunProbe = Callable[..., Reading]

T0 = 1_790_000_000.0
SILENT = Reading(State.DOWN, Reason.TIMEOUT, "192.0.2.1:5060/udp: no answer (sent 5×)")
UNBOUND = Reading(State.DOWN, None, "the registrar holds no binding of a@provider.test: none")
REJECTED = Reading(State.DOWN, None, "not working: carrier-a (rejected by the provider)")
KEY = ("trunk_wire_disagrees", "trunk")


def trunk_site(*types: str) -> Site:
    probes = tuple(spec for kind in types for spec in probe("trunk", type=kind, via=("wan",)))
    return site(
        {
            "wan": {"kind": "wan", "probes": probe("wan")},
            "trunk": {"kind": "sip-trunk", "needs": ["wan"], "probes": probes},
        },
        {"desk": ["trunk"]},
    )


def texts(history: History) -> list[str]:
    return [finding.text for finding in history.open if finding.key == KEY]


def test_a_pbx_that_says_registered_while_the_provider_is_silent() -> None:
    history = History(trunk_site("asterisk", "sip-options"))
    history.read(T0, {"wan": UP, "trunk/asterisk": UP, "trunk/sip-options": UP})
    history.assess(T0)
    assert KEY not in history.codes()
    history.read(T0 + 60, {"wan": UP, "trunk/asterisk": UP, "trunk/sip-options": SILENT})
    history.assess(T0 + 61)
    assert texts(history) == [
        "trunk: asterisk says that it works, but sip-options: 192.0.2.1:5060/udp: no answer (sent 5×)"
    ]
    assert ("component_down", "trunk") in history.codes()
    history.read(T0 + 120, {"wan": UP, "trunk/asterisk": UP, "trunk/sip-options": UP})
    history.assess(T0 + 121)
    assert KEY not in history.codes()


def test_it_stays_while_one_side_is_not_known_and_ends_where_both_are_down() -> None:
    history = History(trunk_site("asterisk", "sip-options"))
    history.read(T0, {"wan": UP, "trunk/asterisk": UP, "trunk/sip-options": SILENT})
    history.assess(T0 + 1)
    history.read(T0 + 200, {"wan": UP, "trunk/asterisk": BLIND, "trunk/sip-options": SILENT})
    history.assess(T0 + 201)
    assert [(finding.code, finding.stale) for finding in history.open if finding.key == KEY] == [(KEY[0], True)]
    history.read(T0 + 260, {"wan": UP, "trunk/asterisk": REJECTED, "trunk/sip-options": SILENT})
    history.assess(T0 + 261)
    assert KEY not in history.codes()


def test_the_other_way_round() -> None:
    history = History(trunk_site("kamailio", "sip-options", "sip-binding"))
    history.read(T0, {"wan": UP, "trunk/kamailio": REJECTED, "trunk/sip-options": UP, "trunk/sip-binding": UNBOUND})
    history.assess(T0 + 1)
    assert texts(history) == [
        "trunk: kamailio: not working: carrier-a (rejected by the provider), but sip-options sees it working"
    ]


def test_a_pbx_that_says_registered_while_the_registrar_holds_no_binding() -> None:
    history = History(trunk_site("freeswitch", "sip-options", "sip-binding"))
    history.read(T0, {"wan": UP, "trunk/freeswitch": UP, "trunk/sip-options": UP, "trunk/sip-binding": UNBOUND})
    history.assess(T0 + 1)
    assert texts(history) == [
        "trunk: freeswitch says that it works, but sip-binding: the registrar holds no binding of a@provider.test: none"
    ]


def test_a_trunk_behind_a_wan_that_is_down_is_not_the_root_of_it() -> None:
    history = History(trunk_site("asterisk", "sip-options"))
    history.read(T0, {"wan": says(State.DOWN), "trunk/asterisk": UP, "trunk/sip-options": SILENT})
    history.assess(T0 + 1)
    assert KEY not in history.codes()


def test_a_declaration_without_one_of_the_sides_ends_it() -> None:
    history = History(trunk_site("asterisk", "sip-options"))
    history.read(T0, {"wan": UP, "trunk/asterisk": UP, "trunk/sip-options": SILENT})
    history.assess(T0 + 1)
    assert KEY in history.codes()
    history.site = trunk_site("sip-options")
    history.assess(T0 + 2)
    assert KEY not in history.codes()


@pytest.mark.parametrize("pbx", sorted(PBX))
@pytest.mark.parametrize("wire", sorted(WIRE))
def test_what_is_not_known_contradicts_nothing(pbx: str, wire: str) -> None:
    def told(says: State, does: State) -> str | None:
        return disagreement([Said(pbx, says, "a"), Said(wire, does, "b"), Said("tcp", State.DOWN, "c")])

    assert told(State.UP, State.DEGRADED) == ""
    assert told(State.DOWN, State.DOWN) == ""
    assert told(State.UP, State.UNKNOWN) is None
    assert told(State.UNKNOWN, State.DOWN) is None
    assert told(State.DEGRADED, State.DOWN)
    assert told(State.DOWN, State.UP)


def test_two_real_kamailios_when_the_provider_goes(tmp_path: Path, run_probe: RunProbe) -> None:
    """The PBX holds a registration for a minute more; the wire knows at once."""
    history = History(trunk_site("kamailio", "sip-options", "sip-binding"))

    def read(at: float) -> None:
        uri = parse_uri(f"sip:127.0.0.1:{port}")
        aor = parse_uri("sip:carrier-a@provider.test")
        readings = {
            "wan": UP,
            "trunk/kamailio": run_probe(KAMAILIO, host="127.0.0.1", port=rpc, registration="carrier-a"),
            "trunk/sip-options": run_probe(SIP_OPTIONS, uri=uri),
            "trunk/sip-binding": run_probe(SIP_BINDING, uri=aor, proxy=uri, password=clear("right-secret")),
        }
        history.read(at, readings)
        history.assess(at + 1)

    with ExitStack() as pbx:
        with kamailio_peer.provider(tmp_path / "provider", {}) as port:
            rpc = pbx.enter_context(kamailio_peer.pbx(tmp_path / "pbx", {"carrier-a": ("right-secret", port)}))
            peers.wait_until(
                lambda: run_probe(KAMAILIO, host="127.0.0.1", port=rpc).state is State.UP, what="the registration"
            )
            read(T0)
            assert {name for code, name in history.codes() if code.startswith(("trunk", "component"))} == set()
        read(T0 + 60)
    (text,) = texts(history)
    assert text.startswith("trunk: kamailio says that it works, but sip-options: ")
    assert text.endswith("refused: nothing listens there")
