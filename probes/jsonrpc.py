"""JSON-RPC 2.0 over HTTP as a client, one call a connection: Kamailio's xhttp and OpenSIPS' mi_http.

An answer may hold passwords: no text of it gets into a message, but what the error member says.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from probes.declared.jsonrpc import Rpc
from probes.http_exchange import Exchange, NotHttp, converse
from probes.management import Unread, connected, not_protocol, unread
from probes.pbx import Trunk, all_hold, judge, select
from resilience.probing import Run
from resilience.reading import Reading, Reason

ANSWER_CAP = 4 << 20
"""Bytes of an answer: a registration takes some 500, so this is 8,000 of them."""
_NOT_FOUND = ("'Method Not Found'", "'Method not found'")

READ_ONLY = ("uac.reg_dump", "dispatcher.list", "reg_list", "ds_list")
"""All that is ever called."""


Trunks = Callable[[Any], Sequence[Trunk]]
"""From a result to the trunks in it; raises Unread where it is none."""


async def read(settings: Rpc, run: Run, registrations: tuple[str, Trunks], destinations: tuple[str, Trunks]) -> Reading:
    """The reading of what the settings watch, each by a method and what makes trunks of its result."""
    both = bool(settings.registration) and settings.dispatcher is not None
    seconds, readings = run.timeout / (1 + both), []
    try:
        if settings.registration or settings.dispatcher is None:
            method, trunks = registrations
            readings.append(judge(select(trunks(await call(settings, method, seconds)), settings.registration)))
        if settings.dispatcher is not None:
            method, trunks = destinations
            readings.append(judge(trunks(await call(settings, method, seconds))))
    except Unread as error:
        return unread(settings, error)
    return all_hold(readings)


async def call(settings: Rpc, method: str, seconds: float) -> Any:
    """The result of a call without parameters; Unread says why there is none."""
    if method not in READ_ONLY:
        raise ValueError("not a method that a probe calls")
    asked = json.dumps({"jsonrpc": "2.0", "method": method, "id": 1}).encode()
    try:
        async with connected(settings, seconds) as (reader, writer):
            exchange = Exchange("POST", settings.path, settings.place, most=ANSWER_CAP + 1, json=asked)
            answer = await converse(exchange, reader, writer)
    except NotHttp as wrong:
        raise not_protocol(f"{wrong}; is the path right?") from None
    if answer.status in (401, 403):
        raise Unread(Reason.AUTH, f"answers {answer.status}: the monitor is not let in")
    if answer.status not in (200, 500):
        raise not_protocol(f"HTTP status {answer.status}; is the path right?")
    if len(answer.body) > ANSWER_CAP:
        raise not_protocol(f"an answer of more than {ANSWER_CAP} bytes")
    return result(answer.body, method)


def result(answer: bytes, method: str) -> Any:
    """The result in an answer to `method`. Pure; raises Unread."""
    try:
        reply = json.loads(answer)
    except (ValueError, RecursionError):
        raise not_protocol(f"{len(answer)} bytes that are not JSON; is the path right?") from None
    if not isinstance(reply, dict):
        raise not_protocol("JSON that is not a JSON-RPC answer")
    if isinstance(error := reply.get("error"), dict):
        said = ascii(error.get("message"))[:100]
        if said in _NOT_FOUND or error.get("code") == -32601:
            raise Unread(Reason.NOT_OFFERED, f"has no {method}; its module is not loaded")
        raise Unread(Reason.DEVICE, f"refuses {method}: {said}")
    if "result" not in reply:
        raise not_protocol("a JSON-RPC answer without a result")
    return reply["result"]


def text_of(record: Any, member: str, what: str) -> str:
    """A member that must be a short printable text."""
    value = record.get(member) if isinstance(record, dict) else None
    if not isinstance(value, str) or not value or len(value) > 255 or not value.isprintable():
        raise not_protocol(f"{what} without a usable {member}")
    return value


def list_of(value: Any, member: str) -> list[Any]:
    """A member that must be a list; a single record comes without one around it from some versions."""
    found = value.get(member) if isinstance(value, dict) else None
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise not_protocol(f"an answer without {member}")
    return found
