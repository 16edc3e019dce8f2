"""Takes the README's pictures of the pages from the demonstration: `python tests/screenshots.py docs/images`."""

import sys
import tempfile
import time
from pathlib import Path

import browser
import monitor_process
import peers

SEEN = (("fleet", "/", 620), ("site", "/sites/hillside-office", 1180))
WIDTH = 1440
STORY = 22.0
"""Seconds into the demonstration: ISP A is cut and the utility has failed."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    port = peers.free_port()
    address = f"http://127.0.0.1:{port}"
    demo = [*monitor_process.RESILIENCE, "demo", "--quiet", "--for", "60s", "--listen", f"127.0.0.1:{port}"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, peers.process(demo, log=Path(name) / "log") as playing:
        with browser.chromium(Path(name) / "profile") as chrome:
            time.sleep(max(0.0, began + STORY - time.monotonic()))
            for picture, path, height in SEEN:
                chrome.set_window_size(WIDTH, height)
                chrome.get(f"{address}{path}")
                chrome.save_screenshot(str(folder / f"{picture}.png"))
        playing.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
