"""The Asterisk Manager Interface as a client: actions to bytes, bytes to messages. No socket, no clock.

Asterisk lists a registration's `AuthDetail` beside it, with the trunk's password in clear (seen with Asterisk 22);
a message is therefore reduced to the fields named here before anything is kept.
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType

MOST_OF_A_MESSAGE = 65_536
"""Bytes. An endpoint's detail has some 6 kB."""
MOST_BYTES = 16 << 20
"""Of one conversation: a registration takes 1.2 kB with its AuthDetail, so this is 13,000 of them."""

Message = Mapping[str, str]

KEPT = {
    "OutboundRegistrationDetail": ("ObjectName", "Status"),
    "ContactStatusDetail": ("URI", "Status", "RoundtripUsec"),
    "EndpointDetail": ("ObjectName", "ActiveChannels", "DeviceStateBusyAt"),
    "DAHDIShowChannels": ("DAHDIChannel", "Alarm"),
}
"""What is kept of an event, beside what every message has."""
OF_EVERY = ("Event", "Response", "ActionID", "EventList", "ListItems", "Message")
OF_RESPONSES = ("Challenge", "CoreCurrentCalls", "CoreMaxCalls")

ACTIONS = (
    "Challenge",
    "Login",
    "PJSIPShowRegistrationsOutbound",
    "PJSIPShowEndpoint",
    "DAHDIShowChannels",
    "CoreStatus",
    "CoreSettings",
    "Logoff",
)
"""All that is ever sent: questions, and what a session needs."""


class ProtocolError(Exception):
    """The peer does not speak AMI. The message quotes nothing that could be a secret."""


def action(name: str, identity: str, **arguments: str) -> bytes:
    """One action. ValueError for one that is not in ACTIONS, or an argument that would begin another line."""
    lines = [("Action", name), ("ActionID", identity), *arguments.items()]
    if name not in ACTIONS or any(re.search(r"[\r\n\0]", text) for line in lines for text in line):
        raise ValueError("not an action that a probe sends")
    return "".join(f"{key}: {text}\r\n" for key, text in lines).encode("utf-8", "surrogateescape") + b"\r\n"


def key(challenge: str, password: str) -> str:
    """What answers a challenge of `AuthType: MD5`."""
    return hashlib.md5(
        challenge.encode() + password.encode("utf-8", "surrogateescape"), usedforsecurity=False
    ).hexdigest()


_BANNER = re.compile(rb"Asterisk Call Manager/[0-9][0-9.]{0,15}")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,63}):[ \t]?(.*)", re.DOTALL)


class Reader:
    """Cuts a stream into messages, fed in pieces of any size; the banner is checked and dropped."""

    def __init__(self) -> None:
        self._held = b""
        self._greeted = False
        self._total = 0

    def feed(self, chunk: bytes) -> list[Message]:
        self._held += chunk
        self._total += len(chunk)
        if self._total > MOST_BYTES:
            raise ProtocolError(f"more than {MOST_BYTES} bytes")
        if not self._greeted:
            banner, end, rest = self._held.partition(b"\r\n")
            if not (_BANNER.fullmatch(banner) if end else len(banner) < 64):
                raise ProtocolError("a greeting that is not that of the Asterisk Call Manager")
            if not end:
                return []
            self._greeted, self._held = True, rest
        *whole, self._held = self._held.split(b"\r\n\r\n")
        if max(map(len, (*whole, self._held))) > MOST_OF_A_MESSAGE:
            raise ProtocolError(f"a message of more than {MOST_OF_A_MESSAGE} bytes")
        return [_message(text) for text in whole if text.strip()]


def _message(wire: bytes) -> Message:
    fields: dict[str, str] = {}
    kept = (*OF_EVERY, *OF_RESPONSES, *{name for names in KEPT.values() for name in names})
    for line in wire.decode("utf-8", "replace").lstrip("\r\n").split("\r\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ProtocolError("a line that is not a field of AMI")
        if match[1] in kept:
            if match[1] in fields:
                raise ProtocolError(f"a message with two values of {match[1]}")
            fields[match[1]] = "".join(char if char.isprintable() else "?" for char in match[2][:300])
    wanted = KEPT.get(fields.get("Event", ""), OF_RESPONSES if "Response" in fields else ())
    return MappingProxyType({name: text for name, text in fields.items() if name in OF_EVERY or name in wanted})
