"""Headless Chromium for the tests of pages (Debian packages chromium, chromium-driver), and axe-core in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

import peers

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WALL, PHONE = (1920, 1080), (390, 844)


@contextmanager
def chromium(profile: Path, *, script: bool = True) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = peers.command("chromium", "chromium")
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    browser = webdriver.Chrome(options, Service(peers.command("chromedriver", "chromium-driver")))
    browser.set_page_load_timeout(20)
    try:
        yield browser
    finally:
        browser.quit()


def serious_faults(browser: webdriver.Chrome) -> list[str]:
    """What axe-core calls serious or critical on the page, a line each."""
    browser.execute_script(AXE_SCRIPT)  # type: ignore[no-untyped-call]
    found: dict[str, Any] = browser.execute_async_script(  # type: ignore[no-untyped-call]
        "const done = arguments[0]; axe.run().then(done, (error) => done({violations: [], error: String(error)}))"
    )
    assert "error" not in found, found["error"]
    assert found["passes"], "axe-core checked nothing"
    return [
        f"{fault['id']}: {fault['help']}: {json.dumps([node['html'][:120] for node in fault['nodes'][:3]])}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
