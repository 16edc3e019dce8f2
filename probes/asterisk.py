"""The probe `asterisk`: what an Asterisk says of its outbound registrations, its contacts and its calls (AMI).

Read-only: `probes.ami` has the actions that can be sent. chan_sip, which Asterisk dropped with version 21, is not
read.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Sequence

from probes.ami import Message, ProtocolError, Reader, action, key
from probes.declared.asterisk import Asterisk
from probes.management import LOCAL_BACK_OFF, REFUSED, Refused, Unread, chunk_of, connected, not_protocol, unread
from probes.pbx import Calls, Trunk, all_hold, judge, select
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

REGISTRATION = {
    "Registered": (State.UP, ""),
    "Unregistered": (State.DOWN, "not registered"),
    "Rejected": (State.DOWN, "rejected by the provider"),
    "": (State.DOWN, "never registered"),
}
"""res_pjsip_outbound_registration.c; no status where there is no state yet."""
CONTACT = {
    "Reachable": (State.UP, ""),
    "Unreachable": (State.DOWN, "does not answer Asterisk's OPTIONS"),
    "Removed": (State.DOWN, "removed"),
    "NonQualified": (State.UNKNOWN, "never asked: its qualify_frequency is 0"),
    "Unknown": (State.UNKNOWN, "not asked yet"),
    "Created": (State.UNKNOWN, "not asked yet"),
}
"""res_pjsip/pjsip_options.c."""

ALARMS = {
    **dict.fromkeys(("No Alarm", "None"), State.UP),
    # An FXO without battery is in Red Alarm.
    **dict.fromkeys(("Red Alarm", "Yellow Alarm", "Blue Alarm", "Recovering", "Loopback", "Not Open"), State.DOWN),
    "Unknown Alarm": State.UNKNOWN,
}
"""chan_dahdi.c."""


async def probe(settings: Asterisk, run: Run) -> Reading:
    password = run.secret(settings.password)
    refused = run.channels.get(REFUSED, Refused)
    name = refused.name("ami", settings.place, settings.user, password)
    if reading := refused.stands(name, time.monotonic()):
        return reading
    try:
        async with connected(settings, run.timeout) as (reader, writer):
            return await _Session(settings, reader, writer).read(password)
    except _NotLetIn as error:
        reading = unread(settings, error)
        refused.keep(name, time.monotonic() + LOCAL_BACK_OFF, time.monotonic(), reading)
        return reading
    except Unread as error:
        return unread(settings, error)
    except ProtocolError as error:
        return failure(Reason.PROTOCOL, f"{settings.place}: {error}")


class _NotLetIn(Unread):
    pass


class _Session:
    """One conversation. Every action has an identity of its own, so that nothing else is taken for its answer."""

    def __init__(self, settings: Asterisk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._settings, self._reader, self._writer = settings, reader, writer
        self._parser = Reader()
        self._waiting: list[Message] = []

    async def read(self, password: str) -> Reading:
        settings = self._settings
        await self._log_in(password)
        readings, calls = [], [await self._core_calls()]
        if settings.dahdi:
            channel = {"DAHDIChannel": str(settings.dahdi)}
            readings.append(line(settings.dahdi, await self._list("DAHDIShowChannels", **channel)))
        if settings.registration or not (settings.endpoint or settings.dahdi):
            found = registrations(await self._list("PJSIPShowRegistrationsOutbound"))
            readings.append(judge(select(found, settings.registration)))
        if settings.endpoint:
            reading, of_endpoint = await self._endpoint()
            readings.append(reading)
            calls.append(of_endpoint)
        self._writer.write(action("Logoff", secrets.token_hex(8)))
        return _with_calls(all_hold(readings), [one for one in calls if one])

    async def _log_in(self, password: str) -> None:
        user = {"Username": self._settings.user, "Events": "off"}
        challenge = (await self._ask("Challenge", AuthType="MD5"))[0]
        if challenge.get("Response") == "Success" and challenge.get("Challenge"):
            answer = {"AuthType": "MD5", "Key": key(challenge["Challenge"], password)}
        elif self._settings.tls and not re.search(r"[\r\n\0]", password):
            answer = {"Secret": password}
        else:
            raise Unread(Reason.AUTH, "offers no challenge, and a password is not sent in clear without TLS")
        said = (await self._ask("Login", **answer, **user))[0]
        if said.get("Response") != "Success":
            minutes = f"{LOCAL_BACK_OFF / 60:g} min"
            raise _NotLetIn(
                Reason.AUTH,
                f"refuses the user {self._settings.user} ({said.get('Message', '')}); not tried again for {minutes}, "
                "unless the password changes",
            )

    async def _list(self, name: str, **arguments: str) -> list[Message]:
        """The events of a list; Unread where Asterisk refuses it."""
        response, *events = await self._ask(name, **arguments)
        if response.get("Response") != "Success":
            said = response.get("Message", "")
            reason = Reason.AUTH if said == "Permission denied" else Reason.DEVICE
            if said.startswith("Invalid/unknown command"):
                loaded = "DAHDI" if name.startswith("DAHDI") else "PJSIP"
                reason, said = Reason.NOT_OFFERED, f"it has no {loaded} loaded"
            raise Unread(reason, f"{name} is refused: {said}")
        return events

    async def _core_calls(self) -> Calls | None:
        """The calls of all trunks; None where this user may not ask or Asterisk does not tell."""
        status, settings = (await self._ask("CoreStatus"))[0], (await self._ask("CoreSettings"))[0]
        active, limit = count(status.get("CoreCurrentCalls")), count(settings.get("CoreMaxCalls"))
        return None if active is None else Calls(active, limit or 0)

    async def _endpoint(self) -> tuple[Reading, Calls | None]:
        name = self._settings.endpoint
        try:
            events = await self._list("PJSIPShowEndpoint", Endpoint=name)
        except Unread as error:
            if error.reason is Reason.DEVICE and "Unable to retrieve endpoint" in str(error):
                return judge([Trunk(name=name, state=State.DOWN, why="Asterisk has no such endpoint")]), None
            raise
        return judge(contacts(name, events)), channels(events, self._settings.channels)

    async def _ask(self, name: str, **arguments: str) -> list[Message]:
        """The response to an action and, where it begins a list, the list's events."""
        identity = secrets.token_hex(8)
        self._writer.write(action(name, identity, **arguments))
        found: list[Message] = []
        while True:
            message = await self._next()
            if message.get("ActionID") != identity:
                continue
            if not found and "Response" not in message:
                raise not_protocol(f"an event before the response to {name}")
            if found and message.get("EventList") == "Complete":
                return [*found, message]
            if message.get("EventList") == "cancelled":
                raise not_protocol(f"the list of {name} was cancelled")
            found.append(message)
            if len(found) == 1 and message.get("EventList", "").lower() != "start":
                return found

    async def _next(self) -> Message:
        while not self._waiting:
            self._waiting = self._parser.feed(await chunk_of(self._reader))
        return self._waiting.pop(0)


def count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def line(number: int, events: Sequence[Message]) -> Reading:
    """What Asterisk tells of one DAHDI channel. A call on it is no alarm: a busy line is in service."""
    told = [event for event in events if event.get("Event") == "DAHDIShowChannels"]
    said = [event.get("Alarm", "") for event in told if event.get("DAHDIChannel") == str(number)]
    if len(said) > 1:
        raise ProtocolError("a list that names one channel twice")
    if not said:
        return Reading(State.DOWN, None, f"Asterisk has no DAHDI channel {number}")
    state = ALARMS.get(said[0], State.UNKNOWN)
    if state is State.UNKNOWN:
        return failure(Reason.DEVICE, f"DAHDI channel {number} is in a state that tells nothing: {said[0]!a}")
    text = "" if state is State.UP else f"DAHDI channel {number}: {said[0]}"
    seen = Observation("line_in_service", float(state is State.UP), source="Alarm", text=said[0])
    return Reading(state, None, text, (seen,))


def registrations(events: Sequence[Message]) -> tuple[Trunk, ...]:
    """The outbound registrations by name: two of one server URI are two. A list that lacks some is none."""
    told = next((count(event.get("ListItems")) for event in events if event.get("EventList") == "Complete"), None)
    found = [_registration(event) for event in events if event.get("Event") == "OutboundRegistrationDetail"]
    if len({trunk.name for trunk in found}) < len(found):
        raise ProtocolError("a list that names one registration twice")
    if told is not None and told != len(found):
        raise ProtocolError(f"a list of {told} registrations with {len(found)} in it")
    return tuple(sorted(found, key=lambda trunk: trunk.name))


def _registration(event: Message) -> Trunk:
    name, status = event.get("ObjectName", ""), event.get("Status", "")
    if not name:
        raise ProtocolError("a registration without a name")
    state, why = REGISTRATION.get(status, (State.UNKNOWN, f"its status {status!a} is not known here"))
    registered = None if state is State.UNKNOWN else state is State.UP
    return Trunk(name=name, state=state, why=why, registered=registered, source="Status")


def contacts(endpoint: str, events: Sequence[Message]) -> tuple[Trunk, ...]:
    """Where an endpoint's calls go, and whether that answers Asterisk's own OPTIONS."""
    found = [_contact(event) for event in events if event.get("Event") == "ContactStatusDetail"]
    return tuple(found) or (Trunk(name=endpoint, state=State.DOWN, why="the endpoint has no contact"),)


def _contact(event: Message) -> Trunk:
    status = event.get("Status", "")
    state, why = CONTACT.get(status, (State.UNKNOWN, f"its status {status!a} is not known here"))
    reachable = None if state is State.UNKNOWN else state is State.UP
    microseconds = count(event.get("RoundtripUsec")) if state is State.UP else None
    rtt = None if microseconds is None else microseconds / 1e6
    return Trunk(
        name=event.get("URI", "?"), state=state, why=why, reachable=reachable, rtt=rtt, source="ContactStatusDetail"
    )


def channels(events: Sequence[Message], declared: int) -> Calls | None:
    """The endpoint's calls; the limit is declared, else the endpoint's `device_state_busy_at`."""
    detail = next((event for event in events if event.get("Event") == "EndpointDetail"), {})
    active = count(detail.get("ActiveChannels"))
    return None if active is None else Calls(active, declared or count(detail.get("DeviceStateBusyAt")) or 0)


def _with_calls(reading: Reading, calls: Sequence[Calls]) -> Reading:
    """`reading`, with what the calls add to it."""
    beside = judge((Trunk(name="", state=State.UP),), calls)
    return all_hold([reading, beside]) if reading.state.works else reading
