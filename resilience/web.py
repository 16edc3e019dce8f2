"""HTTP: metrics, health, pages for people, and the sites as JSON. Reads snapshots; only `/probe` touches devices."""

import asyncio
import re
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from resilience import acting, exporter, reasons
from resilience.access import Access, Gate
from resilience.model import Site
from resilience.monitor import Monitor
from resilience.snapshot import Snapshot
from resilience.store.keeping import Keeper
from resilience.webpages import page_routes

SCRAPE_TIMEOUT = "x-prometheus-scrape-timeout-seconds"
LOOK, ON_THE_WAY = 9.5, 0.5
"""Seconds for one look where the scraper does not say how long it waits, and of its wait for the way back."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def application(
    monitor: Monitor,
    *,
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    access: Access = Access(),  # noqa: B008  # frozen
    keeper: Keeper | None = None,
) -> Starlette:
    """The pages of `monitor`, and ways to act that `access` opens; `hosts` are the names it answers to, so that no web
    page can read it by a name of its own (DNS rebinding)."""

    async def metrics(request: Request) -> Response:
        wanted = request.query_params.getlist("site")
        if unknown := [site for site in wanted if site not in monitor.watches]:
            return PlainTextResponse(f"unknown site: {', '.join(unknown)}\n", 404)
        if wanted:
            text = exporter.page(monitor.watches[site].families for site in dict.fromkeys(wanted))
        else:
            text = exporter.page(watch.families for watch in monitor.watches.values()) + monitor.instruments.text()
        return Response(text, headers={"content-type": exporter.CONTENT_TYPE})

    async def probe(request: Request) -> Response:
        name = request.query_params.get("site", "")
        watch = monitor.watches.get(name)
        if watch is None:
            return PlainTextResponse(f"unknown site: {name}\n", 404)
        families = await monitor.look(watch.site, _budget(request.headers.get(SCRAPE_TIMEOUT, "")))
        return Response(exporter.page([families]), headers={"content-type": exporter.CONTENT_TYPE})

    async def healthy(request: Request) -> Response:
        why = monitor.ailing()
        return PlainTextResponse(f"{why}\n", 503) if why else PlainTextResponse("healthy\n")

    async def ready(request: Request) -> Response:
        waiting = [site for site, watch in monitor.watches.items() if watch.snapshot is None or not watch.snapshot.now]
        if waiting:
            return PlainTextResponse(f"{len(waiting)} sites have not had a full round yet\n", 503)
        return PlainTextResponse("ready\n")

    async def sd(request: Request) -> Response:
        return JSONResponse([_target(watch.site, request.url.netloc) for watch in monitor.watches.values()])

    async def sites(request: Request) -> Response:
        seen = [(watch.site, watch.snapshot) for watch in monitor.watches.values()]
        return await asyncio.to_thread(lambda: JSONResponse([_site(*one) for one in seen]))

    async def site(request: Request) -> Response:
        watch = monitor.watches.get(request.path_params["site"])
        if watch is None:
            return JSONResponse({"error": "unknown site"}, 404)
        return await asyncio.to_thread(lambda: JSONResponse(_site(watch.site, watch.snapshot, explained=True)))

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/probe", probe),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            *page_routes(monitor, keeper.drill if keeper is not None else lambda number: None),
            Route("/sd", sd),
            Route("/api/v1/sites", sites),
            Route("/api/v1/sites/{site}", site),
            *acting.routes(monitor, keeper),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(Gate, access=access),
        ],
    )


def _site(site: Site, taken: Snapshot | None, *, explained: bool = False) -> dict[str, object]:
    """The contract's object of one site; before its first full round the state is null."""
    if taken is None or taken.now is None:
        return {"site": site.id, "name": site.name, "state": None}
    return {"name": site.name, **reasons.snapshot_as_json(taken, taken.now, explained=explained)}


def _budget(timeout: str) -> float:
    """Seconds for a look by what the scraper says of its patience."""
    try:
        return min(max(float(timeout) - ON_THE_WAY, ON_THE_WAY), 60.0)
    except ValueError:
        return LOOK


def _target(site: Site, address: str) -> dict[str, object]:
    """One entry for Prometheus' HTTP service discovery. The label `site` is the metrics' own and is never set here."""
    known = {"name": site.name, "region": site.region, "owner": site.owner.team}
    known |= {f"label_{re.sub('[^a-zA-Z0-9_]', '_', key)}": text for key, text in site.labels.items()}
    labels = {"__param_site": site.id, "instance": site.id}
    return {"targets": [address], "labels": labels | {f"__meta_resilience_{key}": text for key, text in known.items()}}
