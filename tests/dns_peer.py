"""A real DNS server on loopback: dnsmasq over records of the test's own, authoritative for `.test` alone."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query

import peers
from namespaces import Namespace


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a DNS server answers there."""
    try:
        dns.query.udp(dns.message.make_query("any.test", "A"), host, port=port, timeout=0.2)
    except (OSError, dns.exception.Timeout):
        return False
    return True


@contextmanager
def dnsmasq(log: Path, *records: str, where: Namespace | None = None, host: str = "127.0.0.1") -> Iterator[int]:
    """Its UDP and TCP port; `records` are options without dashes, such as `srv-host=_sip._udp.a.test,b.test,5060`."""
    program = peers.command("dnsmasq", "dnsmasq-base")
    port = peers.free_port(socket.SOCK_DGRAM)
    command = [
        program,
        "--keep-in-foreground",
        f"--port={port}",
        f"--listen-address={host}",
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
    inside: Callable[[Callable[[], bool]], bool] = where.inside if where else lambda work: work()
    with peers.process(where.command(*command) if where else command, log=log):
        peers.wait_until(lambda: inside(lambda: answers(port, host)), what="dnsmasq")
        yield port
