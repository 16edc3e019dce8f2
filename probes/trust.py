"""TLS as a client: whom we trust, and when a presented certificate runs out."""

import asyncio
import ssl
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509


def client_context(verify: bool, ca: str) -> ssl.SSLContext:
    """The context for certificates signed by `ca` (a PEM file; empty is the system's store), or for any.

    Kept until the file changes: reading the system's store takes some 15 ms. OSError where `ca` cannot be read.
    """
    if not verify and not ca:
        return _context(verify, ca, 0)
    # The system's is renewed too, and a monitor runs for years.
    store = ca or ssl.get_default_verify_paths().cafile
    return _context(verify, ca, Path(store).stat().st_mtime_ns if store else 0)


@lru_cache(maxsize=32)
def _context(verify: bool, ca: str, changed: int) -> ssl.SSLContext:
    if verify:
        return ssl.create_default_context(cafile=ca or None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def expiry(certificate: bytes) -> datetime:
    """notAfter of a DER certificate, in UTC; ValueError where it cannot be read."""
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from None


WARNING = 30 * 86_400
"""Seconds before notAfter."""


def presented(writer: asyncio.StreamWriter) -> float | None:
    """notAfter of the certificate that the far end of a TLS connection presented, in seconds since 1970; None where
    it cannot be read."""
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    try:
        return expiry(certificate).timestamp() if certificate else None
    except ValueError:
        return None


def days_left(expires: float, now: float, warn: float) -> str:
    """What is to be said of a certificate with less than `warn` seconds left; empty where there are more.

    Both moments in seconds since 1970.
    """
    days = (expires - now) / 86_400
    if days < 0:
        return f"certificate expired {int(-days)} d ago"
    return f"certificate expires in {int(days)} d" if expires - now <= warn else ""
