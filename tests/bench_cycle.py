"""What one round of 1,000 sites costs the monitor's process: the last part of `make bench`.

A site here is 1 NUT LIST VAR, 2 SNMP GETs of 10 objects, 4 pings and 2 SIP OPTIONS, all by the probes themselves.
Devices are simulators in processes of their own; the CPU is this process alone, and beside it that of Prometheus'
exporters over the same devices. Then what becomes of 10,000 targets that are due in one moment. Nothing is asserted.
"""

import asyncio
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import exporter_peers
import probes
from bench import IN_FLIGHT, MANY, VARIABLES, both, row, simulated, title
from probes import nut, sip_options, snmp
from probes.declared.icmp import Icmp
from probes.declared.nut import Nut
from probes.declared.sip_options import SipOptions
from probes.declared.sip_uri import SipUri, parse_uri
from probes.declared.snmp import Access
from probes.echo import EchoChannel, permitted
from probes.sip_pace import Pace
from probes.sip_round import PACE
from probes.snmp_fast import INSTALLED, FastRoad, by_gufo
from resilience import garbage
from resilience.fitness import Fitness
from resilience.model import ProbeSpec, Secret
from resilience.prober import Prober
from resilience.probing import Channels, Run
from resilience.reading import Reading, State
from resilience.simulate.devices import rfc1628
from resilience.simulate.sip import SipSimulator
from resilience.simulate.snmp import SnmpAgentSimulator
from resilience.simulate.upsd import UpsdSimulator
from sip_everywhere import SipEverywhere

CARD = {**rfc1628(23), **{f"1.3.6.1.2.1.33.1.4.4.1.{column}.1": 23 for column in (2, 3, 4, 5, 6, 7)}}
TEN = tuple(CARD)[-10:]
DUE = 10_000
Ask = Callable[[Run, int], Awaitable[None]]


def a_round(asks: tuple[Ask, ...], *, fast: bool) -> None:
    """Every site's questions, IN_FLIGHT sites at once, each site's one after the other."""

    async def everything() -> None:
        channels, slots = Channels(), asyncio.Semaphore(IN_FLIGHT)
        channels.get("snmp-fast", lambda: FastRoad(by_gufo if fast else None))
        channels.get(PACE, lambda: Pace(per_second=1e9))  # every trunk here is one and the same simulator
        run = Run(5.0, 1, channels, lambda secret: secret.name)

        async def site(number: int) -> None:
            async with slots:
                for ask in asks:
                    await ask(run, number)

        try:
            await asyncio.gather(*map(site, range(MANY)))
        finally:
            await channels.aclose()

    with garbage.looked_for_after(garbage.MONITOR):
        asyncio.run(everything())


async def ups(run: Run, _: int, port: int) -> None:
    reading = await nut.probe(Nut(host="127.0.0.1", port=port, ups="ups"), run)
    assert not reading.failed, reading.text


async def agent(run: Run, _: int, port: int) -> None:
    access = Access(host="127.0.0.1", port=port, community=Secret("clear", "public"))
    session = await snmp.open_session(access, run)
    for _ in range(2):
        assert len(await session.get(TEN)) == len(TEN)


async def line(run: Run, number: int) -> None:
    channel = run.channels.get("echo", lambda: EchoChannel(socket.AF_INET))
    until = asyncio.get_running_loop().time() + 5
    window = await channel.window((host_of(number), 0), count=4, spacing=0.02, until=until)
    assert len(window.rtts) == 4


async def trunk(run: Run, _: int, settings: SipOptions) -> None:
    for _ in range(2):
        reading = await sip_options.probe(settings, run)
        assert reading.state.works, reading.text


def once(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    used = time.process_time()
    work()
    return time.process_time() - used


def main() -> None:
    title(f"One round of {MANY:,} sites: NUT, 2 SNMP GETs of {len(TEN)} objects, 4 pings, 2 SIP OPTIONS each")
    with (
        simulated(lambda: UpsdSimulator({"ups": VARIABLES})) as upsd,
        simulated(lambda: SnmpAgentSimulator(CARD)) as snmpd,
        simulated(SipSimulator) as sip,
    ):
        parts: dict[str, Ask] = {
            "NUT": partial(ups, port=upsd),
            "SNMP": partial(agent, port=snmpd),
            "pings": line,
            "SIP": partial(trunk, settings=SipOptions(uri=parse_uri(f"sip:127.0.0.1:{sip}"))),
        }
        if not permitted():
            del parts["pings"]
        whole = tuple(parts.values())
        for name, fast in (("with pysnmp", False), ("with the extra `fast`", True)):
            if fast and not INSTALLED:
                row(name, "gufo-snmp is not installed")
                continue
            wall, cpu = both(lambda fast=fast: a_round(whole, fast=fast))
            row(name, f"{wall:.2f} s", f"{cpu:.2f} s cpu")
        for name, ask in parts.items():
            row(f"{name} alone", "", f"{once(lambda ask=ask: a_round((ask,), fast=False)):.2f} s cpu")
        row(
            "SNMP alone, with the extra `fast`",
            "",
            f"{once(lambda: a_round((parts['SNMP'],), fast=INSTALLED)):.2f} s cpu",
        )
        beside(upsd, snmpd)
    at_once()


def beside(upsd: int, snmpd: int) -> None:
    """Prometheus' exporters over the same devices: their own CPU, without that of whoever scrapes them."""
    if not exporter_peers.installed():
        row(f"Prometheus' exporters are not installed: {exporter_peers.APT}")
        return
    hosts = list(map(host_of, range(MANY)))
    questions = {
        "blackbox_exporter, LIST VAR": ("/probe", "nut", [f"127.0.0.1:{upsd}"] * MANY),
        "snmp_exporter, 2 GETs": ("/snmp", "ten", [f"127.0.0.1:{snmpd}"] * 2 * MANY),
        "blackbox_exporter, 4 pings": ("/probe", "ping", hosts * 4),
    }
    with TemporaryDirectory() as folder, ExitStack() as stack:
        asked = {
            "/probe": stack.enter_context(exporter_peers.blackbox(Path(folder))),
            "/snmp": stack.enter_context(exporter_peers.snmp(Path(folder), TEN)),
        }
        whole = 0.0
        for name, (path, module, targets) in questions.items():
            exporter = asked[path]
            begun, used = time.perf_counter(), exporter.cpu()
            each = ({"module": module, "target": target} for target in targets)
            asyncio.run(exporter.ask_all(path, each, IN_FLIGHT))
            cpu = exporter.cpu() - used
            whole += cpu
            row(name, f"{time.perf_counter() - begun:.2f} s", f"{cpu:.2f} s cpu")
        row("both exporters together, and no SIP", "", f"{whole:.2f} s cpu")


def at_once() -> None:
    """So many due in one moment, through the prober, as the monitor asks; no healthy one may be lossy or silent."""
    title(f"{DUE:,} ping targets and {DUE:,} SIP targets due at once; then with 3,000 dead ones among them")
    with simulated(SipEverywhere) as port:
        pings = [spec("icmp", Icmp(host=host_of(number)), 2) for number in range(DUE)]
        trunks = [spec("sip-options", SipOptions(uri=sip_uri(number, port)), 32) for number in range(DUE)]
        if not permitted():
            pings = []
        told("all healthy", [*pings, *trunks], ())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("0.0.0.0", 0))  # it has every address of the loopback, and says nothing
            dead = [spec("sip-options", SipOptions(uri=sip_uri(n, silent.getsockname()[1])), 8) for n in range(3_000)]
            living = [asked for pair in zip(pings, trunks, strict=False) for asked in pair][:7_000] or trunks[:7_000]
            told("7,000 healthy behind 3,000 dead", living, dead)
            told("3,000 dead alone, 5 requests each", (), dead)


def told(name: str, living: Sequence[ProbeSpec], dead: Sequence[ProbeSpec]) -> None:
    fitness = Fitness()

    async def everything() -> tuple[list[Reading], float]:
        watch = asyncio.create_task(fitness.watch())
        prober = Prober(probes.registry(), secret=lambda secret: secret.name, fitness=fitness)
        begun = time.monotonic()
        silent = [asyncio.create_task(prober.read(asked)) for asked in dead]
        await asyncio.sleep(0)
        readings = await asyncio.gather(*map(prober.read, living))
        taken = time.monotonic() - begun
        await asyncio.gather(*silent)
        watch.cancel()
        await prober.aclose()
        return readings, taken

    used = time.process_time()
    readings, taken = asyncio.run(everything())
    used = time.process_time() - used
    states = Counter(reading.state for reading in readings)
    row(name, f"{taken:.2f} s", f"{used:.2f} s cpu", *(f"{count:,} {state}" for state, count in states.items()))
    wrong = Counter(reading.text.partition(": ")[2] for reading in readings if reading.state is not State.UP)
    for text, count in wrong.most_common(3):
        row(f"  {count:,}: {text}")


def host_of(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def sip_uri(number: int, port: int) -> SipUri:
    return parse_uri(f"sip:{host_of(number)}:{port}")


def spec(type_name: str, settings: object, seconds: int) -> ProbeSpec:
    times = {"interval": 60_000, "timeout": seconds * 1000, "confirm": 1000, "rise": 1, "fall": 1, "expires": 200_000}
    return ProbeSpec(component="x", type=type_name, name="x", retries=0, settings=settings, **times)


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    title(f"in {time.perf_counter() - begun:.0f} s")
    sys.exit(0)
