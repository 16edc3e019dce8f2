"""The runbooks: one for every code that can alert, none for anything else, and what they name exists."""

import re
from pathlib import Path

import pytest
import yaml

from promtool import RULES
from resilience import catalogue
from resilience.cli import app
from resilience.finding import SEVERITY

RUNBOOKS = {path.stem: path.read_text() for path in (Path(__file__).parents[1] / "docs" / "runbooks").glob("*.md")}
TO_COME = {"location_mismatch"}
"""Codes of the contract that nothing raises yet."""


def codes_of_rules() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return {rule["labels"]["code"] for rule in rules if "code" in rule.get("labels", ())}


IMPAIRMENTS = {"loop_lag", "no_network", "overload", "clock_unsynchronised"}


def test_every_code_has_a_runbook_and_every_runbook_a_code() -> None:
    needed = set(SEVERITY) | codes_of_rules()
    assert needed <= set(RUNBOOKS)
    assert set(RUNBOOKS) - needed <= TO_COME


@pytest.mark.parametrize("code", sorted(RUNBOOKS))
def test_a_runbook_says_what_it_means_what_to_check_and_how_to_fix_it(code: str) -> None:
    heading, *sections = re.split(r"^## ", RUNBOOKS[code], flags=re.MULTILINE)
    assert heading.strip() == f"# {code}"
    means, check, fix = (section.partition("\n")[::2] for section in sections)
    assert (means[0], check[0], fix[0]) == ("What it means", "Check", "Fix")
    assert len(means[1].strip()) > 60
    assert "\n1. " in check[1]
    assert "\n- " in fix[1]


@pytest.mark.parametrize("code", sorted(RUNBOOKS))
def test_what_a_runbook_names_exists(code: str) -> None:
    text = " ".join(RUNBOOKS[code].split())
    commands = set(app.every())
    assert set(re.findall(r"`resilience ([a-z]+)", text)) <= commands
    metrics = set(re.findall(r"`resilience_([a-z_]+)`", text))
    assert metrics <= set(catalogue.METRICS)
    for other in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text):
        known = set(RUNBOOKS) | set(catalogue.METRICS) | {"accepted_risks", "not_offered", "not_available"}
        assert other in known | IMPAIRMENTS or other.startswith("resilience_"), other
