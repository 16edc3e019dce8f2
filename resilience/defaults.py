"""The shape of a `_defaults.yaml`, and what it lends to the site files beside it and below.

Read by the tables that read site files, as parts of files: what is wrong with a value is told here, once; what is
missing, and laws between values that may come from different files, are asked at each site.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from resilience.faults import Fault, Invalid, Report, in_order
from resilience.fields import IGNORED, NAME, VARIABLE, Field, as_table, described, record, table_of
from resilience.merge import absent, is_unset, laid_over, weight, without_unset
from resilience.model import Kind
from resilience.probeshape import COMMON, PLANNED
from resilience.probing import ProbeType
from resilience.siteshape import SCHEMA, WANTED_NAME, component, component_fields, site_fields
from resilience.spread import usual_probes
from resilience.variables import scalars, tell_misspelt
from resilience.yamltree import MAX_BYTES, Node, Scalar, Table, YamlFault, parse_tree


@dataclass(frozen=True, slots=True)
class Lent:
    """What a folder's `_defaults.yaml` and those of the folders above it lend to a site file in the folder."""

    parts: tuple[Table, ...] = ()
    """`site`, outermost first."""
    kinds: Mapping[str, Table] = field(default_factory=dict)
    probes: Mapping[str, Table] = field(default_factory=dict)
    templates: Mapping[str, Table] = field(default_factory=dict)
    shared: Mapping[str, Table] | None = field(default_factory=dict)
    """Each complete. None: shared names are not looked up."""
    root: str = ""
    """The outermost file."""
    fault: Fault | None = None
    """Why nothing can be read that stands on it."""


ALONE = Lent(shared=None)
"""For a site file that is read without its folder."""


def defaults_fields(probe_types: Mapping[str, ProbeType]) -> dict[str, Field[Any]]:
    """The keys of a `_defaults.yaml`; to be read into a partial report."""
    site = {**site_fields(probe_types), "site": _refused("the id of a site stands in its own file")}
    template = {**site, "like": _refused("a template is not like another; 'like' stands in site files")}
    lent = component_fields(probe_types) | {"kind": _refused("it is said by the key"), "shared": _refused(_APART)}
    of_kind = replace(_part(lent), describe=component(probe_types).describe)
    return {
        "schema": described(SCHEMA, "The version of this format."),
        "site": described(_part(site), "A part of every site file."),
        "kinds": described(
            record(dict.fromkeys((kind.value for kind in Kind), of_kind), dict, ignore=IGNORED, what="kind"),
            "A part of every component of that kind.",
        ),
        "probes": described(
            record(_Usual(probe_types), dict, ignore=IGNORED, what="probe type"),
            "Values of every probe of that type which neither it nor its device gives.",
        ),
        "templates": described(
            table_of(_part(template), key=NAME, wanted=WANTED_NAME), "Parts of the site files that are `like` them."
        ),
        "shared": described(
            table_of(component(probe_types), key=NAME, wanted=WANTED_NAME),
            "Components that are one and the same thing wherever they are named; in the outermost file alone.",
        ),
    }


_APART = "what is shared is declared under 'shared' and named by the component itself"


def _part(fields: Mapping[str, Field[Any]]) -> Field[Any]:
    return record(fields, dict, ignore=IGNORED)


def _refused(why: str) -> Field[Any]:
    def read(node: Node, where: str, report: Report) -> Any:
        report.error(node.mark, where, f"does not belong here: {why}")
        raise Invalid

    return Field(read, lambda: {"not": {}})


class _Usual(Mapping[str, Field[Any]]):
    """What may be usual for probes, by their type. A type is imported where a file names it."""

    _UNREAD: Field[Any] = Field(as_table, lambda: {"type": "object"})

    def __init__(self, probe_types: Mapping[str, ProbeType]) -> None:
        self._probe_types = probe_types
        refused = _refused("these values are for every probe of the type")
        self._common = {**COMMON, "type": refused, "name": refused}

    def __getitem__(self, word: str) -> Field[Any]:
        known = self._probe_types.get(word)
        if known is not None:
            return _part({**self._common, **known.fields})
        if word in PLANNED:
            return self._UNREAD
        raise KeyError(word)

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys((*sorted(PLANNED), *self._probe_types))

    def __len__(self) -> int:
        return len(PLANNED | self._probe_types.keys())


def read_defaults(
    text: bytes, file: str, probe_types: Mapping[str, ProbeType], above: Lent
) -> tuple[Lent, tuple[Fault, ...]]:
    """What the folder of `file` lends, given what the folders `above` it lend; its faults where it is broken."""
    report = Report(partial=True)
    lent = above
    try:
        table = as_table(parse_tree(text, file, report.error), "", report)
        with suppress(Invalid):
            record(defaults_fields(probe_types), dict, ignore=IGNORED).read(without_unset(table), "", report)
        _tell_variables(table, report)
        if not above.fault:  # else what comes from above is not known
            lent = _beneath(table, above, file, report)
        if not above.fault and not report.broken:
            lent = replace(lent, shared=_shared(table, lent, probe_types, report))
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
    except Invalid:
        pass  # the file is no mapping; the report says so
    return (above, in_order(report.faults)) if report.broken else (lent, ())


def _beneath(table: Table, above: Lent, file: str, report: Report) -> Lent:
    if above.root and "shared" in table.entries:
        message = f"what is shared is declared in the outermost file, {above.root}"
        report.error(table.marks["shared"], "shared", message)
    lending = {"site": above.parts, "kinds": above.kinds, "probes": above.probes, "templates": above.templates}
    for key, node in table.entries.items():
        if is_unset(node) and not lending.get(key):
            absent(key, (), node.mark, key, report)
    site = table.entries.get("site")
    parts = () if site and is_unset(site) else above.parts
    return replace(
        above,
        parts=(*parts, site) if isinstance(site, Table) else parts,
        kinds=_section(above.kinds, table, "kinds", report),
        probes=_section(above.probes, table, "probes", report),
        templates=_section(above.templates, table, "templates", report),
        root=above.root or file,
    )


def _section(above: Mapping[str, Table], table: Table, key: str, report: Report) -> Mapping[str, Table]:
    """The entries of a section over those from above. A template replaces another of its name; what it removes is
    asked at the sites that are like it.
    """
    node = table.entries.get(key)
    if node and is_unset(node):
        return {}
    section = dict(above)
    for word, entry in node.entries.items() if isinstance(node, Table) else ():
        if is_unset(entry):
            if word not in above:
                absent(word, above, entry.mark, f"{key}.{word}", report)
            section.pop(word, None)
        elif isinstance(entry, Table):
            under = section.get(word)
            section[word] = entry if key == "templates" else laid_over(under, entry, f"{key}.{word}", report)
    return section


def _tables(table: Table, key: str) -> dict[str, Table]:
    node = table.entries.get(key)
    entries = node.entries if isinstance(node, Table) else {}
    return {word: entry for word, entry in entries.items() if isinstance(entry, Table)}


def _tell_variables(table: Table, report: Report) -> None:
    tell_misspelt(table, report)
    lending = {"site": table.entries.get("site")}
    lending |= {f"templates.{name}": part for name, part in _tables(table, "templates").items()}
    for where, part in lending.items():
        given = part.entries.get("vars") if isinstance(part, Table) else None
        for inside, scalar in scalars(given, f"{where}.vars") if given else ():
            if VARIABLE in scalar.text:
                report.error(scalar.mark, inside, "a variable's value is taken as written, without variables")


def _shared(
    table: Table, lent: Lent, probe_types: Mapping[str, ProbeType], report: Report
) -> Mapping[str, Table] | None:
    """Each shared component with what its kind and its probes' types lend it, read as if it stood in a site."""
    shared, grown = dict(lent.shared or {}), 0
    for name, entry in _tables(table, "shared").items():
        kind = entry.entries.get("kind")
        usual = lent.kinds.get(kind.text) if isinstance(kind, Scalar) else None
        where = f"shared.{name}"
        whole = usual_probes(laid_over(usual, entry, where, report), probe_types, lent.probes)
        shared[name] = whole
        if (grown := grown + weight(whole)) > MAX_BYTES:
            raise YamlFault(entry.mark, f"with what its kind and types lend it, this makes more than {MAX_BYTES} bytes")
        varying = [(inside, scalar.mark) for inside, scalar in scalars(whole, where) if VARIABLE in scalar.text]
        for inside, mark in varying:
            report.error(mark, inside, "a variable would make it another thing at every site")
        reading = Report()
        with suppress(Invalid):
            component(probe_types).read(whole, where, reading)
        marks = {mark for _, mark in varying}
        report.faults += [fault for fault in reading.faults if fault.mark not in marks]
        for reference in reading.references:
            if reference.to == "device":
                message = "a device is another thing at every site; write its values here"
                report.error(reference.mark, reference.where, message)
    return shared
