"""How a site file says where an SNMP agent is and with what credentials it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resilience import fields
from resilience.fields import Field
from resilience.model import Secret

AUTH_PROTOCOLS = ("SHA-256", "SHA", "SHA-512", "SHA-384", "SHA-224", "MD5")
PRIV_PROTOCOLS = ("AES", "AES-192", "AES-256", "DES")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where an agent listens and what it wants to hear; the settings of an SNMP probe begin with these."""

    host: str
    port: int = 161
    version: str = "2c"
    community: Secret | None = None
    user: str = ""
    auth: Secret | None = None
    auth_protocol: str = "SHA-256"
    priv: Secret | None = None
    priv_protocol: str = "AES"
    source: str = ""


ACCESS_FIELDS: Mapping[str, Field[Any]] = {
    "host": fields.required(fields.host(), "the agent's name or address"),
    "port": fields.described(fields.port(), "UDP port of the agent; 161"),
    "version": fields.described(fields.choice("1", "2c", "3"), "SNMP version; 2c"),
    "community": fields.described(fields.secret(), "read-only community of version 1 and 2c"),
    "user": fields.described(fields.text(longest=32), "user of version 3 (RFC 3414)"),
    "auth": fields.described(fields.secret(), "authentication password of version 3"),
    "auth_protocol": fields.described(fields.choice(*AUTH_PROTOCOLS), "SHA-256"),
    "priv": fields.described(fields.secret(), "privacy password of version 3"),
    "priv_protocol": fields.described(fields.choice(*PRIV_PROTOCOLS), "AES, which is AES-128"),
    "source": fields.described(fields.address(), "local address that the questions leave from"),
}


def check_access(access: Access) -> str | None:
    """A message for the file's author where the credentials do not fit the version."""
    if access.version != "3":
        if access.user or access.auth or access.priv:
            return "'user', 'auth' and 'priv' belong to SNMP version 3; write version: 3"
        return None if access.community else f"SNMP version {access.version} needs a 'community'"
    if access.community:
        return "'community' belongs to SNMP version 1 and 2c; version 3 has a 'user'"
    if not access.user:
        return "SNMP version 3 needs a 'user'"
    return (
        "'priv' needs 'auth': SNMP has no privacy without authentication" if access.priv and not access.auth else None
    )
