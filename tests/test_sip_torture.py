"""Tortured SIP over UDP, TCP and TLS, after RFC 4475: what is odd and right is read, what is wrong is neither up nor
down, by both probes. The messages are our own.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509

from conftest import clear
from probes.declared.sip_binding import SIP_BINDING
from probes.declared.sip_options import SIP_OPTIONS
from probes.declared.sip_uri import parse_uri
from probes.sip_pace import Pace
from probes.sip_round import PACE
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading, Reason, State
from tcp_peer import serving, until
from test_sip_options import Authority, reply, uas

RunProbe = Callable[..., Reading]
Answer = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Certified:
    context: ssl.SSLContext
    ca: str


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    authority = Authority(tmp_path_factory.mktemp("torture"))
    certificate, key = authority.issue("peer", 90, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Certified(context, str(authority.pem))


@contextmanager
def peer(transport: str, answer: Answer, certified: Certified) -> Iterator[dict[str, Any]]:
    """A server that answers every request with `answer`; gives the way to it, as a probe's settings."""

    def converse(connection: socket.socket) -> None:
        connection.sendall(answer(until(connection, b"\r\n\r\n")))
        connection.recv(1)

    if transport == "udp":
        with uas(lambda request, _: [answer(request)]) as server:
            yield {"uri": parse_uri(f"sip:127.0.0.1:{server.port}")}
        return
    context = certified.context if transport == "tls" else None
    with serving(converse, context=context) as port:
        yield {
            "uri": parse_uri(f"sip:127.0.0.1:{port};transport={transport}"),
            "ca": certified.ca if transport == "tls" else "",
        }


def edited(*changes: tuple[str, str]) -> Answer:
    """A right answer with regular expressions replaced in it."""

    def answer(request: bytes) -> bytes:
        text = reply(request).decode()
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            assert count, pattern
        return text.encode("utf-8", "surrogateescape")

    return answer


def body(wire: bytes, *, length: int | None = None) -> Answer:
    told = len(wire) if length is None else length
    return lambda request: reply(request).replace(b"Length: 0", f"Length: {told}".encode()) + wire


ODD: dict[str, Answer] = {
    "folded": edited((r"^(Via|From|To|Call-ID|CSeq): ", "\\1:\r\n \t")),
    "compact and spaced": edited(
        ("^Via: ", "v  :\t"), ("^From: ", "f:"), ("^To: ", "T :   "), ("^Call-ID", "i"), ("^Content-Length", "L")
    ),
    "mixed case": edited(("^Call-ID", "cALL-iD"), ("^CSeq", "CSEQ"), ("^Via", "VIA"), ("^From", "FROM")),
    "spaces between tokens": edited((r"(CSeq: \d+) ", r"\1 \t  ")),
    "leading zeros": edited((r"CSeq: (\d+)", r"CSeq: 000000\1"), ("Length: 0", "Length: 000")),
    "no reason phrase": edited(("^SIP/2.0 200 OK", "SIP/2.0 200 ")),
    "no space after the code": edited(("^SIP/2.0 200 OK", "SIP/2.0 200")),
    "a reason phrase of many letters": edited(("200 OK", "200 = 2**3 * 5**2 но сто девяносто девять - простое")),
    "a reason phrase that is no UTF-8": edited(("200 OK", "200 \udcff\udcfe O\udc80K")),
    "a display name with everything in it": edited((r"^From: ", r'From: "a \\"quoted\\", <sip:x>;tag=other\\\\" ')),
    "parameters without value, unknown ones, quoted ones": edited(
        (r"^(Via: .*)\r$", '\\1;lr;ext="a;branch=z9hG4bKx, b";received=192.0.2.9\r'), (r"^(To: .*)\r$", "\\1;x;tag=t\r")
    ),
    "received in IPv6": edited((r"^(Via: .*)\r$", "\\1;received=2001:db8::9:1\r")),
    "headers that nobody knows": edited(("^CSeq", "NewFangled:  =-._,; a:b\r\nX: \r\nCSeq")),
    "many headers": edited(("^CSeq", "".join(f"X-{number}: {number}\r\n" for number in range(200)) + "CSeq")),
    "a long header": edited(("^CSeq", f"X: {'long ' * 2_000}\r\nCSeq")),
    "several warnings": edited(("^CSeq", 'Warning: 399 a "x, y", 399 b "z"\r\nWarning: 399 c "w"\r\nCSeq')),
    "a date that is none": edited(("^CSeq", "Date: Fri, 01 Jan 2010 16:00:00 EST\r\nCSeq")),
    "an Expires and a Retry-After out of range": edited(
        ("^CSeq", f"Retry-After: {'9' * 40}\r\nMax-Forwards: -1\r\nCSeq")
    ),
    "a body of any bytes": body(bytes(range(256))),
    "a body that looks like a message": body(b"SIP/2.0 503 No\r\nVia: x\r\n\r\n"),
}

WRONG: dict[str, Answer] = {
    "another version": edited(("^SIP/2.0", "SIP/7.0")),
    "a code beyond all": edited(("200 OK", "4294967301 better not break the receiver")),
    "a code of two digits": edited(("200 OK", "20 OK")),
    "a request": lambda request: request,
    "a request of another method": lambda request: request.replace(b"OPTIONS", b"INVITE").replace(
        b"REGISTER", b"INVITE"
    ),
    "no CSeq": edited((r"^CSeq: .*\r\n", "")),
    "a CSeq of another method": edited((r"^(CSeq: \d+) \w+", r"\1 INVITE")),
    "a CSeq that overflows": edited((r"^CSeq: \d+", "CSeq: 36893488147419103233")),
    "a CSeq of another number": edited((r"^CSeq: \d+", "CSeq: 77")),
    "two CSeqs": edited(("^CSeq", "CSeq: 1 OPTIONS\r\nCSeq")),
    "no Via": edited((r"^Via: .*\r\n", "")),
    "a Via above ours": edited(("^Via", "Via: SIP/2.0/UDP other.test;branch=z9hG4bKother\r\nVia")),
    "a Via beside ours": edited((r"^(Via: .*)\r$", "\\1, SIP/2.0/UDP other.test;branch=z9hG4bKx\r")),
    "another branch": edited((r"branch=z9hG4bK", "branch=z9hG4bKx")),
    "no branch": edited((r";branch=[^;\r]*", "")),
    "another Call-ID": edited((r"^Call-ID: ", "Call-ID: x")),
    "two Call-IDs": edited(("^Call-ID", "i: other\r\nCall-ID")),
    "no From": edited((r"^From: .*\r\n", "")),
    "another tag": edited((r";tag=", ";tag=x")),
    "a From that never ends its quotes": edited((r"^From: .*\r$", 'From: "Mr. Watson <sip:x@y>;tag=1\r')),
    "a negative length": edited(("Length: 0", "Length: -999")),
    "a length that is a word": edited(("Length: 0", "Length: zero")),
    "a length beyond all": edited(("Length: 0", "Length: 99999999999999999999")),
    "two lengths": edited(("^Content-Length", "l: 5\r\nContent-Length")),
    "a body cut off": body(b"short", length=900),
    "a line without colon": edited(("^CSeq", "no colon here\r\nCSeq")),
    "a header without name": edited(("^CSeq", ": nameless\r\nCSeq")),
    "a bare carriage return": edited(("^To: ", "To: \rX: ")),
    "a bare line feed": edited((r"^(To: .*)\r$", "\\1\nX: y\r")),
    "a zero byte": edited(("^To: ", "To: \0")),
    "white space before the first header": edited(("^Via", " Via")),
    "a thousand headers": edited(("^CSeq", "X: y\r\n" * 1_000 + "CSeq")),
    "17 kB of a header": edited(("^CSeq", f"X: {'x' * 17_000}\r\nCSeq")),
    "HTTP": lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a TLS alert": lambda request: bytes.fromhex("15030300020228"),
    "zeros": lambda request: bytes(5_000),
}


def readings(
    probe_type: ProbeType, answers: Mapping[str, Answer], transport: str, certified: Certified, *, timeout: float
) -> dict[str, Reading]:
    """The reading of every answer, each from a peer of its own, all at once."""

    async def run(ways: Mapping[str, dict[str, Any]]) -> dict[str, Reading]:
        channels = Channels()
        channels.get(PACE, lambda: Pace(per_second=50))
        once = Run(timeout, 0, channels, lambda secret: secret.name)
        try:
            asked = (probe_type.probe(probe_type.settings(**way), once) for way in ways.values())
            return dict(zip(ways, await asyncio.gather(*asked), strict=True))
        finally:
            await channels.aclose()

    with ExitStack() as stack:
        ways = {name: stack.enter_context(peer(transport, answer, certified)) for name, answer in answers.items()}
        if probe_type is SIP_BINDING:
            aor = {"uri": parse_uri("sip:a@provider.test"), "password": clear("pw")}
            ways = {name: {**way, **aor, "proxy": way["uri"]} for name, way in ways.items()}
        return asyncio.run(run(ways))


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
class TestOptions:
    def test_what_is_odd_and_right_is_read(self, certified: Certified, transport: str) -> None:
        found = readings(SIP_OPTIONS, ODD, transport, certified, timeout=5)
        assert {name: reading.text for name, reading in found.items() if reading.text} == {}
        assert {reading.state for reading in found.values()} == {State.UP}

    def test_what_is_wrong_is_neither_up_nor_down(self, certified: Certified, transport: str) -> None:
        found = readings(SIP_OPTIONS, WRONG, transport, certified, timeout=2.5)
        silent = {name: reading for name, reading in found.items() if reading.state is not State.UNKNOWN}
        # A peer that asks instead of answering has not answered.
        assert silent.keys() == {"a request", "a request of another method"}
        assert {(reading.state, reading.reason) for reading in silent.values()} == {(State.DOWN, Reason.TIMEOUT)}
        assert {reading.reason for name, reading in found.items() if name not in silent} == {Reason.PROTOCOL}
        assert all(reading.text and reading.text.isprintable() for reading in found.values())


def test_a_registrar_that_answers_wrongly_says_nothing(certified: Certified) -> None:
    def bound(answer: Answer) -> Answer:
        contact = b"Contact: <sip:a@192.0.2.8>;expires=50\r\nContent-Length"
        return lambda request: answer(request).replace(b"Content-Length", contact, 1)

    wrong = {name: bound(answer) for name, answer in WRONG.items()}
    for reading in readings(SIP_BINDING, wrong, "udp", certified, timeout=2.5).values():
        assert (reading.state, reading.observations) == (State.UNKNOWN, ())


def test_a_flood_of_late_answers_costs_no_other_answer(run_probe: RunProbe) -> None:
    def flood(request: bytes, _: int) -> list[bytes]:
        late = reply(request).replace(b"z9hG4bK", b"z9hG4bKlate")
        return [late] * 200 + [reply(request)] + [late] * 200

    with uas(flood) as server:
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{server.port}"))
    assert (reading.state, reading.text) == (State.UP, "")


def test_ten_megabytes_end_at_the_cap(certified: Certified, run_probe: RunProbe) -> None:
    def huge(request: bytes) -> bytes:
        return reply(request).replace(b"CSeq", b"X: " + b"x" * (10 << 20) + b"\r\nCSeq")

    for transport in ("tcp", "tls"):
        with peer(transport, huge, certified) as way:
            reading = run_probe(SIP_OPTIONS, **way)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
