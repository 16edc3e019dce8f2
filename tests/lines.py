"""TCP ports on loopback that stand for a site's two lines, and the site file that declares them."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from resilience.simulate.tcp import PortSimulator

T = TypeVar("T")

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 1, fall: 2"


@contextmanager
def beside() -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    """Runs coroutines in an event loop of its own beside the test: what they started lives until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@dataclass(frozen=True)
class Lines:
    """Ports that accept connections."""

    ports: Sequence[int]
    _simulators: Sequence[PortSimulator]
    _run: Callable[[Coroutine[Any, Any, None]], None]

    def cut(self, line: int) -> None:
        self._run(self._simulators[line].cut())

    def restore(self, line: int) -> None:
        self._run(self._simulators[line].restore())


@contextmanager
def lines(*hosts: str) -> Iterator[Lines]:
    """A port on each of `hosts`; two on 127.0.0.1 where none is named."""
    with beside() as run:
        simulators = [(PortSimulator(), host) for host in hosts or ("127.0.0.1", "127.0.0.1")]
        ports = [run(simulator.start(host)) for simulator, host in simulators]
        opened = Lines(ports, [simulator for simulator, _ in simulators], run)
        try:
            yield opened
        finally:
            for line in range(len(ports)):
                opened.cut(line)


def site_on(ports: Sequence[int], *, site: str = "branch", pace: str = PACE) -> str:
    """A site with one line to each of two ports; either is a way to 911."""
    return f"""\
schema: 1
site: {site}
name: Site {site}
owner: {{team: operations}}
components:
  line-a: {{kind: wan, probes: [{{type: tcp, host: 127.0.0.1, port: {ports[0]}, {pace}}}]}}
  line-b: {{kind: wan, probes: [{{type: tcp, host: 127.0.0.1, port: {ports[1]}, {pace}}}]}}
  phones: {{kind: phones, units: 20, power: []}}
emergency_paths:
  - {{name: desk-by-a, tier: primary, needs: [phones, line-a], instructions: Dial 911.}}
  - {{name: desk-by-b, tier: alternate, needs: [phones, line-b], instructions: Dial 911.}}
"""
