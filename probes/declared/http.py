"""The `http` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets, check_tls
from resilience.fields import choice, described, flag, host, integer, list_of, port, span, text
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Http(Targets):
    port: int = 0
    """0 is that of the scheme."""
    tls: bool = False
    verify: bool = True
    ca: str = ""
    server_name: str = ""
    path: str = "/"
    method: str = "GET"
    status: tuple[int, ...] = ()
    """() is any 2xx."""
    expect: str = ""
    follow: str = "host"
    slow: float = 2_000
    """Milliseconds."""


def _check(settings: Http) -> str | None:
    if settings.expect and settings.method == "HEAD":
        return "an answer to HEAD has no body in which 'expect' could stand"
    return check_tls(settings.tls, settings.verify, settings.ca) or check_targets(settings)


HTTP = ProbeType(
    name="http",
    settings=Http,
    fields={
        **TARGET_FIELDS,
        "port": described(port(), "The servers' port; 80, with tls 443, unless given."),
        "tls": described(flag(), "Whether it is asked over TLS; false unless given."),
        "verify": described(flag(), "Whether the certificate is verified; true unless given."),
        "ca": described(text(), "A PEM file with the CA of the certificate, instead of the system's."),
        "server-name": described(host(), "The name asked for, which the certificate must have; the target's."),
        "path": described(
            text(pattern=r"/[!-~]{0,1000}", wanted="a path, such as /health?deep=1"),
            "What is asked for; / unless given.",
        ),
        "method": described(choice("GET", "HEAD"), "GET unless given."),
        "status": described(
            list_of(integer(200, 599), least=1, what="status"), "The statuses of a good answer; any 2xx unless given."
        ),
        "expect": described(text(longest=500), "Text that stands in the first 64 KiB of a good answer."),
        "follow": described(
            choice("no", "host", "any"), "Redirects that are followed: to the same host unless given, to any, or none."
        ),
        "slow": described(span(least=1), "An answer later than this is degraded; 2s unless given."),
    },
    probe=Later("probes.http:probe"),
    check=_check,
    interval=300_000,
    timeout=5_000,
    confirm=15_000,
    retries=0,
    fall=2,
    rise=2,
)
