"""SIP requests on the wire: one UDP socket a source, a TCP or TLS connection a request.

Thin I/O over `sip` (bytes), `sip_transaction` (timers, matching) and `trust` (TLS). What came back is told in an
`Exchange`; what it means is said elsewhere. Moments are those of the event loop's clock, in seconds.
"""

import asyncio
import os
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from probes import trust
from probes.buffers import dropped, enlarge, stamp, waited
from probes.declared.sip_uri import Transport, bracketed
from probes.sip import (
    Framing,
    ProtocolError,
    Request,
    Response,
    is_request,
    parse_response,
)
from probes.sip_target import Source, Target
from probes.sip_transaction import ClientTransaction

STREAM_CAP = 262_144
"""Bytes read from one connection for one answer."""
DATAGRAMS_A_TURN = 64
"""Read before the event loop gets its turn again, whatever a flood brings."""
IP_RECVERR = 11  # linux/in.h; not in Python's socket module before 3.14
IPV6_RECVERR = 25  # linux/in6.h

BuildRequest = Callable[[Transport, str, int], Request]
"""A fresh request, sent over a transport from a local address and port."""


@dataclass(slots=True)
class Exchange:
    """What one request brought. `final` and `rtt` (s) come together; `error` is what ended it early."""

    stage: str = "before sending"
    sent: int = 0
    final: Response | None = None
    rtt: float | None = None
    provisional: Response | None = None
    stray: str = ""
    """What else came from the target, or to our branch from elsewhere: neither an answer nor silence."""
    certificate: bytes = b""
    """The target's certificate as presented, DER."""
    error: OSError | ProtocolError | None = None
    no_room: bool = False
    """A buffer of this machine was full meanwhile: silence proves nothing."""

    def take(self, transaction: ClientTransaction) -> None:
        self.sent, self.provisional, self.final = transaction.sent, transaction.provisional, transaction.final
        if transaction.answered is not None:
            self.rtt = transaction.answered - transaction.started


@dataclass(slots=True)
class _Waiting:
    transaction: ClientTransaction
    target: Target
    exchange: Exchange
    news: asyncio.Event = field(default_factory=asyncio.Event)


Place = tuple[str, int]
"""Address and port."""


class UdpEndpoint:
    """One unconnected UDP socket, shared by every request of one source and family.

    A response counts where its branch is known *and* it comes from the address that was asked (RFC 3581 §4 has
    servers answer from there). ICMP errors come through the socket's error queue, with the address they are about.
    """

    def __init__(self, source: Source, family: socket.AddressFamily) -> None:
        self._socket = source.open(family, socket.SOCK_DGRAM)
        enlarge(self._socket)
        stamp(self._socket)
        level, option = (
            (socket.IPPROTO_IPV6, IPV6_RECVERR) if family == socket.AF_INET6 else (socket.IPPROTO_IP, IP_RECVERR)
        )
        self._socket.setsockopt(level, option, 1)
        if not source.address:
            self._socket.bind(("", 0))
        self.port = int(self._socket.getsockname()[1])
        self._waiting: dict[str, _Waiting] = {}
        self._asked: defaultdict[Place, dict[str, _Waiting]] = defaultdict(dict)
        """The same by the place that was asked: what comes from one place costs the others nothing."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    async def aclose(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    async def ask(self, request: Request, target: Target, deadline: float) -> Exchange:
        """Sends `request` and awaits its final response, Timer F, an ICMP error or `deadline`."""
        exchange = Exchange(stage="waiting for an answer")
        transaction = ClientTransaction(request, self._loop.time(), reliable=False)
        waiting = self._waiting[request.branch] = _Waiting(transaction, target, exchange)
        self._asked[target.host, target.port][request.branch] = waiting
        before = dropped(self._socket)
        try:
            exchange.no_room = not self._send(request.wire, target)
            while transaction.waits and exchange.error is None and self._loop.time() < deadline:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(transaction.due, deadline)):
                        await waiting.news.wait()
                if again := transaction.wake(self._loop.time()):
                    exchange.no_room |= not self._send(again, target)
        except OSError as error:
            exchange.error = error
        finally:
            self._forget_asked(request.branch, target)
            self._forget(request.branch, transaction)
        exchange.take(transaction)
        exchange.no_room |= dropped(self._socket) != before
        return exchange

    def _forget(self, branch: str, transaction: ClientTransaction) -> None:
        """At once, or after Timer K, so that a repeated response is known for what it is."""
        if transaction.final is None:
            del self._waiting[branch]
        else:
            self._loop.call_at(transaction.due, self._waiting.pop, branch, None)

    def _forget_asked(self, branch: str, target: Target) -> None:
        place = (target.host, target.port)
        del self._asked[place][branch]
        if not self._asked[place]:
            del self._asked[place]

    def _send(self, wire: bytes, target: Target) -> bool:
        """Sends a datagram; False where a full buffer lost it. Timer E sends it again."""
        for _ in range(3):
            try:
                self._socket.sendto(wire, (target.host, target.port))
            except BlockingIOError:
                return False
            except OSError:
                # The kernel reports an earlier request's ICMP error on whatever is sent next.
                if not self._read_errors():
                    raise
            else:
                return True
        return False

    def _readable(self) -> None:
        self._read_errors()
        for _ in range(DATAGRAMS_A_TURN):
            try:
                datagram, ancillary, _, sender = self._socket.recvmsg(65_535, 128)
            except BlockingIOError:
                return
            except OSError:
                self._read_errors()
            else:
                self._received(datagram, sender[0], sender[1], waited(ancillary))

    def _received(self, datagram: bytes, host: str, port: int, delay: float) -> None:
        """`delay` is the time in s that it lay here, so that a busy event loop is not taken for a slow trunk."""
        if is_request(datagram):
            return
        try:
            response = parse_response(datagram)
        except ProtocolError as error:
            self._strayed(host, port, str(error))
            return
        waiting = self._waiting.get(response.branch)
        if waiting is None:
            self._strayed(host, port, "an answer to another request (its Via branch is not ours)")
        elif (host, port) != (waiting.target.host, waiting.target.port):
            waiting.exchange.stray = f"an answer from {bracketed(host)}:{port}, which was not asked"
        elif stray := waiting.transaction.mismatch(response):
            waiting.exchange.stray = stray
        else:
            now, started = self._loop.time(), waiting.transaction.started
            # A delay below zero or beyond the whole round trip comes from a clock that was set.
            waiting.transaction.receive(response, now - delay if 0 < delay < now - started else now)
            if response.final:
                waiting.news.set()

    def _strayed(self, host: str, port: int, what: str) -> None:
        for waiting in self._asked.get((host, port), {}).values():
            waiting.exchange.stray = what

    def _read_errors(self) -> int:
        """Hands the queued ICMP errors to the requests they are about; how many were queued."""
        for count in range(DATAGRAMS_A_TURN):
            try:
                _, ancillary, _, about = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return count
            for level, _, extended in ancillary:
                if level == socket.SOL_SOCKET:  # the time of arrival
                    continue
                number = struct.unpack_from("=I", extended)[0]  # ee_errno of struct sock_extended_err
                for waiting in self._asked.get(about[:2], {}).values():
                    if waiting.transaction.waits:
                        waiting.exchange.error = OSError(number, os.strerror(number))
                        waiting.news.set()
        return DATAGRAMS_A_TURN


@dataclass(frozen=True, slots=True)
class Tls:
    """How a TLS target is checked: the name its certificate must carry (RFC 5922 §7.2), and who may have signed it."""

    name: str
    verify: bool = True
    ca: str = ""


async def ask_by_stream(
    build: BuildRequest, target: Target, source: Source, tls: Tls | None, deadline: float
) -> Exchange:
    """Connects, sends one request, awaits its final response until `deadline`, and closes. `tls` for TLS targets."""
    exchange = Exchange(stage="connecting")
    transaction = None
    try:
        async with asyncio.timeout_at(deadline):
            reader, writer = await _connect(target, source, tls, exchange)
            try:
                host, port, *_ = writer.get_extra_info("sockname")
                request = build(target.transport, host, port)
                exchange.stage = "waiting for an answer"
                transaction = ClientTransaction(request, asyncio.get_running_loop().time(), reliable=True)
                writer.write(request.wire)
                await _await_final(reader, transaction, exchange)
            finally:
                writer.transport.abort()
    except TimeoutError:
        pass  # silence: an exchange without a final response and without an error
    except (OSError, ProtocolError) as error:
        exchange.error = error
        if tls and isinstance(error, ssl.SSLCertVerificationError):
            exchange.certificate = await _refused_certificate(target, source, tls, deadline)
    if transaction is not None:
        exchange.take(transaction)
    return exchange


async def _connect(
    target: Target, source: Source, tls: Tls | None, exchange: Exchange
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = trust.client_context(tls.verify, tls.ca) if tls else None
    opened = source.open(target.family, socket.SOCK_STREAM)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (target.host, target.port))
        exchange.stage = "in the TLS handshake" if tls else "connected"
        reader, writer = await asyncio.open_connection(
            sock=opened, ssl=context, server_hostname=tls.name if tls else None
        )
    except BaseException:
        opened.close()
        raise
    if tls:
        exchange.certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
    return reader, writer


async def _await_final(reader: asyncio.StreamReader, transaction: ClientTransaction, exchange: Exchange) -> None:
    loop, framing, received = asyncio.get_running_loop(), Framing(), 0
    while transaction.waits:
        async with asyncio.timeout_at(transaction.due):
            chunk = await reader.read(65_536)
        received += len(chunk)
        if not chunk:
            if framing.partial:
                raise ProtocolError(f"the connection was closed {len(framing.partial)} bytes into an answer")
            raise ConnectionResetError("the connection was closed without an answer")
        if received > STREAM_CAP:
            raise ProtocolError(f"{received} bytes without an answer to the request")
        whole = framing.feed(chunk)
        if framing.partial:
            exchange.stray = f"{len(framing.partial)} bytes of an answer and no more"
        for message in whole:
            if is_request(message):
                continue
            response = parse_response(message)
            if stray := transaction.mismatch(response):
                exchange.stray = stray
            else:
                transaction.receive(response, loop.time())


async def _refused_certificate(target: Target, source: Source, tls: Tls, deadline: float) -> bytes:
    """The certificate that did not pass, by a second handshake that trusts it and sends nothing; empty if none came."""
    unchecked = Exchange()
    try:
        async with asyncio.timeout_at(deadline):
            _, writer = await _connect(target, source, replace(tls, verify=False), unchecked)
            writer.transport.abort()
    except OSError:
        pass  # the first handshake's error is what gets told
    return unchecked.certificate
