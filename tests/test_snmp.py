"""SNMP questions and answers against real agents, and against peers that lie, stammer and fall silent."""

import asyncio
import logging
import random
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api, rfc1902

import peers
import snmp_peer
from conftest import clear
from probes import snmp
from probes.declared.snmp import AUTH_PROTOCOLS, PRIV_PROTOCOLS, Access, check_access
from probes.snmp import Session, SnmpFailure, open_session
from probes.snmp_fast import FastRoad, by_gufo
from probes.snmp_message import LONGEST_ANSWER, Answer, Message, NotSnmp, answer_in, question
from resilience.model import Secret
from resilience.probing import Channels, Run
from resilience.reading import Reason
from resilience.simulate.snmp import SnmpAgentSimulator

UPS = "1.3.6.1.2.1.33.1"
MINUTES, SOURCE, ALARMS = f"{UPS}.2.3.0", f"{UPS}.4.1.0", f"{UPS}.6.2.1.2"
OBJECTS = {
    MINUTES: 42,
    SOURCE: 3,
    "1.3.6.1.2.1.1.1.0": "a UPS",
    "1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.318.1.3.27",
    f"{ALARMS}.1": f"{UPS}.6.3.1",
    f"{ALARMS}.7": f"{UPS}.6.3.24",
}
PUBLIC = clear("public")


ROADS = ("pysnmp", "gufo-snmp")
road = {"is": ROADS[0]}


@pytest.fixture(params=ROADS)
def by_road(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every exchange by the ordinary road, and with the extra `fast` before it."""
    road["is"] = request.param
    yield request.param
    road["is"] = ROADS[0]


BOTH = pytest.mark.usefixtures("by_road")


def channels_by_road() -> Channels:
    channels = Channels()
    channels.get("snmp-fast", lambda: FastRoad(by_gufo if road["is"] == "gufo-snmp" else None))
    return channels


def asked(use: Callable[[Session], Awaitable[Any]], *, timeout: float = 2, retries: int = 1, **access: Any) -> Any:
    """What `use` gets from a session, in an event loop of its own that tolerates no unhandled error."""
    access = {"host": "127.0.0.1", **access}
    if access.get("version") != "3":
        access.setdefault("community", PUBLIC)

    async def go() -> Any:
        unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
        kept = channels_by_road()
        try:
            return await use(await open_session(Access(**access), Run(timeout, retries, kept, lambda s: s.name)))
        finally:
            await kept.aclose()
            assert not unhandled

    return asyncio.run(go())


# ---- bytes ----


def an_answer() -> bytes:
    answer = SnmpAgentSimulator(OBJECTS).answer(question("2c", b"public", 77, list(OBJECTS), following=False))
    assert answer
    return answer


def test_an_answer_is_read_with_its_types_and_its_missing_objects() -> None:
    request = question("2c", b"public", 77, [*OBJECTS, "1.3.6.1.9"], following=False)
    reply = SnmpAgentSimulator(OBJECTS).answer(request)
    assert reply
    values = {oid: value.encode() if value == "a UPS" else value for oid, value in OBJECTS.items()}
    assert answer_in(reply, "2c") == Message("2c", b"public", 77, Answer(0, (*values.items(), ("1.3.6.1.9", None))))


def test_every_truncation_and_every_trailing_byte_is_no_answer() -> None:
    whole = an_answer()
    for length in range(len(whole)):
        with pytest.raises(NotSnmp):
            answer_in(whole[:length], "2c")
    with pytest.raises(NotSnmp):
        answer_in(whole + b"\0", "2c")


def test_no_bytes_raise_anything_else() -> None:
    """Mutated answers and pure noise are an answer or NotSnmp, whatever pysnmp makes of them."""
    chance = random.Random(911)
    whole = an_answer()
    refused = 0
    for _ in range(300):
        noise = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            noise[chance.randrange(len(noise))] = chance.randrange(256)
        for datagram in (bytes(noise), chance.randbytes(chance.randrange(60)), bytes(noise[chance.randrange(9) :])):
            for version in ("1", "2c"):
                try:
                    assert isinstance(answer_in(datagram, version), Message)
                except NotSnmp:
                    refused += 1
    assert refused > 1000


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"\x30" * (LONGEST_ANSWER + 1), "more than"),
        (question("2c", b"public", 77, [MINUTES], following=False), "no response"),
        (b"\x30\x80" * 8000, "no SNMP message"),
        (b"", "no SNMP message"),
    ],
)
def test_what_is_no_answer_says_why(datagram: bytes, why: str) -> None:
    with pytest.raises(NotSnmp, match=why):
        answer_in(datagram, "2c")


@pytest.mark.parametrize(
    ("access", "message"),
    [
        ({"community": PUBLIC}, None),
        ({"version": "1", "community": PUBLIC}, None),
        ({}, "SNMP version 2c needs a 'community'"),
        ({"version": "3"}, "SNMP version 3 needs a 'user'"),
        ({"version": "3", "user": "ro"}, None),
        ({"version": "3", "user": "ro", "auth": PUBLIC, "priv": PUBLIC}, None),
        ({"version": "3", "user": "ro", "priv": PUBLIC}, "'priv' needs 'auth'"),
        ({"version": "3", "user": "ro", "community": PUBLIC}, "'community' belongs to"),
        ({"user": "ro", "community": PUBLIC}, "write version: 3"),
    ],
)
def test_credentials_fit_the_version(access: dict[str, Any], message: str | None) -> None:
    said = check_access(Access(host="ups", **access))
    assert said is None if message is None else message in str(said)


# ---- the simulator, with an independent client ----


@asynccontextmanager
async def simulated(agent: SnmpAgentSimulator, **where: Any) -> Any:
    port = await agent.start(**where)
    try:
        yield port
    finally:
        await agent.aclose()


async def net_snmp(program: str, port: int, *args: str) -> str:
    """What net-snmp's `program` prints, values only."""
    command = [peers.command(program, "snmp"), "-t", "0.3", "-r", "0", "-On", "-Oqv", *args]
    command.insert(-1, f"127.0.0.1:{port}")
    env = {"SNMPCONFPATH": "/nonexistent", "SNMP_PERSISTENT_DIR": "/nonexistent", "MIBS": ""}
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, env=env)
    return done.stdout + "".join(line for line in done.stderr.splitlines() if "persistent" not in line)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_the_simulator_speaks_to_net_snmp(version: str) -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator({**OBJECTS, f"{UPS}.2.2.0": rfc1902.TimeTicks(152200)})
        async with simulated(agent) as port:
            get = ("snmpget", port, f"-v{version}", "-c", "public")
            assert await net_snmp(*get, MINUTES) == "42\n"
            assert "0:0:25:22.00" in await net_snmp(*get, f"{UPS}.2.2.0")
            assert await net_snmp(*get, "1.3.6.1.2.1.1.2.0") == ".1.3.6.1.4.1.318.1.3.27\n"
            assert "o Such" in await net_snmp(*get, "1.3.6.1.9.9.0") or version == "1"
            assert "noSuchName" in await net_snmp(*get, "1.3.6.1.9.9.0") or version == "2c"
            walked = await net_snmp("snmpwalk", port, f"-v{version}", "-c", "public", ALARMS)
            assert walked.splitlines()[:2] == [f".{UPS}.6.3.1", f".{UPS}.6.3.24"]
            assert "Timeout" in await net_snmp("snmpget", port, f"-v{version}", "-c", "wrong", MINUTES)
            agent.set(MINUTES, 7)
            assert await net_snmp(*get, MINUTES) == "7\n"
            agent.remove(MINUTES)
            assert "42" not in await net_snmp(*get, MINUTES)
            agent.silent = True
            assert "Timeout" in await net_snmp(*get, SOURCE)

    asyncio.run(go())


# ---- our client, with the simulator ----


class Counting(SnmpAgentSimulator):
    """Remembers how many objects each request asked for."""

    def __init__(self, objects: Any) -> None:
        super().__init__(objects)
        self.asked: list[int] = []

    def answer(self, datagram: bytes) -> bytes | None:
        message, _ = decoder.decode(datagram, asn1Spec=api.PROTOCOL_MODULES[1].Message())
        self.asked.append(len(api.PROTOCOL_MODULES[1].apiPDU.get_varbinds(message[2].getComponent())))
        return super().answer(datagram)


@asynccontextmanager
async def opened(port: int, *, host: str = "127.0.0.1", seconds: float = 2, retries: int = 1, **access: Any) -> Any:
    channels = channels_by_road()
    if access.get("version") != "3":
        access.setdefault("community", PUBLIC)
    try:
        settings = Access(host=host, port=port, **access)
        yield await open_session(settings, Run(seconds, retries, channels, lambda s: s.name))
    finally:
        await channels.aclose()


@pytest.mark.parametrize(("version", "questions"), [("2c", [3]), ("1", [3, 1, 1, 1])])
def test_missing_objects_are_left_out(version: str, questions: list[int]) -> None:
    async def go() -> None:
        agent = Counting(OBJECTS)
        async with simulated(agent) as port, opened(port, version=version) as session:
            assert await session.get([MINUTES, "1.3.6.1.9.9.0", SOURCE]) == {MINUTES: 42, SOURCE: 3}
        assert agent.asked == questions

    asyncio.run(go())


def test_an_object_that_is_known_to_be_missing_does_not_cost_the_fast_road(by_road: str) -> None:
    """What is missing the fast road cannot tell from an error; once the ordinary one has told, it is enough."""

    async def go() -> None:
        agent = Counting(OBJECTS)
        async with simulated(agent) as port, opened(port) as session:
            for _ in range(3):
                assert await session.get([MINUTES, "1.3.6.1.9.9.0", SOURCE]) == {MINUTES: 42, SOURCE: 3}
            agent.remove(SOURCE)
            assert await session.get([MINUTES, "1.3.6.1.9.9.0", SOURCE]) == {MINUTES: 42}
        assert agent.asked == [3] * (4 if by_road == "pysnmp" else 6)

    asyncio.run(go())


@BOTH
def test_every_type_of_value_is_the_same_by_both_roads() -> None:
    kinds = {
        "1": rfc1902.Integer32(-7),
        "2": rfc1902.OctetString(b"\xff\xfe\0x"),
        "3": rfc1902.ObjectIdentifier("1.3.6.1.4.1.318"),
        "4": rfc1902.IpAddress("192.0.2.7"),
        "5": rfc1902.Counter32(2**32 - 1),
        "6": rfc1902.Gauge32(2**32 - 1),
        "7": rfc1902.TimeTicks(2**32 - 1),
        "8": rfc1902.Opaque(b"\x9f\x78\x04\x42\xf6\x00\x00"),
        "9": rfc1902.Counter64(2**64 - 1),
        "10": rfc1902.ObjectIdentifier("1.3.6.1"),
        "11": rfc1902.OctetString(b""),
    }

    async def go() -> None:
        objects = {f"1.3.6.1.4.1.99999.{kind}.0": value for kind, value in kinds.items()}
        async with simulated(SnmpAgentSimulator(objects)) as port, opened(port) as session:
            plain = [-7, b"\xff\xfe\0x", "1.3.6.1.4.1.318", bytes([192, 0, 2, 7]), *[2**32 - 1] * 3]
            plain += [b"\x9f\x78\x04\x42\xf6\x00\x00", 2**64 - 1, "1.3.6.1", b""]
            assert await session.get(list(objects)) == dict(zip(objects, plain, strict=True))
            for oid, value in zip(objects, plain, strict=True):
                assert await session.get([oid]) == {oid: value}

    asyncio.run(go())


def test_recorded_devices_say_the_same_by_both_roads(tmp_path: Path) -> None:
    records = sorted(peers.shared("corpora", "snmprec").glob("*.snmprec"))

    async def both(port: int) -> int:
        compared = 0
        for record in records:
            lines = record.read_text(encoding="latin-1").splitlines()
            oids = [oid for oid in dict.fromkeys(line.split("|")[0] for line in lines) if oid.startswith("1.3.6.1.")]
            oids = [*oids[:: max(1, len(oids) // 14)][:15], "1.3.6.1.9.9.0"]
            found = []
            for road["is"] in ROADS:
                async with opened(port, seconds=20, community=clear(record.stem)) as session:
                    found.append(await session.get(oids))
            assert found[0] == found[1], record.stem
            compared += len(found[0])
        return compared

    with snmp_peer.snmpsim(records[0].parent, tmp_path, first="sonus-sbc") as port:
        assert asyncio.run(both(port)) > 1000
    road["is"] = ROADS[0]


def test_a_question_is_the_same_whether_its_frame_was_kept() -> None:
    for request_id in (1, 127, 2**23 - 1, 2**23, 0x01020304, 0x7F7F7F7F, 2**31 - 1):
        for version in ("1", "2c"):
            for following in (False, True):
                asked_for = question(version, b"\x01\x02\x03\x04", request_id, list(OBJECTS), following=following)
                message, rest = decoder.decode(asked_for, asn1Spec=api.PROTOCOL_MODULES[version == "2c"].Message())
                protocol = api.PROTOCOL_MODULES[version == "2c"]
                pdu = protocol.apiMessage.get_pdu(message)
                assert not rest
                assert bytes(protocol.apiMessage.get_community(message)) == b"\x01\x02\x03\x04"
                assert protocol.apiPDU.get_request_id(pdu) == request_id
                assert [str(name) for name, _ in protocol.apiPDU.get_varbinds(pdu)] == list(OBJECTS)
                assert (pdu.tagSet == protocol.GetNextRequestPDU.tagSet) == following


@BOTH
def test_many_objects_are_asked_for_in_questions_that_fit_a_frame() -> None:
    async def go() -> None:
        many = {f"1.3.6.1.2.1.33.9.{place}.0": place for place in range(40)}
        agent = Counting(many)
        async with simulated(agent) as port, opened(port) as session:
            assert await session.get(list(many)) == many
        assert agent.asked == [16, 16, 8]

    asyncio.run(go())


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(("most", "rows"), [(24, 2), (1, 1), (0, 0)])
def test_a_walk_ends_with_its_table_or_its_bound(version: str, most: int, rows: int) -> None:
    async def go() -> None:
        async with simulated(SnmpAgentSimulator(OBJECTS)) as port, opened(port, version=version) as session:
            found = await session.walk(ALARMS, most)
            assert list(found.items()) == [(f"{ALARMS}.1", f"{UPS}.6.3.1"), (f"{ALARMS}.7", f"{UPS}.6.3.24")][:rows]
            assert await session.walk("1.3.6.1.9", 24) == {}

    asyncio.run(go())


@BOTH
def test_many_agents_at_once_share_one_socket_and_lose_nothing() -> None:
    async def go() -> None:
        channels = channels_by_road()
        agents = [SnmpAgentSimulator({MINUTES: place}) for place in range(20)]
        ports = [await agent.start() for agent in agents]

        async def one(place: int) -> Any:
            run = Run(5, 0, channels, lambda s: s.name)
            session = await open_session(Access(host="127.0.0.1", port=ports[place % 20], community=PUBLIC), run)
            return (await session.get([MINUTES]))[MINUTES]

        assert await asyncio.gather(*map(one, range(200))) == [place % 20 for place in range(200)]
        await channels.aclose()
        for agent in agents:
            await agent.aclose()

    asyncio.run(go())


@BOTH
def test_ipv6() -> None:
    async def go() -> None:
        async with simulated(SnmpAgentSimulator(OBJECTS), host="::1") as port, opened(port, host="::1") as session:
            assert await session.get([MINUTES]) == {MINUTES: 42}

    asyncio.run(go())


# ---- peers that lie, stammer and fall silent ----

Reply = Callable[["Hostile", bytes, Any], None]


class Hostile(asyncio.DatagramProtocol):
    """A UDP peer on 127.0.0.1 that answers every question as `reply` says."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.questions: list[bytes] = []
        self.sources: list[Any] = []
        self.honest = SnmpAgentSimulator(OBJECTS)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.questions.append(data)
        self.sources.append(addr)
        self._reply(self, data, addr)

    def truth(self, question: bytes) -> bytes:
        answer = self.honest.answer(question)
        assert answer
        return answer


def changed(datagram: bytes, **changes: Any) -> bytes:
    """The answer `datagram` with other contents."""
    protocol = api.PROTOCOL_MODULES[1]
    message, _ = decoder.decode(datagram, asn1Spec=protocol.Message())
    pdu = protocol.apiMessage.get_pdu(message)
    if "request_id" in changes:
        protocol.apiPDU.set_request_id(pdu, changes["request_id"])
    if "status" in changes:  # RFC 3416 §4.2.1: the names as they were asked, each with Null
        named = [(name, protocol.null) for name, _ in protocol.apiPDU.get_varbinds(pdu)]
        protocol.apiPDU.set_varbinds(pdu, named)
        protocol.apiPDU.set_error_status(pdu, changes["status"])
        protocol.apiPDU.set_error_index(pdu, 1)
    if "objects" in changes:
        protocol.apiPDU.set_varbinds(pdu, changes["objects"])
    if "community" in changes:
        protocol.apiMessage.set_community(message, changes["community"])
    protocol.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def elsewhere(peer: Hostile, question: bytes, asker: Any, host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((host, 0))
        other.sendto(peer.truth(question), asker)


def from_another_port(peer: Hostile, question: bytes, asker: Any) -> None:
    elsewhere(peer, question, asker, "127.0.0.1")


def from_another_address(peer: Hostile, question: bytes, asker: Any) -> None:
    elsewhere(peer, question, asker, "127.0.0.2")


def with_wrong_request_id(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(changed(peer.truth(question), request_id=12345), asker)


def with_wrong_community(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(changed(peer.truth(question), community="other"), asker)


def truncated(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(peer.truth(question)[:-3], asker)


def garbage(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(b"HTTP/1.1 400 Bad Request\r\n\r\n", asker)


def echoed(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(question, asker)


def huge(peer: Hostile, question: bytes, asker: Any) -> None:
    objects = [((1, 3, 6, 1, place), rfc1902.OctetString(b"x" * 200)) for place in range(200)]
    peer.transport.sendto(changed(peer.truth(question), objects=objects), asker)


def about_other_objects(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(changed(peer.truth(question), objects=[((1, 3, 6, 1), rfc1902.Integer32(3))]), asker)


def silently(peer: Hostile, question: bytes, asker: Any) -> None:
    pass


def forbidding(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(changed(peer.truth(question), status=16), asker)


def too_big(peer: Hostile, question: bytes, asker: Any) -> None:
    peer.transport.sendto(changed(peer.truth(question), status=1), asker)


async def facing(reply: Reply, use: Callable[[Session, Hostile], Awaitable[Any]], **how: Any) -> Any:
    loop = asyncio.get_running_loop()
    unhandled: list[Any] = []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    transport, peer = await loop.create_datagram_endpoint(lambda: Hostile(reply), ("127.0.0.1", 0))
    try:
        async with opened(transport.get_extra_info("sockname")[1], **{"seconds": 2, **how}) as session:
            return await use(session, peer)
    finally:
        transport.close()
        await asyncio.sleep(0)
        assert not unhandled


@BOTH
@pytest.mark.parametrize(
    ("reply", "reason", "text"),
    [
        (silently, Reason.TIMEOUT, "wrong community, access list or address"),
        (from_another_port, Reason.PROTOCOL, "which was not asked"),
        (from_another_address, Reason.PROTOCOL, "came from 127.0.0.2"),
        (with_wrong_request_id, Reason.PROTOCOL, "request-id 12345"),
        (with_wrong_community, Reason.PROTOCOL, "another version or community"),
        (truncated, Reason.PROTOCOL, "no SNMP message"),
        (garbage, Reason.PROTOCOL, "no SNMP message"),
        (echoed, Reason.PROTOCOL, "no response"),
        (huge, Reason.PROTOCOL, "more than 16384 bytes"),
        (about_other_objects, Reason.PROTOCOL, "other objects"),
        (forbidding, Reason.AUTH, "error-status 16"),
        (too_big, Reason.PROTOCOL, "too big"),
    ],
)
def test_a_hostile_answer_costs_the_reading_and_says_why(reply: Reply, reason: Reason, text: str) -> None:
    async def use(session: Session, peer: Hostile) -> None:
        with pytest.raises(SnmpFailure, match=text) as caught:
            await session.get([MINUTES, SOURCE])
        assert caught.value.reason is reason
        assert "public" not in caught.value.text

    asyncio.run(facing(reply, use, seconds=0.2))


@BOTH
def test_a_lie_beside_the_truth_is_passed_over() -> None:
    """Whoever else answers, the agent's own answer to this very question counts."""

    def both(peer: Hostile, question: bytes, asker: Any) -> None:
        lie = changed(peer.truth(question), objects=[(tuple(map(int, MINUTES.split("."))), rfc1902.Integer32(999))])
        for forged in (changed(lie, request_id=1), changed(lie, community="other"), b"\x30\x03junk"):
            peer.transport.sendto(forged, asker)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", 0))
            other.sendto(lie, asker)
        peer.transport.sendto(peer.truth(question), asker)

    async def use(session: Session, peer: Hostile) -> None:
        assert await session.get([MINUTES]) == {MINUTES: 42}

    asyncio.run(facing(both, use))


@BOTH
def test_a_late_answer_is_not_the_next_one() -> None:
    """The answer to a question that was given up is never taken for the answer to the next."""
    late: list[tuple[bytes, Any]] = []

    def one_behind(peer: Hostile, question: bytes, asker: Any) -> None:
        for datagram, to in late:
            peer.transport.sendto(datagram, to)
        late[:] = [(peer.truth(question), asker)]

    async def go() -> None:
        channels = channels_by_road()
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(lambda: Hostile(one_behind), ("127.0.0.1", 0))
        access = Access(host="127.0.0.1", port=transport.get_extra_info("sockname")[1], community=PUBLIC)
        for oid in (SOURCE, MINUTES):
            session = await open_session(access, Run(0.2, 0, channels, lambda s: s.name))
            with pytest.raises(SnmpFailure) as caught:
                await session.get([oid])
        assert caught.value.reason is Reason.PROTOCOL
        assert len(peer.questions) == 2
        transport.close()
        await channels.aclose()

    asyncio.run(go())


def test_a_lost_question_is_asked_again_with_the_same_id() -> None:
    def second_time(peer: Hostile, question: bytes, asker: Any) -> None:
        if len(peer.questions) == 2:
            peer.transport.sendto(peer.truth(question), asker)

    async def use(session: Session, peer: Hostile) -> None:
        assert await session.get([MINUTES]) == {MINUTES: 42}
        assert peer.questions[0] == peer.questions[1]

    asyncio.run(facing(second_time, use, seconds=0.4))


@BOTH
def test_a_question_that_is_too_big_is_halved() -> None:
    def at_most_two(peer: Hostile, question: bytes, asker: Any) -> None:
        message, _ = decoder.decode(question, asn1Spec=api.PROTOCOL_MODULES[1].Message())
        objects = api.PROTOCOL_MODULES[1].apiPDU.get_varbinds(message[2].getComponent())
        truth = peer.truth(question)
        peer.transport.sendto(truth if len(objects) < 3 else changed(truth, status=1), asker)

    async def use(session: Session, peer: Hostile) -> None:
        assert set(await session.get(list(OBJECTS))) == set(OBJECTS)

    asyncio.run(facing(at_most_two, use))


@BOTH
def test_one_broken_object_does_not_cost_the_others() -> None:
    def general_error(peer: Hostile, question: bytes, asker: Any) -> None:
        truth = peer.truth(question)
        broken = SOURCE in str([name for name, _ in answer_in(truth, "2c").answer.objects])
        peer.transport.sendto(changed(truth, status=5) if broken else truth, asker)

    async def use(session: Session, peer: Hostile) -> None:
        assert await session.get([MINUTES, SOURCE]) == {MINUTES: 42}

    asyncio.run(facing(general_error, use))


@pytest.mark.parametrize("step", [(1, 3, 6, 1, 2, 1, 33, 1, 6, 2, 1, 2, 1), (1, 3, 6, 1, 2, 1, 33, 1, 6, 2, 1, 2, 0)])
def test_a_walk_that_does_not_go_forward_is_ended(step: tuple[int, ...]) -> None:
    def standing_still(peer: Hostile, question: bytes, asker: Any) -> None:
        peer.transport.sendto(changed(peer.truth(question), objects=[(step, rfc1902.Integer32(1))]), asker)

    async def use(session: Session, peer: Hostile) -> None:
        with pytest.raises(SnmpFailure, match="not on"):
            await session.walk(ALARMS, 24)
        assert len(peer.questions) == 2

    asyncio.run(facing(standing_still, use))


@BOTH
def test_a_cancelled_question_leaves_nothing_behind() -> None:
    async def use(session: Session, peer: Hostile) -> None:
        asking = asyncio.create_task(session.get([MINUTES]))
        await asyncio.wait([asking], timeout=0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0.4)
        assert len(peer.questions) == 1

    asyncio.run(facing(silently, use, seconds=0.4))


@BOTH
def test_questions_leave_from_the_declared_source() -> None:
    def honestly(peer: Hostile, question: bytes, asker: Any) -> None:
        peer.transport.sendto(peer.truth(question), asker)

    async def use(session: Session, peer: Hostile) -> None:
        await session.get([MINUTES])
        assert peer.sources[0][0] == "127.0.0.3"

    asyncio.run(facing(honestly, use, source="127.0.0.3"))


@BOTH
@pytest.mark.parametrize(
    ("access", "reason", "text"),
    [
        ({"source": "192.0.2.77"}, Reason.CONFIG, "cannot send from 192.0.2.77"),
        ({"host": "no-such-host.invalid"}, Reason.RESOLVE, "does not resolve"),
        ({"source": "127.0.0.1", "host": "::1"}, Reason.RESOLVE, "does not resolve"),
        ({"community": clear("")}, Reason.CONFIG, "the secret of 'community' is empty"),
        ({"host": "255.255.255.255"}, Reason.UNREACHABLE, "cannot send to"),
        ({"port": 1}, Reason.TIMEOUT, "no answer from 127.0.0.1 port 1"),
    ],
)
def test_what_keeps_a_question_from_being_asked(access: dict[str, Any], reason: Reason, text: str) -> None:
    with pytest.raises(SnmpFailure, match=text) as caught:
        asked(lambda session: session.get([MINUTES]), timeout=0.2, **access)
    assert caught.value.reason is reason


# ---- version 3, with net-snmp's agent ----

AUTH, PRIV = clear("an-auth-password"), clear("a-priv-password")
USERS = (
    f"createUser ro SHA {AUTH.name} AES {PRIV.name}",
    f"createUser long SHA-512 {AUTH.name} AES-256 {PRIV.name}",
    f"createUser des MD5 {AUTH.name} DES {PRIV.name}",
    f"createUser signed SHA-256 {AUTH.name}",
    "createUser open",
    "rouser ro priv",
    "rouser long priv",
    "rouser des priv",
    "rouser signed auth",
    "rouser open noauth",
    f"override .{MINUTES} integer 42",
    f"override .{SOURCE} integer 3",
    f"override .{ALARMS}.1 object_id .{UPS}.6.3.24",
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmp_peer.snmpd(tmp_path_factory.mktemp("snmpd"), *USERS) as port:
        yield port


RO = {"user": "ro", "auth": AUTH, "auth_protocol": "SHA", "priv": PRIV}


@BOTH
@pytest.mark.parametrize(
    "user",
    [
        RO,
        {"user": "long", "auth": AUTH, "auth_protocol": "SHA-512", "priv": PRIV, "priv_protocol": "AES-256"},
        {"user": "signed", "auth": AUTH},
        {"user": "open"},
    ],
    ids=lambda user: user["user"],
)
def test_version_3_reads_what_version_2c_reads(agent: int, user: dict[str, Any]) -> None:
    async def use(session: Session) -> Any:
        return await session.get([MINUTES, "1.3.6.1.9.9.0", SOURCE]), await session.walk(ALARMS, 24)

    seen = ({MINUTES: 42, SOURCE: 3}, {f"{ALARMS}.1": f"{UPS}.6.3.24"})
    assert asked(use, port=agent, version="3", **user) == seen
    assert asked(use, port=agent) == seen


@pytest.mark.parametrize(
    ("user", "reason", "text"),
    [
        ({**RO, "auth": clear("another-password")}, Reason.AUTH, "refuses user 'ro'.*digest"),
        ({**RO, "auth_protocol": "SHA-256"}, Reason.AUTH, "refuses user 'ro'"),
        ({**RO, "user": "nobody"}, Reason.AUTH, "Unknown USM user"),
        ({**RO, "priv": None}, Reason.AUTH, "does not let this user read"),
        ({**RO, "priv": clear("another-password")}, Reason.TIMEOUT, "wrong privacy password"),
    ],
)
def test_version_3_refusals_are_told_apart(agent: int, user: dict[str, Any], reason: Reason, text: str) -> None:
    with pytest.raises(SnmpFailure, match=text) as caught:
        asked(lambda session: session.get([MINUTES]), port=agent, version="3", timeout=0.6, retries=0, **user)
    assert caught.value.reason is reason
    assert "password" not in caught.value.text.replace("privacy password", "")


def test_every_protocol_that_a_file_may_name_is_known() -> None:
    assert set(snmp.AUTH_PROTOCOLS) == {"", *AUTH_PROTOCOLS}
    assert set(snmp.PRIV_PROTOCOLS) == {"", *PRIV_PROTOCOLS}


def test_version_3_survives_the_agents_restart(tmp_path: Path) -> None:
    """A rebooted agent counts its boots and starts its clock anew (RFC 3414 §3.2.7): the next question adapts."""

    async def go() -> None:
        channels = channels_by_road()
        port = peers.free_port(socket.SOCK_DGRAM)
        access = Access(host="127.0.0.1", port=port, version="3", **RO)
        for _ in range(2):
            started = snmp_peer.snmpd(tmp_path, "exactEngineID 0x80001f8880aabbccddee112233", *USERS, port=port)
            await asyncio.to_thread(started.__enter__)
            try:
                session = await open_session(access, Run(3, 1, channels, lambda s: s.name))
                assert await session.get([MINUTES]) == {MINUTES: 42}
            finally:
                await asyncio.to_thread(started.__exit__, None, None, None)
        await channels.aclose()

    asyncio.run(go())


def test_one_user_name_with_two_passwords_at_two_agents(agent: int, tmp_path: Path) -> None:
    other = clear("the-other-password")
    lines = (f"createUser ro SHA {other.name} AES {other.name}", "rouser ro priv", f"override .{MINUTES} integer 7")

    async def both(port: int) -> list[Any]:
        channels = channels_by_road()

        async def one(at: int, auth: Secret, priv: Secret) -> Any:
            access = Access(host="127.0.0.1", port=at, version="3", **{**RO, "auth": auth, "priv": priv})
            session = await open_session(access, Run(3, 1, channels, lambda s: s.name))
            return (await session.get([MINUTES]))[MINUTES]

        try:
            return await asyncio.gather(*(one(*where) for where in [(agent, AUTH, PRIV), (port, other, other)] * 3))
        finally:
            await channels.aclose()

    with snmp_peer.snmpd(tmp_path, *lines) as port:
        assert asyncio.run(both(port)) == [42, 7] * 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (silently, Reason.TIMEOUT),
        (garbage, Reason.PROTOCOL),
        (echoed, Reason.TIMEOUT),
        (lambda peer, _, asker: peer.transport.sendto(b"0" * 30_000, asker), Reason.PROTOCOL),
        (lambda peer, question, asker: peer.transport.sendto(question[:-5], asker), Reason.TIMEOUT),
    ],
    ids=["silent", "garbage", "echo", "huge", "cut"],
)
def test_version_3_hostile_answers(reply: Reply, reason: Reason, caplog: pytest.LogCaptureFixture) -> None:
    async def use(session: Session, peer: Hostile) -> None:
        with pytest.raises(SnmpFailure) as caught:
            await session.get([MINUTES])
        assert caught.value.reason is reason
        assert peer.questions

    with caplog.at_level(logging.WARNING):
        asyncio.run(facing(reply, use, seconds=1, version="3", **RO))
    assert not caplog.records
