"""ICMP echo messages: requests to octets, octets to replies and to errors about a request.

Pure. RFC 792 and 1122 (ICMP), RFC 4443 (ICMPv6).
"""

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_HEADER = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence."""

_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}

_UNDELIVERED: Mapping[socket.AddressFamily, Mapping[int, Mapping[int, str]]] = {
    # family → type → code; RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1 and §3.3
    socket.AF_INET: {
        3: {
            0: "network unreachable",
            1: "host unreachable",
            9: "network administratively prohibited",
            10: "host administratively prohibited",
            13: "administratively prohibited",
        },
        11: {0: "time to live exceeded, as in a routing loop"},
    },
    socket.AF_INET6: {
        1: {
            0: "no route",
            1: "administratively prohibited",
            3: "address unreachable",
            5: "source address refused by policy",
            6: "route rejected",
        },
        3: {0: "hop limit exceeded, as in a routing loop"},
    },
}

TYPES_READ = {family: (_REPLY[family], *_UNDELIVERED[family]) for family in PROTOCOL}
"""The ICMP types that `parse` makes a value of."""


class NotEcho(Exception):
    """The message is neither an echo reply nor an error about an echo request."""


@dataclass(frozen=True, slots=True)
class Reply:
    identifier: int
    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A router or host says that an echo request did not arrive; `payload` is as much of it as was quoted."""

    destination: str
    identifier: int
    sequence: int
    payload: bytes
    why: str


def checksum(message: bytes) -> int:
    """The internet checksum (RFC 1071) of an even number of octets."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(family: socket.AddressFamily, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An echo request. ICMPv6 checksums cover addresses that only the kernel knows; it fills them in."""
    message = _HEADER.pack(_REQUEST[family], 0, 0, identifier, sequence) + payload
    if family == socket.AF_INET6:
        return message
    return message[:2] + checksum(message).to_bytes(2) + message[4:]


def parse(family: socket.AddressFamily, message: bytes) -> Reply | Undelivered:
    """The value of one ICMP message; NotEcho where it is none of ours to read.

    The checksum is not looked at: whoever matches a reply compares every other octet of it.
    """
    kind, code, identifier, sequence, payload = _fields(message)
    if kind == _REPLY[family] and code == 0:
        return Reply(identifier, sequence, payload)
    codes = _UNDELIVERED[family].get(kind)
    if codes is None:
        raise NotEcho(f"ICMP type {kind} code {code}")
    destination, quoted = _packet(family, payload)
    quoted_kind, _, identifier, sequence, cookie = _fields(quoted)
    if quoted_kind != _REQUEST[family]:
        raise NotEcho(f"an error about ICMP type {quoted_kind}")
    return Undelivered(destination, identifier, sequence, cookie, codes.get(code, f"ICMP type {kind} code {code}"))


def without_ip_header(packet: bytes) -> bytes:
    """The ICMP message in an IPv4 packet, as raw sockets deliver it."""
    return _packet(socket.AF_INET, packet)[1]


def _fields(message: bytes) -> tuple[int, int, int, int, bytes]:
    if len(message) < _HEADER.size:
        raise NotEcho(f"{len(message)} octets are too few for an ICMP message")
    kind, code, _, identifier, sequence = _HEADER.unpack_from(message)
    return kind, code, identifier, sequence, message[_HEADER.size :]


def _packet(family: socket.AddressFamily, packet: bytes) -> tuple[str, bytes]:
    """Destination and ICMP message of an IP packet whose only header is the IP one."""
    if family == socket.AF_INET:
        length = (packet[0] & 0x0F) * 4 if packet else 0
        version, protocol, destination = 4, packet[9:10], packet[16:20]
    else:
        length, version, protocol, destination = 40, 6, packet[6:7], packet[24:40]
    if not 20 <= length <= len(packet) or packet[0] >> 4 != version or protocol != bytes([PROTOCOL[family]]):
        raise NotEcho("not an IP packet with an ICMP message")
    return socket.inet_ntop(family, destination), packet[length:]
