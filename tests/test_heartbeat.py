"""The sign of life goes on whatever the watcher elsewhere answers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from prometheus_client import CollectorRegistry, Counter

import peers
from resilience.fitness import Fitness
from resilience.heartbeat import Heart

GOOD = b"HTTP/1.0 200 OK\r\n\r\nok"


@contextmanager
def watcher(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Gives each answer to one request, then the last one; what was asked."""
    asked: list[bytes] = []

    class Answer(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            self.wfile.write(answers[min(len(asked), len(answers)) - 1])

    with ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 " + b"2" * 70_000, b"", b"HTTP/1.0 500 no\r\n\r\n"]
)
def test_a_watcher_that_answers_nonsense_is_asked_again(answer: bytes) -> None:
    registry = CollectorRegistry()
    counter = Counter("heartbeats", "of this test", ["outcome"], registry=registry)

    async def run(port: int, asked: list[bytes]) -> None:
        heart = Heart(f"http://127.0.0.1:{port}/", 0.01, well=lambda: True)
        beating = asyncio.create_task(heart.run(counter))
        await asyncio.to_thread(peers.wait_until, lambda: len(asked) > 2 or beating.done(), what="the next heartbeat")
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    with watcher(answer, GOOD) as (port, asked):
        asyncio.run(run(port, asked))
    assert len(asked) > 2
    assert registry.get_sample_value("heartbeats_total", {"outcome": "failed"}) == 1


def test_a_probe_that_could_not_ask_is_no_monitor_that_is_gone() -> None:
    fitness = Fitness(synchronised=lambda: True)
    fitness.overloaded(100.0)
    assert fitness.reasons(101.0) == {"overload"}
    assert fitness.judges(101.0)
    fitness.note(late=2.0, stepped=0.0, at=101.0)
    assert not fitness.judges(102.0)
    assert fitness.judges(200.0)
