"""coturn as a STUN server: the real thing for public addresses."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import peers
from namespaces import Namespace
from probes import stun


def answers(address: str, port: int) -> bool:
    """Whether a STUN server answers there."""
    transaction = stun.new_transaction()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.connect((address, port))
            asking.send(stun.request(transaction))
            return stun.response(asking.recv(2048), transaction) is not None
        except OSError:
            return False


@contextmanager
def coturn(folder: Path, address: str, port: int, where: Namespace | None = None) -> Iterator[None]:
    """STUN alone, at `address`, until the block ends."""
    program = peers.command("turnserver", "coturn")
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--stun-only", "--no-cli", "--no-tls", "--no-dtls", "--no-auth", "-n", f"--userdb={folder / 'db'}"]
    files = [f"--pidfile={folder / 'pid'}", f"--log-file={folder / 'log'}", "--simple-log"]
    command = [program, *flags, *files, f"--listening-ip={address}", f"--listening-port={port}"]
    inside: Callable[[Callable[[], bool]], bool] = where.inside if where else lambda work: work()
    with peers.process(where.command(*command) if where else command, log=folder / "said", cwd=folder):
        peers.wait_until(lambda: inside(lambda: answers(address, port)), what="coturn")
        yield
