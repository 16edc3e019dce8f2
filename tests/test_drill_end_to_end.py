"""Drills against real devices and real faults, with dependencies that nobody wrote down built into the world."""

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import kamailio_peer
import monitor_process
import namespaces
import peers
import postgres_peer
import upsd_peer
from lines import lines, site_on
from resilience.cli import app

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 2, fall: 2"


def site_file(world: namespaces.TwoIspSite, upsd: int, sip: int) -> str:
    return f"""
schema: 1
site: branch
name: Branch on two ISPs
owner: {{team: operations}}
components:
  utility: {{kind: utility}}
  ups: {{kind: ups, power: [utility], runtime: 40m, probes: [
    {{type: nut, host: 127.0.0.1, port: {upsd}, ups: closet, {PACE}}}]}}
  pbx: {{kind: pbx, power: [ups], probes: [{{type: sip-options, uri: "sip:127.0.0.1:{sip};transport=tcp", {PACE}}}]}}
  isp-a: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.a.source}, {PACE}}}]}}
  isp-b: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.b.source}, {PACE}}}]}}
  mobile: {{kind: cellular, power: [], attest: {{valid: 90d, on: {datetime.now(UTC).date()}, by: x, method: call}}}}
emergency_paths:
  - {{name: desk-by-a, tier: primary, needs: [pbx, isp-a], instructions: Dial 911.}}
  - {{name: desk-by-b, tier: alternate, needs: [pbx, isp-b], instructions: Dial 911.}}
  - {{name: mobile, tier: contingency, needs: [mobile], instructions: Use the mobile at reception.}}
drills:
  - {{name: isp-a-cut, fail: [isp-a], every: 90d, expect: {{path: desk-by-b, within: 1m}}}}
  - {{name: dark, fail: [utility], every: 90d, expect: {{path: desk-by-a, within: 1m}}}}
"""


def battery(status: str, runtime: int) -> str:
    return f"ups.status: {status}\nbattery.runtime: {runtime}\nbattery.charge: 90\nups.load: 40\n"


def test_drills_find_what_nobody_declared(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'store.db'}"

    def drill(*args: str) -> str:
        ended = CliRunner().invoke(app, ["drill", *args], env={"RESILIENCE_DATABASE": database})
        assert ended.exit_code == 0, ended.output
        return ended.output

    def begin(file: Path, name: str) -> str:
        found = re.search(r"drill (\d+) ", drill("start", str(file), name, "--by", "J. Ortiz"))
        assert found is not None
        return found[1]

    def report(number: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(drill("report", number, "--format", "json"))
        return told

    def matches(told: dict[str, Any]) -> dict[str, str]:
        return {row["name"]: row["match"] for row in told["compared"]}

    with ExitStack() as stack:
        world = stack.enter_context(namespaces.two_isp_site())
        for part in ("upsd", "sites"):
            (tmp_path / part).mkdir()
        closet = {"closet": battery("OL", 2400)}
        upsd = world.site.inside(lambda: stack.enter_context(upsd_peer.upsd(tmp_path / "upsd", closet)))
        pbx = ExitStack()
        stack.enter_context(pbx)
        sip = world.site.inside(lambda: pbx.enter_context(kamailio_peer.provider(tmp_path / "pbx", {})))
        file = tmp_path / "sites" / "branch.yaml"
        file.write_text(site_file(world, upsd.port, sip))
        monitor = stack.enter_context(
            monitor_process.monitor(
                tmp_path / "sites",
                tmp_path / "monitor.log",
                inside=world.site.command(),
                fetch=lambda url: world.site.inside(lambda: monitor_process.get(url)),
                env={"RESILIENCE_DATABASE": database},
            )
        )

        def state(name: str) -> float | None:
            return monitor.value("resilience_component_state_code", component=name)

        peers.wait_until(lambda: monitor.state("branch") not in ("", "unverified"), seconds=30, what="the first round")

        # Both ISPs come in by one fibre.
        number = begin(file, "isp-a-cut")
        drill("note", number, "cut the fibre", "--mark", "fault", "--by", "R. Chen")
        world.cut(world.a)
        world.cut(world.b)
        peers.wait_until(lambda: state("isp-a") == state("isp-b") == 0, seconds=20, what="both ISPs down")
        assert monitor.value("resilience_emergency_path_preferred", path="mobile") == 1
        world.restore(world.a)
        world.restore(world.b)
        peers.wait_until(lambda: state("isp-a") == state("isp-b") == 3, seconds=20, what="both ISPs up")
        assert ": failed" in drill("finish", number, "--by", "J. Ortiz")
        told = report(number)
        assert (told["path"], told["lost_seconds"]) == ("mobile", 0)
        assert matches(told)["isp-a"] == "as predicted"
        assert matches(told)["isp-b"] == "suspected undeclared dependency"
        peers.wait_until(
            lambda: monitor.value("resilience_finding", code="drill_contradicts", component="isp-b"),
            seconds=15,
            what="the finding",
        )

        # The PBX is plugged into the wall, and the UPS holds a quarter of what it says.
        number = begin(file, "dark")
        drill("note", number, "opened the breaker", "--mark", "fault", "--by", "R. Chen")
        upsd.tells("closet", battery("OB DISCHRG", 2400))
        pbx.close()
        peers.wait_until(lambda: state("utility") == state("pbx") == 0, seconds=30, what="utility and PBX down")
        upsd.tells("closet", battery("OB DISCHRG", 2300))
        peers.wait_until(
            lambda: (monitor.value("resilience_ups_runtime_seconds", component="ups") or 9999) < 2350,
            seconds=20,
            what="the battery going down",
        )
        assert ": failed" in drill("finish", number, "--by", "J. Ortiz")
        told = report(number)
        assert told["path"] == "mobile"
        assert matches(told)["utility"] == "as predicted"
        assert told["prediction"]["runtimes"] == {"ups": 2400}
        (measured,) = told["batteries"]
        assert (measured["ups"], measured["promised"], measured["ran_out"]) == ("ups", 2400, False)
        pbx_row = next(row for row in told["compared"] if row["name"] == "pbx")
        # By the file it would have lasted as long as the UPS.
        assert pbx_row["predicted"] == 2400
        assert pbx_row["match"] == "earlier than predicted"


def test_a_drill_goes_on_while_its_database_is_away(tmp_path: Path) -> None:
    """PostgreSQL stops and starts in mid-drill: the monitor watches on, and what it saw is written when it can be."""
    with postgres_peer.postgres() as server, lines() as opened:
        (tmp_path / "sites").mkdir()
        file = tmp_path / "sites" / "branch.yaml"
        file.write_text(site_on(opened.ports) + "drills:\n  - {name: cut, fail: [line-a]}\n")
        env = {"RESILIENCE_DATABASE": server.url}

        def drill(*args: str) -> str:
            ended = CliRunner().invoke(app, ["drill", *args], env=env)
            assert ended.exit_code == 0, ended.output
            return ended.output

        with monitor_process.monitor(tmp_path / "sites", tmp_path / "log", env=env) as monitor:
            monitor.wait_for_state("branch", "protected")
            number = re.search(r"drill (\d+) ", drill("start", str(file), "cut", "--by", "x"))[1]
            server.stop()
            opened.cut(0)
            monitor.wait_for_state("branch", "at_risk")
            peers.wait_until(
                lambda: monitor.value("resilience_finding", code="store_unavailable"), seconds=30, what="the finding"
            )
            server.start()
            peers.wait_until(
                lambda: not monitor.value("resilience_finding", code="store_unavailable"), seconds=60, what="its end"
            )
            opened.restore(0)
            monitor.wait_for_state("branch", "protected")
            assert ": passed" in drill("finish", number, "--by", "x")
