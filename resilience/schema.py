"""The JSON Schema of site files (draft 2020-12), from the tables that read them.

For editors, which complete and describe keys by it. It knows the shape of a file and not the laws between its
values, so it accepts every good file and not only those.
"""

from collections.abc import Mapping
from typing import Any

from resilience.fields import IGNORED, record_schema
from resilience.needs import NEED_DEFINITION
from resilience.probing import ProbeType
from resilience.siteshape import site_fields

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:site-resilience-monitor:schema:site:1"


def site_schema(probe_types: Mapping[str, ProbeType]) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "Site",
        "description": "One place people call 911 from: what can fail there, what it stands on, and the ways to 911.",
        **record_schema(site_fields(probe_types), ignore=IGNORED),
        "$defs": {"need": dict(NEED_DEFINITION)},
    }
