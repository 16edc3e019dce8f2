"""What people do over HTTP: record a check, begin and end planned work. Each needs the write role.

A body is read by the same tables as a file: JSON is YAML, and a fault has its line and column.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resilience.faults import Invalid, Report, did_you_mean, in_order
from resilience.fields import Field, choice, flag, list_of, record, required, span, text
from resilience.model import Site
from resilience.monitor import Monitor, Watch
from resilience.records import KINDS, check_body
from resilience.store.acting import begin_work
from resilience.store.database import StoreUnavailable
from resilience.store.keeping import Keeper
from resilience.store.recording import attest, end_work
from resilience.yamltree import YamlFault, parse_tree

T = TypeVar("T")

MOST_BODY = 64 * 1024
VALID = 90 * 86_400_000
"""ms for which a check holds where neither it nor the site file says."""

CHECK: Field[dict[str, Any]] = record(
    {
        "component": required(text()),
        "by": required(text(longest=200), "who checked it"),
        "method": required(text(), "how"),
        "result": choice("pass", "fail"),
        "valid": span(least=1_000),
        "kind": choice(*KINDS[:2]),
        "note": text(empty=True),
    },
    lambda **values: values,
)
WORK: Field[dict[str, Any]] = record(
    {
        "components": required(list_of(text(), least=1, what="component")),
        "for": required(span(least=1_000), "how long"),
        "by": required(text(longest=200), "who does it"),
        "reason": required(text()),
        "accept_risk": flag(),
    },
    lambda **values: values,
)


class Refused(Exception):
    """The request is answered with a status and why."""

    def __init__(self, status: int, **told: object) -> None:
        super().__init__(status)
        self.answer = JSONResponse(told, status)


def routes(monitor: Monitor, keeper: Keeper | None) -> list[Route]:
    """The ways to act, for a monitor that has a database; without one each says so."""

    def acting(act: Callable[[Keeper, Watch, Request, bytes], Mapping[str, object]]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            watch = monitor.watches.get(request.path_params["site"])
            try:
                if watch is None:
                    raise Refused(404, error="unknown site")
                if keeper is None:
                    raise Refused(503, error="the monitor runs without a database")
                content = await _body(request)
                told = await asyncio.to_thread(act, keeper, watch, request, content)
            except Refused as refused:
                return refused.answer
            except StoreUnavailable as error:
                return JSONResponse({"error": f"the database does not take it: {error}"}, 503)
            keeper.look_soon()
            return JSONResponse(told, 201)

        return answer

    base = "/api/v1/sites/{site}"
    return [
        Route(f"{base}/attestations", acting(_attest), methods=["POST"]),
        Route(f"{base}/maintenance", acting(_begin), methods=["POST"]),
        Route(f"{base}/maintenance/{{number:int}}/end", acting(_end), methods=["POST"]),
    ]


async def _body(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_BODY:
            raise Refused(413, error=f"more than {MOST_BODY} bytes")
    if content and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, error="application/json is wanted")
    return content


def _read(shape: Field[T], content: bytes) -> T:
    report = Report()
    try:
        found = shape.read(parse_tree(content, "body", report.error), "", report)
    except YamlFault as fault:
        report.error(fault.mark, "", fault.message)
    except Invalid:
        pass  # the report says why
    if report.broken:
        raise Refused(400, error="the body is wrong", faults=[str(fault) for fault in in_order(report.faults)])
    return found


def _declared(site: Site, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in site.components:
            raise Refused(400, error=f"'{name}' is no component of {site.id}{did_you_mean(name, site.components)}")


def _attest(keeper: Keeper, watch: Watch, request: Request, content: bytes) -> Mapping[str, object]:
    said, site = _read(CHECK, content), watch.declared
    component = said["component"]
    _declared(site, (component,))
    wanted = site.components[component].attest
    body = check_body(
        by=said["by"],
        method=said["method"],
        result=said.get("result", "pass"),
        valid=int(said.get("valid", wanted.valid if wanted else VALID)),
        kind=said.get("kind", "check"),
        note=said.get("note", ""),
        file=None,
    )
    with keeper.store.writing() as connection:
        body |= {"recorded_by": request.state.who}
        entry = attest(connection, site=site.id, component=component, body=body, at=time.time())
    return {"number": entry.number, "hash": entry.hash}


def _begin(keeper: Keeper, watch: Watch, request: Request, content: bytes) -> Mapping[str, object]:
    said = _read(WORK, content)
    _declared(watch.declared, said["components"])
    now, seconds = time.time(), said["for"] / 1000
    begun = begin_work(
        keeper.store,
        watch.declared,
        said["components"],
        seconds=seconds,
        by=said["by"],
        reason=said["reason"],
        risk_accepted=said.get("accept_risk", False),
        now=now,
    )
    if begun.number is None:
        raise Refused(409, error="refused; accept_risk begins it all the same", exposes=list(begun.exposes))
    return {"number": begun.number, "until": now + seconds, "exposes": list(begun.exposes)}


def _end(keeper: Keeper, watch: Watch, request: Request, _: bytes) -> Mapping[str, object]:
    number = request.path_params["number"]
    with keeper.store.writing() as connection:
        if not end_work(connection, number, at=time.time(), by=request.state.who, site=watch.site.id):
            raise Refused(404, error=f"there is no work {number} going on")
    return {"number": number}
