"""The monitor's own settings: `--config FILE`, read by the same tables as a site file.

A flag of the command line stands above the environment, the environment above this file, this file above what is
built in. Nothing here says anything about a site.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resilience.duration import parse_duration
from resilience.faults import Fault, Invalid, Report, in_order
from resilience.fields import IGNORED, Field, described, record, record_schema, secret, span, text
from resilience.model import Secret
from resilience.yamltree import Node, Scalar, YamlFault, parse_tree

RETENTION = parse_duration("730d")
"""Two years: 47 CFR 9.19(c)(1)(ii) and (d) ask for records of that age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the file says; empty where it says nothing."""

    listen: str = ""
    name: str = ""
    sites: str = ""
    database: Secret | None = None
    retention: int = RETENTION
    """ms for which history is kept."""


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


FIELDS: Mapping[str, Field[Any]] = {
    "listen": described(text(), "HOST:PORT of the pages."),
    "name": described(text(longest=200), "This monitor's vantage."),
    "sites": described(text(), "Directory of site files."),
    "database": described(
        _database(), "URL of the database, sqlite:///FILE or postgresql://…; `none` keeps nothing over a restart."
    ),
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
