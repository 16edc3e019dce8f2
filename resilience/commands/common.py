"""What every command shares: the application, its flags, its exit codes, and the reading of site files.

The commands are the only place that imports the probes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import click
from click.exceptions import Exit

import probes
from resilience.batch import Outcome, Task, outcomes
from resilience.commands.signatures import Argument, Commands, Flag
from resilience.faults import Fault, in_order
from resilience.folders import Listing, listed
from resilience.model import Site
from resilience.probing import ProbeType
from resilience.sitefile import Reader, SiteFile, each_once, read_path, same_ids

app = Commands(
    name="resilience",
    help="Watches whether people at a site could still call 911 if one more thing failed, and says which thing.",
    elsewhere={
        "check": "files",
        "analyze": "analyze",
        "diff": "files",
        "fleet": "files",
        "probe": "watching",
        "run": "watching",
        "drill": "exercise",
        "attest": "recording",
        "evidence": "recording",
        "maintenance": "recording",
        "store": "recording",
        "notify": "recording",
        "export": "exporting",
        "init": "files",
        "demo": "watching",
        "discover": "discover",
        "simulate": "watching",
        "schema": "files",
        "version": "files",
    },
)
"""Every command, and the module of this package that declares it."""

OK, INVALID, USAGE, NO_ASSESSMENT, GAINED = 0, 1, 2, 3, 4


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def flag(name: str, told: str, **more: Any) -> Flag:
    """An option of a command; RESILIENCE_<NAME> in the environment stands for it."""
    variable = f"RESILIENCE_{name.strip('-').upper().replace('-', '_')}"
    return Flag(name, told, more.pop("min", None), more.pop("max", None), {"envvar": variable, **more})


def say(text: str) -> None:
    click.echo(text, err=True)


def read_files(paths: Sequence[Path]) -> dict[Path, SiteFile]:
    types = probes.registry()
    found: dict[Path, SiteFile] = {}
    for path in paths:
        try:
            read = read_path(path, types)
        except OSError as error:
            raise click.BadParameter(f"{path}: {error.strerror or error}") from None
        if not read:
            raise click.BadParameter(f"{path}: no site files in it")
        found |= read
    return found


def read_valid(paths: Sequence[Path]) -> dict[Path, Site]:
    """The sites of `paths`; with any error all messages are printed and the command ends with 1."""
    found = read_files(paths)
    if any(file.site is None for file in found.values()):
        print_faults(each_once(found.values()))
        raise Exit(INVALID)
    return {path: file.site for path, file in found.items() if file.site is not None}


def every_answer(
    paths: Sequence[Path], task: Task, *, jobs: int, take: Callable[[Path, Any], None] = lambda *_: None
) -> dict[Path, Outcome]:
    """What came of every file of `paths`. `take` gets each answer of `task` in order, as it comes, and nobody keeps
    it; an answer may be a Refused. Who tells any of them waits for the end: a wrong file may come last."""
    types, found = probes.registry(), dict[Path, Outcome]()
    reader, workers = Reader(types), jobs or len(os.sched_getaffinity(0))
    for path in paths:
        listing = _listed(path, types)
        found |= {file: Outcome(None, faults, valid=False) for file, faults in listing.broken.items()}
        files = [item for item in listing.files if item[0] not in found]
        for (file, _), outcome in zip(files, outcomes(files, reader, task, jobs=workers), strict=True):
            if outcome.valid:
                take(file, outcome.answer)
            found[file] = outcome._replace(answer=None)
        found |= {folder: Outcome(None, faults, valid=False) for folder, faults in listing.blocked.items()}
        ids = {file: found[file].id for file, _ in listing.files}
        for file, fault in same_ids(ids).items():
            faults = in_order([*found[file].faults, fault], str(file))
            found[file] = found[file]._replace(faults=faults, valid=False)
    return found


def _listed(path: Path, types: Mapping[str, ProbeType]) -> Listing:
    try:
        listing = listed(path, types)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror or error}") from None
    if not (listing.files or listing.broken or listing.blocked):
        raise click.BadParameter(f"{path}: no site files in it")
    return listing


def answered(paths: Sequence[Path], task: Task, *, jobs: int, take: Callable[[Path, Any], None]) -> dict[Path, Outcome]:
    """The same where every file has to be valid: else all messages are printed and the command ends with 1."""
    found = every_answer(paths, task, jobs=jobs, take=take)
    if not all(outcome.valid for outcome in found.values()):
        print_faults(each_once(found.values()))
        raise Exit(INVALID)
    return found


def print_faults(faults: Sequence[Fault]) -> None:
    for fault in faults:
        say(str(fault))


Jobs = Annotated[int, flag("--jobs", "Processes to work in; 0 takes every core.", min=0, max=1024)]
Paths = Annotated[list[Path], Argument("PATH...", "Site files or directories.")]


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
