"""The sip-binding probe against real Kamailio registrars, and registrars of ours that challenge, loop and lie."""

import asyncio
import ipaddress
import json
import re
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

import dns_peer
import kamailio_peer
import peers
from conftest import clear
from probes.declared.sip_binding import SIP_BINDING, SipBinding
from probes.declared.sip_uri import SipUri, Transport, parse_uri
from probes.declared.sip_way import Server
from probes.sip import ProtocolError, Response, build
from probes.sip_binding import judge
from probes.sip_pace import Pace
from probes.sip_register import Binding, bindings, build_query
from probes.sip_round import PACE
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from test_sip_options import Authority, Uas, reply, uas

RunProbe = Callable[..., Reading]
AOR = parse_uri("sip:carrier-a@provider.test")


def at(port: int, transport: str = "udp") -> SipUri:
    return parse_uri(f"sip:127.0.0.1:{port};transport={transport}")


def value(reading: Reading, quantity: str) -> float | None:
    found = [seen.value for seen in reading.observations if seen.quantity == quantity]
    assert len(found) < 2
    return found[0] if found else None


@dataclass(frozen=True)
class World:
    port: int
    tls: int
    ca: str
    rpc: int

    def bindings(self) -> Any:
        """What the registrar holds, without what counts down."""
        question = json.dumps({"jsonrpc": "2.0", "method": "ul.dump", "id": 1}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rpc}/RPC", question, timeout=5) as answer:
            domains = json.load(answer)["result"]["Domains"]
        kept = ("Address", "CallID", "CSeq", "User-Agent", "Received", "Path", "State", "Flags", "Instance")
        return [
            (
                record["Info"]["AoR"],
                [{name: contact["Contact"].get(name) for name in kept} for contact in record["Info"]["Contacts"]],
            )
            for domain in domains
            for record in domain["Domain"]["AoRs"]
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registrar at which a PBX keeps one registration."""
    folder = tmp_path_factory.mktemp("binding")
    authority, tls, rpc = Authority(folder), peers.free_port(), peers.free_port()
    certificate = authority.issue("registrar", 90, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    with (
        kamailio_peer.provider(folder / "provider", {tls: certificate}, rpc=rpc) as port,
        kamailio_peer.pbx(folder / "pbx", {"carrier-a": ("right-secret", port)}),
    ):
        found = World(port, tls, str(authority.pem), rpc)
        peers.wait_until(found.bindings, what="the registration of the PBX")
        yield found


class TestKamailio:
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
    def test_the_binding_of_a_pbx_is_read_and_left_as_it_is(
        self, world: World, run_probe: RunProbe, transport: str
    ) -> None:
        proxy = at(world.tls if transport == "tls" else world.port, transport)
        ca = world.ca if transport == "tls" else ""
        before = world.bindings()
        reading = run_probe(SIP_BINDING, uri=AOR, password=clear("right-secret"), proxy=proxy, ca=ca)
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert value(reading, "trunk_bound") == 1
        assert {seen.target for seen in reading.observations} == {"carrier-a@provider.test"}
        assert {seen.quantity for seen in reading.observations} <= set(QUANTITIES)
        assert value(reading, "trunk_registration_expiry_timestamp_seconds") is not None
        assert before
        assert world.bindings() == before

    def test_an_address_without_binding_is_down_and_gets_none(self, world: World, run_probe: RunProbe) -> None:
        uri = parse_uri("sip:carrier-z@provider.test")
        before = world.bindings()
        reading = run_probe(SIP_BINDING, uri=uri, password=clear("right-secret"), proxy=at(world.port))
        assert (reading.state, reading.reason) == (State.DOWN, None)
        assert reading.text == "the registrar holds no binding of carrier-z@provider.test: none"
        assert value(reading, "trunk_bound") == 0
        assert world.bindings() == before

    def test_a_binding_from_elsewhere_is_not_the_pbx(self, world: World, run_probe: RunProbe) -> None:
        settings = {"uri": AOR, "password": clear("right-secret"), "proxy": at(world.port)}
        assert run_probe(SIP_BINDING, contact="127.0.0.1", **settings).state is State.UP
        reading = run_probe(SIP_BINDING, contact="192.0.2.8", **settings)
        assert reading.state is State.DOWN
        assert "none from 192.0.2.8, but sip:" in reading.text

    def test_a_wrong_password(self, world: World, run_probe: RunProbe) -> None:
        reading = run_probe(SIP_BINDING, uri=AOR, password=clear("wrong-secret"), proxy=at(world.port))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.AUTH)
        assert "the password of carrier-a is refused (401 Unauthorized); not tried again for 6 h" in reading.text
        assert "wrong-secret" not in repr(reading)

    def test_sha_256(self, tmp_path: Path, run_probe: RunProbe) -> None:
        with kamailio_peer.provider(tmp_path / "provider", {}, algorithm="SHA-256") as port:
            reading = run_probe(SIP_BINDING, uri=AOR, password=clear("right-secret"), proxy=at(port))
        assert (reading.state, reading.reason) == (State.DOWN, None)  # let in, and nobody is registered there


def challenge(request: bytes, status: str = "401 Unauthorized", *challenges: str, header: str = "") -> bytes:
    name = header or ("Proxy-Authenticate" if status.startswith("407") else "WWW-Authenticate")
    lines = "".join(f"{name}: {one}\r\n" for one in challenges)
    return reply(request, status).replace(b"Content-Length", lines.encode() + b"Content-Length")


def listing(request: bytes, *contacts: str, extra: str = "") -> bytes:
    lines = extra + "".join(f"Contact: {contact}\r\n" for contact in contacts)
    return reply(request).replace(b"Content-Length", lines.encode() + b"Content-Length")


def digest(nonce: str = "n1", more: str = 'qop="auth"', algorithm: str = "MD5") -> str:
    return f'Digest realm="provider.test", nonce="{nonce}", algorithm={algorithm}, {more}'


def together(peer: Uas, *passwords: str, timeout: float = 4, **settings: Any) -> list[Reading]:
    """One reading after another over one set of channels, as a monitor would take them."""

    async def run() -> list[Reading]:
        channels = Channels()
        channels.get(PACE, lambda: Pace(per_second=50))
        once = Run(timeout, 0, channels, lambda secret: secret.name)
        try:
            return [
                await SIP_BINDING.probe(
                    SipBinding(uri=AOR, proxy=at(peer.port), password=clear(password), **settings), once
                )
                for password in passwords
            ]
        finally:
            await channels.aclose()

    return asyncio.run(run())


def heads(peer: Uas) -> list[dict[str, str]]:
    """The headers of every request, by name in small letters."""
    return [
        {
            name.lower(): text
            for name, _, text in (line.partition(": ") for line in request.decode().split("\r\n")[1:] if line)
        }
        for request in peer.requests
    ]


ONE = '"PBX, main" <sip:carrier-a@192.0.2.8:5060;transport=udp>;expires=50;q=0.7'


class TestChallenges:
    def test_several_challenges_the_strongest_is_answered(self) -> None:
        offers = (
            digest("weak"),
            digest("odd", algorithm="MYSTERY-1"),
            digest("strong", algorithm="SHA-256"),
            'Negotiate realm="x"',
        )

        def answer(request: bytes, number: int) -> list[bytes]:
            return [listing(request, ONE) if number else challenge(request, "401 Unauthorized", *offers)]

        with uas(answer) as peer:
            (reading,) = together(peer, "pw")
        assert reading.state is State.UP
        said = heads(peer)[1]["authorization"]
        assert 'nonce="strong"' in said
        assert "algorithm=SHA-256" in said
        assert re.search(r'response="[0-9a-f]{64}"', said)

    def test_several_challenges_in_one_header(self) -> None:
        both = f"{digest('weak')}, {digest('strong', algorithm='SHA-512-256')}"

        def answer(request: bytes, number: int) -> list[bytes]:
            return [listing(request, ONE) if number else challenge(request, "401 Unauthorized", both)]

        with uas(answer) as peer:
            (reading,) = together(peer, "pw")
        assert reading.state is State.UP
        assert 'nonce="strong"' in heads(peer)[1]["authorization"]

    def test_a_proxy_and_a_registrar_that_both_ask(self) -> None:
        def answer(request: bytes, number: int) -> list[bytes]:
            if b"\r\nProxy-Authorization:" not in request:
                return [challenge(request, "407 Proxy Authentication Required", digest("p"))]
            if b"\r\nAuthorization:" not in request:
                return [challenge(request, "401 Unauthorized", digest("r"))]
            return [listing(request, ONE)]

        with uas(answer) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, len(peer.requests)) == (State.UP, 3)

    def test_a_stale_nonce_is_replaced_once(self) -> None:
        def answer(request: bytes, number: int) -> list[bytes]:
            more = ("qop=auth", "qop=auth, stale=true")[min(number, 1)]
            return [
                listing(request, ONE)
                if number == 2
                else challenge(request, "401 Unauthorized", digest(f"n{number}", more))
            ]

        with uas(answer) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, len(peer.requests)) == (State.UP, 3)
        assert 'nonce="n1"' in heads(peer)[2]["authorization"]

    def test_a_loop_of_stale_nonces_ends(self) -> None:
        def answer(request: bytes, number: int) -> list[bytes]:
            return [challenge(request, "401 Unauthorized", digest(secrets.token_hex(4), "stale=TRUE"))]

        with uas(answer) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
        assert "challenges without end" in reading.text
        assert len(peer.requests) == 4

    @pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
    def test_a_wrong_password_is_sent_once_until_it_changes(self, status: str) -> None:
        def answer(request: bytes, number: int) -> list[bytes]:
            if b"\r\nAuthorization:" not in request:
                return [challenge(request, "401 Unauthorized", digest())]
            return [challenge(request, status, *([digest("n2")] if status.startswith("401") else []))]

        with uas(answer) as peer:
            readings = together(peer, "wrong", "wrong", "wrong", "other", "wrong")
        assert [reading.reason for reading in readings] == [Reason.AUTH] * 5
        assert {reading.state for reading in readings} == {State.UNKNOWN}
        assert sum("authorization" in head for head in heads(peer)) == 2  # "wrong" and "other", once each
        assert len(peer.requests) == 4
        assert readings[0] == readings[1] == readings[4]

    @pytest.mark.parametrize(
        ("offer", "reason", "text"),
        [
            ('Basic realm="x"', Reason.AUTH, "offers no digest that is known here"),
            (digest(algorithm="SHA-999"), Reason.AUTH, "offers no digest that is known here"),
            (digest(more='qop="auth-conf"'), Reason.AUTH, "offers no digest that is known here"),
            ('Digest realm="x"', Reason.PROTOCOL, "without nonce"),
            ('Digest realm="x", realm="y", nonce="n"', Reason.PROTOCOL, "two values of realm"),
            ('Digest realm="x, nonce="n"', Reason.PROTOCOL, "challenge that is none"),
            (digest("n" * 2_000), Reason.PROTOCOL, "more than 1024 characters"),
            ("", Reason.AUTH, "offers no digest"),
        ],
    )
    def test_what_cannot_be_answered(self, offer: str, reason: Reason, text: str) -> None:
        with uas(lambda request, _: [challenge(request, "401 Unauthorized", offer)]) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason)
        assert text in reading.text
        assert len(peer.requests) == 1


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "reason", "text"),
        [
            ("403 Forbidden", Reason.AUTH, "its access list or our identity"),
            ("404 Not Found", Reason.DEVICE, "knows no such address of record"),
            ("405 Method Not Allowed", Reason.NOT_OFFERED, "is no registrar"),
            ("500 Oops", Reason.DEVICE, "a fault at the target"),
            ("503 Service Unavailable", Reason.DEVICE, "overloaded or in maintenance"),
            ("302 Moved", Reason.DEVICE, "sends callers elsewhere"),
        ],
    )
    def test_a_registrar_that_does_not_tell_says_nothing(self, status: str, reason: Reason, text: str) -> None:
        with uas(lambda request, _: [reply(request, status)]) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason)
        assert text in reading.text
        assert reading.observations == ()

    def test_silence_says_nothing_of_a_registration(self) -> None:
        with uas(lambda request, _: []) as peer:
            (reading,) = together(peer, "pw", timeout=0.4)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)

    def test_retry_after_is_kept_by_the_next_reading_and_is_told_to_others(self) -> None:
        def busy(request: bytes, _: int) -> list[bytes]:
            return [reply(request, "503 Busy").replace(b"Content-Length", b"Retry-After: 60\r\nContent-Length")]

        with uas(busy) as peer:
            first, second = together(peer, "pw", "pw")
        assert "asks for quiet for 60 s" in first.text
        assert "not asked again for 60 s" in second.text
        assert len(peer.requests) == 1

    @pytest.mark.parametrize("contact", ["*", "<>", "<sip:>", "tel:+13035550100", "<sip:a@b", '"<sip:a@b>'])
    def test_a_binding_that_is_none(self, contact: str) -> None:
        with uas(lambda request, _: [listing(request, contact)]) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)

    def test_two_bindings_and_the_last_to_run_out_counts(self) -> None:
        contacts = ("<sip:a@192.0.2.8>;expires=50, <sip:a@192.0.2.9>;EXPIRES=90", "<sip:a@192.0.2.7>;expires=0")
        with uas(lambda request, _: [listing(request, *contacts)]) as peer:
            (reading,) = together(peer, "pw")
            (down,) = together(peer, "pw", contact="192.0.2.7")
        assert (reading.state, value(reading, "trunk_bound")) == (State.UP, 1)
        assert down.state is State.DOWN


def test_a_registrar_of_many_addresses_is_asked_at_one_that_answers(tmp_path: Path) -> None:
    """Two requests a second apart, though eight targets share the time; the second target where the first is silent."""

    def answer(request: bytes, number: int) -> list[bytes]:
        return [listing(request, ONE) if number % 2 else challenge(request, "401 Unauthorized", digest())]

    with ExitStack() as stack:
        works = stack.enter_context(uas(answer))
        silent = stack.enter_context(uas(lambda request, _: []))
        names = [f"srv-host=_sip._udp.many.test,one.test,{works.port + n},{n + 1},0" for n in range(8)]
        records = [*names, f"srv-host=_sip._udp.half.test,one.test,{silent.port},1,0", "host-record=one.test,127.0.0.1"]
        records.append(f"srv-host=_sip._udp.half.test,one.test,{works.port},2,0")
        records.append(f"srv-host=_sip._udp.half.test,one.test,{silent.port},3,0")
        dns = Server("127.0.0.1", stack.enter_context(dns_peer.dnsmasq(tmp_path / "log", *records)))
        usual = {"uri": AOR, "password": clear("pw"), "resolver": dns}

        async def each() -> list[Reading]:
            channels = Channels()
            once = Run(6, 0, channels, lambda secret: secret.name)
            proxies = [parse_uri(f"sip:{name}.test;transport=udp") for name in ("many", "half")]
            try:
                return [await SIP_BINDING.probe(SipBinding(**usual, proxy=proxy), once) for proxy in proxies]
            finally:
                await channels.aclose()

        readings = asyncio.run(each())
    assert [reading.state for reading in readings] == [State.UP, State.UP]
    assert [len(works.requests), len(silent.requests) > 0] == [4, True]


class TestNothingIsBound:
    def test_no_request_ever_carries_contact_or_expires(self) -> None:
        """Through every turn that a registrar can lead the probe into."""
        turns = [
            lambda request: challenge(request, "401 Unauthorized", digest("a")),
            lambda request: challenge(request, "407 Proxy Authentication Required", digest("b", algorithm="SHA-256")),
            lambda request: challenge(request, "401 Unauthorized", digest("c", 'stale=true, opaque="x"')),
            lambda request: listing(request, ONE),
        ]
        with uas(lambda request, number: [turns[min(number, 3)](request)]) as peer:
            (reading,) = together(peer, "pw")
        assert (reading.state, len(peer.requests)) == (State.UP, 4)
        for number, (request, head) in enumerate(zip(peer.requests, heads(peer), strict=True), 1):
            assert request.startswith(b"REGISTER sip:provider.test SIP/2.0\r\n")
            assert not {"contact", "m", "expires"} & set(head)
            assert head["cseq"] == f"{number} REGISTER"
            assert head["to"] == "<sip:carrier-a@provider.test>"
            assert request.endswith(b"\r\n\r\n")
            assert head["content-length"] == "0"
        assert len({head["call-id"] for head in heads(peer)}) == 1
        assert len({head["via"] for head in heads(peer)}) == 4

    @pytest.mark.parametrize("name", ["Contact", "contact", "m", "M", "Expires"])
    def test_the_builder_refuses_what_would_bind(self, name: str) -> None:
        with pytest.raises(ValueError, match="a probe sends no REGISTER with"):
            build(
                "REGISTER",
                "sip:provider.test",
                sender="sip:a@provider.test",
                to="sip:a@provider.test",
                local=(Transport.UDP, "192.0.2.1", 5060),
                extra=((name, "*"),),
            )

    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "BYE", "register"])
    def test_and_every_other_method(self, method: str) -> None:
        with pytest.raises(ValueError, match="a probe sends no"):
            build(
                method,
                "sip:provider.test",
                sender="sip:a@provider.test",
                to="sip:a@provider.test",
                local=(Transport.UDP, "192.0.2.1", 5060),
            )

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    def test_no_nonce_smuggles_a_header_in(self, text: str) -> None:
        credentials = (("Authorization", f'Digest nonce="{text}"'),)
        if {"\r", "\n"} & set(text):
            return  # a header's value never holds a line end: `parse_response` refuses it
        request = build_query(AOR, (Transport.UDP, "192.0.2.1", 5060), credentials=credentials)
        names = [line.partition(b":")[0].lower() for line in request.wire.split(b"\r\n")]
        assert b"contact" not in names
        assert b"expires" not in names


def test_an_emergency_number_is_no_address_of_record() -> None:
    with pytest.raises(ValueError, match="emergency number 911"):
        parse_uri("sip:911@provider.example")


def test_what_a_file_may_not_say_together() -> None:
    password = clear("pw")
    assert SIP_BINDING.check(SipBinding(uri=AOR, password=password)) is None
    assert "names no user" in (SIP_BINDING.check(SipBinding(uri=parse_uri("sip:x.test"), password=password)) or "")
    proxy = parse_uri("sip:192.0.2.1")
    assert "for TLS" in (SIP_BINDING.check(SipBinding(uri=AOR, password=password, proxy=proxy, verify=False)) or "")
    assert "pw" not in repr(SipBinding(uri=AOR, password=password)).replace("password", "")


@given(
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=300), max_size=60), max_size=4),
    st.text(max_size=12),
)
def test_any_contact_is_a_binding_or_refused(contacts: list[str], expires: str) -> None:
    response = Response(
        200, "OK", "b", "c", "t", 1, "REGISTER", kept={"contact": tuple(contacts), "expires": (expires,)}
    )
    try:
        found = bindings(response)
    except ProtocolError:
        return
    assert len(found) == len(contacts)
    assert all(isinstance(one, Binding) and one.host for one in found)
    assert judge(SipBinding(uri=AOR, password=clear("pw")), found, 0.0).state in (State.UP, State.DOWN)
