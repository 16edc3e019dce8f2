"""The kamailio probe against real Kamailios: registrations that stand and that do not, and dispatched destinations."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kamailio_peer
import peers
from probes.declared.kamailio import KAMAILIO, Kamailio
from probes.jsonrpc import result
from probes.kamailio import FLAGS, destinations, registrations
from probes.management import Unread
from probes.pbx import Trunk, judge, select
from resilience.catalogue import QUANTITIES
from resilience.reading import Reading, Reason, State
from tcp_peer import serving

Run = Callable[..., Reading]
SECRETS = ("right-secret", "wrong-secret")


@dataclass(frozen=True)
class World:
    pbx: int
    """JSON-RPC port of a PBX with one good and two bad registrations."""
    bare: int
    """JSON-RPC port of a Kamailio without uac."""
    provider: int
    """SIP port of the provider."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("kamailio")
    with kamailio_peer.provider(folder / "provider", {}) as port:
        registrations = {
            "carrier-a": ("right-secret", port),
            "carrier-b": ("wrong-secret", port),
            "carrier-c": ("wrong-secret", kamailio_peer.free_sip_port()),
        }
        with (
            kamailio_peer.pbx(folder / "pbx", registrations) as pbx,
            kamailio_peer.pbx(folder / "bare", {}, uac=False) as bare,
        ):
            yield World(pbx, bare, port)


@pytest.fixture
def registered(world: World, run_probe: Run) -> World:
    """The world, once the good registration stands."""

    def online() -> bool:
        return run_probe(KAMAILIO, host="127.0.0.1", port=world.pbx, registration="carrier-a").state is State.UP

    peers.wait_until(online, what="the registration of carrier-a")
    return world


def values(reading: Reading, quantity: str) -> dict[str, float]:
    return {seen.target: seen.value for seen in reading.observations if seen.quantity == quantity}


class TestRealKamailio:
    def test_a_valid_registration(self, registered: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx, registration="carrier-a")
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert values(reading, "trunk_registered") == {"carrier-a": 1.0}
        assert {seen.quantity for seen in reading.observations} <= set(QUANTITIES)
        assert set(values(reading, "trunk_registration_expiry_timestamp_seconds")) == {"carrier-a"}

    @pytest.mark.parametrize("name", ["carrier-b", "carrier-c"])
    def test_a_wrong_password_and_a_dead_provider_are_down(self, registered: World, run_probe: Run, name: str) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx, registration=name)
        assert (reading.state, reading.reason) == (State.DOWN, None)
        assert reading.text == f"not working: {name} (not registered)"
        assert values(reading, "trunk_registered") == {name: 0.0}
        assert not values(reading, "trunk_registration_expiry_timestamp_seconds")

    def test_one_of_three_is_degraded_and_no_secret_shows(self, registered: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx)
        assert reading.state is State.DEGRADED
        assert reading.text == "not working: carrier-b (not registered), carrier-c (not registered)"
        assert values(reading, "trunk_registered") == {"carrier-a": 1.0, "carrier-b": 0.0, "carrier-c": 0.0}
        assert not any(secret in repr(reading) for secret in SECRETS)

    def test_a_registration_that_is_gone_is_down(self, registered: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx, registration="carrier-x")
        assert (reading.state, reading.reason) == (State.DOWN, None)
        there = "the PBX has none of that name; it has: carrier-a, carrier-b, carrier-c"
        assert reading.text == f"not working: carrier-x ({there})"
        assert values(reading, "trunk_registered") == {"carrier-x": 0.0}

    @pytest.mark.parametrize(
        ("path", "reason", "text"),
        [("/", Reason.PROTOCOL, "not JSON"), ("/closed", Reason.AUTH, "not let in")],
    )
    def test_wrong_paths(self, registered: World, run_probe: Run, path: str, reason: Reason, text: str) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx, path=path)
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason)
        assert text in reading.text

    def test_without_uac(self, world: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=world.bare)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)
        assert "has no uac.reg_dump; its module is not loaded" in reading.text


@contextmanager
def tcp_peer(answer: bytes, *, hold: bool = False) -> Iterator[int]:
    """Answers every connection with the same bytes, then closes it, or holds it open until the probe has gone."""

    def converse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)
        if hold:
            connection.recv(1)

    with serving(converse) as port:
        yield port


def http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class TestBadPeers:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"", Reason.PROTOCOL),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Reason.PROTOCOL),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Reason.PROTOCOL),
            (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Reason.PROTOCOL),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * (5 << 20), Reason.PROTOCOL),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, Reason.PROTOCOL),
            (http(b"[" * 100_000), Reason.PROTOCOL),
            (http(b"moved", "302 Found"), Reason.PROTOCOL),
            (http(b"no", "403 Forbidden"), Reason.AUTH),
            (http(b'{"jsonrpc": "2.0", "error": {"code": 500, "message": "busy"}, "id": 1}'), Reason.DEVICE),
        ],
    )
    def test_say_nothing_of_the_trunk(self, run_probe: Run, answer: bytes, reason: Reason) -> None:
        with tcp_peer(answer) as port:
            reading = run_probe(KAMAILIO, host="127.0.0.1", port=port)
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason), reading
        assert reading.observations == ()
        assert reading.text

    def test_silence(self, run_probe: Run) -> None:
        with tcp_peer(b"HTTP/1.1 200 OK\r\n", hold=True) as port:
            reading = run_probe(KAMAILIO, host="127.0.0.1", port=port, timeout=0.3)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)

    def test_nobody_there(self, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=peers.free_port())
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.REFUSED)

    def test_plain_http_where_tls_is_declared(self, run_probe: Run) -> None:
        with tcp_peer(http(b"{}")) as port:
            reading = run_probe(KAMAILIO, host="127.0.0.1", port=port, tls=True)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TLS)

    def test_a_name_that_does_not_resolve_and_a_ca_that_is_not_there(self, run_probe: Run, tmp_path: Path) -> None:
        assert run_probe(KAMAILIO, host="pbx.invalid").reason is Reason.RESOLVE
        assert run_probe(KAMAILIO, host="127.0.0.1", tls=True, ca=str(tmp_path / "no.pem")).reason is Reason.CONFIG


def test_what_a_file_may_not_say_together() -> None:
    assert KAMAILIO.check(Kamailio(host="pbx", tls=True, ca="/ca.pem")) is None
    assert "write tls: true" in (KAMAILIO.check(Kamailio(host="pbx", verify=False)) or "")


def dump(*records: Any) -> Any:
    return result(json.dumps({"jsonrpc": "2.0", "result": list(records), "id": 1}).encode(), "uac.reg_dump")


def record(name: str = "a", flags: Any = 20, left: Any = 50, **more: Any) -> dict[str, Any]:
    return {"l_uuid": name, "flags": flags, "diff_expires": left, "auth_password": "s3cret", "auth_ha1": "h4sh", **more}


MEMBERS = (
    *("result", "error", "message", "l_uuid", "flags", "diff_expires"),
    *("RECORDS", "SET", "ID", "TARGETS", "DEST", "URI", "FLAGS"),
)


class TestParsing:
    def test_takes_three_members_and_drops_the_secrets(self) -> None:
        found = registrations(dump(record("b", 16, -3), record("a")), 1000.0)
        assert [(trunk.name, trunk.state, trunk.expires) for trunk in found] == [
            ("a", State.UP, 1050.0),
            ("b", State.DOWN, None),
        ]
        assert "s3cret" not in repr(found)
        assert "h4sh" not in repr(found)

    def test_a_single_record_comes_without_a_list(self) -> None:
        assert [trunk.name for trunk in registrations(record(), 0.0)] == ["a"]
        assert registrations([], 0.0) == ()

    @pytest.mark.parametrize(
        "answer",
        [b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"result": [{"l_uuid": "a", "flags": ' + b"9" * 5000 + b"}]}"],
    )
    def test_what_is_no_answer(self, answer: bytes) -> None:
        with pytest.raises(Unread):
            registrations(result(answer, "uac.reg_dump"), 0.0)

    @pytest.mark.parametrize(
        "listed",
        [
            "s3cret",
            ["s3cret"],
            [record(flags="20")],
            [record(flags=True)],
            [record(left=None)],
            [record(left=1e308)],
            [record(left=10**30)],
            [record(name="")],
            [record(name="a\nb")],
            [record(name="x" * 300)],
            [record(), record()],
        ],
    )
    def test_what_is_not_a_dump(self, listed: Any) -> None:
        with pytest.raises(Unread) as refused:
            registrations(listed, 0.0)
        assert "s3cret" not in str(refused.value)

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
    def test_any_json_is_read_or_refused(self, value: Any) -> None:
        for answer in (json.dumps(value), json.dumps({"result": value})):
            for read in (lambda listed: registrations(listed, 0.0), lambda listed: destinations(listed, 1)):
                try:
                    found: object = read(result(answer.encode(), "uac.reg_dump"))
                except Unread as refused:
                    found = refused
                assert isinstance(found, tuple | Unread)


class TestJudging:
    @pytest.mark.parametrize(
        ("flags", "left", "valid"),
        [
            (20, 50, True),
            (4, 1, True),
            (4 | 2, 1, True),
            (20, 0, False),
            (20, -5, False),
            (16, 50, False),
            (21, 50, False),
            (0, 50, False),
        ],
    )
    def test_validity(self, flags: int, left: int, valid: bool) -> None:
        (trunk,) = registrations([record("a", flags, left)], 0.0)
        assert trunk.registered is valid

    def test_ran_out_beats_online(self) -> None:
        reading = judge(registrations([record("a", 20, -5)], 1000.0))
        assert reading.state is State.DOWN
        assert reading.text == "not working: a (ran out)"
        assert values(reading, "trunk_registration_expiry_timestamp_seconds") == {"a": 995.0}

    def test_a_disabled_one_counts_only_where_it_is_named(self) -> None:
        both = registrations([record("a", 20, 50), record("b", 17, 0)], 0.0)
        assert judge(select(both, "")).state is State.UP
        assert values(judge(select(both, "")), "trunk_registered") == {"a": 1.0}
        assert judge(select(both, "b")).text == "not working: b (disabled)"
        assert judge(select(both[1:], "")).reason is Reason.DEVICE

    def test_an_empty_dump_is_no_outage(self) -> None:
        reading = judge(select((), ""))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.DEVICE)
        assert reading.text == "the PBX has no trunk that is switched on"


def listed(**flags: str) -> dict[str, Any]:
    targets = [{"DEST": {"URI": f"sip:{name}", "FLAGS": word, "PRIORITY": 0}} for name, word in flags.items()]
    return {"NRSETS": 1, "RECORDS": [{"SET": {"ID": 1, "TARGETS": targets}}]}


class TestDispatcher:
    @pytest.mark.parametrize(("flags", "told"), [*FLAGS.items(), ("ZZ", (State.UNKNOWN, "", None))])
    def test_flags(self, flags: str, told: tuple[State, str, bool | None]) -> None:
        (trunk,) = destinations(listed(a=flags), 1)
        assert (trunk.name, trunk.state, trunk.reachable) == ("sip:a", told[0], told[2])

    def test_one_that_is_lost_beside_one_that_works(self) -> None:
        reading = judge(destinations(listed(a="AP", b="IP", c="DX", d="AX"), 1))
        assert reading.state is State.DEGRADED
        assert values(reading, "trunk_up") == {"sip:a": 1, "sip:b": 0}
        assert reading.text == (
            "not working: sip:b (does not answer Kamailio's OPTIONS); "
            "not known to work: sip:d (active, but never asked)"
        )

    def test_what_nobody_has_ever_asked_is_not_known(self) -> None:
        assert judge(destinations(listed(a="AX"), 1)).state is State.UNKNOWN
        assert judge(destinations(listed(a="AX", b="IP"), 1)).state is State.UNKNOWN

    def test_a_set_that_is_not_there_is_down(self) -> None:
        reading = judge(destinations(listed(a="AP"), 2))
        assert (reading.state, reading.text) == (State.DOWN, "not working: set 2 (Kamailio has no such set)")

    def test_a_real_one(self, world: World, run_probe: Run, tmp_path: Path) -> None:
        dead = kamailio_peer.free_sip_port()
        targets = {1: [world.provider, dead], 2: [dead]}
        with kamailio_peer.dispatcher(tmp_path / "sbc", targets) as rpc:
            settings = {"host": "127.0.0.1", "port": rpc}
            peers.wait_until(
                lambda: run_probe(KAMAILIO, dispatcher=2, **settings).state is State.DOWN, what="Kamailio's OPTIONS"
            )
            mixed = run_probe(KAMAILIO, dispatcher=1, **settings)
            nothing = run_probe(KAMAILIO, dispatcher=3, **settings)
        assert mixed.state is State.DEGRADED
        assert values(mixed, "trunk_up") == {f"sip:127.0.0.1:{world.provider}": 1, f"sip:127.0.0.1:{dead}": 0}
        assert nothing.state is State.DOWN

    def test_without_the_module(self, world: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=world.pbx, dispatcher=1)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)


def test_trunks_of_several_kinds() -> None:
    working, lost = Trunk(name="a", state=State.UP), Trunk(name="b", state=State.DOWN, why="x")
    assert judge([working, lost]).state is State.DEGRADED
    assert judge([working, Trunk(name="c", state=State.UNKNOWN, why="y")]).state is State.UP
