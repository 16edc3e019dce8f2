"""`make bench`: what the hot paths cost, beside the library or the plain way that would do the same.

Medians of several rounds in one process, so that the ratios hold where the milliseconds do not. Nothing is asserted.
Devices are the simulators in processes of their own: "cpu" is this process alone.
"""

import asyncio
import multiprocessing
import socket
import statistics
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import combinations
from multiprocessing.connection import Connection

import icmplib
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from pysnmp.hlapi.v1arch import asyncio as v1arch
from pysnmp.proto.rfc1902 import Null, ObjectName

import probes
from history import UP, ups
from probes import nut, snmp
from probes.declared.nut import Nut
from probes.declared.snmp import Access
from probes.echo import EchoChannel, permitted
from resilience import exporter, snapshot
from resilience.assess import assess_design
from resilience.margin import outage
from resilience.memory import Memory, remember
from resilience.model import Kind, Secret, Site, all_of
from resilience.probing import Channels, Run
from resilience.simulate.alone import Simulator
from resilience.simulate.devices import battery, rfc1628
from resilience.simulate.snmp import SnmpAgentSimulator
from resilience.simulate.upsd import UpsdSimulator
from resilience.sitefile import read_site
from resilience.steps import Batch
from resilience.survival import design_bounds

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # telnetlib
    from nut2 import PyNUTClient

ROUNDS = 3
IN_FLIGHT = 50
MANY = 1_000
NOW = 1_790_000_000.0
FLOOR = 3
"""Components a floor."""

# --- A site as large as one likes -----------------------------------------------------------------------------

BUILDING = """
schema: 1
site: bench
name: A building of two ways out
owner: {team: operations}
requires: {power_outage: 2h}
components:
  utility: {kind: utility}
  generator: {kind: generator, starts_within: 30s, fuel: 24h}
  ups-a: {kind: ups, power: [utility, generator], runtime: 45m, probes: [{type: nut, host: 10.0.0.5, ups: a}]}
  ups-b: {kind: ups, power: [utility, generator], runtime: 40m, probes: [{type: nut, host: 10.0.0.6, ups: b}]}
  cooling: {kind: service, power: [utility, generator], holds: 20m}
  conduit-east: {kind: shared-risk}
  conduit-west: {kind: shared-risk}
  core-a: {kind: switch, needs: [cooling], power: [ups-a], probes: [{type: icmp, host: 10.0.0.11}]}
  core-b: {kind: switch, power: [ups-b], probes: [{type: icmp, host: 10.0.0.12}]}
  edge-a: {kind: router, power: [ups-a], probes: [{type: icmp, host: 10.0.0.1}]}
  edge-b: {kind: router, power: [ups-b], probes: [{type: icmp, host: 10.0.0.2}]}
  wan-a: {kind: wan, needs: [edge-a, conduit-east], probes: [{type: icmp, host: 192.0.2.1, source: 198.51.100.2}]}
  wan-b: {kind: wan, needs: [edge-b, conduit-west], probes: [{type: icmp, host: 192.0.2.1, source: 203.0.113.2}]}
  pbx-a: {kind: pbx, needs: [core-a], power: [ups-a], probes: [{type: tcp, host: 10.0.0.21, port: 5061}]}
  pbx-b: {kind: pbx, needs: [core-b], power: [ups-b], probes: [{type: tcp, host: 10.0.0.22, port: 5061}]}
  trunk:
    kind: sip-trunk
    needs: [{any_of: [pbx-a, pbx-b]}, {any_of: [wan-a, wan-b]}]
    probes: [{type: sip-options, uri: "sip:sbc.carrier.example"}]
  lobby-line: {kind: fallback-line, needs: [conduit-east], power: [ups-b]}
  red-phone: {kind: phones, power: [], attest: 90d}
"""
BUILDING_COMPONENTS = 18


def site_text(components: int) -> str:
    """A site file of so many components: the building, and floors that each have a UPS, a switch and phones."""
    floors = range((components - BUILDING_COMPONENTS) // FLOOR)
    text = BUILDING
    for floor in floors:
        text += (
            f"  ups-f{floor}: {{kind: ups, power: [utility], runtime: {20 + floor}m,"
            f" probes: [{{type: snmp-ups, host: 10.1.{floor}.6, community: {{env: READ}}}}]}}\n"
            f"  switch-f{floor}: {{kind: switch, needs: [{{any_of: [core-a, core-b]}}], power: [ups-f{floor}]}}\n"
            f"  phones-f{floor}: {{kind: phones, units: 40, power: [switch-f{floor}]}}\n"
        )
    text += "emergency_paths:\n"
    for floor in floors:
        needs = f"needs: [phones-f{floor}, trunk], serves: [floor-{floor}]"
        text += f"  - {{name: desk-f{floor}, tier: primary, {needs}, instructions: Dial 911.}}\n"
    needs = "needs: [red-phone, lobby-line]"
    return text + f"  - {{name: lobby, tier: alternate, {needs}, instructions: Use the red phone.}}\n"


def site(components: int) -> Site:
    found = read_site(site_text(components).encode(), "bench.yaml", probes.registry())
    if found.site is None or len(found.site.components) != components:
        raise AssertionError(found.faults)
    return found.site


# --- Timing and telling ---------------------------------------------------------------------------------------


def seconds(work: Callable[[], object], rounds: int = ROUNDS, times: int = 1) -> float:
    """The median of `rounds`, each of `times` calls, per call."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            work()
        taken.append((time.perf_counter() - start) / times)
    return statistics.median(taken)


def cpu(work: Callable[[], object]) -> float:
    """The median CPU time of a call, in seconds, of short rounds: for what takes about a millisecond."""
    taken = []
    for _ in range(9):
        used = time.process_time()
        for _ in range(10):
            work()
        taken.append((time.process_time() - used) / 10)
    return statistics.median(taken)


def both(work: Callable[[], object]) -> tuple[float, float]:
    """Medians of wall clock and of this process's CPU, in seconds."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        start, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def title(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")


def row(name: str, *figures: str) -> None:
    sys.stdout.write(f"  {name:<42}" + "".join(f"{figure:>14}" for figure in figures) + "\n")
    sys.stdout.flush()


def ms(value: float) -> str:
    return f"{value * 1000:,.{1 if value >= 0.01 else 2}f} ms"


def exchanges(rows: Iterable[tuple[str, Callable[[], object]]]) -> None:
    """Each as wall clock and CPU for `MANY`; ratios are of CPU, against the first."""
    first = 0.0
    for name, work in rows:
        wall, cpu = both(work)
        first = first or cpu
        row(name, f"{wall:.2f} s", f"{cpu:.2f} s cpu", f"×{cpu / first:.1f}")


# --- Analysis -------------------------------------------------------------------------------------------------


def analysis() -> None:
    title("Assessing one site: all scenarios, every cut set up to an order, seconds to loss; CPU")
    sites = [site(size) for size in (30, 45, 60)]
    row("", *(f"{len(one.components)} components" for one in sites))
    row("survival alone", *(ms(cpu(partial(survival, one))) for one in sites))
    row("to order 2 and an outage's timeline", *(ms(cpu(partial(told, one))) for one in sites))
    row("the same, its structure not made yet", *(ms(cpu(lambda one=one: told(replace(one)))) for one in sites))
    row("the same with 20 single points", *(ms(cpu(partial(told, in_series(one)))) for one in sites))
    for order in (1, 2, 3):
        figures = [cpu(partial(assess_design, one, NOW, order=order)) for one in sites]
        row(f"assessment to order {order}", *map(ms, figures))
        if order == 2:
            alone = [seconds(partial(pairs_one_at_a_time, one), rounds=1) for one in sites]
            ratios = (f"×{slow / fast:.0f}" for slow, fast in zip(alone, figures, strict=True))
            row("the pairs alone, a set at a time", *ratios)


def told(one: Site) -> None:
    outage(assess_design(one, NOW).answers.bounds)


def in_series(one: Site) -> Site:
    """`one` with twenty of its components needed by every path."""
    standby = (Kind.UTILITY, Kind.GENERATOR)
    names = [name for name, component in one.components.items() if component.kind not in standby][:20]
    paths = tuple(replace(path, needs=all_of(path.needs, *names)) for path in one.emergency_paths)
    return replace(one, emergency_paths=paths)


def survival(one: Site) -> None:
    bounds = design_bounds(one)
    batch = Batch.of((), one.utilities)
    for bound in (bounds.low,) if bounds.high is bounds.low else (bounds.low, bounds.high):
        bounds.structure.evaluate(bound, batch).lives()


def pairs_one_at_a_time(one: Site) -> None:
    bounds = design_bounds(one)
    names = [component.name for component in one.components.values() if component.candidate]
    for members in combinations(names, 2):
        bounds.structure.evaluate(bounds.low, Batch.of(members), one.power_outage).lives()


# --- Exposition -----------------------------------------------------------------------------------------------


class Plain(Collector):
    """The same samples by the library's own road: built anew for each scrape."""

    def __init__(self, families: list[tuple[str, str, list[str], list[tuple[list[str], float]]]]) -> None:
        self.families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, text, labels, samples in self.families:
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, value in samples:
                family.add_metric(values, value)
            yield family


def exposition() -> None:
    one = site(30)
    memory = Memory()
    for probe in one.probes:
        memory = remember(memory, probe, ups(runtime=2000) if "ups" in probe.component else UP, NOW)
    taken = snapshot.take(one, memory, NOW)
    named = [replace(taken, site=replace(one, id=f"site-{number}")) for number in range(MANY)]
    durations = {probe.key: 0.012 for probe in one.probes}

    def rendered(of: snapshot.Snapshot) -> exporter.Families:
        return exporter.render(of, file_valid=True, vantage="central", durations=durations)

    every = [rendered(of) for of in named]
    text = exporter.page(every)
    families = []
    for family in text_string_to_metric_families(exporter.page(every[:1])):
        labels = list(family.samples[0].labels)
        samples = [
            ([label if key != "site" else of.site.id for key, label in sample.labels.items()], sample.value)
            for of in named
            for sample in family.samples
        ]
        families.append((family.name, family.documentation, labels, samples))
    registry = CollectorRegistry()
    registry.register(Plain(families))
    count = sum(not line.startswith("#") for line in text.splitlines())
    title(f"A scrape of {MANY:,} sites, {count:,} samples, {len(text) / 1e6:.1f} MB")
    ours, theirs = seconds(lambda: exporter.page(every)), seconds(lambda: generate_latest(registry))
    row("lines rendered once a change, joined", ms(ours))
    row("prometheus-client, GaugeMetricFamily", ms(theirs), f"×{theirs / ours:.0f}")
    anew = cpu(lambda: rendered(taken))
    row("one site's lines, rendered anew", ms(anew))
    parts, answered = exporter.Parts(), []
    for number in (1, 2):
        spec = one.probes[number]
        memory = remember(memory, spec, UP, NOW + number)
        answered.append(snapshot.take(one, memory, NOW + number, before=taken))
    again = cpu(lambda: [render_again(of, parts, durations) for of in answered]) / 2
    row("the same after one answer", ms(again), f"×{anew / again:.1f} cheaper")


def render_again(
    of: snapshot.Snapshot, parts: exporter.Parts, durations: dict[tuple[str, str], float]
) -> exporter.Families:
    return exporter.render(of, file_valid=True, vantage="central", durations=durations, parts=parts)


# --- Probes ---------------------------------------------------------------------------------------------------


@contextmanager
def simulated(make: Callable[[], Simulator]) -> Iterator[int]:
    """The port of a simulator in a process of its own."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    process = fork.Process(target=serve, args=(make, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def serve(make: Callable[[], Simulator], told: Connection) -> None:
    async def always() -> None:
        simulator = make()
        told.send(await simulator.start())
        await asyncio.Event().wait()

    asyncio.run(always())


def in_flight(ask: Callable[[Run, int], Awaitable[object]], limit: int) -> None:
    """`ask` MANY times, `limit` at once, over channels of one monitor."""

    async def everything() -> None:
        channels, slots = Channels(), asyncio.Semaphore(limit)
        run = Run(5.0, 1, channels, lambda secret: secret.name)

        async def one(number: int) -> None:
            async with slots:
                await ask(run, number)

        try:
            await asyncio.gather(*map(one, range(MANY)))
        finally:
            await channels.aclose()

    asyncio.run(everything())


VARIABLES = battery(23 * 60) | {f"outlet.{number}.desc": f"outlet {number}" for number in range(1, 35)}
"""As many as a USB UPS has."""


def nut_polls() -> None:
    title(f"{MANY:,} NUT polls of {len(VARIABLES)} variables, a new connection each")
    with simulated(lambda: UpsdSimulator({"ups": VARIABLES})) as port:

        async def ours(run: Run, _: int) -> None:
            reading = await nut.probe(Nut(host="127.0.0.1", port=port, ups="ups"), run)
            assert not reading.failed, reading.text

        def theirs(_: int) -> None:
            assert PyNUTClient(host="127.0.0.1", port=port).list_vars("ups")

        def one_at_a_time() -> None:
            for number in range(MANY):
                theirs(number)

        def threads() -> None:
            with ThreadPoolExecutor(IN_FLIGHT) as pool:
                list(pool.map(theirs, range(MANY)))

        exchanges(
            (
                ("the nut probe, one at a time", lambda: in_flight(ours, 1)),
                (f"the nut probe, {IN_FLIGHT} in flight", lambda: in_flight(ours, IN_FLIGHT)),
                ("nut2, one at a time", one_at_a_time),
                (f"nut2, {IN_FLIGHT} threads", threads),
            )
        )


OBJECTS = tuple(rfc1628(23))


def snmp_gets() -> None:
    title(f"{MANY:,} SNMP GETs of {len(OBJECTS)} objects, v2c, {IN_FLIGHT} in flight")
    with simulated(lambda: SnmpAgentSimulator(rfc1628(23))) as port:
        access = Access(host="127.0.0.1", port=port, community=Secret("clear", "public"))

        async def ours(run: Run, _: int) -> None:
            found = await (await snmp.open_session(access, run)).get(OBJECTS)
            assert len(found) == len(OBJECTS)

        exchanges(
            (
                ("our exchange over pysnmp's messages", lambda: in_flight(ours, IN_FLIGHT)),
                ("pysnmp v1arch", lambda: asyncio.run(by_pysnmp(port))),
            )
        )


async def by_pysnmp(port: int) -> None:
    dispatcher = v1arch.SnmpDispatcher()
    target = await v1arch.UdpTransportTarget.create(("127.0.0.1", port), timeout=5, retries=1)
    asked = [(ObjectName(oid), Null("")) for oid in OBJECTS]
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with slots:
            wrong, status, _, found = await v1arch.get_cmd(
                dispatcher, v1arch.CommunityData("public"), target, *asked, lookupMib=False
            )
            assert (wrong, int(status), len(found)) == (None, 0, len(OBJECTS))

    try:
        await asyncio.gather(*(one() for _ in range(MANY)))
    finally:
        dispatcher.transport_dispatcher.close_dispatcher()


def echoes() -> None:
    title(f"{MANY:,} ICMP echo requests, a host each, {IN_FLIGHT} in flight")
    if not permitted():
        row("not permitted here")
        return
    hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(MANY)]

    async def ours(run: Run, number: int) -> None:
        channel = run.channels.get("echo", lambda: EchoChannel(socket.AF_INET))
        until = asyncio.get_running_loop().time() + 5
        window = await channel.window((hosts[number], 0), count=1, spacing=0.2, until=until)
        assert window.rtts

    def theirs() -> None:
        asyncio.run(icmplib.async_multiping(hosts, count=1, timeout=5, concurrent_tasks=IN_FLIGHT))

    exchanges((("one socket for all", lambda: in_flight(ours, IN_FLIGHT)), ("icmplib, a socket a host", theirs)))


if __name__ == "__main__":
    begun = time.perf_counter()
    for part in (analysis, exposition, nut_polls, snmp_gets, echoes):
        part()
    title(f"in {time.perf_counter() - begun:.0f} s")
