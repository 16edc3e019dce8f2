"""Commands that need files alone: check, diff, fleet, init, schema, version."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import click
from click.exceptions import Exit

import probes
import resilience
from resilience import tables
from resilience.commands.common import (
    GAINED,
    INVALID,
    OK,
    Jobs,
    Paths,
    answered,
    app,
    counted,
    every_answer,
    flag,
    print_faults,
    say,
)
from resilience.commands.signatures import Argument
from resilience.compare import Judged, differences, judged
from resilience.config import config_schema
from resilience.faults import Fault
from resilience.fleet import Placed, placed, together
from resilience.folders import Folders, content
from resilience.resolved import resolved
from resilience.schema import defaults_schema, site_schema
from resilience.sitefile import Reader, each_once
from resilience.yamltree import Mark, Table


class CheckFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@app.declare()
def check(
    paths: Paths,
    form: Annotated[CheckFormat, flag("--format", "For people, for programs, or for a pull request.")] = (
        CheckFormat.TEXT
    ),
    whole: Annotated[bool, flag("--resolved", "One site with all that it takes from elsewhere, and from where.")] = (
        False
    ),
    jobs: Jobs = 0,
) -> None:
    """Validates site files: every fault of every file at once."""
    if whole:
        raise Exit(_print_resolved(paths))
    found = every_answer(paths, lambda _: True, jobs=jobs)
    faults = each_once(found.values())
    broken = sum(not outcome.valid for outcome in found.values())
    if form is CheckFormat.JSON:
        click.echo(json.dumps([_fault_json(fault) for fault in faults]))
    elif form is CheckFormat.GITHUB:
        for fault in faults:
            click.echo(_fault_github(fault))
    else:
        for fault in faults:
            click.echo(str(fault))
        say(f"{counted(len(found), 'file')}, {f'{broken} wrong' if broken else 'all good'}")
    raise Exit(INVALID if broken else OK)


def _print_resolved(paths: list[Path]) -> int:
    if len(paths) != 1 or paths[0].is_dir():
        raise click.BadParameter("--resolved: one site file is shown at a time")
    try:
        found, text = resolved(paths[0], probes.registry())
    except OSError as error:
        raise click.BadParameter(f"{paths[0]}: {error.strerror or error}") from None
    print_faults(found.faults)
    click.echo(text, nl=False)
    return OK if found.site else INVALID


def _fault_json(fault: Fault) -> dict[str, object]:
    return {
        "file": fault.mark.file,
        "line": fault.mark.line,
        "column": fault.mark.column,
        "where": fault.where,
        "message": fault.message,
        "severity": "warning" if fault.warning else "error",
        "code": fault.code,
        "for": fault.reader,
    }


def _fault_github(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    reader = f" (for {fault.reader})" if fault.reader else ""
    return tables.annotation("warning" if fault.warning else "error", fault.mark, f"{where}{fault.message}{reader}")


@app.declare()
def diff(
    old: Annotated[Path, Argument("OLD", "A site file or a tree of them.")],
    new: Annotated[Path, Argument("NEW", "The version to compare with it.")],
    form: Annotated[CheckFormat, flag("--format", "For people, for programs, or for a pull request.")] = (
        CheckFormat.TEXT
    ),
    jobs: Jobs = 0,
) -> None:
    """Single points of failure gained and lost between two versions; exits 4 where one is gained."""
    (before, _), (after, paths) = (_judged(path, jobs) for path in (old, new))
    if len(before) == len(after) == 1:
        before = dict(zip(after, before.values(), strict=True))  # two versions of one site, whatever they call it
    found = differences(before, after)
    if form is CheckFormat.JSON:
        click.echo(tables.diff_json(found))
    elif form is CheckFormat.GITHUB:
        click.echo(tables.diff_github(found, _places(paths)), nl=bool(found))
    else:
        click.echo(tables.diff_text(found))
    raise Exit(GAINED if any(difference.gained for difference in found) else OK)


def _judged(path: Path, jobs: int) -> tuple[dict[str, Judged], dict[str, Path]]:
    """The sites in `path` by their ids, and their files."""
    judgements: dict[str, Judged] = {}
    paths: dict[str, Path] = {}

    def take(file: Path, answer: tuple[str, Judged]) -> None:
        judgements[answer[0]] = answer[1]
        paths[answer[0]] = file

    now = time.time()
    answered([path], lambda site: (site.id, judged(site, now)), jobs=jobs, take=take)
    return judgements, paths


def _places(paths: Mapping[str, Path]) -> Callable[[str, str], Mark | None]:
    """Where a component of a site is declared: in its file, in a template or in a default; its file's first line
    where it is no more."""
    types = probes.registry()
    reader = Reader(types)
    folders = Folders(types, relative=not all(path.is_absolute() for path in paths.values()))

    @lru_cache(1)
    def marks(path: Path) -> Mapping[str, Mark]:
        _, tree = reader.read_whole(content(path), str(path), folders.lent(path.parent))
        declared = tree.entries.get("components") if tree else None
        return declared.marks if isinstance(declared, Table) else {}

    def place(site: str, component: str) -> Mark | None:
        path = paths.get(site)
        return marks(path).get(component, Mark(str(path), 1, 1)) if path else None

    return place


class FleetFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@app.declare()
def fleet(
    paths: Paths,
    form: Annotated[FleetFormat, flag("--format", "For people, for programs, or for a spreadsheet.")] = (
        FleetFormat.TEXT
    ),
    jobs: Jobs = 0,
) -> None:
    """What takes 911 out at how many sites, and which site is nearest to losing it. No network."""
    sites: list[Placed] = []
    now = time.time()
    answered(paths, lambda site: placed(site, now), jobs=jobs, take=lambda _, answer: sites.append(answer))
    found = together(sites)
    if form is FleetFormat.JSON:
        click.echo(tables.fleet_json(found))
    elif form is FleetFormat.CSV:
        click.echo(tables.fleet_csv(found), nl=False)
    else:
        click.echo(tables.fleet_text(found))


@app.declare()
def init(
    name: Annotated[str, flag("--name", "What people call the site.")] = "",
    team: Annotated[str, flag("--team", "Which team answers for it.")] = "",
    power_outage: Annotated[str, flag("--power-outage", "How long 911 must outlive a power outage.")] = "",
    ways: Annotated[str, flag("--ways", "How calls to 911 leave it: sip, line, cellular.")] = "",
    output: Annotated[Path | None, flag("--output", "A new file; stdout where none is named.")] = None,
) -> None:
    """The first site file of a site, from four answers; asks for those that no flag gives."""
    from resilience.initfile import QUESTIONS, Question, site_text  # noqa: PLC0415

    if output is not None and output.exists():
        raise click.BadParameter(f"--output: {output} exists already; nothing was written")

    def answer(question: Question) -> str:
        def understood(text: str) -> str:
            try:
                question.read(text)
            except ValueError as error:
                raise click.BadParameter(str(error)) from None
            return text

        # Its `err` would leave a part of each prompt on stdout, where the file goes.
        with redirect_stdout(sys.stderr):
            default = question.default or None
            return str(click.prompt(question.asks, default=default, value_proc=understood, prompt_suffix=" "))

    given = {"name": name, "team": team, "power_outage": power_outage, "ways": ways}
    try:
        text = site_text({question.key: given[question.key] or answer(question) for question in QUESTIONS})
        if output is None:
            click.echo(text, nl=False)
            return
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error)) from None
    say(f"wrote {output}; next: resilience check {output}")


@app.declare()
def schema(
    defaults: Annotated[bool, flag("--defaults", "That of _defaults.yaml instead.")] = False,
    config: Annotated[bool, flag("--config", "That of the monitor's own settings instead.", envvar=None)] = False,
) -> None:
    """The JSON Schema of a site file, for editors."""
    described = defaults_schema if defaults else site_schema
    click.echo(json.dumps(config_schema() if config else described(probes.registry()), indent=2))


@app.declare()
def version() -> None:
    """The installed version."""
    click.echo(resilience.__version__)
