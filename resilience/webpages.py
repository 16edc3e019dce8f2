"""The routes of the pages for people. Pages are made in a thread: a long table must not hold up the probes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from resilience import drillpages, pages
from resilience.drills.record import Outcome, Record
from resilience.monitor import Monitor

ASSETS = {"style.css": "text/css", "refresh.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; style-src {style}; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
HEADERS = {**_HEADERS, "content-security-policy": _POLICY.format(style="'self'")}
PAPER_HEADERS = {**_HEADERS, "content-security-policy": _POLICY.format(style="'unsafe-inline'")}
"""Of a report, which is one file with its style in it, and has no script."""

Drills = Callable[[int], tuple[Record, Record | None] | None]
"""A drill and the one before it, by its number; None where there is none. Blocks."""


def page_routes(monitor: Monitor, drills: Drills) -> list[Route]:
    async def fleet(request: Request) -> Response:
        seen = [(watch.site, watch.snapshot) for watch in monitor.watches.values()]
        return await _page(pages.fleet, seen, time.time())

    async def site(request: Request) -> Response:
        watch = monitor.watches.get(request.path_params["site"])
        if watch is None:
            return await _page(pages.missing, "site", request.path_params["site"], time.time(), status=404)
        return await _page(pages.site, watch.site, watch.snapshot, time.time())

    async def all_drills(request: Request) -> Response:
        known = [(watch.site, monitor.records_of(site)) for site, watch in monitor.watches.items()]
        return await _page(drillpages.drills, known, time.time())

    async def drill(request: Request) -> Response:
        number = request.path_params["drill"]
        found = await asyncio.to_thread(drills, number)
        if found is None:
            return await _page(pages.missing, "drill", str(number), time.time(), status=404)
        over = found[0].outcome is not Outcome.RUNNING
        return await _page(drillpages.drill, *found, time.time(), headers=PAPER_HEADERS if over else HEADERS)

    return [
        Route("/", fleet),
        Route("/sites/{site}", site),
        Route("/drills", all_drills),
        Route("/drills/{drill:int}", drill),
        *(Route(f"/assets/{name}", _asset(name, kind)) for name, kind in ASSETS.items()),
    ]


async def _page(
    make: Callable[..., str], *values: Any, status: int = 200, headers: dict[str, str] = HEADERS
) -> Response:
    return HTMLResponse(await asyncio.to_thread(make, *values), status, headers=headers)


def _asset(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    text = pages.asset(name)

    async def answer(request: Request) -> Response:
        return Response(text, media_type=kind, headers={"x-content-type-options": "nosniff"})

    return answer
