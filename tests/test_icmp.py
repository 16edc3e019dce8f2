"""Echo packets, the matching of replies, the icmp probe's verdicts, and the probe over real networks."""

import asyncio
import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icmplib import ping

import namespaces
import peers
from probes import voice
from probes.declared.icmp import ICMP, Icmp
from probes.declared.targets import check_targets
from probes.echo import EchoChannel, permitted
from probes.echo_requests import InFlight, Window
from probes.icmp import judge
from probes.icmp_message import NotEcho, Reply, Undelivered, checksum, parse, request, without_ip_header
from probes.targets import by_quorum
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State, failure

T = TypeVar("T")

V4, V6 = socket.AF_INET, socket.AF_INET6
COOKIE = bytes(range(16))


def ask(channels: Channels, timeout: float = 1, **settings: object) -> asyncio.Future[Reading]:
    """One reading on channels that several share."""
    return asyncio.ensure_future(ICMP.probe(Icmp(**settings), Run(timeout, 0, channels, lambda secret: secret.name)))


def values(reading: Reading) -> dict[str, float]:
    return {seen.quantity: seen.value for seen in reading.observations}


# Packets


def reply_to(packet: bytes, family: int = V4) -> bytes:
    return bytes([0 if family == V4 else 129]) + packet[1:]


def ip4(destination: str, message: bytes, protocol: int = 1, options: bytes = b"") -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 0, 0, 0, 64, protocol, 0)
    return header + socket.inet_aton("198.51.100.2") + socket.inet_aton(destination) + options + message


def ip6(destination: str, message: bytes, following: int = 58) -> bytes:
    header = struct.pack("!IHBB", 6 << 28, len(message), following, 64)
    return header + socket.inet_pton(V6, "2001:db8::2") + socket.inet_pton(V6, destination) + message


def test_a_request_is_what_rfc_792_asks_for() -> None:
    packet = request(V4, 0x1234, 7, COOKIE)
    assert packet[:2] == b"\x08\x00"
    assert packet[4:] == b"\x12\x34\x00\x07" + COOKIE
    assert checksum(packet) == 0  # a message that carries its own checksum sums up to it
    assert packet[2:4] != b"\0\0"


def test_the_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@pytest.mark.parametrize("family", [V4, V6])
def test_a_reply_is_read_whole(family: socket.AddressFamily) -> None:
    assert parse(family, reply_to(request(family, 9, 65535, COOKIE), family)) == Reply(9, 65535, COOKIE)


@pytest.mark.parametrize("family", [V4, V6])
def test_a_truncated_reply_has_fewer_octets_or_is_refused(family: socket.AddressFamily) -> None:
    whole = reply_to(request(family, 9, 3, COOKIE), family)
    for length in range(8):
        with pytest.raises(NotEcho):
            parse(family, whole[:length])
    for length in range(8, len(whole)):
        assert parse(family, whole[:length]) == Reply(9, 3, COOKIE[: length - 8])


def test_requests_and_other_types_are_no_replies() -> None:
    for packet in (request(V4, 9, 3, COOKIE), b"\x0d" + bytes(19), b"\x00\x01" + bytes(22)):
        with pytest.raises(NotEcho):
            parse(V4, packet)
    with pytest.raises(NotEcho):
        parse(V6, reply_to(request(V4, 9, 3, COOKIE)))


def test_errors_quote_the_request_and_say_why() -> None:
    asked = request(V4, 9, 3, COOKIE)
    assert parse(V4, b"\x03\x01" + bytes(6) + ip4("192.0.2.1", asked)) == Undelivered(
        "192.0.2.1", 9, 3, COOKIE, "host unreachable"
    )
    with_options = ip4("192.0.2.1", asked[:8], options=bytes(8))
    assert parse(V4, b"\x0b\x00" + bytes(6) + with_options) == Undelivered(
        "192.0.2.1", 9, 3, b"", "time to live exceeded, as in a routing loop"
    )
    asked = request(V6, 9, 3, COOKIE)
    assert parse(V6, b"\x01\x00" + bytes(6) + ip6("2001:db8::1", asked)) == Undelivered(
        "2001:db8::1", 9, 3, COOKIE, "no route"
    )
    assert parse(V6, b"\x01\x63" + bytes(6) + ip6("2001:db8::1", asked)) == Undelivered(
        "2001:db8::1", 9, 3, COOKIE, "ICMP type 1 code 99"
    )


@pytest.mark.parametrize(
    ("family", "quoted"),
    [
        (V4, b""),
        (V4, ip4("192.0.2.1", request(V4, 9, 3, COOKIE)[:7])),
        (V4, ip4("192.0.2.1", request(V4, 9, 3, COOKIE), protocol=17)),
        (V4, ip4("192.0.2.1", reply_to(request(V4, 9, 3, COOKIE)))),
        (V4, b"\x44" + ip4("192.0.2.1", request(V4, 9, 3, COOKIE))[1:]),  # a header of 16 octets
        (V4, b"\x4f" + ip4("192.0.2.1", request(V4, 9, 3, COOKIE))[1:]),  # one longer than the packet
        (V4, ip6("2001:db8::1", request(V6, 9, 3, COOKIE))),
        (V6, ip6("2001:db8::1", request(V6, 9, 3, COOKIE), following=44)),
        (V6, ip6("2001:db8::1", request(V6, 9, 3, COOKIE))[:39]),
    ],
)
def test_errors_about_anything_else_are_refused(family: socket.AddressFamily, quoted: bytes) -> None:
    with pytest.raises(NotEcho):
        parse(family, bytes([3 if family == V4 else 1, 0]) + bytes(6) + quoted)


@given(
    st.sampled_from([V4, V6]),
    st.binary(max_size=120),
    st.sampled_from([b"", b"\0\0", b"\x03\x01", b"\x81\0", b"\x01\0"]),
)
def test_any_octets_are_a_value_or_no_echo(family: socket.AddressFamily, octets: bytes, start: bytes) -> None:
    for read in (partial(parse, family), without_ip_header):
        try:
            value = read(start + octets)
        except NotEcho:
            continue
        assert isinstance(value, Reply | Undelivered | bytes)


# Matching


@pytest.fixture
def in_flight() -> InFlight:
    return InFlight(V4, 9)


def test_a_reply_counts_once_and_is_timed(in_flight: InFlight) -> None:
    heard: list[int] = []
    asked = in_flight.add("192.0.2.1", 100.0, lambda: heard.append(1))
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 100.25)
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 101.0)
    assert (asked.rtt, heard) == (0.25, [1])


def test_time_in_the_receive_buffer_is_not_the_networks(in_flight: InFlight) -> None:
    asked = in_flight.add("192.0.2.1", 100.0, lambda: None)
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 100.75, waited=0.5)
    assert asked.rtt == 0.25


@pytest.mark.parametrize("waited", [-3600.0, 0.75, 3600.0])
def test_a_wall_clock_that_was_set_is_not_believed(in_flight: InFlight, waited: float) -> None:
    asked = in_flight.add("192.0.2.1", 100.0, lambda: None)
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 100.75, waited)
    assert asked.rtt == 0.75


WRONG: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "another host": lambda reply: (reply, "192.0.2.2"),
    "identifier": lambda reply: (reply[:4] + b"\0\x0a" + reply[6:], "192.0.2.1"),
    "sequence": lambda reply: (reply[:6] + b"\0\0" + reply[8:], "192.0.2.1"),
    "cookie": lambda reply: (reply[:-1] + bytes([reply[-1] ^ 1]), "192.0.2.1"),
    "cookie cut off": lambda reply: (reply[:-1], "192.0.2.1"),
    "octets behind": lambda reply: (reply + b"\0", "192.0.2.1"),
    "our own request": lambda reply: (b"\x08" + reply[1:], "192.0.2.1"),
    "type": lambda reply: (b"\x0e" + reply[1:], "192.0.2.1"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_reply_with_anything_wrong_answers_nothing(in_flight: InFlight, wrong: str) -> None:
    asked = in_flight.add("192.0.2.1", 100.0, lambda: None)
    in_flight.hear(*WRONG[wrong](reply_to(asked.packet)), now=100.1)
    assert asked.rtt is None
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 100.2)
    assert asked.rtt is not None


def test_a_late_reply_answers_no_later_request(in_flight: InFlight) -> None:
    early = in_flight.add("192.0.2.1", 100.0, lambda: None)
    in_flight.forget([early])
    for _ in range(1 << 16):
        later = in_flight.add("192.0.2.1", 200.0, lambda: None)
        if later.sequence == early.sequence:
            break
        in_flight.forget([later])
    in_flight.hear(reply_to(early.packet), "192.0.2.1", 200.1)
    assert later.sequence == early.sequence
    assert later.rtt is None


def test_requests_that_wait_keep_their_sequence_number(in_flight: InFlight) -> None:
    waiting = in_flight.add("192.0.2.1", 100.0, lambda: None)
    for _ in range(1 << 16):
        later = in_flight.add("192.0.2.1", 200.0, lambda: None)
        assert later.sequence != waiting.sequence
        in_flight.forget([later])


@pytest.mark.parametrize("quoted", [8, 12, 24])
def test_an_error_is_noted_and_a_reply_still_counts(in_flight: InFlight, quoted: int) -> None:
    asked = in_flight.add("192.0.2.1", 100.0, lambda: None)
    error = b"\x03\x00" + bytes(6) + ip4("192.0.2.1", asked.packet[:quoted])
    in_flight.hear(error, "10.0.0.1", 100.1)
    assert (asked.said, asked.rtt) == ("10.0.0.1 says network unreachable", None)
    in_flight.hear(reply_to(asked.packet), "192.0.2.1", 100.2)
    assert asked.rtt is not None


def test_an_error_about_another_request_is_not_noted(in_flight: InFlight) -> None:
    asked = in_flight.add("192.0.2.1", 100.0, lambda: None)
    forged = asked.packet[:8] + bytes(16)
    for quoted in (ip4("192.0.2.2", asked.packet), ip4("192.0.2.1", forged)):
        in_flight.hear(b"\x03\x00" + bytes(6) + quoted, "10.0.0.1", 100.1)
    assert asked.said == ""


# Verdicts


@pytest.mark.parametrize(
    ("window", "state", "reason", "text"),
    [
        (Window(3, 3, (0.01, 0.01, 0.01)), State.UP, None, ""),
        (Window(1, 1, (0.8,)), State.UP, None, ""),
        (Window(3, 3, (0.6, 0.64, 0.6)), State.UP, None, ""),  # a geostationary satellite
        (Window(3, 3, (0.01, 0.01)), State.DEGRADED, None, "1 of 3 echo requests without a reply"),
        (Window(2, 2, (0.01,)), State.DEGRADED, None, "1 of 2 echo requests without a reply"),
        (Window(3, 3, (0.9, 0.9, 0.9)), State.DEGRADED, None, "the median round trip takes 900 ms"),
        (Window(3, 3, (0.1, 0.2, 0.1)), State.DEGRADED, None, "successive round trips differ by 100 ms"),
        (
            Window(40, 40, (0.7, 0.745, 0.7) * 13),
            State.DEGRADED,
            None,
            "a call would sound bad (estimated MOS 2.4)",
        ),
        (Window(3, 2, (0.01, 0.01), error=OSError()), State.UP, None, ""),
        (Window(3, 3, (0.01,)), State.DOWN, Reason.LOSS, "2 of 3 echo requests without a reply"),
        (Window(3, 3), State.DOWN, Reason.TIMEOUT, "3 of 3 echo requests without a reply within 2 s"),
        (
            Window(1, 1, said="10.0.0.1 says no route"),
            State.DOWN,
            Reason.UNREACHABLE,
            "1 of 1 echo requests without a reply within 2 s; 10.0.0.1 says no route",
        ),
        (
            Window(3, 1),
            State.UNKNOWN,
            Reason.IMPAIRED,
            "the monitor sent only 1 of 3 echo requests in time",
        ),
        (
            Window(3, 3, overflowed=True),
            State.UNKNOWN,
            Reason.IMPAIRED,
            "the monitor's receive buffer overflowed; replies may be lost",
        ),
        (Window(3, 3, (0.01,), overflowed=True), State.UP, None, ""),
    ],
)
def test_verdicts(window: Window, state: State, reason: Reason | None, text: str) -> None:
    reading = judge("192.0.2.1", window, 2)
    assert (reading.state, reading.reason) == (state, reason)
    assert reading.text == (f"192.0.2.1: {text}" if text else "")


def test_what_was_measured_and_nothing_else_is_observed() -> None:
    assert values(judge("t", Window(4, 4, (0.010, 0.030, 0.020)), 2)) == pytest.approx(
        {
            "wan_rtt_seconds": 0.020,
            "wan_loss_ratio": 0.25,
            "wan_jitter_seconds": 0.015,
            "wan_mos": voice.mos(voice.rating(0.020, 0.015, 0.25)),
        }
    )
    assert values(judge("t", Window(3, 3), 2)) == {"wan_loss_ratio": 1.0}
    assert values(judge("t", Window(1, 1, (0.01,)), 2)) == {"wan_rtt_seconds": 0.01, "wan_loss_ratio": 0.0}
    assert values(judge("t", Window(3, 3, (0.01,), overflowed=True), 2)) == {"wan_rtt_seconds": 0.01}
    assert values(judge("t", Window(3, 3, overflowed=True), 2)) == {}


UP, WEAK = Reading(State.UP), Reading(State.DEGRADED, text="weak")
SILENT, UNASKED = failure(Reason.TIMEOUT, "silent", says=State.DOWN), failure(Reason.RESOLVE, "no such name")


@pytest.mark.parametrize(
    ("readings", "quorum", "state", "reason"),
    [
        ([UP, UP], 1, State.UP, None),
        ([UP, SILENT], 1, State.DEGRADED, None),
        ([UP, WEAK], 2, State.DEGRADED, None),
        ([UP, UNASKED], 1, State.DEGRADED, None),
        ([UP, SILENT], 2, State.DOWN, Reason.TIMEOUT),
        ([SILENT, SILENT], 1, State.DOWN, Reason.TIMEOUT),
        ([SILENT, UNASKED], 1, State.UNKNOWN, Reason.RESOLVE),
        ([SILENT, UNASKED], 2, State.DOWN, Reason.TIMEOUT),
        ([UP, SILENT, UNASKED], 2, State.UNKNOWN, Reason.RESOLVE),
        ([UNASKED], 1, State.UNKNOWN, Reason.RESOLVE),
    ],
)
def test_the_quorum_of_targets(readings: list[Reading], quorum: int, state: State, reason: Reason | None) -> None:
    verdict = by_quorum({f"t{n}": reading for n, reading in enumerate(readings)}, quorum)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert all(reading.text in verdict.text for reading in readings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "one of 'host' and 'hosts' is wanted"),
        ({"host": "a.example", "hosts": ("b.example",)}, "one of 'host' and 'hosts' is wanted"),
        ({"hosts": ("a.example", "a.example")}, "a target stands twice in 'hosts'"),
        ({"host": "a.example", "quorum": 2}, "a quorum of 2 cannot be met by 1 targets"),
        (
            {"host": "2001:db8::1", "source": "192.0.2.7"},
            "'2001:db8::1' is an IPv6 address, the probe asks by IPv4",
        ),
        ({"host": "192.0.2.1", "ip": "6"}, "'192.0.2.1' is an IPv4 address, the probe asks by IPv6"),
        ({"host": "a.example", "source": "192.0.2.7", "ip": "6"}, "'ip' is 6 and the source is an IPv4 address"),
        ({"host": "192.0.2.7", "source": "192.0.2.7"}, "'192.0.2.7' is not the address of another machine"),
        ({"host": "0.0.0.0"}, "'0.0.0.0' is not the address of another machine"),
        ({"host": "224.0.0.1"}, "'224.0.0.1' is not the address of another machine"),
        ({"hosts": ("a.example", "192.0.2.1", "2001:db8::1"), "quorum": 3}, None),
        ({"host": "fe80::1%eth0", "source": "fe80::2%eth0", "ip": "6"}, None),
    ],
)
def test_the_rules_over_several_keys(settings: dict[str, object], message: str | None) -> None:
    assert check_targets(Icmp(**settings)) == message


# Loopback


@pytest.fixture
def _raw_sockets() -> None:
    peers.root()


loopback = pytest.mark.usefixtures("_raw_sockets")


@loopback
@pytest.mark.parametrize(
    "settings",
    [
        {"host": "127.0.0.1"},
        {"host": "::1"},
        {"host": "localhost", "ip": "4"},
        {"hosts": ("127.0.0.1", "127.0.0.9", "::1"), "quorum": 3},
        {"host": "127.0.0.1", "source": "127.0.0.5", "interface": "lo"},
    ],
)
def test_who_answers_is_up(settings: dict[str, object], run_probe: Callable[..., Reading]) -> None:
    reading = run_probe(ICMP, timeout=2, spacing=5, **settings)
    assert reading.state.works, reading.text
    targets = {seen.target for seen in reading.observations}
    assert targets == set(settings.get("hosts", (settings.get("host"),)))
    assert {seen.value for seen in reading.observations if seen.quantity == "wan_loss_ratio"} == {0.0}
    assert all(0 < seen.value < 2 for seen in reading.observations if seen.quantity == "wan_rtt_seconds")


@loopback
@pytest.mark.parametrize(
    ("settings", "reason", "says"),
    [
        ({"host": "127.0.0.1", "source": "198.51.100.2"}, Reason.CONFIG, "does not have the source address"),
        ({"host": "127.0.0.1", "interface": "nope0"}, Reason.CONFIG, "not asked on nope0: this machine has no such"),
        ({"host": "255.255.255.255"}, Reason.CONFIG, "broadcast"),
        ({"host": "no-such-host.invalid"}, Reason.RESOLVE, "no-such-host.invalid: "),
    ],
)
def test_our_own_faults_say_nothing_of_the_target(
    settings: dict[str, object], reason: Reason, says: str, run_probe: Callable[..., Reading]
) -> None:
    reading = run_probe(ICMP, timeout=5, spacing=5, **settings)
    assert (reading.state, reading.reason) == (State.UNKNOWN, reason)
    assert says in reading.text


@loopback
def test_a_thousand_targets_at_once_share_a_socket_and_lose_nothing() -> None:
    async def fleet() -> tuple[list[Reading], int]:
        channels = Channels()
        targets = [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(1000)]
        before = len(os.listdir("/proc/self/fd"))
        readings = await asyncio.gather(*(ask(channels, 5, host=target, spacing=20) for target in targets))
        opened = len(os.listdir("/proc/self/fd")) - before
        await channels.aclose()
        return list(readings), opened

    readings, opened = asyncio.run(fleet())
    assert all(reading.state.works for reading in readings)
    assert {values(reading)["wan_loss_ratio"] for reading in readings} == {0.0}
    assert opened == 1


@loopback
def test_a_busy_event_loop_is_not_taken_for_a_slow_network() -> None:
    """Replies lie in the socket while the loop is stuck for longer than the window."""

    async def stuck() -> Window:
        channel = EchoChannel(V4)
        now = asyncio.get_running_loop().time()
        await channel.window(("127.0.0.1", 0), count=1, spacing=0, until=now + 1)
        await asyncio.sleep(0.05)  # the kernel begins to stamp packets a moment after it is first asked to
        now = asyncio.get_running_loop().time()
        window = asyncio.ensure_future(channel.window(("127.0.0.1", 0), count=1, spacing=0, until=now + 0.3))
        await asyncio.sleep(0)  # the request leaves
        time.sleep(0.4)  # noqa: ASYNC251  # the fault under test
        result = await window
        await channel.aclose()
        return result

    window = asyncio.run(stuck())
    assert window.rtt is not None
    assert window.rtt < 0.2


@loopback
def test_silence_while_the_receive_buffer_overflows_is_unknown() -> None:
    async def flooded() -> list[Reading]:
        channels = Channels()
        await ask(channels, host="127.0.0.1", count=1)
        channel = channels.get(("icmp-echo", V4, "", ""), lambda: EchoChannel(V4))
        assert channel._socket is not None
        channel._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        readings = await asyncio.gather(
            *(ask(channels, 0.6, host=f"127.0.1.{n}", count=1) for n in range(1, 201)), busy_loop()
        )
        await channels.aclose()
        return list(readings[:-1])

    async def busy_loop() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
            time.sleep(0.01)  # noqa: ASYNC251  # replies pile up meanwhile

    readings = asyncio.run(flooded())
    impaired = [reading for reading in readings if reading.state is State.UNKNOWN]
    assert impaired
    assert {reading.reason for reading in impaired} == {Reason.IMPAIRED}
    assert {reading.state for reading in readings} == {State.UP, State.UNKNOWN}


# Forged replies


@contextmanager
def forger(speaker: str, forge: Callable[[bytes], bytes]) -> Iterator[None]:
    """Answers each echo request on this loopback with `forge(reply)`, from `speaker`."""
    ears = socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    mouth = socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    mouth.bind((speaker, 0))
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            try:
                packet, (asker, _) = ears.recvfrom(2048)
            except TimeoutError:
                continue
            if packet[20] == 8:
                reply = b"\0\0\0\0" + packet[24:]
                forged = forge(reply)
                mouth.sendto(forged[:2] + checksum(forged).to_bytes(2) + forged[4:], (asker, 0))

    with ears, mouth:
        ears.settimeout(0.05)
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    ("speaker", "forge", "counts"),
    [
        ("127.0.0.9", lambda reply: reply, True),  # the target itself, so the forger can be heard
        ("127.0.0.2", lambda reply: reply, False),  # another host with identifier, sequence and cookie right
        ("127.0.0.9", lambda reply: reply[:8] + bytes(16), False),
        ("127.0.0.9", lambda reply: reply[:4] + bytes([reply[4] ^ 1]) + reply[5:], False),
        ("127.0.0.9", lambda reply: reply[:6] + bytes([reply[6] ^ 1]) + reply[7:], False),
    ],
    ids=["right", "other host", "cookie", "identifier", "sequence"],
)
def test_a_forged_reply_never_counts(
    speaker: str, forge: Callable[[bytes], bytes], counts: bool, run_probe: Callable[..., Reading]
) -> None:
    def asked() -> Reading:
        with forger(speaker, forge):
            return run_probe(ICMP, timeout=0.3, host="127.0.0.9", count=2, spacing=5)

    with namespaces.namespace() as lone:
        lone.sysctl("net.ipv4.icmp_echo_ignore_all=1")
        assert lone.inside(asked).state.works is counts


# Privileges

_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_CAP_NET_ADMIN, _CAP_NET_RAW = 12, 13


def without_network_capabilities(work: Callable[[], T]) -> T:
    """`work` in a thread that gave up CAP_NET_RAW and CAP_NET_ADMIN; capabilities are each thread's own."""

    def unprivileged() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
        held = ctypes.create_string_buffer(24)
        assert libc.capget(header, held) == 0
        effective, *rest = struct.unpack("=6I", held.raw)
        kept = struct.pack("=6I", effective & ~(1 << _CAP_NET_RAW | 1 << _CAP_NET_ADMIN), *rest)
        assert libc.capset(header, kept) == 0
        with pytest.raises(PermissionError):
            socket.socket(V4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        return work()

    return namespaces.in_thread(unprivileged)


def test_unprivileged_sockets_serve_where_raw_ones_are_not_permitted(run_probe: Callable[..., Reading]) -> None:
    hosts = ("127.0.0.1", "127.0.0.9", "::1")
    with namespaces.namespace() as lone:
        lone.sysctl(f"net.ipv4.ping_group_range={os.getegid()} {os.getegid()}")
        ask_all = partial(run_probe, ICMP, timeout=2, hosts=hosts, quorum=3, spacing=5)
        reading = lone.inside(lambda: without_network_capabilities(ask_all))
        assert reading.state.works
        assert len(reading.observations) == 12
        lone.sysctl("net.ipv4.icmp_echo_ignore_all=1")
        ask_silent = partial(run_probe, ICMP, timeout=0.2, host="127.0.0.1", source="127.0.0.3")
        reading = lone.inside(lambda: without_network_capabilities(ask_silent))
        assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)


def test_without_any_permission_the_text_says_what_to_do(run_probe: Callable[..., Reading]) -> None:
    with namespaces.namespace() as lone:
        reading = lone.inside(lambda: without_network_capabilities(partial(run_probe, ICMP, host="127.0.0.1")))
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
    for way in ("CAP_NET_RAW", "net.ipv4.ping_group_range", "tcp"):
        assert way in reading.text


def test_permitted_is_true_for_either_kind_of_socket_and_false_without() -> None:
    unprivileged = partial(without_network_capabilities, permitted)
    with namespaces.namespace() as lone:
        assert lone.inside(permitted)
        assert not lone.inside(unprivileged)
        lone.sysctl(f"net.ipv4.ping_group_range={os.getegid()} {os.getegid()}")
        assert lone.inside(unprivileged)


# Networks


def test_each_isp_is_told_apart_by_its_source(run_probe: Callable[..., Reading]) -> None:
    with namespaces.two_isp_site() as net:

        def by(isp: namespaces.Isp, **settings: object) -> Reading:
            way = {"host": net.service, "source": isp.source, "timeout": 0.4, "spacing": 5, **settings}
            return net.site.inside(lambda: run_probe(ICMP, **way))

        assert by(net.a).state.works
        assert by(net.b).state.works
        assert by(net.a, source="", interface="wan_a").state.works

        net.cut(net.a)
        dead = by(net.a)
        assert (dead.state, dead.reason) == (State.DOWN, Reason.UNREACHABLE)
        assert "10.91.1.1 says network unreachable" in dead.text
        assert by(net.b).state.works

        net.restore(net.a)
        assert by(net.a).state.works

        net.drop(net.a)
        dead = by(net.a)
        assert (dead.state, dead.reason) == (State.DOWN, Reason.TIMEOUT)
        assert values(dead) == {"wan_loss_ratio": 1.0}
        assert by(net.b).state.works

        net.drop(net.a, f"ip daddr {net.service} numgen inc mod 4 == 0")
        lossy = by(net.a, count=8)
        assert (lossy.state, values(lossy)["wan_loss_ratio"]) == (State.DEGRADED, 0.25)

        net.drop(net.a, f"ip daddr {net.service} numgen inc mod 4 < 3")
        dead = by(net.a, count=8)
        assert (dead.state, dead.reason) == (State.DOWN, Reason.LOSS)
        net.restore(net.a)

        several = by(net.a, hosts=(net.service, "10.91.11.77"), host="")
        assert several.state is State.DEGRADED
        assert several.text.startswith("1 of 2 targets answer, 1 must: 10.91.11.77: ")

        theirs = net.site.inside(lambda: ping(net.service, count=4, interval=0.01, source=net.a.source))
        ours = by(net.a, count=4)
        assert (theirs.packet_loss, values(ours)["wan_loss_ratio"]) == (0.0, 0.0)


def test_a_missing_route_here_is_unknown_and_an_output_rule_too(run_probe: Callable[..., Reading]) -> None:
    peers.command("nft", "nftables")
    with namespaces.namespace() as lone:
        reading = lone.inside(lambda: run_probe(ICMP, host="192.0.2.1", spacing=5))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.UNREACHABLE)
        assert "this machine has no route to it" in reading.text

        lone.run("nft", "add table ip own")
        lone.run("nft", "add chain ip own output { type filter hook output priority 0; policy drop; }")
        reading = lone.inside(lambda: run_probe(ICMP, host="127.0.0.1", spacing=5))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
        assert "local firewall rule" in reading.text


def test_an_interface_that_went_and_came_back_is_used_again() -> None:
    """As a PPP link does: the same name, another interface to the kernel."""
    with namespaces.namespace("near") as near, namespaces.namespace("far") as far:

        async def through_its_life() -> list[bool]:
            channels = Channels()
            works = []
            for change in (connect, disconnect, connect):
                change()
                reading = await ask(channels, host="10.91.3.2", interface="ppp0", spacing=5)
                works.append(reading.state.works)
            await channels.aclose()
            return works

        def connect() -> None:
            namespaces.join((near, "ppp0", "10.91.3.1/24"), (far, "peer", "10.91.3.2/24"))

        def disconnect() -> None:
            near.ip("link", "del", "ppp0")

        works = near.inside(lambda: asyncio.run(through_its_life()))
    assert works == [True, False, True]
