"""HTTP: metrics, health, and the sites as JSON. Reads snapshots; touches no device and waits for none."""

import time
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from resilience import exporter, report
from resilience.monitor import Monitor, Watch

DEAD_AFTER = 60.0
"""Seconds without a tick of any site after which the monitor is not healthy."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def application(monitor: Monitor, *, hosts: Sequence[str] = LOOPBACK_HOSTS) -> Starlette:
    """The pages of `monitor`; `hosts` are the names it answers to, so that no web page can read it by a name of its
    own (DNS rebinding)."""

    async def metrics(request: Request) -> Response:
        wanted = request.query_params.getlist("site")
        if unknown := [site for site in wanted if site not in monitor.watches]:
            return PlainTextResponse(f"unknown site: {', '.join(unknown)}\n", 404)
        if wanted:
            text = exporter.page(monitor.watches[site].families for site in dict.fromkeys(wanted))
        else:
            text = exporter.page(watch.families for watch in monitor.watches.values()) + monitor.instruments.text()
        return Response(text, headers={"content-type": exporter.CONTENT_TYPE})

    async def healthy(request: Request) -> Response:
        silent = time.monotonic() - monitor.ticked_at
        if monitor.watches and silent > DEAD_AFTER:
            return PlainTextResponse(f"no site has been looked at for {silent:.0f} s\n", 503)
        return PlainTextResponse("healthy\n")

    async def ready(request: Request) -> Response:
        waiting = [site for site, watch in monitor.watches.items() if watch.snapshot is None or not watch.snapshot.now]
        if waiting:
            return PlainTextResponse(f"{len(waiting)} sites have not had a full round yet\n", 503)
        return PlainTextResponse("ready\n")

    async def sites(request: Request) -> Response:
        return JSONResponse([_site(watch) for watch in monitor.watches.values()])

    async def site(request: Request) -> Response:
        watch = monitor.watches.get(request.path_params["site"])
        return JSONResponse({"error": "unknown site"}, 404) if watch is None else JSONResponse(_site(watch))

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            Route("/api/v1/sites", sites),
            Route("/api/v1/sites/{site}", site),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
    )


def _site(watch: Watch) -> dict[str, object]:
    """The contract's object of one site; before its first full round the state is null."""
    taken = watch.snapshot
    if taken is None or taken.now is None:
        return {"site": watch.site.id, "name": watch.site.name, "state": None}
    return {"name": watch.site.name, **report.as_json(taken.now, taken.findings, taken.memory)}
