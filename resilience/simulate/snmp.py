"""A simulated SNMP agent for demos and tests: answers GET and GETNEXT of v1 and v2c from a table of objects.

pysnmp has the messages; the agent itself is a sorted table. It listens where it is told, by default on loopback.
"""

import asyncio
import re
from bisect import bisect_right, insort
from collections.abc import Mapping
from typing import Any, cast

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.error import PySnmpError
from pysnmp.proto import api, rfc1902, rfc1905
from pysnmp.proto.api import verdec

Object = int | bytes | str
"""An int is an INTEGER (a Gauge32 where it is too big for one), "1.3.6…" an OID, other text an OCTET STRING.
Where that is not meant, a value of `pysnmp.proto.rfc1902` says its own type."""

Arcs = tuple[int, ...]


class SnmpAgentSimulator:
    """One agent. `silent` makes it deaf; `set` and `remove` change what it says while it runs."""

    def __init__(self, objects: Mapping[str, Object | Any], community: str = "public") -> None:
        self.silent = False
        self._community = community.encode()
        self._objects: dict[Arcs, Any] = {}
        self._order: list[Arcs] = []
        self._transport: asyncio.DatagramTransport | None = None
        for oid, value in objects.items():
            self.set(oid, value)

    def set(self, oid: str, value: Object | Any) -> None:
        arcs = _arcs(oid)
        if arcs not in self._objects:
            insort(self._order, arcs)
        self._objects[arcs] = _typed(value)

    def remove(self, oid: str) -> None:
        arcs = _arcs(oid)
        del self._objects[arcs]
        self._order.remove(arcs)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens and gives the port. OSError where it cannot."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(self), (host, port))
        return int(self._transport.get_extra_info("sockname")[1])

    async def aclose(self) -> None:
        if self._transport:
            self._transport.close()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn

    def answer(self, datagram: bytes) -> bytes | None:
        """The answer to one request; None where an agent says nothing: wrong community, no request, garbage."""
        try:
            protocol = api.PROTOCOL_MODULES[verdec.decode_message_version(datagram)]
            message, _ = decoder.decode(datagram, asn1Spec=protocol.Message())
            if bytes(protocol.apiMessage.get_community(message)) != self._community:
                return None
            request = protocol.apiMessage.get_pdu(message)
            following = request.tagSet == protocol.GetNextRequestPDU.tagSet
            if not following and request.tagSet != protocol.GetRequestPDU.tagSet:
                return None
            response = protocol.apiPDU.get_response(request)
            asked = protocol.apiPDU.get_varbinds(request)
        except (PyAsn1Error, PySnmpError, KeyError, TypeError, IndexError):
            return None
        found = [self._look(tuple(name), following=following) for name, _ in asked]
        first_missing = next((place for place, (_, value) in enumerate(found, 1) if _missing(value)), 0)
        if first_missing and protocol is api.PROTOCOL_MODULES[api.SNMP_VERSION_1]:
            protocol.apiPDU.set_varbinds(response, asked)
            protocol.apiPDU.set_no_such_instance_error(response, first_missing)
        else:
            protocol.apiPDU.set_varbinds(response, found)
        protocol.apiMessage.set_pdu(message, response)
        return bytes(encoder.encode(message))

    def _look(self, name: Arcs, *, following: bool) -> tuple[Arcs, Any]:
        if not following:
            return name, self._objects.get(name, rfc1905.noSuchInstance)
        place = bisect_right(self._order, name)
        if place == len(self._order):
            return name, rfc1905.endOfMibView
        return self._order[place], self._objects[self._order[place]]


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, agent: SnmpAgentSimulator) -> None:
        self._agent = agent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = None if self._agent.silent else self._agent.answer(data)
        if answer is not None:
            self._transport.sendto(answer, addr)


def _arcs(oid: str) -> Arcs:
    return tuple(int(arc) for arc in oid.split("."))


def _typed(value: Object | Any) -> Any:
    if isinstance(value, int):
        return rfc1902.Integer32(value) if -(2**31) <= value < 2**31 else rfc1902.Gauge32(value)
    if isinstance(value, str) and re.fullmatch(r"1\.3\.6(\.\d+)+", value, re.ASCII):
        return rfc1902.ObjectIdentifier(value)
    return rfc1902.OctetString(value) if isinstance(value, str | bytes) else value


def _missing(value: Any) -> bool:
    return value is rfc1905.noSuchInstance or value is rfc1905.endOfMibView
