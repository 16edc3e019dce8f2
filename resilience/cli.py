"""The command line: results on stdout, messages on stderr, exit codes as documented. The only place that imports
the probes."""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

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
    rich_markup_mode=None,  # a message is one line, not a box that cuts it in pieces: people grep for it
)

log = logging.getLogger("resilience.cli")
T = TypeVar("T")

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
    except SystemExit as leaving:
        # Without waiting for threads: one that asks a dead resolver cannot be cancelled, and would hold up
        # a plugin's answer, or a stop, for as long as the resolver is given.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else OK)


def _await(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. `asyncio.run` would wait for the threads that `main` does not wait for."""
    return asyncio.Runner().run(work)


def _flag(name: str, told: str, **more: Any) -> Any:
    """An option of a command; RESILIENCE_<NAME> in the environment stands for it."""
    variable = f"RESILIENCE_{name.strip('-').upper().replace('-', '_')}"
    return typer.Option(name, envvar=variable, help=told, **more)


class _Plugin(TyperCommand):
    """A command in which whatever prevents an assessment exits 3: to Nagios 1 and 2 are a warning and an alarm."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _unknown_where_it_fails():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _unknown_where_it_fails():
            return super().invoke(ctx)


@contextmanager
def _unknown_where_it_fails() -> Iterator[None]:
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of Click's, wherever Typer keeps that
            said = error.format_message()
        else:
            said = f"a fault of the command itself: {type(error).__name__}"
            log.exception("%s", said)
        typer.echo(report.nagios_line(NO_ASSESSMENT, said))
        raise typer.Exit(NO_ASSESSMENT) from None


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _read(paths: Sequence[Path]) -> dict[Path, SiteFile]:
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
    form: Annotated[CheckFormat, _flag("--format", "For people, for programs, or for a pull request.")] = (
        CheckFormat.TEXT
    ),
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
        _say(f"{_counted(len(found), 'file')}, {f'{broken} wrong' if broken else 'all good'}")
    raise typer.Exit(INVALID if any(file.site is None for file in found.values()) else OK)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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
    fail: Annotated[str, _flag("--fail", "Components assumed failed, such as wan-a,ups-1.")] = "",
    order: Annotated[int, _flag("--order", "Largest cut sets asked for.", min=1, max=6)] = 2,
    form: Annotated[Format, _flag("--format", "For people or for programs.")] = Format.TEXT,
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
    known = sorted({name for site in sites for name in site.components})
    for name in sorted(names.difference(known)):
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
    form: Annotated[Format, _flag("--format", "A plugin's line, or all that was read.")] = Format.TEXT,
    timeout: Annotated[str, _flag("--timeout", "For all probes together.")] = "50s",
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
    first, *others = _read([path]).values()
    if others:
        raise typer.BadParameter(f"{path}: {1 + len(others)} site files; one is probed at a time")
    if (site := first.site) is None:
        _print_faults(first.faults)
        typer.echo(report.nagios_line(NO_ASSESSMENT, next(str(fault) for fault in first.faults if not fault.warning)))
        raise typer.Exit(NO_ASSESSMENT)

    async def once() -> Any:
        fitness = Fitness()
        prober = Prober(probes.registry(), secret=secrets_from(os.environ), fitness=fitness)
        try:
            return await look(site, prober, fitness, seconds)
        finally:
            await prober.aclose()

    taken = _await(once())
    line, code = report.nagios(taken)
    if form is Format.JSON and taken.now is not None:
        typer.echo(json.dumps(report.as_json(taken.now, taken.findings, taken.memory)))
    else:
        typer.echo(line)
    raise typer.Exit(code)


@app.command()
def run(
    sites: Annotated[Path, _flag("--sites", "Directory of site files.")],
    listen: Annotated[str, _flag("--listen", "HOST:PORT of the pages.")] = "127.0.0.1:9911",
    name: Annotated[str, _flag("--name", "This monitor's vantage.")] = "central",
) -> None:
    """The monitor: probes the sites, serves /metrics, until SIGTERM. SIGHUP reads the files again."""
    from resilience import logs, service  # noqa: PLC0415  # the network stack is for those who watch

    types = probes.registry()
    found = _read([sites])
    for file in found.values():
        _print_faults(file.faults)
    if any(file.site is None for file in found.values()):
        raise typer.Exit(INVALID)
    try:
        bound = service.listening_socket(listen)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--listen: {error}") from None
    logs.configure()
    watched = service.Service(sites_path=sites, sites=found, types=types, vantage=name)
    told = f"watching {_counted(len(found), 'site')}; metrics at {service.url(bound)}/metrics"
    with bound:
        _await(service.run(watched, bound, started=lambda: _say(told)))


@app.command()
def demo(
    seconds: Annotated[str, _flag("--for", "How long.")] = "60s",
    listen: Annotated[str, _flag("--listen", "HOST:PORT of the pages.")] = "127.0.0.1:0",
    quiet: Annotated[bool, _flag("--quiet", "Sentences alone, no table.")] = False,
) -> None:
    """The real monitor over simulated devices on loopback, with a scripted fault told in plain sentences."""
    from rich.console import Console  # noqa: PLC0415

    from probes.echo import permitted  # noqa: PLC0415
    from resilience.demo import play  # noqa: PLC0415

    # As Ctrl-C does, and not at once: the simulated devices' files are taken away first.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
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
    port: Annotated[int, _flag("--port", "0 takes a free one.", min=0, max=65535)] = 0,
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
def init(
    name: Annotated[str, _flag("--name", "What people call the site.")] = "",
    team: Annotated[str, _flag("--team", "Which team answers for it.")] = "",
    power_outage: Annotated[str, _flag("--power-outage", "How long 911 must outlive a power outage.")] = "",
    ways: Annotated[str, _flag("--ways", "How calls to 911 leave it: sip, line, cellular.")] = "",
    output: Annotated[Path | None, _flag("--output", "A new file; stdout where none is named.")] = None,
) -> None:
    """The first site file of a site, from four answers; asks for those that no flag gives."""
    from resilience.initfile import QUESTIONS, Question, site_text  # noqa: PLC0415

    if output is not None and output.exists():
        raise typer.BadParameter(f"--output: {output} exists already; nothing was written")

    def answer(question: Question) -> str:
        def understood(text: str) -> str:
            try:
                question.read(text)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
            return text

        # Its `err` would leave a part of each prompt on stdout, where the file goes.
        with redirect_stdout(sys.stderr):
            default = question.default or None
            return str(typer.prompt(question.asks, default=default, value_proc=understood, prompt_suffix=" "))

    given = {"name": name, "team": team, "power_outage": power_outage, "ways": ways}
    try:
        text = site_text({question.key: given[question.key] or answer(question) for question in QUESTIONS})
        if output is None:
            typer.echo(text, nl=False)
            return
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    _say(f"wrote {output}; next: resilience check {output}")


@app.command()
def schema() -> None:
    """The JSON Schema of a site file, for editors."""
    from resilience.schema import site_schema  # noqa: PLC0415

    typer.echo(json.dumps(site_schema(probes.registry()), indent=2))


@app.command()
def version() -> None:
    """The installed version."""
    typer.echo(__version__)
