"""A quicker road for GETs of version 2c, where the extra `fast` (gufo-snmp, in Rust) is installed.

It only ever speeds a good answer up. Whatever is odd about one (an object missing, an error, garbage, silence) is
asked again and judged on the ordinary road: gufo-snmp tells no error-status, and leaves out what an agent left out.
It does check where an answer comes from, its request-id and its community (seen with 0.13.0).
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from probes.snmp_channel import Agent
from probes.snmp_message import Answer
from resilience.probing import Channels

try:
    from gufo.snmp import SnmpError, SnmpVersion
    from gufo.snmp.aio import SnmpSession
except ImportError:  # the extra is not installed
    INSTALLED = False
else:
    INSTALLED = True

MOST_AT_ONCE = 250
"""Questions in flight: each has a socket of its own, and 1,024 are what a process may usually have open."""

MOST_KNOWN = 20_000
"""Questions whose missing objects are remembered."""

Asking = Callable[[Agent, bytes, Sequence[str], float], Any]


async def by_gufo(agent: Agent, community: bytes, oids: Sequence[str], patience: float) -> Mapping[str, Any] | None:
    """What the agent says to one GET; None where it is silent or anything is odd."""
    ip, port = agent.address[:2]
    try:
        sys.audit("socket.connect", None, agent.address)  # its sockets are not Python's, and the fence is asked so
        # A session for each question: two at once on one session lose 9 answers of 10, and a new one costs 0.02 ms.
        session = SnmpSession(ip, port, community.decode(), version=SnmpVersion.v2c, timeout=patience)
        async with asyncio.timeout(patience):  # an agent may keep its own waiting with wrong request-ids
            return await session.get_many(oids)
    except (SnmpError, OSError, ValueError, RuntimeError, TimeoutError):
        return None


class FastRoad:
    """Asks by `asking`, if there is such a way, and learns from the ordinary road what agents do not have."""

    def __init__(self, asking: Asking | None = by_gufo if INSTALLED else None) -> None:
        self._asking = asking
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._odd: set[tuple[object, ...]] = set()
        """Agents whose last answer was none to believe: they are asked by the ordinary road until they answer, or the
        silent would hold every socket and keep the living waiting."""
        self._missing: dict[tuple[object, ...], frozenset[str]] = {}

    def takes(self, agent: Agent) -> bool:
        """Whether a question may go this way first: it needs another try for the ordinary road."""
        ip, scope = str(agent.address[0]), agent.address[3:]
        fit = agent.tries > 1 and "%" not in ip and scope in ((), (0,))
        return self._asking is not None and fit and agent.address not in self._odd and not self._slots.locked()

    async def ask(self, agent: Agent, community: bytes, oids: Sequence[str]) -> Answer | None:
        """A whole answer, with the objects missing that are known to be; None to be asked again."""
        if self._asking is None:
            return None
        async with self._slots:
            if (patience := agent.left()) <= 0:
                return None
            found = await self._asking(agent, community, oids, patience)
        if found is None or not set(found) <= set(oids):
            if len(self._odd) < MOST_KNOWN:
                self._odd.add(agent.address)
            return None
        values = {oid: value for oid, value in found.items() if _sure(value)}
        missing = frozenset(oids).difference(values)
        if missing and missing != self._missing.get((*agent.address, community, *oids)):
            return None
        return Answer(0, tuple((oid, values.get(oid)) for oid in oids))

    def learn(self, agent: Agent, community: bytes, oids: Sequence[str], answer: Answer) -> None:
        """Remembers what `answer`, from the ordinary road, has not."""
        self._odd.discard(agent.address)
        question = (*agent.address, community, *oids)
        missing = frozenset(oid for oid, value in answer.objects if value is None)
        if answer.status or not missing or len(missing) == len(oids):
            self._missing.pop(question, None)
            return
        if len(self._missing) >= MOST_KNOWN:
            self._missing.clear()
        self._missing[question] = missing

    async def aclose(self) -> None:
        self._missing.clear()
        self._odd.clear()


def _sure(value: object) -> bool:
    """Whether `value` can be no other type: four arcs may be an OBJECT IDENTIFIER or an IpAddress."""
    return isinstance(value, int | bytes) or (isinstance(value, str) and value.count(".") != 3)


def fast_road(channels: Channels) -> FastRoad:
    return channels.get("snmp-fast", FastRoad)
