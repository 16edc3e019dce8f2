"""One round of asking a SIP URI: its targets, our turn at each, one request and what came back.

What every SIP probe shares: the pace, Retry-After, the sockets. What an answer means is said by the probe.
"""

import asyncio
import math
from dataclasses import dataclass, replace
from typing import Self

from probes import trust
from probes.declared.sip_uri import SipUri, Transport
from probes.declared.sip_way import Server, Way
from probes.declared.targets import Targets
from probes.emergency import EmergencyRefused, permitted
from probes.sip_pace import Pace, Quiet
from probes.sip_resolve import Found, Lookup, Names, Unresolved, resolve
from probes.sip_target import Source, Target
from probes.sip_transport import BuildRequest, Exchange, Tls, UdpEndpoint, ask_by_stream
from probes.targets import not_sent
from resilience.probing import Run
from resilience.reading import Reading, Reason, failure

PACE = "sip-pace"
"""The key of the shared `Pace`: whoever opens it first decides the rate."""


@dataclass(frozen=True, slots=True)
class Round:
    """One execution with requests of one method.

    A request may leave until `latest`, an answer may come until `deadline` (the loop's clock).
    `latest` lies in the first half of the timeout, so that a slow resolver or our own pace is never mistaken for a
    silent trunk.
    """

    method: str
    uri: SipUri
    way: Way
    run: Run
    source: Source
    latest: float
    deadline: float

    @classmethod
    def begun(cls, method: str, uri: SipUri, way: Way, run: Run) -> Self:
        now = asyncio.get_running_loop().time()
        source = Source(way.source, way.interface)
        return cls(method, uri, way, run, source, latest=now + run.timeout / 2, deadline=now + run.timeout)

    async def targets(self) -> Found | Reading:
        """Where the URI leads, or why nothing was asked."""
        way = self.way
        try:
            permitted(str(self.uri))
            if self.uri.transport is Transport.TLS or way.ca:
                trust.client_context(way.verify, way.ca)
        except EmergencyRefused as refused:
            return failure(Reason.CONFIG, f"the URI {refused}")
        except OSError as error:
            return failure(Reason.CONFIG, f"ca {way.ca}: {error.strerror or error}")
        server = way.resolver or Server("")
        try:
            names = self.run.channels.get(("dns", server), lambda: Names(*server))
            return await resolve(self.uri, self.source, Lookup(self.latest, names))
        except Unresolved as error:
            return failure(Reason.RESOLVE, f"{self.uri.host} does not resolve: {error}")

    def share(self, among: int) -> Self:
        """This round with the share of the time that is left of the first of `among` targets asked in turn.

        Half of it where others wait: the first one usually answers. Several requests go to one target, each at our
        own pace, and whoever asks so takes no silence for an outage: the last may leave late.
        """
        now = asyncio.get_running_loop().time()
        part = max(self.deadline - now, 0) / min(among, 2)
        return replace(self, latest=now + part * 3 / 4, deadline=now + part)

    async def turn(self, target: Target) -> Reading | str:
        """Waits for our turn at `target`; the local address to ask from, or a reading where it is not to be asked."""
        loop = asyncio.get_running_loop()
        pace = self.run.channels.get(PACE, Pace)
        destination = (target.host, target.port)
        if quiet := pace.quiet(destination, loop.time()):
            return self._still(target, quiet)
        turn = pace.turn(destination, loop.time(), self.latest)
        if turn is None:
            return failure(Reason.IMPAIRED, f"{target}: not asked; too many probes share it at the monitor's own pace")
        await asyncio.sleep(turn - loop.time())
        if quiet := pace.quiet(destination, loop.time()):  # another probe was told so while this one waited
            return self._still(target, quiet)
        try:
            return self.source.towards(target)
        except OSError as error:
            return not_sent(str(target), Targets(source=self.way.source, interface=self.way.interface), error)

    async def exchange(self, target: Target, here: str, build: BuildRequest) -> Exchange:
        """Sends one request to `target` from the local address `here` and awaits its final response."""
        way, source = self.way, self.source
        if target.transport is not Transport.UDP:
            # RFC 5922 §7.2: the certificate carries the domain that was asked for, not the name an SRV record gives.
            tls = Tls(self.uri.host, way.verify, way.ca) if target.transport is Transport.TLS else None
            return await ask_by_stream(build, target, source, tls, self.deadline)
        try:
            endpoint = self.run.channels.get(
                ("sip-udp", source, target.family), lambda: UdpEndpoint(source, target.family)
            )
        except OSError as error:
            return Exchange(error=error)
        return await endpoint.ask(build(target.transport, here, endpoint.port), target, self.deadline)

    def heed(self, target: Target, exchange: Exchange, reading: Reading) -> Reading:
        """`reading`, which stands while `target` is left alone as its Retry-After asks (RFC 3261 §20.33)."""
        if exchange.final is None or not exchange.final.retry_after or not reading.failed:
            return reading
        seconds = exchange.final.retry_after
        reading = replace(reading, text=f"{reading.text}; asks for quiet for {seconds} s")
        pace = self.run.channels.get(PACE, Pace)
        pace.keep_quiet((target.host, target.port), asyncio.get_running_loop().time(), seconds, reading, self.method)
        return reading

    def _still(self, target: Target, quiet: Quiet) -> Reading:
        """What its last answer said stands; for another method it says only that the server asked for quiet."""
        left = f"not asked again for {math.ceil(quiet.until - asyncio.get_running_loop().time())} s"
        if quiet.method == self.method:
            return replace(quiet.reading, text=f"{quiet.reading.text}; {left}")
        return failure(Reason.DEVICE, f"{target}: its answer to {quiet.method} asked for quiet; {left}")
