"""The shape of a declared probe: the keys every probe has, those of its type, and the laws between them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from resilience.duration import spoken
from resilience.faults import Invalid, Report, did_you_mean
from resilience.fields import (
    IGNORED,
    VARIABLE,
    Field,
    Keys,
    as_table,
    described,
    distinct,
    integer,
    list_of,
    name,
    record_schema,
    reference,
    references,
    required,
    span,
    text,
)
from resilience.probing import ProbeType
from resilience.yamltree import Mark, Node, Scalar, Table

# fmt: off
PLANNED = frozenset({
    "snmp-ats", "generator",
    "cucm", "oracle-sbc", "cradlepoint", "starlink",  # no public record or server to prove one on
})
# fmt: on
"""Types of the file format that this version cannot run yet. A complete file can be analysed all the same; such a
probe gives no answer, and no answer is never taken for "up"."""

_UNRUN: Mapping[str, int] = {
    "interval": 60_000,
    "timeout": 5_000,
    "confirm": 10_000,
    "retries": 1,
    "rise": 2,
    "fall": 2,
}

COMMON: Mapping[str, Field[Any]] = {
    "type": required(text(), "what it speaks"),
    "name": described(name(), "Tells it from others of its type on the same component."),
    "device": described(reference("device"), "Takes the values of that entry of `devices` beneath its own."),
    "via": described(references("component"), "What its traffic passes; replaces the site's `via`."),
    "interval": described(span(least=1_000), "From one reading to the next."),
    "timeout": described(span(least=10), "How long one reading may take; shorter than the interval."),
    "confirm": described(span(least=100), "From a first contrary answer to the next question; at most the interval."),
    "retries": described(integer(0, 10), "How often a lost packet is sent again within one reading."),
    "rise": described(integer(1, 20), "Good answers in a row until it counts as up."),
    "fall": described(integer(1, 20), "Bad answers in a row until it counts as down."),
    "expires": described(span(least=1_000), "How long a reading stands; 3 intervals and a timeout unless given."),
}

LENT = {key: known for key, known in COMMON.items() if key not in ("type", "name", "device")}
"""What a device may lend to its probes beside the keys of their types."""


class _Shape:
    """What a probe of one type may say: by itself, and with a device that lends it what is missing."""

    def __init__(self, probe_type: ProbeType | None) -> None:
        own = probe_type.fields if probe_type else {}
        lent = {key: replace(known, required=False) for key, known in own.items()}
        self.type = probe_type
        self.alone = Keys({**COMMON, **own}, ignore=IGNORED)
        self.with_device = Keys({**COMMON, **lent}, ignore=IGNORED)
        self.usual = {key: getattr(probe_type, key) if probe_type else usual for key, usual in _UNRUN.items()}


def probe(probe_types: Mapping[str, ProbeType]) -> Field[dict[str, Any]]:
    """One probe as the values of a ProbeSpec, all but its component; its schema is `probe_schema`."""
    unknown = _Shape(None)
    shapes: dict[str, _Shape] = {}

    def shape_of(word: str) -> _Shape:
        shape = shapes.get(word)
        if shape is None:
            known = probe_types.get(word)
            shape = unknown if known is None else shapes.setdefault(word, _Shape(known))
        return shape

    def read(node: Node, where: str, report: Report) -> dict[str, Any]:
        table = as_table(node, where, report)
        called = table.entries.get("type")
        word = called.text if isinstance(called, Scalar) else ""
        if report.partial and VARIABLE in word:
            word = ""
        shape = shape_of(word)
        # Where there is such a device, its values stand in its place by now (`resilience.spread`).
        wrong = "device" in table.entries
        keys = shape.with_device if wrong else shape.alone
        if shape.type is None:  # which other keys it may have is not known
            table = table._replace(entries={key: entry for key, entry in table.entries.items() if key in COMMON})
        values, mistaken = keys.read(table, where, report)
        wrong |= mistaken
        if called and shape.type is None:
            wrong |= _tell_unknown(word, probe_types, called.mark, where, report)
        if report.partial:
            raise Invalid
        timing = _timing(shape.usual, values)
        for key, message in _wrong_timing(timing, values, table):
            report.error(table.entries[key].mark, f"{where}.{key}", message)
            wrong = True
        if wrong:
            raise Invalid
        settings = None
        if shape.type is not None:
            chosen = {key.replace("-", "_"): value for key, value in values.items() if key not in COMMON}
            settings = shape.type.settings(**chosen)
            if complaint := shape.type.check(settings):
                report.error(table.mark, where, complaint)
                raise Invalid
        return {
            "type": word,
            "name": values.get("name", word),
            "via": values.get("via", ()),
            "settings": settings,
            "proves": shape.type is None or shape.type.proves,
            **timing,
        }

    return Field(read, lambda: {"$ref": "#/$defs/probe"})


def _tell_unknown(word: str, probe_types: Mapping[str, ProbeType], mark: Mark, where: str, report: Report) -> bool:
    """Whether the type is wrong, and not only one of later versions."""
    if word in PLANNED:
        report.warn(mark, where, f"'{word}' is not part of this version: the probe will never answer")
    elif word:
        near = did_you_mean(word, sorted({*probe_types, *PLANNED}))
        report.error(mark, where, f"unknown probe type '{word}'{near}")
    return bool(word) and word not in PLANNED


def probes(probe_types: Mapping[str, ProbeType]) -> Field[tuple[dict[str, Any], ...]]:
    return distinct(list_of(probe(probe_types)), "name", "type", advice="; give each a 'name'")


def _timing(usual: Mapping[str, int], values: Mapping[str, Any]) -> dict[str, int]:
    """Times in ms and counts: those written, else those usual for the type."""
    timing = {key: int(values.get(key, default)) for key, default in usual.items()}
    if "confirm" not in values:
        timing["confirm"] = min(timing["confirm"], timing["interval"])
    timing["expires"] = int(values.get("expires", 3 * timing["interval"] + timing["timeout"]))
    return timing


def _wrong_timing(timing: Mapping[str, int], values: Mapping[str, Any], table: Table) -> Iterator[tuple[str, str]]:
    """Told at the keys that are written: what a type brings along agrees with itself."""
    if timing["timeout"] < timing["interval"] >= timing["confirm"]:
        return
    if any(key in table.entries and key not in values for key in timing):
        return
    interval, timeout, confirm = (spoken(timing[key]) for key in ("interval", "timeout", "confirm"))
    if timing["timeout"] >= timing["interval"]:
        for key in ("timeout", "interval"):
            if key in table.entries:
                yield key, f"a timeout of {timeout} is not shorter than the interval of {interval}"
                break
    if "confirm" in table.entries and timing["confirm"] > timing["interval"]:
        yield "confirm", f"a confirmation after {confirm} comes later than the interval of {interval}"


def probe_schema(probe_types: Mapping[str, ProbeType]) -> dict[str, Any]:
    """`type` decides which other keys there may be; what a type requires may also come from the device."""
    types = {"enum": sorted({*probe_types, *PLANNED})}
    schema = record_schema({**COMMON, "type": replace(COMMON["type"], describe=lambda: types)})
    del schema["additionalProperties"]
    schema["allOf"] = []
    for word, probe_type in sorted(probe_types.items()):
        fields = {**dict.fromkeys(COMMON, Field(COMMON["type"].read, dict)), **probe_type.fields}
        own = record_schema(fields, ignore=IGNORED)
        if needed := own.pop("required", None):
            own["anyOf"] = [{"required": needed}, {"required": ["device"]}]
        chosen = {"properties": {"type": {"const": word}}, "required": ["type"]}
        schema["allOf"].append({"if": chosen, "then": own})
    return schema
