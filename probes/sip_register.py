"""REGISTER as a question: a request without Contact, and the bindings that its answer lists (RFC 3261 §10.2.3).

Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from probes.declared.sip_uri import SipUri, Transport
from probes.sip import ProtocolError, Request, Response, build


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an address of record; `expires` in seconds, None where the registrar does not tell."""

    uri: str
    host: str
    expires: int | None

    @property
    def stands(self) -> bool:
        return self.expires is None or self.expires > 0

    def __str__(self) -> str:
        return f"{self.uri} for {self.expires} s" if self.expires is not None else self.uri


def registrar(aor: SipUri) -> str:
    """The Request-URI: the domain whose location service is asked, without a user (RFC 3261 §10.2)."""
    return SipUri(aor.scheme, aor.host).address_of_record


def build_query(
    aor: SipUri,
    local: tuple[Transport, str, int],
    *,
    credentials: Iterable[tuple[str, str]] = (),
    after: Request | None = None,
) -> Request:
    """A REGISTER that carries neither Contact nor Expires, so that it can only ask."""
    name = aor.address_of_record
    return build(
        "REGISTER",
        registrar(aor),
        sender=name,
        to=name,
        local=local,
        extra=credentials,
        after=after,
    )


_NAME_ADDR = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|[^<"]*)\s*<([^<>\s]{1,512})>\s*((?:;.*)?)', re.DOTALL)
_ADDR_SPEC = re.compile(r"\s*([^\s;<>\"]{1,512})\s*((?:;.*)?)", re.DOTALL)
_URI_HOST = re.compile(r"(?:sips?):(?:[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)", re.IGNORECASE)
_EXPIRES = re.compile(r';\s*expires\s*=\s*"?(\d{1,10})"?\s*(?=;|$)', re.IGNORECASE | re.ASCII)
_SECONDS = re.compile(r"\d{1,10}", re.ASCII)
_MOST = 64
"""Bindings of one address of record; a registrar usually keeps ten at most."""


def bindings(response: Response) -> tuple[Binding, ...]:
    """The bindings that a 2xx lists; ProtocolError where one cannot be read."""
    contacts = response.kept.get("contact", ())
    if len(contacts) > _MOST:
        raise ProtocolError(f"{len(contacts)} bindings of one address; {_MOST} are the most")
    general = response.kept.get("expires", ("",))[0]
    usual = int(general) if _SECONDS.fullmatch(general) else None
    return tuple(_binding(contact, usual) for contact in contacts)


def _binding(contact: str, usual: int | None) -> Binding:
    match = _NAME_ADDR.fullmatch(contact) or _ADDR_SPEC.fullmatch(contact)
    host = match and _URI_HOST.match(match[1])
    if not match or not host:
        raise ProtocolError(f"a binding that is no SIP contact: {contact[:60]!a}")
    expires = _EXPIRES.search(match[2])
    uri = "".join(char if char.isprintable() else "?" for char in match[1][:120])
    return Binding(uri, host[1].strip("[]").lower(), int(expires[1]) if expires else usual)
