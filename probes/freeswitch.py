"""The probe `freeswitch`: what a FreeSWITCH says of its gateways and its sessions (ESL).

Read-only: `probes.esl` has the two API commands that can be sent.
"""

import asyncio
import re
import time
from xml.parsers import expat

from probes.declared.freeswitch import Freeswitch
from probes.esl import ProtocolError, Reader, Reply, api, auth
from probes.management import LOCAL_BACK_OFF, REFUSED, Refused, Unread, chunk_of, connected, unread
from probes.pbx import Calls, Trunk, judge, select
from resilience.probing import Run
from resilience.reading import Reading, Reason, State, failure

REGISTRATION = {
    "REGED": (State.UP, ""),
    "UNREGED": (State.DOWN, "not registered"),
    "UNREGISTER": (State.DOWN, "unregistering"),
    "FAILED": (State.DOWN, "its registration failed"),
    "FAIL_WAIT": (State.DOWN, "its registration failed; it waits to try again"),
    "EXPIRED": (State.DOWN, "its registration expired"),
    "TIMEOUT": (State.DOWN, "its registration timed out"),
    "DOWN": (State.DOWN, "down"),
    "TRYING": (State.UNKNOWN, "is registering"),
    "REGISTER": (State.UNKNOWN, "is about to register"),
}
"""sofia_state_names in mod_sofia.c. NOREG is judged by its pings."""
_MEMBERS = ("name", "profile", "state", "status", "pingfreq")
_MOST = 10_000
"""Gateways of one FreeSWITCH."""


async def probe(settings: Freeswitch, run: Run) -> Reading:
    password = run.secret(settings.password)
    refused = run.channels.get(REFUSED, Refused)
    name = refused.name("esl", settings.place, password)
    if reading := refused.stands(name, time.monotonic()):
        return reading
    try:
        login = auth(password)
        async with connected(settings, run.timeout) as (reader, writer):
            session = _Session(reader, writer)
            await session.log_in(login)
            found = gateways(await session.call("sofia xmlstatus gateway"))
            calls = sessions(await session.call("status"))
    except _NotLetIn as error:
        reading = unread(settings, error)
        refused.keep(name, time.monotonic() + LOCAL_BACK_OFF, time.monotonic(), reading)
        return reading
    except Unread as error:
        return unread(settings, error)
    except ValueError as error:
        return failure(Reason.CONFIG, str(error))
    except ProtocolError as error:
        return failure(Reason.PROTOCOL, f"{settings.place}: {error}")
    return judge(select(found, settings.gateway), [calls] if calls else [])


class _NotLetIn(Unread):
    pass


class _Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = Reader()
        self._waiting: list[Reply] = []

    async def log_in(self, login: bytes) -> None:
        greeting = await self._next()
        if greeting.kind == "text/rude-rejection":
            raise Unread(Reason.AUTH, "its access list (apply-inbound-acl) does not admit us")
        if greeting.kind != "auth/request":
            raise ProtocolError("a greeting that is not that of FreeSWITCH's event socket")
        self._writer.write(login)
        reply = await self._next()
        if reply.kind != "command/reply":
            raise ProtocolError("an answer to auth that is none")
        if not reply.text.startswith("+OK"):
            minutes = f"{LOCAL_BACK_OFF / 60:g} min"
            raise _NotLetIn(
                Reason.AUTH, f"refuses the password; not tried again for {minutes}, unless the password changes"
            )

    async def call(self, command: str) -> bytes:
        self._writer.write(api(command))
        reply = await self._next()
        if reply.kind != "api/response":
            raise ProtocolError(f"an answer to {command} that is none")
        if reply.body.startswith(b"-ERR"):
            raise Unread(Reason.NOT_OFFERED, f"has no {command}; is mod_sofia loaded?")
        return reply.body

    async def _next(self) -> Reply:
        while not self._waiting:
            self._waiting = self._parser.feed(await chunk_of(self._reader))
        return self._waiting.pop(0)


def gateways(answer: bytes) -> tuple[Trunk, ...]:
    """The gateways in an answer to `sofia xmlstatus gateway`; ProtocolError where it is none."""
    records = _records(answer)
    names = [record["name"] for record in records]
    found = []
    for record in records:
        name = record["name"] if names.count(record["name"]) == 1 else f"{record['profile']}::{record['name']}"
        found.append(_gateway(name, record))
    if len({trunk.name for trunk in found}) < len(found):
        raise ProtocolError("a list that names one gateway twice")
    return tuple(sorted(found, key=lambda trunk: trunk.name))


def _records(answer: bytes) -> list[dict[str, str]]:
    """The members of every <gateway> that are read; the rest, usernames among it, is let go."""
    records: list[dict[str, str]] = []
    path: list[str] = []

    def begin(tag: str, _: dict[str, str]) -> None:
        path.append(tag)
        if path == ["gateways", "gateway"]:
            records.append({})
        if len(path) > 8 or len(records) > _MOST:
            raise ProtocolError("an answer with too much in it")

    def end(_: str) -> None:
        path.pop()

    def characters(text: str) -> None:
        if len(path) == 3 and path[:2] == ["gateways", "gateway"] and path[2] in _MEMBERS:
            records[-1][path[2]] = (records[-1].get(path[2], "") + text)[:200]

    def refuse(*_: object) -> None:
        raise ProtocolError("XML with a document type, which FreeSWITCH sends none of")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(answer, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise ProtocolError(f"{len(answer)} bytes that are not the XML of sofia xmlstatus") from None
    if not answer.lstrip().startswith(b"<") or not all(record.get("name", "").strip() for record in records):
        raise ProtocolError("an answer without the names of gateways")
    return [
        {member: "".join(c if c.isprintable() else "?" for c in record.get(member, "").strip()) for member in _MEMBERS}
        for record in records
    ]


def _gateway(name: str, record: dict[str, str]) -> Trunk:
    state, why = REGISTRATION.get(record["state"], (State.UNKNOWN, f"its state {record['state']!a} is not known here"))
    registers = record["state"] != "NOREG"
    pinged = record["pingfreq"].isdigit() and int(record["pingfreq"]) > 0
    answers = {"UP": True, "DOWN": False}.get(record["status"]) if pinged or record["status"] == "DOWN" else None
    if not registers:
        state, why = (State.UP, "") if answers else (State.UNKNOWN, "does not register and is not pinged")
    if answers is False:
        state, why = State.DOWN, "does not answer FreeSWITCH's pings"
    registered = {"REGED": True, "TRYING": None, "REGISTER": None, "NOREG": None}.get(
        record["state"], None if record["state"] not in REGISTRATION else False
    )
    return Trunk(name=name, state=state, why=why, registered=registered, reachable=answers, source="sofia xmlstatus")


_ACTIVE = re.compile(rb"^(\d{1,9}) session\(s\) - ", re.MULTILINE)
_LIMIT = re.compile(rb"^(\d{1,9}) session\(s\) max", re.MULTILINE)


def sessions(answer: bytes) -> Calls | None:
    """Sessions under way and admitted, from `status`; a call that is put through takes two. None where not told."""
    active, limit = _ACTIVE.search(answer), _LIMIT.search(answer)
    return Calls(int(active[1]), int(limit[1]) if limit else 0) if active else None
