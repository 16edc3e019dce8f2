"""SIP messages for probing: requests, responses, stream framing, what a status says.

Bytes and values only: no socket, no clock. aiosipua's codec does the message syntax; what it would let pass
(a truncated head, stray line ends, `int("٢٠٠")`, a missing or second Call-ID, a line without colon, a body
shorter than its Content-Length) is refused before it is asked. Only OPTIONS and REGISTER without Contact are built.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aiosipua.headers import expand_compact_header, parse_address
from aiosipua.message import SipMessage, SipRequest

from probes.declared.sip_uri import SipUri, Transport, bracketed
from probes.emergency import permitted
from resilience.reading import Reason, State

HEAD_CAP = 16_384
"""Bytes of a start line and headers. Real answers to OPTIONS stay below 4 KiB."""
BODY_CAP = 65_535
"""Bytes of a body: what a UDP datagram could carry at most."""
MAX_FORWARDS = 70  # RFC 3261 §8.1.1.6
USER_AGENT = "site-resilience-monitor"


class ProtocolError(Exception):
    """The peer's bytes are not SIP. The message quotes the evidence, escaped and short."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as sent, and what its responses are known by (RFC 3261 §17.1.3, §8.2.6.2)."""

    wire: bytes
    method: str
    branch: str
    call_id: str
    from_tag: str
    sequence: int


def build_options(uri: SipUri, transport: Transport, host: str, port: int) -> Request:
    """An OPTIONS outside any dialog (RFC 3261 §11.1), sent from `host`:`port`.

    EmergencyRefused where `uri` could reach an emergency service.
    """
    return build(
        "OPTIONS",
        str(uri),
        sender=f"sip:monitor@{bracketed(host)}",
        to=uri.address_of_record,
        local=(transport, host, port),
        extra=(("Accept", "application/sdp"),),
    )


HARMLESS = ("OPTIONS", "REGISTER")
"""The methods a probe may send. A REGISTER changes no binding as long as it carries no Contact (RFC 3261 §10.2.3)."""
_WOULD_BIND = ("contact", "m", "expires")


def build(
    method: str,
    uri: str,
    *,
    sender: str,
    to: str,
    local: tuple[Transport, str, int],
    extra: Iterable[tuple[str, str]] = (),
    after: Request | None = None,
) -> Request:
    """A request outside any dialog from `local` (transport, host, port), asking for rport (RFC 3581).

    `after` is the request that was challenged, which this one repeats with credentials (RFC 3261 §8.1.3.5).
    EmergencyRefused where a URI could reach an emergency service; ValueError for what a probe may not send.
    """
    for destination in (uri, to):
        permitted(destination)
    extra = tuple(extra)
    if method not in HARMLESS or any(name.lower() in _WOULD_BIND for name, _ in extra):
        raise ValueError(f"a probe sends no {method} with {[name for name, _ in extra]}")
    transport, host, port = local
    here = bracketed(host)
    branch = f"z9hG4bK{secrets.token_hex(12)}"
    tag, call_id, sequence = secrets.token_hex(8), f"{secrets.token_hex(16)}@{here}", 1
    if after:
        tag, call_id, sequence = after.from_tag, after.call_id, after.sequence + 1
    message = SipRequest(method=method, uri=uri)
    for name, value in (
        ("Via", f"SIP/2.0/{transport.upper()} {here}:{port};branch={branch};rport"),
        ("Max-Forwards", str(MAX_FORWARDS)),
        ("From", f"<{sender}>;tag={tag}"),
        ("To", f"<{to}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{sequence} {method}"),
        *extra,
        ("User-Agent", USER_AGENT),
    ):
        message.add_header(name, value)
    return Request(bytes(message), method, branch, call_id, tag, sequence)


@dataclass(frozen=True, slots=True)
class Response:
    """A response, as far as a probe reads it. `retry_after` in seconds, None where it names none.

    `kept` has the values of the headers in KEPT, by their names in small letters.
    """

    code: int
    phrase: str
    branch: str
    call_id: str
    from_tag: str
    sequence: int
    method: str
    retry_after: int | None = None
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def final(self) -> bool:
        return self.code >= 200

    def __str__(self) -> str:
        return f"{self.code} {self.phrase}".strip()


_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?")
_REQUEST_LINE = re.compile(rb"[A-Z]{1,32} [^ \r\n]+ SIP/2\.0")
_HEADER_NAME = re.compile(rb"([A-Za-z0-9\-.!%*_+`'~]{1,64})[ \t]*:")
_STRAY_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
KEPT = ("www-authenticate", "proxy-authenticate", "contact", "expires")
_ONCE = ("call-id", "cseq", "from", "to")
_CSEQ = re.compile(r"(\d{1,10})[ \t]+([A-Z]{1,32})", re.ASCII)
_QUOTED_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,\"]+)", re.IGNORECASE)
_BEGINNING = re.compile(rb"[A-Z]{0,32}(?:[ /][\x20-\x7e\x80-\xff]*)?\r?")
"""What a start line that has not come whole may look like."""
_RETRY_AFTER = re.compile(r"(\d{1,9})[ \t]*(?:[(;].*)?", re.ASCII)
_CONTENT_LENGTH = re.compile(r"\d{1,9}", re.ASCII)


def is_request(message: bytes) -> bool:
    """Whether a peer asks something of us, which is never answered."""
    return _REQUEST_LINE.fullmatch(message.partition(b"\r\n")[0]) is not None


def parse_response(message: bytes) -> Response:
    """The response in one datagram or one framed message; ProtocolError where it is none."""
    head, end, body = message.partition(b"\r\n\r\n")
    status = _STATUS_LINE.fullmatch(head.partition(b"\r\n")[0])
    if status is None:
        raise ProtocolError(f"an answer that is not SIP: {_quoted(message)}")
    if not end:
        raise ProtocolError(f"a response cut off in its headers, after {len(message)} bytes")
    _check_head(head)
    headers = SipMessage.parse(head + end).headers
    for name in _ONCE:
        if len(headers.get(name)) != 1:
            raise ProtocolError(f"a response with {len(headers.get(name))} {name} headers; exactly one is due")
    if len(headers.get("via")) != 1:  # RFC 3261 §8.1.3.3: more than one is not for us
        raise ProtocolError(f"a response with {len(headers.get('via'))} Via values; exactly one is due")
    if (length := _content_length(headers.get("content-length"))) is not None and length > len(body):
        raise ProtocolError(f"a response cut off in its body: {len(body)} of {length} bytes")
    sequence = _CSEQ.fullmatch(headers.get("cseq")[0])
    if sequence is None:
        raise ProtocolError(f"a response with the CSeq {_quoted(headers.get('cseq')[0])}")
    retry_after = _RETRY_AFTER.fullmatch(headers.get_first("retry-after") or "")
    return Response(
        code=int(status[1]),
        phrase=_printable(status[2] or b""),
        branch=_branch(headers.get("via")[0]),
        call_id=headers.get("call-id")[0],
        from_tag=parse_address(headers.get("from")[0]).tag or "",
        sequence=int(sequence[1]),
        method=sequence[2],
        retry_after=int(retry_after[1]) if retry_after else None,
        kept=MappingProxyType({name: tuple(headers.get(name)) for name in KEPT if headers.get(name)}),
    )


def _branch(via: str) -> str:
    """The branch of a Via; one within a quoted parameter is none."""
    found = _BRANCH.search(_QUOTED_TEXT.sub('""', via))
    return found[1] if found else ""


def _check_head(head: bytes) -> None:
    if len(head) > HEAD_CAP:
        raise ProtocolError(f"a response with {len(head)} bytes of headers; {HEAD_CAP} are the most")
    if stray := _STRAY_LINE_END.search(head):
        raise ProtocolError(f"a response with {_quoted(stray[0])} within its headers, at byte {stray.start()}")
    lines = head.split(b"\r\n")[1:]
    if len(lines) > 256:
        raise ProtocolError(f"a response with {len(lines)} header lines")
    for index, line in enumerate(lines):
        folded = index > 0 and line[:1] in (b" ", b"\t")
        if not folded and not _HEADER_NAME.match(line):
            raise ProtocolError(f"a response with the header line {_quoted(line)}")


def _content_length(values: list[str]) -> int | None:
    if not values:
        return None
    if len(values) > 1 or not _CONTENT_LENGTH.fullmatch(values[0]):
        raise ProtocolError(f"a message with the Content-Length {_quoted(', '.join(values))}")
    return int(values[0])


def _quoted(evidence: bytes | str) -> str:
    return ascii(evidence[:60]).removeprefix("b")


def _printable(phrase: bytes) -> str:
    return "".join(char if char.isprintable() else "?" for char in phrase[:80].decode("utf-8", "replace"))


class Framing:
    """Cuts a stream into messages by Content-Length (RFC 3261 §18.3), which every one must carry there."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def partial(self) -> bytes:
        """The bytes of a message that has not come whole."""
        return bytes(self._held)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages that are now whole; ProtocolError where the stream is lost for good."""
        self._held += chunk
        whole: list[bytes] = []
        while True:
            while self._held.startswith(b"\r\n"):  # keep-alives between messages, RFC 5626 §4.4.1
                del self._held[:2]
            head_end = self._held.find(b"\r\n\r\n", 0, HEAD_CAP + 4)
            if head_end < 0:
                self._check_beginning()
                return whole
            end = head_end + 4 + self._body_length(bytes(self._held[:head_end]))
            if len(self._held) < end:
                return whole
            whole.append(bytes(self._held[:end]))
            del self._held[:end]

    def _check_beginning(self) -> None:
        if len(self._held) > HEAD_CAP:
            raise ProtocolError(f"more than {HEAD_CAP} bytes without an end of headers")
        line, end, _ = bytes(self._held).partition(b"\r\n")
        if not (_STATUS_LINE.fullmatch(line) or _REQUEST_LINE.fullmatch(line) if end else _BEGINNING.fullmatch(line)):
            raise ProtocolError(f"a stream that is not SIP: {_quoted(line)}")

    @staticmethod
    def _body_length(head: bytes) -> int:
        line, *headers = head.split(b"\r\n")
        if not (_STATUS_LINE.fullmatch(line) or _REQUEST_LINE.fullmatch(line)):
            raise ProtocolError(f"a stream that is not SIP: {_quoted(line)}")
        pairs = (header.decode("latin-1").partition(":") for header in headers)
        named = ((expand_compact_header(name.strip()).lower(), value.strip()) for name, _, value in pairs)
        length = _content_length([value for name, value in named if name == "content-length"])
        if length is None:
            raise ProtocolError("a message without Content-Length on a stream")
        if length > BODY_CAP:
            raise ProtocolError(f"a message with {length} bytes of body; {BODY_CAP} are the most")
        return length


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a final status says of the trunk's service. `reason` is set where the answer tells of a fault."""

    state: State
    says: str = ""
    reason: Reason | None = None


_SERVES = Verdict(State.UP)
_WANTS_AUTHENTICATION = Verdict(State.UP, "alive, wants authentication")
_REFUSES_US = Verdict(State.DEGRADED, "alive but refuses us: its access list or our identity; calls may be refused too")
_NO_SUCH_USER = Verdict(State.UP, "alive; the user it was asked for is absent or busy")
_NO_OPTIONS = Verdict(State.UP, "alive but does not serve OPTIONS: weak evidence")
_LOOP = Verdict(State.DEGRADED, f"alive, but the request went in a loop until Max-Forwards {MAX_FORWARDS} ran out")
_REDIRECTS = Verdict(State.UNKNOWN, "alive, but sends callers elsewhere; declare that target", Reason.DEVICE)
_DISLIKES = Verdict(State.UNKNOWN, "alive, but refuses this request, which proves no service", Reason.DEVICE)
_DECLINES = Verdict(State.UNKNOWN, "alive, but declines everywhere, which proves no service", Reason.DEVICE)
_TIMED_OUT_BEYOND = Verdict(State.DOWN, "alive, but what stands behind it does not answer", Reason.DEVICE)
_FAULT = Verdict(State.DOWN, "a fault at the target", Reason.DEVICE)
_OUT_OF_SERVICE = Verdict(State.DOWN, "overloaded or in maintenance", Reason.DEVICE)

VERDICTS = {
    **dict.fromkeys((401, 407), _WANTS_AUTHENTICATION),
    403: _REFUSES_US,
    **dict.fromkeys((404, 480, 486), _NO_SUCH_USER),  # RFC 3261 §11: answered as an INVITE would be
    **dict.fromkeys((405, 415, 420, 481, 488, 501), _NO_OPTIONS),
    408: _TIMED_OUT_BEYOND,
    483: _LOOP,
    503: _OUT_OF_SERVICE,
}
CLASS_VERDICTS = {2: _SERVES, 3: _REDIRECTS, 4: _DISLIKES, 5: _FAULT, 6: _DECLINES}
"""RFC 3261 §8.1.3.2: a final status that is not known counts as the x00 of its class."""


def classify(code: int) -> Verdict:
    """The verdict on a final status, 200 to 699."""
    return VERDICTS.get(code) or CLASS_VERDICTS[code // 100]
