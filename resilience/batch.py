"""Many site files, on every core: each is read and worked on by itself, and what comes of them keeps its order.

Workers are forks: they have what was imported, and every `_defaults.yaml` as it was read, so nothing is read twice
and nothing but answers travels. Only for commands, which have no threads and no event loop: a fork would copy what
those hold in the middle of what they do.
"""

import gc
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from resilience import garbage
from resilience.defaults import Lent
from resilience.faults import Fault
from resilience.model import Site
from resilience.sitefile import Reader
from resilience.yamltree import Scalar

CHUNK = 16
"""Files that a worker answers for at a time."""
WORTH_A_WORKER = 64
"""Files below which another process takes longer to begin than it saves."""

Item = tuple[Path, Lent]
Task = Callable[[Site], object]
"""What is asked of a valid site; the answer travels between processes. Raises Refused where there is none."""


class Refused(Exception):
    """A site cannot be answered for; the message says why."""


class Outcome(NamedTuple):
    """What came of one file. `answer` is what the task gave or raised, None where the file is wrong."""

    id: Scalar | None
    faults: tuple[Fault, ...]
    valid: bool
    answer: object = None


def outcomes(items: Sequence[Item], reader: Reader, task: Task, *, jobs: int) -> Iterator[Outcome]:
    """One for each of `items`, in their order, by up to `jobs` processes."""

    def outcome(item: Item) -> Outcome:
        file = reader.read_file(*item)
        answer = None if file.site is None else _asked(task, file.site)
        return Outcome(file.id, file.faults, file.site is not None, answer)

    workers = min(jobs, len(items) // WORTH_A_WORKER)
    return _forked(items, outcome, workers) if workers > 1 else _here(items, outcome)


def _asked(task: Task, site: Site) -> object:
    try:
        return task(site)
    except Refused as refused:
        return refused


def _here(items: Sequence[Item], outcome: Callable[[Item], Outcome]) -> Iterator[Outcome]:
    with garbage.looked_for_after(garbage.COMMAND):
        yield from map(outcome, items)


def _forked(items: Sequence[Item], outcome: Callable[[Item], Outcome], workers: int) -> Iterator[Outcome]:
    """Worker n takes every n-th chunk. A pipe that is full holds its worker back: no more waits than pipes hold."""
    from multiprocessing import get_context  # noqa: PLC0415  # costs 20 ms, and one file needs none

    fork = get_context("fork")
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    started: list[tuple[Any, Any]] = []
    try:
        for number in range(workers):
            here, there = fork.Pipe(duplex=False)
            process = fork.Process(target=_work, args=(chunks[number::workers], outcome, there), daemon=True)
            process.start()
            there.close()
            started.append((process, here))
        for number in range(len(chunks)):
            try:
                yield from started[number % workers][1].recv()
            except EOFError:
                raise RuntimeError("a worker process ended before its work; what ended it is told above") from None
    finally:
        for process, _ in started:
            process.terminate()
            process.join()


def _work(chunks: Iterable[Sequence[Item]], outcome: Callable[[Item], Outcome], there: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends its workers
    gc.freeze()
    with garbage.looked_for_after(garbage.COMMAND):
        for chunk in chunks:
            there.send([outcome(item) for item in chunk])
