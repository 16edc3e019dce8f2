"""The `nut` probe as a site file declares it."""

from dataclasses import dataclass

from resilience import fields
from resilience.model import Secret
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Nut:
    host: str
    ups: str
    port: int = 3493
    user: str = ""
    password: Secret | None = None
    tls: bool = False
    ca: str = ""
    source: str = ""


def _check(settings: Nut) -> str | None:
    if settings.password and not settings.user:
        return "'password' is given without 'user'"
    if settings.ca and not settings.tls:
        return "'ca' is of use only with 'tls: true'"
    return None


NUT = ProbeType(
    name="nut",
    settings=Nut,
    fields={
        "host": fields.required(fields.host(), "The machine that upsd runs on."),
        "port": fields.described(fields.port(), "upsd's TCP port; 3493 unless given."),
        "ups": fields.required(
            fields.text(
                pattern=r"[A-Za-z0-9._:-]{1,64}", wanted="the name of a UPS as upsc -l prints it, without @host"
            ),
            "The UPS's name in ups.conf.",
        ),
        "user": fields.described(
            fields.text(pattern=r"[ -~]{1,128}", wanted="a user name of printable ASCII"),
            "A user of upsd.users. Reading needs none on a stock upsd, and upsd does not check it for reading.",
        ),
        "password": fields.described(fields.secret(), "The user's password; in clear on the wire without 'tls'."),
        "tls": fields.described(fields.flag(), "Start TLS and verify the certificate; no answer without it."),
        "ca": fields.described(
            fields.text(), "A PEM file of the certificate authority; the system's store unless given."
        ),
        "source": fields.described(fields.address(), "The local address to connect from."),
    },
    probe=Later("probes.nut:probe"),
    check=_check,
)
