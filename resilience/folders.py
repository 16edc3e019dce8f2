"""Site files and `_defaults.yaml` on disk: which there are, what holds for which folder, each read once.

What holds for a folder follows from where it lies and not from where the reading began, so that a file, its folder
and the whole tree are told the same. The only place of the reader that touches a file system.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from resilience.defaults import Lent, read_defaults
from resilience.faults import Fault
from resilience.probing import ProbeType
from resilience.yamltree import MAX_BYTES, Mark, Table

SUFFIXES = (".yaml", ".yml")
DEFAULTS = "_defaults"

_ANYONES = stat.S_ISVTX | stat.S_IWOTH
"""The mode of a folder such as /tmp, where everyone may leave a file."""


class Unreadable(Exception):
    """Nothing could be read; the message says why."""


def content(path: Path) -> bytes:
    """What the file holds, or the beginning of it where it is longer than a site file may be."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable("not a file")
        with path.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(unreadable(error)) from None


def unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"


def refused(path: Path, message: str) -> tuple[Fault, ...]:
    return (Fault(Mark(str(path), 1, 1), "", message),)


def declarations(folder: Path, blocked: Callable[[OSError], None]) -> Iterator[Path]:
    """The site files and defaults in `folder` and below, by name.

    `blocked` is told of each folder that cannot be listed: its sites must not go unwatched in silence.
    """
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


@dataclass(frozen=True, slots=True)
class Listing:
    """What a reading begins with."""

    files: tuple[tuple[Path, Lent], ...]
    """The site files, by name, each with what its folder lends it."""
    broken: Mapping[Path, tuple[Fault, ...]]
    """Defaults that are wrong."""
    blocked: Mapping[Path, tuple[Fault, ...]]
    """Folders that cannot be listed."""


def listed(path: Path, probe_types: Mapping[str, ProbeType]) -> Listing:
    """The site file `path`, or every one in the directory `path` and below; OSError where there is no such path."""
    folders = Folders(probe_types, relative=not path.is_absolute())
    errors: list[OSError] = []
    found = sorted(declarations(path, errors.append)) if stat.S_ISDIR(path.stat().st_mode) else [path]
    # The defaults of a folder are told where they are wrong, whether a site file stands on them or not.
    lent = [(file, folders.lent(file.parent)) for file in found]
    blocked = {Path(error.filename or path): unreadable(error) for error in errors}
    return Listing(
        tuple((file, of_folder) for file, of_folder in lent if file.stem != DEFAULTS),
        folders.faults,
        {folder: refused(folder, message) for folder, message in blocked.items()},
    )


class Folders:
    """What each folder lends to the site files in it. `faults` has the broken defaults met so far, by their path.

    A folder takes from every folder above it, up to the first in which everyone may leave a file.
    """

    def __init__(self, probe_types: Mapping[str, ProbeType], *, relative: bool) -> None:
        self._probe_types = probe_types
        self._relative = relative
        self._lent: dict[str, Lent] = {}
        self._shared: dict[str, Mark] = {}
        self.faults: dict[Path, tuple[Fault, ...]] = {}

    def lent(self, folder: Path) -> Lent:
        # By the path as written and not as linked: the folders above are those that the reading came through.
        ahead = [os.path.abspath(folder)]
        while ahead[-1] not in self._lent and (above := _above(ahead[-1])):
            ahead.append(above)
        lent = Lent()
        for one in reversed(ahead):
            if one not in self._lent:
                self._lent[one] = self._read(one, lent)
            lent = self._lent[one]
        return lent

    def _read(self, folder: str, above: Lent) -> Lent:
        lent = above
        path, misnamed = (Path(self._shown(folder), DEFAULTS + suffix) for suffix in SUFFIXES)
        if os.path.lexists(misnamed):
            lent = self._broken(lent, misnamed, refused(misnamed, f"not read: the name is {path.name}"))
        if not os.path.lexists(path):
            return lent
        try:
            lent, faults = read_defaults(content(path), str(path), self._probe_types, lent)
        except Unreadable as error:
            faults = refused(path, str(error))
        if not faults and lent.root == str(path):
            faults = tuple(self._declared_twice(lent.shared or {}))
        return self._broken(lent, path, faults) if faults else lent

    def _shown(self, folder: str) -> str:
        return os.path.relpath(folder) if self._relative else folder

    def _broken(self, lent: Lent, path: Path, faults: tuple[Fault, ...]) -> Lent:
        self.faults[path] = faults
        return replace(lent, fault=lent.fault or next(fault for fault in faults if not fault.warning))

    def _declared_twice(self, shared: Mapping[str, Table]) -> Iterator[Fault]:
        for name, declared in shared.items():
            first = self._shared.setdefault(name, declared.mark)
            if first.file != declared.mark.file:
                message = f"declared in {first.file}:{first.line} already; declare it once, in a folder above both"
                yield Fault(declared.mark, f"shared.{name}", message)


def _above(folder: str) -> str:
    """The folder above that may lend something, or nothing."""
    above = os.path.dirname(folder)
    return "" if above == folder or os.stat(above).st_mode & _ANYONES == _ANYONES else above
