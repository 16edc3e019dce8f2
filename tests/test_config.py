"""The monitor's own settings: every fault at its place, and who is heard first."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from resilience.cli import app
from resilience.config import NOTHING, read_config
from resilience.model import Secret


def test_what_it_says() -> None:
    found, faults = read_config(
        b"listen: 127.0.0.1:9000\nname: east\nsites: /srv/sites\n"
        b"database: {env: DATABASE}\nretention: 400d\nx-mine: 1\n",
        "config.yaml",
    )
    assert faults == ()
    assert found is not None
    assert (found.listen, found.name, found.sites) == ("127.0.0.1:9000", "east", "/srv/sites")
    assert found.database == Secret("env", "DATABASE")
    assert found.retention == 400 * 86_400_000
    assert read_config(b"{}", "config.yaml") == (NOTHING, ())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("liste: 1", "config.yaml:1:1: liste: unknown key 'liste'; did you mean 'listen'?"),
        ("retention: 5", "config.yaml:1:12: retention: '5' is not a duration"),
        ("retention: 5m", "config.yaml:1:12: retention: '5m' is too short"),
        ("name: a\nname: b", "config.yaml:2:1: 'name' stands twice"),
        ("database: {env: RESILIENCE_DATABASE}", "config.yaml:1:17: database: 'RESILIENCE_DATABASE': variables of"),
        ("- a", "config.yaml:1:1: a mapping is wanted here"),
        ("", "config.yaml:1:1: the file is empty"),
    ],
)
def test_what_is_wrong_with_it(written: str, said: str) -> None:
    found, faults = read_config(written.encode(), "config.yaml")
    assert found is None
    assert str(faults[0]).startswith(said)


def test_a_password_in_clear_is_warned_of_and_not_repeated() -> None:
    found, (fault,) = read_config(b"database: postgresql://resilience:geheim@db/x", "config.yaml")
    assert found is not None
    assert fault.warning
    assert "geheim" not in str(fault)
    assert "geheim" not in repr(found)
    assert read_config(b"database: postgresql://db/x", "config.yaml")[1] == ()


def test_a_wrong_file_ends_the_command(tmp_path: Path) -> None:
    wrong = tmp_path / "config.yaml"
    wrong.write_text("liste: 1\n")
    ended = CliRunner().invoke(app, ["run", "--sites", str(tmp_path), "--config", str(wrong)])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "config.yaml:1:1: liste: unknown key" in ended.stderr
    ended = CliRunner().invoke(app, ["run", "--sites", str(tmp_path), "--config", str(tmp_path / "no.yaml")])
    assert ended.exit_code == 2
    assert "No such file" in ended.stderr


def test_flag_before_environment_before_file_before_what_is_built_in(tmp_path: Path) -> None:
    def tried(*flags: str, env: str = "", configured: str = "") -> str:
        (tmp_path / "config.yaml").write_text(configured or "x-nothing: here\n")
        args = ["run", "--config", str(tmp_path / "config.yaml"), "--sites", "sites", *flags]
        ended = CliRunner().invoke(app, args, env={"RESILIENCE_LISTEN": env})
        assert ended.exit_code == 2
        return next(word for word in ("flag", "variable", "file") if f"'{word}' is not HOST:PORT" in ended.stderr)

    assert tried("--listen", "flag", env="variable", configured="listen: file") == "flag"
    assert tried(env="variable", configured="listen: file") == "variable"
    assert tried(configured="listen: file") == "file"


def test_its_schema_is_printed() -> None:
    printed = json.loads(CliRunner().invoke(app, ["schema", "--config"]).stdout)
    assert {"listen", "name", "database", "retention"} <= set(printed["properties"])
