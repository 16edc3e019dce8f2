"""A monitor that is killed and started again goes on where it was; without its database it goes on too."""

import signal
import socket
from pathlib import Path
from typing import Any

from sqlalchemy import select

import monitor_process
import peers
from lines import lines, site_on
from monitor_process import Running
from resilience.store import tables
from resilience.store.database import Store

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 1, fall: 2, expires: 1m"


def rows(database: Path, table: str) -> list[dict[str, Any]]:
    store = Store(f"sqlite:///{database}")
    with store.reading() as connection:
        found = [dict(row) for row in connection.execute(select(tables.METADATA.tables[table])).mappings()]
    store.close()
    return found


def codes(monitor: Running) -> set[str]:
    return {finding["code"] for finding in monitor.site("branch")["findings"]}


def test_a_kill_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    database = tmp_path / "monitor.db"
    with lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports, pace=PACE))
        with monitor_process.monitor(sites, tmp_path / "monitor.log") as monitor:
            monitor.wait_for_state("branch", "protected")
            opened.cut(0)
            monitor.wait_for_state("branch", "at_risk")
            peers.wait_until(
                lambda: monitor.value("resilience_store_waiting_rows") == 0 and rows(database, "memory"),
                what="what was waiting",
            )
            told = codes(monitor)
            monitor.process.send_signal(signal.SIGKILL)
            monitor.process.wait(5)
        before = [(row["subject"], row["name"], row["state"]) for row in rows(database, "change")]
        assert ("component", "line-a", "down") in before

        with monitor_process.monitor(sites, tmp_path / "monitor.log") as monitor:
            # What was known stands at once: nobody waits for a first round.
            peers.wait_until(lambda: monitor.site("branch")["state"] == "at_risk", seconds=3, what="its state")
            assert codes(monitor) == told
            assert "finding opened" not in monitor.log.read_text()
            opened.restore(0)
            monitor.wait_for_state("branch", "protected")
            monitor.process.send_signal(signal.SIGTERM)
            assert monitor.process.wait(15) == 0
            assert "Traceback" not in monitor.log.read_text()
    after = [(row["subject"], row["name"], row["state"]) for row in rows(database, "change")]
    assert after[: len(before)] == before
    assert sorted(after[len(before) :]) == [
        ("component", "line-a", "up"),
        ("path", "desk-by-a", "up"),
        ("site", "", "protected"),
    ]
    wan_down = [row for row in rows(database, "finding") if row["code"] == "wan_down"]
    assert len(wan_down) == 1
    assert wan_down[0]["closed"] > wan_down[0]["opened"]


def test_without_its_database_it_watches_on_and_says_so(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is wanted")
    database = blocked / "monitor.db"
    env = {"RESILIENCE_DATABASE": f"sqlite:///{database}"}
    with lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports))
        with monitor_process.monitor(sites, tmp_path / "monitor.log", env=env) as monitor:
            monitor.wait_for_state("branch", "protected")
            assert monitor.value("resilience_finding", site="branch", code="store_unavailable") == 1
            assert monitor.value("resilience_store_up") == 0
            opened.cut(0)
            monitor.wait_for_state("branch", "at_risk")
            blocked.unlink()
            peers.wait_until(lambda: monitor.value("resilience_store_up") == 1, seconds=40, what="the database")
            peers.wait_until(lambda: "store_unavailable" not in codes(monitor), what="the end of the finding")
            monitor.process.send_signal(signal.SIGTERM)
            assert monitor.process.wait(15) == 0
    states = [row["state"] for row in rows(database, "change") if row["name"] == "line-a"]
    assert states == ["up", "down"], "what happened meanwhile is caught up with"


def test_no_page_is_given_before_the_record_is_read(tmp_path: Path) -> None:
    """A database that does not answer for a while must not look like a monitor that is ready and has no sites."""
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "branch.yaml").write_text(site_on((1, 2)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = f"postgresql://resilience@127.0.0.1:{silent.getsockname()[1]}/x"
        env = {"RESILIENCE_DATABASE": database}
        with monitor_process.monitor(sites, tmp_path / "monitor.log", env=env) as monitor:
            assert monitor.site("branch")["name"] == "Site branch"
            monitor.wait_for_state("branch", "unavailable")
            assert monitor.value("resilience_store_up") == 0
