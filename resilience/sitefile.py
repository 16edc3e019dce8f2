"""Site files: YAML text → a site and everything that is wrong with it; a directory of them, read whole."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from resilience import siteshape
from resilience.compose import NoTemplate, composed
from resilience.crosscheck import crosscheck
from resilience.cutsets import refuse_too_large
from resilience.defaults import ALONE, Lent
from resilience.faults import Fault, Invalid, Report, in_order
from resilience.fields import Field, as_table
from resilience.folders import Unreadable, content, listed, refused
from resilience.merge import bounded, without_unset
from resilience.model import Site
from resilience.probing import ProbeType
from resilience.spread import spread
from resilience.structure import StructureTooLarge
from resilience.survival import design_bounds, never_on
from resilience.yamltree import Mark, Scalar, Table, YamlFault, parse_tree


@dataclass(frozen=True, slots=True)
class SiteFile:
    """`site` is None exactly where a fault is an error. Faults stand in the order of the file."""

    site: Site | None
    faults: tuple[Fault, ...]
    id: Scalar | None = None
    """The id as written, and where: known for many a file whose site is not."""


class Faulty(Protocol):
    """Whatever came of a file."""

    @property
    def faults(self) -> tuple[Fault, ...]: ...


def read_site(text: bytes, file: str, probe_types: Mapping[str, ProbeType]) -> SiteFile:
    """The site that `text` declares by itself; `file` is what its faults call it. Nothing in `text` makes it raise.

    There are no defaults and no templates, and whether what it shares is declared anywhere is not asked.
    """
    return Reader(probe_types).read(text, file, ALONE)


class Reader:
    """Reads site files; what is the same for all of them is made once."""

    def __init__(self, probe_types: Mapping[str, ProbeType]) -> None:
        self._probe_types = probe_types
        self._shape: Field[Site] = siteshape.site(probe_types)

    def read(self, text: bytes, file: str, lent: Lent) -> SiteFile:
        return self.read_whole(text, file, lent)[0]

    def read_file(self, path: Path, lent: Lent) -> SiteFile:
        """The same of a file on disk; one that cannot be read is a fault of it."""
        try:
            return self.read(content(path), str(path), lent)
        except Unreadable as error:
            return SiteFile(None, refused(path, str(error)))

    def read_whole(self, text: bytes, file: str, lent: Lent) -> tuple[SiteFile, Table | None]:
        """Also the tree that the site was read from, where there is one: the file with all that it takes."""
        report = Report()
        site = called = tree = None
        try:
            table = as_table(parse_tree(text, file, report.error), "", report)
            called = _id(table)
            if lent.fault:
                report.faults.append(lent.fault)
                raise Invalid
            site, tree = self._site(table, file, lent, report)
        except YamlFault as fault:
            report.error(fault.mark, "", fault.message)
        except Invalid:
            pass  # the report says why nothing can be read
        faults = (_read_for(file, fault) for fault in report.faults)
        return SiteFile(None if report.broken else site, in_order(faults, file), called), tree

    def _site(self, table: Table, file: str, lent: Lent, report: Report) -> tuple[Site | None, Table]:
        try:
            whole = composed(table, lent, report)
        except NoTemplate:
            part = Report(partial=True)
            with suppress(Invalid):
                self._shape.read(without_unset(table), "", part)
            report.faults += part.faults
            raise
        tree = spread(whole.table, self._probe_types, whole.usual)
        if whole.grown or tree is not whole.table:
            bounded(tree)
        site = None
        with suppress(Invalid):
            site = self._shape.read(tree, "", report)
        crosscheck(tree, report)
        whole.variables.tell_unknown(tree, report)
        if site is not None and not report.broken:
            _analysable(site, tree, report)
        report.faults = list(whole.told(report.faults, file))
        return site, tree


def _analysable(site: Site, tree: Table, report: Report) -> None:
    """A site that is never on, or too large for pairs of failures, is refused here and not in front of a phone."""
    try:
        bounds = design_bounds(site)
        if cause := never_on(bounds):
            message = f"911 cannot be called even with nothing failed: {cause}"
            report.error(tree.marks["emergency_paths"], "emergency_paths", message)
        refuse_too_large(bounds.structure, len(site.components), 2)
    except StructureTooLarge as error:
        report.error(tree.marks["components"], "components", f"too large to analyse; divide the site ({error})")


def read_path(path: Path, probe_types: Mapping[str, ProbeType]) -> dict[Path, SiteFile]:
    """The site file `path`, or every one in the directory `path` and below, and the broken defaults they stand on.

    Raises OSError where there is no such path; a file that cannot be read is a fault of that file.
    """
    listing, reader = listed(path, probe_types), Reader(probe_types)
    read = {file: reader.read_file(file, lent) for file, lent in listing.files}
    for file, faults in same_ids({file: found.id for file, found in read.items()}).items():
        read[file] = replace(read[file], site=None, faults=in_order([*read[file].faults, faults], str(file)))
    broken, blocked = (
        {file: SiteFile(None, faults) for file, faults in wrong.items()} for wrong in (listing.broken, listing.blocked)
    )
    return {**broken, **read, **blocked}


def same_ids(ids: Mapping[Path, Scalar | None]) -> dict[Path, Fault]:
    """A fault for each file whose id a file before it has."""
    first: dict[str, Mark] = {}
    wrong: dict[Path, Fault] = {}
    for file, called in ids.items():
        if called is None:
            continue
        earlier = first.setdefault(called.text, called.mark)
        if earlier is not called.mark:
            wrong[file] = Fault(called.mark, "site", f"'{called.text}' is the site of {earlier.file} already")
    return wrong


def each_once(found: Iterable[Faulty]) -> list[Fault]:
    """The faults of all files; one that many sites have from the same place is told once, with their number."""
    told: dict[tuple[Mark, str, bool], list[Fault]] = {}
    for file in found:
        for fault in file.faults:
            told.setdefault((fault.mark, fault.message, fault.warning), []).append(fault)
    return [_gathered(same) for same in told.values()]


def _gathered(same: list[Fault]) -> Fault:
    readers = list(dict.fromkeys(fault.reader for fault in same if fault.reader))
    more = f" and {len(readers) - 1} more" if len(readers) > 1 else ""
    return replace(same[0], reader=f"{readers[0]}{more}") if readers else same[0]


def _read_for(file: str, fault: Fault) -> Fault:
    return fault if fault.mark.file == file or fault.reader else replace(fault, reader=file)


def _id(site: Table) -> Scalar | None:
    node = site.entries.get("site")
    return node if isinstance(node, Scalar) and node.text else None
