"""The documents are true: what they name exists, and what exists stands in them."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

import probes
from builders import site
from history import SILENT, History, probe, ups
from probes.declared.generator_profile import FACT_FIELDS, ROW_FIELDS, parse_profile, shipped
from probes.snmp_families import FAMILIES
from resilience import catalogue, exporter, reasons, report
from resilience.assess import assess_design
from resilience.cli import app
from resilience.config import config_schema
from resilience.duration import spoken
from resilience.faults import Report
from resilience.finding import SEVERITY
from resilience.findings import design_findings
from resilience.fitness import Fitness
from resilience.instruments import Instruments
from resilience.model import AcceptedRisk, Attestation, Drill, Maintenance
from resilience.probeshape import COMMON
from resilience.reading import Observation, Reading, Reason, State
from resilience.schema import site_schema
from resilience.sitefile import read_path, read_site
from resilience.snapshot import Snapshot, take

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WRITTEN = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
"""The moment at which the README's analysis was made."""


def section(path: Path, heading: str) -> str:
    """What stands under `heading`, up to the next heading of its level."""
    level = heading.partition(" ")[0]
    _, found, rest = f"\n{path.read_text()}".partition(f"\n{heading}\n")
    assert found, f"{path.name} has no section '{heading}'"
    return re.split(rf"\n{level} ", rest)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table, headings and rules left out."""
    lines = text.splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("| ") and above.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def named(cell: str) -> str:
    """The first word in code type."""
    found = re.search(r"`([^`\s]+)", cell)
    return found[1] if found else cell


def block(path: Path, beginning: str) -> str:
    """The one fenced block that begins with `beginning`."""
    (found,) = (text for text in re.findall(r"```\w*\n(.*?)```", path.read_text(), re.DOTALL) if beginning in text[:99])
    return str(found)


# --- The README -----------------------------------------------------------------------------------------------


def test_every_command_stands_in_the_readme_with_flags_it_has() -> None:
    commands = app.every()
    told = {named(command): does for command, does, *_ in rows(section(README, "## Commands"))}
    assert set(told) == set(commands)
    for name, does in told.items():
        command = commands[name]
        every = [command, *getattr(command, "commands", {}).values()]
        flags = {flag for one in every for parameter in one.params for flag in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", does)) <= flags, name


def test_every_probe_type_stands_in_the_readme() -> None:
    told = {named(row[0]) for row in rows(section(README, "## Probes"))}
    assert told == set(probes.BUILT_IN)


def test_every_dependency_stands_in_the_readme() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    told = {row[0] for row in rows(section(README, "## Dependencies"))}
    assert told == {re.split(r"[^a-z0-9-]", requirement)[0] for requirement in wanted}


def test_the_readmes_site_file_is_good() -> None:
    found = read_site(block(README, "schema: 1").encode(), "README.md", probes.registry())
    assert [str(fault) for fault in found.faults] == []


def test_the_readmes_analysis_is_what_the_command_says() -> None:
    path = ROOT / "sites" / "hq-denver.yaml"
    declared = read_path(path, probes.registry())[path].site
    assert declared is not None
    design = assess_design(declared, WRITTEN)
    assert block(README, "Denver headquarters") == report.as_text(design, design_findings(design)) + "\n"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not link.startswith("https://"):
            assert (path.parent / link.partition("#")[0]).exists(), link


# --- Metrics --------------------------------------------------------------------------------------------------

METRICS = ROOT / "docs" / "metrics.md"


def told_metrics() -> dict[str, tuple[list[str], str]]:
    """Labels and meaning of every metric by name."""
    found = {}
    for name, *rest in rows(METRICS.read_text()):
        if named(name).startswith(catalogue.PREFIX):
            labels, meaning = rest
            found[named(name)] = (labels.split(", ") if labels else [], meaning)
    return found


def test_every_decision_has_a_number_of_its_own() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for number, path in enumerate(decisions, 1):
        assert path.read_text().startswith(f"# {number}. "), path.name


def test_every_metric_of_the_catalogue_is_told_by_its_help() -> None:
    own = {
        f"{family.name}{'_total' if family.type == 'counter' else ''}": family.documentation
        for family in Instruments(Fitness()).registry.collect()
        if family.name.startswith(catalogue.PREFIX)
    }
    wanted = {f"{catalogue.PREFIX}{name}": text for name, text in catalogue.METRICS.items()} | own
    assert {name: meaning for name, (_, meaning) in told_metrics().items()} == wanted


def test_every_metric_is_told_with_the_labels_it_has() -> None:
    told = told_metrics()
    seen = dict(labels_of(a_moment_with_everything()))
    assert set(catalogue.METRICS) == set(seen)
    assert {name: told[f"{catalogue.PREFIX}{name}"][0] for name in seen} == seen


def labels_of(taken: Snapshot) -> Iterator[tuple[str, list[str]]]:
    durations = {spec.key: 0.1 for spec in taken.site.probes}
    families = exporter.render(taken, file_valid=True, vantage="central", durations=durations)
    for name, lines in families.items():
        yield name, re.findall(r'[{,]([a-z_]+)="', re.sub(r'"(?:[^"\\]|\\.)*"', '""', lines[0]))


@cache
def a_moment_with_everything() -> Snapshot:
    """A site of which every metric can be told: each quantity is read, something failed, something is planned."""
    today = datetime.fromtimestamp(WRITTEN, UTC)
    declared = site(
        {
            "utility": {"kind": "utility"},
            "ups": {"kind": "ups", "power": ["utility"], "probes": probe("ups")},
            "meter": {"kind": "service", "probes": probe("meter"), "shared": "meter"},
            "wan": {"kind": "wan", "probes": probe("wan")},
            "pbx": {"kind": "pbx", "power": ["ups"], "attest": Attestation(valid=86_400_000, on=today.date())},
        },
        {"desk": ["pbx"], "other": ["wan", "meter"]},
        requires="2h",
        people=12,
        drills=(Drill(name="dark", fail=("utility",), every=86_400_000, held_at=WRITTEN, result="passed"),),
        accepted_risks=(AcceptedRisk(component="pbx", reason="", by="", until=date(2027, 1, 1)),),
        maintenance=(
            Maintenance(
                components=("meter",), start=today, end=today + timedelta(hours=1), by="operations", reason="a new one"
            ),
        ),
    )
    history = History(declared)
    every = tuple(Observation(quantity, 1.0, target="one", text="it") for quantity in catalogue.QUANTITIES)
    history.read(
        WRITTEN,
        {"meter": Reading(State.UP, observations=every), "wan": SILENT, "ups": ups(on_battery=True, runtime=600)},
    )
    return take(history.site, history.memory, WRITTEN)


def test_every_reason_is_told() -> None:
    told = [named(row[0]) for row in rows(section(METRICS, "## Probes"))]
    assert set(told[-len(Reason) :]) == set(Reason)


# --- Probes ---------------------------------------------------------------------------------------------------

PROBES = ROOT / "docs" / "probes.md"


def test_every_key_that_all_probes_have_is_told() -> None:
    assert {named(row[0]) for row in rows(section(PROBES, "## Every probe"))} == set(COMMON)


@pytest.mark.parametrize("name", probes.BUILT_IN)
def test_every_key_and_default_of_a_probe_is_told(name: str) -> None:
    probe_type = probes.registry()[name]
    told = section(PROBES, f"## {name}")
    keys = {named(key): meaning for key, meaning in rows(told)}
    assert set(keys) == set(probe_type.fields)
    assert {key for key, meaning in keys.items() if "required" in meaning} == {
        key for key, known in probe_type.fields.items() if known.required
    }
    times = ", ".join(f"{key} {_written(getattr(probe_type, key))}" for key in ("interval", "timeout", "confirm"))
    counts = ", ".join(f"{key} {getattr(probe_type, key)}" for key in ("retries", "fall", "rise"))
    assert f"Defaults: {times}, {counts}." in told


def test_every_ups_family_is_told() -> None:
    assert {named(family) for family, *_ in rows((ROOT / "docs" / "ups-families.md").read_text())} == set(FAMILIES)


def test_every_fact_and_key_of_a_generator_profile_is_told() -> None:
    told = [named(row[0]) for row in rows((ROOT / "docs" / "generator-profiles.md").read_text())]
    assert told == [*FACT_FIELDS, *ROW_FIELDS]
    example = block(ROOT / "docs" / "generator-profiles.md", "title: Pump house")
    assert parse_profile(example.encode(), "example.yaml", Report()).title
    shown = section(PROBES, "## generator")
    assert all(f"`{name}`" in shown for name in shipped())


def _written(milliseconds: int) -> str:
    return spoken(milliseconds).replace(" ", "").replace("min", "m")


# --- What comes out -------------------------------------------------------------------------------------------

OUTPUTS = ROOT / "docs" / "outputs.md"


def test_every_finding_is_told_with_its_severity() -> None:
    told = {named(code): severity for code, severity, _ in rows(section(OUTPUTS, "## Findings"))}
    assert told == dict(SEVERITY)


def test_every_state_is_told_with_its_exit_code() -> None:
    told = {named(state): int(code) for state, _, code in rows(section(OUTPUTS, "## States"))}
    assert told == dict(report.EXIT)


def test_every_key_of_the_json_is_told() -> None:
    taken = a_moment_with_everything()
    assert taken.now is not None
    told = {named(key): holds for key, holds in rows(section(OUTPUTS, "## JSON"))}
    every = reasons.snapshot_as_json(taken, taken.now, explained=True)
    assert set(told) == set(every)
    for key, value in every.items():
        if isinstance(value, list):
            keys = re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", told[key]))  # in brackets stand values
            assert set(keys) == {key for entry in value for key in entry}, key


def test_the_published_schema_is_that_of_the_reader() -> None:
    published = json.loads((ROOT / "docs" / "site.schema.json").read_text())
    types = probes.registry()
    built_in = {name: types[name] for name in probes.BUILT_IN}
    again = "resilience schema > docs/site.schema.json"
    assert published == json.loads(json.dumps(site_schema(built_in))), again


def test_the_published_schema_of_settings_is_that_of_the_reader() -> None:
    published = json.loads((ROOT / "docs" / "config.schema.json").read_text())
    assert published == json.loads(json.dumps(config_schema())), "resilience schema --config > docs/config.schema.json"
