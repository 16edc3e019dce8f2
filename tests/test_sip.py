"""SIP as bytes and values: URIs, requests, responses, framing, status classes, timers, pace."""

import asyncio
import math
from contextlib import suppress

import pytest
from aiosipua.message import SipMessage
from hypothesis import given
from hypothesis import strategies as st

from probes.declared.sip_uri import SipUri, Transport, parse_uri
from probes.sip import (
    BODY_CAP,
    HEAD_CAP,
    Framing,
    ProtocolError,
    Response,
    build_options,
    classify,
    is_request,
    parse_response,
)
from probes.sip_pace import LONGEST_QUIET, Pace, Quiet
from probes.sip_transaction import ClientTransaction, Phase
from resilience.reading import Reading, Reason, State
from resilience.simulate.sip import SipSimulator

HEADERS = {
    "Via": "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKabc;rport=5060;received=192.0.2.9",
    "From": "<sip:monitor@192.0.2.9>;tag=f1",
    "To": "<sip:sbc.example>;tag=t1",
    "Call-ID": "c1@192.0.2.9",
    "CSeq": "1 OPTIONS",
}


def response(status: str = "SIP/2.0 200 OK", *, extra: str = "", body: bytes = b"", **changed: str | None) -> bytes:
    """A response with headers changed or, as None, left out; `call_id` stands for Call-ID."""
    names = {name.lower().replace("-", "_"): name for name in HEADERS}
    headers = HEADERS | {names[name]: value for name, value in changed.items()}
    lines = [status, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode() + body


def parsed(message: bytes) -> Response | ProtocolError:
    try:
        return parse_response(message)
    except ProtocolError as refused:
        return refused


class TestUri:
    @pytest.mark.parametrize(
        ("text", "uri"),
        [
            ("sip:sbc.carrier.example", SipUri("sip", "sbc.carrier.example")),
            ("SIP:SBC.Carrier.Example.", SipUri("sip", "sbc.carrier.example.")),
            (
                "sip:sbc.carrier.example;transport=tls",
                SipUri("sip", "sbc.carrier.example", Transport.TLS, transport_written=True),
            ),
            ("sips:sbc.carrier.example:5071", SipUri("sips", "sbc.carrier.example", Transport.TLS, 5071)),
            ("sips:sbc.example;transport=tcp", SipUri("sips", "sbc.example", Transport.TLS, transport_written=True)),
            ("sip:ping@192.0.2.1:5062", SipUri("sip", "192.0.2.1", port=5062, user="ping")),
            ("sip:[2001:DB8:0::1]:5060", SipUri("sip", "2001:db8::1", port=5060)),
        ],
    )
    def test_read(self, text: str, uri: SipUri) -> None:
        assert parse_uri(text) == uri

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sbc.carrier.example", "is not a SIP URI; write it as sip:"),
            ("tel:+13035550100", "is not a SIP URI"),
            ("sip:", "is not a SIP URI"),
            ("sip:a b", "is not a SIP URI"),
            ("sip:sbc.example?Route=x", "is not a SIP URI"),
            ("sip:sbc.example\r\nEvil: 1", "is not a SIP URI"),
            ("sip:sbc.example\n", "is not a SIP URI"),
            ("sip:ping:secret@sbc.example", "a password in it is refused"),
            ("sip:sbc.example:0", "0 is not a port"),
            ("sip:sbc.example:70000", "70000 is not a port"),
            ("sip:300.0.2.1", "300.0.2.1"),
            ("sip:[2001:db8::1::2]", "2001:db8::1::2"),
            ("sip:sbc.example;transport=sctp", "one ;transport=udp, tcp or tls"),
            ("sip:sbc.example;transport=udp;transport=tcp", "one ;transport="),
            ("sip:sbc.example;lr", "';lr': one ;transport="),
            ("sips:sbc.example;transport=udp", "sips: runs over TLS"),
            ("sip:911@sbc.example", "emergency number 911"),
        ],
    )
    def test_refused(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=message.replace("?", "\\?")) as refused:
            parse_uri(text)
        assert "secret" not in str(refused.value)

    def test_default_ports(self) -> None:
        assert [Transport.UDP.default_port, Transport.TCP.default_port, Transport.TLS.default_port] == [
            5060,
            5060,
            5061,
        ]


class TestRequest:
    def test_has_what_a_provider_expects_and_nothing_that_acts(self) -> None:
        request = build_options(
            parse_uri("sip:ping@sbc.example:5062;transport=tcp"), Transport.TCP, "2001:db8::9", 40000
        )
        head, _, body = request.wire.partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        assert line == "OPTIONS sip:ping@sbc.example:5062;transport=tcp SIP/2.0"
        assert headers == [
            f"Via: SIP/2.0/TCP [2001:db8::9]:40000;branch={request.branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:monitor@[2001:db8::9]>;tag={request.from_tag}",
            "To: <sip:ping@sbc.example>",
            f"Call-ID: {request.call_id}",
            "CSeq: 1 OPTIONS",
            "Accept: application/sdp",
            "User-Agent: site-resilience-monitor",
            "Content-Length: 0",
        ]
        assert body == b""
        assert request.branch.startswith("z9hG4bK")
        assert is_request(request.wire)

    def test_no_two_are_taken_for_each_other(self) -> None:
        uri = parse_uri("sip:sbc.example")
        one, two = (build_options(uri, Transport.UDP, "192.0.2.9", 5060) for _ in range(2))
        assert not {one.branch, one.call_id, one.from_tag} & {two.branch, two.call_id, two.from_tag}


class TestResponse:
    def test_read(self) -> None:
        assert parse_response(response()) == Response(
            200, "OK", "z9hG4bKabc", "c1@192.0.2.9", "f1", 1, "OPTIONS", retry_after=None
        )

    def test_compact_folded_and_oddly_spaced_headers(self) -> None:
        message = (
            b'SIP/2.0 486 Busy Here\r\nv : SIP/2.0/UDP h\r\n ;branch=z9hG4bKx\r\nf: "a, b" <sip:a@h>\r\n\t;tag=q\r\n'
            b't: <sip:h>;tag=w\r\ni: 1@h\r\ncseq: 7  OPTIONS\r\nWarning: 399 h "a", 399 h "b"\r\nl: 0\r\n\r\n'
        )
        assert parse_response(message) == Response(486, "Busy Here", "z9hG4bKx", "1@h", "q", 7, "OPTIONS")

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("30", 30), ("120 (I am in a meeting)", 120), ("18000;duration=3600", 18000), ("soon", None), ("-1", None)],
    )
    def test_retry_after(self, value: str, seconds: int | None) -> None:
        message = response("SIP/2.0 503 Service Unavailable", extra=f"Retry-After: {value}\r\n")
        assert parse_response(message).retry_after == seconds

    def test_a_datagram_longer_than_its_content_length_is_cut(self) -> None:
        assert parse_response(response(extra="Content-Length: 2\r\n", body=b"v=0\r\n")).code == 200

    def test_a_phrase_cannot_forge_lines_on_a_page(self) -> None:
        assert parse_response(response("SIP/2.0 200 O\x1b[2JK\x07" + "x" * 200)).phrase == ("O?[2JK?" + "x" * 200)[:80]

    @pytest.mark.parametrize(
        ("message", "complaint"),
        [
            (b"", "not SIP"),
            (b"\x00\xffHTTP/1.1 200 OK\r\n\r\n", "not SIP"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "not SIP"),
            (response("SIP/7.0 200 OK"), "not SIP"),  # RFC 4475 §3.1.2.16
            (response("SIP/2.0 4294967301 better not break"), "not SIP"),  # RFC 4475 §3.1.2.19
            (response("SIP/2.0 ٢٠٠ OK"), "not SIP"),
            (response("SIP/2.0 +20 OK"), "not SIP"),
            (response("SIP/2.0 2_0 OK"), "not SIP"),
            (response("SIP/2.0 099 OK"), "not SIP"),
            (response("SIP/2.0 700 OK"), "not SIP"),
            (response("SIP/2.0  200 OK"), "not SIP"),
            (response()[:-2], "cut off in its headers"),
            (response()[:60], "cut off in its headers"),
            (response(via=None), "0 Via values"),
            (response(via="SIP/2.0/UDP a;branch=z9hG4bKabc, SIP/2.0/UDP b;branch=x"), "2 Via values"),
            (response(extra="Via: SIP/2.0/UDP b;branch=x\r\n"), "2 Via values"),
            (response(call_id=None), "0 call-id headers"),
            (response(extra="i: other\r\n"), "2 call-id headers"),
            (response(cseq=None), "0 cseq headers"),
            (response(cseq="OPTIONS"), "the CSeq 'OPTIONS'"),
            (response(cseq="9292394834772304023312 OPTIONS"), "the CSeq"),  # RFC 4475 §3.1.2.4
            (response(cseq="١ OPTIONS"), "the CSeq"),
            (response(extra="From: <sip:x>;tag=f1\r\n"), "2 from headers"),
            (response(to=None), "0 to headers"),
            (response(extra="no colon here\r\n"), "the header line 'no colon here'"),
            (response(extra=": nameless\r\n"), "the header line"),
            (response(to="<sip:x>\rCall-ID: other"), "within its headers"),
            (response(to="<sip:x>\nCall-ID: other"), "within its headers"),
            (response(to="<sip:x>\0"), "within its headers"),
            (b"SIP/2.0 200 OK\r\n folded: start line\r\n\r\n", "the header line"),
            (response(extra="Content-Length: 10\r\n", body=b"short"), "5 of 10 bytes"),
            (response(extra="Content-Length: -999\r\n"), "Content-Length '-999'"),  # RFC 4475 §3.1.2.2
            (response(extra="Content-Length: 0\r\nl: 0\r\n"), "Content-Length '0, 0'"),
            (response(extra="X: " + "x" * HEAD_CAP + "\r\n"), "bytes of headers"),
            (response(extra="X: y\r\n" * 300), "header lines"),
        ],
    )
    def test_what_is_not_a_response(self, message: bytes, complaint: str) -> None:
        with pytest.raises(ProtocolError, match=complaint) as refused:
            parse_response(message)
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 400

    @given(st.binary(max_size=400))
    def test_any_bytes_give_a_response_or_a_protocol_error(self, noise: bytes) -> None:
        for message in (
            noise,
            response()[:40] + noise,
            response() + noise,
            b"SIP/2.0 200 OK\r\n" + noise + b"\r\n\r\n",
        ):
            told = parsed(message)
            assert 100 <= told.code <= 699 if isinstance(told, Response) else str(told).isprintable()

    @given(st.integers(0, len(response()) - 1), st.integers(0, 255))
    def test_one_changed_byte_never_raises_anything_else(self, position: int, byte: int) -> None:
        message = bytearray(response())
        message[position] = byte
        assert isinstance(parsed(bytes(message)), Response | ProtocolError)


class TestFraming:
    two = response(extra="Content-Length: 3\r\n", body=b"abc"), response("SIP/2.0 100 Trying", extra="l: 0\r\n")

    def test_whole_byte_by_byte_and_with_trailing_bytes(self) -> None:
        stream = b"\r\n\r\n" + self.two[0] + b"\r\n" + self.two[1]
        assert Framing().feed(stream) == list(self.two)
        framing = Framing()
        assert [m for byte in stream for m in framing.feed(bytes([byte]))] == list(self.two)
        assert framing.partial == b""
        framing = Framing()
        assert framing.feed(stream + b"SIP/2.0 2") == list(self.two)
        assert framing.partial == b"SIP/2.0 2"

    @given(st.lists(st.integers(1, 60), max_size=30))
    def test_any_cut_gives_the_same_messages(self, cuts: list[int]) -> None:
        stream, framing, found = b"".join(self.two), Framing(), []
        for cut in cuts:
            found += framing.feed(stream[:cut])
            stream = stream[cut:]
        assert found + framing.feed(stream) == list(self.two)

    @pytest.mark.parametrize(
        ("stream", "complaint"),
        [
            (response(), "without Content-Length"),
            (response(extra="Content-Length: 10485760\r\n"), f"{BODY_CAP} are the most"),
            (response(extra="Content-Length: 1\r\nContent-Length: 2\r\n"), "Content-Length '1, 2'"),
            (response(extra="Content-Length: abc\r\n"), "Content-Length 'abc'"),
            (b"SIP/2.0 200 OK\r\nX: " + b"x" * (HEAD_CAP + 1), "without an end of headers"),
            (b"x" * (HEAD_CAP + 1), "without an end of headers"),
            (b"HTTP/1.1 400 Bad Request\r\n", "not SIP"),
            (b"220 mail ESMTP\r\n\r\n", "not SIP"),
        ],
    )
    def test_a_stream_that_is_lost(self, stream: bytes, complaint: str) -> None:
        with pytest.raises(ProtocolError, match=complaint):
            Framing().feed(stream)

    @given(st.lists(st.binary(max_size=100), max_size=20))
    def test_any_bytes_are_framed_or_refused(self, chunks: list[bytes]) -> None:
        framing = Framing()
        with suppress(ProtocolError):
            for chunk in chunks:
                assert all(b"\r\n\r\n" in message for message in framing.feed(chunk))


@pytest.mark.parametrize(
    ("codes", "state", "reason"),
    [
        ((200, 202), State.UP, None),
        ((401, 407), State.UP, None),
        ((403, 483), State.DEGRADED, None),
        ((404, 480, 486), State.UP, None),
        ((405, 415, 420, 481, 488, 501), State.UP, None),
        ((300, 302, 400, 410, 416, 499, 600, 603, 606, 699), State.UNKNOWN, Reason.DEVICE),
        ((408, 500, 502, 503, 504, 505, 513, 580), State.DOWN, Reason.DEVICE),
    ],
)
def test_what_a_status_says(codes: tuple[int, ...], state: State, reason: Reason | None) -> None:
    for code in codes:
        verdict = classify(code)
        assert (verdict.state, verdict.reason) == (state, reason), code
        assert verdict.says or code // 100 == 2, code


def options() -> ClientTransaction:
    return ClientTransaction(
        build_options(parse_uri("sip:sbc.example"), Transport.UDP, "192.0.2.9", 5060), 100.0, reliable=False
    )


def answer_to(transaction: ClientTransaction, code: int, **changed: object) -> Response:
    request = transaction.request
    values = {
        "branch": request.branch,
        "call_id": request.call_id,
        "from_tag": request.from_tag,
        "sequence": request.sequence,
        "method": request.method,
    }
    return Response(code=code, phrase="", **(values | changed))  # type: ignore[arg-type]


def wakes(transaction: ClientTransaction) -> list[float]:
    """The moments after its start at which it sends again, until it is over."""
    moments = []
    while (due := transaction.due) < math.inf:
        if transaction.wake(due):
            moments.append(due - 100.0)
    return moments


class TestTransaction:
    def test_silence(self) -> None:
        transaction = options()
        assert wakes(transaction) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert (transaction.phase, transaction.final, transaction.sent) == (Phase.TERMINATED, None, 11)

    def test_what_is_sent_again_is_the_same(self) -> None:
        transaction = options()
        assert transaction.wake(100.5) == transaction.request.wire
        assert transaction.wake(100.6) is None

    def test_a_reliable_transport_repeats_nothing_and_gives_up_with_timer_f(self) -> None:
        transaction = ClientTransaction(options().request, 100.0, reliable=True)
        assert transaction.due == 132.0
        assert wakes(transaction) == []
        assert transaction.phase is Phase.TERMINATED

    def test_a_provisional_response_slows_the_repeats_and_ends_nothing(self) -> None:
        transaction = options()
        transaction.receive(answer_to(transaction, 100), 100.1)
        assert transaction.phase is Phase.PROCEEDING
        assert transaction.waits
        assert wakes(transaction) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
        assert transaction.final is None
        assert transaction.provisional is not None

    def test_the_first_final_response_counts_and_repeats_of_it_do_not(self) -> None:
        transaction = options()
        assert transaction.wake(100.5)
        transaction.receive(answer_to(transaction, 503), 100.6)
        assert (transaction.phase, transaction.waits, transaction.due) == (Phase.COMPLETED, False, 105.6)
        transaction.receive(answer_to(transaction, 200), 100.7)
        assert transaction.final is not None
        assert (transaction.final.code, transaction.answered) == (503, 100.6)
        assert transaction.wake(105.6) is None
        assert transaction.phase is Phase.TERMINATED

    @pytest.mark.parametrize(
        ("changed", "what"),
        [
            ({"branch": "z9hG4bKother"}, "branch"),
            ({"method": "REGISTER"}, "CSeq"),
            ({"sequence": 2}, "CSeq"),
            ({"call_id": "other"}, "Call-ID"),
            ({"from_tag": ""}, "From tag"),
        ],
    )
    def test_a_response_to_something_else(self, changed: dict[str, object], what: str) -> None:
        transaction = options()
        assert what in transaction.mismatch(answer_to(transaction, 200, **changed))
        assert transaction.mismatch(answer_to(transaction, 200)) == ""


class TestPace:
    def test_one_a_second_to_each_destination_in_the_order_of_asking(self) -> None:
        pace = Pace()
        assert [pace.turn("a", 10.0, 14.0) for _ in range(6)] == [10.0, 11.0, 12.0, 13.0, 14.0, None]
        assert pace.turn("b", 10.0, 14.0) == 10.0
        assert pace.turn("a", 14.5, 20.0) == 15.0
        assert pace.turn("a", 60.0, 64.0) == 60.0

    def test_another_rate(self) -> None:
        pace = Pace(per_second=4)
        assert [pace.turn("a", 0.0, 1.0) for _ in range(3)] == [0.0, 0.25, 0.5]

    def test_what_is_past_is_forgotten(self) -> None:
        pace = Pace()
        for number in range(10_000):
            pace.turn(number, number * 10.0, number * 10.0 + 4)
            pace.keep_quiet(number, number * 1000.0, 600, Reading(State.DOWN))
        assert len(pace._next) < 5_000
        assert len(pace._quiet) == 1

    def test_quiet_ends_and_cannot_blind_for_ever(self) -> None:
        pace, down = Pace(), Reading(State.DOWN)
        pace.keep_quiet("a", 10.0, 30, down)
        assert pace.quiet("a", 39.9) == Quiet(40.0, down)
        assert pace.quiet("a", 40.0) is None
        assert pace.quiet("b", 20.0) is None
        pace.keep_quiet("a", 50.0, 10**9, down)
        assert pace.quiet("a", 50.0 + LONGEST_QUIET) is None


class TestSimulator:
    def test_answers_options_as_told_and_nothing_else(self) -> None:
        simulator = SipSimulator()
        request = build_options(parse_uri("sip:sbc.example"), Transport.UDP, "192.0.2.9", 5060)
        answer = simulator.answer(request.wire, "198.51.100.1", 4711)
        assert answer is not None
        assert parse_response(answer).branch == request.branch
        assert SipMessage.parse(answer).via[0].params["rport"] == "4711"
        simulator.respond(503)
        answer = simulator.answer(request.wire, "198.51.100.1", 4711)
        assert answer is not None
        assert parse_response(answer).code == 503
        for other in (
            request.wire.replace(b"OPTIONS", b"INVITE"),
            request.wire.replace(b"OPTIONS", b"REGISTER"),
            answer,
        ):
            assert simulator.answer(other, "198.51.100.1", 4711) is None
        for noise in (b"", b"\r\n\r\n", b"OPTIONS sip:x SIP/2.0\r\n\r\n"):
            assert simulator.answer(noise, "198.51.100.1", 4711) is None
        simulator.respond(None)
        assert simulator.answer(request.wire, "198.51.100.1", 4711) is None

    def test_closes_without_having_been_started(self) -> None:
        asyncio.run(SipSimulator().aclose())
