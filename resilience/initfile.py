"""The first site file of a site: four answers → a commented file that is good as it stands. No I/O but the template."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from resilience.faults import Invalid, Report, did_you_mean
from resilience.fields import Field, scalar, span, text
from resilience.model import Tier
from resilience.yamltree import Mark, Scalar, quoted

WAYS = ("sip", "line", "cellular")
"""A SIP trunk over the internet, an analogue line, a mobile telephone; best first."""


def _ways(value: str) -> list[str]:
    chosen = re.split(r"[,\s]+", value.strip())
    for way in chosen:
        if way not in WAYS:
            raise ValueError(f"'{way}' is not one of {', '.join(WAYS)}{did_you_mean(way, WAYS)}")
    return [way for way in WAYS if way in chosen]


@dataclass(frozen=True, slots=True)
class Question:
    key: str
    asks: str
    default: str
    field: Field[Any]

    def read(self, answer: str) -> Any:
        """What `answer` means; ValueError says to a person what is wrong with it."""
        report = Report()
        try:
            return self.field.read(Scalar(answer, Mark("", 1, 1)), "", report)
        except Invalid:
            raise ValueError(report.faults[0].message) from None


QUESTIONS = (
    Question("name", "What do people call the site?", "", text(longest=200)),
    Question("team", "Which team answers for it?", "", text(longest=200)),
    Question("power_outage", "How long must 911 outlive a power outage?", "2h", span()),
    Question("ways", f"How do calls to 911 leave the site ({', '.join(WAYS)})?", "sip, line", scalar(_ways, {})),
)


def site_text(answers: Mapping[str, str]) -> str:
    """The site file for one answer to each of QUESTIONS; ValueError names the question and what is wrong."""
    read: dict[str, Any] = {}
    for question in QUESTIONS:
        try:
            read[question.key] = question.read(answers[question.key])
        except ValueError as error:
            raise ValueError(f"{question.asks} {error}") from None
    return _template().render(
        site=site_id(read["name"]),
        name=read["name"],
        team=read["team"],
        power_outage=answers["power_outage"],
        tiers=dict(zip(read["ways"], Tier, strict=False)),
    )


def site_id(name: str) -> str:
    """An id from what people call the site: `Denver headquarters` → `denver-headquarters`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:63].strip("-") or "site"


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("resilience"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  YAML, not HTML: every value goes through `quoted`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = quoted
    return environment.get_template("site.yaml.j2")
