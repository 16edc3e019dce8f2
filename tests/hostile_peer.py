"""One server that does everything wrong, over every protocol that a probe speaks.

A misbehaviour is a function. What it needs to know of a protocol stands in the tables: how a good answer begins over a
stream, and what a good answer to a datagram is.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import dns.message
import dns.rrset
from pysnmp.proto import rfc1902

from resilience.simulate.snmp import SnmpAgentSimulator
from test_sip_options import reply
from test_snmp import changed

MEGABYTES = 10 << 20
PIECE = b'\\"a' * 20_000

# --- Streams --------------------------------------------------------------------------------------------------

BEGINNINGS: Mapping[str, bytes] = {
    "nut": b'BEGIN LIST VAR ups\nVAR ups ups.status "OL"\nVAR ups ups.mfr "',
    "http": b'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nContent-Type: application/json\r\n\r\n{"result": ["',
    "ami": b"Asterisk Call Manager/7.0.3\r\nResponse: Success\r\nMessage: ",
    "esl": b"Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK accepted\n\n"
    b"Content-Type: api/response\nContent-Length: 99999999\n\n",
    "modbus": b"\x00\x01\x00\x00\x00\xff\x01\x03\xfa\x00\x01",
    "sip": b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\nX: ",
    "tls": b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03",
}
"""How a good answer begins, and what makes it look as if much more of it came."""

Stream = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def stall(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def close_at_once(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def reset(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def half_and_stall(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BEGINNINGS[protocol])
    await asyncio.Event().wait()


async def half_and_close(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(BEGINNINGS[protocol])
    await writer.drain()


async def ten_megabytes(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BEGINNINGS[protocol])
    for _ in range(MEGABYTES // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()


async def ten_megabytes_of_lines(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BEGINNINGS[protocol])
    for number in range(MEGABYTES // 60_000):
        writer.write(b"".join(b'X-%d-%d: "y"\r\n' % (number, line) for line in range(4_000)))
        await writer.drain()


async def drip(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for place in range(10_000):
        writer.write(BEGINNINGS[protocol][place : place + 1] or b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def no_text(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'\xff\xfe\x00\x80\xc3\x28 "\\"\\\\\x1b[2J\r\n\xed\xa0\x80\r\n\r\n\n\n')
    await asyncio.Event().wait()


async def echo(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while sent := await reader.read(4096):
        writer.write(sent)
        await writer.drain()


async def another_protocol(protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.org ESMTP\r\n" * 3)
    await asyncio.Event().wait()


STREAMS: Mapping[str, Stream] = {
    one.__name__: one
    for one in (
        stall,
        close_at_once,
        reset,
        half_and_stall,
        half_and_close,
        ten_megabytes,
        ten_megabytes_of_lines,
        drip,
        no_text,
        echo,
        another_protocol,
    )
}


@asynccontextmanager
async def stream(protocol: str, misbehave: Stream) -> AsyncIterator[int]:
    """The port of a server that lets every connection have `misbehave`."""
    conversations = set[asyncio.Task[None]]()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        conversations.add(task)
        try:
            with suppress(OSError):
                await misbehave(protocol, reader, writer)
                writer.write_eof()
        except asyncio.CancelledError:
            pass  # the test is over; a cancelled handler would be told as an error
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn


# --- Datagrams ------------------------------------------------------------------------------------------------


class Agreeable(SnmpAgentSimulator):
    """Has every object, each 1, and one more after every one: its walk has no end."""

    def _look(self, name: tuple[int, ...], *, following: bool) -> tuple[tuple[int, ...], Any]:
        return (*name[:-1], name[-1] + 1) if following else name, rfc1902.Integer32(1)


def _snmp(question: bytes) -> bytes:
    return Agreeable({}, community=SECRET).answer(question) or b""


def _dns(question: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(question))
    answer.answer.append(dns.rrset.from_text(answer.question[0].name, 60, "IN", "A", "192.0.2.1"))
    return answer.to_wire()


def _stun(question: bytes) -> bytes:
    seen = bytes(a ^ b for a, b in zip(bytes([203, 0, 113, 5]), question[4:8], strict=True))
    attribute = struct.pack("!HHBBH4s", 0x0020, 8, 0, 1, 0x1234 ^ 0x2112, seen)
    return struct.pack("!HH", 0x0101, len(attribute)) + question[4:20] + attribute


SECRET = "hunter2-of-nobody"
"""The text of every secret."""

GOOD: Mapping[str, Callable[[bytes], bytes]] = {"snmp": _snmp, "dns": _dns, "stun": _stun, "sip": reply}

WRONG_ID: Mapping[str, Callable[[bytes], bytes]] = {
    "snmp": lambda question: changed(_snmp(question), request_id=12_345),
    "dns": lambda question: bytes([question[0] ^ 1]) + _dns(question)[1:],
    "stun": lambda question: _stun(question[:8] + bytes(12)),
    "sip": lambda question: reply(question).replace(b"branch=z9hG4bK", b"branch=z9hG4bKx"),
}

Datagrams = Callable[[str, bytes, bytes], Sequence[bytes]]
"""What comes back to (protocol, question, the last question before it that was another)."""


def _twice_the_same(protocol: str, question: bytes, before: bytes) -> Sequence[bytes]:
    """Each object of an answer in the place of all others; elsewhere the question in its own answer."""
    if protocol == "snmp":
        doubled = [((1, 3, 6, 1, 2, 1, 1, 3, 0), rfc1902.TimeTicks(1))] * 2
        return [changed(_snmp(question), objects=doubled)]
    return [question + GOOD[protocol](question)]


DATAGRAMS: Mapping[str, Datagrams] = {
    "silence": lambda protocol, question, before: [],
    "an empty datagram": lambda protocol, question, before: [b""],
    "no text": lambda protocol, question, before: [b"\xff\xfe\x00\x80\xc3\x28\r\n\r\n"],
    "the largest datagram": lambda protocol, question, before: [b"0" * 65_000],
    "the question itself": lambda protocol, question, before: [question],
    "half an answer": lambda protocol, question, before: [(whole := GOOD[protocol](question))[: len(whole) // 2]],
    "a good beginning, then much": lambda protocol, question, before: [GOOD[protocol](question)[:-2] + b"a" * 50_000],
    "the answer before": lambda protocol, question, before: [GOOD[protocol](before)] if before else [],
    "a wrong id": lambda protocol, question, before: [WRONG_ID[protocol](question)],
    "a flood": lambda protocol, question, before: [WRONG_ID[protocol](question)] * 300,
    "the same twice": _twice_the_same,
}


class _Peer(asyncio.DatagramProtocol):
    def __init__(self, protocol: str, answers: Datagrams, mouth: socket.socket | None) -> None:
        self._protocol, self._answers, self._mouth = protocol, answers, mouth
        self._last = self._before = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data != self._last:
            self._before, self._last = self._last, data
        for datagram in self._answers(self._protocol, data, self._before):
            sendto = self._mouth.sendto if self._mouth else self._transport.sendto  # type: ignore[attr-defined]
            sendto(datagram, addr)


@asynccontextmanager
async def datagrams(protocol: str, answers: Datagrams, *, elsewhere: bool = False) -> AsyncIterator[int]:
    """The port of a server that says what `answers` says; from another address of the same machine if `elsewhere`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind(("127.0.0.9", 0))
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Peer(protocol, answers, mouth if elsewhere else None), ("127.0.0.1", 0)
        )
        try:
            yield transport.get_extra_info("sockname")[1]
        finally:
            transport.close()
            await asyncio.sleep(0)
