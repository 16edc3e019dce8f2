"""The published schema, asked by the jsonschema package about files as an editor would load them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import probes
from probetypes import TYPES
from resilience.schema import site_schema

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parent / "sites").glob("*.yaml"))

ONLY_LAWS = {
    "belongs-to",
    "count-out-of-range",
    "dangling-everywhere",
    "drills",
    "duplicate-key",
}
"""Bad files whose shape is good: what is wrong lies between values."""


class Yaml12(yaml.SafeLoader):
    """The core schema of YAML 1.2: `on`, `no`, `12:30` and days are text."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]*", "-+0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


def load(path: Path) -> Any:
    return yaml.load(path.read_text(), Yaml12)  # noqa: S506  a safe loader


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    made = site_schema(TYPES)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits(path: Path) -> None:
    validator = Draft202012Validator(site_schema({**TYPES, **probes.registry()}))
    assert [error.message for error in validator.iter_errors(load(path))] == []
