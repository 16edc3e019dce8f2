"""The whole monitor against real devices and real faults: what /metrics says while a site loses its ways out."""

import itertools
import time
from pathlib import Path

import monitor_process
import namespaces
import peers
import upsd_peer

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 2, fall: 2"


def test_a_cut_isp_makes_the_other_the_single_point_of_failure(tmp_path: Path) -> None:
    with namespaces.two_isp_site() as world:
        sites = tmp_path / "sites"
        sites.mkdir()
        (sites / "branch.yaml").write_text(f"""
schema: 1
site: branch
name: Branch on two ISPs
owner: {{team: operations}}
components:
  isp-a: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.a.source}, {PACE}}}]}}
  isp-b: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.b.source}, {PACE}}}]}}
  phones: {{kind: phones, units: 20, power: []}}
emergency_paths:
  - {{name: desk-by-a, tier: primary, needs: [phones, isp-a], instructions: Dial 911.}}
  - {{name: desk-by-b, tier: alternate, needs: [phones, isp-b], instructions: Dial 911.}}
""")

        def fetch(url: str) -> bytes:
            return world.site.inside(lambda: monitor_process.get(url))

        with monitor_process.monitor(
            sites, tmp_path / "monitor.log", inside=world.site.command(), fetch=fetch
        ) as monitor:
            monitor.wait_for_state("branch", "protected")

            world.cut(world.a)
            monitor.wait_for_state("branch", "at_risk")
            points = monitor.samples("resilience_single_point_of_failure_loss_seconds", site="branch", basis="live")
            assert [(labels["component"], value) for labels, value in points] == [("isp-b", 0.0)]
            assert monitor.value("resilience_emergency_calling_up", bound="assured") == 1
            assert monitor.value("resilience_emergency_path_preferred", path="desk-by-b") == 1
            assert monitor.value("resilience_finding", code="spof_new", component="isp-b") == 1
            assert monitor.value("resilience_finding", code="wan_down", component="isp-a") == 1

            world.cut(world.b)
            monitor.wait_for_state("branch", "unavailable")
            assert monitor.value("resilience_emergency_calling_up", bound="possible") == 0
            assert monitor.value("resilience_finding", code="calling_unavailable") == 1

            world.restore(world.a)
            world.restore(world.b)
            monitor.wait_for_state("branch", "protected")
            assert monitor.samples("resilience_finding", severity="critical") == []


def battery(status: str, runtime: int) -> str:
    return f"ups.status: {status}\nbattery.runtime: {runtime}\nbattery.charge: 100\nups.load: 30\n"


def test_survival_follows_the_battery_down_and_never_looks_better_for_missing_readings(tmp_path: Path) -> None:
    with upsd_peer.upsd(tmp_path, {"closet": battery("OL", 540)}, max_age=5) as upsd:
        sites = tmp_path / "sites"
        sites.mkdir()
        (sites / "office.yaml").write_text(f"""
schema: 1
site: office
name: Office on one UPS
owner: {{team: operations}}
requires: {{power_outage: 2h}}
components:
  utility: {{kind: utility}}
  closet: {{kind: ups, power: [utility], runtime: 1h, probes: [
    {{type: nut, host: 127.0.0.1, port: {upsd.port}, ups: closet, {PACE}}}]}}
  pbx: {{kind: pbx, power: [closet]}}
emergency_paths:
  - {{name: desk, tier: primary, needs: [pbx]}}
""")
        with monitor_process.monitor(sites, tmp_path / "monitor.log") as monitor:

            def survival(bound: str = "low") -> float:
                value = monitor.value(
                    "resilience_survival_seconds", site="office", scenario="now", bound=bound, basis="live"
                )
                return -1.0 if value is None else value

            peers.wait_until(lambda: survival() == float("inf"), seconds=20, what="the first round, on line")
            upsd.tells("closet", battery("OB DISCHRG", 540))
            peers.wait_until(lambda: 0 < survival() <= 540, seconds=20, what="the outage")
            assert monitor.value("resilience_component_state_code", component="utility") == 0
            assert monitor.value("resilience_finding", code="ups_on_battery", component="closet") == 1
            assert monitor.value("resilience_finding", code="requirement_unmet") == 1
            assert monitor.value("resilience_outage_start_timestamp_seconds", site="office")

            upsd.tells("closet", battery("OB DISCHRG", 500))
            peers.wait_until(lambda: survival() <= 500, seconds=20, what="500 s left")
            upsd.freeze_driver("closet")
            # Until then upsd tells what it heard last, and that is a reading.
            upsd.wait_for("closet", b"ERR DATA-STALE")
            time.sleep(1)  # one reading may still be under way
            seen = [survival()]
            peers.wait_until(
                lambda: (seen.append(survival()), survival("high") == float("inf"))[1],
                seconds=30,
                what="the reading to be lost",
            )
            time.sleep(1)
            seen.append(survival())
            assert seen[-1] < seen[0]
            assert all(later <= earlier for earlier, later in itertools.pairwise(seen)), seen
            assert monitor.state("office") == "at_risk"
            stale = monitor.samples("resilience_finding", code="ups_on_battery", component="closet")
            assert [labels["stale"] for labels, _ in stale] == ["true"]
