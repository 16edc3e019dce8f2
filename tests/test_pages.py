"""The pages: what they say of a moment, and how they stand in a real browser, on a wall and on a phone."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

import browser
import monitor_process
import peers
from builders import site
from history import SILENT, UP, History, probe
from lines import Lines, lines, site_on
from monitor_process import Running
from resilience import pages
from resilience.model import AcceptedRisk, Site
from resilience.snapshot import Snapshot, take

# --- What they say --------------------------------------------------------------------------------------------


def two_lines(**fields: object) -> Site:
    return site(
        {
            "utility": {"kind": "utility"},
            "isp-a": {"kind": "wan", "probes": probe("isp-a"), "needs": ["conduit"]},
            "isp-b": {"kind": "wan", "probes": probe("isp-b"), "needs": ["conduit"]},
            "conduit": {"kind": "shared-risk"},
        },
        {"desk-a": ["isp-a"], "desk-b": ["isp-b"]},
        **fields,
    )


def moment(declared: Site, at: float = 100.0, **readings: object) -> Snapshot:
    history = History(declared)
    history.read(at, {name.replace("_", "-"): reading for name, reading in readings.items()})
    return take(declared, history.memory, at)


def test_a_site_tells_the_one_thing_and_what_to_do() -> None:
    declared = two_lines()
    told = pages.site(declared, moment(declared, isp_a=SILENT, isp_b=UP), 130.0)
    assert "911 still works by desk-b; conduit and isp-b can now each take it out alone." in told
    assert "isp-b: up; single point of failure: without it 911 is lost at once" in told
    assert "isp-a: down, icmp: no answer" in told
    assert "30 s ago" in told
    assert "wan_down" in told


def test_what_a_file_or_a_device_says_is_text_and_never_markup() -> None:
    declared = two_lines()
    wicked = "<script>alert(1)</script>\"'"
    first, *rest = declared.emergency_paths
    declared = replace(
        declared, name=wicked, emergency_paths=(replace(first, instructions=wicked), *rest), region=wicked
    )
    taken = moment(declared, isp_a=UP, isp_b=replace(SILENT, text=wicked))
    for told in (
        pages.site(declared, taken, 100.0),
        pages.fleet([(declared, taken)], 100.0),
        pages.missing("site", wicked, 0),
    ):
        assert "<script>alert" not in told
        assert "&lt;script&gt;alert" in told


def test_nothing_is_said_of_a_site_before_its_first_round() -> None:
    declared = two_lines()
    for taken in (None, moment(declared, isp_a=UP)):
        told = pages.site(declared, taken, 100.0)
        assert "Nothing is said of this site yet" in told
        assert "protected" not in told
        row = pages.fleet([(declared, taken)], 100.0)
        assert "not every probe has answered or failed yet" in row
        assert "at risk</span>" not in row


def test_an_accepted_risk_is_shown_with_who_accepted_it() -> None:
    risk = AcceptedRisk(component="conduit", reason="second duct next year", by="planning", until=date(2027, 6, 30))
    declared = two_lines(accepted_risks=(risk,))
    told = pages.site(declared, moment(declared, isp_a=UP, isp_b=UP), 100.0)
    assert "second duct next year (planning, until 2027-06-30)" in told


def test_the_fleet_is_worst_first() -> None:
    def named(name: str, **readings: object) -> tuple[Site, Snapshot | None]:
        declared = replace(two_lines(), id=name, name=f"Site {name}")
        return declared, moment(declared, **readings)

    rows = [
        named("d-waiting", isp_a=UP),
        named("c-risk", isp_a=UP, isp_b=UP),
        named("a-lost", isp_a=SILENT, isp_b=SILENT),
    ]
    told = pages.fleet(rows, 100.0)
    assert told.index("Site a-lost") < told.index("Site c-risk") < told.index("Site d-waiting")
    assert "<b>1</b> unavailable" in told


# --- Over HTTP ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Lines]]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "sites").mkdir()
    with lines() as opened:
        (folder / "sites" / "branch.yaml").write_text(site_on(opened.ports))
        with monitor_process.monitor(folder / "sites", folder / "monitor.log") as monitor:
            monitor.wait_for_state("branch", "protected")
            yield monitor, opened


def not_found(url: str) -> str:
    """The text of an answer 404."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        monitor_process.get(url)
    with refused.value as answer:
        assert answer.code == 404
        return answer.read().decode()


def test_pages_may_load_nothing_from_elsewhere(running: tuple[Running, Lines]) -> None:
    monitor, _ = running
    with urllib.request.urlopen(f"{monitor.url}/sites/branch", timeout=5) as answer:
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert answer.headers["cache-control"] == "no-store"
    assert "There is no site <b>elsewhere</b> here." in not_found(f"{monitor.url}/sites/elsewhere")


def test_prometheus_finds_the_sites(running: tuple[Running, Lines]) -> None:
    monitor, _ = running
    (target,) = json.loads(monitor.get("/sd"))
    assert target["targets"] == [monitor.url.removeprefix("http://")]
    labels = target["labels"]
    assert (labels["__param_site"], labels["instance"]) == ("branch", "branch")
    assert labels["__meta_resilience_owner"] == "operations"
    assert "site" not in labels


def test_one_look_at_a_declared_site(running: tuple[Running, Lines]) -> None:
    monitor, opened = running
    told = monitor.get("/probe?site=branch").decode()
    assert 'resilience_emergency_calling_state{site="branch",state="protected"} 1\n' in told
    assert "unknown site" in not_found(f"{monitor.url}/probe?site=127.0.0.1:{opened.ports[0]}")


# --- In a browser ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.mark.parametrize("size", [browser.WALL, browser.PHONE], ids=["wall", "phone"])
@pytest.mark.parametrize("path", ["/", "/sites/branch", "/sites/elsewhere", "/drills"])
def test_pages_are_accessible_and_fit(
    running: tuple[Running, Lines], chrome: webdriver.Chrome, path: str, size: tuple[int, int]
) -> None:
    monitor, _ = running
    chrome.set_window_size(*size)
    chrome.get(f"{monitor.url}{path}")
    assert browser.serious_faults(chrome) == []
    fits = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert chrome.execute_script(fits)
    severe = [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in severe if "404" not in message] == []


def test_a_page_follows_what_happens_and_says_when_it_cannot(tmp_path: Path, chrome: webdriver.Chrome) -> None:
    (tmp_path / "sites").mkdir()

    def shown(selector: str) -> str:
        # In one step: between finding an element and asking it, the page may have been brought up to date.
        script = "const found = document.querySelector(arguments[0]); return found.hidden ? '' : found.innerText"
        return str(chrome.execute_script(script, selector))

    with lines() as opened:
        (tmp_path / "sites" / "branch.yaml").write_text(site_on(opened.ports))
        with monitor_process.monitor(tmp_path / "sites", tmp_path / "log") as monitor:
            monitor.wait_for_state("branch", "protected")
            chrome.get(f"{monitor.url}/sites/branch")
            assert shown("h1 .state").strip() == "protected"
            opened.cut(0)
            peers.wait_until(
                lambda: shown("h1 .state").strip() == "at risk", seconds=20, what="the new state on the page"
            )
            assert "desk-by-b" in shown(".use")
            assert shown("#lost") == ""
        peers.wait_until(lambda: "not now" in shown("#lost"), seconds=20, what="the page's word that it is old")


def test_pages_work_without_a_script(running: tuple[Running, Lines], tmp_path: Path) -> None:
    monitor, _ = running
    with browser.chromium(tmp_path / "profile", script=False) as plain:
        plain.get(f"{monitor.url}/")
        plain.find_element(By.LINK_TEXT, "Site branch").click()
        assert plain.find_element(By.CSS_SELECTOR, "h1 .state").text == "protected"
        assert plain.find_element(By.CSS_SELECTOR, "svg.drawing").is_displayed()
