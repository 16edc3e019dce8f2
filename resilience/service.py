"""`resilience run`: the monitor and its pages in one process, until a signal ends it.

SIGTERM and SIGINT drain, SIGHUP reads the site files again. A file that has gone wrong keeps its old version.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from resilience import web
from resilience.fitness import Fitness
from resilience.model import Site
from resilience.monitor import GRID, Monitor
from resilience.prober import Prober
from resilience.probing import ProbeType
from resilience.secrets import secrets_from
from resilience.sitefile import SiteFile, read_path

log = logging.getLogger("resilience.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one run is given. `sites` has been read once without an error."""

    sites_path: Path
    sites: Mapping[Path, SiteFile]
    types: Mapping[str, ProbeType]
    listen: str
    """`host:port`; port 0 takes a free one."""
    vantage: str = "central"
    grid: float = GRID


class _Server(uvicorn.Server):
    """The signals are the service's, not the server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening_socket(listen: str) -> socket.socket:
    """A socket that listens at `host:port`; ValueError or OSError says why not."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"'{listen}' is not HOST:PORT")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, int(port)), family=family)
    bound.setblocking(False)
    return bound


@contextlib.asynccontextmanager
async def monitored(service: Service, bound: socket.socket) -> AsyncIterator[Monitor]:
    """The monitor and its pages, running; both are stopped in order at the end."""
    fitness = Fitness()
    prober = Prober(service.types, secret=secrets_from(os.environ), fitness=fitness)
    monitor = Monitor(prober, fitness, vantage=service.vantage, grid=service.grid)
    host = bound.getsockname()[0]
    hosts = web.LOOPBACK_HOSTS if host.startswith("127.") or host == "::1" else ("*",)
    config = uvicorn.Config(
        web.application(monitor, hosts=hosts), log_level="warning", lifespan="off", access_log=False
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([bound]))
    await monitor.start({found.site.id: found.site for found in service.sites.values() if found.site})
    monitor.instruments.reloaded.set(1)
    try:
        yield monitor
    finally:
        await monitor.stop()
        server.should_exit = True
        await serving


async def run(service: Service, bound: socket.socket, *, started: Callable[[], None] = lambda: None) -> None:
    """Runs until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for name, event in (("SIGTERM", stop), ("SIGINT", stop), ("SIGHUP", reload)):
        loop.add_signal_handler(getattr(signal, name), event.set)
    async with monitored(service, bound) as monitor:
        started()
        known = {path: found.site.id for path, found in service.sites.items() if found.site is not None}
        while not stop.is_set():
            waits = [asyncio.create_task(stop.wait()), asyncio.create_task(reload.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            if reload.is_set():
                reload.clear()
                await _reload(service, monitor, known)
        log.info("draining")


async def _reload(service: Service, monitor: Monitor, known: dict[Path, str]) -> None:
    """Reads the files again. `known` has the site of each path, for a file that no longer says it."""
    try:
        found = await asyncio.to_thread(read_path, service.sites_path, service.types)
    except OSError as error:
        log.error("the site files cannot be read; all stay as they are: %s", error)
        monitor.instruments.reloaded.set(0)
        return
    sites: dict[str, Site] = {}
    faults: dict[str, str] = {}
    for path, file in found.items():
        if file.site is not None:
            sites[file.site.id] = file.site
            known[path] = file.site.id
            continue
        errors = [fault for fault in file.faults if not fault.warning]
        for fault in errors:
            log.error("%s", fault)
        faults[file.id.text if file.id else known.get(path, path.stem)] = str(errors[0])
    monitor.adopt(sites, {site: text for site, text in faults.items() if site not in sites})
    monitor.instruments.reloaded.set(not faults)
    log.info("site files read again: %d sites, %d wrong files", len(sites), len(faults))
