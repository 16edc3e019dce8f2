"""What it means that a SIP request got no final response: silence, a refusal, a fault of TLS, or one of our own."""

import errno
import ssl

from probes.sip import ProtocolError
from probes.sip_transport import Exchange
from resilience.reading import Reason, State


def bad_certificate(exchange: Exchange) -> bool:
    return isinstance(exchange.error, ssl.SSLCertVerificationError)


def what_came_instead(exchange: Exchange) -> tuple[Reason, State, str]:
    """Reason, what it says of the target, and a text for people."""
    if exchange.error is not None:
        return _broken(exchange.error, exchange)
    if exchange.no_room:
        return Reason.IMPAIRED, State.UNKNOWN, "no answer, but a buffer of the monitor was full; it may be lost there"
    if exchange.stray:
        return Reason.PROTOCOL, State.UNKNOWN, f"no answer to the request, but {exchange.stray}"
    if exchange.provisional is not None:
        return Reason.TIMEOUT, State.DOWN, f"only {exchange.provisional} came, no final answer"
    if exchange.sent:
        return Reason.TIMEOUT, State.DOWN, f"no answer (sent {exchange.sent}×)"
    return Reason.TIMEOUT, State.DOWN, f"timed out {exchange.stage}"


_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_CANNOT_LEAVE = {errno.EADDRNOTAVAIL, errno.ENODEV, errno.EPERM, errno.EACCES, errno.ENETDOWN}
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN}
_UNKNOWN_ISSUER = {18, 19, 20, 21}
"""X509_V_ERR of OpenSSL: self-signed, self-signed in the chain, no local issuer, cannot verify the leaf."""


def _broken(error: OSError | ProtocolError, exchange: Exchange) -> tuple[Reason, State, str]:
    if isinstance(error, ProtocolError):
        return Reason.PROTOCOL, State.UNKNOWN, str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "; a provider's own CA is named with ca" if error.verify_code in _UNKNOWN_ISSUER else ""
        return Reason.TLS, State.DOWN, f"certificate refused: {error.verify_message}{remedy}"
    if isinstance(error, ssl.SSLError):
        if error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
            return Reason.AUTH, State.UNKNOWN, "the target wants a client certificate, which this probe has not"
        return Reason.TLS, State.DOWN, f"TLS failed {exchange.stage}: {error.reason or error}"
    said = error.strerror or str(error)
    if isinstance(error, ConnectionRefusedError):
        return Reason.REFUSED, State.DOWN, "refused: nothing listens there"
    if isinstance(error, ConnectionError) and exchange.certificate:
        # TLS 1.3 tells a client that its certificate is missing only after the handshake, and a reset may overtake it.
        return Reason.CLOSED, State.UNKNOWN, f"{said}, after the TLS handshake; it may want a client certificate"
    if isinstance(error, ConnectionError):
        return Reason.CLOSED, State.DOWN, f"{said}, {exchange.stage}"
    if error.errno in _OURS:
        return Reason.IMPAIRED, State.UNKNOWN, f"the monitor could not ask: {said}"
    if error.errno in _CANNOT_LEAVE:
        return Reason.CONFIG, State.UNKNOWN, f"cannot send from the declared source or interface: {said}"
    return Reason.UNREACHABLE, State.DOWN if error.errno in _NO_WAY else State.UNKNOWN, said
