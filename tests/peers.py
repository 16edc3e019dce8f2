"""Real peers for the tests: found, started on loopback, awaited, ended by their own process id.

A peer that is missing skips the test with its name; with CI=true it fails it, so that CI never skips.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real dumps and worked cases beside the checkout, where they are present."""


def missing(reason: str) -> None:
    """Skip for a person, fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in CI: {reason}")
    pytest.skip(reason)


def command(name: str, package: str) -> str:
    """The path of a peer's program, or the test is skipped with the Debian package that has it."""
    for candidate in (name, f"/usr/sbin/{name}", f"/usr/bin/{name}"):
        if path := shutil.which(candidate):
            return path
    missing(f"{name} is not installed (Debian package {package})")
    raise AssertionError


def root() -> None:
    """For tests that need network namespaces or raw sockets."""
    if os.geteuid() != 0:
        missing("needs root (network namespaces, raw sockets)")


def shared(*parts: str) -> Path:
    """A file of the shared corpora; the test is skipped where they are not beside the checkout."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside this checkout")
    return path


def free_port(kind: int = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, below those that the kernel gives to clients: none takes it meanwhile."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def wait_until(true: Callable[[], object], *, seconds: float = 10, what: str = "the peer") -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


def listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


@contextmanager
def process(
    args: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A peer in a process group of its own, its output in `log`, ended with the block."""
    with log.open("wb") as output:
        peer = subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield peer
    finally:
        try:
            os.killpg(peer.pid, signal.SIGTERM)
            peer.wait(5)
        except ProcessLookupError:
            peer.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(peer.pid, signal.SIGKILL)
            peer.wait(5)
