"""A real DNS server on loopback: dnsmasq over records of the test's own, authoritative for `.test` alone."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query

import peers


def answers(port: int) -> bool:
    """Whether a DNS server on loopback answers."""
    try:
        dns.query.udp(dns.message.make_query("any.test", "A"), "127.0.0.1", port=port, timeout=0.2)
    except (OSError, dns.exception.Timeout):
        return False
    return True


@contextmanager
def dnsmasq(log: Path, *records: str) -> Iterator[int]:
    """Its UDP and TCP port; `records` are options without dashes, such as `srv-host=_sip._udp.a.test,b.test,5060`."""
    program = peers.command("dnsmasq", "dnsmasq-base")
    port = peers.free_port(socket.SOCK_DGRAM)
    command = [
        program,
        "--keep-in-foreground",
        f"--port={port}",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--local=/test/",
        "--user=",
        "--pid-file=",
        "--log-facility=-",
        *(f"--{record}" for record in records),
    ]
    with peers.process(command, log=log):
        peers.wait_until(lambda: answers(port), what="dnsmasq")
        yield port
