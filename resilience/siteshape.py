"""The shape of a site file: which keys stand where, what each means, and the model values they become.

Tables of fields; the same tables read a file and describe it to an editor. Laws over single mappings stand
beside them; laws over several (names, loops, feeds) in `resilience.crosscheck`; probes in `resilience.probeshape`.
"""

import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from typing import Any

from resilience import variables
from resilience.duration import spoken
from resilience.fields import (
    IGNORED,
    NAME,
    Field,
    address,
    choice,
    day,
    decimal,
    deferred,
    described,
    distinct,
    either,
    integer,
    list_of,
    mapped,
    moment,
    name,
    record,
    reference,
    references,
    required,
    scalar,
    span,
    table_of,
    text,
)
from resilience.model import (
    NOTHING,
    AcceptedRisk,
    Attestation,
    Component,
    Drill,
    EmergencyPath,
    Gate,
    Kind,
    Location,
    Maintenance,
    Owner,
    ProbeSpec,
    Site,
    Tier,
)
from resilience.needs import needs
from resilience.probeshape import LENT, probes
from resilience.probing import ProbeType
from resilience.yamltree import Scalar

Values = Mapping[str, Any]
Written = Container[str]


def _schema_one(value: str) -> int:
    if value != "1":
        raise ValueError(f"'{value}' is not known; this version reads schema 1")
    return 1


SCHEMA = scalar(_schema_one, {"enum": [1, "1"]})

VARS = table_of(
    text(empty=True),
    key=rf"(?!{variables.BUILT_IN}$){variables.NAME}",
    wanted=f"the name of a variable: letters, digits, '_' and '-'; '{variables.BUILT_IN}' is the id of the site",
)

_OWNER = record(
    {
        "team": required(text(), "who answers for the site"),
        "email": text(pattern=r"[^@\s]+@[^@\s]+", wanted="an e-mail address"),
        "phone": text(pattern=r"\+?[0-9 ().x/-]+", wanted="a telephone number"),
        "chat": text(),
    },
    Owner,
    ignore=IGNORED,
)

# fmt: off
CIVIC = (
    "country", "A1", "A2", "A3", "A4", "A5", "A6", "PRM", "PRD", "RD", "STS", "POD", "POM", "RDSEC", "RDBR", "RDSUBBR",
    "HNO", "HNS", "LMK", "LOC", "NAM", "PC", "PCN", "POBOX", "ADDCODE", "BLD", "UNIT", "FLR", "ROOM", "SEAT", "PLC",
)
# fmt: on
"""The elements of a civic address: RFC 4119 §2.2.1 as revised by RFC 5139 §3."""


def _both_coordinates(_: Values, written: Written) -> Iterator[tuple[str, str]]:
    for one, other in (("lat", "lon"), ("lon", "lat")):
        if one in written and other not in written:
            yield one, f"'{one}' says nothing without '{other}'"


_LOCATION = record(
    {
        "lat": described(decimal(-90, 90), "Degrees north, WGS 84."),
        "lon": described(decimal(-180, 180), "Degrees east, WGS 84."),
        "civic": described(
            record({element: text() for element in CIVIC}, lambda **parts: parts, ignore=IGNORED),
            "The dispatchable location, by the element names of RFC 5139.",
        ),
    },
    Location,
    ignore=IGNORED,
    rule=_both_coordinates,
)

_CHECK = record(
    {
        "valid": required(span(least=1), "for how long a check holds"),
        "on": described(day(), "The day of the check."),
        "by": text(),
        "method": text(),
        "result": choice("pass", "fail"),
    },
    lambda *, valid, result="pass", **values: Attestation(valid=int(valid), passed=result == "pass", **values),
    ignore=IGNORED,
)
_CHECK_WANTED = mapped(span(least=1), lambda valid: Attestation(valid=int(valid)))
_ATTEST = Field(
    lambda node, where, report: (_CHECK_WANTED if isinstance(node, Scalar) else _CHECK).read(node, where, report),
    lambda: {"anyOf": [_CHECK_WANTED.schema, _CHECK.schema]},
)


def _fuel_outlasts_the_start(values: Values, _: Written) -> Iterator[tuple[str, str]]:
    starts, fuel = values.get("starts_within"), values.get("fuel")
    if starts is not None and fuel is not None and fuel <= starts:
        yield "fuel", f"{spoken(fuel)} of fuel is gone before it carries the load ({spoken(starts)})"


_COMPONENT: Mapping[str, Field[Any]] = {
    "kind": required(choice(*Kind), "what it is"),
    "description": text(),
    "needs": described(needs(), "What must work for it to work: a name, a list (all of it), or a gate."),
    "power": described(references("component"), "Its feeds; any one is enough. [] says that it needs none."),
    "runtime": described(span(), "UPS: how long it holds the load up, by design."),
    "starts_within": described(span(), "Generator: from the loss of the utility to carrying the load."),
    "fuel": described(
        span(word="unlimited", word_means=math.inf), "Generator: how long it runs. Left out, it is unknown."
    ),
    "holds": described(span(), "How long it stays on after what it needs is gone: cooling, licences, batteries."),
    "units": described(
        integer(1, 1_000_000), "How many alike there are. Of two or more, one is no single point of failure."
    ),
    "shared": described(name(), "One and the same thing in every site that names it."),
    "attest": described(_ATTEST, "A person checks it; how long a check holds, or the record of the last one."),
}


def component_fields(probe_types: Mapping[str, ProbeType]) -> dict[str, Field[Any]]:
    return {**_COMPONENT, "probes": described(probes(probe_types), "How it is watched.")}


def component(probe_types: Mapping[str, ProbeType]) -> Field[dict[str, Any]]:
    """Its schema is that of the record of `component_fields`."""
    read = record(
        component_fields(probe_types),
        lambda **values: values,
        ignore=IGNORED,
        rule=_fuel_outlasts_the_start,
    )
    return replace(read, describe=lambda: {"$ref": "#/$defs/component"})


WANTED_NAME = "a name: small letters, digits, '-', '_' and '.', a letter or digit first"


def components(probe_types: Mapping[str, ProbeType]) -> Field[dict[str, Component]]:
    def build(word: str, *, probes: tuple[dict[str, Any], ...] = (), **values: Any) -> Component:
        specs = tuple([ProbeSpec(component=word, **probe) for probe in probes])
        return Component(name=word, probes=specs, **values)

    return mapped(
        table_of(component(probe_types), key=NAME, wanted=WANTED_NAME, least=1, what="component"),
        lambda written: {word: build(word, **values) for word, values in written.items()},
    )


_PATH = record(
    {
        "name": required(name()),
        "tier": required(choice(*Tier), "how good it is: primary, alternate, contingency or emergency"),
        "needs": required(needs(), "what must work for a call to get out this way"),
        "instructions": described(text(), "What people do to call 911 this way."),
        "serves": described(list_of(text(), least=1, what="area"), "Areas; left out, it serves every area."),
    },
    EmergencyPath,
    ignore=IGNORED,
)

_ACCEPTED_RISK = record(
    {
        "component": required(reference("component")),
        "reason": required(text()),
        "by": required(text(), "who accepts it"),
        "until": required(day(), "the last day on which it is accepted"),
    },
    AcceptedRisk,
    ignore=IGNORED,
)

_EXPECT = record(
    {
        "path": required(reference("emergency path"), "the path that is to carry the calls"),
        "within": described(span(), "How soon."),
    },
    lambda **values: values,
    ignore=IGNORED,
)

_DRILL = record(
    {
        "name": required(name()),
        "fail": required(references("component", least=1), "what is taken out"),
        "every": described(span(least=1), "How often it is due."),
        "expect": described(_EXPECT, "What is to happen."),
        "objectives": described(list_of(text(), least=1, what="objective"), "What it is to show."),
        "safety": described(list_of(text(), least=1, what="note"), "What must be seen to before anything is cut."),
        "roles": described(list_of(text(), least=1, what="role"), "Who has to take part."),
    },
    lambda *, expect=None, **values: Drill(
        expect_path=expect["path"] if expect else "", expect_within=expect.get("within") if expect else None, **values
    ),
    ignore=IGNORED,
)


def _ends_after_it_begins(values: Values, _: Written) -> Iterator[tuple[str, str]]:
    if "from" in values and "until" in values and values["until"] <= values["from"]:
        yield "until", "ends before it begins"


_MAINTENANCE = record(
    {
        "components": required(references("component", least=1)),
        "from": required(moment()),
        "until": required(moment()),
        "by": required(text()),
        "reason": required(text()),
    },
    lambda **values: Maintenance(start=values.pop("from"), end=values.pop("until"), **values),
    ignore=IGNORED,
    rule=_ends_after_it_begins,
)

_ALERTING: Field[Gate] = record({"needs": required(needs())}, lambda *, needs: needs, ignore=IGNORED)


def devices(probe_types: Mapping[str, ProbeType]) -> Field[Any]:
    """Values that several probes share. A key that types read differently is right where one of them takes it."""
    return deferred(lambda: _devices(probe_types))


def _devices(probe_types: Mapping[str, ProbeType]) -> Field[Any]:
    readings: dict[str, list[Field[Any]]] = {key: [known] for key, known in LENT.items()}
    readings["ip"] = [address()]  # of types to come
    for probe_type in probe_types.values():
        for key, known in probe_type.fields.items():
            readings.setdefault(key, []).append(replace(known, required=False))
    fields = {key: either(*alternatives) for key, alternatives in readings.items()}
    return table_of(record(fields, lambda **values: values, ignore=IGNORED), key=NAME, wanted=WANTED_NAME)


def site_fields(probe_types: Mapping[str, ProbeType]) -> dict[str, Field[Any]]:
    """The keys of a site file. `like` and `vars` have done their work when the site is read (`resilience.compose`)."""
    return {
        "schema": described(SCHEMA, "The version of this format."),
        "site": required(
            text(pattern=r"[a-z0-9][a-z0-9-]{0,62}", wanted="a site's id: small letters, digits and '-'"), "its id"
        ),
        "like": described(name(), "The template it is made after, of a `_defaults.yaml` beside it or above."),
        "vars": described(VARS, "What stands in the place of `${name}` in the template and the defaults."),
        "name": required(text(longest=200), "what people call it"),
        "region": text(longest=200),
        "owner": required(_OWNER, "who answers for it"),
        "people": described(integer(0, 100_000_000), "How many people would call from here."),
        "location": _LOCATION,
        "requires": record(
            {"power_outage": described(span(), "911 must outlive a utility outage by this much.")},
            lambda *, power_outage=0: power_outage,
            ignore=IGNORED,
        ),
        "watched_by": described(
            text(longest=200), "The name of the monitor that judges it, central unless given; others are witnesses."
        ),
        "labels": table_of(text(empty=True), key=r"[A-Za-z_][A-Za-z0-9_./-]*", wanted="the name of a label"),
        "via": described(references("component"), "What every probe's traffic passes on its way to the site."),
        "devices": described(devices(probe_types), "Values that several probes share, by a name they give."),
        "components": required(components(probe_types), "everything that can fail"),
        "emergency_paths": required(
            distinct(list_of(_PATH, least=1, what="path"), "name"), "the ways to 911, best first"
        ),
        "accepted_risks": list_of(_ACCEPTED_RISK),
        "drills": distinct(list_of(_DRILL), "name"),
        "maintenance": described(list_of(_MAINTENANCE), "Planned work."),
        "alerting": described(_ALERTING, "What the alerts about this site travel over."),
    }


def site(probe_types: Mapping[str, ProbeType]) -> Field[Site]:
    def build(
        *,
        site: str,
        requires: float = 0,
        alerting: Gate = NOTHING,
        schema: int = 1,
        devices: object = None,
        **values: Any,
    ) -> Site:
        return Site(id=site, power_outage=requires, alerting=alerting, **values)

    return record(site_fields(probe_types), build, ignore=IGNORED)
