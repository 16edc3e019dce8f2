"""The dns probe against dnsmasq, behind two ISPs, and against servers that lie, stall and break off."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dns_peer
import namespaces
import peers
from probes.declared.dns import DNS, Dns
from probes.dns import NotAnAnswer, answer_in, judge, question, records
from resilience.reading import Reading, Reason, State

RunProbe = Callable[..., Reading]

RECORDS = (
    "host-record=sbc.test,198.51.100.7,2001:db8::7",
    "host-record=sbc.test,198.51.100.8",
    "cname=trunk.test,sbc.test",
    "srv-host=_sips._tcp.sbc.test,sbc.test,5061,10,60",
    "naptr-record=sbc.test,10,20,S,SIPS+D2T,,_sips._tcp.sbc.test",
    "txt-record=big.test," + ",".join(["x" * 250] * 12),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with dns_peer.dnsmasq(tmp_path_factory.mktemp("dns") / "log", *RECORDS) as port:
        yield port


@pytest.fixture
def ask(server: int, run_probe: RunProbe) -> RunProbe:
    return partial(run_probe, DNS, host="127.0.0.1", port=server)


@pytest.mark.parametrize(
    ("settings", "state", "reason", "text"),
    [
        ({"query": "sbc.test"}, State.UP, None, ""),
        ({"query": "sbc.test", "expect": ("198.51.100.0/24",)}, State.UP, None, ""),
        ({"query": "sbc.test", "record": "AAAA", "expect": ("2001:db8::7",)}, State.UP, None, ""),
        ({"query": "trunk.test", "expect": ("198.51.100.7", "198.51.100.8")}, State.UP, None, ""),
        ({"query": "_sips._tcp.sbc.test", "record": "SRV", "expect": ("10 60 5061 SBC.test",)}, State.UP, None, ""),
        (
            {
                "query": "sbc.test",
                "record": "NAPTR",
                "expect": ('10 20 "S" "SIPS+D2T" "" _sips._tcp.sbc.test.',),
            },
            State.UP,
            None,
            "",
        ),
        ({"query": "big.test", "record": "TXT"}, State.UP, None, ""),  # 3 KB: by UDP cut off, by TCP whole
        (
            {"query": "sbc.test", "expect": ("198.51.100.7",)},
            State.DEGRADED,
            None,
            "sbc.test A is also 198.51.100.8, which is not expected",
        ),
        (
            {"query": "sbc.test", "expect": ("203.0.113.0/24",)},
            State.DOWN,
            Reason.DEVICE,
            "sbc.test A is 198.51.100.7, 198.51.100.8, none of it expected",
        ),
        (
            {"query": "gone.test"},
            State.DOWN,
            Reason.DEVICE,
            "asked for gone.test A, it says that there is no such name",
        ),
        ({"query": "sbc.test", "record": "MX"}, State.DOWN, Reason.DEVICE, "it has no record sbc.test MX"),
        ({"query": "elsewhere.example"}, State.DOWN, Reason.DEVICE, "it refuses to answer this machine (REFUSED)"),
    ],
)
def test_dnsmasq(settings: dict[str, object], state: State, reason: Reason | None, text: str, ask: RunProbe) -> None:
    reading = ask(**settings)
    assert (reading.state, reading.reason) == (state, reason), reading.text
    assert text in reading.text
    assert bool(reading.text) == bool(text)
    assert [seen.quantity for seen in reading.observations] == ["response_seconds", "dns_server_info"]


def test_a_slow_answer_is_degraded() -> None:
    asked = question(Dns(query="a.test"))
    answer = answer_in(right(asked.to_wire()).to_wire(), asked)
    assert answer is not None
    assert judge(Dns(query="a.test"), "s", "192.0.2.53", answer, 0.9).state is State.UP
    reading = judge(Dns(query="a.test"), "s", "192.0.2.53", answer, 1.5)
    assert (reading.state, reading.text) == (State.DEGRADED, "s: it answered after 1.5 s")


def test_nobody_there_is_down(run_probe: RunProbe) -> None:
    port = peers.free_port(socket.SOCK_DGRAM)
    reading = run_probe(DNS, host="127.0.0.1", port=port, query="a.test")
    assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"expect": ("sbc.test",)}, "expect: 'sbc.test' is neither an address nor a prefix"),
        ({"expect": ("2001:db8::7",)}, "expect: '2001:db8::7' is of IPv6; A records are of IPv4"),
        ({"record": "SRV", "expect": ("10 60 5061 sbc.test",)}, None),
        ({"host": ""}, "one of 'host' and 'hosts' is wanted"),
    ],
)
def test_the_rules_over_several_keys(settings: dict[str, object], says: str | None) -> None:
    complaint = DNS.check(Dns(**{"host": "192.0.2.1", "query": "a.test", **settings}))
    assert complaint is None if says is None else says in str(complaint)


# ---- Servers that misbehave ----

Answers = Callable[[bytes], list[bytes]]


def right(octets: bytes) -> dns.message.Message:
    answer = dns.message.make_response(dns.message.from_wire(octets))
    answer.answer.append(dns.rrset.from_text("a.test.", 60, "IN", "A", "192.0.2.1"))
    return answer


def other_id(octets: bytes) -> bytes:
    wire = right(octets).to_wire()
    return bytes([wire[0] ^ 1]) + wire[1:]


def about_another_name(octets: bytes) -> bytes:
    return right(octets).to_wire().replace(b"\x01a\x04test", b"\x01b\x04test")


def with_rcode(octets: bytes, rcode: dns.rcode.Rcode) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(octets))
    answer.set_rcode(rcode)
    return answer.to_wire()


def going_in_circles(octets: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(octets))
    answer.answer.append(dns.rrset.from_text("a.test.", 60, "IN", "CNAME", "b.test."))
    answer.answer.append(dns.rrset.from_text("b.test.", 60, "IN", "CNAME", "a.test."))
    return answer.to_wire()


@contextmanager
def lying(
    udp: Answers, tcp: Callable[[socket.socket], object] | None = None, *, elsewhere: bool = False
) -> Iterator[int]:
    """A server that answers by UDP with `udp`, and gives every TCP connection to `tcp`."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as asked,
        socket.socket(type=socket.SOCK_DGRAM) as other,
        socket.socket() as listener,
    ):
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
        other.bind(("127.0.0.1", 0))
        listener.bind(("127.0.0.1", port))
        listener.listen()
        ended = threading.Event()
        for sock in (asked, listener):
            sock.settimeout(0.05)

        def serve_udp() -> None:
            while not ended.is_set():
                try:
                    octets, sender = asked.recvfrom(4096)
                except TimeoutError:
                    continue
                for answer in udp(octets):
                    (other if elsewhere else asked).sendto(answer, sender)

        def serve_tcp() -> None:
            while tcp and not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(2)
                    try:
                        tcp(connection)
                    except OSError:
                        continue

        threads = [threading.Thread(target=serve) for serve in (serve_udp, serve_tcp)]
        for thread in threads:
            thread.start()
        try:
            yield port
        finally:
            ended.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize(
    ("answers", "state", "reason", "says"),
    [
        (lambda octets: [], State.DOWN, Reason.TIMEOUT, "no answer within"),
        (lambda octets: [other_id(octets)], State.DOWN, Reason.TIMEOUT, "no answer within"),
        (lambda octets: [octets], State.DOWN, Reason.PROTOCOL, "no answer to it"),
        (lambda octets: [octets[:2] + b"\xff" * 60_000], State.DOWN, Reason.TIMEOUT, ""),
        (lambda octets: [right(octets).to_wire()[:30]], State.DOWN, Reason.PROTOCOL, "cannot be read"),
        (lambda octets: [about_another_name(octets)], State.DOWN, Reason.PROTOCOL, "no answer to it"),
        (lambda octets: [going_in_circles(octets)], State.DOWN, Reason.PROTOCOL, "lead nowhere"),
        (lambda octets: [with_rcode(octets, dns.rcode.SERVFAIL)], State.DOWN, Reason.DEVICE, "SERVFAIL"),
        (lambda octets: [with_rcode(octets, dns.rcode.NOTAUTH)], State.DOWN, Reason.DEVICE, "answers NOTAUTH"),
        (lambda octets: [b"", b"\0", other_id(octets), right(octets).to_wire()], State.UP, None, ""),
    ],
)
def test_a_server_that_misbehaves(
    answers: Answers, state: State, reason: Reason | None, says: str, run_probe: RunProbe
) -> None:
    with lying(answers) as port:
        reading = run_probe(DNS, host="127.0.0.1", port=port, timeout=0.4, query="a.test")
    assert (reading.state, reading.reason) == (state, reason), reading.text
    assert says in reading.text


def test_an_answer_from_another_port_is_not_heard(run_probe: RunProbe) -> None:
    with lying(lambda octets: [right(octets).to_wire()], elsewhere=True) as port:
        reading = run_probe(DNS, host="127.0.0.1", port=port, timeout=0.3, query="a.test")
    assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)


def test_a_server_without_edns_is_asked_without(run_probe: RunProbe) -> None:
    def old(octets: bytes) -> list[bytes]:
        edns = dns.message.from_wire(octets).edns >= 0
        return [with_rcode(octets, dns.rcode.FORMERR) if edns else right(octets).to_wire()]

    with lying(old) as port:
        assert run_probe(DNS, host="127.0.0.1", port=port, query="a.test").state is State.UP


def test_a_lost_question_is_sent_again(run_probe: RunProbe) -> None:
    heard: list[bytes] = []

    def second(octets: bytes) -> list[bytes]:
        heard.append(octets)
        return [right(octets).to_wire()] if len(heard) > 1 else []

    with lying(second) as port:
        assert run_probe(DNS, host="127.0.0.1", port=port, timeout=1, query="a.test").state is State.UP


def cut_off(octets: bytes) -> list[bytes]:
    answer = dns.message.make_response(dns.message.from_wire(octets))
    answer.flags |= dns.flags.TC
    return [answer.to_wire()]


def framed(octets: bytes) -> bytes:
    return struct.pack("!H", len(octets)) + octets


def heard(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
    return connection.recv(length, socket.MSG_WAITALL)


@pytest.mark.parametrize(
    ("tcp", "state", "reason", "says"),
    [
        (lambda c: c.sendall(framed(right(heard(c)).to_wire())), State.UP, None, ""),
        (lambda c: c.sendall(framed(right(heard(c)).to_wire())[:9]), State.DOWN, Reason.PROTOCOL, "after 7 bytes"),
        (heard, State.DOWN, Reason.PROTOCOL, "after 0 bytes"),
        (lambda c: c.sendall(framed(other_id(heard(c)))), State.DOWN, Reason.PROTOCOL, "another question"),
        (lambda c: c.sendall(framed(cut_off(heard(c))[0])), State.DOWN, Reason.PROTOCOL, "cut off"),
        (lambda c: (heard(c), c.sendall(b"\xff\xff" + b"\xff" * 10_000_000)), State.DOWN, Reason.PROTOCOL, "another"),
        (lambda c: (heard(c), c.recv(1)), State.DOWN, Reason.TIMEOUT, "no answer within"),
    ],
)
def test_by_tcp_where_the_answer_is_cut_off(
    tcp: Callable[[socket.socket], object], state: State, reason: Reason | None, says: str, run_probe: RunProbe
) -> None:
    with lying(cut_off, tcp) as port:
        reading = run_probe(DNS, host="127.0.0.1", port=port, timeout=0.5, query="a.test")
    assert (reading.state, reading.reason) == (state, reason), reading.text
    assert says in reading.text


@given(st.binary(max_size=300), st.booleans(), st.integers(0, 255))
def test_any_octets_are_an_answer_or_none(octets: bytes, ours: bool, flags: int) -> None:
    asked = question(Dns(query="a.test"))
    if ours:
        octets = struct.pack("!HB", asked.id, flags) + octets
    try:
        answer = answer_in(octets, asked)
        if answer is not None:
            records(answer, "A")
    except NotAnAnswer:
        return


@given(st.data())
def test_a_damaged_answer_is_an_answer_or_none(data: st.DataObject) -> None:
    asked = question(Dns(query="a.test"))
    wire = bytearray(right(asked.to_wire()).to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(2, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        answer = answer_in(bytes(wire), asked)
        if answer is not None:
            judge(Dns(query="a.test"), "s", "192.0.2.53", answer, 0.1)
    except NotAnAnswer:
        return


def test_each_isp_s_resolver_is_asked_by_its_own_way(tmp_path: Path, run_probe: RunProbe) -> None:
    with namespaces.two_isp_site() as net:
        record = "host-record=sbc.test,198.51.100.7"
        with dns_peer.dnsmasq(tmp_path / "log", record, where=net.provider, host=net.service) as port:

            def look(isp: namespaces.Isp) -> Reading:
                way = {"host": net.service, "port": port, "source": isp.source, "timeout": 0.4}
                return net.site.inside(lambda: run_probe(DNS, query="sbc.test", **way))

            assert look(net.a).state is look(net.b).state is State.UP
            net.cut(net.a)
            assert (look(net.a).state, look(net.b).state) == (State.DOWN, State.UP)
