"""The command line: results on stdout, messages on stderr, exit codes as documented. The only place that imports
the probes."""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

import probes
from resilience import __version__, report
from resilience.assess import assess_design
from resilience.duration import parse_duration
from resilience.fields import Fault, did_you_mean
from resilience.findings import Finding, design_findings, rank
from resilience.model import Site
from resilience.sitefile import SiteFile, read_path
from resilience.structure import StructureTooLarge

app = typer.Typer(
    name="resilience",
    help="Watches whether people at a site could still call 911 if one more thing failed, and says which thing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

OK, INVALID, USAGE, NO_ASSESSMENT = 0, 1, 2, 3


class CheckFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def main() -> None:
    """The console script."""
    try:
        app()
    except BrokenPipeError:
        # The reader has gone (`| head`); the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Plugin(TyperCommand):
    """A command whose usage errors exit 3: for a Nagios plugin 2 means critical."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _usage_errors_exit(NO_ASSESSMENT):
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _usage_errors_exit(NO_ASSESSMENT):
            return super().invoke(ctx)


@contextmanager
def _usage_errors_exit(code: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if getattr(error, "exit_code", None) == USAGE and hasattr(error, "show"):
            error.exit_code = code  # type: ignore[attr-defined]  # Click's UsageError, wherever Typer keeps it
        raise


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _read(paths: Sequence[Path]) -> dict[Path, SiteFile]:
    types = probes.registry()
    found: dict[Path, SiteFile] = {}
    for path in paths:
        try:
            found |= read_path(path, types)
        except OSError as error:
            raise typer.BadParameter(f"{path}: {error.strerror or error}") from None
    return found


def _read_valid(paths: Sequence[Path]) -> list[tuple[Site, SiteFile]]:
    """The sites of `paths`; with any error all messages are printed and the command ends with 1."""
    found = _read(paths)
    if any(file.site is None for file in found.values()):
        for file in found.values():
            _print_faults(file.faults)
        raise typer.Exit(INVALID)
    return [(file.site, file) for file in found.values() if file.site is not None]


def _print_faults(faults: Sequence[Fault]) -> None:
    for fault in faults:
        _say(str(fault))


Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Site files or directories.")]


@app.command()
def check(
    paths: Paths,
    form: Annotated[CheckFormat, typer.Option("--format", envvar="RESILIENCE_FORMAT")] = CheckFormat.TEXT,
) -> None:
    """Validates site files: every fault of every file at once."""
    found = _read(paths)
    faults = [fault for file in found.values() for fault in file.faults]
    if form is CheckFormat.JSON:
        typer.echo(json.dumps([_fault_json(fault) for fault in faults]))
    elif form is CheckFormat.GITHUB:
        for fault in faults:
            typer.echo(_fault_github(fault))
    else:
        for fault in faults:
            typer.echo(str(fault))
        broken = sum(file.site is None for file in found.values())
        _say(f"{len(found)} files, {broken} of them wrong" if broken else f"{len(found)} files, all good")
    raise typer.Exit(INVALID if any(file.site is None for file in found.values()) else OK)


def _fault_json(fault: Fault) -> dict[str, object]:
    return {
        "file": fault.mark.file,
        "line": fault.mark.line,
        "column": fault.mark.column,
        "where": fault.where,
        "message": fault.message,
        "severity": "warning" if fault.warning else "error",
        "code": fault.code,
    }


def _fault_github(fault: Fault) -> str:
    """A workflow command, which GitHub shows beside the line of a pull request."""

    def quoted(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    place = f"file={quoted(fault.mark.file)},line={fault.mark.line},col={fault.mark.column}"
    where = f"{fault.where}: " if fault.where else ""
    return f"::{'warning' if fault.warning else 'error'} {place}::{quoted(where + fault.message)}"


@app.command()
def analyze(
    paths: Paths,
    fail: Annotated[str, typer.Option(help="Components assumed failed, such as wan-a,ups-1.")] = "",
    order: Annotated[
        int, typer.Option(min=1, max=6, envvar="RESILIENCE_ORDER", help="Largest cut sets asked for.")
    ] = 2,
    form: Annotated[Format, typer.Option("--format", envvar="RESILIENCE_FORMAT")] = Format.TEXT,
) -> None:
    """What takes 911 out at a site, by what its file declares. No network."""
    read = _read_valid(paths)
    failed = _named_components(fail, [site for site, _ in read])
    for index, (site, file) in enumerate(read):
        try:
            design = assess_design(site, time.time(), order=order, failed=failed.intersection(site.components))
        except StructureTooLarge as error:
            _say(str(error))
            raise typer.Exit(INVALID) from None
        findings = sorted((*design_findings(design), *_file_findings(file)), key=rank)
        if form is Format.JSON:
            typer.echo(json.dumps(report.as_json(design, findings)))
        else:
            typer.echo(("\n" if index else "") + report.as_text(design, findings))


def _named_components(fail: str, sites: Sequence[Site]) -> frozenset[str]:
    names = frozenset(filter(None, (name.strip() for name in fail.split(","))))
    known = {name for site in sites for name in site.components}
    for name in sorted(names - known):
        raise typer.BadParameter(f"--fail: '{name}' is not declared{did_you_mean(name, known)}")
    return names


def _file_findings(file: SiteFile) -> Iterator[Finding]:
    """The warnings of a file that are findings of their own and not seen in the site itself."""
    for fault in file.faults:
        if fault.code == "secret_in_clear":
            parts = fault.where.split(".")
            yield Finding(fault.code, parts[1] if parts[0] == "components" else "", f"{fault.where}: {fault.message}")


@app.command(cls=_Plugin)
def probe(
    path: Annotated[Path, typer.Argument(metavar="SITE.yaml")],
    form: Annotated[Format, typer.Option("--format", envvar="RESILIENCE_FORMAT")] = Format.TEXT,
    timeout: Annotated[str, typer.Option(envvar="RESILIENCE_TIMEOUT", help="For all probes together.")] = "50s",
) -> None:
    """Probes a site once and assesses it; a Nagios plugin as it is."""
    from resilience.fitness import Fitness  # noqa: PLC0415
    from resilience.prober import Prober  # noqa: PLC0415  # `check` and `analyze` start without the network stack
    from resilience.secrets import secrets_from  # noqa: PLC0415
    from resilience.single import look  # noqa: PLC0415

    try:
        seconds = parse_duration(timeout) / 1000
    except ValueError as error:
        raise typer.BadParameter(f"--timeout: {error}") from None
    found = list(_read([path]).values())
    if len(found) != 1 or found[0].site is None:
        for file in found:
            _print_faults(file.faults)
        typer.echo(f"RESILIENCE UNKNOWN - {path}: no single valid site file")
        raise typer.Exit(NO_ASSESSMENT)
    site = found[0].site

    async def once() -> Any:
        fitness = Fitness()
        prober = Prober(probes.registry(), secret=secrets_from(os.environ), fitness=fitness)
        try:
            return await look(site, prober, fitness, seconds)
        finally:
            await prober.aclose()

    taken = asyncio.run(once())
    line, code = report.nagios(taken)
    if form is Format.JSON and taken.now is not None:
        typer.echo(json.dumps(report.as_json(taken.now, taken.findings, taken.memory)))
    else:
        typer.echo(line)
    raise typer.Exit(code)


@app.command()
def run(
    sites: Annotated[Path, typer.Option(envvar="RESILIENCE_SITES", help="Directory of site files.")],
    listen: Annotated[str, typer.Option(envvar="RESILIENCE_LISTEN", help="HOST:PORT of the pages.")] = "127.0.0.1:9911",
    name: Annotated[str, typer.Option(envvar="RESILIENCE_NAME", help="This monitor's vantage.")] = "central",
) -> None:
    """The monitor: probes the sites, serves /metrics, until SIGTERM. SIGHUP reads the files again."""
    from resilience import logs, service  # noqa: PLC0415  # the network stack is for those who watch

    types = probes.registry()
    found = _read([sites])
    for file in found.values():
        _print_faults(file.faults)
    if not found:
        raise typer.BadParameter(f"{sites}: no site files")
    if any(file.site is None for file in found.values()):
        raise typer.Exit(INVALID)
    try:
        bound = service.listening_socket(listen)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--listen: {error}") from None
    logs.configure()
    host, port = bound.getsockname()[:2]
    with bound:
        asyncio.run(
            service.run(
                service.Service(sites_path=sites, sites=found, types=types, listen=listen, vantage=name),
                bound,
                started=lambda: _say(f"watching {len(found)} sites; metrics at http://{host}:{port}/metrics"),
            )
        )


@app.command()
def demo(
    seconds: Annotated[str, typer.Option("--for", envvar="RESILIENCE_FOR", help="How long.")] = "60s",
    listen: Annotated[str, typer.Option(envvar="RESILIENCE_LISTEN", help="HOST:PORT of the pages.")] = "127.0.0.1:0",
    quiet: Annotated[bool, typer.Option("--quiet", help="Sentences alone, no table.")] = False,
) -> None:
    """The real monitor over simulated devices on loopback, with a scripted fault told in plain sentences."""
    from rich.console import Console  # noqa: PLC0415

    from probes.echo import permitted  # noqa: PLC0415
    from resilience.demo import play  # noqa: PLC0415

    # The story tells what happens; the log would tell it twice.
    logging.getLogger("resilience").addHandler(logging.NullHandler())
    try:
        length = parse_duration(seconds) / 1000
    except ValueError as error:
        raise typer.BadParameter(f"--for: {error}") from None
    story = play(probes.registry(), seconds=length, listen=listen, quiet=quiet, icmp=permitted(), console=Console())
    try:
        asyncio.run(story)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def simulate(
    name: Annotated[str, typer.Argument(help="upsd, snmp, sip or tcp.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
) -> None:
    """One simulated device on loopback, until Ctrl-C; prints the probe that reads it."""
    from resilience.simulate.alone import SIMULATORS, serve  # noqa: PLC0415

    if name not in SIMULATORS:
        known = ", ".join(SIMULATORS)
        raise typer.BadParameter(f"'{name}' is none of {known}{did_you_mean(name, SIMULATORS)}")
    try:
        asyncio.run(serve(name, port, typer.echo))
    except OSError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def schema() -> None:
    """The JSON Schema of a site file, for editors."""
    from resilience.schema import site_schema  # noqa: PLC0415

    typer.echo(json.dumps(site_schema(probes.registry()), indent=2))


@app.command()
def version() -> None:
    """The installed version."""
    typer.echo(__version__)
