"""Where a SIP URI leads (RFC 3263): a real dnsmasq, servers that do not answer or answer wrongly, and the order."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest

import dns_peer
import peers
from probes.declared.sip_options import SIP_OPTIONS
from probes.declared.sip_uri import Transport, parse_uri
from probes.declared.sip_way import Server, parse_server
from probes.sip_resolve import (
    LONGEST_KEPT,
    Found,
    Lookup,
    Names,
    Naptr,
    Place,
    Srv,
    Unresolved,
    places,
    resolve,
    srv_names,
)
from probes.sip_target import Source
from resilience.reading import Reading, Reason, State
from test_sip_options import reply, uas

RunProbe = Callable[..., Reading]

RECORDS = (
    # three transports by NAPTR, written in the wrong order
    "naptr-record=all.test,20,10,S,SIP+D2U,,_sip._udp.all.test",
    "naptr-record=all.test,10,20,S,SIP+D2T,,_sip._tcp.all.test",
    "naptr-record=all.test,10,10,s,SIPS+D2T,,_sips._tcp.all.test",
    "naptr-record=all.test,1,1,U,E2U+sip,!^.*$!sip:else@else.test!",
    "srv-host=_sips._tcp.all.test,one.test,5071,10,0",
    "srv-host=_sip._tcp.all.test,one.test,5070,10,0",
    "srv-host=_sip._udp.all.test,two.test,5072,20,0",
    "srv-host=_sip._udp.all.test,one.test,5070,10,5",
    # no NAPTR
    "srv-host=_sip._udp.srv.test,two.test,5072,10,60",
    "srv-host=_sip._udp.srv.test,one.test,5070,10,40",
    "srv-host=_sip._tcp.srv.test,one.test,5070,10,0",
    # no SRV either
    "host-record=plain.test,127.0.0.9",
    # a name that an SRV record leads to and that is not there
    "srv-host=_sip._udp.half.test,one.test,5070,10,0",
    "srv-host=_sip._udp.half.test,gone.test,5070,20,0",
    "srv-host=_sip._udp.gone.test,nowhere.test,5060,10,0",
    # a spare that has an address of the other family alone
    "srv-host=_sip._udp.mixed.test,one.test,5070,10,0",
    "srv-host=_sip._udp.mixed.test,v6.test,5070,20,0",
    "host-record=v6.test,::1",
    "host-record=one.test,127.0.0.1",
    "host-record=two.test,127.0.0.2",
    "host-record=six.test,127.0.0.6,::1",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with dns_peer.dnsmasq(tmp_path_factory.mktemp("dns") / "log", *RECORDS) as port:
        yield port


def led(uri: str, port: int, *, source: str = "", seconds: float = 3) -> Found:
    async def once() -> Found:
        lookup = Lookup(asyncio.get_running_loop().time() + seconds, Names("127.0.0.1", port))
        return await resolve(parse_uri(uri), Source(source), lookup)

    return asyncio.run(once())


class TestDnsmasq:
    @pytest.mark.parametrize(
        ("uri", "targets"),
        [
            (
                "sip:all.test",
                ["127.0.0.1:5071/tls", "127.0.0.1:5070/tcp", "127.0.0.1:5070/udp", "127.0.0.2:5072/udp"],
            ),
            ("sips:all.test", ["127.0.0.1:5071/tls"]),
            ("sip:all.test;transport=udp", ["127.0.0.1:5070/udp", "127.0.0.2:5072/udp"]),
            ("sip:all.test;transport=tcp", ["127.0.0.1:5070/tcp"]),
            ("sip:srv.test", ["127.0.0.1:5070/tcp", "127.0.0.2:5072/udp", "127.0.0.1:5070/udp"]),
            ("sip:plain.test", ["127.0.0.9:5060/udp"]),
            ("sips:plain.test", ["127.0.0.9:5061/tls"]),
            ("sip:plain.test;transport=tcp", ["127.0.0.9:5060/tcp"]),
            ("sip:one.test:5099", ["127.0.0.1:5099/udp"]),  # a port leaves nothing to look up but the address
            ("sip:192.0.2.1", ["192.0.2.1:5060/udp"]),
        ],
    )
    def test_order(self, server: int, uri: str, targets: list[str]) -> None:
        found = led(uri, server)
        assert [str(target) for target in found.targets] == targets
        assert found.lost == ()

    def test_an_srv_target_without_address_is_a_spare_that_is_gone(self, server: int) -> None:
        found = led("sip:half.test", server)
        assert [str(target) for target in found.targets] == ["127.0.0.1:5070/udp"]
        assert [(lost.state, lost.reason) for lost in found.lost] == [(State.DOWN, Reason.RESOLVE)]
        assert found.lost[0].text == "gone.test:5070/udp: the name has no address"

    def test_a_spare_of_the_other_family_is_not_seen_from_a_source_of_this_one(self, server: int) -> None:
        found = led("sip:mixed.test", server, source="127.0.0.1")
        assert [str(target) for target in found.targets] == ["127.0.0.1:5070/udp"]
        assert [(lost.state, lost.reason) for lost in found.lost] == [(State.UNKNOWN, Reason.RESOLVE)]

    @pytest.mark.parametrize("uri", ["sip:gone.test", "sip:nobody.test", "sip:nobody.test:5060"])
    def test_a_name_that_leads_nowhere(self, server: int, uri: str) -> None:
        with pytest.raises(Unresolved, match="has no address"):
            led(uri, server)

    def test_a_source_takes_its_own_family_only(self, server: int) -> None:
        assert [t.host for t in led("sip:six.test:5060", server, source="127.0.0.1").targets] == ["127.0.0.6"]
        assert [t.host for t in led("sip:six.test:5060", server, source="::1").targets] == ["::1"]

    def test_every_target_is_asked_and_a_silent_spare_is_degraded(self, tmp_path: Path, run_probe: RunProbe) -> None:
        with ExitStack() as stack:
            works = stack.enter_context(uas(lambda request, _: [reply(request)]))
            silent = stack.enter_context(uas(lambda request, _: []))
            records = (
                f"srv-host=_sip._udp.carrier.test,a.test,{works.port},10,0",
                f"srv-host=_sip._udp.carrier.test,b.test,{silent.port},20,0",
                "host-record=a.test,127.0.0.1",
                "host-record=b.test,127.0.0.1",
            )
            port = stack.enter_context(dns_peer.dnsmasq(tmp_path / "log", *records))
            settings = {"uri": parse_uri("sip:carrier.test"), "resolver": Server("127.0.0.1", port)}
            reading = run_probe(SIP_OPTIONS, timeout=2, **settings)
        assert (reading.state, reading.reason) == (State.DEGRADED, None)
        assert reading.text.startswith(f"1 of 2 targets work; 127.0.0.1:{silent.port}/udp: no answer")
        up = {seen.target: seen.value for seen in reading.observations if seen.quantity == "trunk_up"}
        assert up == {f"127.0.0.1:{works.port}/udp": 1, f"127.0.0.1:{silent.port}/udp": 0}
        assert b"OPTIONS sip:carrier.test SIP/2.0" in works.requests[0]

    def test_a_name_that_resolves_to_nothing_says_nothing_of_the_trunk(self, server: int, run_probe: RunProbe) -> None:
        settings = {"uri": parse_uri("sip:nobody.test"), "resolver": Server("127.0.0.1", server)}
        reading = run_probe(SIP_OPTIONS, **settings)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.RESOLVE)
        assert reading.text == "nobody.test does not resolve: nobody.test:5060/udp: the name has no address"


@contextmanager
def bad_server(answer: Callable[[dns.message.Message], bytes | None]) -> Iterator[int]:
    """A DNS server of ours that answers as `answer` says, or not at all."""
    done = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.02)

        def serve() -> None:
            while not done.is_set():
                try:
                    question, client = server.recvfrom(4096)
                except TimeoutError:
                    continue
                if wire := answer(dns.message.from_wire(question)):
                    server.sendto(wire, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def refused(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


def other_question(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(dns.message.make_query("else.test", "A"))
    response.id = question.id
    return response.to_wire()


def wrong_id(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    response.id = question.id ^ 1
    return response.to_wire()


@pytest.mark.parametrize(
    "answer", [lambda question: None, refused, other_question, wrong_id, lambda question: b"\xff" * 40]
)
@pytest.mark.parametrize("uri", ["sip:carrier.test", "sip:carrier.test;transport=udp", "sip:carrier.test:5060"])
def test_a_question_without_answer_leads_to_no_guess(answer: Callable[..., bytes | None], uri: str) -> None:
    with bad_server(answer) as port, pytest.raises(Unresolved, match=r"carrier\.test"):
        led(uri, port, seconds=0.4)


def test_where_only_naptr_is_dropped_srv_still_counts(server: int) -> None:
    def drops_naptr(question: dns.message.Message) -> bytes | None:
        if question.question[0].rdtype == 35:
            return refused(question)
        response = dns.message.make_response(question)
        if question.question[0].to_text().startswith("_sip._udp.carrier.test. IN SRV"):
            response.answer.append(
                dns.rrset.from_text("_sip._udp.carrier.test.", 60, "IN", "SRV", "1 1 5077 192.0.2.7.")
            )
        elif question.question[0].to_text().startswith("192.0.2.7. IN A"):
            response.answer.append(dns.rrset.from_text("192.0.2.7.", 60, "IN", "A", "192.0.2.7"))
        return response.to_wire()

    with bad_server(drops_naptr) as port:
        assert [str(target) for target in led("sip:carrier.test", port).targets] == ["192.0.2.7:5077/udp"]


def test_nobody_at_the_servers_port() -> None:
    with pytest.raises(Unresolved):
        led("sip:carrier.test", peers.free_port(socket.SOCK_DGRAM), seconds=0.3)


@pytest.mark.parametrize(("ttl", "asked"), [(60, 1), (0, 3)])
def test_what_a_server_said_stands_for_as_long_as_its_record(ttl: int, asked: int) -> None:
    questions: list[str] = []

    def answer(question: dns.message.Message) -> bytes:
        questions.append(question.question[0].to_text())
        response = dns.message.make_response(question)
        name = question.question[0].name.to_text()
        if name.startswith("_sip._udp"):
            response.answer.append(dns.rrset.from_text(name, ttl, "IN", "SRV", "1 1 5077 one.test."))
        else:
            response.answer.append(dns.rrset.from_text(name, ttl, "IN", "A", "192.0.2.7"))
        return response.to_wire()

    async def three_times(port: int) -> list[Found]:
        names, until = Names("127.0.0.1", port), asyncio.get_running_loop().time() + 5
        uri = parse_uri("sip:carrier.test;transport=udp")
        return [await resolve(uri, Source("127.0.0.1"), Lookup(until, names)) for _ in range(3)]

    with bad_server(answer) as port:
        found = asyncio.run(three_times(port))
    assert {str(target) for one in found for target in one.targets} == {"192.0.2.7:5077/udp"}
    assert len(questions) == 2 * asked


def test_a_record_of_a_day_is_kept_for_minutes() -> None:
    response = dns.message.make_response(dns.message.make_query("one.test", "A"))
    response.answer.append(dns.rrset.from_text("one.test.", 86_400, "IN", "A", "192.0.2.7"))
    name, kind, internet = dns.name.from_text("one.test"), dns.rdatatype.A, dns.rdataclass.IN
    answer = dns.resolver.Answer(name, kind, internet, dns.message.from_wire(response.to_wire()))
    assert answer.expiration > time.time() + 86_000
    cache = Names("127.0.0.1").resolver().cache
    assert cache
    cache.put((name, kind, internet), answer)
    assert answer.expiration <= time.time() + LONGEST_KEPT


class TestRecords:
    def test_naptr_by_order_then_preference_and_only_what_sip_knows(self) -> None:
        records = [
            Naptr(20, 1, "s", "SIP+D2U", "_sip._udp.x."),
            Naptr(10, 20, "S", "sip+d2t", "_sip._tcp.x."),
            Naptr(10, 10, "S", "SIPS+D2T", "_sips._tcp.x."),
            Naptr(1, 1, "S", "SIP+D2S", "_sip._sctp.x."),
            Naptr(1, 1, "A", "SIP+D2U", "x."),
        ]
        assert srv_names(records, "sip") == (
            (Transport.TLS, "_sips._tcp.x."),
            (Transport.TCP, "_sip._tcp.x."),
            (Transport.UDP, "_sip._udp.x."),
        )
        assert srv_names(records, "sips") == ((Transport.TLS, "_sips._tcp.x."),)

    def test_srv_by_priority_then_weight_and_a_dot_is_nobody(self) -> None:
        records = [Srv(20, 0, 1, "c."), Srv(10, 10, 2, "b."), Srv(10, 90, 3, "a."), Srv(0, 0, 0, ".")]
        assert places(Transport.UDP, records) == (
            Place(Transport.UDP, "a.", 3),
            Place(Transport.UDP, "b.", 2),
            Place(Transport.UDP, "c.", 1),
        )


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", Server("192.0.2.53", 53)),
        ("192.0.2.53:5353", Server("192.0.2.53", 5353)),
        ("2001:db8::53", Server("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", Server("2001:db8::53", 5353)),
    ],
)
def test_a_declared_server(text: str, server: Server) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["", "dns.example", "192.0.2.53:0", "192.0.2.53:70000", "192.0.2.300", "[::1"])
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a DNS server"):
        parse_server(text)
