"""`resilience run` as a process: what it refuses, what its signals do, what its pages say and never say."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import monitor_process
import namespaces
import peers
from lines import PACE, Lines, lines, site_on
from monitor_process import RESILIENCE, Running
from resilience.cli import app


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Running, Lines, Path]]:
    """A monitor of one protected site of two lines, the lines, and its folder of site files."""
    sites = folder / "sites"
    sites.mkdir()
    with lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports))
        with monitor_process.monitor(sites, folder / "monitor.log") as monitor:
            monitor.wait_for_state("branch", "protected")
            yield monitor, opened, sites


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that no test changes."""
    with watched(tmp_path_factory.mktemp("shared")) as (monitor, _, _):
        yield monitor


# Starting


def starts(*args: str) -> tuple[int, str]:
    """Exit code and messages of a `run` that ends before it has begun."""
    ended = CliRunner().invoke(app, ["run", *args])
    assert ended.stdout == ""
    return ended.exit_code, ended.stderr


def test_it_does_not_start_on_a_wrong_file_and_tells_every_fault(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(site_on((1, 2)))
    (tmp_path / "a.yaml").write_text(site_on((1, 2), site="a").replace("line-a]", "line-aa]"))
    (tmp_path / "b.yaml").write_text(site_on((1, 2), site="b").replace("kind: phones", "kind: phone"))
    port = peers.free_port()
    code, said = starts("--sites", str(tmp_path), "--listen", f"127.0.0.1:{port}")
    assert code == 1
    assert "a.yaml:10:54: emergency_paths[0].needs: 'line-aa' is not declared; did you mean 'line-a'?\n" in said
    assert "b.yaml:8:18: components.phones.kind: " in said
    assert "watching" not in said
    assert not peers.listening(port)


def test_it_does_not_start_without_sites_or_without_a_place_to_listen(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "site.yaml").write_text(site_on((1, 2)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        in_use = f"127.0.0.1:{taken.getsockname()[1]}"
        for sites, listen, message in (
            (empty, "127.0.0.1:0", "no site files in it"),
            (tmp_path / "no", "127.0.0.1:0", "No such file or directory"),
            (tmp_path, in_use, "Address already in use"),
            (tmp_path, "127.0.0.1:99999", "'127.0.0.1:99999' is not HOST:PORT"),
            (tmp_path, "9911", "'9911' is not HOST:PORT"),
        ):
            code, said = starts("--sites", str(sites), "--listen", listen)
            assert (code, message in said) == (2, True), said


# SIGHUP


def reload(monitor: Running) -> None:
    """SIGHUP, and until the files have been read again."""

    def reads() -> int:
        log = monitor.log.read_text()
        return log.count("site files read again") + log.count("site files cannot be read")

    before = reads()
    monitor.process.send_signal(signal.SIGHUP)
    peers.wait_until(lambda: reads() > before, what="the reload")


def valid(monitor: Running) -> tuple[float | None, float | None]:
    """(the last reload found nothing wrong, the branch's file is good)"""
    return (
        monitor.value("resilience_config_last_reload_successful"),
        monitor.value("resilience_site_file_valid", site="branch"),
    )


def told_invalid(monitor: Running) -> list[str]:
    return [finding["text"] for finding in monitor.site("branch")["findings"] if finding["code"] == "file_invalid"]


def test_sighup_takes_what_is_good_and_keeps_what_has_gone_wrong(tmp_path: Path) -> None:
    with watched(tmp_path) as (monitor, opened, sites):
        branch, annex = sites / "branch.yaml", sites / "annex.yaml"
        good = branch.read_text()
        assert valid(monitor) == (1, 1)

        # a changed file and a new one
        branch.write_text(good.replace("Site branch", "Branch by the lake"))
        annex.write_text(site_on(opened.ports, site="annex"))
        reload(monitor)
        assert monitor.value("resilience_site_info", site="branch", name="Branch by the lake") == 1
        assert monitor.state("branch") == "protected", "what its probes know is kept"
        monitor.wait_for_state("annex", "protected")
        assert valid(monitor) == (1, 1)
        assert monitor.value("resilience_sites") == 2

        # a file that has gone wrong: the old version is in force, and still watched
        branch.write_text(good.replace("line-a]", "line-c]"))
        reload(monitor)
        assert valid(monitor) == (0, 0)
        assert monitor.value("resilience_site_file_valid", site="annex") == 1
        (text,) = told_invalid(monitor)
        assert "an older version is in force" in text
        assert "'line-c' is not declared" in text
        assert monitor.value("resilience_finding", site="branch", code="file_invalid") == 1
        opened.cut(0)
        monitor.wait_for_state("branch", "at_risk")
        opened.restore(0)
        monitor.wait_for_state("branch", "protected")

        # one that has also lost its name, and one that is nothing at all
        for wrong in (good.replace("site: branch", "site: brunch").replace("line-a]", "line-c]"), "{", ""):
            branch.write_text(wrong)
            reload(monitor)
            assert valid(monitor) == (0, 0)
            assert monitor.state("branch") == "protected"

        # a new file that is wrong names no site that is watched
        branch.write_text(good)
        (sites / "new.yaml").write_text("site: new\n")
        reload(monitor)
        assert valid(monitor) == (0, 1)
        assert told_invalid(monitor) == []
        assert monitor.value("resilience_sites") == 2

        # all mended, and a removed file
        (sites / "new.yaml").unlink()
        annex.unlink()
        reload(monitor)
        assert valid(monitor) == (1, 1)
        assert monitor.samples("resilience_site_info", site="annex") == []
        assert monitor.value("resilience_sites") == 1

        # what a mount that went away looks like
        branch.unlink()
        reload(monitor)
        assert valid(monitor) == (0, 1)
        assert monitor.state("branch") == "protected"
        sites.rmdir()
        reload(monitor)
        assert valid(monitor) == (0, 1)
        assert monitor.state("branch") == "protected"

        sites.mkdir()
        branch.write_text(good)
        reload(monitor)
        assert valid(monitor) == (1, 1)
        assert "Traceback" not in monitor.log.read_text()


def test_a_folder_that_cannot_be_read_any_more_takes_no_site_off_watch(tmp_path: Path) -> None:
    peers.root()
    sites = tmp_path / "sites"
    (sites / "east").mkdir(parents=True)
    with lines() as opened:
        (sites / "east" / "branch.yaml").write_text(site_on(opened.ports))
        (sites / "annex.yaml").write_text(site_on(opened.ports, site="annex"))
        # Without capabilities root is refused what the mode refuses.
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        with monitor_process.monitor(sites, tmp_path / "monitor.log", inside=powerless) as monitor:
            monitor.wait_for_state("branch", "protected")
            (sites / "east").chmod(0)
            reload(monitor)
            assert valid(monitor) == (0, 0)
            assert monitor.state("branch") == "protected"
            (sites / "east").chmod(0o700)
            reload(monitor)
            assert valid(monitor) == (1, 1)


# Stopping


def test_before_its_first_round_nothing_is_said_and_it_stops_though_all_hang(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        probe = f"{{type: nut, host: 127.0.0.1, port: {port}, ups: a, interval: 9m, timeout: 5m}}"
        text = (
            site_on((1, 2))
            .replace("power: []", "power: [ups]")
            .replace(
                "  phones:",
                f"  utility: {{kind: utility}}\n  ups: {{kind: ups, power: [utility], probes: [{probe}]}}\n  phones:",
            )
        )
        (sites / "branch.yaml").write_text(text)
        with monitor_process.monitor(sites, tmp_path / "monitor.log") as monitor:
            peers.wait_until(lambda: monitor.samples("resilience_probe_success"), what="the first readings")
            status, body = answer(monitor.url, "/-/ready")
            assert (status, body) == (503, "1 sites have not had a full round yet\n")
            assert monitor.site("branch") == {"site": "branch", "name": "Site branch", "state": None}
            assert monitor.samples("resilience_emergency_calling_state") == []
            assert monitor.value("resilience_site_info", site="branch") == 1

            monitor.process.send_signal(signal.SIGTERM)
            assert monitor.process.wait(15) == 0
            assert "Traceback" not in monitor.log.read_text()


def test_sigint_is_a_stop_too_and_a_reader_that_does_not_read_cannot_hold_it_up(tmp_path: Path) -> None:
    with watched(tmp_path) as (monitor, _, _), socket.socket() as reader:
        # More answers asked for on one connection than the kernel keeps for a reader: no more of them fit.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", int(monitor.url.rpartition(":")[2])))
        reader.settimeout(1)
        asked = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises(TimeoutError):
            reader.sendall(asked * 100_000)
        monitor.process.send_signal(signal.SIGINT)
        assert monitor.process.wait(15) == 0
        assert "event=draining" in monitor.log.read_text()


# Pages


def answer(url: str, path: str, *, host: str = "", method: str = "GET") -> tuple[int, str]:
    """Status and body, with a Host header of one's own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_health_and_readiness(shared: Running) -> None:
    assert answer(shared.url, "/-/healthy") == (200, "healthy\n")
    assert answer(shared.url, "/-/ready") == (200, "ready\n")


def test_metrics_of_some_sites(shared: Running) -> None:
    status, page = answer(shared.url, "/metrics?site=branch&site=branch")
    assert status == 200
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert samples
    assert all('{site="branch"' in sample for sample in samples)
    assert len(samples) == len(set(samples))
    assert answer(shared.url, "/metrics?site=branch&site=brunch") == (404, "unknown site: brunch\n")
    connection = http.client.HTTPConnection(shared.url.removeprefix("http://"))
    connection.request("GET", "/metrics")
    with connection.getresponse() as response:
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    connection.close()


def test_the_sites_as_json(shared: Running) -> None:
    (listed,) = json.loads(shared.get("/api/v1/sites"))
    assert (listed["site"], listed["name"], listed["basis"], listed["state"]) == (
        "branch",
        "Site branch",
        "live",
        "protected",
    )
    one = shared.site("branch")
    assert one.keys() == {*listed, "explanations"}
    assert (listed["margin"], one["margin"]) == ({"failures": 2, "exact": True},) * 2
    assert {seen["component"] for seen in one["observations"]} == {"line-a", "line-b"}
    status, body = answer(shared.url, "/api/v1/sites/brunch")
    assert (status, json.loads(body)) == (404, {"error": "unknown site"})
    assert answer(shared.url, "/api/v1/sites/branch", method="POST")[0] == 403


def test_a_page_is_not_given_by_a_foreign_name(shared: Running) -> None:
    port = shared.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost", "LOCALHOST", f"[::1]:{port}"):
        assert answer(shared.url, "/-/healthy", host=host)[0] == 200, host
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "testserver", "[::2]", "127.0.0.2"):
        for path in ("/metrics", "/-/healthy", "/api/v1/sites", "/nothing"):
            status, body = answer(shared.url, path, host=host)
            assert (status, "branch" in body) == (400, False), host


@pytest.mark.parametrize("host", ["[::1]", "127.0.0.5"])
def test_it_answers_by_the_loopback_address_it_listens_on(tmp_path: Path, host: str) -> None:
    (tmp_path / "branch.yaml").write_text(site_on((1, 2)))
    with socket.create_server((host.strip("[]"), 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
        port = free.getsockname()[1]
    url, log = f"http://{host}:{port}", tmp_path / "monitor.log"
    with peers.process([*RESILIENCE, "run", "--sites", str(tmp_path), "--listen", f"{host}:{port}"], log=log):
        peers.wait_until(lambda: "watching" in log.read_text(), what="the monitor")
        assert f"watching 1 site; metrics at {url}/metrics\n" in log.read_text()
        assert answer(url, "/-/healthy") == (200, "healthy\n")
        assert answer(url, "/-/healthy", host="evil.example")[0] == 400


# What it never says


SECRETS = ("clear-geheim", "file-geheim", "env-geheim", "device-geheim")


def test_no_secret_is_in_a_log_a_page_a_metric_or_an_error(tmp_path: Path) -> None:
    sites, credentials = tmp_path / "sites", tmp_path / "credentials"
    sites.mkdir()
    credentials.mkdir()
    (credentials / "snmp-auth").write_text("file-geheim\n")
    env = {"CREDENTIALS_DIRECTORY": str(credentials), "SNMP_PRIV": "env-geheim"}
    snmp, nut = peers.free_port(socket.SOCK_DGRAM), peers.free_port()
    pace = "interval: 1s, timeout: 300ms, confirm: 100ms"
    good = f"""\
site: branch
name: Site branch
owner: {{team: operations}}
devices:
  upsd: {{host: 127.0.0.1, port: {nut}, user: monitor, password: device-geheim}}
components:
  utility: {{kind: utility}}
  ups-1: {{kind: ups, power: [utility], probes: [
    {{type: snmp-ups, host: 127.0.0.1, port: {snmp}, version: 2c, community: clear-geheim, {pace}}}]}}
  ups-2: {{kind: ups, power: [utility], probes: [
    {{type: snmp-ups, host: 127.0.0.1, port: {snmp}, version: 3, user: ro, auth: {{file: snmp-auth}},
      priv: {{env: SNMP_PRIV}}, {pace}}}]}}
  ups-3: {{kind: ups, power: [utility], probes: [{{type: nut, device: upsd, ups: ups, {pace}}}]}}
  ups-4: {{kind: ups, power: [utility], probes: [
    {{type: nut, host: 127.0.0.1, port: {nut}, ups: a, user: monitor, password: {{file: no-such-file}}, {pace}}}]}}
  pbx: {{kind: pbx, power: [ups-1, ups-2, ups-3, ups-4]}}
emergency_paths:
  - {{name: desk, tier: primary, needs: [pbx]}}
"""
    wrong = [
        good.replace("community: clear-geheim", "community: [clear-geheim]"),
        good.replace("community: clear-geheim", 'community: "clear-geheim\\a"'),
        good.replace("community: clear-geheim", "comunity: clear-geheim"),
        good.replace("password: device-geheim", "password: {env: device-geheim}"),
        good.replace("password: device-geheim", "password: {text: device-geheim}"),
        good.replace("password: device-geheim", "passwort: device-geheim"),
    ]
    rejected = tmp_path / "rejected"
    rejected.mkdir()
    for number, text in enumerate(wrong):
        (rejected / f"{number}.yaml").write_text(text)
    site = sites / "branch.yaml"
    site.write_text(good)
    said: list[bytes] = []
    with (
        peers.process([*RESILIENCE, "simulate", "upsd", "--port", str(nut)], log=tmp_path / "upsd.log"),
        monitor_process.monitor(sites, tmp_path / "monitor.log", env=env) as monitor,
    ):
        peers.wait_until(lambda: monitor.state("branch"), what="the first round")
        pages = ("/metrics", "/metrics?site=branch", "/metrics?site=no", "/api/v1/sites", "/api/v1/sites/branch", "/no")
        for text in wrong:
            site.write_text(text)
            reload(monitor)
            said += [answer(monitor.url, page)[1].encode() for page in pages]
        site.write_text(good)
        for form in ("text", "json"):
            looked = subprocess.run(
                [*RESILIENCE, "probe", str(site), "--format", form],
                env={**os.environ, **env},
                capture_output=True,
                timeout=30,
                check=False,
            )
            said += [looked.stdout, looked.stderr]
            for command, path in (("check", sites), ("check", rejected), ("analyze", sites)):
                said.append(CliRunner().invoke(app, [command, str(path), "--format", form], env=env).output.encode())
        reasons = {labels["component"]: labels["reason"] for labels, _ in monitor.samples("resilience_probe_failure")}
    said.append((tmp_path / "monitor.log").read_bytes())
    assert reasons.keys() == {"ups-1", "ups-2", "ups-4"}
    assert reasons["ups-4"] == "config"
    everything = b"".join(said)
    assert b"no-such-file" in everything
    assert b"a secret stands in clear" in everything
    for secret in SECRETS:
        assert secret.encode() not in everything


def test_the_log_is_quiet_when_nothing_changes(tmp_path: Path) -> None:
    with watched(tmp_path) as (monitor, opened, _):
        opened.cut(0)
        monitor.wait_for_state("branch", "at_risk")

        def rounds() -> float:
            return monitor.value("resilience_probe_last_run_timestamp_seconds", component="line-a") or 0

        start, before = rounds(), monitor.log.read_text()
        peers.wait_until(lambda: rounds() > start + 2, what="some more rounds, with one line down")
        assert monitor.log.read_text() == before
        for line in before.splitlines():
            assert line.startswith(("time=", "watching 1 site; ")), line


# What it must not make of its own troubles


OUT_THERE = f"""\
site: branch
name: Branch
owner: {{team: operations}}
components:
  utility: {{kind: utility}}
  ups: {{kind: ups, power: [utility], probes: [
    {{type: nut, host: 192.0.2.5, ups: a, {PACE}}}, {{type: snmp-ups, host: 192.0.2.6, community: public, {PACE}}}]}}
  router: {{kind: router, power: [ups], probes: [{{type: icmp, host: 192.0.2.1, {PACE}}}]}}
  wan: {{kind: wan, needs: [router], probes: [{{type: icmp, host: wan.example.org, {PACE}}}]}}
  pbx: {{kind: pbx, power: [ups], probes: [{{type: tcp, host: 192.0.2.10, port: 5061, {PACE}}}]}}
  by-udp: {{kind: sip-trunk, probes: [{{type: sip-options, uri: "sip:192.0.2.20", {PACE}}}]}}
  by-tls: {{kind: sip-trunk, probes: [{{type: sip-options, uri: "sip:192.0.2.20;transport=tls", {PACE}}}]}}
  by-name: {{kind: sip-trunk, probes: [{{type: sip-options, uri: "sip:sbc.example.org", {PACE}}}]}}
  proxy: {{kind: sbc, power: [ups], probes: [{{type: kamailio, host: 192.0.2.30, port: 5060, {PACE}}}]}}
emergency_paths:
  - {{name: udp, tier: primary, needs: [pbx, wan, by-udp]}}
  - {{name: tls, tier: alternate, needs: [pbx, wan, by-tls]}}
  - {{name: name, tier: contingency, needs: [proxy, by-name]}}
"""


@pytest.mark.parametrize("interface", ["none", "down"])
def test_without_a_network_of_its_own_nothing_is_called_down(tmp_path: Path, interface: str) -> None:
    peers.root()
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "branch.yaml").write_text(OUT_THERE)
    with namespaces.namespace() as lone:
        if interface == "down":
            lone.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        inside = lone.command()
        with monitor_process.monitor(
            sites, tmp_path / "log", inside=inside, fetch=lambda url: lone.inside(lambda: monitor_process.get(url))
        ) as monitor:
            monitor.wait_for_state("branch", "unverified")
            states = set()
            ran = monitor.value("resilience_probe_last_run_timestamp_seconds", component="by-udp") or 0

            def later() -> bool:
                states.add(monitor.state("branch"))
                return (monitor.value("resilience_probe_last_run_timestamp_seconds", component="by-udp") or 0) > ran + 3

            peers.wait_until(later, seconds=20, what="some more rounds")
            down = {
                component["name"]: component["why"]
                for component in monitor.site("branch")["components"]
                if component["state"] == "down"
            }
            assert (states, down) == ({"unverified"}, {})
            assert monitor.value("resilience_emergency_calling_up", bound="assured") == 0
            assert monitor.value("resilience_emergency_calling_up", bound="possible") == 1
            assert monitor.samples("resilience_monitor_impaired") == (
                [] if interface == "none" else [({"reason": "no_network"}, 1.0)]
            )
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_without_even_a_loopback_a_single_look_knows_nothing(tmp_path: Path) -> None:
    peers.root()
    path = tmp_path / "branch.yaml"
    path.write_text(OUT_THERE)
    with namespaces.namespace() as lone:
        lone.ip("link", "set", "lo", "down")
        ended = subprocess.run(
            lone.command(*RESILIENCE, "probe", str(path), "--timeout", "10s"),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 3
    assert ended.stdout.startswith("RESILIENCE UNKNOWN - branch unverified: ")


def test_three_hundred_sites_are_watched_without_falling_behind(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    hosts = [f"127.31.{number // 250}.{number % 250 + 1}" for number in range(300)]
    with lines(*hosts) as opened:
        for number, (host, port) in enumerate(zip(hosts, opened.ports, strict=True)):
            text = site_on((port, port), site=f"site-{number}", pace="interval: 2s, timeout: 1s")
            (sites / f"site-{number}.yaml").write_text(text.replace("127.0.0.1", host))
        with monitor_process.monitor(sites, tmp_path / "log") as monitor:

            def protected() -> int:
                states = monitor.samples("resilience_emergency_calling_state", state="protected")
                return sum(int(value) for _, value in states)

            peers.wait_until(lambda: protected() == 300, seconds=30, what="300 sites protected")
            until = time.time() + 5
            peers.wait_until(
                lambda: all(ran > until for _, ran in monitor.samples("resilience_probe_last_run_timestamp_seconds")),
                seconds=20,
                what="two more rounds of all",
            )
            assert protected() == 300
            assert monitor.value("resilience_cycle_overruns_total") == 0
            assert monitor.samples("resilience_probe_failures_total") == []
            assert monitor.samples("resilience_monitor_impaired") == []
