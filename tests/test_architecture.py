"""The shape of the code: imports run one way, the analysis is pure, the closed lists are closed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import probes
from resilience import findings
from resilience.catalogue import QUANTITIES
from resilience.finding import SEVERITY
from resilience.probing import Later
from resilience.reading import Reason

ROOT = Path(__file__).parent.parent
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("resilience", "probes")
    for path in (ROOT / package).rglob("*.py")
}
TREES = {name: ast.parse(path.read_text()) for name, path in SOURCES.items()}

WAY = (
    ("model",),
    ("structure",),
    ("state", "memory"),
    ("survival",),
    ("assess",),
    ("findings",),
    ("report", "exporter"),
    ("monitor",),
    ("service", "web"),
    ("cli",),
)
"""What is later may use what is earlier, however indirectly, and never the other way round."""

FOR_PROBES = {"model", "reading", "probing", "faults", "fields", "yamltree", "duration", "catalogue", "burst"}
"""All of the core that a probe may know."""

OUTSIDE = {
    "asyncio",
    "time",
    "socket",
    "ssl",
    "os",
    "subprocess",
    "threading",
    "logging",
    "pathlib",
    "random",
    "secrets",
}
"""Modules that read clocks, files or networks, or say something."""

TABLES = {"probes.ups_mib_apc_eaton", "probes.ups_mib_others", "probes.cellular_families", "resilience.fields"}
"""May be long: rows of one kind, read one at a time."""


def imported(name: str) -> Iterator[str]:
    """Every module that `name` imports, at its top or inside a function."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in SOURCES else node.module


@cache
def uses(name: str) -> frozenset[str]:
    """Our modules that `name` imports itself; a package's `__init__` comes with its modules and is not counted."""
    return frozenset(other for other in imported(name) if other in SOURCES and not name.startswith(f"{other}."))


@cache
def reaches(name: str) -> frozenset[str]:
    """Our modules that `name` imports, directly or through others."""
    return uses(name).union(*map(reaches, uses(name)))


def test_no_module_imports_itself_by_way_of_others() -> None:
    order = list(TopologicalSorter({name: uses(name) for name in SOURCES}).static_order())
    assert set(order) == set(SOURCES)


@pytest.mark.parametrize("place", range(len(WAY)))
def test_imports_run_one_way(place: int) -> None:
    later = {f"resilience.{name}" for names in WAY[place + 1 :] for name in names}
    for name in WAY[place]:
        assert not reaches(f"resilience.{name}") & later


def test_probes_know_the_model_layer_and_nothing_else() -> None:
    allowed = {f"resilience.{name}" for name in FOR_PROBES}
    for name in SOURCES:
        if name.split(".")[0] == "probes":
            core = {other for other in uses(name) if other.startswith("resilience")}
            assert core <= allowed, name
    for name in FOR_PROBES:
        assert reaches(f"resilience.{name}") <= allowed, name


TALKING = {"asyncio", "socket", "ssl", "selectors", "logging", "subprocess", "threading", "email", "http"}
"""What no file needs to be read, and takes longer to import than a file to read."""


def test_what_a_file_may_say_of_a_probe_is_known_without_what_talks_to_devices() -> None:
    declared = {"probes", *(name for name in SOURCES if name.startswith("probes.declared"))}
    for name in declared.union(*map(reaches, declared)):
        wanted = {other.split(".")[0] for other in imported(name)} - {"resilience", "probes"}
        heavy = wanted & TALKING | wanted - sys.stdlib_module_names - {"yaml"}
        assert not heavy, (
            f"{name} is imported to read a file; move what needs {sorted(heavy)} to what talks (CONTRIBUTING)"
        )


def test_every_probe_is_declared_by_its_name_and_its_function_can_be_imported() -> None:
    types = probes.registry()
    for name in probes.BUILT_IN:
        assert types[name].name == name
        assert isinstance(types[name].probe, Later), f"{name}: probe=Later(...)"
        assert callable(types[name].probe.load())


HEAVY = (TALKING - {"threading"}) | {
    *("pysnmp", "pyasn1", "cryptography", "aiosipua", "h11", "dns", "pymodbus", "icmplib"),
    *("starlette", "uvicorn", "apscheduler", "prometheus_client", "jinja2", "rich", "sqlalchemy", "alembic", "apprise"),
    *("multiprocessing", "concurrent", "tempfile", "typer", "pydantic"),
}
"""What a command about one file does without."""


def test_nothing_heavy_is_loaded_with_the_types() -> None:
    asked = "import sys, probes; types = probes.registry(); [types[name] for name in probes.BUILT_IN]"
    assert not loaded_by(asked) & HEAVY


@pytest.mark.parametrize("command", ["check", "analyze"])
def test_a_command_about_one_file_loads_nothing_heavy(command: str) -> None:
    path = ROOT / "sites" / "command-post.yaml"
    asked = f"import sys; from resilience.cli import app; app([{command!r}, {str(path)!r}], standalone_mode=False)"
    assert not loaded_by(asked) & HEAVY


def loaded_by(statements: str) -> set[str]:
    """The top-level modules that a Python process has once it has run `statements`."""
    told = f"{statements}; print(chr(10) + chr(32).join(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    return {module.split(".")[0] for module in ended.stdout.splitlines()[-1].split()}


def test_only_the_command_line_imports_probes_and_nobody_imports_the_command_line() -> None:
    for name in SOURCES:
        if name.startswith("resilience"):
            of_probes = {other for other in uses(name) if other.split(".")[0] == "probes"}
            outermost = name == "resilience.cli" or name.startswith("resilience.commands")
            assert outermost or not of_probes, name
            assert outermost or not any(other.startswith("resilience.commands") for other in uses(name)), name
            assert "resilience.cli" not in uses(name) or name == "resilience.__main__", name


def test_the_analysis_reads_no_clock_and_touches_nothing() -> None:
    pure = {"resilience.report", "resilience.exporter", "resilience.snapshot", "resilience.told"}
    pure = pure.union(*map(reaches, pure)) - {"resilience"}
    assert {"resilience.structure", "resilience.state", "resilience.survival", "resilience.assess"} <= pure
    for name in pure:
        assert not OUTSIDE & {other.split(".")[0] for other in imported(name)}, name
        asked = {node.attr for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute)}
        assert not asked & {"today", "utcnow"}, name
        calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
        assert not [call for call in calls if isinstance(call, ast.Attribute) and call.attr == "now"], name
        assert "open" not in {call.id for call in calls if isinstance(call, ast.Name)}, name


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_module_has_one_subject_and_says_which(name: str) -> None:
    assert ast.get_docstring(TREES[name]), "opens with what may live in it"
    lines = len(SOURCES[name].read_text().splitlines())
    assert lines <= 400 or name in TABLES, f"{lines} lines"


# Closed lists


def constants(tree: ast.AST | None) -> set[str]:
    nodes = ast.walk(tree) if tree else ()
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def first_arguments(called: str) -> set[str]:
    """Every text in the first argument of calls of `called`, in all modules."""
    found: set[str] = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == called and node.args:
                found |= constants(node.args[0])
    return found


def test_every_finding_code_that_is_raised_has_a_severity_and_every_one_that_has_is_raised() -> None:
    raised = first_arguments("Finding") | set(findings._DOWN_CODE.values()) | {rule.code for rule in findings._RULES}
    for node in ast.walk(TREES["resilience.findings"]):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]:
            raised |= constants(node.value)
    of_files = {"secret_in_clear"}
    """Codes of a file's faults that become findings as they are."""
    assert raised | of_files == set(SEVERITY)


def test_every_reason_is_given_somewhere() -> None:
    given = {
        node.attr
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason" and name != "resilience.reading"
    }
    assert given == set(Reason.__members__)


def test_every_quantity_that_a_probe_names_is_in_the_catalogue() -> None:
    named = first_arguments("Observation")
    assert len(named) > 5
    assert named <= set(QUANTITIES)
