"""Every probe type against everything that a hostile peer can do, by the monitor's own runner.

The laws: such a peer is never up; what it says is told as a failed reading with a reason; only where silence is itself
the evidence may it be down; nothing escapes, nothing outlasts its time, nothing grows with what is sent, and no secret
is shown. A type that stands in no table fails the tests.
"""

import asyncio
import ipaddress
import logging
import ssl
import tracemalloc
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography import x509

import hostile_peer
import probes
from hostile_peer import DATAGRAMS, SECRET, STREAMS
from probes.sip_pace import Pace
from probes.sip_round import PACE
from resilience.fitness import Fitness
from resilience.model import ProbeSpec
from resilience.prober import Prober, prepare
from resilience.probing import Channels
from resilience.reading import Reading, Reason, State
from resilience.sitefile import read_site
from test_sip_options import Authority

PASSWORD = "password: {file: any}"  # a reference, no secret
OVER_STREAMS = {
    "nut": ("nut", f"ups: ups, user: monitor, {PASSWORD}"),
    "http": ("http", "expect: never said"),
    "certificate": ("tls", ""),
    "generator": ("modbus", "profile: dse-8000"),
    "asterisk": ("ami", f"registration: carrier, user: monitor, {PASSWORD}"),
    "freeswitch": ("esl", f"gateway: carrier, {PASSWORD}"),
    "kamailio": ("http", "registration: carrier"),
    "opensips": ("http", "registration: carrier"),
    "sip-options": ("sip", 'uri: "sip:127.0.0.1:{port};transport=tcp"'),
    "sip-binding": ("sip", f'uri: "sip:someone@127.0.0.1:{{port}};transport=tcp", {PASSWORD}'),
}
"""By type: the protocol of its stream, and its keys; with host and port where these do not say `{port}`."""

SNMP = "community: {file: any}"
OVER_DATAGRAMS = {
    "snmp-ups": ("snmp", SNMP),
    "snmp-ats": ("snmp", SNMP),
    "snmp-line": ("snmp", f"{SNMP}, host: 127.0.0.1, udp-port: {{port}}"),
    "snmp-cellular": ("snmp", SNMP),
    "snmp-interface": ("snmp", f"{SNMP}, if-name: eth0"),
    "snmp-bgp": ("snmp", f"{SNMP}, peers: [192.0.2.1]"),
    "snmp-sdwan": ("snmp", f"{SNMP}, member: wan1"),
    "snmp-ipsla": ("snmp", f"{SNMP}, operations: [1]"),
    "snmp-sbc": ("snmp", SNMP),
    "generator": ("snmp", f"profile: himoinsa, {SNMP}"),
    "dns": ("dns", "query: sip.example"),
    "egress": ("stun", "expect: [203.0.113.0/24]"),
    "sip-options": ("sip", 'uri: "sip:127.0.0.1:{port}"'),
    "sip-binding": ("sip", f'uri: "sip:someone@127.0.0.1:{{port}}", {PASSWORD}'),
}
ELSEWHERE = {
    "tcp": "it sends and hears nothing: a connection is its evidence",
    "icmp": "forged and late replies: test_icmp",
    "traceroute": "what routers may say: test_traceroute",
    "modemmanager": "a program of this machine, not a peer: test_modemmanager",
}
SILENCE_IS_DOWN = {"dns", "http", "sip-options"}
"""Of those here; README's table says the same."""

ONLY_A_QUESTION_FAILS = frozenset(Reason) - {Reason.INTERNAL, Reason.CONFIG, Reason.NOT_AVAILABLE, Reason.IMPAIRED}


def test_every_type_meets_a_hostile_peer() -> None:
    assert set(probes.BUILT_IN) == {*OVER_STREAMS, *OVER_DATAGRAMS, *ELSEWHERE}


def spec(type_name: str, port: int, keys: str, kind: str = "service") -> ProbeSpec:
    """The probe as a site file declares it."""
    where = "" if "{port}" in keys else f"host: 127.0.0.1, port: {port}, "
    text = (
        "schema: 1\nsite: hostile\nname: A site of liars\nowner: {team: operations}\n"
        f"components:\n  x:\n    kind: {kind}\n    power: []\n    probes:\n"
        f"      - {{type: {type_name}, {where}{keys.replace('{port}', str(port))}, timeout: 900ms, interval: 60s}}\n"
        "emergency_paths:\n  - {name: desk, tier: primary, needs: [x]}\n"
    ).replace(", ,", ",")
    found = read_site(text.encode(), "hostile.yaml", probes.registry())
    assert found.site is not None, found.faults
    prepare(probes.registry(), [found.site])
    return found.site.probes[0]


def unpaced(channels: Channels) -> None:
    channels.get(PACE, lambda: Pace(per_second=1e9))


async def facing(type_name: str, keys: str, port: int, times: int = 1) -> Reading:
    """The last of so many readings."""
    prober = Prober(probes.registry(), secret=lambda _: SECRET, fitness=Fitness(), opened=unpaced)
    try:
        asked = spec(type_name, port, keys)
        return [await prober.read(asked) for _ in range(times)][-1]
    finally:
        await prober.aclose()


def law(type_name: str, reading: Reading) -> str:
    """What is wrong with `reading` of a hostile peer; empty where nothing is."""
    told = f"{type_name}: {reading.state} {reading.reason} {reading.text!r}"
    lawful = {State.UNKNOWN, State.DOWN} if type_name in SILENCE_IS_DOWN else {State.UNKNOWN}
    if reading.state not in lawful or reading.reason not in ONLY_A_QUESTION_FAILS:
        return told
    return f"a secret: {told}" if SECRET in repr(reading) or not reading.text else ""


async def all_facing(
    table: dict[str, tuple[str, str]], open_peer: Callable[[str], object], times: int = 1
) -> list[str]:
    """What is wrong, of every type in `table`, each facing a peer of its own at the same time."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(open_peer(protocol)) for protocol, _ in table.values()]  # type: ignore[arg-type]
        async with asyncio.timeout(30):  # far beyond what any probe was given
            readings = await asyncio.gather(
                *(facing(name, keys, port, times) for (name, (_, keys)), port in zip(table.items(), ports, strict=True))
            )
    return [wrong for name, reading in zip(table, readings, strict=True) if (wrong := law(name, reading))]


@pytest.mark.parametrize("misbehaviour", STREAMS)
def test_over_streams(misbehaviour: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert not asyncio.run(
            all_facing(OVER_STREAMS, lambda protocol: hostile_peer.stream(protocol, STREAMS[misbehaviour]))
        )
    assert SECRET not in caplog.text


@pytest.mark.parametrize("misbehaviour", DATAGRAMS)
def test_over_datagrams(misbehaviour: str, caplog: pytest.LogCaptureFixture) -> None:
    times = 2 if misbehaviour == "the answer before" else 1
    with caplog.at_level(logging.DEBUG):
        assert not asyncio.run(
            all_facing(
                OVER_DATAGRAMS, lambda protocol: hostile_peer.datagrams(protocol, DATAGRAMS[misbehaviour]), times
            )
        )
    assert SECRET not in caplog.text


def good(protocol: str, question: bytes, _: bytes) -> list[bytes]:
    return [hostile_peer.GOOD[protocol](question)]


def test_a_good_answer_from_elsewhere_is_none() -> None:
    assert not asyncio.run(
        all_facing(OVER_DATAGRAMS, lambda protocol: hostile_peer.datagrams(protocol, good, elsewhere=True))
    )


@pytest.mark.parametrize("type_name", [name for name, (protocol, _) in OVER_DATAGRAMS.items() if name != "sip-binding"])
def test_the_same_answer_from_where_it_was_asked_is_heard(type_name: str) -> None:
    """Else the tests above would prove nothing."""
    protocol, keys = OVER_DATAGRAMS[type_name]

    async def story() -> Reading:
        async with hostile_peer.datagrams(protocol, good) as port:
            return await facing(type_name, keys, port)

    reading = asyncio.run(story())
    assert reading.state.works or reading.reason in {None, Reason.DEVICE, Reason.NOT_OFFERED, Reason.CONFIG}, reading


@pytest.mark.parametrize("type_name", OVER_STREAMS)
def test_ten_megabytes_do_not_fill_the_memory(type_name: str) -> None:
    protocol, keys = OVER_STREAMS[type_name]

    async def story() -> int:
        async with hostile_peer.stream(protocol, hostile_peer.ten_megabytes) as port:
            asked = spec(type_name, port, keys)
            prober = Prober(probes.registry(), secret=lambda _: SECRET, fitness=Fitness())
            tracemalloc.start()
            try:
                await prober.read(asked)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
                await prober.aclose()

    assert asyncio.run(story()) < 16 << 20


OVER_TLS = {
    "nut": f"ups: ups, {PASSWORD}, user: monitor, tls: true",
    "http": "tls: true",
    "asterisk": f"registration: carrier, user: monitor, {PASSWORD}, tls: true",
    "freeswitch": f"gateway: carrier, {PASSWORD}, tls: true",
    "kamailio": "registration: carrier, tls: true",
    "opensips": "registration: carrier, tls: true",
    "sip-options": 'uri: "sips:127.0.0.1:{port}"',
    "sip-binding": f'uri: "sips:someone@127.0.0.1:{{port}}", {PASSWORD}',
}


@pytest.mark.parametrize("type_name", OVER_TLS)
def test_a_certificate_for_another_name_gets_no_secret(type_name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    of_another = authority.issue("other", 90, x509.IPAddress(ipaddress.ip_address("127.0.0.2")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*of_another)
    heard = bytearray()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if type_name == "nut":
                heard.extend((await reader.readline()).removeprefix(b"STARTTLS\n"))
                writer.write(b"OK STARTTLS\n")
                await writer.start_tls(context)
            heard.extend(await reader.read(4096))
        except OSError:
            pass  # the client has turned away
        finally:
            writer.transport.abort()

    async def story() -> Reading:
        server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=None if type_name == "nut" else context)
        port = server.sockets[0].getsockname()[1]
        try:
            return await facing(type_name, f"{OVER_TLS[type_name]}, ca: {authority.pem}", port)
        finally:
            server.close()
            await asyncio.sleep(0.05)

    reading = asyncio.run(story())
    assert reading.reason is Reason.TLS, reading
    assert reading.state in {State.UNKNOWN, State.DOWN}
    assert not heard
