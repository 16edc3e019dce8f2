"""The demonstration and the simulators as people start them, each simulator read by our own probe."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest
from click.testing import CliRunner

import monitor_process
import namespaces
import peers
from monitor_process import RESILIENCE
from probes.echo import permitted
from resilience.cli import app

SITES = ("hillside-office", "mercy-hospital", "fair-command-post")


@dataclass(frozen=True)
class Demo:
    process: "Popen[bytes]"
    log: Path
    namespace: namespaces.Namespace | None = None

    @property
    def url(self) -> str:
        found = re.search(r"Metrics: (\S+)/metrics\n", self.log.read_text())
        return found.group(1) if found else ""

    def metrics(self) -> str:
        """Its page after the first full round."""

        def page() -> str:
            return monitor_process.get(f"{self.url}/metrics").decode()

        def judged() -> bool:
            pages.append(self.namespace.inside(page) if self.namespace else page())
            return all(f'calling_up{{site="{site}"' in pages[-1] for site in SITES)

        pages: list[str] = []
        peers.wait_until(lambda: self.url, what="the demo's address")
        peers.wait_until(judged, what="the first round")
        return pages[-1]

    def ended(self) -> list[str]:
        """What it told, once it has ended well."""
        assert self.process.wait(60) == 0, self.log.read_text()
        return self.log.read_text().splitlines()


@pytest.fixture(scope="module", autouse=True)
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Demo]]:
    """Demonstrations that run while the simulators are looked at: they take their time."""
    folder = tmp_path_factory.mktemp("demos")
    with ExitStack() as stack:

        def start(name: str, *args: str, within: namespaces.Namespace | None = None) -> Demo:
            # Root without capabilities is any user, to the kernel's network.
            outside = within.command("setpriv", "--bounding-set=-all", "--inh-caps=-all") if within else []
            log, place = folder / f"{name}.log", folder / f"{name}-tmp"
            place.mkdir()
            # As a shell starts it in the background: with Ctrl-C ignored.
            command = [*outside, "sh", "-c", 'trap "" INT; exec "$@"', "sh", *RESILIENCE, "demo", *args]
            process = stack.enter_context(peers.process(command, log=log, env={"TMPDIR": str(place), "COLUMNS": "160"}))
            return Demo(process, log, within)

        started = {
            "quiet": start("quiet", "--for", "25s", "--quiet"),
            "table": start("table", "--for", "6s"),
            "stopped": start("stopped"),
        }
        if os.geteuid() == 0:
            lone = stack.enter_context(namespaces.namespace())
            started["unprivileged"] = start("unprivileged", "--for", "14s", "--quiet", within=lone)
        yield started


@pytest.fixture(scope="module", autouse=True)
def pages(demos: Mapping[str, Demo]) -> Mapping[str, str]:
    """Read at once: a demonstration ends by itself."""
    return {name: demo.metrics() for name, demo in demos.items()}


# Simulators

SIMULATED = {
    "upsd": ("{kind: ups, power: [utility], probes: PROBES}", "ups_runtime_seconds", 1380),
    "snmp": ("{kind: ups, power: [utility], probes: PROBES}", "ups_runtime_seconds", 1380),
    "sip": ("{kind: sip-trunk, probes: PROBES}", "trunk_response_code", 200),
    "tcp": ("{kind: wan, probes: PROBES}", "wan_rtt_seconds", None),
}


@pytest.mark.parametrize("name", SIMULATED)
def test_a_simulator_names_the_probe_that_reads_it(name: str, tmp_path: Path) -> None:
    declared, quantity, value = SIMULATED[name]
    log = tmp_path / "simulator.log"
    with peers.process([*RESILIENCE, "simulate", name], log=log) as simulator:
        peers.wait_until(lambda: log.read_text().endswith("]\n"), what="the simulator")
        probes = log.read_text().removeprefix("probes: ").rstrip()
        site = tmp_path / "site.yaml"
        site.write_text(
            "site: one\nname: One\nowner: {team: operations}\ncomponents:\n  utility: {kind: utility}\n"
            f"  device: {declared.replace('PROBES', probes)}\n"
            "  line: {kind: fallback-line, power: []}\n"
            "emergency_paths:\n  - {name: by-device, tier: primary, needs: [device]}\n"
            "  - {name: by-line, tier: alternate, needs: [line]}\n"
        )
        looked = subprocess.run(
            [*RESILIENCE, "probe", str(site), "--format", "json"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert looked.returncode == 0, looked.stdout
        found = json.loads(looked.stdout)
        assert [component["state"] for component in found["components"]] == ["up", "up", "up"]
        assert found["probe_failures"] == []
        read = {seen["quantity"]: seen["value"] for seen in found["observations"]}
        assert read[quantity] == value or (value is None and read[quantity] > 0)
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(10) == 0


def test_a_simulator_that_there_is_not_or_that_has_no_place() -> None:
    said = CliRunner().invoke(app, ["simulate", "upds"])
    assert said.exit_code == 2
    assert "'upds' is none of upsd, snmp, sip, tcp; did you mean 'upsd'?" in said.stderr
    said = CliRunner().invoke(app, ["simulate", "tcp", "--port", "65536"])
    assert said.exit_code == 2


# The demonstration


def test_a_stopped_demo_leaves_nothing_behind(demos: Mapping[str, Demo]) -> None:
    demo = demos["stopped"]
    place = demo.log.with_name("stopped-tmp")
    assert list(place.iterdir())
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(15) == 130
    assert list(place.iterdir()) == []
    assert "Traceback" not in demo.log.read_text()


def test_the_demo_ends_with_a_table(demos: Mapping[str, Demo]) -> None:
    rows = [re.split(" *│ *", line.strip("│ ")) for line in demos["table"].ended() if line.startswith("│")]
    assert rows == [
        ["Fair command post", "at risk", "cordless-by-cell", "battery-trailer, modem, trunk", "10 h"],
        ["Hillside office", "at risk", "desk-by-isp-a", "conduit-east, utility", "23 min if the utility fails"],
        ["Mercy hospital", "protected", "desk-by-isp-a", "none", "no end in sight"],
    ]


def test_without_icmp_the_demo_says_what_to_set_and_probes_by_tcp(
    demos: Mapping[str, Demo], pages: Mapping[str, str]
) -> None:
    peers.root()
    told = demos["unprivileged"].ended()
    assert told[1] == (
        "No ICMP socket is allowed here, so the lines are probed by TCP alone. "
        "To allow it: sysctl -w net.ipv4.ping_group_range='0 2147483647'"
    )
    assert 'type="tcp"' in pages["unprivileged"]
    assert 'type="icmp"' not in pages["unprivileged"]
    assert any(line.startswith("· Hillside office: ISP A is cut: 911 still works by desk-by-isp-b; ") for line in told)


def test_the_demo_tells_a_fault_in_plain_sentences(demos: Mapping[str, Demo], pages: Mapping[str, str]) -> None:
    demo = demos["quiet"]
    assert 'resilience_emergency_calling_state{site="mercy-hospital",state="protected"} 1\n' in pages["quiet"]
    assert ('type="icmp"' in pages["quiet"]) is permitted()
    address, *told = demo.ended()
    assert address == f"The real monitor watches three sites of simulated devices. Metrics: {demo.url}/metrics"
    told = [line for line in told if line.startswith("· ")]  # without ICMP, what to set for it stands first
    assert sorted(told[:3]) == [
        "· Fair command post: to begin with: 911 works by cordless-by-cell; "
        "battery-trailer, modem and trunk can each take it out alone; 10 h are left",
        "· Hillside office: to begin with: 911 works by desk-by-isp-a; "
        "conduit-east and utility can each take it out alone; 23 min if the utility fails",
        "· Mercy hospital: to begin with: 911 works by desk-by-isp-a; no single failure can take it out",
    ]
    cut, outage = told[3:]
    assert cut == (
        "· Hillside office: ISP A is cut: 911 still works by desk-by-isp-b; "
        "conduit-east, isp-b and utility can now each take it out alone; 23 min if the utility fails"
    )
    assert re.fullmatch(
        "· Hillside office: the utility fails as well: 911 still works by desk-by-isp-b; "
        "conduit-east, isp-b and ups can now each take it out alone; 2[23] min are left",
        outage,
    )
