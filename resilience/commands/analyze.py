"""`analyze`: what takes 911 out at a site, and what an Open-PSA fault tree comes to. No network."""

import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any, NoReturn, cast

import click
from click.exceptions import Exit

from resilience import report
from resilience.assess import Assessment, assess_design
from resilience.batch import Refused
from resilience.commands.common import INVALID, Jobs, Paths, answered, app, flag, say
from resilience.faults import did_you_mean
from resilience.findings import design_findings
from resilience.model import Site
from resilience.structure import StructureTooLarge
from resilience.survival import design_bounds

IN_MEMORY = 16 << 20
"""Bytes of answers that are kept in memory until the last file is known to be good; more wait on disk."""


class AnalyzeFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    OPENPSA = "openpsa"


@app.declare()
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
    if trees:
        from resilience.commands.trees import tree_answers  # noqa: PLC0415  # sites are read without fault trees

        for answer in tree_answers(trees, order=order, top=top, count=count):
            click.echo(answer)
    # What few ask for is imported where it is asked for: a hook that looks at one file is not to wait for it.
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
        pretended = _fixed(site, self.fixes) if self.fixes else site
        try:
            if self.form is AnalyzeFormat.OPENPSA:
                return _as_tree(pretended, here), names
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
    with _paper(files) as told:

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
            raise click.BadParameter(f"--fail: '{name}' is not declared{did_you_mean(name, sorted(known))}")
        if refused:
            _end(refused[0])
        told.seek(0)
        while part := told.read(1 << 16):
            click.echo(part, nl=False)


def _paper(files: Sequence[Path]) -> IO[str]:
    """To write on until all is known. A folder's answers beyond IN_MEMORY are kept on disk."""
    if not any(path.is_dir() for path in files):
        return io.StringIO()
    from tempfile import SpooledTemporaryFile  # noqa: PLC0415  # costs 10 ms, and one file needs none

    return cast(IO[str], SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="\n"))


def _end(refused: Refused) -> NoReturn:
    if isinstance(refused, _NoFix):
        raise click.BadParameter(f"--fix: {refused}")
    say(str(refused))
    raise Exit(INVALID)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _fixed(site: Site, fixes: Sequence[str]) -> Site:
    from resilience.fix import apply, parse_fix  # noqa: PLC0415

    try:
        return apply(site, [parse_fix(fix, site) for fix in fixes])
    except ValueError as error:
        raise _NoFix(str(error)) from None


def _as_tree(site: Site, failed: frozenset[str]) -> str:
    from resilience.openpsawriter import write_tree  # noqa: PLC0415
    from resilience.sitetree import site_tree  # noqa: PLC0415

    return write_tree(site_tree(site, failed), site.id).rstrip("\n")


def _told(design: Assessment, failed: frozenset[str], *, form: AnalyzeFormat, explained: bool) -> str:
    findings = design_findings(design)
    if form is AnalyzeFormat.JSON:
        more = _reasons(design, failed, form) if explained else {}
        return json.dumps(report.as_json(design, findings) | more)
    return "\n".join([report.as_text(design, findings), *([_reasons(design, failed, form)] if explained else [])])


def _reasons(design: Assessment, failed: frozenset[str], form: AnalyzeFormat) -> Any:
    from resilience import reasons  # noqa: PLC0415
    from resilience.explain import explain  # noqa: PLC0415
    from resilience.margin import margin, outage  # noqa: PLC0415

    reasoned = (explain(design, failed), margin(design), outage(design_bounds(design.site, failed)))
    return reasons.as_json(*reasoned) if form is AnalyzeFormat.JSON else reasons.as_text(*reasoned)
