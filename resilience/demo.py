"""`resilience demo`: the real monitor over simulated devices on loopback, with a scripted fault told in plain words.

Nothing of the monitor is simulated: it probes by the real protocols and knows nothing of the script.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from resilience.assess import NOW, UTILITY, Assessment, SiteState
from resilience.duration import FOREVER, spoken
from resilience.monitor import Monitor
from resilience.probing import ProbeType
from resilience.service import Service, listening_socket, monitored, url
from resilience.simulate.devices import COMMUNITY, Devices, write_sites
from resilience.sitefile import read_path
from resilience.told import sentence

SETTLE = 8.0
"""Seconds after a fault within which the probes have made up their minds at this pace."""
CALM = 3.0
"""Seconds without a change after which a person would say that it has settled."""

HILLSIDE, MERCY, FAIR = "hillside-office", "mercy-hospital", "fair-command-post"

_COLOUR = {
    SiteState.PROTECTED: "green",
    SiteState.AT_RISK: "yellow",
    SiteState.UNVERIFIED: "magenta",
    SiteState.UNAVAILABLE: "bold white on red",
}


@dataclass(frozen=True, slots=True)
class Step:
    """At `after` seconds something happens to a site, and is told."""

    after: float
    site: str
    told: str
    happens: Callable[[Devices], Awaitable[None]]


SCRIPT = (
    Step(4, HILLSIDE, "ISP A is cut", lambda devices: devices.lines["hill_a"].cut()),
    Step(13, HILLSIDE, "the utility fails as well", Devices.utility_fails),
    Step(22, HILLSIDE, "ISP B is cut too", lambda devices: devices.lines["hill_b"].cut()),
    Step(29, HILLSIDE, "ISP B is back", lambda devices: devices.lines["hill_b"].restore()),
    Step(36, HILLSIDE, "ISP A and the utility are back", Devices.all_back),
    Step(44, MERCY, "trunk A answers 503, out of service", lambda devices: devices.trunk_answers("mercy_sbc_a", 503)),
    Step(51, FAIR, "the cellular modem loses its network", Devices.cellular_lost),
)


@asynccontextmanager
async def _running(
    types: Mapping[str, ProbeType], listen: str, *, icmp: bool
) -> AsyncIterator[tuple[Monitor, Devices, str]]:
    devices = Devices()
    os.environ["DEMO_COMMUNITY"] = COMMUNITY
    with tempfile.TemporaryDirectory(prefix="resilience-demo-") as name, listening_socket(listen) as bound:
        folder = Path(name)
        try:
            write_sites(folder, await devices.start(), icmp=icmp)
            found = read_path(folder, types)
            async with monitored(Service(sites_path=folder, sites=found, types=types, grid=1), bound) as monitor:
                yield monitor, devices, url(bound)
        finally:
            await devices.aclose()


async def play(
    types: Mapping[str, ProbeType], *, seconds: float, listen: str, quiet: bool, icmp: bool, console: Console
) -> None:
    """Runs the monitor and the script for `seconds`."""
    async with _running(types, listen, icmp=icmp) as (monitor, devices, url):
        console.print(
            f"The real monitor watches three sites of simulated devices. Metrics: {url}/metrics", soft_wrap=True
        )
        if not icmp:
            console.print(
                "No ICMP socket is allowed here, so the lines are probed by TCP alone. To allow it: "
                "sysctl -w net.ipv4.ping_group_range='0 2147483647'",
                soft_wrap=True,
            )
        told: list[str] = []
        story = asyncio.create_task(_story(monitor, devices, told, time.monotonic() + seconds))
        if quiet or not console.is_terminal:
            await _print_as_told(console, told, story)
            if not quiet:
                console.print(_table(monitor))
        else:
            with Live(console=console, refresh_per_second=4) as live:
                while not story.done():
                    live.update(Group(_table(monitor), *(Text(f"· {line}") for line in told[-8:])))
                    await asyncio.sleep(0.25)
        await story


async def _print_as_told(console: Console, told: list[str], story: "asyncio.Task[None]") -> None:
    printed = 0
    while not story.done() or printed < len(told):
        for line in told[printed:]:
            console.print(f"· {line}", soft_wrap=True, highlight=False)
        printed = len(told)
        await asyncio.sleep(0.2)


async def _story(monitor: Monitor, devices: Devices, told: list[str], until: float) -> None:
    start = time.monotonic()
    while time.monotonic() < until and not all(_now(monitor, site) for site in monitor.watches):
        await asyncio.sleep(0.1)
    told.extend(_tell(monitor, site, "to begin with") for site in monitor.watches)
    for step in SCRIPT:
        if start + step.after + SETTLE > until:
            break
        await asyncio.sleep(max(0.0, start + step.after - time.monotonic()))
        before = _shape(_now(monitor, step.site))
        await step.happens(devices)
        await _settled(monitor, step.site, before)
        told.append(_tell(monitor, step.site, step.told))
    await asyncio.sleep(max(0.0, until - time.monotonic()))


async def _settled(monitor: Monitor, site: str, before: object) -> None:
    """Until the site is another than `before` and has stayed the same for a while: a fault that several probes see
    is seen by one after the other."""
    deadline = time.monotonic() + SETTLE
    seen, since = before, time.monotonic()
    while time.monotonic() < deadline and (seen == before or time.monotonic() - since < CALM):
        await asyncio.sleep(0.1)
        shape = _shape(_now(monitor, site))
        if shape != seen:
            seen, since = shape, time.monotonic()


def _now(monitor: Monitor, site: str) -> Assessment | None:
    taken = monitor.watches[site].snapshot
    return taken.now if taken else None


def _shape(now: Assessment | None) -> object:
    """What a person would call a change."""
    return now and (now.state, now.paths, [point.component for point in now.single_points])


def _tell(monitor: Monitor, site: str, event: str) -> str:
    taken = monitor.watches[site].snapshot
    if taken is None or taken.now is None:
        return f"{monitor.watches[site].site.name}: {event}: not every probe has answered yet"
    return f"{taken.site.name}: {event}: {sentence(taken.now, taken.design)}"


def _table(monitor: Monitor) -> Table:
    table = Table(expand=True)
    for heading in ("Site", "State", "911 goes by", "Single points of failure", "Left"):
        table.add_column(heading, overflow="fold")
    for watch in monitor.watches.values():
        now = watch.snapshot.now if watch.snapshot else None
        if now is None:
            table.add_row(watch.site.name, "waiting for the first round", "", "", "")
            continue
        used = ", ".join(state.path.name for state in now.paths if state.preferred) or "nothing"
        points = ", ".join(point.component for point in now.single_points) if now.possible else "already out"
        state = Text(now.state.replace("_", " "), style=_COLOUR[now.state])
        table.add_row(watch.site.name, state, used, points or "none", _left(now))
    return table


def _left(now: Assessment) -> str:
    current, outage = now.scenario(NOW), now.scenario(UTILITY)
    if current and current.low < FOREVER:
        return spoken(current.low) if current.low else "nothing"
    if outage is None or outage.low == FOREVER:
        return "no end in sight"
    return f"{spoken(outage.low)} if the utility fails"
