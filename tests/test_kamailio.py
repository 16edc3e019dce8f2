"""The kamailio probe against real Kamailios whose uac module registers, fails to, and has nobody to register at."""

import json
import socket
import threading
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
from probes.kamailio import ProtocolError, Registration, RpcError, judge, parse_registrations
from resilience.catalogue import QUANTITIES
from resilience.reading import Reading, Reason, State

Run = Callable[..., Reading]
SECRETS = ("right-secret", "wrong-secret")


@dataclass(frozen=True)
class World:
    pbx: int
    """JSON-RPC port of a PBX with one good and two bad registrations."""
    bare: int
    """JSON-RPC port of a Kamailio without uac."""


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
            yield World(pbx, bare)


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
        assert reading.text == f"no valid registration: {name} (not registered)"
        assert values(reading, "trunk_registered") == {name: 0.0}
        assert not values(reading, "trunk_registration_expiry_timestamp_seconds")

    def test_one_of_three_is_degraded_and_no_secret_shows(self, registered: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx)
        assert reading.state is State.DEGRADED
        assert reading.text == "no valid registration: carrier-b (not registered), carrier-c (not registered)"
        assert values(reading, "trunk_registered") == {"carrier-a": 1.0, "carrier-b": 0.0, "carrier-c": 0.0}
        assert not any(secret in repr(reading) for secret in SECRETS)

    def test_a_name_that_is_not_there(self, registered: World, run_probe: Run) -> None:
        reading = run_probe(KAMAILIO, host="127.0.0.1", port=registered.pbx, registration="carrier-x")
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.DEVICE)
        assert reading.text == "no registration is named carrier-x; there are: carrier-a, carrier-b, carrier-c"

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
        assert "the module uac is not loaded" in reading.text


@contextmanager
def tcp_peer(answer: bytes, *, hold: bool = False) -> Iterator[int]:
    """Answers every connection with the same bytes, then closes it, or holds it open until the block ends."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        connection.recv(65_536)
                        connection.sendall(answer)
                    except OSError:
                        continue
                    if hold:
                        done.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


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


def dump(*records: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": list(records), "id": 1}).encode()


def record(name: str = "a", flags: Any = 20, left: Any = 50, **more: Any) -> dict[str, Any]:
    return {"l_uuid": name, "flags": flags, "diff_expires": left, "auth_password": "s3cret", "auth_ha1": "h4sh", **more}


class TestParsing:
    def test_takes_four_members_and_drops_the_secrets(self) -> None:
        found = parse_registrations(dump(record("b", 16, -3), record("a")))
        assert found == (Registration("a", 20, 50), Registration("b", 16, -3))
        assert "s3cret" not in repr(found)
        assert "h4sh" not in repr(found)

    def test_a_single_record_comes_without_a_list(self) -> None:
        assert parse_registrations(json.dumps({"result": record()}).encode()) == (Registration("a", 20, 50),)
        assert parse_registrations(dump()) == ()

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"result": "s3cret"}',
            b"\xff\xfe",
            dump("s3cret"),
            dump(record(flags="20")),
            dump(record(flags=True)),
            dump(record(left=None)),
            dump(record(left=1e308)),
            dump(record(left=10**30)),
            dump(record(name="")),
            dump(record(name="a\nb")),
            dump(record(name="x" * 300)),
            dump(record(), record()),
            b'{"result": [{"l_uuid": "a", "flags": ' + b"9" * 5000 + b"}]}",
        ],
    )
    def test_what_is_not_a_dump(self, answer: bytes) -> None:
        with pytest.raises(ProtocolError) as refused:
            parse_registrations(answer)
        assert "s3cret" not in str(refused.value)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["result", "error", "l_uuid", "flags", "diff_expires", "message"]), inner
                )
            ),
        )
    )
    def test_any_json_is_read_or_refused(self, value: Any) -> None:
        for answer in (json.dumps(value), json.dumps({"result": value})):
            try:
                found: object = parse_registrations(answer.encode())
            except (ProtocolError, RpcError) as refused:
                found = refused
            assert isinstance(found, tuple | ProtocolError | RpcError)


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
        assert Registration("a", flags, left).valid is valid

    def test_ran_out_beats_online(self) -> None:
        reading = judge((Registration("a", 20, -5),), "", 1000.0)
        assert reading.state is State.DOWN
        assert reading.text == "no valid registration: a (ran out)"
        assert values(reading, "trunk_registration_expiry_timestamp_seconds") == {"a": 995.0}

    def test_a_disabled_one_counts_only_where_it_is_named(self) -> None:
        both = (Registration("a", 20, 50), Registration("b", 17, 0))
        assert judge(both, "", 0.0).state is State.UP
        assert values(judge(both, "", 0.0), "trunk_registered") == {"a": 1.0}
        assert judge(both, "b", 0.0).state is State.DOWN
        assert judge(both, "b", 0.0).text == "no valid registration: b (disabled)"
        assert judge(both[1:], "", 0.0).reason is Reason.DEVICE

    def test_an_empty_dump_is_no_outage(self) -> None:
        reading = judge((), "", 0.0)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.DEVICE)
        assert reading.text == "no registration is enabled; there are: none"
