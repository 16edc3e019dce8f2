"""`analyze`: what takes 911 out at a site, and what an Open-PSA fault tree comes to. No network."""

import json
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resilience import reasons, report
from resilience.assess import Assessment, assess_design
from resilience.commands.common import INVALID, Paths, app, flag, print_faults, read_valid, say
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
) -> None:
    """What takes 911 out at a site, by what its file declares; or the cut sets of an Open-PSA tree (.xml)."""
    trees = [path for path in paths if path.suffix == ".xml"]
    files = [path for path in paths if path.suffix != ".xml"]
    try:
        for path in trees:
            typer.echo(_tree_answer(path, order=order, top=top, count=count))
        sites = list(read_valid(files).values()) if files else []
        failed = _named(fail, sites)
        for index, site in enumerate(sites):
            pretended = _fixed(site, fix)
            here = failed.intersection(site.components)
            if form is AnalyzeFormat.OPENPSA:
                typer.echo(write_tree(site_tree(pretended, here), site.id), nl=False)
                continue
            design = assess_design(pretended, time.time(), order=order, failed=here)
            gap = "\n" if index and form is AnalyzeFormat.TEXT else ""
            typer.echo(gap + _told(design, here, form=form, explained=explained))
    except (NoSuchTop, StructureTooLarge) as error:
        say(str(error))
        raise typer.Exit(INVALID) from None


def _named(names: str, sites: Sequence[Site]) -> frozenset[str]:
    wanted = frozenset(filter(None, (name.strip() for name in names.split(","))))
    known = sorted({name for site in sites for name in site.components})
    for name in sorted(wanted.difference(known)):
        raise typer.BadParameter(f"--fail: '{name}' is not declared{did_you_mean(name, known)}")
    return wanted


def _fixed(site: Site, fixes: str) -> Site:
    try:
        return apply(site, [parse_fix(part.strip(), site) for part in fixes.split(",") if part.strip()])
    except ValueError as error:
        raise typer.BadParameter(f"--fix: {error}") from None


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
