"""Prometheus' web configuration file: TLS and basic authentication of the pages.

The format is that of `--web.config.file` (exporter-toolkit); what is not read here is refused by name, so that
nobody believes in a protection that is not there.
"""

import re
import ssl
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resilience.faults import Fault, Invalid, Report, in_order
from resilience.fields import Field, choice, record, required, scalar, table_of, text
from resilience.yamltree import YamlFault, parse_tree

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """File names are relative to the configuration's folder."""

    cert_file: str
    key_file: str
    client_auth_type: str = "NoClientCert"
    client_ca_file: str = ""
    min_version: str = "TLS12"
    max_version: str = "TLS13"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    folder: Path = Path()
    tls: Tls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """bcrypt hashes by name."""

    def context(self) -> ssl.SSLContext | None:
        """Raises OSError or ValueError where a file is not there or no certificate."""
        tls = self.tls
        if tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[tls.min_version]
        context.maximum_version = VERSIONS[tls.max_version]
        context.verify_mode = CLIENTS[tls.client_auth_type]
        self.load(context)
        if tls.client_ca_file:
            context.load_verify_locations(self.folder / tls.client_ca_file)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """The certificate as it is on the disk now; connections to come use it."""
        if self.tls is not None:
            context.load_cert_chain(self.folder / self.tls.cert_file, self.folder / self.tls.key_file)


def _clients_are_checked_by_something(values: Mapping[str, Any], _: Container[str]) -> Iterator[tuple[str, str]]:
    wanted = values.get("client_auth_type", "NoClientCert") != "NoClientCert"
    if wanted is not bool(values.get("client_ca_file")):
        yield "client_auth_type", "'client_ca_file' and a 'client_auth_type' that verifies go together"


_TLS = record(
    {
        "cert_file": required(text()),
        "key_file": required(text()),
        "client_auth_type": choice(*CLIENTS),
        "client_ca_file": text(),
        "min_version": choice(*VERSIONS),
        "max_version": choice(*VERSIONS),
    },
    Tls,
    rule=_clients_are_checked_by_something,
)


def _hash(value: str) -> str:
    if not re.fullmatch(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}", value, re.ASCII):
        raise ValueError('is no bcrypt hash; make one with `htpasswd -nBC 10 ""`')
    return value


_USERS = table_of(scalar(_hash, {"type": "string"}))
_WEB: Field[dict[str, Any]] = record({"tls_server_config": _TLS, "basic_auth_users": _USERS}, lambda **values: values)


def read_web_config(content: bytes, file: str) -> tuple[WebConfig | None, tuple[Fault, ...]]:
    """The configuration, None where anything is wrong, and all that is wrong."""
    report = Report()
    found: dict[str, Any] = {}
    try:
        found = _WEB.read(parse_tree(content, file, report.error), "", report)
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
    except Invalid:
        pass  # the report says why
    if report.broken:
        return None, in_order(report.faults, file)
    tls, users = found.get("tls_server_config"), found.get("basic_auth_users", {})
    return WebConfig(folder=Path(file).parent, tls=tls, users=users), in_order(report.faults, file)
