"""The freeswitch probe against an event socket of ours that answers as mod_event_socket and mod_sofia do, or wrongly.

FreeSWITCH is not in Debian. The answers have the members and words of `xml_gateway_status` in its mod_sofia.c, those
of the handshake and of `status` are as published transcripts show them.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import peers
from conftest import clear
from probes.declared.freeswitch import FREESWITCH, Freeswitch
from probes.esl import API, MOST_OF_A_HEAD, ProtocolError, Reader, Reply, api, auth
from probes.freeswitch import REGISTRATION, gateways, sessions
from probes.pbx import Calls
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from tcp_peer import serving, until

PASSWORD = "esl-secret"


def gateway(name: str, state: str = "REGED", status: str = "UP", pingfreq: int = 0, profile: str = "external") -> str:
    return f"""  <gateway>
    <name>{name}</name>
    <profile>{profile}</profile>
    <scheme>Digest</scheme>
    <realm>provider.test</realm>
    <username>carrier-user</username>
    <password>yes</password>
    <from>&lt;sip:carrier-user@provider.test;transport=udp&gt;</from>
    <contact>&lt;sip:gw+{name}@192.0.2.8:5080;transport=udp;gw={name}&gt;</contact>
    <to>sip:carrier-user@provider.test</to>
    <proxy>sip:provider.test</proxy>
    <expires>3600</expires>
    <ping>0</ping>
    <pingfreq>{pingfreq}</pingfreq>
    <pinging>0</pinging>
    <state>{state}</state>
    <status>{status}</status>
    <calls-in>0</calls-in>
    <calls-out>3</calls-out>
  </gateway>
"""


def listing(*parts: str) -> bytes:
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<gateways>\n{"".join(parts)}</gateways>\n'.encode("latin-1")


STATUS = b"""UP 0 years, 0 days, 16 hours, 51 minutes, 5 seconds, 534 milliseconds, 583 microseconds
FreeSWITCH (Version 1.10.12 -release- 64bit) is ready
16 session(s) since startup
2 session(s) - peak 4, last 5min 3
0 session(s) per Sec out of max 30, peak 1, last 5min 0
1000 session(s) max
min idle cpu 0.00/99.63
"""


def response(body: bytes) -> bytes:
    return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body


WORKS = listing(
    gateway("carrier-a"),
    gateway("carrier-b", "FAIL_WAIT", "DOWN"),
    gateway("ip-trunk", "NOREG", "UP", 30),
    gateway("ip-dead", "NOREG", "DOWN", 30),
    gateway("ip-blind", "NOREG", "UP", 0),
)


@contextmanager
def esl(
    answer: bytes = response(WORKS),
    *,
    status: bytes = response(STATUS),
    greeting: bytes = b"Content-Type: auth/request\n\n",
    seen: list[bytes] | None = None,
) -> Iterator[int]:
    def converse(connection: socket.socket) -> None:
        connection.sendall(greeting)
        while command := until(connection, b"\n\n"):
            if seen is not None:
                seen.append(command)
            if command.startswith(b"auth "):
                good = command == f"auth {PASSWORD}\n\n".encode()
                text = "+OK accepted" if good else "-ERR invalid"
                connection.sendall(f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode())
                if not good:
                    connection.sendall(b"Content-Type: text/disconnect-notice\nContent-Length: 0\n\n")
                    return
            else:
                connection.sendall(answer if b"sofia" in command else status)

    with serving(converse) as port:
        yield port


def several(port: int, *each: dict[str, Any], timeout: float = 5) -> list[Reading]:
    async def run() -> list[Reading]:
        channels = Channels()
        usual: dict[str, Any] = {"host": "127.0.0.1", "port": port, "password": clear(PASSWORD)}
        once = Run(timeout, 0, channels, lambda secret: secret.name)
        try:
            return [await FREESWITCH.probe(Freeswitch(**{**usual, **settings}), once) for settings in each]
        finally:
            await channels.aclose()

    return asyncio.run(run())


def once(port: int, *, timeout: float = 5, **settings: Any) -> Reading:
    return several(port, settings, timeout=timeout)[0]


def values(reading: Reading, quantity: str) -> dict[str, float]:
    return {seen.target: seen.value for seen in reading.observations if seen.quantity == quantity}


class TestGateways:
    @pytest.mark.parametrize(
        ("name", "state", "text", "registered", "up"),
        [
            ("carrier-a", State.UP, "", {"carrier-a": 1}, {}),
            (
                "carrier-b",
                State.DOWN,
                "not working: carrier-b (does not answer FreeSWITCH's pings)",
                {"carrier-b": 0},
                {"carrier-b": 0},
            ),
            ("ip-trunk", State.UP, "", {}, {"ip-trunk": 1}),
            (
                "ip-dead",
                State.DOWN,
                "not working: ip-dead (does not answer FreeSWITCH's pings)",
                {},
                {"ip-dead": 0},
            ),
            (
                "ip-blind",
                State.UNKNOWN,
                "not known to work: ip-blind (does not register and is not pinged)",
                {},
                {},
            ),
        ],
    )
    def test_each(self, name: str, state: State, text: str, registered: dict[str, float], up: dict[str, float]) -> None:
        with esl() as port:
            reading = once(port, gateway=name)
        assert (reading.state, reading.text) == (state, text)
        assert values(reading, "trunk_registered") == registered
        assert values(reading, "trunk_up") == up
        assert values(reading, "trunk_calls") == {"": 2}
        assert values(reading, "trunk_calls_ratio") == {"": 0.002}
        assert {seen.quantity for seen in reading.observations} <= set(QUANTITIES)

    def test_all_and_a_gateway_that_is_gone(self) -> None:
        with esl() as port:
            every, gone = once(port), once(port, gateway="carrier-x")
        assert every.state is State.DEGRADED
        assert (gone.state, values(gone, "trunk_registered")) == (State.DOWN, {"carrier-x": 0})
        assert "carrier-user" not in repr((every, gone))

    @pytest.mark.parametrize(("word", "told"), [*REGISTRATION.items(), ("NEW_WORD", (State.UNKNOWN, ""))])
    def test_every_state(self, word: str, told: tuple[State, str]) -> None:
        (trunk,) = gateways(listing(gateway("a", word)))
        assert trunk.state is told[0]
        assert trunk.registered is {State.UP: True, State.DOWN: False, State.UNKNOWN: None}[told[0]]

    def test_registered_and_yet_not_answering_is_down_and_both_are_told(self) -> None:
        (trunk,) = gateways(listing(gateway("a", "REGED", "DOWN", 30)))
        assert (trunk.state, trunk.registered, trunk.reachable) == (State.DOWN, True, False)

    def test_one_name_in_two_profiles(self) -> None:
        found = gateways(listing(gateway("a"), gateway("a", "FAILED", profile="internal")))
        assert [(trunk.name, trunk.state) for trunk in found] == [
            ("external::a", State.UP),
            ("internal::a", State.DOWN),
        ]

    def test_when_all_sessions_are_taken(self) -> None:
        full = STATUS.replace(b"2 session(s) - peak", b"1000 session(s) - peak")
        with esl(status=response(full)) as port:
            reading = once(port, gateway="carrier-a")
        assert (reading.state, reading.text) == (State.DEGRADED, "all 1000 calls that it admits are under way")

    @pytest.mark.parametrize(
        ("text", "calls"),
        [
            (b"39 session(s) since startup\n0 session(s) - 0 out of max 30 per sec\n1000 session(s) max\n", (0, 1000)),
            (b"3 session(s) - peak 4\n", (3, 0)),
            (b"", None),
            (b"x session(s) - \n", None),
        ],
    )
    def test_sessions(self, text: bytes, calls: tuple[int, int] | None) -> None:
        assert sessions(text) == (calls and Calls(*calls))


def test_only_two_commands_are_ever_sent() -> None:
    seen: list[bytes] = []
    with esl(seen=seen) as port:
        once(port)
    assert seen == [f"auth {PASSWORD}\n\n".encode(), *(f"api {command}\n\n".encode() for command in API)]
    for command in ("originate", "sofia profile external killgw a", "status\n\napi reload"):
        with pytest.raises(ValueError, match="not a command that a probe sends"):
            api(command)
    with pytest.raises(ValueError, match="a line end") as refused:
        auth("a\n\napi originate")
    assert "originate" not in str(refused.value)


def test_a_wrong_password_is_tried_once() -> None:
    seen: list[bytes] = []
    wrong = {"password": clear("wrong")}
    with esl(seen=seen) as port:
        first, second, right = several(port, wrong, wrong, {"gateway": "carrier-a"})
    assert (first.state, first.reason, second) == (State.UNKNOWN, Reason.AUTH, first)
    assert "wrong" not in first.text
    assert right.state is State.UP
    assert sum(command.startswith(b"auth wrong") for command in seen) == 1


class TestBadPeers:
    @pytest.mark.parametrize(
        ("peer", "reason"),
        [
            ({"greeting": b"Content-Type: text/rude-rejection\nContent-Length: 3\n\nno\n"}, Reason.AUTH),
            ({"greeting": b"SSH-2.0-OpenSSH_9.6\r\n\n\n"}, Reason.PROTOCOL),
            ({"greeting": b"Content-Type: command/reply\n\n"}, Reason.PROTOCOL),
            ({"greeting": b"x" * (MOST_OF_A_HEAD + 1)}, Reason.PROTOCOL),
            ({"greeting": b""}, Reason.TIMEOUT),
            ({"answer": b""}, Reason.TIMEOUT),
            ({"answer": response(WORKS)[:-10]}, Reason.TIMEOUT),
            ({"answer": response(WORKS[:-30])}, Reason.PROTOCOL),
            ({"answer": response(b"Invalid Gateway!\n")}, Reason.PROTOCOL),
            ({"answer": response(b"-ERR sofia Command not found!\n")}, Reason.NOT_OFFERED),
            ({"answer": response(listing())}, Reason.DEVICE),
            ({"answer": response(listing("<gateway><state>REGED</state></gateway>"))}, Reason.PROTOCOL),
            ({"answer": response(listing(gateway("a"), gateway("a")))}, Reason.PROTOCOL),
            ({"answer": response(listing(f"<gateway>{'<x>' * 100}{'</x>' * 100}</gateway>"))}, Reason.PROTOCOL),
            (
                {"answer": response(b'<!DOCTYPE g [<!ENTITY a "aaaa">]><gateways>&a;</gateways>')},
                Reason.PROTOCOL,
            ),
            ({"answer": b"Content-Type: api/response\nContent-Length: 99999999\n\n"}, Reason.PROTOCOL),
            ({"answer": b"Content-Type: api/response\nContent-Length: -1\n\n"}, Reason.PROTOCOL),
            ({"answer": b"Content-Type: a\nContent-Type: b\n\n"}, Reason.PROTOCOL),
            ({"answer": b"Content-Type: text/event-plain\n\n"}, Reason.PROTOCOL),
        ],
    )
    def test_say_nothing_of_the_trunk(self, peer: dict[str, bytes], reason: Reason) -> None:
        with esl(**peer) as port:
            reading = once(port, timeout=0.4 if reason is Reason.TIMEOUT else 5)
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason), reading
        assert reading.text
        assert values(reading, "trunk_registered") == {}

    def test_nobody_there(self) -> None:
        assert once(peers.free_port()).reason is Reason.REFUSED

    def test_a_password_that_cannot_be_sent(self) -> None:
        reading = once(peers.free_port(), password=clear("a\nb"))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)


class TestReader:
    @pytest.mark.parametrize("size", [1, 5, 4096])
    def test_in_pieces_of_any_size(self, size: int) -> None:
        wire = b"Content-Type: auth/request\n\n" + response(b"one\n\ntwo") + b"Content-Type: x\n\n"
        reader = Reader()
        found = [reply for at in range(0, len(wire), size) for reply in reader.feed(wire[at : at + size])]
        assert found == [
            Reply("auth/request", "", b""),
            Reply("api/response", "", b"one\n\ntwo"),
            Reply("x", "", b""),
        ]

    @given(st.binary(max_size=300))
    def test_any_bytes_are_replies_or_refused(self, wire: bytes) -> None:
        try:
            Reader().feed(wire)
        except ProtocolError:
            return

    @given(st.text('<>/agtewynms&;!-[]?"= ', max_size=120) | st.binary(max_size=120).map(lambda b: b.decode("latin-1")))
    def test_any_answer_is_gateways_or_refused(self, text: str) -> None:
        for answer in (text.encode("latin-1", "replace"), listing(text.encode("ascii", "replace").decode())):
            try:
                gateways(answer)
            except ProtocolError:
                continue
