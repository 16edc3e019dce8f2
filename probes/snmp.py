"""Asking an SNMP agent: GET and bounded walks over v1, v2c and v3.

What may live here: sessions with an agent, and what a missing object or a refusal means. No device's OID and no
judgement.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pysnmp.hlapi.v3arch import asyncio as v3arch

from probes.declared.snmp import Access, check_access
from probes.snmp_channel import Address, Agent, CommunityChannel, SnmpFailure, UserChannel
from probes.snmp_fast import fast_road
from probes.snmp_message import Answer, Value, arcs
from resilience.model import Secret
from resilience.probing import Run
from resilience.reading import Reason

__all__ = ["Session", "SnmpFailure", "Value", "open_session"]

MOST_OIDS = 16
"""Objects in one GET: the answer stays within one Ethernet frame, which every agent can send."""

NO_ERROR, TOO_BIG, NO_SUCH_NAME = 0, 1, 2
FORBIDDEN = frozenset({6, 16})
"""noAccess and authorizationError. All error-status values: RFC 3416 §3."""

AUTH_PROTOCOLS: Mapping[str, Any] = {
    "": v3arch.USM_AUTH_NONE,
    "SHA-256": v3arch.USM_AUTH_HMAC192_SHA256,
    "SHA": v3arch.USM_AUTH_HMAC96_SHA,
    "SHA-512": v3arch.USM_AUTH_HMAC384_SHA512,
    "SHA-384": v3arch.USM_AUTH_HMAC256_SHA384,
    "SHA-224": v3arch.USM_AUTH_HMAC128_SHA224,
    "MD5": v3arch.USM_AUTH_HMAC96_MD5,
}
PRIV_PROTOCOLS: Mapping[str, Any] = {
    "": v3arch.USM_PRIV_NONE,
    "AES": v3arch.USM_PRIV_CFB128_AES,
    # No RFC has longer AES keys; as net-snmp does, they are extended as in draft-blumenthal-aes-usm-04.
    "AES-192": v3arch.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": v3arch.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "DES": v3arch.USM_PRIV_CBC56_DES,
}


Ask = Callable[[Sequence[str], bool], Awaitable[Answer]]
"""Asks for objects, or for those that follow them, and raises SnmpFailure."""


class Session:
    """One agent during one run of a probe."""

    def __init__(self, ask: Ask) -> None:
        self._exchange = ask
        self._answered = False

    async def _ask(self, oids: Sequence[str], *, following: bool) -> Answer:
        try:
            answer = await self._exchange(oids, following)
        except SnmpFailure as silent:
            if self._answered and silent.reason is Reason.TIMEOUT:
                raise SnmpFailure(
                    Reason.TIMEOUT, "the agent answered at first, then no more in the time given"
                ) from None
            raise
        self._answered = True
        return answer

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """The values of `oids`; objects that the agent does not have are left out.

        A version 1 agent refuses a whole question for one missing object (noSuchName), and some agents
        do so for one broken object (genErr): then every object is asked for alone.
        """
        found: dict[str, Value] = {}
        waiting = [list(oids[start : start + MOST_OIDS]) for start in range(0, len(oids), MOST_OIDS)]
        while waiting:
            batch = waiting.pop(0)
            answer = await self._ask(batch, following=False)
            if answer.status == NO_ERROR:
                if [name for name, _ in answer.objects] != batch:
                    raise SnmpFailure(Reason.PROTOCOL, "the agent answered about other objects than it was asked for")
                found |= {name: value for name, value in answer.objects if value is not None}
            elif answer.status in FORBIDDEN:
                raise SnmpFailure(Reason.AUTH, f"the agent does not let this user read (error-status {answer.status})")
            elif len(batch) > 1:
                parts = 2 if answer.status == TOO_BIG else len(batch)
                waiting = [batch[part::parts] for part in range(parts)] + waiting
            elif answer.status == TOO_BIG:
                raise SnmpFailure(Reason.PROTOCOL, f"the agent says that {batch[0]} alone is too big")
        return found

    async def walk(self, base: str, most: int) -> dict[str, Value]:
        """Up to `most` objects below `base`, in order. An agent that does not go forward is a failure."""
        found: dict[str, Value] = {}
        name = base
        while len(found) < most:
            answer = await self._ask([name], following=True)
            if answer.status == NO_SUCH_NAME:  # the end, in version 1
                break
            if answer.status != NO_ERROR or len(answer.objects) != 1:
                raise SnmpFailure(Reason.PROTOCOL, f"a walk of {base} broke off (error-status {answer.status})")
            following, value = answer.objects[0]
            if value is None or not following.startswith(f"{base}."):
                break
            if arcs(following) <= arcs(name):
                raise SnmpFailure(Reason.PROTOCOL, f"a walk of {base} went from {name} to {following}, which is not on")
            found[following] = value
            name = following
        return found


async def open_session(access: Access, run: Run) -> Session:
    """A session with the agent at `access`, bounded by `run.timeout` from now. Raises SnmpFailure, SecretMissing."""
    deadline = asyncio.get_running_loop().time() + run.timeout
    family, address = await _resolved(access, deadline)
    tries = run.retries + 1
    agent = Agent(address, tries, run.timeout / tries, deadline)
    if access.version == "3":
        return _user_session(access, run, family, agent)
    if access.community is None:
        raise SnmpFailure(Reason.CONFIG, str(check_access(access)))
    community = _secret(run, access.community, "community").encode()
    channel = run.channels.get(("snmp", family, access.source), lambda: CommunityChannel(family, access.source))

    fast = fast_road(run.channels)
    plain = access.version == "2c" and not access.source

    async def ask(oids: Sequence[str], following: bool) -> Answer:
        asked = agent
        if plain and not following and fast.takes(agent):
            if answer := await fast.ask(agent, community, oids):
                return answer
            asked = replace(agent, tries=agent.tries - 1)
        answer = await channel.ask(asked, access.version, community, oids, following=following)
        if plain and not following:
            fast.learn(agent, community, oids, answer)
        return answer

    return Session(ask)


def _user_session(access: Access, run: Run, family: int, agent: Agent) -> Session:
    auth = _secret(run, access.auth, "auth") if access.auth else None
    priv = _secret(run, access.priv, "priv") if access.priv else None
    protocols = (access.auth_protocol if auth else "", access.priv_protocol if priv else "")

    def opened() -> UserChannel:
        user = v3arch.UsmUserData(
            access.user,
            auth,
            priv,
            authProtocol=AUTH_PROTOCOLS[protocols[0]],
            privProtocol=PRIV_PROTOCOLS[protocols[1]],
        )
        return UserChannel(family, access.source, user)

    channel = run.channels.get(("snmp", family, access.source, access.user, auth, priv, protocols), opened)

    async def ask(oids: Sequence[str], following: bool) -> Answer:
        return await channel.ask(agent, oids, following=following)

    return Session(ask)


def _secret(run: Run, secret: Secret, key: str) -> str:
    text = run.secret(secret)
    if not text:
        raise SnmpFailure(Reason.CONFIG, f"the secret of '{key}' is empty")
    return text


async def _resolved(access: Access, deadline: float) -> tuple[int, Address]:
    family = 0
    if access.source:
        family = socket.AF_INET6 if ipaddress.ip_address(access.source).version == 6 else socket.AF_INET
    kind = {"family": family, "type": socket.SOCK_DGRAM}
    try:
        try:
            found = socket.getaddrinfo(access.host, access.port, **kind, flags=socket.AI_NUMERICHOST)
        except socket.gaierror as error:
            if error.errno != socket.EAI_NONAME:
                raise
            async with asyncio.timeout_at(deadline):
                found = await asyncio.get_running_loop().getaddrinfo(access.host, access.port, **kind)
    except TimeoutError:
        raise SnmpFailure(Reason.RESOLVE, f"'{access.host}' was not resolved in time") from None
    except OSError as error:
        raise SnmpFailure(Reason.RESOLVE, f"'{access.host}' does not resolve: {error.strerror}") from None
    return int(found[0][0]), found[0][4]
