"""What every command shares: the application, its flags, its exit codes, and the reading of site files.

The commands are the only place that imports the probes.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import probes
from resilience.faults import Fault
from resilience.model import Site
from resilience.sitefile import SiteFile, each_once, read_path

app = typer.Typer(
    name="resilience",
    help="Watches whether people at a site could still call 911 if one more thing failed, and says which thing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # a message is one line, not a box that cuts it in pieces: people grep for it
)

OK, INVALID, USAGE, NO_ASSESSMENT, GAINED = 0, 1, 2, 3, 4


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def flag(name: str, told: str, **more: Any) -> Any:
    """An option of a command; RESILIENCE_<NAME> in the environment stands for it."""
    variable = f"RESILIENCE_{name.strip('-').upper().replace('-', '_')}"
    return typer.Option(name, envvar=variable, help=told, **more)


def say(text: str) -> None:
    typer.echo(text, err=True)


def read_files(paths: Sequence[Path]) -> dict[Path, SiteFile]:
    types = probes.registry()
    found: dict[Path, SiteFile] = {}
    for path in paths:
        try:
            read = read_path(path, types)
        except OSError as error:
            raise typer.BadParameter(f"{path}: {error.strerror or error}") from None
        if not read:
            raise typer.BadParameter(f"{path}: no site files in it")
        found |= read
    return found


def read_valid(paths: Sequence[Path]) -> dict[Path, Site]:
    """The sites of `paths`; with any error all messages are printed and the command ends with 1."""
    found = read_files(paths)
    if any(file.site is None for file in found.values()):
        print_faults(each_once(found.values()))
        raise typer.Exit(INVALID)
    return {path: file.site for path, file in found.items() if file.site is not None}


def print_faults(faults: Sequence[Fault]) -> None:
    for fault in faults:
        say(str(fault))


Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Site files or directories.")]


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
