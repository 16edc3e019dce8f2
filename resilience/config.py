"""The monitor's own settings: `--config FILE`, read by the same tables as a site file.

A flag of the command line stands above the environment, the environment above this file, this file above what is
built in. Nothing here says anything about a site.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resilience.duration import parse_duration
from resilience.faults import Fault, Invalid, Report, in_order
from resilience.fields import (
    IGNORED,
    NAME,
    Field,
    choice,
    decimal,
    described,
    list_of,
    record,
    record_schema,
    required,
    scalar,
    secret,
    span,
    table_of,
    text,
)
from resilience.finding import Severity
from resilience.model import Secret
from resilience.yamltree import Node, Scalar, YamlFault, parse_tree

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

RETENTION = parse_duration("730d")
"""Two years: 47 CFR 9.19(c)(1)(ii) and (d) ask for records of that age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where people are told, by an Apprise URL; `severity` is the least that is told, `owners` () are all."""

    url: Secret
    severity: Severity = Severity.WARNING
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Durations in ms."""

    channels: Mapping[str, Channel]
    after: int = 60_000
    settle: int = 300_000
    repeat: int = 4 * 3_600_000
    runbooks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`interval` in ms."""

    url: Secret
    interval: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`role` is read or write, `sha256` the token's hash in hex."""

    role: str
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says; empty where it says nothing."""

    listen: str = ""
    name: str = ""
    sites: str = ""
    database: Secret | None = None
    retention: int = RETENTION
    """ms for which history is kept."""
    notify: Notify | None = None
    heartbeat: Heartbeat | None = None
    probe_networks: tuple[Network, ...] = ()
    """Where probes may go; () is everywhere."""
    sip_rate: float = 1.0
    """Requests a second to one SIP destination."""
    access: Mapping[str, Token] = field(default_factory=dict)
    """Tokens by name."""


NOTHING = Config()


def _database() -> Field[Secret]:
    """A URL as it is where it holds no password, else a secret."""
    hidden = secret()

    def read(node: Node, where: str, report: Report) -> Secret:
        if isinstance(node, Scalar):
            if "@" in node.text and ":" in node.text.partition("//")[2].partition("@")[0]:
                report.warn(node.mark, where, "a password stands in clear; use {env: NAME} or {file: NAME}")
            return Secret("clear", node.text)
        return hidden.read(node, where, report)

    return Field(read, hidden.describe)


def _ms(**values: Any) -> dict[str, Any]:
    return {key: int(value) if isinstance(value, float) else value for key, value in values.items()}


_CHANNEL = record(
    {
        "url": required(secret(), "an Apprise URL, such as mailtos://… or slack://…; it is a secret"),
        "severity": described(choice(*Severity), "The least that is told; warning unless given."),
        "owners": described(list_of(text(), least=1), "Teams whose sites are told of here; left out, all."),
    },
    lambda *, severity=Severity.WARNING, **values: Channel(severity=Severity(severity), **values),
    ignore=IGNORED,
)

_NOTIFY = record(
    {
        "channels": required(table_of(_CHANNEL, key=NAME, wanted="a name", least=1, what="channel"), "where to"),
        "after": described(span(), "How long a finding stands before it is told, critical ones at once; 1m."),
        "settle": described(span(), "How long it is gone before its end is told; 5m."),
        "repeat": described(span(least=60_000), "When one that still stands is told again; 4h."),
        "runbooks": described(text(pattern=r"https?://\S+", wanted="a URL"), "Where the runbooks are, for links."),
    },
    lambda **values: Notify(**_ms(**values)),
    ignore=IGNORED,
)

_HEARTBEAT = record(
    {
        "url": required(secret(), "what is asked for by GET; it is a secret"),
        "interval": described(span(least=1_000), "How often; 1m."),
    },
    lambda **values: Heartbeat(**_ms(**values)),
    ignore=IGNORED,
)


def _network(value: str) -> Network:
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"'{value}' is not a network such as 10.0.0.0/8: {error}") from None


_TOKEN = record(
    {
        "role": required(choice("read", "write"), "what it may do"),
        "sha256": required(
            text(pattern="[0-9a-f]{64}", wanted="a SHA-256 in hex"),
            "the hash of a long random token: `openssl rand -hex 32 | tee token | tr -d '\\n' | sha256sum`",
        ),
    },
    Token,
    ignore=IGNORED,
)

_ACCESS = record(
    {"tokens": required(table_of(_TOKEN, key=NAME, wanted="a name", least=1, what="token"), "who may write")},
    lambda *, tokens: tokens,
    ignore=IGNORED,
)

FIELDS: Mapping[str, Field[Any]] = {
    "listen": described(text(), "HOST:PORT of the pages."),
    "name": described(text(longest=200), "This monitor's vantage."),
    "sites": described(text(), "Directory of site files."),
    "database": described(
        _database(), "URL of the database, sqlite:///FILE or postgresql://…; `none` keeps nothing over a restart."
    ),
    "notify": described(_NOTIFY, "Tells people of findings, for those who run no Alertmanager."),
    "heartbeat": described(_HEARTBEAT, "Tells a watcher elsewhere that the monitor lives and is well."),
    "access": described(_ACCESS, "Who may act over HTTP; left out, nobody may."),
    "probe_networks": described(
        list_of(scalar(_network, {"type": "string"}), least=1, what="network"),
        "Networks that probes may speak to, after name resolution; left out, all.",
    ),
    "sip_rate": described(decimal(0.01, 100), "SIP requests a second to one destination; 1 unless given."),
    "retention": described(span(least=parse_duration("1d")), "How long history is kept. Evidence is kept for ever."),
}

_CONFIG: Field[Config] = record(
    FIELDS, lambda *, retention=RETENTION, **values: Config(retention=int(retention), **values), ignore=IGNORED
)


def read_config(content: bytes, file: str) -> tuple[Config | None, tuple[Fault, ...]]:
    """The settings, None where anything is wrong, and all that is wrong or doubtful."""
    report = Report()
    found = None
    try:
        found = _CONFIG.read(parse_tree(content, file, report.error), "", report)
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
    except Invalid:
        pass  # the report says why
    return (None if report.broken else found), in_order(report.faults, file)


def load(path: Path) -> tuple[Config | None, tuple[Fault, ...]]:
    """As `read_config`; raises OSError."""
    return read_config(path.read_bytes(), str(path))


def config_schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:site-resilience-monitor:schema:config:1",
        "title": "Configuration",
        "description": "The monitor's own settings, for `resilience run --config FILE`.",
        **record_schema(FIELDS, ignore=IGNORED),
    }
