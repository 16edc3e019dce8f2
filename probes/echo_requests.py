"""Echo requests in flight: which reply answers which, and what became of a few to one target.

Without socket and clock: moments are seconds of one monotonic clock, passed in. Messages are read in
`probes.icmp_message`; what a window of requests says about a component is judged in `probes.icmp`.
"""

import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from probes.icmp_message import NotEcho, Undelivered, parse, request

_COOKIE = 16
"""Random octets in each request: only who saw the request can answer it."""


@dataclass(slots=True, eq=False)
class Request:
    """One echo request and what became of it. Times in seconds of one monotonic clock."""

    destination: str
    sequence: int
    cookie: bytes
    packet: bytes
    sent_at: float
    replied: Callable[[], None]
    rtt: float | None = None
    said: str = ""
    """What a router said of it, and which."""


class InFlight:
    """The requests of one socket that wait for a reply: who answers which.

    A reply counts once, and only with the address, identifier, sequence and cookie of its request. An error
    is noted and ends nothing: some quote too little to prove that they saw the request, and a reply that
    comes after all is the better evidence.
    """

    def __init__(self, family: socket.AddressFamily, identifier: int) -> None:
        self._family = family
        self._identifier = identifier
        self._sequence = 0
        self._waiting: dict[tuple[str, int], Request] = {}

    def add(self, destination: str, now: float, replied: Callable[[], None]) -> Request:
        """A new request to `destination`; `replied` is called when it is answered."""
        while True:
            self._sequence = (self._sequence + 1) & 0xFFFF
            if (destination, self._sequence) not in self._waiting:
                break
        cookie = secrets.token_bytes(_COOKIE)
        packet = request(self._family, self._identifier, self._sequence, cookie)
        new = Request(destination, self._sequence, cookie, packet, now, replied)
        self._waiting[destination, self._sequence] = new
        return new

    def hear(self, message: bytes, sender: str, now: float, waited: float = 0.0) -> None:
        """Give one ICMP message from `sender` to the request it is about, if any.

        It is read at `now` and had `waited` seconds in the receive buffer; a wait that is longer than the
        whole round trip comes from a clock that was set and is not believed.
        """
        try:
            heard = parse(self._family, message)
        except NotEcho:
            return
        if heard.identifier != self._identifier:
            return
        if isinstance(heard, Undelivered):
            asked = self._waiting.get((heard.destination, heard.sequence))
            # Some routers pad their quotation or append extensions (RFC 4884), some quote only the header.
            if asked and asked.cookie.startswith(heard.payload[:_COOKIE]):
                asked.said = f"{sender} says {heard.why}"
            return
        asked = self._waiting.get((sender, heard.sequence))
        if asked and asked.cookie == heard.payload:
            self.forget([asked])
            elapsed = now - asked.sent_at
            asked.rtt = elapsed - waited if 0 < waited < elapsed else elapsed
            asked.replied()

    def forget(self, requests: Iterable[Request]) -> None:
        for asked in requests:
            if self._waiting.get((asked.destination, asked.sequence)) is asked:
                del self._waiting[asked.destination, asked.sequence]


@dataclass(frozen=True, slots=True)
class Window:
    """What became of a few echo requests to one target."""

    asked: int
    sent: int
    """How many left this machine."""
    rtts: tuple[float, ...] = ()
    """Round-trip times of those answered, in seconds, in the order sent."""
    said: str = ""
    """What a router said of one that was not answered."""
    error: OSError | None = None
    """Why one could not be sent."""
    overflowed: bool = False
    """The socket dropped packets for want of room: silence in this window proves nothing."""

    @property
    def loss(self) -> float | None:
        """Share of requests without a reply; None where that is not known."""
        silent = self.sent - len(self.rtts)
        return None if not self.sent or (silent and self.overflowed) else silent / self.sent

    @property
    def rtt(self) -> float | None:
        """Median round-trip time in seconds."""
        return median(self.rtts) if self.rtts else None

    @property
    def jitter(self) -> float | None:
        """Mean difference of successive round-trip times in seconds, as of transit times in RFC 3550 §6.4.1."""
        return fmean(abs(b - a) for a, b in pairwise(self.rtts)) if len(self.rtts) > 1 else None
