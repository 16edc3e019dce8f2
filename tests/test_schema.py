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

SHAPELY = {
    "alias",
    "belongs-to",
    "dangling-everywhere",
    "duplicate-key",
    "generator",
    "half-a-location",
    "loop-of-needs",
    "loop-of-roads",
    "loop-of-roads-through-site-via",
    "loop-through-power",
    "loop-to-itself",
    "never-on",
    "no-components",
    "path-twice",
    "probe-check",
    "probe-names",
    "secret-in-clear",
    "ups-without-feeds",
    "warnings-of-power",
}
"""Bad files whose shape is good: what is wrong lies between values, or could be made good by a `_defaults.yaml`, or
is gone once an editor has loaded them."""

NO_TREE = {"key-not-text", "not-yaml", "second-document", "tab-indent", "tag"}
"""Bad files that an editor's YAML does not load at all."""


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
    return yaml.load(path.read_text(), Yaml12)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits(path: Path) -> None:
    validator = Draft202012Validator(site_schema({**TYPES, **probes.registry()}))
    assert [error.message for error in validator.iter_errors(load(path))] == []


def test_bad_files_do_not_fit_unless_their_shape_is_good() -> None:
    schema = site_schema(TYPES)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    bad = {path.stem: path for path in (HERE / "badsites").glob("*.yaml")}
    fitting = {name for name in bad.keys() - NO_TREE if validator.is_valid(load(bad[name]))}
    assert fitting == SHAPELY
    assert len(bad) > 2 * len(SHAPELY)


def test_the_type_decides_which_keys_a_probe_may_have() -> None:
    validator = Draft202012Validator(site_schema(TYPES))

    def fits(**probe: object) -> bool:
        component = {"kind": "router", "probes": [probe]}
        site = {"site": "a", "name": "A", "owner": {"team": "t"}, "components": {"a": component}}
        path = {"name": "p", "tier": "primary", "needs": "a"}
        return validator.is_valid({**site, "emergency_paths": [path]})

    assert fits(type="tcp", host="10.1.0.1", port=80, interval="30s")
    assert fits(type="tcp", host="10.1.0.1", port="80", **{"x-rack": 7})
    assert fits(type="tcp", device="box")  # the device may bring the rest
    assert fits(type="cucm", anything=["goes"])
    assert fits(type="tcp", host="10.1.0.1")  # as may a template
    assert fits(type="tcp", host="unset", port="unset")
    assert fits(tcp="unset")
    assert not fits(type="tcp", host=["10.1.0.1"])
    assert not fits(type="tcp", host="10.1.0.1", port=80, ups="main")
    assert not fits(type="icpm", host="10.1.0.1")


def test_it_says_what_it_is_and_what_keys_mean() -> None:
    schema = site_schema(TYPES)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("urn:")
    assert schema["title"]
    assert schema["properties"]["via"]["description"].startswith("What every probe's traffic passes")
    assert schema["$defs"]["component"]["properties"]["power"]["description"].startswith("Its feeds")
    assert schema["required"] == ["site"]


def test_what_other_files_bring_is_not_asked_for() -> None:
    validator = Draft202012Validator(site_schema(TYPES))
    assert validator.is_valid({"site": "a", "like": "branch", "vars": {"lan": "10.17.4", "room": 4}})
    assert validator.is_valid({"site": "a", "region": "unset", "components": {"a": {"kind": "unset"}, "b": "unset"}})
    assert validator.is_valid({"site": "a", "emergency_paths": [{"desk": "unset"}, {"name": "hall"}]})
    assert not validator.is_valid({"site": "a", "emergency_paths": [{"desk": "unset", "hall": "unset"}]})
    assert not validator.is_valid({"name": "A"})
    assert not validator.is_valid({"site": "a", "accepted_risks": [{"component": "a"}]})  # such a list replaces another
