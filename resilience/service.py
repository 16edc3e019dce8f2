"""`resilience run`: the monitor and its pages in one process, until a signal ends it.

SIGTERM and SIGINT drain, SIGHUP reads the site files again. A file that has gone wrong keeps its old version.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import resource
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from resilience import garbage, web
from resilience.access import Access
from resilience.config import Notify
from resilience.fence import Fence
from resilience.fitness import Fitness
from resilience.heartbeat import Heart
from resilience.instruments import Instruments
from resilience.model import Site
from resilience.monitor import GRID, Monitor
from resilience.notifying import Notifier, Send
from resilience.prober import Prober, prepare
from resilience.probing import Channels, ProbeType
from resilience.secrets import secrets_from
from resilience.sitefile import SiteFile, each_once, read_path
from resilience.store.keeping import Keeper
from resilience.webconfig import WebConfig

log = logging.getLogger("resilience.service")

LAST_ANSWERS = 2
"""Seconds that readers of a page are given at the end; one that does not read must not hold it up."""

MOST_FILES = 65_536
"""Files and sockets that the monitor asks to have open, where it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one run is given. `sites` has been read once without an error."""

    sites_path: Path
    sites: Mapping[Path, SiteFile]
    types: Mapping[str, ProbeType]
    vantage: str = "central"
    grid: float = GRID
    keeper: Keeper | None = None
    """Writes down what is seen; None where the past is forgotten."""
    notify: tuple[Notify, Send] | None = None
    """Whom to tell of what, and how a message leaves."""
    access: Access = field(default_factory=Access)
    fence: Fence | None = None
    opened: Callable[[Channels], object] = lambda _: None
    """Opens channels that probes share in a way of its own."""
    web: WebConfig = field(default_factory=WebConfig)
    tls: ssl.SSLContext | None = None
    heartbeat: tuple[str, float] | None = None
    """The URL that is asked for, and how often, in seconds."""


class _Server(uvicorn.Server):
    """The signals are the service's, not the server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening_socket(listen: str) -> socket.socket:
    """A socket that listens at `host:port`, port 0 takes a free one; ValueError or OSError says why not."""
    host, colon, port = listen.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError(f"'{listen}' is not HOST:PORT")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, int(port)), family=family)
    bound.setblocking(False)
    return bound


def url(bound: socket.socket, scheme: str = "http") -> str:
    """Where the pages of a listening socket are."""
    host, port = bound.getsockname()[:2]
    return f"{scheme}://{_in_url(host)}:{port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names(bound: socket.socket) -> tuple[str, ...]:
    """The names by which its pages are asked for. Beyond loopback the machine has names that it cannot know."""
    host = str(bound.getsockname()[0])
    return (*web.LOOPBACK_HOSTS, _in_url(host)) if ipaddress.ip_address(host).is_loopback else ("*",)


@contextlib.asynccontextmanager
async def monitored(service: Service, bound: socket.socket) -> AsyncIterator[Monitor]:
    """The monitor and its pages, running; both are stopped in order at the end."""
    fitness = Fitness()
    prober = Prober(
        service.types,
        secret=secrets_from(os.environ),
        fitness=fitness,
        fence=service.fence,
        opened=service.opened,
    )
    keeper = service.keeper
    instruments = Instruments(fitness, keeper)
    notifier = _notifier(service, instruments)
    monitor = Monitor(
        prober,
        fitness,
        vantage=service.vantage,
        grid=service.grid,
        recorder=keeper,
        notifier=notifier,
        instruments=instruments,
    )
    server = _Server(
        uvicorn.Config(
            web.application(monitor, hosts=_names(bound), access=service.access, keeper=keeper),
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=LAST_ANSWERS,
        )
    )
    server.config.load()
    server.config.ssl = service.tls
    sites = {found.site.id: found.site for found in service.sites.values() if found.site}
    prepare(service.types, sites.values())
    beside: list[asyncio.Task[None]] = []
    if keeper is None:
        await monitor.start(sites)
    else:
        loop = asyncio.get_running_loop()
        keeper.on_records = lambda found: loop.call_soon_threadsafe(monitor.record, found)
        past = await asyncio.to_thread(keeper.start, sites.values(), time.time())
        if notifier is not None:
            notifier.restore(keeper.notices)
        remembered = {site: (kept.memory, kept.findings) for site, kept in past.items()}
        await monitor.start(sites, past=remembered, known=keeper.records)
    # Not before: a page would say that there are no sites, and that all is ready.
    serving = asyncio.create_task(server.serve([bound]))
    monitor.instruments.reloaded.set(1)
    if notifier is not None:
        beside.append(asyncio.create_task(notifier.run()))
    if service.heartbeat is not None:
        beat = Heart(*service.heartbeat, well=lambda: not monitor.ailing() and fitness.judges(time.monotonic()))
        beside.append(asyncio.create_task(beat.run(instruments.heartbeats)))
    try:
        yield monitor
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await monitor.stop()
        if notifier is not None:
            await notifier.aclose()
        if keeper is not None:
            await asyncio.to_thread(keeper.stop)
        server.should_exit = True
        await serving


def _notifier(service: Service, instruments: Instruments) -> Notifier | None:
    if service.notify is None:
        return None
    (settings, send), keeper, counter = service.notify, service.keeper, instruments.notifications
    if keeper is None:
        return Notifier(settings, send, counter=counter)
    return Notifier(settings, send, counter=counter, keep=keeper.noticed, sent=keeper.sent)


async def run(service: Service, bound: socket.socket, *, started: Callable[[], None] = lambda: None) -> None:
    """Runs until SIGTERM or SIGINT."""
    _may_open_many()
    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for name, event in (("SIGTERM", stop), ("SIGINT", stop), ("SIGHUP", reload)):
        loop.add_signal_handler(getattr(signal, name), event.set)
    with garbage.looked_for_after(garbage.MONITOR):
        async with monitored(service, bound) as monitor:
            started()
            async with asyncio.TaskGroup() as tasks:
                reloads = tasks.create_task(_reload_when(reload, service, monitor))
                await stop.wait()
                reloads.cancel()
            log.info("draining")


def _may_open_many() -> None:
    """Some probes open a socket a target. The usual soft limit of 1,024 files is for programs that use select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _reload_when(asked: asyncio.Event, service: Service, monitor: Monitor) -> None:
    known = {path: found.site.id for path, found in service.sites.items() if found.site is not None}
    while True:
        await asked.wait()
        asked.clear()
        _new_certificate(service)
        try:
            found = await asyncio.to_thread(_read_again, service)
        except OSError as error:
            _keep_all(monitor, str(error))
            continue
        except Exception as error:  # a fault of ours must not end a monitor that runs
            log.exception("the site files cannot be read by a fault of the monitor itself")
            _keep_all(monitor, type(error).__name__)
            continue
        if found:
            _adopt(found, monitor, known)
        else:
            # What a mount that went away looks like. A monitor of nothing would say that nothing is wrong.
            _keep_all(monitor, f"no site files in {service.sites_path}")


def _read_again(service: Service) -> dict[Path, SiteFile]:
    found = read_path(service.sites_path, service.types)
    prepare(service.types, (file.site for file in found.values() if file.site))
    return found


def _new_certificate(service: Service) -> None:
    if service.tls is not None:
        try:
            service.web.load(service.tls)
        except (OSError, ValueError) as error:
            log.error("the pages' certificate cannot be read; the old one is in force: %s", error)


def _keep_all(monitor: Monitor, why: str) -> None:
    log.error("the site files cannot be read; all sites stay as they are: %s", why)
    monitor.instruments.reloaded.set(0)


def _adopt(found: Mapping[Path, SiteFile], monitor: Monitor, known: dict[Path, str]) -> None:
    """Hands the monitor what was read. `known` has the site that each path once held."""
    sites: dict[str, Site] = {}
    faults: dict[str, str] = {}
    wrong = 0
    for fault in each_once(found.values()):
        if not fault.warning:
            log.error("%s", fault)
    for path, file in found.items():
        if file.site is not None:
            sites[file.site.id] = file.site
            known[path] = file.site.id
            continue
        wrong += 1
        errors = [str(fault) for fault in file.faults if not fault.warning]
        # A wrong file may have lost its id or say another's, and a folder that cannot be read holds many.
        lost = {site for held, site in known.items() if held.is_relative_to(path)}
        faults |= dict.fromkeys(lost | ({file.id.text} if file.id else set()), errors[0])
    monitor.adopt(sites, {site: error for site, error in faults.items() if site not in sites})
    monitor.instruments.reloaded.set(not wrong)
    log.info("site files read again: %d sites, %d wrong files", len(sites), wrong)
