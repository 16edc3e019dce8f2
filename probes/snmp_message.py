"""SNMP v1 and v2c messages: questions to bytes, bytes to answers.

Pure. pysnmp has the messages; here its values become plain ones and its many ways to fail on garbage become one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pysnmp.error import PySnmpError
from pysnmp.proto import api

Value = int | bytes | str
"""INTEGER, counters, gauges and TimeTicks are int; OCTET STRING, Opaque and IpAddress bytes; an OID is str."""

LONGEST_ANSWER = 16_384
"""Bytes. Sixteen objects of the longest text in use are a quarter of this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent said: error-status (0 is none) and the objects; None is an object that it does not have."""

    status: int
    objects: tuple[tuple[str, Value | None], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """An answer and what tells whose it is."""

    version: str
    community: bytes
    request_id: int
    answer: Answer


class NotSnmp(Exception):
    """The bytes are no SNMP answer; the message says why."""


_MESSAGES = {"1": api.PROTOCOL_MODULES[api.SNMP_VERSION_1], "2c": api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]}

UNDECODABLE = (PyAsn1Error, PySnmpError, TypeError, KeyError, IndexError)
"""What pysnmp raises on bytes that are no SNMP message, as seen over mutated messages and noise."""


REQUEST_IDS = range(2**23, 2**31)
"""Those that take four bytes, whatever they are: a question asked again differs in these bytes alone."""


def question(version: str, community: bytes, request_id: int, oids: Sequence[str], *, following: bool) -> bytes:
    """A GET of `oids`, or a GETNEXT where `following`."""
    if request_id not in REQUEST_IDS:
        return _encoded(version, community, request_id, tuple(oids), following)
    before, after = _around(version, community, tuple(oids), following)
    return before + request_id.to_bytes(4, "big") + after


@lru_cache(maxsize=4096)
def _around(version: str, community: bytes, oids: tuple[str, ...], following: bool) -> tuple[bytes, bytes]:
    """The bytes of a question before and after its request-id. The same one is asked every minute."""
    low, high = (_encoded(version, community, number, oids, following) for number in (0x01020304, 0x05060708))
    at = next(place for place, (one, other) in enumerate(zip(low, high, strict=True)) if one != other)
    return low[:at], low[at + 4 :]


def _encoded(version: str, community: bytes, request_id: int, oids: tuple[str, ...], following: bool) -> bytes:
    protocol = _MESSAGES[version]
    pdu = protocol.GetNextRequestPDU() if following else protocol.GetRequestPDU()
    protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, request_id)
    protocol.apiPDU.set_varbinds(pdu, [(arcs(oid), protocol.null) for oid in oids])
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, community)
    protocol.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def answer_in(datagram: bytes, version: str) -> Message:
    """The answer that `datagram` holds, or NotSnmp."""
    if len(datagram) > LONGEST_ANSWER:
        raise NotSnmp(f"more than {LONGEST_ANSWER} bytes")
    protocol = _MESSAGES[version]
    try:
        message, rest = decoder.decode(datagram, asn1Spec=protocol.Message())
        pdu = protocol.apiMessage.get_pdu(message)
        if rest or pdu.tagSet != protocol.GetResponsePDU.tagSet:
            raise NotSnmp("a message that is no response")
        objects = tuple((str(name), plain(value)) for name, value in protocol.apiPDU.get_varbinds(pdu))
        return Message(
            {0: "1", 1: "2c"}.get(int(message[0]), "unknown"),
            bytes(protocol.apiMessage.get_community(message)),
            int(protocol.apiPDU.get_request_id(pdu)),
            Answer(int(protocol.apiPDU.get_error_status(pdu)), objects),
        )
    except UNDECODABLE as error:
        raise NotSnmp(f"no SNMP message ({type(error).__name__})") from None


def plain(value: Any) -> Value | None:
    """A pysnmp value as ours; Null, noSuchObject, noSuchInstance and endOfMibView are None."""
    if isinstance(value, univ.Null):  # first: pyasn1 derives it from OctetString
        return None
    if isinstance(value, univ.Integer):
        return int(value)
    return str(value) if isinstance(value, univ.ObjectIdentifier) else bytes(value)


def arcs(oid: str) -> tuple[int, ...]:
    return tuple(int(arc) for arc in oid.split("."))
