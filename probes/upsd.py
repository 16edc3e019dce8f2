"""The text protocol of NUT's upsd as a client: requests to bytes, bytes to one answer. No socket, no clock.

Network UPS Tools, docs/net-protocol.txt; the quoting is that of common/parseconf.c. One request gets one answer:
the table that LIST VAR asks for, an OK, or ERR with a token. Whatever else comes is a ProtocolError, also bytes
after the answer: nothing may arrive that was not asked for, least of all in clear before a TLS handshake.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_LINE = 4096
"""Bytes. upsd writes a line from a buffer of 512 or 1,024."""
MAX_VARIABLES = 5_000
"""The largest of NUT's published dumps, a PDU of 40 outlets, has 581."""
MAX_BYTES = 1 << 20
"""Of one answer; that dump has 25 kB."""

_QUOTED_EVIDENCE = 60
"""Bytes of a wrong line that an error shows."""


class Unsendable(ValueError):
    """Our mistake: what was to be sent cannot be said in this protocol. The message never holds the text itself."""


class ProtocolError(Exception):
    """The peer's mistake: not an answer of upsd. Names the law it broke and shows the bytes."""

    def __init__(self, law: str, evidence: bytes = b"") -> None:
        shown = f": {evidence[:_QUOTED_EVIDENCE]!r}" if evidence else ""
        super().__init__(law + shown)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `ups` is the UPS whose table is asked for; empty where the good answer is an OK."""

    command: str
    wire: bytes = field(repr=False)
    ups: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`OK` to `command`, or the token of `ERR TOKEN [extra]`."""

    command: str
    error: str = ""


Variables = Mapping[str, str]
Answer = Variables | Verdict


def _word(text: str, what: str) -> str:
    """`text` as parseconf reads it back: as it is, or quoted where it must be."""
    if not text.isascii() or not text.isprintable():
        raise Unsendable(f"{what} holds a character that upsd drops: only printable ASCII reaches it")
    if text and not re.search(r'[\s"\\#=]', text):
        return text
    return '"' + re.sub(r'(["\\#])', r"\\\1", text) + '"'


def _request(command: str, argument: str, what: str, ups: str = "") -> Request:
    return Request(command, f"{command} {_word(argument, what)}\n".encode("ascii"), ups)


def username(name: str) -> Request:
    return _request("USERNAME", name, "the user name")


def password(secret: str) -> Request:
    return _request("PASSWORD", secret, "the password")


def list_variables(ups: str) -> Request:
    request = _request("LIST VAR", ups, "the name of the UPS", ups)
    if request.wire != f"LIST VAR {ups}\n".encode("ascii"):  # the answer repeats the name, and never quotes it
        raise Unsendable("the name of the UPS is empty or holds a space, a quote, '\\', '#' or '='")
    return request


STARTTLS = Request("STARTTLS", b"STARTTLS\n")
LOGOUT = Request("LOGOUT", b"LOGOUT\n")

_VARIABLE = re.compile(r'VAR ([^ "]+) ([^ "]+) "((?:[^"\\]|\\.)*)"')
_ERROR = re.compile(r"ERR ([A-Z][A-Z0-9-]{0,39})(?: .*)?")


class AnswerReader:
    """Reads the answer to one request, fed in pieces of any size."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._pending = b""
        self._size = 0
        self._begun = False
        self._variables: dict[str, str] = {}
        self._answer: Answer | None = None

    def feed(self, chunk: bytes) -> Answer | None:
        """The answer once it is complete, None while more is needed; ProtocolError if it is none."""
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            self._accept(line)
        if self._answer is not None and self._pending:
            raise ProtocolError("more bytes after the answer")
        if len(self._pending) > MAX_LINE:
            raise self._wrong(f"a line of more than {MAX_LINE} bytes", self._pending)
        return self._answer

    def _wrong(self, law: str, line: bytes) -> ProtocolError:
        # What is no upsd may send back what it was sent, and a password must not be shown.
        return ProtocolError(law, b"" if self._request.command == "PASSWORD" else line)

    def _accept(self, line: bytes) -> None:
        if self._answer is not None:
            raise ProtocolError("more bytes after the answer")
        if len(line) > MAX_LINE:
            raise self._wrong(f"a line of more than {MAX_LINE} bytes", line)
        self._size += len(line) + 1
        if self._size > MAX_BYTES:
            raise ProtocolError(f"an answer of more than {MAX_BYTES} bytes")
        text = _decoded(line.removesuffix(b"\r"))
        self._answer = self._of_list(text, line) if self._begun else self._first(text, line)

    def _first(self, text: str, line: bytes) -> Answer | None:
        if error := _ERROR.fullmatch(text):
            return Verdict(self._request.command, error[1])
        if not self._request.ups:
            if text == "OK" or text.startswith("OK "):
                return Verdict(self._request.command)
        elif text == f"BEGIN LIST VAR {self._request.ups}":
            self._begun = True
            return None
        raise self._wrong(f"not upsd's answer to {self._request.command}", line)

    def _of_list(self, text: str, line: bytes) -> Answer | None:
        if text == f"END LIST VAR {self._request.ups}":
            return MappingProxyType(self._variables)
        variable = _VARIABLE.fullmatch(text)
        if variable is None:
            raise ProtocolError("not a variable of the list", line)
        ups, name, value = variable.groups()
        if ups != self._request.ups:
            raise ProtocolError("a variable of another UPS", line)
        if name in self._variables:
            raise ProtocolError("a variable stands twice", line)
        if len(self._variables) == MAX_VARIABLES:
            raise ProtocolError(f"more than {MAX_VARIABLES} variables")
        self._variables[name] = re.sub(r"\\(.)", r"\1", value) if "\\" in value else value
        return None


def _decoded(line: bytes) -> str:
    """UTF-8, else Latin-1: values are the UPS's own bytes, in whatever its maker wrote."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
