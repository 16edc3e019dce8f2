"""The `nut` probe: one UPS as a upsd of Network UPS Tools reports it.

The connection alone: the protocol is in `probes.upsd`, what the variables mean in `probes.nut_variables`. Only
STARTTLS, USERNAME, PASSWORD, LIST VAR and LOGOUT are ever sent: LOGIN would make the UPS's primary wait for this
monitor before it shuts down.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping

from probes import upsd
from probes.declared.nut import Nut
from probes.nut_variables import read
from probes.trust import client_context
from resilience.duration import spoken
from resilience.probing import Run, SecretMissing
from resilience.reading import Reading, Reason, failure


async def probe(settings: Nut, run: Run) -> Reading:
    """Silence, refusal and errors are all unknown: the way to upsd is not the UPS."""
    try:
        requests = list(_requests(settings, run))
        context = client_context(True, settings.ca) if settings.tls else None
    except (SecretMissing, upsd.Unsendable) as error:
        return failure(Reason.CONFIG, str(error))
    except OSError as error:
        return failure(Reason.CONFIG, f"the CA file {settings.ca} cannot be used: {error.strerror or error}")
    link = _Link()
    try:
        async with asyncio.timeout(run.timeout):
            return _told(await link.converse(settings, requests, context), settings)
    except TimeoutError:
        reason, text = Reason.TIMEOUT, f"no {link.awaited} within {spoken(run.timeout * 1000)}"
    except upsd.ProtocolError as error:
        reason, text = Reason.PROTOCOL, f"what answers is not upsd: {error}"
    except EOFError:
        reason, text = Reason.CLOSED, f"closed before the {link.awaited} was complete"
    except OSError as error:
        reason, text = _network(error)
    finally:
        link.close()
    return failure(reason, f"{settings.host} port {settings.port}: {text}")


def _requests(settings: Nut, run: Run) -> Iterator[upsd.Request]:
    if settings.user:
        yield upsd.username(settings.user)
    if settings.password:
        yield upsd.password(run.secret(settings.password))
    yield upsd.list_variables(settings.ups)


class _Link:
    """One connection for one reading. Never used again: after a timeout the late answer would be taken for the next."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self.awaited = "connection"

    async def converse(
        self, settings: Nut, requests: list[upsd.Request], context: ssl.SSLContext | None
    ) -> upsd.Answer:
        """The answer to the last of `requests`, or the first refusal. With a `context`, nothing is said before TLS."""
        local = (settings.source, 0) if settings.source else None
        reader, writer = await asyncio.open_connection(settings.host, settings.port, local_addr=local)
        self._writer = writer
        if context is not None:
            answer = await self._exchange(upsd.STARTTLS, reader, writer)
            if _refused(answer):
                return answer
            self.awaited = "TLS handshake"
            await _secure(writer, context, settings.host)
        for request in requests:
            answer = await self._exchange(request, reader, writer)
            if _refused(answer):
                break
        writer.write(upsd.LOGOUT.wire)
        return answer

    async def _exchange(
        self, request: upsd.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> upsd.Answer:
        self.awaited = f"answer to {request.command}"
        writer.write(request.wire)
        answering = upsd.AnswerReader(request)
        while True:
            # Everything that the stream holds: bytes left behind in clear would be read as if they had come by TLS.
            chunk = await reader.read(upsd.MAX_BYTES)
            if not chunk:
                raise EOFError
            if (answer := answering.feed(chunk)) is not None:
                return answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()  # a TLS farewell could wait for a peer that never answers


def _refused(answer: upsd.Answer) -> bool:
    return isinstance(answer, upsd.Verdict) and bool(answer.error)


async def _secure(writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str) -> None:
    try:
        await writer.start_tls(context, server_hostname=host)
    except ConnectionError as error:
        raise ssl.SSLError("closed during the handshake") from error


_NETWORK: Mapping[int, tuple[Reason, str]] = {
    errno.ECONNREFUSED: (Reason.REFUSED, "refused: is upsd running, and does it LISTEN on this address?"),
    errno.ECONNRESET: (Reason.CLOSED, "reset by the peer"),
    errno.EPIPE: (Reason.CLOSED, "closed by the peer"),
    errno.EADDRNOTAVAIL: (Reason.CONFIG, "this machine does not have the source address"),
    errno.EMFILE: (Reason.IMPAIRED, "this process has no file descriptor left"),
    errno.ENOBUFS: (Reason.IMPAIRED, "this machine has no buffers left"),
}


def _network(error: OSError) -> tuple[Reason, str]:
    if isinstance(error, socket.gaierror):
        return Reason.RESOLVE, f"the name does not resolve ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason.TLS, f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return Reason.TLS, f"TLS failed: {error.strerror or error}"
    return _NETWORK.get(error.errno or 0, (Reason.UNREACHABLE, error.strerror or str(error)))


_AUTH = "upsd refuses this user: check upsd.users, and any access list in front of it"
_REFUSALS: Mapping[str, tuple[Reason, str]] = {
    "DATA-STALE": (Reason.DEVICE, "the driver has lost the UPS: check its cable or management card"),
    "DRIVER-NOT-CONNECTED": (Reason.DEVICE, "the driver of this UPS does not run: check nut-driver and ups.conf there"),
    "UNKNOWN-UPS": (Reason.DEVICE, "upsd has no UPS of this name: compare 'ups' with the output of upsc -l"),
    "ACCESS-DENIED": (Reason.AUTH, _AUTH),
    "INVALID-USERNAME": (Reason.AUTH, _AUTH),
    "INVALID-PASSWORD": (Reason.AUTH, _AUTH),
    "USERNAME-REQUIRED": (Reason.AUTH, "upsd wants a user: declare 'user' and 'password'"),
    "PASSWORD-REQUIRED": (Reason.AUTH, "upsd wants a password: declare 'user' and 'password'"),
}
"""Tokens of NUT server/neterr.h that can answer what is sent here, and what to check."""


def _told(answer: upsd.Answer, settings: Nut) -> Reading:
    if not isinstance(answer, upsd.Verdict):
        return read(answer)
    reason, text = _REFUSALS.get(answer.error, (Reason.DEVICE, f"upsd refuses {answer.command}"))
    if answer.command == upsd.STARTTLS.command:
        reason, text = Reason.TLS, "upsd offers no TLS (CERTFILE or CERTIDENT in upsd.conf); nothing is sent in clear"
    return failure(reason, f"{settings.ups} at {settings.host}: {text} ({answer.error})")
