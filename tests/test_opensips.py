"""The opensips probe against a management interface of ours that answers as mi_http does, or wrongly.

OpenSIPS is not in Debian 12. The answers have the members and words of `mi_reg_list` (uac_registrant) and
`ds_print_mi_list` (dispatcher) in its sources; the HTTP and JSON-RPC beneath are Kamailio's, which is tested with a
real one.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.declared.opensips import OPENSIPS
from probes.jsonrpc import result
from probes.management import Unread
from probes.opensips import DESTINATION, REGISTRATION, destinations, registrations
from resilience.reading import Reading, Reason, State
from tcp_peer import serving, until

RunProbe = Callable[..., Reading]


def registration(aor: str = "sip:carrier-a@provider.test", state: str = "REGISTERED_STATE", **more: Any) -> Any:
    return {
        "AOR": aor,
        "expires": 3600,
        "state": state,
        "last_register_sent": "Fri Nov 27 05:54:46 2026",
        "registration_t_out": "Fri Nov 27 06:54:46 2026",
        "registrar": "sip:provider.test",
        "binding": "sip:carrier-a@192.0.2.8",
        "dst_IP": "IPv4",
        "ip": "192.0.2.1",
        "password": "s3cret",
        **more,
    }


REGISTRATIONS = {"Records": [registration(), registration("sip:carrier-b@provider.test", "WRONG_CREDENTIALS_STATE")]}
DESTINATIONS = {
    "PARTITIONS": [
        {"name": "empty"},
        {
            "name": "default",
            "SETS": [
                {
                    "id": 1,
                    "Destinations": [
                        {"URI": "sip:192.0.2.1", "state": "Active", "first_hit_counter": 4},
                        {"URI": "sip:192.0.2.2", "state": "Inactive", "first_hit_counter": 0},
                    ],
                }
            ],
        },
    ]
}


@contextmanager
def mi(seen: list[Any] | None = None, **results: Any) -> Iterator[int]:
    """Answers every method with its result here, or as OpenSIPS does for one that it has not."""

    def converse(connection: socket.socket) -> None:
        head = until(connection, b"\r\n\r\n").decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        asked = json.loads(connection.recv(length))
        if seen is not None:
            seen.append(asked["method"])
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        if asked["method"] in results:
            reply["result"] = results[asked["method"]]
        else:
            reply["error"] = {"code": -32601, "message": "Method not found"}
        body = json.dumps(reply).encode()
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    with serving(converse) as port:
        yield port


def values(reading: Reading, quantity: str) -> dict[str, float]:
    return {seen.target: seen.value for seen in reading.observations if seen.quantity == quantity}


class TestOpensips:
    def test_registrations(self, run_probe: RunProbe) -> None:
        seen: list[Any] = []
        with mi(seen, reg_list=REGISTRATIONS) as port:
            every = run_probe(OPENSIPS, host="127.0.0.1", port=port)
            good = run_probe(OPENSIPS, host="127.0.0.1", port=port, registration="sip:carrier-a@provider.test")
            gone = run_probe(OPENSIPS, host="127.0.0.1", port=port, registration="sip:carrier-x@provider.test")
        assert every.state is State.DEGRADED
        assert every.text == "not working: sip:carrier-b@provider.test (the registrar refuses its password)"
        assert (good.state, values(good, "trunk_registered")) == (State.UP, {"sip:carrier-a@provider.test": 1})
        assert gone.state is State.DOWN
        assert set(seen) == {"reg_list"}
        assert "s3cret" not in repr((every, good, gone))

    def test_destinations(self, run_probe: RunProbe) -> None:
        with mi(ds_list=DESTINATIONS) as port:
            reading = run_probe(OPENSIPS, host="127.0.0.1", port=port, dispatcher=1)
            gone = run_probe(OPENSIPS, host="127.0.0.1", port=port, dispatcher=7)
        assert reading.state is State.DEGRADED
        assert values(reading, "trunk_up") == {"sip:192.0.2.1": 1, "sip:192.0.2.2": 0}
        assert (gone.state, gone.text) == (State.DOWN, "not working: set 7 (OpenSIPS has no such set)")

    def test_both_must_hold(self, run_probe: RunProbe) -> None:
        name = "sip:carrier-b@provider.test"
        with mi(reg_list=REGISTRATIONS, ds_list=DESTINATIONS) as port:
            reading = run_probe(OPENSIPS, host="127.0.0.1", port=port, dispatcher=1, registration=name)
        assert reading.state is State.DOWN

    def test_without_the_module(self, run_probe: RunProbe) -> None:
        with mi() as port:
            reading = run_probe(OPENSIPS, host="127.0.0.1", port=port)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)


@pytest.mark.parametrize(("word", "told"), [*REGISTRATION.items(), ("NEW_WORD", (State.UNKNOWN, ""))])
def test_every_state(word: str, told: tuple[State, str]) -> None:
    (trunk,) = registrations({"Records": [registration(state=f"{word}_STATE")]})
    assert trunk.state is told[0]
    assert trunk.registered is {State.UP: True, State.DOWN: False, State.UNKNOWN: None}[told[0]]


@pytest.mark.parametrize(("word", "told"), [*DESTINATION.items(), ("Odd", (State.UNKNOWN, "", None))])
def test_every_state_of_a_destination(word: str, told: tuple[State, str, bool | None]) -> None:
    listed = {"PARTITIONS": [{"SETS": [{"id": 1, "Destinations": [{"URI": "sip:a", "state": word}]}]}]}
    (trunk,) = destinations(listed, 1)
    assert (trunk.state, trunk.reachable) == (told[0], told[2])


def test_two_registrars_of_one_address_are_kept_apart_and_one_that_is_switched_off_does_not_count() -> None:
    records = [registration(), registration(state="REGISTER_TIMEOUT_STATE", registrar="sip:two.test")]
    assert [(trunk.name, trunk.state) for trunk in registrations({"Records": records})] == [
        ("sip:carrier-a@provider.test at sip:provider.test", State.UP),
        ("sip:carrier-a@provider.test at sip:two.test", State.DOWN),
    ]
    assert not registrations({"Records": [registration(enabled="no")]})[0].counted
    with pytest.raises(Unread, match="names one registration twice"):
        registrations({"Records": [registration(), registration()]})


MEMBERS = (
    *("Records", "AOR", "state", "enabled", "registrar"),
    *("PARTITIONS", "SETS", "id", "Destinations", "URI"),
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(MEMBERS),
                inner,
            )
        ),
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    listed = result(json.dumps({"result": value}).encode(), "reg_list")
    for read in (registrations, lambda told: destinations(told, 1)):
        try:
            found: object = read(listed)
        except Unread as refused:
            found = refused
        assert isinstance(found, tuple | Unread)
