"""STUN Binding: RFC 5769's vectors, refusals, and any octets at all."""

import ipaddress
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import stun

TRANSACTION = bytes(range(12))
RFC5769 = bytes.fromhex("b7e7a701bc34d686fa87dfae")
V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
"""RFC 5769 §2.2: SOFTWARE, XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY, FINGERPRINT."""
V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
"""§2.3, the same over IPv6."""


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def response(*attributes: bytes, kind: int = stun.BINDING_SUCCESS, transaction: bytes = TRANSACTION) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI12s", kind, len(body), stun.COOKIE, transaction) + body


def plain(address: str) -> bytes:
    packed = ipaddress.ip_address(address).packed
    return struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, 3478) + packed


def xored(address: str, transaction: bytes = TRANSACTION) -> bytes:
    mask = struct.pack("!I", stun.COOKIE) + transaction
    head, packed = plain(address)[:4], plain(address)[4:]
    return head + bytes(a ^ b for a, b in zip(packed, mask, strict=False))


HERE = attribute(stun.XOR_MAPPED_ADDRESS, xored("198.51.100.7"))


@pytest.mark.parametrize(("datagram", "address"), [(V4, "192.0.2.1"), (V6, "2001:db8:1234:5678:11:2233:4455:6677")])
def test_the_vectors_of_rfc_5769(datagram: bytes, address: str) -> None:
    assert stun.response(datagram, RFC5769) == stun.Binding(ipaddress.ip_address(address))
    assert stun.response(datagram, TRANSACTION) is None


def test_a_request_has_the_cookie_and_an_identifier_of_its_own() -> None:
    transaction = stun.new_transaction()
    assert stun.request(transaction) == b"\0\1\0\0\x21\x12\xa4\x42" + transaction
    assert transaction != stun.new_transaction()


def test_the_first_of_several_counts_and_nothing_after_the_integrity_does() -> None:
    other = attribute(stun.XOR_MAPPED_ADDRESS, xored("203.0.113.9"))
    integrity = attribute(0x0008, bytes(20))
    for datagram in (response(HERE, other), response(HERE, integrity, other), response(HERE, attribute(0x8022, b"x"))):
        found = stun.response(datagram, TRANSACTION)
        assert found == stun.Binding(ipaddress.ip_address("198.51.100.7"))
    with pytest.raises(stun.Malformed, match="without an address"):
        stun.response(response(integrity, other), TRANSACTION)


def test_an_old_server_is_believed_with_a_doubt() -> None:
    found = stun.response(response(attribute(stun.MAPPED_ADDRESS, plain("198.51.100.7"))), TRANSACTION)
    assert found is not None
    assert str(found.address) == "198.51.100.7"
    assert "a NAT on the way may have rewritten" in found.doubt


def damaged() -> bytes:
    whole = response(HERE, attribute(stun.FINGERPRINT, bytes(4)))
    crc = zlib.crc32(whole[:-8]) ^ 0x5354554E
    good = whole[:-4] + struct.pack("!I", crc)
    assert stun.response(good, TRANSACTION) is not None
    return good[:25] + bytes([good[25] ^ 1]) + good[26:]


@pytest.mark.parametrize(
    ("datagram", "says"),
    [
        (response(), "without an address"),
        (response(HERE)[:-4], "calls itself"),
        (response(HERE) + b"\0", "calls itself"),
        (response(struct.pack("!HH", 0x20, 400)), "longer than the response"),
        (response(attribute(stun.XOR_MAPPED_ADDRESS, b"\0\3\0\0" + bytes(4))), "no known family"),
        (response(attribute(stun.XOR_MAPPED_ADDRESS, b"\0\2\0\0" + bytes(4))), "wrong length"),
        (response(attribute(stun.XOR_MAPPED_ADDRESS, b"")), "no known family"),
        (response(HERE, attribute(0x7777, b"must")), "0x7777, which must be understood"),
        (damaged(), "damaged on the way"),
        (response(attribute(stun.FINGERPRINT, bytes(4)), HERE), "damaged on the way"),
    ],
)
def test_what_breaks_the_protocol(datagram: bytes, says: str) -> None:
    with pytest.raises(stun.Malformed, match=says):
        stun.response(datagram, TRANSACTION)


def test_a_refusal_is_quoted_and_never_an_address() -> None:
    refused = response(
        attribute(stun.ERROR_CODE, b"\0\0\x04\x01" + "Zugang verweigert\xff".encode("latin-1")),
        HERE,
        kind=stun.BINDING_ERROR,
    )
    with pytest.raises(stun.StunError, match=r"it refuses with 401 'Zugang verweigert\\ufffd'"):
        stun.response(refused, TRANSACTION)
    with pytest.raises(stun.StunError, match="without an error code"):
        stun.response(response(kind=stun.BINDING_ERROR), TRANSACTION)


@pytest.mark.parametrize(
    "datagram", [b"", b"\0" * 20, stun.request(TRANSACTION), V4, response(HERE, transaction=bytes(12)), b"\x80" * 28]
)
def test_what_is_no_response_to_us_is_passed_over(datagram: bytes) -> None:
    assert stun.response(datagram, TRANSACTION) is None


@given(st.binary(max_size=200), st.sampled_from([stun.BINDING_SUCCESS, stun.BINDING_ERROR]), st.booleans())
def test_any_octets_are_a_binding_a_refusal_or_nothing(octets: bytes, kind: int, framed: bool) -> None:
    datagram = response(octets[: len(octets) // 4 * 4], kind=kind) if framed else octets
    try:
        found = stun.response(datagram, TRANSACTION)
    except stun.StunError:
        return
    assert found is None or isinstance(found, stun.Binding)
