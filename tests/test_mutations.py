"""Every parser of bytes from the network against good answers with some bytes changed: values or its own error.

Noise is refused at the first byte; what is almost right goes deep. Nesting, the other way to get deep, is tried apart.
"""

import datetime
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dns.message
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

import hostile_peer
from probes import (
    ami,
    esl,
    freeswitch,
    http_exchange,
    icmp_message,
    jsonrpc,
    management,
    modemmanager,
    sip,
    sip_digest,
    snmp_message,
    stun,
    trust,
    upsd,
)
from probes import dns as dns_probe
from probes.declared.sip_uri import Transport, parse_uri

QUERY = dns.message.make_query("sip.example", "A")
OIDS = ("1.3.6.1.2.1.33.1.2.3.0", "1.3.6.1.2.1.33.1.2.4.0")
TRANSACTION = bytes(range(12))
OPTIONS = sip.build_options(parse_uri("sip:192.0.2.1"), Transport.UDP, "192.0.2.9", 5060)


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trunk.example")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=90))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True)
class Parser:
    """What `parse` makes of `good` and of everything near it, or one of `errors`."""

    good: bytes
    parse: Callable[[bytes], Any]
    errors: tuple[type[Exception], ...]


def fed(make: Callable[[], Any]) -> Callable[[bytes], Any]:
    """Whole, and cut in two anywhere: a stream comes in pieces."""

    def parse(wire: bytes) -> Any:
        half = make()
        half.feed(wire[: len(wire) // 2])
        half.feed(wire[len(wire) // 2 :])
        return make().feed(wire)

    return parse


HTTP = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n9\r\n{"a": [1]\r\n1\r\n}\r\n0\r\n\r\n'
LIST = b'BEGIN LIST VAR ups\nVAR ups ups.status "OL CHRG"\nVAR ups x "a \\"b\\" \\\\"\nEND LIST VAR ups\n'
AMI = (
    b"Asterisk Call Manager/7.0.3\r\nResponse: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n"
    b"Event: OutboundRegistrationDetail\r\nActionID: 2\r\nObjectName: carrier\r\nStatus: Registered\r\n\r\n"
)
ESL = b"Content-Type: auth/request\n\nContent-Type: api/response\nContent-Length: 5\n\nhello"
GATEWAYS = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<gateways>\n<gateway>\n<name>carrier</name>\n'
    b"<profile>external</profile>\n<status>UP</status>\n<state>REGED</state>\n<pingfreq>5</pingfreq>\n"
    b"</gateway>\n</gateways>"
)
DIGEST = (
    b'Digest realm="a \\"b\\"", nonce="x", algorithm=SHA-256, qop="auth,auth-int", opaque="o", stale=true, '
    b'Basic realm="c"'
)
RPC = b'{"jsonrpc": "2.0", "result": [{"a": 1}], "id": 1}'
MODEM = b'{"modem": {"generic": {"state": "registered", "bands": ["a", "b"]}, "3gpp": {"registration-state": "home"}}}'
ECHO_ERROR = (
    b"\x03\x01\0\0\0\0\0\0"
    + b"\x45\0\0\x30\0\0\0\0\x40\x01\0\0\x0a\0\0\x01\x0a\0\0\x02"
    + b"\x08\0\0\0\0\x01\0\x02"
    + b"c" * 16
)

PARSERS: Mapping[str, Parser] = {
    "upsd": Parser(LIST, fed(lambda: upsd.AnswerReader(upsd.list_variables("ups"))), (upsd.ProtocolError,)),
    "ami": Parser(AMI, fed(ami.Reader), (ami.ProtocolError,)),
    "esl": Parser(ESL, fed(esl.Reader), (esl.ProtocolError,)),
    "freeswitch gateways": Parser(GATEWAYS, freeswitch.gateways, (esl.ProtocolError,)),
    "freeswitch sessions": Parser(b"7 session(s) - peak 9\n1000 session(s) max\n", freeswitch.sessions, ()),
    "http": Parser(HTTP, fed(lambda: http_exchange.Exchange("GET", "/", "x", most=1000)), (http_exchange.NotHttp,)),
    "jsonrpc": Parser(
        b'{"jsonrpc": "2.0", "result": [{"a": 1}], "id": 1}', lambda b: jsonrpc.result(b, "m"), (management.Unread,)
    ),
    "modemmanager": Parser(MODEM, modemmanager.values, (modemmanager.NoModemJson,)),
    "sip response": Parser(hostile_peer.reply(OPTIONS.wire), sip.parse_response, (sip.ProtocolError,)),
    "sip stream": Parser(hostile_peer.reply(OPTIONS.wire) * 2, fed(sip.Framing), (sip.ProtocolError,)),
    "sip digest": Parser(DIGEST, lambda b: sip_digest.challenges([b.decode("latin-1")]), (sip.ProtocolError,)),
    "dns": Parser(
        hostile_peer.GOOD["dns"](QUERY.to_wire()), lambda b: dns_probe.answer_in(b, QUERY), (dns_probe.NotAnAnswer,)
    ),
    "stun": Parser(
        hostile_peer.GOOD["stun"](stun.request(TRANSACTION)), lambda b: stun.response(b, TRANSACTION), (stun.StunError,)
    ),
    "icmp": Parser(ECHO_ERROR, lambda b: icmp_message.parse(socket.AF_INET, b), (icmp_message.NotEcho,)),
    "icmp in ip": Parser(ECHO_ERROR[8:], icmp_message.without_ip_header, (icmp_message.NotEcho,)),
    "certificate": Parser(certificate(), trust.expiry, (ValueError,)),
    **{
        f"snmp {version}": Parser(
            hostile_peer.GOOD["snmp"](
                snmp_message.question(version, hostile_peer.SECRET.encode(), 2**24, OIDS, following=False)
            ),
            lambda b, version=version: snmp_message.answer_in(b, version),
            (snmp_message.NotSnmp,),
        )
        for version in ("1", "2c")
    },
}

Edit = tuple[int, int, bytes]
"""Where, how many bytes go, and what comes in their place."""

PIECES = st.sampled_from(
    [b"", b"\0", b"\xff", b'"', b"\\", b"\r\n", b"\n\n", b":", b"0", b"99999999999", b"\x80", b"<", b"{"]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 2_000), st.integers(0, 12), PIECES | st.binary(max_size=4)), min_size=1, max_size=5
)


def edited(good: bytes, edits: list[Edit]) -> bytes:
    for where, gone, come in edits:
        at = where % (len(good) + 1)
        good = good[:at] + come + good[at + gone :]
    return good


@pytest.mark.parametrize("name", PARSERS)
def test_the_good_answer_is_read(name: str) -> None:
    assert PARSERS[name].parse(PARSERS[name].good) is not None


VALUES = (0, 1, 2, 5, 127, 128, 255)

odd_serials = pytest.mark.filterwarnings("ignore:Parsed a serial number")
"""Which cryptography still reads, and warns of."""


@odd_serials
@pytest.mark.parametrize("name", PARSERS)
def test_any_one_byte_changed(name: str) -> None:
    parser = PARSERS[name]
    for at in range(len(parser.good)):
        for value in (*VALUES, parser.good[at] ^ 1):
            with suppress(*parser.errors):
                parser.parse(parser.good[:at] + bytes([value]) + parser.good[at + 1 :])


@odd_serials
@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, deadline=None)
@given(edits=EDITS)
def test_almost_good_answers_are_values_or_the_parsers_own_error(name: str, edits: list[Edit]) -> None:
    parser = PARSERS[name]
    with suppress(*parser.errors):
        parser.parse(edited(parser.good, edits))


NESTED = {
    "sequences": b"\x30\x80" * 8_000,
    "sequences with lengths": b"".join(b"\x30\x82" + (16_000 - 4 * n).to_bytes(2, "big") for n in range(4_000)),
    "lists": b"[" * 100_000,
    "objects": b'{"modem":' * 50_000,
    "tags": b"<gateways>" + b"<gateway>" * 20_000,
    "entities": b'<!DOCTYPE x [<!ENTITY a "'
    + b"a" * 1_000
    + b'"><!ENTITY b "'
    + b"&a;" * 1_000
    + b'">]><gateways>&b;</gateways>',
    "quotes": b'"\\' * 50_000,
    "pointers": QUERY.to_wire()[:4] + b"\x00\x01\x00\xff\x00\x00\x00\x00" + b"\xc0\x0c" * 8_000,
    "line ends": b"\r\n" * 50_000,
    "commas": b"Digest " + b"a=b, " * 20_000,
}


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("nest", NESTED)
def test_what_is_deep_or_long_ends(name: str, nest: str) -> None:
    parser = PARSERS[name]
    for wire in (NESTED[nest], parser.good[: len(parser.good) // 2] + NESTED[nest]):
        with suppress(*parser.errors):
            parser.parse(wire)
