"""The past in the database: what is read back of it, what the monitor learns of it, and the command; on both kinds."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

import monitor_process
import peers
from history import UP, History
from lines import lines as lines_on_ports
from lines import site_on
from resilience.cli import app
from resilience.cofailure import proposals
from resilience.falls import SLACK, Change, Trouble
from resilience.finding import Finding
from resilience.model import Maintenance, Site, Together, all_of
from resilience.records import Records, recorded
from resilience.snapshot import take
from resilience.store import drilling, recording
from resilience.store.database import Store
from resilience.store.drilling import Outcome
from resilience.store.keeping import Keeper
from resilience.store.past import past_of
from resilience.store.rows import Changed, Closed, Opened
from test_cofailure import DAY, START, YEAR, fell, lines, names, together
from test_drills import CUT_A
from test_store import server, store, url  # noqa: F401  # fixtures: an empty database of either kind

END = START + YEAR
DECLARED = lines()


def write(store: Store, *changes: Change, vantage: str = "central", site: str = "test") -> None:  # noqa: F811
    with store.writing() as connection:
        for change in sorted(changes):
            told = change._asdict() | {"vantage": vantage, "site": site, "subject": "component"}
            Changed(**told).write(connection)


def read(store: Store, since: float = START, **more: int):  # type: ignore[no-untyped-def]  # noqa: F811
    with store.reading() as connection:
        return past_of(connection, DECLARED, since, END, **more)


def test_what_fell_together_is_found_in_the_database(store: Store) -> None:  # noqa: F811
    write(store, *together("isp-a", "isp-b"))
    write(store, *together("isp-b", "isp-c"), vantage="west")
    write(store, *together("isp-b", "isp-c"), site="elsewhere")
    assert names(proposals(DECLARED, read(store))) == [("isp-a", "isp-b")]


def test_the_state_before_the_time_looked_at_counts(store: Store) -> None:  # noqa: F811
    write(store, *fell("isp-a", START, lasts=5000))
    assert read(store, START + 1000).troubles == {"isp-a": (Trouble(START + 1000, None, START + 5000),)}
    assert read(store, START + 6000).troubles == {"isp-a": ()}


def test_of_too_many_changes_the_newest_are_read(store: Store) -> None:  # noqa: F811
    write(store, *(change for day in range(10) for change in fell("isp-a", START + day * DAY)))
    found = read(store, most=6)
    assert found.since == START + 7 * DAY
    assert [trouble.fell for trouble in found.troubles["isp-a"] or ()] == [START + day * DAY for day in (7, 8, 9)]


def test_when_nobody_watched_or_people_made_the_faults_nothing_is_learned(store: Store) -> None:  # noqa: F811
    def spans() -> tuple[tuple[float, float], ...]:
        return tuple((start - START, end - START) for start, end in read(store).quiet)

    unfit = Finding("monitor_impaired", "", "loop_lag")
    with store.writing() as connection:
        Opened(START + 1000, "central", "test", unfit).write(connection)
        Closed(START + 2000, "central", "test", unfit).write(connection)
        Opened(START + 1000, "west", "test", unfit).write(connection)
    assert spans() == ((1000 - SLACK, 2000 + SLACK),)
    declared = replace(DECLARED, drills=(CUT_A,))
    with store.writing() as connection:
        number = drilling.begin(connection, declared, CUT_A, by="x", participants=(), at=START + 5000)
        drilling.end(connection, number, Outcome.FINISHED, by="x", reason="", at=START + 6000)
        work = {"site": "test", "components": ["edge"], "by": "x", "reason": "y"}
        recording.start_work(connection, **work, start=START + 8000, until=START + 9000)  # type: ignore[arg-type]
        ended = recording.start_work(connection, **work, start=START + 10_000, until=START + 20_000)  # type: ignore[arg-type]
        recording.end_work(connection, ended, at=START + 11_000, by="x")
    assert spans()[1:] == ((5000, 6000 + SLACK), (8000, 9000 + SLACK), (10_000, 11_000 + SLACK))
    start = datetime.fromtimestamp(START + 30_000, UTC)
    work_in_file = Maintenance(components=("edge",), start=start, end=start + timedelta(hours=1), by="x", reason="y")
    with store.reading() as connection:
        found = past_of(connection, replace(DECLARED, maintenance=(work_in_file,)), START, END)
    assert found.quiet[-1] == (START + 30_000, START + 33_600 + SLACK)


class Run:
    """One run of the keeper beside a site that is well."""

    def __init__(self, url: str, site: Site = DECLARED) -> None:  # noqa: F811
        self.told: list[dict[str, Records]] = []
        self.keeper = Keeper(Store(url), on_records=lambda found: self.told.append(dict(found)))
        self.declared = site
        self.history = History(site)
        past = self.keeper.start([site], 0.0)
        if "test" in past:
            self.history.open = past["test"].findings

    def sees(self, at: float, learned: tuple[Together, ...] | None = None) -> None:
        site = recorded(self.declared, Records(together=learned))
        self.history.site = site
        self.history.read(at, {name: UP for name, c in site.components.items() if c.probes})
        taken = take(site, self.history.memory, at, open_findings=self.history.open)
        self.history.memory, self.history.open = taken.memory, taken.findings
        self.keeper.took(taken)

    def learned(self) -> tuple[Together, ...] | None:
        peers.wait_until(lambda: any("test" in found for found in self.told), what="what was learned")
        return self.told[-1]["test"].together


@pytest.fixture
def run(url: str) -> Iterator[Callable[..., Run]]:  # noqa: F811
    runs: list[Run] = []

    def started(site: Site = DECLARED) -> Run:
        runs.append(Run(url, site))
        return runs[-1]

    yield started
    for one in runs:
        one.keeper.stop()


def codes(run: Run) -> list[tuple[str, bool]]:
    return [(f.component, f.stale) for f in run.history.open if f.code == "failing_together"]


def test_the_monitor_learns_it_and_a_changed_file_ends_it(url: str, run: Callable[..., Run]) -> None:  # noqa: F811
    now = datetime.now(UTC).timestamp()
    seeded = Store(url)
    seeded.migrate()
    write(seeded, *(change._replace(at=change.at - START + now - YEAR) for change in together("isp-a", "isp-b")))
    seeded.close()
    first = run()
    first.sees(now)
    (found,) = first.learned() or ()
    assert found.names == ("isp-a", "isp-b")
    first.sees(now + 1, (found,))
    assert codes(first) == [("isp-a", False)]
    (finding,) = (f for f in first.history.open if f.code == "failing_together")
    assert finding.severity == "info"
    assert re.match(r"isp-a and isp-b failed within 75 s of each other 5 times, the last on ", finding.text)
    first.keeper.stop()
    # After a restart it stands, for want of another word, until somebody has looked again.
    second = run()
    second.sees(now + 20)
    assert codes(second) == [("isp-a", True)]
    assert second.learned() == (found,)
    second.keeper.stop()
    # The file says it: there is nothing left to tell.
    mended = {
        name: replace(one, needs=all_of("edge", "fibre")) if name in ("isp-a", "isp-b") else one
        for name, one in DECLARED.components.items()
    }
    mended["fibre"] = replace(DECLARED.components["edge"], name="fibre", probes=())
    said = replace(DECLARED, components=mended)
    third = run(said)
    third.sees(now + 40)
    assert codes(third) == [("isp-a", True)]
    assert third.learned() == ()
    third.sees(now + 41, ())
    assert codes(third) == []


def test_a_witness_learns_nothing(url: str, run: Callable[..., Run]) -> None:  # noqa: F811
    now = datetime.now(UTC).timestamp()
    judged_elsewhere = replace(DECLARED, watched_by="west")
    first = run(judged_elsewhere)
    write(
        first.keeper.store,
        *(change._replace(at=change.at - START + now - YEAR) for change in together("isp-a", "isp-b")),
        vantage="west",
    )
    first.sees(now)
    peers.wait_until(lambda: not first.keeper.waiting, what="the rows")
    first.keeper.stop()
    assert "test" not in first.keeper.records


def test_that_nobody_watched_is_written_down_by_the_next_run(url: str, run: Callable[..., Run]) -> None:  # noqa: F811
    first = run()
    first.sees(START)
    first.keeper.stop()
    second = run()
    second.sees(START + 30)  # a restart
    second.sees(START + 40)
    second.keeper.stop()
    assert read(second.keeper.store).quiet == ()
    third = run()
    third.sees(START + 5000)
    third.sees(START + 5010)
    third.keeper.stop()
    assert read(third.keeper.store).quiet == ((START + 40 - SLACK, START + 5000 + SLACK),)


FILE = """\
schema: 1
site: branch
name: Branch
owner: {team: operations}
components:
  edge: {kind: router, power: [], probes: [{type: icmp, host: 127.0.0.1}]}
  isp-a: {kind: wan, needs: [edge], probes: [{type: icmp, host: 127.0.0.2}]}
  isp-b:
    kind: wan
    needs: [{any_of: [edge, isp-c]}]
    probes: [{type: icmp, host: 127.0.0.3}]
  isp-c: {kind: wan, probes: [{type: icmp, host: 127.0.0.4}]}
emergency_paths:
  - {name: desk-a, tier: primary, needs: [isp-a], instructions: Dial 911.}
  - {name: desk-b, tier: alternate, needs: [isp-b], instructions: Dial 911.}
"""


def test_the_command_tells_the_edit_and_check_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "branch.yaml"
    file.write_text(FILE)
    env = {"RESILIENCE_DATABASE": f"sqlite:///{tmp_path / 'store.db'}"}
    now = datetime.now(UTC).timestamp()

    def drill_history(*args: str) -> str:
        ended = CliRunner().invoke(app, ["drill", "history", str(file), *args], env=env)
        assert ended.exit_code == 0, ended.output
        return ended.output

    assert "nothing declared independent has kept failing together" in drill_history()
    seeded = Store(env["RESILIENCE_DATABASE"])
    write(seeded, *(c._replace(at=c.at - START + now - YEAR) for c in together("isp-a", "isp-b")), site="branch")
    write(seeded, *(c for day in range(120) for c in fell("isp-c", now - YEAR + day * DAY)), site="branch")
    seeded.close()
    text = drill_history()
    assert "isp-a and isp-b failed within " in text
    assert "5 times" in text
    assert "isp-a alone never, isp-b alone never; by chance less than 1 in 1,000,000,000 (1 pair tried)" in text
    assert "Not judged, for more than 100 failures: isp-c" in text
    answers = json.loads(drill_history("--format", "json"))
    (proposal,) = answers[0]["proposals"]
    assert answers[0]["not_judged"] == ["isp-c"]
    assert proposal["pairs"][0]["together"] == 5
    assert proposal["needs"] == {"isp-a": "[edge, shared-risk]", "isp-b": "[{any_of: [edge, isp-c]}, shared-risk]"}
    assert "nothing declared independent" in drill_history("--since", "1s")

    edited = FILE.replace("components:\n", f"components:\n  {proposal['declaration']}\n")
    edited = edited.replace("needs: [edge]", f"needs: {proposal['needs']['isp-a']}")
    edited = edited.replace("needs: [{any_of: [edge, isp-c]}]", f"needs: {proposal['needs']['isp-b']}")
    file.write_text(edited)
    checked = CliRunner().invoke(app, ["check", str(file)])
    assert checked.exit_code == 0, checked.output
    assert "nothing declared independent has kept failing together" in drill_history()


def test_the_running_monitor_tells_it_until_the_file_does(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'store.db'}"
    seeded = Store(database)
    seeded.migrate()
    now = datetime.now(UTC).timestamp()
    fallen = together("line-a", "line-b", apart=1.0)
    write(seeded, *(c._replace(at=c.at - START + now - YEAR) for c in fallen), site="branch")
    seeded.close()
    with lines_on_ports() as opened:
        sites = tmp_path / "sites"
        sites.mkdir()
        file = sites / "branch.yaml"
        file.write_text(site_on(opened.ports))
        env = {"RESILIENCE_DATABASE": database}
        with monitor_process.monitor(sites, tmp_path / "log", env=env) as monitor:
            monitor.wait_for_state("branch", "protected")
            peers.wait_until(lambda: told(monitor) == 1, seconds=20, what="the finding")
            declared = file.read_text().replace("components:\n", "components:\n  duct: {kind: shared-risk}\n")
            file.write_text(declared.replace("{kind: wan,", "{kind: wan, needs: [duct],"))
            monitor.process.send_signal(signal.SIGHUP)
            peers.wait_until(lambda: told(monitor) is None, seconds=20, what="its end")


def told(monitor: monitor_process.Running) -> float | None:
    return monitor.value("resilience_finding", code="failing_together", component="line-a")
