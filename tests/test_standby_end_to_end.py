"""The whole monitor over a line in use and one that stands by: the standby is exercised, and its proof has an age."""

import time
from pathlib import Path

import monitor_process
import namespaces
import peers
from stun_peer import coturn

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 2, fall: 2"


def declared(name: str, isp: namespaces.Isp, service: str) -> str:
    way = f"host: {service}, source: {isp.source}, {PACE}"
    return (
        f"  {name}: {{kind: wan, probes: [{{type: icmp, {way}}}, "
        f"{{type: egress, {way}, expect: [{isp.uplink}/32]}}]}}\n"
    )


def test_a_standby_line_is_proven_by_its_own_probes(tmp_path: Path) -> None:
    with namespaces.two_isp_site() as net:
        net.translate(net.a)
        net.translate(net.b)
        sites = tmp_path / "sites"
        sites.mkdir()
        (sites / "branch.yaml").write_text(
            "schema: 1\nsite: branch\nname: Branch with a standby line\nowner: {team: operations}\ncomponents:\n"
            + declared("main", net.a, net.service)
            + declared("standby", net.b, net.service)
            + "  phones: {kind: phones, units: 20, power: []}\n"
            "emergency_paths:\n"
            "  - {name: desk, tier: primary, needs: [phones, main]}\n"
            "  - {name: desk-by-standby, tier: alternate, needs: [phones, standby]}\n"
        )

        def fetch(url: str) -> bytes:
            return net.site.inside(lambda: monitor_process.get(url))

        with (
            coturn(tmp_path / "coturn", net.service, 3478, net.provider),
            monitor_process.monitor(sites, tmp_path / "monitor.log", inside=net.site.command(), fetch=fetch) as monitor,
        ):
            monitor.wait_for_state("branch", "protected")

            def proven() -> float:
                name = "resilience_evidence_timestamp_seconds"
                return monitor.value(name, component="standby", evidence="observed") or 0.0

            # All that the site does leaves by its main line; the standby carries its own probes alone.
            assert monitor.samples("resilience_wan_public_address_info", component="standby") == [
                ({"site": "branch", "component": "standby", "address": net.b.uplink}, 1.0)
            ]
            assert monitor.value("resilience_egress_expected", component="standby") == 1
            first = proven()
            assert abs(time.time() - first) < 30
            peers.wait_until(lambda: proven() > first, what="a younger proof")

            # The standby's own rule is lost: its probes leave by the main line, and prove nothing of it any more.
            net.site.ip("rule", "del", "from", net.b.source, "table", "102")
            net.a.router.ip("route", "add", net.b.source, "via", net.a.source)
            peers.wait_until(
                lambda: monitor.value("resilience_component_state_code", component="standby") == 1,
                what="the standby unknown",
            )
            assert monitor.value("resilience_component_state_code", component="main") == 3
            assert monitor.value("resilience_finding", code="egress_unexpected", component="standby") == 1
            assert monitor.value("resilience_finding", code="hidden_sharing", component="main") == 1
            assert monitor.state("branch") == "at_risk"
            assert monitor.value("resilience_emergency_calling_up", bound="assured") == 1

            net.site.ip("rule", "add", "from", net.b.source, "table", "102")
            monitor.wait_for_state("branch", "protected")
            assert monitor.samples("resilience_finding", code="egress_unexpected") == []

            net.cut(net.b)
            monitor.wait_for_state("branch", "at_risk")
            peers.wait_until(
                lambda: monitor.value("resilience_component_state_code", component="standby") == 0,
                what="the standby down",
            )
            assert monitor.value("resilience_finding", code="wan_down", component="standby") == 1
