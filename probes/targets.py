"""Bare targets, a host each, and the way out to them: what the probes that ask any host share.

Names to addresses, the source and interface of a socket, faults of our own that prove nothing
about the target, and the quorum.
"""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from probes.declared.targets import Targets, literal
from resilience.reading import Reading, Reason, State, failure

Address = tuple[Any, ...]
"""What `getaddrinfo` gives for a host: (address, port) or (address, port, flow, scope)."""

_FAMILIES = {"4": socket.AF_INET, "6": socket.AF_INET6, "": socket.AF_UNSPEC}


def wanted_family(settings: Targets) -> socket.AddressFamily:
    """The address family of the source, else of the IP version wanted, else any."""
    return _FAMILIES[settings.ip_version]


async def resolve(
    target: str, port: int, family: socket.AddressFamily, until: float
) -> tuple[socket.AddressFamily, Address]:
    """Family and socket address of `target`: the first that the resolver prefers, if before `until` (loop time).

    Raises Unresolved. An address of this machine is none: filtering resolvers answer so for what they block,
    and this machine would then answer in the target's place.
    """
    try:
        if literal(target):  # not through the thread pool, which names that do not resolve may fill
            found = socket.getaddrinfo(target, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return found[0][0], found[0][4]
        async with asyncio.timeout_at(until):
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(target, port, family=family, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Unresolved(f"{target}: the resolver did not answer in time") from None
    except socket.gaierror as error:
        raise Unresolved(f"{target}: {error.strerror}") from None
    resolved = ipaddress.ip_address(found[0][4][0])
    if resolved.is_unspecified or (resolved.is_loopback and target != "localhost"):
        raise Unresolved(f"{target}: resolves to {resolved}, which is this machine")
    return found[0][0], found[0][4]


class Unresolved(Exception):
    """There is no address to ask; the message says why."""


def leave_by(sock: socket.socket, source: str, interface: str) -> None:
    """Bind `sock` to a source address and an interface; "" leaves the choice to the routing table."""
    if interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    if source:
        sock.bind((source, 0))


_OURS: Mapping[int, tuple[Reason, str]] = {
    errno.EADDRNOTAVAIL: (Reason.CONFIG, "this machine does not have the source address"),
    errno.EINVAL: (Reason.CONFIG, "this machine no longer has the source address, or a route discards it"),
    errno.ENODEV: (Reason.CONFIG, "this machine has no such interface"),
    errno.EAFNOSUPPORT: (Reason.CONFIG, "this machine does not speak that IP version"),
    errno.EPERM: (Reason.CONFIG, "a local firewall rule or a missing capability forbids it"),
    errno.EACCES: (Reason.CONFIG, "a route prohibits it, or it is a broadcast address"),
    errno.ENETUNREACH: (Reason.UNREACHABLE, "this machine has no route to it; is the interface up?"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "this machine's own routing table says that it is unreachable"),
    errno.ENETDOWN: (Reason.UNREACHABLE, "this machine's interface is down"),
    errno.ENOBUFS: (Reason.IMPAIRED, "the queue of this machine's interface is full"),
    errno.EAGAIN: (Reason.IMPAIRED, "the socket's send buffer is full"),
    errno.EMFILE: (Reason.IMPAIRED, "this process has no file descriptor left"),
}


def not_sent(target: str, settings: Targets, error: OSError) -> Reading:
    """Why nothing could be sent. Always unknown: nothing was asked, so nothing was learnt about the target.

    That holds for a route that is missing here as well: whether the component works is for a monitor to say
    that can reach it, and an unknown component is not counted on either.
    """
    reason, text = _OURS.get(error.errno or 0, (Reason.CONFIG, "it cannot be sent"))
    way = "".join(
        f" {word} {value}" for word, value in (("from", settings.source), ("on", settings.interface)) if value
    )
    return failure(reason, f"{target}: not asked{way}: {text} ({error.strerror})")


def by_quorum(readings: Mapping[str, Reading], quorum: int) -> Reading:
    """One reading out of those of the targets.

    Works where `quorum` targets work, is down where so many could not even if every target that was not
    asked worked, and is unknown between. What keeps a target from being up is named.
    """
    working = sum(reading.state.works for reading in readings.values())
    unasked = [reading for reading in readings.values() if reading.state is State.UNKNOWN]
    down = [reading for reading in readings.values() if reading.state is State.DOWN]
    text = "; ".join(reading.text for reading in readings.values() if reading.state is not State.UP)
    observations = tuple(seen for reading in readings.values() for seen in reading.observations)
    if len(readings) > 1 and text:
        text = f"{working} of {len(readings)} targets answer, {quorum} must: {text}"
    if working >= quorum:
        return Reading(State.DEGRADED if text else State.UP, text=text, observations=observations)
    if working + len(unasked) >= quorum:
        telling = min(unasked, key=lambda reading: reading.failed)  # one that was read counts as read
        return Reading(State.UNKNOWN, telling.reason, text, observations)
    return Reading(State.DOWN, down[0].reason, text, observations)
