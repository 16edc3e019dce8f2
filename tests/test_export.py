"""What `resilience export` writes: from an installed wheel, complete, and good where it lies."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import peers
from resilience.cli import app
from resilience.finding import SEVERITY

ROOT = Path(__file__).resolve().parents[1]
PACKED = ("alerts", "dashboards", "docs/runbooks", "probes", "resilience")
BESIDE = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


def export(*args: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, ["export", *args])
    return said.exit_code, said.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was unpacked, as pip does it. Nothing of the checkout is seen from there."""
    source, wheels, found = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "installed"))
    for path in PACKED:
        shutil.copytree(ROOT / path, source / path, ignore=shutil.ignore_patterns("__pycache__"))
    for path in BESIDE:
        shutil.copy(ROOT / path, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, source], check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", found, wheel], check=True, capture_output=True)
    return found


@pytest.mark.parametrize("what", ["alerts", "dashboards"])
def test_an_installed_wheel_exports_what_the_checkout_has(installed: Path, tmp_path: Path, what: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(installed)}
    program = [sys.executable, "-m", "resilience", "export", what, "out"]
    subprocess.run(program, env=env, cwd=tmp_path, check=True, capture_output=True)
    assert export(what, str(tmp_path / "here"))[0] == 0

    def texts(folder: Path) -> dict[str, str]:
        return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}

    wanted = texts(tmp_path / "here")
    assert len(wanted) > 5
    assert texts(tmp_path / "out") == wanted


def test_exported_alerts_pass_their_tests_and_lead_to_the_runbooks(tmp_path: Path) -> None:
    assert export("alerts", str(tmp_path), "--runbooks", "https://wiki.example.org/911/")[0] == 0
    promtool, amtool = peers.command("promtool", "prometheus"), peers.command("amtool", "prometheus-alertmanager")
    for program in (
        [promtool, "check", "config", "prometheus.yml"],
        [promtool, "test", "rules", "resilience.test.yml"],
        [amtool, "check-config", "alertmanager.yml"],
    ):
        said = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
    rules = (tmp_path / "resilience.rules.yml").read_text()
    assert "https://wiki.example.org/911/{{ $labels.code }}.md" in rules
    assert "docs/runbooks" not in rules
    assert {path.stem for path in (tmp_path / "runbooks").iterdir()} >= set(SEVERITY)


def test_links_lead_to_the_folder_beside_where_no_address_is_named(tmp_path: Path) -> None:
    assert export("alerts", str(tmp_path))[0] == 0
    named = re.findall(r"runbook_url: (?:&runbook )?([\w/]+\.md)", (tmp_path / "resilience.rules.yml").read_text())
    assert named
    assert all((tmp_path / path).exists() for path in named)


def test_a_file_of_another_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    mine = tmp_path / "alertmanager.yml"
    mine.write_text("mine")
    code, said = export("alerts", str(tmp_path))
    assert code == 2
    assert "alertmanager.yml exists and is another; nothing was written" in " ".join(said.split())
    assert [path.name for path in tmp_path.iterdir()] == ["alertmanager.yml"]
    assert mine.read_text() == "mine"
    assert export("alerts", str(tmp_path), "--overwrite")[0] == 0
    assert mine.read_text() != "mine"
    assert export("alerts", str(tmp_path))[0] == 0, "the same again is no conflict"
