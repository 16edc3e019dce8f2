"""A drill as people hold it: the real monitor, a line that is really cut, and the commands."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from click.testing import CliRunner

import monitor_process
import peers
from lines import Lines, lines, site_on
from resilience.cli import app

DRILLS = """
drills:
  - name: line-a-cut
    fail: [line-a]
    every: 90d
    expect: {path: desk-by-b, within: 30s}
    safety: [Tell the ward before you pull anything.]
  - {name: both-cut, fail: [line-a, line-b]}
"""


class Office:
    """A monitor of one site of two lines, and the commands beside it, with one database."""

    def __init__(self, folder: Path, opened: Lines) -> None:
        self.folder, self.lines = folder, opened
        self.sites = folder / "sites"
        self.sites.mkdir()
        self.file = self.sites / "branch.yaml"
        self.file.write_text(site_on(opened.ports) + DRILLS)
        self.database = f"sqlite:///{folder / 'store.db'}"

    def monitor(self, log: str = "log") -> AbstractContextManager[monitor_process.Running]:
        return monitor_process.monitor(self.sites, self.folder / log, env={"RESILIENCE_DATABASE": self.database})

    def drill(self, *args: str, code: int = 0) -> str:
        ended = CliRunner().invoke(app, ["drill", *args], env={"RESILIENCE_DATABASE": self.database})
        assert ended.exit_code == code, ended.output
        return ended.output


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with lines() as opened:
        yield Office(tmp_path, opened)


def test_a_drill_from_the_plan_to_the_report(office: Office) -> None:
    assert "line-a-cut (fails line-a): never held, OVERDUE" in office.drill("list", str(office.file))
    with office.monitor() as monitor:
        monitor.wait_for_state("branch", "protected")
        began = office.drill("start", str(office.file), "line-a-cut", "--by", "J. Ortiz", "--with", "R. Chen")
        number = re.search(r"drill (\d+) ", began)[1]  # type: ignore[index]
        assert "first: Tell the ward before you pull anything." in began
        assert "With line-a failed 911 goes by desk-by-b" in began
        assert monitor.value("resilience_drill_active", drill="line-a-cut") == 1
        page = monitor.get(f"/drills/{number}").decode()
        assert "Waiting for the fault: fail line-a." in page
        assert "DRILL line-a-cut is under way" in monitor.get("/sites/branch").decode()
        assert "still running" in office.drill("start", str(office.file), "line-a-cut", "--by", "x", code=1)
        office.drill("note", number, "pulled the patch cord", "--mark", "fault", "--by", "R. Chen")
        office.lines.cut(0)
        monitor.wait_for_state("branch", "at_risk")
        peers.wait_until(
            lambda: "911 goes by desk-by-b." in monitor.get(f"/drills/{number}").decode(), what="the fall on the page"
        )
        assert "line-a is down, was up" in monitor.get(f"/drills/{number}").decode()
        call = ["--path", "desk-by-b", "--number", "non-emergency", "--heard", "the desk sergeant"]
        office.drill("call", number, *call, "--location", "room 2", "--by", "R. Chen")
        # A call that failed is written down; what it failed on nobody knows, so nothing is down for it.
        failed = ["--path", "desk-by-a", "--number", "internal", "--heard", "nothing", "--result", "fail"]
        office.drill("call", number, *failed, "--by", "R. Chen")
        office.drill("note", number, "put it back", "--mark", "restored", "--by", "R. Chen")
        office.lines.restore(0)
        monitor.wait_for_state("branch", "protected")
        ended = office.drill("finish", number, "--by", "J. Ortiz")
        assert "note:" not in ended
        assert f"no drill {number} is running" in office.drill("finish", number, "--by", "x", code=1)
        assert f"drill {number} (line-a-cut at branch): passed" in ended
        peers.wait_until(
            lambda: monitor.value("resilience_drill_timestamp_seconds", drill="line-a-cut", result="passed"),
            seconds=15,
            what="the drill's metric",
        )
        assert monitor.value("resilience_drill_active", drill="line-a-cut") == 0
        assert "After-action report" in monitor.get(f"/drills/{number}").decode()
        assert f"/drills/{number}" in monitor.get("/drills").decode()
        # The call proved what desk-by-b needs, which nothing else watches.
        phones = next(c for c in monitor.site("branch")["components"] if c["name"] == "phones")
        assert phones["evidence"] == "proven"
    office.drill("action", number, "label the patch panel", "--owner", "IT", "--due", "2027-01-31")
    told = json.loads(office.drill("report", number, "--format", "json"))
    assert (told["verdict"], told["path"], told["participants"]) == ("passed", "desk-by-b", ["R. Chen"])
    assert told["evidence_sha256"] in ended
    assert told["corrective_actions"][0]["text"] == "label the patch panel"
    assert "passed on " in office.drill("list", str(office.file))


def test_a_drill_is_not_begun_unwatched_or_where_911_would_be_lost(office: Office) -> None:
    refused = office.drill("start", str(office.file), "both-cut", "--by", "x", code=1)
    assert "911 cannot be called from the first moment; --accept-risk begins all the same" in refused
    assert "did you mean 'line-a-cut'" in office.drill("start", str(office.file), "line-a-cutt", "--by", "x", code=2)


def test_a_monitor_killed_in_mid_drill_loses_nothing(office: Office) -> None:
    with office.monitor("first") as monitor:
        monitor.wait_for_state("branch", "protected")
        began = office.drill("start", str(office.file), "line-a-cut", "--by", "J. Ortiz")
        number = re.search(r"drill (\d+) ", began)[1]  # type: ignore[index]
        office.lines.cut(0)
        monitor.wait_for_state("branch", "at_risk")
        monitor.process.send_signal(signal.SIGKILL)
        monitor.process.wait(5)
    with office.monitor("second") as monitor:
        monitor.wait_for_state("branch", "at_risk")
        office.lines.restore(0)
        monitor.wait_for_state("branch", "protected")
        assert ": passed" in office.drill("finish", number, "--by", "J. Ortiz")
    told = json.loads(office.drill("report", number, "--format", "json"))
    states = [e["body"] for e in told["entries"] if e["kind"] == "state" and e["body"]["name"] == "line-a"]
    assert [(state["was"], state["state"]) for state in states] == [("up", "down"), ("down", "up")]
