"""The probe `kamailio`: are a Kamailio's own registrations at its providers valid (JSON-RPC `uac.reg_dump`)?

The dump carries passwords and HA1 hashes in clear; `parse_registrations` takes four members of each record and
lets the rest go. Read-only: no `uac.reg_refresh`, `reg_enable` or any other command is ever sent.
"""

import asyncio
import json
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import h11

from probes import trust
from probes.declared.kamailio import Kamailio
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

DISABLED = 1  # src/modules/uac/uac_reg.c, UAC_REG_*
ONLINE = 4
ANSWER_CAP = 4 << 20
"""Bytes of an answer: a record takes some 500, so this is 8,000 registrations."""
METHOD_NOT_FOUND = "'Method Not Found'"


class ProtocolError(Exception):
    """The answer is not that of `uac.reg_dump`. The message never quotes the answer, which holds passwords."""


class RpcError(Exception):
    """Kamailio refuses the call; the message is its own, quoted."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration: its `l_uuid`, its flags, and the seconds it has left, negative where it ran out."""

    name: str
    flags: int
    seconds_left: int

    @property
    def disabled(self) -> bool:
        return bool(self.flags & DISABLED)

    @property
    def valid(self) -> bool:
        return bool(self.flags & ONLINE) and not self.disabled and self.seconds_left > 0

    @property
    def why_not(self) -> str:
        if self.disabled:
            return "disabled"
        return "ran out" if self.flags & ONLINE else "not registered"


def parse_registrations(answer: bytes) -> tuple[Registration, ...]:
    """The registrations in an answer to `uac.reg_dump`, sorted by name; ProtocolError or RpcError says why not."""
    try:
        reply = json.loads(answer)
    except (ValueError, RecursionError):
        raise ProtocolError(f"{len(answer)} bytes that are not JSON") from None
    if not isinstance(reply, dict):
        raise ProtocolError("JSON that is not a JSON-RPC answer")
    if isinstance(error := reply.get("error"), dict):
        raise RpcError(ascii(error.get("message"))[:100])
    records = reply.get("result")
    if isinstance(records, dict):  # a single record comes without a list around it
        records = [records]
    if not isinstance(records, list):
        raise ProtocolError("a JSON-RPC answer without a result")
    found = sorted(map(_registration, records), key=lambda registration: registration.name)
    names = [registration.name for registration in found]
    if len(set(names)) < len(names):
        raise ProtocolError("a dump that names one registration twice")
    return tuple(found)


def _registration(record: Any) -> Registration:
    if not isinstance(record, dict):
        raise ProtocolError("a registration that is not a record")
    name, flags, seconds_left = (record.get(member) for member in ("l_uuid", "flags", "diff_expires"))
    if not isinstance(name, str) or not name or len(name) > 255 or not name.isprintable():
        raise ProtocolError("a registration without a usable l_uuid")
    if type(flags) is not int or type(seconds_left) is not int or abs(seconds_left) >= 2**32:
        raise ProtocolError(f"registration {name}: flags or diff_expires is not a number")
    return Registration(name, flags, seconds_left)


def judge(registrations: tuple[Registration, ...], watched: str, now: float) -> Reading:
    """What the registrations say of the trunk. `watched` is one l_uuid, or empty for all that are not disabled."""
    if watched:
        counted = [registration for registration in registrations if registration.name == watched]
    else:
        counted = [registration for registration in registrations if not registration.disabled]
    if not counted:
        there = ", ".join(registration.name for registration in registrations[:10]) or "none"
        named = f"no registration is named {watched}" if watched else "no registration is enabled"
        return failure(Reason.DEVICE, f"{named}; there are: {there}")
    lost = [registration for registration in counted if not registration.valid]
    state = State.UP if not lost else State.DOWN if len(lost) == len(counted) else State.DEGRADED
    told = ", ".join(f"{registration.name} ({registration.why_not})" for registration in lost)
    return Reading(state, None, f"no valid registration: {told}" if lost else "", _observations(counted, now))


def _observations(registrations: list[Registration], now: float) -> tuple[Observation, ...]:
    found = []
    for registration in registrations:
        name = registration.name
        found.append(Observation("trunk_registered", float(registration.valid), source="flags", target=name))
        if registration.flags & ONLINE:  # else diff_expires counts to the next attempt
            expires = now + registration.seconds_left
            found.append(
                Observation(
                    "trunk_registration_expiry_timestamp_seconds", expires, "s", source="diff_expires", target=name
                )
            )
    return tuple(found)


async def probe(settings: Kamailio, run: Run) -> Reading:
    """Reads the dump and judges it. What goes wrong on the way says nothing of the trunk: unknown."""
    try:
        async with asyncio.timeout(run.timeout):
            status, answer = await _call(settings)
        if status in (401, 403):
            return failure(Reason.AUTH, f"{settings.url} answers {status}: the monitor is not let in")
        if status not in (200, 500):
            raise ProtocolError(f"HTTP status {status}")
        registrations = parse_registrations(answer)
        if status == 500:  # Kamailio answers so where it has an error to tell, never with a dump
            raise ProtocolError("HTTP status 500 with a dump")
        return judge(registrations, settings.registration, time.time())
    except RpcError as error:
        if str(error) == METHOD_NOT_FOUND:
            return failure(Reason.NOT_OFFERED, f"{settings.url} has no uac.reg_dump; the module uac is not loaded")
        return failure(Reason.DEVICE, f"{settings.url} refuses uac.reg_dump: {error}")
    except h11.RemoteProtocolError:  # its text quotes the answer
        return failure(Reason.PROTOCOL, f"{settings.url}: an answer that is not whole HTTP")
    except ProtocolError as error:
        return failure(Reason.PROTOCOL, f"{settings.url}: {error}; is the path right?")
    except OSError as error:
        return failure(_reason(error), f"{settings.url}: {error.strerror or error or 'no answer'}")


def _reason(error: OSError) -> Reason:
    reasons: tuple[tuple[type[OSError], Reason], ...] = (
        (TimeoutError, Reason.TIMEOUT),
        (ConnectionRefusedError, Reason.REFUSED),
        (ConnectionError, Reason.CLOSED),
        (ssl.SSLError, Reason.TLS),
        (FileNotFoundError, Reason.CONFIG),
        (socket.gaierror, Reason.RESOLVE),
    )
    return next((reason for kind, reason in reasons if isinstance(error, kind)), Reason.UNREACHABLE)


async def _call(settings: Kamailio) -> tuple[int, bytes]:
    """Status and body of one POST on a connection of its own; the caller bounds the time."""
    context = trust.client_context(settings.verify, settings.ca) if settings.tls else None
    reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=context)
    try:
        wire = h11.Connection(h11.CLIENT)
        writer.write(_request(wire, settings))
        status, body = 0, bytearray()
        while not isinstance(event := wire.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                wire.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            if len(body) > ANSWER_CAP:
                raise ProtocolError(f"an answer of more than {ANSWER_CAP} bytes")
        return status, bytes(body)
    finally:
        writer.transport.abort()


def _request(wire: h11.Connection, settings: Kamailio) -> bytes:
    call = json.dumps({"jsonrpc": "2.0", "method": "uac.reg_dump", "id": 1}).encode()
    request = h11.Request(
        method="POST",
        target=settings.path,
        headers=[
            ("Host", settings.url.split("/")[2]),
            ("User-Agent", "site-resilience-monitor"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(call))),
            ("Connection", "close"),
        ],
    )
    events = (request, h11.Data(data=call), h11.EndOfMessage())
    return b"".join(wire.send(event) or b"" for event in events)
