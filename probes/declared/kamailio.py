"""The `kamailio` probe as a site file declares it."""

from dataclasses import dataclass

from resilience.fields import described, flag, host, port, required, text
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Kamailio:
    host: str
    port: int = 8080
    path: str = "/RPC"
    tls: bool = False
    verify: bool = True
    ca: str = ""
    registration: str = ""

    @property
    def url(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' * self.tls}://{name}:{self.port}{self.path}"


def _check(settings: Kamailio) -> str | None:
    if not settings.tls and (settings.ca or not settings.verify):
        return "ca and verify are for TLS; write tls: true"
    return None


KAMAILIO = ProbeType(
    name="kamailio",
    settings=Kamailio,
    fields={
        "host": required(host(), "the Kamailio whose xhttp serves JSON-RPC"),
        "port": described(port(), "its HTTP port (8080)"),
        "path": described(text(pattern=r"/[!-~]{0,200}", wanted="a path, such as /RPC"), "the path of JSON-RPC (/RPC)"),
        "tls": described(flag(), "whether it is served over TLS (false)"),
        "verify": described(flag(), "whether its certificate is verified (true)"),
        "ca": described(text(), "a PEM file with the CA of its certificate, instead of the system's"),
        "registration": described(text(longest=255), "the l_uuid to watch; without it, every one that is not disabled"),
    },
    probe=Later("probes.kamailio:probe"),
    check=_check,
)
