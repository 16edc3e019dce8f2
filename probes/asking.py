"""Every target of a probe asked once, at the same time: what goes wrong on the way as a reading, and the quorum.

What is asked and what an answer means is the probe's. Which faults are the network's and which are this machine's
is decided here, the same for all.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping

from probes.declared.targets import Targets
from probes.targets import Address, Unresolved, by_quorum, not_sent, resolve, wanted_family
from resilience.duration import spoken
from resilience.probing import Run
from resilience.reading import Reading, Reason, State, failure

Ask = Callable[[str, socket.AddressFamily, Address, float], Awaitable[Reading]]
"""Asks one target, which is `(name, family, address)`, until a moment of loop time.

It raises NotAsked where nothing could be sent, OSError where the network or the host refused, TimeoutError for silence.
"""


class NotAsked(Exception):
    """Nothing left this machine; `error` says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def opened(family: socket.AddressFamily, kind: int) -> socket.socket:
    """A new socket that does not block; NotAsked where this process can have none."""
    try:
        return socket.socket(family, kind | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise NotAsked(error) from None


_ANSWERS: Mapping[int, tuple[Reason, str]] = {
    errno.ECONNREFUSED: (Reason.REFUSED, "the connection is refused: the host answers and nothing listens there"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "the network says that the host is unreachable"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "the network says that the host's network is unreachable"),
    errno.ETIMEDOUT: (Reason.TIMEOUT, "no answer"),
    errno.ECONNRESET: (Reason.CLOSED, "the connection was reset before an answer"),
    errno.EPIPE: (Reason.CLOSED, "the connection was closed before the question was out"),
}
"""What the network can say of a connection or a question. All else is said by this machine alone."""


_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""X509_V_ERR of OpenSSL: self-signed, self-signed in the chain, no local issuer, cannot verify the leaf."""


def told(error: ssl.SSLError) -> str:
    """What went wrong with TLS, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "; a CA of one's own is named with ca" if error.verify_code in _UNKNOWN_ISSUER else ""
        return f"certificate refused: {error.verify_message}{remedy}"
    return f"TLS failed: {error.reason or error}"


async def ask_each(settings: Targets, port: int, run: Run, ask: Ask, *, silence: State = State.DOWN) -> Reading:
    """One reading of all targets. `silence` is what no answer, a refusal or "unreachable" says of the component."""
    now = asyncio.get_running_loop().time()

    async def one(target: str) -> Reading:
        where = f"{target} port {port}"
        try:
            family, address = await resolve(target, port, wanted_family(settings), now + run.timeout / 2)
            async with asyncio.timeout_at(now + run.timeout):
                return await ask(target, family, address, now + run.timeout)
        except Unresolved as error:
            return failure(Reason.RESOLVE, str(error))
        except NotAsked as error:
            return not_sent(where, settings, error.error)
        except TimeoutError:
            return failure(Reason.TIMEOUT, f"{where}: no answer within {spoken(run.timeout * 1000)}", says=silence)
        except ssl.SSLError as error:
            return failure(Reason.TLS, f"{where}: {told(error)}", says=silence)
        except OSError as error:
            number = error.errno or errno.ECONNRESET
            if number not in _ANSWERS:
                return failure(Reason.IMPAIRED, f"{where}: a fault of this machine: {os.strerror(number)}")
            reason, text = _ANSWERS[number]
            return failure(reason, f"{where}: {text}", says=silence)

    readings = await asyncio.gather(*map(one, settings.all))
    return by_quorum(dict(zip(settings.all, readings, strict=True)), settings.quorum)
