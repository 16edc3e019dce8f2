"""A connection to a management interface (AMI, ESL, JSON-RPC), and why one could not be read.

What goes wrong on the way to a PBX says nothing of its trunks: unknown.
"""

import asyncio
import hashlib
import hmac
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probes import trust
from probes.declared.management import Management
from resilience.reading import Reading, Reason, failure


class Unread(Exception):
    """The device could not be read; `reason`, and a text that never quotes a secret."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def not_protocol(what: str) -> Unread:
    return Unread(Reason.PROTOCOL, what)


@asynccontextmanager
async def connected(
    settings: Management, seconds: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection for one reading, all of which takes `seconds` at most; raises Unread."""
    try:
        async with asyncio.timeout(seconds):
            context = trust.client_context(settings.verify, settings.ca) if settings.tls else None
            reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=context)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()
    except OSError as error:
        raise Unread(_reason(error), error.strerror or str(error) or "no answer in time") from None


def _reason(error: OSError) -> Reason:
    reasons: tuple[tuple[type[OSError], Reason], ...] = (
        (TimeoutError, Reason.TIMEOUT),
        (ConnectionRefusedError, Reason.REFUSED),
        (ConnectionError, Reason.CLOSED),
        (ssl.SSLError, Reason.TLS),
        (FileNotFoundError, Reason.CONFIG),
        (socket.gaierror, Reason.RESOLVE),
    )
    return next((reason for kind, reason in reasons if isinstance(error, kind)), Reason.UNREACHABLE)


async def chunk_of(reader: asyncio.StreamReader) -> bytes:
    """What came next; Unread where the peer has closed."""
    if chunk := await reader.read(65_536):
        return chunk
    raise Unread(Reason.CLOSED, "closed the connection in mid-answer")


class Refused:
    """The channel that remembers refused passwords, by a digest with a key of this process: never the text.

    A password that is wrong once is wrong a minute later, and whoever guesses gets banned.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._until: dict[bytes, tuple[float, Reading]] = {}

    def name(self, *account: str) -> bytes:
        """What an account is remembered by; its last text is the password."""
        return hmac.digest(self._key, "\0".join(account).encode("utf-8", "surrogateescape"), hashlib.sha256)

    def stands(self, name: bytes, now: float) -> Reading | None:
        until, reading = self._until.get(name, (0.0, None))
        return reading if now < until else None

    def keep(self, name: bytes, until: float, now: float, reading: Reading) -> None:
        self._until = {other: kept for other, kept in self._until.items() if kept[0] > now}
        self._until[name] = (until, reading)

    async def aclose(self) -> None:
        self._until.clear()


REFUSED = "refused-passwords"
"""The key of the shared channel."""
LOCAL_BACK_OFF = 900.0
"""Seconds for which a refused password of a management interface is not tried again, unless it changes."""


def unread(settings: Management, error: Unread) -> Reading:
    return failure(error.reason, f"{settings.place}: {error}")
