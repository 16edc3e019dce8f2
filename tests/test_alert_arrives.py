"""From the cut to the words on a screen: the real monitor, Prometheus and Alertmanager in one site's network."""

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

import monitor_process
import namespaces
import peers
from alerting_peers import alertmanager, inbox, prometheus, shipped_route
from lines import lines, site_on
from probes import registry
from promtool import ALERTS, RULES
from resilience.duration import parse_duration

PACE = {"interval": "1s", "timeout": "500ms", "confirm": "200ms", "fall": 3, "rise": 2}
"""The probes' times in this test; the shipped ones are the defaults of the probe type."""
PROMETHEUS = {
    "scrape_interval: 10s": "1s",
    "evaluation_interval: 10s": "1s",
    "interval: 10s": "1s",
    "for: 10s": "1s",
    "keep_firing_for: 5m": "3s",
}
ALERTMANAGER = {"group_wait: 10s": "1s", "group_interval: 1m": "2s", "group_interval: 30s": "2s"}
"""The shipped times, and those of this test."""


README = (ALERTS.parent / "README.md").read_text()


def terms(*, shipped: bool) -> dict[str, float]:
    """What may pass between a cut and its message, in seconds, term by term."""
    rules: dict[str, Any] = yaml.safe_load(RULES.read_text())["groups"][0]
    (path_down,) = (rule for rule in rules["rules"] if rule.get("alert") == "ResiliencePathDown")
    scrape = yaml.safe_load((ALERTS / "prometheus.yml").read_text())["global"]["scrape_interval"]
    written = {
        "scrape": f"scrape_interval: {scrape}",
        "evaluation": f"interval: {rules['interval']}",
        "for": f"for: {path_down['for']}",
        "group_wait": f"group_wait: {shipped_route()['route']['group_wait']}",
    }
    here = PROMETHEUS | ALERTMANAGER
    probe = registry()["icmp"]
    times = {name: getattr(probe, name) / 1000 for name in ("interval", "confirm", "timeout")}
    fall = probe.fall
    if not shipped:
        times = {name: parse_duration(str(PACE[name])) / 1000 for name in times}
        fall = int(PACE["fall"])
    later = {
        name: parse_duration(time.partition(": ")[2] if shipped else here[time]) / 1000
        for name, time in written.items()
    }
    return {
        "interval": times["interval"],
        f"fall × confirm ({fall} × {times['confirm']:g})": fall * times["confirm"],
        "timeout": times["timeout"],
    } | later


def told(name: str, found: dict[str, float]) -> str:
    return f"{name}: {' + '.join(f'{term} {seconds:g}' for term, seconds in found.items())} = {sum(found.values()):g} s"


def test_with_the_shipped_times_a_cut_is_told_within_90_seconds() -> None:
    shipped = terms(shipped=True)
    assert sum(shipped.values()) < 90, told("shipped", shipped)


def site(world: namespaces.TwoIspSite) -> str:
    pace = ", ".join(f"{key}: {value}" for key, value in PACE.items())
    return f"""
schema: 1
site: branch
name: Branch on two ISPs
owner: {{team: Denver site operations}}
people: 40
components:
  isp-a: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.a.source}, {pace}}}]}}
  isp-b: {{kind: wan, probes: [{{type: icmp, host: {world.service}, source: {world.b.source}, {pace}}}]}}
  phones: {{kind: phones, units: 20, power: []}}
emergency_paths:
  - {{name: desk-by-a, tier: primary, needs: [phones, isp-a], instructions: Dial 911 from any desk phone.}}
  - {{name: desk-by-b, tier: alternate, needs: [phones, isp-b], instructions: Dial 911 from the lobby phone.}}
"""


def test_a_cut_isp_is_told_once_with_what_to_use_instead_and_so_is_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with namespaces.two_isp_site() as world:
        inside = world.site.command()
        sites = tmp_path / "sites"
        sites.mkdir()
        (sites / "branch.yaml").write_text(site(world))

        def fetch(url: str) -> bytes:
            return world.site.inside(lambda: monitor_process.get(url))

        def listen() -> socket.socket:
            return world.site.inside(lambda: socket.create_server(("127.0.0.1", 0)))

        with (
            inbox(listen) as box,
            monitor_process.monitor(sites, tmp_path / "monitor.log", inside=inside, fetch=fetch) as monitor,
            alertmanager(tmp_path, box, times=ALERTMANAGER, inside=inside, fetch=fetch) as manager,
            prometheus(
                tmp_path,
                [monitor.url.removeprefix("http://")],
                alerts_to=manager,
                times=PROMETHEUS,
                inside=inside,
                fetch=fetch,
            ),
        ):
            monitor.wait_for_state("branch", "protected")
            peers.wait_until(lambda: box.at("/watcher/ping"), seconds=30, what="the watchdog: alerts arrive")
            assert box.chat("#denver-sites") == []

            bound = terms(shipped=False)
            with capsys.disabled():
                print(f"\n  {told('shipped', terms(shipped=True))}\n  {told('here   ', bound)}")  # noqa: T201
            world.cut(world.a)
            # Twice that, and more: two cores are shared with whatever else runs.
            peers.wait_until(lambda: box.chat("#denver-sites"), seconds=2 * sum(bound.values()) + 20, what="the alert")
            message = box.chat("#denver-sites")[0]
            assert message["title"].startswith("WARNING: Branch on two ISPs: ")
            lines = message["text"].splitlines()
            assert lines[0] == "*Use desk-by-b now: Dial 911 from the lobby phone.*"
            for said in (
                "Branch on two ISPs: isp-a: wan down.",
                "Branch on two ISPs: the path desk-by-a to 911 does not work.",
                "Branch on two ISPs: isp-b can now take 911 out alone, at once; by design it could not.",
            ):
                assert sum(said in line for line in lines) == 1, message
                assert said in README
            assert len(lines) == 4, message
            assert message["title"] in README

            world.cut(world.b)
            peers.wait_until(lambda: box.at("/pager/alertmanager"), seconds=40, what="the page")
            (page,) = box.at("/pager/alertmanager")[0]["alerts"]
            assert page["annotations"]["summary"] == (
                "Branch on two ISPs: 911 cannot be called from here. 40 people are at the site."
            )
            assert page["annotations"]["use"] == "No path to 911 is known to work at this site."

            world.restore(world.a)
            world.restore(world.b)
            peers.wait_until(
                lambda: box.at("/pager/alertmanager")[-1]["status"] == "resolved", seconds=60, what="its end"
            )
            peers.wait_until(
                lambda: box.chat("#denver-sites")[-1]["title"].startswith("OVER: "), seconds=60, what="the end"
            )
            over = "\n".join(each["text"] for each in box.chat("#denver-sites"))
            for said in ("isp-a: wan down", "isp-b: wan down", "desk-by-a", "isp-b can now", "911 cannot be called"):
                ended = [line for line in over.splitlines() if line.startswith("✓ over") and said in line]
                assert ended, said
            pages = [page["status"] for page in box.at("/pager/alertmanager")]
            assert pages == ["firing", "resolved"]


def test_a_monitor_that_dies_and_forgets_ends_no_alert(tmp_path: Path) -> None:
    """A line is cut; the monitor dies; another begins without its memory; the line is back. One alert, one end."""
    times = PROMETHEUS | {"for: 1m": "2s", "keep_firing_for: 2m": "2s"}
    sites = tmp_path / "sites"
    sites.mkdir()
    port = peers.free_port()
    with lines() as opened, inbox() as box:
        (sites / "branch.yaml").write_text(site_on(opened.ports))

        def said(words: str) -> list[str]:
            told = [message["text"] for message in box.chat("#noc")]
            return [line for text in told for line in text.splitlines() if words in line]

        with (
            alertmanager(tmp_path, box, times=ALERTMANAGER) as manager,
            prometheus(tmp_path, [f"127.0.0.1:{port}"], alerts_to=manager, times=times),
        ):
            with monitor_process.monitor(sites, tmp_path / "first.log", port=port) as first:
                first.wait_for_state("branch", "protected")
                peers.wait_until(lambda: box.at("/watcher/ping"), seconds=30, what="the watchdog")
                opened.cut(0)
                peers.wait_until(lambda: said("the path desk-by-a to 911 does not work"), seconds=40, what="the alert")
            peers.wait_until(lambda: box.at("/pager/alertmanager"), seconds=60, what="the page: nobody watches")
            (page,) = box.at("/pager/alertmanager")[-1]["alerts"]
            assert page["annotations"]["summary"].startswith("No monitor answers. Nobody watches")
            with monitor_process.monitor(sites, tmp_path / "second.log", port=port) as second:
                second.wait_for_state("branch", "at_risk")
                peers.wait_until(
                    lambda: box.at("/pager/alertmanager")[-1]["status"] == "resolved", seconds=60, what="its end"
                )
                assert len(said("the path desk-by-a to 911 does not work")) == 1
                opened.restore(0)
                peers.wait_until(lambda: said("✓ over"), seconds=60, what="the end")
                (over,) = [line for line in said("✓ over") if "desk-by-a" in line]
                assert over.endswith("Site branch: the path desk-by-a to 911 does not work.")
