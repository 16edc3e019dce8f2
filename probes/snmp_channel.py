"""The exchange of one SNMP question and its answer: a socket for v1 and v2c, pysnmp's engine for v3.

What may live here: sockets, retries, whose answer it is, what silence means. Channels are kept in
`run.channels` and shared by all probes that ask from one source address.

The exchange of v1 and v2c is ours: pysnmp's own dispatcher believes an answer from any address, with any
community and about any object (seen with 7.1.30).
"""

import asyncio
import secrets
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pysnmp.carrier.asyncio.dgram.udp import UdpAsyncioTransport
from pysnmp.carrier.asyncio.dgram.udp6 import Udp6AsyncioTransport
from pysnmp.entity import config
from pysnmp.hlapi.v3arch import asyncio as v3arch
from pysnmp.proto import errind
from pysnmp.proto.api import verdec

from probes.buffers import dropped, enlarge
from probes.snmp_message import LONGEST_ANSWER, REQUEST_IDS, UNDECODABLE, Answer, NotSnmp, answer_in, plain, question
from resilience.burst import Burst
from resilience.reading import Reason

Address = tuple[Any, ...]
"""A socket address: (ip, port) or (ip, port, flow, scope)."""


class SnmpFailure(Exception):
    """Why there is no answer, as a reading tells it."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent during one run: `patience` in s for each of `tries`, never beyond `deadline` (loop time)."""

    address: Address
    tries: int
    patience: float
    deadline: float

    def left(self) -> float:
        return min(self.patience, self.deadline - asyncio.get_running_loop().time())

    def silent(self, complaint: str, causes: str) -> SnmpFailure:
        """`complaint` tells of answers that came and could not be believed."""
        ip, port = self.address[:2]
        if complaint:
            return SnmpFailure(Reason.PROTOCOL, f"no answer to believe from {ip} port {port}: {complaint}")
        return SnmpFailure(Reason.TIMEOUT, f"no answer from {ip} port {port}: wrong {causes}")


def _bound_socket(family: int, source: str) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM)
    bound.setblocking(False)
    enlarge(bound)
    try:
        bound.bind((source or ("::" if family == socket.AF_INET6 else "0.0.0.0"), 0))  # noqa: S104 - any port to ask from
    except OSError as error:
        bound.close()
        raise SnmpFailure(Reason.CONFIG, f"cannot send from {source}: {error.strerror}") from None
    return bound


class _Slots:
    """Bounds the questions asked together, so that every answer fits the receive buffer. One that finds it full all the
    same was lost by the monitor, and not kept back by the agent."""

    def __init__(self, bound: socket.socket) -> None:
        granted = bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._socket = bound
        self._burst = Burst(min(500, granted // 4096))

    @asynccontextmanager
    async def taken(self, agent: Agent) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(agent.deadline):
                    await stack.enter_async_context(self._burst.place())
            except TimeoutError:
                text = "more SNMP questions are due than the monitor can send; this one was never sent"
                raise SnmpFailure(Reason.IMPAIRED, text) from None
            before = dropped(self._socket)
            try:
                yield
            except SnmpFailure as failed:
                if failed.reason is Reason.TIMEOUT and dropped(self._socket) != before:
                    text = f"{failed.text}; but the monitor's receive buffer was full, the answer may be lost there"
                    raise SnmpFailure(Reason.IMPAIRED, text) from None
                raise


@dataclass(slots=True)
class _Waiting:
    address: Address
    version: str
    community: bytes
    answer: asyncio.Future[Answer]
    complaint: str = ""
    strays: int = 0
    """What came from the agent's address meanwhile and was not the answer."""


MOST_STRAYS = 50
"""Datagrams that are looked at beside an answer, of each agent for each question, and a second of all others: reading
one takes a millisecond, and a flood of them would be all that the monitor does."""


class CommunityChannel:
    """One UDP socket for all v1 and v2c agents that are asked from one source address."""

    def __init__(self, family: int, source: str) -> None:
        self._socket = _bound_socket(family, source)
        self._slots = _Slots(self._socket)
        self._waiting: dict[int, _Waiting] = {}
        self._asked: defaultdict[Address, dict[int, _Waiting]] = defaultdict(dict)
        """The same by the agent that was asked."""
        self._uninvited = 0
        self._counted_until = 0.0
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    async def ask(
        self, agent: Agent, version: str, community: bytes, oids: Sequence[str], *, following: bool
    ) -> Answer:
        request_id = secrets.choice(REQUEST_IDS)
        datagram = question(version, community, request_id, oids, following=following)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(agent.address, version, community, answer)
        async with self._slots.taken(agent):
            self._waiting[request_id] = self._asked[agent.address][request_id] = waiting
            try:
                for _ in range(agent.tries):
                    if (patience := agent.left()) <= 0:
                        break
                    self._send(datagram, agent.address)
                    await asyncio.wait([answer], timeout=patience)
                    if answer.done():
                        return answer.result()
            finally:
                del self._waiting[request_id], self._asked[agent.address][request_id]
                if not self._asked[agent.address]:
                    del self._asked[agent.address]
            raise agent.silent(waiting.complaint, "community, access list or address")

    def _send(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except BlockingIOError:
            pass  # the send buffer is full, which is as good as lost on the way: the next try sends again
        except OSError as error:
            raise SnmpFailure(Reason.UNREACHABLE, f"cannot send to {address[0]}: {error.strerror}") from None

    def _receive(self) -> None:
        for _ in range(64):  # then others have their turn
            try:
                datagram, address = self._socket.recvfrom(LONGEST_ANSWER + 1)
            except BlockingIOError:
                return
            self._take(datagram, address)

    def _take(self, datagram: bytes, address: Address) -> None:
        """Gives an answer to the question it belongs to; whatever is wrong with it is kept for the failure's text."""
        asked = list(self._asked.get(address, {}).values())
        if self._flooded(asked):
            return
        version = asked[0].version if asked else "2c"
        try:
            message = answer_in(datagram, version)
        except NotSnmp as error:
            _strayed(asked, f"it sent {error}")
            return
        owner = self._waiting.get(message.request_id)
        if owner is None:
            _strayed(asked, f"it answered a question that was not asked (request-id {message.request_id})")
        elif owner.address != address:
            owner.complaint = f"the answer came from {address[0]} port {address[1]}, which was not asked"
        elif (message.version, message.community) != (owner.version, owner.community):
            owner.complaint = "it answered with another version or community"
        elif not owner.answer.done():
            owner.answer.set_result(message.answer)

    def _flooded(self, asked: Sequence[_Waiting]) -> bool:
        """Whether so much came from where `asked` were sent, or else from anywhere, that this one is passed over."""
        if asked:
            return min(waiting.strays for waiting in asked) >= MOST_STRAYS
        now = asyncio.get_running_loop().time()
        if now >= self._counted_until:
            self._uninvited, self._counted_until = 0, now + 1
        self._uninvited += 1
        return self._uninvited > MOST_STRAYS

    async def aclose(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


def _strayed(asked: Sequence[_Waiting], what: str) -> None:
    for waiting in asked:
        waiting.complaint = what
        waiting.strays += 1


class _AskedOnly:
    """Keeps pysnmp's engine from datagrams of hosts that are not being asked, and from its own faults on garbage."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[Address] = Counter()
        self.complaints: dict[Address, str] = {}

    def datagram_received(self, datagram: bytes, address: Address) -> None:
        if not self.asked[address]:
            return
        if len(datagram) > LONGEST_ANSWER:
            self.complaints[address] = f"it sent more than {LONGEST_ANSWER} bytes"
            return
        try:
            verdec.decode_message_version(datagram)  # the engine itself drops in silence what is no message
            self._callback_function(self, address, datagram)  # type: ignore[attr-defined]
        except UNDECODABLE as error:
            self.complaints[address] = f"it sent no SNMP message ({type(error).__name__})"


class _Udp(_AskedOnly, UdpAsyncioTransport):  # type: ignore[misc]
    pass


class _Udp6(_AskedOnly, Udp6AsyncioTransport):  # type: ignore[misc]
    pass


NOT_LET_IN = (
    errind.UnknownUserName,
    errind.UnknownSecurityName,
    errind.WrongDigest,
    errind.AuthenticationFailure,
    errind.AuthenticationError,
    errind.DecryptionError,
    errind.UnsupportedSecurityLevel,
    errind.NoSuchView,
    errind.NoAccessEntry,
    errind.NoGroupName,
)


class UserChannel:
    """One pysnmp engine for all v3 agents asked from one source address with one user's credentials.

    An engine keeps one key for a user name: agents that give one name different passwords need one each.
    It adapts at once to an agent that restarts; one that changes its engine ID (a card replaced) stays
    unread for the 300 s that pysnmp remembers the old one.
    """

    def __init__(self, family: int, source: str, user: v3arch.UsmUserData) -> None:
        bound = _bound_socket(family, source)
        self._slots = _Slots(bound)
        self._user = user
        self._engine = v3arch.SnmpEngine()
        six = family == socket.AF_INET6
        self._target = v3arch.Udp6TransportTarget if six else v3arch.UdpTransportTarget
        self._transport = (_Udp6() if six else _Udp()).open_server_mode(sock=bound)
        config.add_transport(self._engine, self._target.TRANSPORT_DOMAIN, self._transport)

    async def ask(self, agent: Agent, oids: Sequence[str], *, following: bool) -> Answer:
        async with self._slots.taken(agent):
            self._transport.asked[agent.address] += 1
            try:
                return await self._exchange(agent, oids, v3arch.next_cmd if following else v3arch.get_cmd)
            finally:
                self._transport.asked[agent.address] -= 1

    async def _exchange(self, agent: Agent, oids: Sequence[str], command: Callable[..., Awaitable[Any]]) -> Answer:
        self._transport.complaints.pop(agent.address, None)
        target = await self._target.create(agent.address[:2], timeout=agent.patience, retries=0)
        objects = [v3arch.ObjectType(v3arch.ObjectIdentity(oid)) for oid in oids]
        for _ in range(agent.tries):
            try:
                async with asyncio.timeout_at(agent.deadline):
                    wrong, status, _index, found = await command(
                        self._engine, self._user, target, v3arch.ContextData(), *objects, lookupMib=False
                    )
            except TimeoutError:
                break
            if wrong is None:
                return Answer(int(status), tuple((str(name), plain(value)) for name, value in found))
            if isinstance(wrong, NOT_LET_IN):
                raise SnmpFailure(Reason.AUTH, f"the agent refuses user '{self._user.userName}': {wrong}")
            if not isinstance(wrong, errind.RequestTimedOut):
                raise SnmpFailure(Reason.PROTOCOL, f"no SNMP answer: {wrong}")
        raise agent.silent(
            self._transport.complaints.get(agent.address, ""), "privacy password, access list or address"
        )

    async def aclose(self) -> None:
        self._engine.close_dispatcher()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn
