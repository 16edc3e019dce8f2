"""`analyze`: what takes 911 out at a site, and what an Open-PSA fault tree comes to. No network."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated, NoReturn

import typer

from resilience import reasons, report
from resilience.assess import Assessment, assess_design
from resilience.batch import Refused
from resilience.commands.common import INVALID, Jobs, Paths, answered, app, flag, print_faults, say
from resilience.explain import Explanation, explain
from resilience.faults import did_you_mean
from resilience.faulttree import FaultTree, NoSuchTop
from resilience.findings import design_findings
from resilience.fix import apply, parse_fix
from resilience.margin import Event, Margin, margin, outage
from resilience.model import Site
from resilience.openpsa import TreeInvalid, read_tree
from resilience.openpsawriter import write_tree
from resilience.sitetree import site_tree
from resilience.structure import StructureTooLarge
from resilience.survival import design_bounds
from resilience.treecuts import cut_set_counts, minimal_cut_sets

IN_MEMORY = 16 << 20
"""Bytes of answers that are kept in memory until the last file is known to be good; more wait on disk."""


class AnalyzeFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    OPENPSA = "openpsa"


@app.command()
def analyze(  # noqa: PLR0917  # a command's options
    paths: Paths,
    fail: Annotated[str, flag("--fail", "Components assumed failed, such as wan-a,ups-1.")] = "",
    fix: Annotated[str, flag("--fix", "Pretended fixes: wan-a doubles it, ups-1=2h makes it last.")] = "",
    order: Annotated[int, flag("--order", "Largest cut sets asked for.", min=1, max=6)] = 2,
    explained: Annotated[bool, flag("--explain", "Why, what would end it, and how an outage goes.")] = False,
    top: Annotated[str, flag("--top", "The gate to analyse, where a fault tree has several roots.")] = "",
    count: Annotated[bool, flag("--count", "Numbers instead of lists, for a fault tree.")] = False,
    form: Annotated[AnalyzeFormat, flag("--format", "For people, for programs, or as a fault tree.")] = (
        AnalyzeFormat.TEXT
    ),
    jobs: Jobs = 0,
) -> None:
    """What takes 911 out at a site, by what its file declares; or the cut sets of an Open-PSA tree (.xml)."""
    trees = [path for path in paths if path.suffix == ".xml"]
    files = [path for path in paths if path.suffix != ".xml"]
    try:
        for path in trees:
            typer.echo(_tree_answer(path, order=order, top=top, count=count))
    except (NoSuchTop, StructureTooLarge) as error:
        say(str(error))
        raise typer.Exit(INVALID) from None
    asked = _Asked(frozenset(_parts(fail)), _parts(fix), order, explained, form, time.time())
    if files:
        _tell(files, asked, jobs)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of every site."""

    failed: frozenset[str]
    fixes: tuple[str, ...]
    order: int
    explained: bool
    form: AnalyzeFormat
    now: float

    def __call__(self, site: Site) -> tuple[str, tuple[str, ...]]:
        """What is told of `site`; and its components where it has not all that are to fail."""
        here = self.failed.intersection(site.components)
        names = () if here == self.failed else tuple(site.components)
        try:
            pretended = apply(site, [parse_fix(fix, site) for fix in self.fixes])
        except ValueError as error:
            raise _NoFix(str(error)) from None
        try:
            if self.form is AnalyzeFormat.OPENPSA:
                return write_tree(site_tree(pretended, here), site.id).rstrip("\n"), names
            design = assess_design(pretended, self.now, order=self.order, failed=here)
            return _told(design, here, form=self.form, explained=self.explained), names
        except StructureTooLarge as error:
            raise Refused(str(error)) from None


class _NoFix(Refused):
    """What `--fix` names is not to be had at a site."""


def _tell(files: Sequence[Path], asked: _Asked, jobs: int) -> None:
    """Every site's answer in order, once all are known to be there."""
    refused: list[Refused] = []
    missing, known = set(asked.failed), set[str]()
    gap = "\n" if asked.form is AnalyzeFormat.TEXT else ""
    with SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="\n") as told:

        def take(_: Path, answer: tuple[str, tuple[str, ...]] | Refused) -> None:
            if isinstance(answer, Refused):
                refused.append(answer)
                return
            text, names = answer
            told.write(f"{gap if told.tell() else ''}{text}\n")
            missing.difference_update(names or asked.failed)
            known.update(names)

        answered(files, asked, jobs=jobs, take=take)
        for name in sorted(missing):
            raise typer.BadParameter(f"--fail: '{name}' is not declared{did_you_mean(name, sorted(known))}")
        if refused:
            _end(refused[0])
        told.seek(0)
        shutil.copyfileobj(told, sys.stdout)


def _end(refused: Refused) -> NoReturn:
    if isinstance(refused, _NoFix):
        raise typer.BadParameter(f"--fix: {refused}")
    say(str(refused))
    raise typer.Exit(INVALID)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _told(design: Assessment, failed: frozenset[str], *, form: AnalyzeFormat, explained: bool) -> str:
    findings = design_findings(design)
    reasoned: tuple[Sequence[Explanation], Margin, Sequence[Event]] | None = None
    if explained:
        reasoned = (explain(design, failed), margin(design), outage(design_bounds(design.site, failed)))
    if form is AnalyzeFormat.JSON:
        return json.dumps(report.as_json(design, findings) | (reasons.as_json(*reasoned) if reasoned else {}))
    return report.as_text(design, findings) + (f"\n{reasons.as_text(*reasoned)}" if reasoned else "")


def _tree_answer(path: Path, *, order: int, top: str, count: bool) -> str:
    """One object: `order` and `cut_sets` by order, listed or counted."""
    tree = _read_tree(path)
    cuts: dict[str, object] = {}
    if count:
        cuts = {str(size): number for size, number in cut_set_counts(tree, order, top).items()}
    else:
        listed: dict[str, list[list[str]]] = {str(size): [] for size in range(1, order + 1)}
        for cut in minimal_cut_sets(tree, order, top):
            listed.setdefault(str(len(cut)), []).append(list(cut))
        cuts.update(listed)
    return json.dumps({"order": order, "cut_sets": cuts})


def _read_tree(path: Path) -> FaultTree:
    try:
        return read_tree(path.read_bytes(), str(path))
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror or error}") from None
    except TreeInvalid as error:
        print_faults(error.faults)
        raise typer.Exit(INVALID) from None
