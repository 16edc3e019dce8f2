"""The `certificate` probe: whether the certificate that a TLS server presents is good, and for how long.

One that is good proves nothing of what the server does; one that is not ends every call that goes by it.
"""

import socket
import ssl
import time

from probes import trust
from probes.asking import ask_each, told
from probes.declared.certificate import Certificate
from probes.stream import conversation
from probes.targets import Address
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure


def judge(settings: Certificate, target: str, refused: str, expires: float | None, now: float) -> Reading:
    """`refused` says why verification failed, if it did; `expires` is None where no certificate could be read."""
    where = f"{target}:{settings.port}"
    seen: tuple[Observation, ...] = ()
    soon = ""
    if expires is not None:
        name = "tls_certificate_expiry_timestamp_seconds"
        seen = (Observation(name, expires, "s", "notAfter of the leaf", where),)
        soon = trust.days_left(expires, now, settings.warn / 1000)
    if refused or (expires is not None and expires < now):
        return Reading(State.DOWN, None, f"{where}: {refused or soon}", seen)
    if expires is None:
        return failure(Reason.TLS, f"{where}: a certificate that cannot be read")
    return Reading(State.DEGRADED if soon else State.UP, None, f"{where}: {soon}" if soon else "", seen)


async def probe(settings: Certificate, run: Run) -> Reading:
    try:
        strict = trust.client_context(settings.verify, settings.ca)
    except OSError as error:
        return failure(Reason.CONFIG, f"{settings.ca}: {error.strerror or error}")

    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        name = settings.server_name or target

        async def presented(context: ssl.SSLContext) -> float | None:
            async with conversation(family, address, settings, context=context, name=name) as (_, writer):
                return trust.presented(writer)

        refused = ""
        try:
            expires = await presented(strict)
        except ssl.SSLCertVerificationError as error:
            # A second handshake that believes anything and sends nothing: for the date alone.
            refused, expires = told(error), await presented(trust.client_context(False, ""))
        return judge(settings, target, refused, expires, time.time())

    return await ask_each(settings, settings.port, run, ask, silence=State.UNKNOWN)
