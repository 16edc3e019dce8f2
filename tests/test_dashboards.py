"""The dashboards: every query on live data of the demonstration, Grafana's published shape, a wall to read on."""

import itertools
import json
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

import monitor_process
import peers
from alerting_peers import prometheus
from lines import beside
from probes.echo import permitted
from resilience import catalogue
from resilience.fitness import Fitness
from resilience.instruments import Instruments
from resilience.simulate.devices import COMMUNITY, PACE, Devices, write_sites

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "dashboards"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
PALETTE = {"#009E73", "#E69F00", "#CC79A7", "#D55E00", "#0072B2", "#56B4E9", "#F0E442", "#8E8E8E"}
"""Okabe and Ito's, without black, and a grey."""
NOTHING_HERE = {
    ("site", "How full", "A"),
    ("site", "Leaves by its own provider", "A"),
    ("site", "Trunks", "B"),
    ("site", "Fallback lines", "A"),
    ("site", "Cellular signal", "A"),
    ("shared-risks", "Sites on $shared", "C"),
    ("site", "Drills", "annotation"),
}
"""Queries that find nothing in the demonstration and say so: it has no PBX, no line card and no modem
that is read, and neither a router nor a STUN server."""


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, dashboard in FILES.items():
        for panel in dashboard["panels"]:
            yield name, panel


@dataclass(frozen=True)
class Query:
    dashboard: str
    title: str
    ref: str
    instant: bool
    expr: str

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.dashboard, self.title, self.ref)


def queries() -> Iterator[Query]:
    """Those of the panels and of the annotations."""
    for name, panel in panels():
        for target in panel["targets"]:
            yield Query(name, panel["title"], target["refId"], target["instant"], target["expr"])
    for name, dashboard in FILES.items():
        for note in dashboard["annotations"]["list"]:
            yield Query(name, note["name"], "annotation", False, note["expr"])


# --- The files --------------------------------------------------------------------------------------------------


def test_the_files_are_what_the_source_makes() -> None:
    program = "import generate, json, sys; json.dump({str(p): t for p, t in generate.files().items()}, sys.stdout)"
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=FOLDER / "source"
    )
    again = "python dashboards/source/generate.py"
    assert {path: Path(path).read_text() for path in json.loads(made.stdout)} == json.loads(made.stdout), again
    assert (
        {Path(path).stem for path in json.loads(made.stdout)}
        == set(FILES)
        == {
            "fleet",
            "site",
            "shared-risks",
            "monitor",
        }
    )


@pytest.mark.parametrize("name", FILES)
def test_nothing_in_a_dashboard_is_unknown_to_what_grafana_publishes(name: str) -> None:
    """Read into the types that Grafana generates from its schema, and written again: a key it does not know is lost."""
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(FILES[name]), cls=JSONEncoder))
    # Keys of an annotation that the Prometheus data source adds to the schema's.
    of_the_plugin = re.compile(r"\.annotations\.list\[\d\]\.(step|titleFormat)$")
    assert [where for where in lost(FILES[name], again) if not of_the_plugin.search(where)] == []


def lost(before: Any, after: Any, where: str = "") -> Iterator[str]:
    if isinstance(before, dict):
        for key, value in before.items():
            if not isinstance(after, dict) or key not in after:
                yield f"{where}.{key}"
            else:
                yield from lost(value, after[key], f"{where}.{key}")
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield where
        else:
            for place, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from lost(one, other, f"{where}[{place}]")
    elif before != after:
        yield f"{where}: {before!r} became {after!r}"


@pytest.mark.parametrize("name", FILES)
def test_panels_lie_beside_each_other_and_each_says_what_it_shows(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in FILES[name]["panels"]:
        at = panel["gridPos"]
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"] not in ("", "No data"), panel["title"]
    identities = [panel["id"] for panel in FILES[name]["panels"]]
    assert len(identities) == len(set(identities))


def test_the_fleet_is_read_on_a_wall_without_scrolling() -> None:
    """1080 lines hold 28 rows of 30 with gaps of 8, where Grafana shows nothing else."""
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in FILES["fleet"]["panels"]) <= 28


def test_colours_are_those_that_the_colour_blind_can_tell_apart() -> None:
    for path in FOLDER.glob("*.json"):
        assert set(re.findall(r'"(#[0-9A-Fa-f]{6})"', path.read_text())) <= PALETTE, path.name
        assert not re.findall(r'"(?:dark-|light-|semi-dark-|super-light-)?(?:red|green)"', path.read_text()), path.name


def test_every_metric_of_a_query_is_exported() -> None:
    families = Instruments(Fitness()).registry.collect()
    own = {f"{family.name}{'_total' * (family.type == 'counter')}" for family in families}
    known = {f"resilience_{name}" for name in catalogue.METRICS} | own
    named = {name for asked in queries() for name in re.findall(r"\b(?:resilience|process)_[a-z_]+\b", asked.expr)}
    assert len(named) > 30
    assert named <= known


def test_links_lead_to_dashboards_that_there_are() -> None:
    there = {dashboard["uid"] for dashboard in FILES.values()}
    for path in FOLDER.glob("*.json"):
        assert set(re.findall(r"/d/([a-z-]+)", path.read_text())) <= there


def test_what_is_provisioned_is_what_there_is() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    mounted = [
        volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())
    ]
    assert mounted
    assert all((ROOT / path).is_dir() for path in mounted)
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/resilience.yml").read_text())["providers"]
    assert provider["options"]["path"] in {volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]}


# --- Live -------------------------------------------------------------------------------------------------------

DEFAULTS = """
shared:
  carrier: {kind: shared-risk, description: one carrier for both}
"""
ANNEX = """
schema: 1
site: {site}
name: {site}
owner: {{team: operations}}
people: 30
location: {{lat: 39.1, lon: -105.2}}
components:
  carrier: {{shared: carrier}}
  wan: {{kind: wan, needs: [carrier], probes: [{{type: tcp, host: 127.0.0.1, port: {port}, {pace}}}]}}
  spare: {{kind: wan, probes: [{{type: tcp, host: 127.0.0.1, port: {port}, {pace}}}]}}
emergency_paths:
  - {{name: desk, tier: primary, needs: [wan], instructions: Dial 911.}}
maintenance:
  - {{components: [spare], from: 2020-01-01T00:00:00Z, until: 2099-01-01T00:00:00Z, by: operations, reason: rebuilt}}
"""
"""Sites that stand on one carrier, with a line that nobody answers on and planned work that never ends."""


@dataclass(frozen=True)
class Watched:
    """Two Prometheus servers: over one monitor, and over two that judge the same and one that is a witness."""

    one: str
    two: str

    def asked(self, url: str, expr: str, *, instant: bool) -> list[dict[str, Any]]:
        site = "annex-east" if "maintenance" in expr else "hillside-office"
        variables = {"$site": site, "$shared": "carrier", "$__rate_interval": "30s"}
        for name, value in variables.items():
            expr = expr.replace(name, value)
        if instant:
            asked = {"query": expr}
            path = "query"
        else:
            (now,) = self.asked(url, "vector(time())", instant=True)
            until = float(now["value"][1])
            asked = {"query": expr, "start": str(until - 5), "end": str(until), "step": "1"}
            path = "query_range"
        answer = json.loads(monitor_process.get(f"{url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"))
        assert answer["status"] == "success", answer
        assert not answer.get("warnings")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def labels(self, url: str, asked: Query) -> set[tuple[tuple[str, str], ...]]:
        found = self.asked(url, asked.expr, instant=asked.instant)
        return {tuple(sorted(each["metric"].items())) for each in found}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("dashboards")
    sites = folder / "sites"
    sites.mkdir()
    with ExitStack() as stack:
        run = stack.enter_context(beside())
        devices = Devices()
        write_sites(sites, run(devices.start()), icmp=permitted())
        stack.callback(lambda: run(devices.aclose()))
        (sites / "_defaults.yaml").write_text(DEFAULTS)
        for site in ("annex-east", "annex-west"):
            (sites / f"{site}.yaml").write_text(ANNEX.format(site=site, port=peers.free_port(), pace=PACE))
        env = {"DEMO_COMMUNITY": COMMUNITY}
        monitors = [
            stack.enter_context(monitor_process.monitor(sites, folder / f"{name}.log", env={**env, **named}))
            for name, named in (("a", {}), ("twin", {}), ("witness", {"RESILIENCE_NAME": "west"}))
        ]
        targets = [monitor.url.removeprefix("http://") for monitor in monitors]
        times = {"scrape_interval: 10s": "1s", "evaluation_interval: 10s": "1s"}
        servers = []
        for name, scraped in (("one", targets[:1]), ("two", targets)):
            (folder / name).mkdir()
            servers.append(stack.enter_context(prometheus(folder / name, scraped, times=times)))
        found = Watched(*servers)
        for monitor in monitors[:2]:
            for site in ("mercy-hospital", "hillside-office", "fair-command-post", "annex-east", "annex-west"):
                peers.wait_until(lambda m=monitor, s=site: m.state(s), seconds=30, what=f"{site} judged")  # type: ignore[misc]
        for url, monitors_seen in ((found.one, 1), (found.two, 2)):
            judged = 'count(sum_over_time(resilience_emergency_calling_up{bound="assured"}[10s]) >= 0)'
            peers.wait_until(
                lambda u=url, e=judged, n=monitors_seen: (
                    [  # type: ignore[misc]
                        each["value"][1] for each in found.asked(u, e, instant=True)
                    ]
                    == [str(5 * n)]
                ),
                seconds=30,
                what="every site in Prometheus",
            )
            rate = "count(rate(process_cpu_seconds_total[30s]))"
            peers.wait_until(lambda u=url, r=rate: found.asked(u, r, instant=True), seconds=30, what="two scrapes")  # type: ignore[misc]
        yield found


@pytest.mark.parametrize("asked", list(queries()), ids=lambda asked: ": ".join(asked.place))
def test_every_query_finds_something_with_one_monitor_and_the_same_with_two(watched: Watched, asked: Query) -> None:
    one, two = (watched.labels(url, asked) for url in (watched.one, watched.two))
    if asked.place in NOTHING_HERE:
        assert one == two == set()
    elif asked.dashboard == "monitor":
        assert one
        assert two
    else:
        assert one
        assert one == two
        assert not {label for labels in two for label, _ in labels} & {"instance", "job", "vantage", "__name__"}


def test_a_panel_that_may_be_empty_says_so() -> None:
    for name, panel in panels():
        if any((name, panel["title"], target["refId"]) in NOTHING_HERE for target in panel["targets"]):
            assert "May be empty" in panel["description"]


def test_a_table_has_one_row_a_site_with_two_monitors(watched: Watched) -> None:
    (sites,) = [panel for name, panel in panels() if (name, panel["title"]) == ("fleet", "Sites, worst first")]
    for target in sites["targets"]:
        rows = watched.asked(watched.two, target["expr"], instant=True)
        named = [row["metric"]["site"] for row in rows]
        assert len(named) == len(set(named)), target["expr"]


def values(watched: Watched, name: str, title: str, ref: str = "A") -> Mapping[str, float]:
    (expr,) = [each.expr for each in queries() if each.place == (name, title, ref)]
    found = watched.asked(watched.two, expr, instant=True)
    return {each["metric"].get("site", ""): float(each["value"][1]) for each in found}


def test_the_fleet_says_what_is_so(watched: Watched) -> None:
    assert values(watched, "fleet", "Sites, worst first", "B") == {
        "annex-east": 4,
        "annex-west": 4,
        "fair-command-post": 1,
        "hillside-office": 1,
        "mercy-hospital": 0,
    }
    assert values(watched, "fleet", "911 OUT") == {"": 2}
    assert values(watched, "fleet", "At risk") == {"": 2}
    assert values(watched, "fleet", "Protected") == {"": 1}
    assert values(watched, "fleet", "People without assured 911") == {"": 60}
    assert values(watched, "fleet", "Sites, worst first", "F")["hillside-office"] == 1380
    rank = values(watched, "fleet", "Sites, worst first", "L")
    order = sorted(rank, key=lambda site: -rank[site])
    assert order[:2] in (["annex-east", "annex-west"], ["annex-west", "annex-east"])
    assert order[-1] == "mercy-hospital"
