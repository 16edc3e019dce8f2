"""The JSON Schemas of site files and of `_defaults.yaml` (draft 2020-12), from the tables that read them.

For editors, which complete and describe keys by them. They know the shape of a file, and neither the laws between its
values nor what other files bring, so they accept every good file and not only those.
"""

from collections.abc import Mapping
from typing import Any

from resilience.defaults import defaults_fields
from resilience.fields import IGNORED, VARIABLE, Field, record_schema
from resilience.merge import NAMED, UNSET
from resilience.needs import NEED_DEFINITION
from resilience.probeshape import probe_schema
from resilience.probing import ProbeType
from resilience.siteshape import component_fields, site_fields

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:site-resilience-monitor:schema:site:1"
DEFAULTS_ID = "urn:site-resilience-monitor:schema:defaults:1"

Schema = Mapping[str, Any]

_UNSET: Schema = {"const": UNSET, "description": "Removes what comes from elsewhere."}
_VARIABLE: Schema = {"type": "string", "pattern": rf"\{VARIABLE[0]}\{VARIABLE[1]}", "description": "Has a variable."}
_GONE: Schema = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _UNSET}
"""`- NAME: unset` in a list that merges by name."""


def site_schema(probe_types: Mapping[str, ProbeType]) -> dict[str, Any]:
    site = _Parts(variables=False).document(site_fields(probe_types), probe_types)
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "Site",
        "description": "One place people call 911 from: what can fail there, what it stands on, and the ways to 911.",
        **site,
        "required": ["site"],  # the rest may come from a `_defaults.yaml`
    }


def defaults_schema(probe_types: Mapping[str, ProbeType]) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": DEFAULTS_ID,
        "title": "Defaults",
        "description": "What holds for the site files in this folder and below.",
        **_Parts(variables=True).document(defaults_fields(probe_types), probe_types),
    }


class _Parts:
    """Schemas loosened for what need not be whole: other files bring what is missing, and what is there may be
    `unset`, or, with `variables`, have one."""

    def __init__(self, *, variables: bool) -> None:
        self._later = [{"$ref": "#/$defs/variable"}] if variables else []

    def document(self, fields: Mapping[str, Field[Any]], probe_types: Mapping[str, ProbeType]) -> dict[str, Any]:
        component = record_schema(component_fields(probe_types), ignore=IGNORED)
        definitions = {"need": NEED_DEFINITION, "component": component, "probe": probe_schema(probe_types)}
        loose = {name: self._part(schema) for name, schema in definitions.items()}
        loose["need"]["anyOf"] += self._later
        return {
            **self._part(record_schema(fields, ignore=IGNORED)),
            "$defs": {**loose, "unset": _UNSET, **({"variable": _VARIABLE} if self._later else {})},
        }

    def _part(self, schema: Schema, key: str = "") -> dict[str, Any]:
        loose = {word: part for word, part in schema.items() if word not in ("required", "minProperties")}
        if "properties" in loose:
            loose["properties"] = {word: self._value(part, word) for word, part in loose["properties"].items()}
        if isinstance(loose.get("additionalProperties"), Mapping):
            loose["additionalProperties"] = self._value(loose["additionalProperties"])
        if "items" in loose and key in NAMED:
            loose.pop("minItems", None)
            loose["items"] = {"anyOf": [self._part(loose["items"]), _GONE]}
        elif "items" in loose:  # such a list replaces another whole
            loose["items"] = self._whole(loose["items"])
        if "anyOf" in loose:
            loose["anyOf"] = [self._part(part, key) for part in loose["anyOf"]]
        if "allOf" in loose:
            loose["allOf"] = [{**choice, "then": self._part(choice["then"])} for choice in loose["allOf"]]
        return loose

    def _value(self, schema: Schema, key: str = "") -> dict[str, Any]:
        return _or(self._part(schema, key), [{"$ref": "#/$defs/unset"}, *self._later])

    def _whole(self, schema: Schema) -> dict[str, Any]:
        """`schema` with its demands, and with variables where they may stand."""
        whole = dict(schema)
        if "properties" in whole:
            whole["properties"] = {word: self._whole(part) for word, part in whole["properties"].items()}
        if "items" in whole:
            whole["items"] = self._whole(whole["items"])
        return _or(whole, self._later)


def _or(schema: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """`schema` or one of `others`; the description stays where an editor looks for it."""
    if not schema or not others:
        return schema
    told = {"description": schema.pop("description")} if "description" in schema else {}
    return {**told, "anyOf": [schema, *others]}
