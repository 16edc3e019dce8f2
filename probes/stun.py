"""STUN Binding (RFC 8489): a request, and what a response to it says. Bytes to values, no socket.

Only what a client without credentials needs. Credentials in a response are passed over: nobody asked for them.
"""

import ipaddress
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")

MAPPED_ADDRESS, ERROR_CODE, XOR_MAPPED_ADDRESS, FINGERPRINT = 0x0001, 0x0009, 0x0020, 0x8028
MESSAGE_INTEGRITY = frozenset({0x0008, 0x001C})
"""What follows either is not covered by it and does not count, FINGERPRINT excepted (§14.5, §14.6)."""
_FINGERPRINT_XOR = 0x5354554E
_UNDERSTOOD = frozenset({*range(0x0001, 0x000C), 0x0014, 0x0015, 0x001C, 0x001D, 0x001E, XOR_MAPPED_ADDRESS})
"""Comprehension-required attributes that a response may carry: RFC 8489 §18.3, and RFC 3489's old ones."""
_OCTETS = {1: 4, 2: 16}
"""Of an address, by family (§14.1)."""
RETRANSMISSIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 8.0)
"""Seconds from one sending to the next, and from the last to giving up: RTO 500 ms, Rc 7, Rm 16 (§6.2.1)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class StunError(Exception):
    """An answer to our request that tells no address; the message says why."""


class Malformed(StunError):
    """It is about our request and breaks the protocol."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The address that the server saw the request come from."""

    address: Address
    doubt: str = ""
    """Why it might not be that."""


def new_transaction() -> bytes:
    """96 random bits (§5): only who saw the request can answer it."""
    return secrets.token_bytes(12)


def request(transaction: bytes) -> bytes:
    return _HEADER.pack(BINDING_REQUEST, 0, COOKIE, transaction)


def response(datagram: bytes, transaction: bytes) -> Binding | None:
    """What `datagram` says to the request of `transaction`; None where it is no response to it.

    Raises StunError where the server refuses and Malformed where it breaks the protocol.
    """
    if len(datagram) < _HEADER.size:
        return None
    kind, length, cookie, about = _HEADER.unpack_from(datagram)
    if (cookie, about) != (COOKIE, transaction) or kind not in (BINDING_SUCCESS, BINDING_ERROR):
        return None
    if length % 4 or length != len(datagram) - _HEADER.size:
        raise Malformed(f"a response of {len(datagram)} bytes that calls itself {length + _HEADER.size}")
    found = dict(_attributes(datagram))
    if kind == BINDING_ERROR:
        raise StunError(_refusal(found.get(ERROR_CODE, b"")))
    if unknown := sorted(kind for kind in found if kind < 0x8000 and kind not in _UNDERSTOOD):
        raise Malformed(f"a response with the attribute {unknown[0]:#06x}, which must be understood and is not")
    if XOR_MAPPED_ADDRESS in found:
        return Binding(_address(found[XOR_MAPPED_ADDRESS], struct.pack("!I", COOKIE) + transaction))
    if MAPPED_ADDRESS in found:
        doubt = "the server sends only MAPPED-ADDRESS, which a NAT on the way may have rewritten"
        return Binding(_address(found[MAPPED_ADDRESS], bytes(16)), doubt)
    raise Malformed("a response without an address")


def _attributes(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute that counts; of several of a type only the first does (§14)."""
    seen: set[int] = set()
    covered = False
    at = _HEADER.size
    while at < len(datagram):
        kind, length = _ATTRIBUTE.unpack_from(datagram, at)
        begin = at + _ATTRIBUTE.size
        value = datagram[begin : begin + length]
        if len(value) < length:
            raise Malformed(f"the attribute {kind:#06x} is longer than the response")
        following = begin + (length + 3) // 4 * 4
        if kind == FINGERPRINT:
            crc = zlib.crc32(datagram[:at]) ^ _FINGERPRINT_XOR
            if following < len(datagram) or value != struct.pack("!I", crc):
                raise Malformed("a response whose FINGERPRINT is wrong: it was damaged on the way")
        elif kind not in seen and not covered:
            seen.add(kind)
            yield kind, value
        covered |= kind in MESSAGE_INTEGRITY
        at = following


def _address(value: bytes, mask: bytes) -> Address:
    """An address of §14.1 or §14.2, its octets xored with `mask`."""
    octets = _OCTETS.get(value[1]) if len(value) > 1 else None
    if octets is None or len(value) != 4 + octets:
        raise Malformed("an address of no known family, or of a wrong length")
    return ipaddress.ip_address(bytes(octet ^ cover for octet, cover in zip(value[4:], mask, strict=False)))


def _refusal(value: bytes) -> str:
    """An ERROR-CODE (§14.8) as text: the class in three bits, the number, a reason phrase."""
    if len(value) < 4:
        return "it refuses, without an error code"
    reason = ascii(value[4:104].decode(errors="replace"))
    return f"it refuses with {(value[2] & 7) * 100 + value[3]} {reason}"
