"""Real SNMP agents for the tests: snmpsim over recorded devices, and net-snmp's snmpd with v3 users."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import peers
from probes.snmp_message import NotSnmp, answer_in, question

SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"

SNMPSIM = """
import sys, types
sys.modules["pysmi"] = types.ModuleType("pysmi")
sys.modules["pysmi"].__version__ = "none"
from snmpsim.commands.responder import main
sys.exit(main())
"""
"""snmpsim 1.2.2 imports pysmi, on which it does not depend, to name its version in a banner."""


def answers(port: int, community: str) -> bool:
    """Whether an agent on loopback answers a GET."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(question("2c", community.encode(), 1, [SYS_OBJECT_ID], following=False))
            answer_in(asking.recv(65535), "2c")
        except (OSError, NotSnmp):
            return False
        return True


@contextmanager
def snmpsim(records: Path, state: Path, *, first: str) -> Iterator[int]:
    """snmpsim over the *.snmprec files of `records`, each behind the community of its name; gives the UDP port."""
    if find_spec("snmpsim") is None:
        peers.missing("snmpsim is not installed (pip install snmpsim)")
    port = peers.free_port(socket.SOCK_DGRAM)
    state.mkdir(parents=True, exist_ok=True)
    args = [
        sys.executable,
        "-c",
        SNMPSIM,
        "--quiet",
        f"--data-dir={records}",
        f"--cache-dir={state / 'cache'}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--logging-method=stdout",
    ]
    if os.geteuid() == 0:
        args += ["--process-user=root", "--process-group=root"]
    with peers.process(args, log=state / "snmpsim.log"):
        peers.wait_until(lambda: answers(port, first), seconds=30, what="snmpsim")
        yield port


@contextmanager
def snmpd(state: Path, *lines: str, port: int = 0) -> Iterator[int]:
    """snmpd with the community `public`, and `lines` in its configuration; gives the UDP port."""
    program = peers.command("snmpd", "snmpd")
    port = port or peers.free_port(socket.SOCK_DGRAM)
    (state / "kept").mkdir(parents=True, exist_ok=True)
    written = state / "snmpd.conf"
    written.write_text("\n".join([f"agentaddress udp:127.0.0.1:{port}", "rocommunity public 127.0.0.1", *lines, ""]))
    args = [program, "-f", "-Lo", "-C", "-c", str(written), "-p", str(state / "snmpd.pid")]
    with peers.process(args, log=state / "snmpd.log", env={"SNMP_PERSISTENT_DIR": str(state / "kept")}):
        peers.wait_until(lambda: answers(port, "public"), what="snmpd")
        yield port
