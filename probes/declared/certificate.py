"""The `certificate` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.targets import TARGET_FIELDS, Targets, check_targets, check_tls
from resilience.fields import described, flag, host, port, span, text
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Targets):
    port: int = 443
    verify: bool = True
    ca: str = ""
    server_name: str = ""
    warn: float = 30 * 86_400_000
    """Milliseconds."""


def _check(settings: Certificate) -> str | None:
    return check_tls(True, settings.verify, settings.ca) or check_targets(settings)


CERTIFICATE = ProbeType(
    name="certificate",
    settings=Certificate,
    fields={
        **TARGET_FIELDS,
        "port": described(port(), "The servers' TLS port; 443 unless given, 5061 for SIP."),
        "verify": described(flag(), "Whether chain, name and dates are verified; true unless given."),
        "ca": described(text(), "A PEM file with the CA of the certificate, instead of the system's."),
        "server-name": described(host(), "The name asked for, which the certificate must have; the target's."),
        "warn": described(
            span(least=86_400_000), "With less than this left a certificate is degraded; 30d unless given."
        ),
    },
    probe=Later("probes.certificate:probe"),
    check=_check,
    interval=86_400_000,
    timeout=60_000,
    confirm=600_000,
    retries=0,
    fall=1,
    rise=1,
    proves=False,
)
