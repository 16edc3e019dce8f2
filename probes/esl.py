"""FreeSWITCH's Event Socket (inbound) as a client: commands to bytes, bytes to replies. No socket, no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MOST_OF_A_HEAD = 8_192
MOST_OF_A_BODY = 8 << 20
"""Bytes. A gateway takes some 1.2 kB of `sofia xmlstatus`, so this is 7,000 of them."""

API = ("sofia xmlstatus gateway", "status")
"""The API commands that are ever sent: two that only tell."""


class ProtocolError(Exception):
    """The peer does not speak ESL."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`kind` is the Content-Type, `text` the Reply-Text of a command."""

    kind: str
    text: str
    body: bytes


def api(command: str) -> bytes:
    """One API command; ValueError for one that is not in API."""
    if command not in API:
        raise ValueError("not a command that a probe sends")
    return f"api {command}\n\n".encode()


def auth(password: str) -> bytes:
    """ValueError where the password would end the line; the message does not show it."""
    if re.search(r"[\r\n\0]", password):
        raise ValueError("a password with a line end in it cannot be sent")
    return f"auth {password}\n\n".encode("utf-8", "surrogateescape")


class Reader:
    """Cuts a stream into replies, fed in pieces of any size."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[Reply]:
        self._held = (self._held + chunk).lstrip(b"\n")
        replies: list[Reply] = []
        while (end := self._held.find(b"\n\n")) >= 0:
            headers = _headers(self._held[:end])
            length = headers.get("content-length", "0")
            if not re.fullmatch(r"\d{1,9}", length, re.ASCII) or int(length) > MOST_OF_A_BODY:
                raise ProtocolError("a reply with a Content-Length that is none")
            whole = end + 2 + int(length)
            if len(self._held) < whole:
                return replies
            kind, text = headers.get("content-type", ""), headers.get("reply-text", "")
            replies.append(Reply(kind, text, self._held[end + 2 : whole]))
            self._held = self._held[whole:].lstrip(b"\n")
        if len(self._held) > MOST_OF_A_HEAD:
            raise ProtocolError(f"more than {MOST_OF_A_HEAD} bytes without an end of headers")
        return replies


def _headers(head: bytes) -> Mapping[str, str]:
    if len(head) > MOST_OF_A_HEAD:
        raise ProtocolError(f"more than {MOST_OF_A_HEAD} bytes of headers")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
            raise ProtocolError("a line that is not a header of ESL")
        if name.lower() in headers:
            raise ProtocolError(f"a reply with two values of {name}")
        headers[name.lower()] = "".join(char if char.isprintable() else "?" for char in value.strip()[:200])
    return headers
