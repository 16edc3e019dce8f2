"""Site files: YAML text → a site and everything that is wrong with it; a directory of them, read whole."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from resilience import siteshape
from resilience.crosscheck import crosscheck
from resilience.fields import Fault, Invalid, Report, as_table
from resilience.model import Site
from resilience.probing import ProbeType
from resilience.spread import spread
from resilience.survival import never_on
from resilience.yamltree import MAX_BYTES, Mark, Scalar, Table, YamlFault, parse_tree

SUFFIXES = (".yaml", ".yml")
DEFAULTS = "_defaults"
"""Values for the site files beside it and below."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """`site` is None exactly where a fault is an error. Faults stand in the order of the file."""

    site: Site | None
    faults: tuple[Fault, ...]
    id: Scalar | None = None
    """The id as written, and where: known for many a file whose site is not."""


def read_site(text: bytes, file: str, probe_types: Mapping[str, ProbeType]) -> SiteFile:
    """The site that `text` declares; `file` is what its faults call it. Nothing in `text` makes it raise."""
    report = Report()
    site = called = None
    try:
        table = as_table(parse_tree(text, file, report.error), "", report)
        called = _id(table)
        table = spread(table, probe_types)
        with suppress(Invalid):
            site = siteshape.site(probe_types).read(table, "", report)
        crosscheck(table, report)
        if site is not None and not report.broken and (cause := never_on(site)):
            report.error(
                table.marks["emergency_paths"],
                "emergency_paths",
                f"911 cannot be called even with nothing failed: {cause}",
            )
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
    except Invalid:
        pass  # the file is no mapping; the report says so
    return SiteFile(None if report.broken else site, _in_order(report.faults), called)


def read_path(path: Path, probe_types: Mapping[str, ProbeType]) -> dict[Path, SiteFile]:
    """The site file `path`, or every one in the directory `path` and below.

    Raises OSError where there is no such path; a file that cannot be read is a fault of that file.
    """
    if not stat.S_ISDIR(path.stat().st_mode):
        return {path: _read_file(path, probe_types)}
    blocked: list[OSError] = []
    read = {file: _read_file(file, probe_types) for file in sorted(_site_files(path, blocked.append))}
    for error in blocked:
        folder = Path(error.filename or path)
        read[folder] = _refused(folder, _unreadable(error))
    first: dict[str, Mark] = {}
    for file, found in read.items():
        if found.id is None:
            continue
        earlier = first.setdefault(found.id.text, found.id.mark)
        if earlier is not found.id.mark:
            message = f"'{found.id.text}' is the site of {earlier.file} already"
            fault = Fault(found.id.mark, "site", message)
            read[file] = replace(found, site=None, faults=_in_order([*found.faults, fault]))
    return read


def _in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """By place, each told once: a value that many probes share is read many times."""
    # At one place the shortest address comes first: it is that of the value and not of those who share it.
    ordered = sorted(faults, key=lambda fault: (fault.mark.line, fault.mark.column, len(fault.where)))
    told: dict[tuple[Mark, str], Fault] = {}
    for fault in ordered:
        told.setdefault((fault.mark, fault.message), fault)
    return tuple(told.values())


def _id(site: Table) -> Scalar | None:
    node = site.entries.get("site")
    return node if isinstance(node, Scalar) and node.text else None


def _site_files(folder: Path, blocked: Callable[[OSError], None]) -> Iterator[Path]:
    """`blocked` is told of each folder that cannot be listed: its sites must not go unwatched in silence."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, onerror=blocked, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        for name in files if real not in seen else ():
            stem, suffix = os.path.splitext(name)
            passed_over = name.startswith(".") or (name.startswith("_") and stem != DEFAULTS)
            if suffix in SUFFIXES and not passed_over:
                yield Path(parent, name)
        seen.add(real)


def _read_file(path: Path, probe_types: Mapping[str, ProbeType]) -> SiteFile:
    if path.stem == DEFAULTS:
        return _refused(path, "not read by this version; the sites beside it would stand without its values")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return _refused(path, "not a file")
        with path.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as error:
        return _refused(path, _unreadable(error))
    return read_site(text, str(path), probe_types)


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"


def _refused(path: Path, message: str) -> SiteFile:
    return SiteFile(None, (Fault(Mark(str(path), 1, 1), "", message),))
