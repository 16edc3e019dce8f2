"""Where a SIP URI leads, by RFC 3263 §4: NAPTR, then SRV, then addresses. Nothing is sent to a SIP target here.

The records are read by dnspython, from the system's resolver or from a named one; what they amount to is decided
in pure functions. Only a negative answer leads on to the next kind of record: where a question fails, the places
behind it are not known, and an address record of the same name may well be a web server's.
"""

import asyncio
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from probes.declared.sip_uri import SipUri, Transport
from probes.declared.targets import literal
from probes.sip_target import Source, Target
from resilience.reading import Reading, Reason, State, failure

MOST_TARGETS = 16
"""Places asked for one URI: a name with more is a mistake or an attack."""


class Naptr(NamedTuple):
    """RFC 3403 §4.1, as far as SIP reads it: `replacement` is the name of the SRV records."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    target: str


SERVICES = {"SIPS+D2T": Transport.TLS, "SIP+D2T": Transport.TCP, "SIP+D2U": Transport.UDP}
"""NAPTR services by the transport they mean (RFC 3263 §4.1)."""
PREFIXES = {Transport.TLS: "_sips._tcp", Transport.TCP: "_sip._tcp", Transport.UDP: "_sip._udp"}


class Unresolved(Exception):
    """The records could not be read or lead nowhere; the message says which."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host, by name or address, at a port and by a transport."""

    transport: Transport
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where a URI leads, best first; `lost` are places that records name and that have no address."""

    targets: tuple[Target, ...]
    lost: tuple[Reading, ...] = ()


def srv_names(records: Iterable[Naptr], scheme: str) -> tuple[tuple[Transport, str], ...]:
    """The SRV names that NAPTR records lead to, best first; a `sips` URI leaves out what is not TLS."""
    return tuple(
        (SERVICES[record.service.upper()], record.replacement)
        for record in sorted(records)
        if record.flags.upper() == "S"
        and record.service.upper() in SERVICES
        and (scheme != "sips" or SERVICES[record.service.upper()] is Transport.TLS)
    )


def places(transport: Transport, records: Iterable[Srv]) -> tuple[Place, ...]:
    """The places that SRV records name, best first; one whose target is "." says that there is none (RFC 2782)."""
    ranked = sorted(records, key=lambda record: (record.priority, -record.weight, record.target, record.port))
    return tuple(Place(transport, record.target, record.port) for record in ranked if record.target != ".")


LONGEST_KEPT = 300.0
"""Seconds: a TTL of a day would hide for as long that a trunk has moved."""


class _Kept(dns.resolver.LRUCache):
    """Answers for as long as their records live, and no longer than LONGEST_KEPT."""

    def put(self, key: Any, value: dns.resolver.Answer) -> None:
        value.expiration = min(value.expiration, time.time() + LONGEST_KEPT)
        super().put(key, value)


class Names:
    """What one DNS server has answered, shared by all probes that ask it: four questions take 3.6 ms of CPU.

    Without `server` the system's are asked, as /etc/resolv.conf names them at this moment.
    """

    def __init__(self, server: str = "", port: int = 53) -> None:
        self.server, self._port = server, port
        self._cache = _Kept(max_size=20_000)
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._written = 0

    def resolver(self) -> dns.asyncresolver.Resolver:
        """Raises NoResolverConfiguration or OSError where the system names no server."""
        written = 0 if self.server else Path("/etc/resolv.conf").stat().st_mtime_ns
        if self._resolver is None or written != self._written:
            fresh = dns.asyncresolver.Resolver(configure=not self.server)
            if self.server:
                fresh.nameservers, fresh.port = [self.server], self._port
            fresh.cache = self._cache
            self._resolver, self._written = fresh, written
        return self._resolver

    async def aclose(self) -> None:
        self._cache.flush()


@dataclass(frozen=True, slots=True)
class Lookup:
    """The questions of one resolution, until `deadline` (the loop's clock).

    Where `names` is of the system's servers, names are made addresses as everywhere on this machine.
    """

    deadline: float
    names: Names

    async def naptr(self, name: str) -> list[Naptr]:
        return [
            Naptr(r.order, r.preference, r.flags.decode("latin-1"), r.service.decode("latin-1"), str(r.replacement))
            for r in await self._records(name, "NAPTR")
        ]

    async def srv(self, name: str) -> list[Srv]:
        return [Srv(r.priority, r.weight, r.port, str(r.target)) for r in await self._records(name, "SRV")]

    async def addresses(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Empty where the name has none of that family."""
        if not self.names.server:
            return await self._by_system(host, family)
        kinds = {socket.AF_INET: ("A",), socket.AF_INET6: ("AAAA",)}.get(family, ("A", "AAAA"))
        answers = await asyncio.gather(*(self._records(host, kind) for kind in kinds))
        return [str(record.address) for answer in answers for record in answer]

    async def _by_system(self, host: str, family: socket.AddressFamily) -> list[str]:
        try:
            async with asyncio.timeout_at(self.deadline):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
                return []
            raise Unresolved(f"{host}: {error.strerror}") from None
        except TimeoutError:
            raise Unresolved(f"{host}: the resolver did not answer in time") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _records(self, name: str, kind: str) -> list[Any]:
        """The records of `name`, none where there are none; Unresolved where that could not be found out."""
        left = self.deadline - asyncio.get_running_loop().time()
        try:
            answer = await self.names.resolver().resolve(
                dns.name.from_text(name), kind, lifetime=max(left, 0.001), search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.NoResolverConfiguration:
            raise Unresolved(f"{kind} of {name}: this machine has no DNS server configured") from None
        except dns.exception.Timeout:
            raise Unresolved(f"{kind} of {name}: the DNS server did not answer in time") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise Unresolved(f"{kind} of {name}: {type(error).__name__}") from None
        return list(answer.rrset or ())


async def resolve(uri: SipUri, source: Source, lookup: Lookup) -> Found:
    """Every target of `uri`; Unresolved where it leads nowhere.

    All the transports that NAPTR records offer are followed, not only the best: a spare that is gone is worth
    knowing before it is needed. A family that `source` has not, or that this machine has no route for, is left out
    of a name that has another.
    """
    if literal(uri.host):
        return Found((Target(uri.transport, uri.host, uri.port or uri.transport.default_port),))
    family = socket.AF_UNSPEC
    if source.address:
        family = socket.AF_INET6 if ":" in source.address else socket.AF_INET
    every = (await _places(uri, lookup))[:MOST_TARGETS]
    answers = await asyncio.gather(*(_targets(place, family, lookup, uri) for place in every), return_exceptions=False)
    found = tuple(dict.fromkeys(target for answer in answers for target in answer.targets))[:MOST_TARGETS]
    lost = tuple(reading for answer in answers for reading in answer.lost)
    if not found:
        raise Unresolved("; ".join(reading.text for reading in lost) or f"{uri.host} names no target")
    if len(found) > 1:
        found = tuple(target for target in found if _routed(target, source)) or found
    return Found(found, lost)


async def _places(uri: SipUri, lookup: Lookup) -> tuple[Place, ...]:
    """RFC 3263 §4.1 and §4.2: a port leaves no record to look up; a transport leaves out NAPTR."""
    itself = (Place(uri.transport, uri.host, uri.port or uri.transport.default_port),)
    if uri.port or uri.host.rstrip(".") == "localhost":
        return itself
    names: tuple[tuple[Transport, str], ...]
    if uri.transport_written or uri.scheme == "sips":
        names = ((uri.transport, f"{PREFIXES[uri.transport]}.{uri.host}"),)
    else:
        names = tuple((transport, f"{prefix}.{uri.host}") for transport, prefix in PREFIXES.items())
    failed: Unresolved | None = None
    if not uri.transport_written:
        try:
            names = srv_names(await lookup.naptr(uri.host), uri.scheme) or names
        except Unresolved as error:  # some firewalls drop what they do not know; SRV may be answered all the same
            failed = error
    records = await asyncio.gather(*(lookup.srv(name) for _, name in names))
    if any(records):
        return tuple(
            place for (transport, _), found in zip(names, records, strict=True) for place in places(transport, found)
        )
    if failed:
        raise failed
    return itself


async def _targets(place: Place, family: socket.AddressFamily, lookup: Lookup, uri: SipUri) -> Found:
    name = f"{place.host.rstrip('.')}:{place.port}/{place.transport}"
    if literal(place.host):
        return Found((Target(place.transport, place.host, place.port),))
    try:
        addresses = await lookup.addresses(place.host, family)
    except Unresolved as error:
        return Found((), (failure(Reason.RESOLVE, f"{name}: {error}"),))
    if addresses:
        return Found(tuple(Target(place.transport, address, place.port) for address in addresses))
    # Whoever calls by the records finds nothing there either; of the family that was not asked for nothing is known.
    says = State.DOWN if place.host != uri.host and family == socket.AF_UNSPEC else State.UNKNOWN
    kind = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}.get(family, "")
    return Found((), (failure(Reason.RESOLVE, f"{name}: the name has no {kind}address", says=says),))


def _routed(target: Target, source: Source) -> bool:
    try:
        source.towards(target)
    except OSError:
        return False
    return True
