"""What a real Prometheus makes of the page, and the names and labels that dashboards and rules hang on."""

import json
import re
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import monitor_process
import peers
from builders import site
from history import SILENT, History, probe
from lines import beside
from monitor_process import Running
from resilience import exporter
from resilience.fitness import LAG, Fitness
from resilience.instruments import Instruments
from resilience.model import AcceptedRisk, Attestation, Maintenance, Site
from resilience.reading import Observation, Reading, State
from resilience.simulate.devices import COMMUNITY, Devices, write_sites
from resilience.snapshot import take

CONTRACT = """
site_info{site,name,owner,region,lat,lon}
site_people{site}
site_file_valid{site}
emergency_calling_state{site,state}
emergency_calling_up{site,bound}
emergency_path_info{site,path,tier,rank,instructions}
emergency_path_up{site,path,tier,bound}
emergency_path_preferred{site,path,tier}
single_point_of_failure_loss_seconds{site,component,kind,basis,accepted}
single_points_of_failure{site,basis}
cut_sets{site,basis,order}
survival_seconds{site,scenario,bound,basis}
survival_required_seconds{site,scenario}
outage_start_timestamp_seconds{site}
component_state_code{site,component,kind}
shared_component_info{site,component,shared}
evidence_timestamp_seconds{site,component,evidence}
probe_success{site,component,probe,type,vantage}
probe_duration_seconds{site,component,probe,type,vantage}
probe_last_run_timestamp_seconds{site,component,probe,type,vantage}
probe_last_success_timestamp_seconds{site,component,probe,type,vantage}
probe_interval_seconds{site,component,probe,type,vantage}
probe_failure{site,component,probe,type,vantage,reason}
ups_runtime_seconds{site,component}
ups_charge_ratio{site,component}
ups_load_ratio{site,component}
ups_on_battery{site,component}
ups_replace_battery{site,component}
generator_auto{site,component}
generator_running{site,component}
generator_fuel_ratio{site,component}
ats_source_info{site,component,source}
wan_rtt_seconds{site,component,target}
wan_loss_ratio{site,component,target}
wan_jitter_seconds{site,component,target}
trunk_up{site,component,target}
trunk_rtt_seconds{site,component,target}
trunk_response_code{site,component,target}
trunk_registered{site,component,registration}
trunk_registration_expiry_timestamp_seconds{site,component,registration}
tls_certificate_expiry_timestamp_seconds{site,component,target}
line_in_service{site,component}
cellular_rsrp_dbm{site,component}
finding{site,code,severity,component,stale}
maintenance_active{site,component}
attestation_expiry_timestamp_seconds{site,component}
accepted_risk_expiry_timestamp_seconds{site,component}
"""
"""The metrics of a site that this version exports, as other people's dashboards, rules and scripts know them."""

BEYOND = """
ups_runtime_low_seconds{site,component}
ups_low_battery{site,component}
ups_testing{site,component}
ups_discharging{site,component}
ups_unprotected{site,component}
ups_runtime_credible{site,component}
generator_failed{site,component}
ats_auto{site,component}
margin_failures{site}
"""
"""Those that it exports besides."""

OF_THE_MONITOR = """
probe_failures_total{type,reason}
monitor_impaired{reason}
monitor_loop_lag_seconds{}
sites{}
config_last_reload_successful{}
cycle_overruns_total{}
build_info{version}
"""

NOW = 1_790_000_000.0
TODAY = date(2026, 9, 21)


Shape = tuple[str, frozenset[str]]
"""A metric's name without the prefix, and the names of its labels."""


def agreed(*lists: str) -> set[Shape]:
    return {
        (name, frozenset(filter(None, labels.split(","))))
        for line in "".join(lists).split()
        for name, labels in [line.rstrip("}").split("{")]
    }


def shapes(text: str) -> set[Shape]:
    return {
        (sample.name.removeprefix("resilience_"), frozenset(sample.labels))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("resilience_")
    }


def reads(**quantities: tuple[str, float, str]) -> Reading:
    """A reading of `quantity=(target, value, text)`."""
    return Reading(
        State.UP,
        observations=tuple(
            Observation(name, value, target=target, text=text) for name, (target, value, text) in quantities.items()
        ),
    )


def plain(**values: float) -> Reading:
    return reads(**{name: ("", value, "") for name, value in values.items()})


def everything() -> Site:
    """A site with every kind of thing that a metric tells of. Some things are said of it twice."""
    probed = {
        "ups": {"kind": "ups", "power": ["utility", "generator"]},
        "generator": {"kind": "generator", "starts_within": "30s", "fuel": "24h"},
        "ats": {"kind": "ats", "power": ["utility", "generator"]},
        "wan": {"kind": "wan", "shared": "fibre"},
        "trunk": {"kind": "sip-trunk"},
        "line": {"kind": "fallback-line"},
        "modem": {"kind": "cellular", "power": ["ups"]},
        "broken": {"kind": "wan"},
    }
    declared = {name: {**fields, "probes": probe(name)} for name, fields in probed.items()}
    declared["utility"] = {"kind": "utility"}
    declared["phone"] = {"kind": "phones", "attest": Attestation(valid=90 * 86_400_000, on=TODAY)}
    work = Maintenance(
        components=("broken", "broken"),
        start=datetime.fromtimestamp(NOW, UTC) - timedelta(hours=1),
        end=datetime.fromtimestamp(NOW, UTC) + timedelta(hours=1),
        by="operations",
        reason="upgrade",
    )
    return site(
        declared,
        {"desk": ["ups", "wan", "trunk"], "other": ["line", "modem", "phone", "ups"]},
        requires="2h",
        people=12,
        maintenance=(work, work),
        accepted_risks=tuple(
            AcceptedRisk(component="ups", reason="", by="planning", until=TODAY + timedelta(days=days))
            for days in (90, 30)
        ),
    )


READINGS = {
    "ups": plain(
        ups_runtime_seconds=3000,
        ups_runtime_low_seconds=120,
        ups_charge_ratio=0.9,
        ups_load_ratio=0.3,
        ups_on_battery=1,
        ups_replace_battery=0,
        ups_low_battery=0,
        ups_testing=0,
        ups_discharging=1,
        ups_unprotected=0,
        ups_runtime_credible=1,
    ),
    "generator": plain(generator_auto=1, generator_running=0, generator_failed=0, generator_fuel_ratio=0.8),
    "ats": reads(ats_auto=("", 1, ""), ats_source_info=("", 1, "utility")),
    "wan": reads(
        wan_rtt_seconds=("192.0.2.1", 0.01, ""),
        wan_loss_ratio=("192.0.2.1", 0, ""),
        wan_jitter_seconds=("192.0.2.1", 0.001, ""),
    ),
    "trunk": reads(
        trunk_up=("sbc", 1, ""),
        trunk_rtt_seconds=("sbc", 0.02, ""),
        trunk_response_code=("sbc", 200, ""),
        trunk_registered=("carrier-a", 1, ""),
        trunk_registration_expiry_timestamp_seconds=("carrier-a", NOW + 300, ""),
        tls_certificate_expiry_timestamp_seconds=("sbc", NOW + 9e6, ""),
    ),
    "line": plain(line_in_service=1),
    "modem": plain(cellular_rsrp_dbm=-97),
    "broken": SILENT,
}


@pytest.fixture(scope="module")
def full_page() -> str:
    history = History(everything())
    history.read(NOW, READINGS)
    taken = take(history.site, history.memory, NOW)
    return exporter.page(
        [exporter.render(taken, file_valid=True, vantage="central", durations={("wan", "icmp"): 0.25})]
    )


def test_names_and_labels_of_a_site_are_those_of_the_contract(full_page: str) -> None:
    assert shapes(full_page) == agreed(CONTRACT, BEYOND)


def test_names_and_labels_of_the_monitor_are_those_of_the_contract() -> None:
    fitness = Fitness()
    fitness.note(late=2 * LAG, stepped=0, at=float("inf"))
    instruments = Instruments(fitness)
    instruments.failures.labels("icmp", "timeout").inc()
    text = instruments.text()
    assert shapes(text) == agreed(OF_THE_MONITOR)
    assert 'resilience_monitor_impaired{reason="loop_lag"} 1.0\n' in text
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert f"\n{name} " in text


def test_no_sample_stands_twice_whatever_is_said_twice(full_page: str) -> None:
    samples = [line.rpartition(" ")[0] for line in full_page.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    (until,) = re.findall(r'accepted_risk_expiry_timestamp_seconds\{site="test",component="ups"\} (\d+)', full_page)
    assert datetime.fromtimestamp(int(until), UTC).date() == TODAY + timedelta(days=91)


def test_promtool_has_nothing_to_say_of_the_page(full_page: str) -> None:
    promtool = peers.command("promtool", "prometheus")
    page = full_page + Instruments(Fitness()).text()
    said = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


# A real Prometheus


@dataclass(frozen=True)
class Prometheus:
    url: str
    log: Path

    def value(self, query: str) -> float | None:
        """The one value that `query` has now, None where it has none."""
        found = self._asked("query", query=query)["result"]
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def values(self, query: str) -> dict[str, float]:
        """By site."""
        return {each["metric"]["site"]: float(each["value"][1]) for each in self._asked("query", query=query)["result"]}

    def _asked(self, what: str, **parameters: str) -> Any:
        body = json.loads(monitor_process.get(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"))
        assert body["status"] == "success", body
        return body["data"]


@contextmanager
def prometheus(folder: Path, monitor: Running) -> Iterator[Prometheus]:
    program = peers.command("prometheus", "prometheus")
    port = peers.free_port()
    target = {"targets": [monitor.url.removeprefix("http://")]}
    jobs = [
        {"job_name": "all", "static_configs": [target]},
        {"job_name": "one", "params": {"site": ["mercy-hospital"]}, "static_configs": [target]},
    ]
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    args = [
        program,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = folder / "prometheus.log"
    with peers.process(args, log=log, cwd=folder):
        peers.wait_until(lambda: peers.listening(port), what="Prometheus")
        yield Prometheus(f"http://127.0.0.1:{port}", log)


def wait_for_whole_scrape(server: Prometheus, monitor: Running, job: str, query: str) -> None:
    """Until Prometheus has scraped and kept as many samples as the page has lines."""

    def whole() -> bool:
        lines = sum(not line.startswith(b"#") for line in monitor.get(f"/metrics{query}").splitlines())
        scraped = server.value(f'scrape_samples_scraped{{job="{job}"}}')
        return scraped == lines == server.value(f'scrape_samples_post_metric_relabeling{{job="{job}"}}')

    peers.wait_until(whole, what=f"a scrape of every sample of {job}")


def test_a_prometheus_takes_every_sample_and_has_nothing_to_complain_of(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    with beside() as run:
        devices = Devices()
        write_sites(sites, run(devices.start()), icmp=False)
        env = {"DEMO_COMMUNITY": COMMUNITY}
        with (
            monitor_process.monitor(sites, tmp_path / "monitor.log", env=env) as monitor,
            prometheus(tmp_path, monitor) as server,
        ):
            monitor.wait_for_state("mercy-hospital", "protected")

            for job, query in (("all", ""), ("one", "?site=mercy-hospital")):
                wait_for_whole_scrape(server, monitor, job, query)
                assert server.value(f'up{{job="{job}"}}') == 1
            assert server.values('resilience_emergency_calling_state{job="all",state="protected"}') == {
                "mercy-hospital": 1,
                "hillside-office": 0,
                "fair-command-post": 0,
            }
            outage = 'resilience_survival_seconds{job="all",scenario="utility",bound="low",basis="live"}'
            assert server.values(outage) == {"mercy-hospital": float("inf"), "hillside-office": 1380}
            assert server.values('count by (site) (resilience_emergency_calling_state{job="one"})') == {
                "mercy-hospital": 4
            }
            complaints = [line for line in server.log.read_text().splitlines() if re.search("level=(warn|error)", line)]
            assert complaints == []
        run(devices.aclose())
