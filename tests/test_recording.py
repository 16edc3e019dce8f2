"""What people record by commands: checked before it is kept, kept for good, and taken up by the monitor that runs."""

import csv
import hashlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import monitor_process
import peers
from lines import lines, site_on
from monitor_process import RESILIENCE
from resilience.cli import app

ATTEST = """\
  red-phone: {kind: phones, power: [], attest: 30d}
emergency_paths:
"""


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    folder.mkdir()
    (folder / "branch.yaml").write_text(site_on((1, 2)).replace("emergency_paths:\n", ATTEST))
    return folder


Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, sites: Path) -> Command:
    """Runs a command on the site `branch` and a database of its own; expects its exit code."""
    env = {"RESILIENCE_DATABASE": f"sqlite:///{tmp_path / 'store.db'}", "RESILIENCE_SITES": str(sites)}

    def run(*args: str, code: int = 0) -> Result:
        ended = CliRunner().invoke(app, args, env=env)
        assert ended.exit_code == code, ended.output
        return ended

    return run


def look(command: Command, *more: str, code: int = 0) -> Result:
    return command("attest", "branch", "red-phone", "--by", "J. Ortiz", "--method", "dial tone", *more, code=code)


def test_a_check_is_evidence_with_all_that_was_said_of_it(command: Command, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a photo")
    look(command, "--note", "=1+1", "--file", str(photo), "--result", "fail", "--valid", "7d", "--kind", "test-call")
    look(command)
    exported = command("evidence", "export", "--format", "json")
    first, second = json.loads(exported.stdout)["entries"]
    assert (first["site"], first["subject"], first["kind"], first["result"]) == (
        "branch",
        "red-phone",
        "attestation",
        "fail",
    )
    assert first["body"] == {
        "by": "J. Ortiz",
        "method": "dial tone",
        "result": "fail",
        "kind": "test-call",
        "valid_seconds": 7 * 86400,
        "note": "=1+1",
        "file": {"name": "photo.jpg", "bytes": 7, "sha256": hashlib.sha256(b"a photo").hexdigest()},
    }
    assert second["body"]["valid_seconds"] == 30 * 86400, "as the site file says"
    assert second["previous"] == first["hash"]
    rows = list(csv.DictReader(StringIO(command("evidence", "export").stdout)))
    assert [row["hash"] for row in rows] == [first["hash"], second["hash"]]
    assert command("evidence", "verify", "--head", second["hash"]).stdout.startswith("2 entries, whole")


def test_what_was_done_to_the_evidence_is_found(command: Command, tmp_path: Path) -> None:
    for _ in range(3):
        look(command)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        for trigger in ("evidence_no_update", "evidence_no_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE evidence SET body = replace(body, 'pass', 'fail') WHERE number = 2")
    connection.close()
    told = command("evidence", "verify", code=1).stdout
    assert told == "entry 2 (attestation of branch red-phone) was changed\n"
    assert command("store", "verify", code=1).stdout == told


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("branch", "red-phon"), "'red-phon' is no component of branch; did you mean 'red-phone'?"),
        (("brunch", "red-phone"), "there is no site 'brunch'"),
        (("branch", "red-phone", "--valid", "soon"), "--valid: 'soon' is not a duration"),
        (("branch", "red-phone", "--valid", "999999999d"), "--valid: '999999999d' is too long"),
        (("branch", "red-phone", "--file", "no-such-photo"), "No such file"),
        (("branch", "red-phone", "--result", "perhaps"), "'perhaps' is not one of"),
        (("branch", "red-phone", "--kind", "drill"), "'drill' is not one of"),
    ],
)
def test_what_cannot_be_kept_is_refused(command: Command, args: tuple[str, ...], said: str) -> None:
    ended = command("attest", "--by", "me", "--method", "looked", *args, code=2)
    assert said in ended.stderr
    assert command("evidence", "verify").stdout.startswith("0 entries")


def test_a_database_that_is_not_there_is_said(command: Command) -> None:
    ended = look(command, "--database", f"postgresql://me:geheim@127.0.0.1:{peers.free_port()}/x", code=2)
    assert "refused" in ended.stderr
    assert "geheim" not in ended.output
    assert "none is not enough" in look(command, "--database", "none", code=2).stderr


def test_work_that_would_leave_911_on_one_thing_is_refused_unless_accepted(command: Command) -> None:
    start = ("maintenance", "start", "branch")
    how = ("--for", "2h", "--by", "J. Ortiz", "--reason", "new card")
    refused = command(*start, "line-a", *how, code=4)
    assert refused.stderr.splitlines() == [
        "without line-a: without line-b 911 is lost at once",
        "refused; --accept-risk starts it all the same",
    ]
    assert command("maintenance", "list").stdout == ""
    command(*start, "red-phone", *how)
    command(*start, "line-a", *how, "--accept-risk")
    told = command("maintenance", "list").stdout.splitlines()
    assert told[0].startswith("1 branch: red-phone, until ")
    assert told[1].endswith("J. Ortiz: new card; accepted: without line-b 911 is lost at once")
    # work that goes on already counts
    refused = command(*start, "line-b", *how, code=4)
    assert "without line-a, line-b and red-phone: 911 cannot be called" in refused.stderr
    command("maintenance", "end", "2", "--by", "J. Ortiz")
    assert "there is no work 2 going on" in command("maintenance", "end", "2", code=2).stderr
    assert "ended" in command("maintenance", "list", "--all").stdout.splitlines()[1]
    assert len(command("maintenance", "list").stdout.splitlines()) == 1


def test_the_database_is_cared_for(command: Command, tmp_path: Path) -> None:
    look(command)
    assert command("store", "verify").stdout == "sound\n"
    assert "0 of change" in command("store", "prune", "--older-than", "1d").stdout
    copy = tmp_path / "copy.db"
    command("store", "backup", str(copy))
    assert "File exists" in command("store", "backup", str(copy), code=2).stderr
    assert command("evidence", "verify", "--database", f"sqlite:///{copy}").stdout.startswith("1 entries")


def test_the_monitor_takes_up_what_is_recorded_while_it_runs(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    database = f"sqlite:///{tmp_path / 'monitor.db'}"
    env = {"RESILIENCE_DATABASE": database, "RESILIENCE_SITES": str(sites)}

    def command(*args: str) -> None:
        ended = CliRunner().invoke(app, args, env=env)
        assert ended.exit_code == 0, ended.output

    with lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports).replace("emergency_paths:\n", ATTEST))
        with monitor_process.monitor(sites, tmp_path / "monitor.log") as monitor:
            monitor.wait_for_state("branch", "protected")

            def state(component: str) -> str:
                found = monitor.site("branch")["components"]
                return next(entry["state"] for entry in found if entry["name"] == component)

            assert state("red-phone") == "unknown"
            command("attest", "branch", "red-phone", "--by", "me", "--method", "dial tone", "--valid", "9s")
            peers.wait_until(lambda: state("red-phone") == "up", seconds=15, what="the check")
            expiry = monitor.value("resilience_attestation_expiry_timestamp_seconds", component="red-phone")
            assert expiry == pytest.approx(time.time() + 5, abs=9)

            start = ("maintenance", "start", "branch", "line-a", "--by", "me", "--reason", "new card")
            command(*start, "--for", "9s", "--accept-risk")
            active = "resilience_maintenance_active"
            peers.wait_until(lambda: monitor.value(active, component="line-a") == 1, seconds=15, what="the work")
            assert monitor.value("resilience_finding", code="maintenance_leaves_spof", component="line-a") == 1
            assert monitor.state("branch") == "at_risk"
            peers.wait_until(lambda: state("red-phone") == "unknown", seconds=20, what="its end")
            monitor.wait_for_state("branch", "protected", seconds=20)
            assert monitor.samples(active) == []
            assert monitor.samples("resilience_finding", code="maintenance_leaves_spof") == []


def test_a_plugin_knows_what_was_recorded_where_a_database_is_named(
    command: Command, sites: Path, tmp_path: Path
) -> None:
    file = sites / "branch.yaml"

    def probe(*more: str) -> tuple[int, str]:
        ended = subprocess.run([*RESILIENCE, "probe", str(file), *more], capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout

    named = ("--database", f"sqlite:///{tmp_path / 'store.db'}")
    with lines() as opened:
        text = site_on(opened.ports).replace("phones: {kind: phones,", "phones: {kind: phones, attest: 30d,")
        file.write_text(text)
        assert "no such table" in probe(*named)[1], "a plugin makes no database"
        command("attest", str(file), "phones", "--by", "me", "--method", "dialled", "--kind", "test-call")
        assert probe(*named)[0] == 0
        assert probe("--database", "none")[0] == 3
        command("attest", str(file), "phones", "--by", "me", "--method", "dialled", "--result", "fail")
        assert probe(*named)[0] == 2
        code, told = probe("--database", f"postgresql://127.0.0.1:{peers.free_port()}/x")
        assert (code, told.startswith("RESILIENCE UNKNOWN - ")) == (3, True)
        wrong = tmp_path / "wrong.yaml"
        wrong.write_text("liste: 1")
        code, told = probe("--config", str(wrong))
        assert (code, "RESILIENCE UNKNOWN" in told) == (3, True)
