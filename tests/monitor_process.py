"""The monitor as users run it: `resilience run` in a process of its own, read over HTTP."""

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

import peers

Get = Callable[[str], bytes]
RESILIENCE = (sys.executable, "-m", "resilience")


def get(url: str) -> bytes:
    """The body of `url`; no proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        body: bytes = answer.read()
        return body


@dataclass(frozen=True)
class Running:
    process: "Popen[bytes]"
    url: str
    log: Path
    fetch: Get

    def get(self, path: str) -> bytes:
        return self.fetch(f"{self.url}{path}")

    def site(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(f"/api/v1/sites/{name}"))
        return found

    def samples(self, metric: str, **labels: str) -> list[tuple[Mapping[str, str], float]]:
        """Every sample of `metric` whose labels hold `labels`."""
        families = text_string_to_metric_families(self.get("/metrics").decode())
        return [
            (sample.labels, sample.value)
            for family in families
            for sample in family.samples
            if sample.name == metric and labels.items() <= sample.labels.items()
        ]

    def value(self, metric: str, **labels: str) -> float | None:
        """The one sample's value; None where there is none."""
        found = self.samples(metric, **labels)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def state(self, site: str) -> str:
        """The state whose sample is 1; empty before the first full round."""
        states = self.samples("resilience_emergency_calling_state", site=site)
        return next((labels["state"] for labels, value in states if value == 1), "")

    def wait_for_state(self, site: str, state: str, *, seconds: float = 30) -> None:
        peers.wait_until(lambda: self.state(site) == state, seconds=seconds, what=f"{site} {state}")


@contextmanager
def monitor(
    sites: Path,
    log: Path,
    *,
    port: int = 0,
    inside: Sequence[str] = (),
    fetch: Get = get,
    env: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """`resilience run` over the directory `sites`, its database beside `log`. `inside` goes before the command,
    `fetch` reads its pages; 0 takes a free port."""
    port = port or peers.free_port()
    env = {"RESILIENCE_DATABASE": f"sqlite:///{log.with_suffix('.db')}", **(env or {})}
    args = [*inside, *RESILIENCE, "run", "--sites", str(sites), "--listen", f"127.0.0.1:{port}"]
    with peers.process(args, log=log, env=env) as process:
        running = Running(process, f"http://127.0.0.1:{port}", log, fetch)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return bool(running.get("/-/healthy"))
            except OSError:
                return False

        peers.wait_until(answers, seconds=20, what="the monitor")
        yield running
