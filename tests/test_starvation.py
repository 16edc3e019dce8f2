"""A monitor that is starved knows it: the dead keep no living waiting, and silence that it made itself is not down.

Nothing is timed: who is dead is silent for longer than any test lasts.
"""

import asyncio
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import monitor_process
import namespaces
import peers
from conftest import clear
from probes.declared.icmp import ICMP, Icmp
from probes.declared.sip_options import SIP_OPTIONS, SipOptions
from probes.declared.sip_uri import parse_uri
from probes.declared.snmp import Access
from probes.echo import permitted
from probes.snmp import open_session
from probes.snmp_fast import FastRoad, by_gufo
from resilience.burst import Burst
from resilience.fitness import Fitness
from resilience.model import ProbeSpec
from resilience.prober import Prober
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading, Reason, State, failure
from resilience.simulate.devices import rfc1628
from resilience.simulate.snmp import SnmpAgentSimulator
from sip_everywhere import SipEverywhere
from test_sip_options import reply, uas

FOREVER = 3600.0

# The dead and the living


def spec(type_name: str, settings: object, *, timeout: float = FOREVER) -> ProbeSpec:
    times = {"interval": 60_000, "timeout": int(timeout * 1000), "confirm": 1000, "rise": 1, "fall": 1}
    return ProbeSpec(
        component="x", type=type_name, name="x", retries=0, settings=settings, expires=FOREVER * 1000, **times
    )


def test_the_dead_do_not_keep_the_living_waiting() -> None:
    async def probe(dead: bool, run: Run) -> Reading:
        if dead:
            await asyncio.sleep(FOREVER)
        return Reading(State.UP)

    types = {
        "scripted": ProbeType(name="scripted", settings=bool, fields={}, probe=lambda asked, run: probe(asked[0], run))
    }

    async def story() -> None:
        prober = Prober(types, secret=lambda secret: secret.name, fitness=Fitness(), at_once=20)
        dead = [asyncio.create_task(prober.read(spec("scripted", (True, n)))) for n in range(200)]
        await asyncio.sleep(0)
        living = await asyncio.gather(*(prober.read(spec("scripted", (False, n))) for n in range(100)))
        assert {reading.state for reading in living} == {State.UP}
        assert not any(task.done() for task in dead)
        for task in dead:
            task.cancel()
        for task in (running := list(prober._running.values())):
            task.cancel()
        await asyncio.gather(*dead, *running, return_exceptions=True)
        await prober.aclose()

    asyncio.run(story())


def test_no_more_begin_together_than_there_are_places() -> None:
    async def story() -> list[int]:
        burst, inside, most = Burst(3, held=FOREVER), 0, list[int]()

        async def one() -> None:
            nonlocal inside
            async with burst.place():
                inside += 1
                most.append(inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(20)))
        return most

    most = asyncio.run(story())
    assert len(most) == 20
    assert max(most) == 3


def test_while_the_loop_is_late_no_more_begin() -> None:
    async def story() -> int:
        burst, inside, most = Burst(3, held=0.01), 0, 0

        async def one() -> None:
            nonlocal inside, most
            async with burst.place():
                inside += 1
                most = max(most, inside)
                for _ in range(20):
                    await asyncio.sleep(0)
                    time.sleep(0.02)  # noqa: ASYNC251  # each turn of the loop takes longer than a place is held
                inside -= 1

        await asyncio.gather(*(one() for _ in range(6)))
        return most

    assert asyncio.run(story()) == 3


@pytest.mark.parametrize("fast", [False, True], ids=["pysnmp", "gufo"])
def test_silent_agents_do_not_keep_an_answering_one_waiting(fast: bool) -> None:
    async def story() -> None:
        channels = Channels()
        channels.get("snmp-fast", lambda: FastRoad(by_gufo if fast else None))
        simulator = SnmpAgentSimulator(rfc1628(23))
        port = await simulator.start()
        oid = next(iter(rfc1628(23)))
        run = Run(FOREVER, 1, channels, lambda secret: secret.name)

        async def get(host: str, at: int) -> object:
            session = await open_session(Access(host=host, port=at, community=clear("public")), run)
            return await session.get([oid])

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("0.0.0.0", 0))  # every address of the loopback
            dead = [
                asyncio.create_task(get(f"127.0.{n // 250}.{n % 250 + 1}", silent.getsockname()[1]))
                for n in range(1500)
            ]
            await asyncio.sleep(0)
            assert await get("127.0.0.1", port)
            assert not any(task.done() for task in dead)
            for task in dead:
                task.cancel()
            await asyncio.gather(*dead, return_exceptions=True)
        await channels.aclose()
        await simulator.aclose()

    asyncio.run(story())


MANY = 1_000


def test_a_thousand_hosts_and_a_thousand_trunks_due_at_once_all_answer() -> None:
    """Through the prober, as the monitor asks; no healthy one is lossy or silent."""
    if not permitted():
        peers.missing("pings are not permitted here")

    async def story() -> list[Reading]:
        simulator = SipEverywhere()
        port = await simulator.start()
        hosts = [f"127.2.{n // 250}.{n % 250 + 1}" for n in range(MANY)]
        types = {"icmp": ICMP, "sip-options": SIP_OPTIONS}
        prober = Prober(types, secret=lambda secret: secret.name, fitness=Fitness())
        pings = [spec("icmp", Icmp(host=host), timeout=5) for host in hosts]
        trunks = [spec("sip-options", SipOptions(uri=parse_uri(f"sip:{host}:{port}")), timeout=32) for host in hosts]
        try:
            return await asyncio.gather(*map(prober.read, (*pings, *trunks)))
        finally:
            await prober.aclose()
            await simulator.aclose()

    readings = asyncio.run(story())
    assert len(readings) == 2 * MANY
    assert not [reading.text for reading in readings if reading.state is not State.UP]


# What the monitor knows of itself


class TestFitness:
    def test_a_network_that_was_away_meanwhile_is_remembered(self, tmp_path: Path) -> None:
        (tmp_path / "eth0").mkdir()
        link = tmp_path / "eth0" / "operstate"
        fitness = Fitness(tmp_path, lambda: True)
        link.write_text("down\n")
        fitness.look(100.0)
        assert fitness.unfit_since(99.0) == "no_network"
        link.write_text("up\n")
        fitness.look(101.0)
        assert fitness.unfit_since(99.0) == "no_network", "begun before it came back"
        assert fitness.unfit_since(100.5) == ""
        assert fitness.reasons(101.0) == {"no_network"}
        assert fitness.reasons(200.0) == frozenset()

    def test_a_clock_that_is_no_longer_kept_is_told_and_one_that_never_was_is_not(self, tmp_path: Path) -> None:
        kept = False
        fitness = Fitness(tmp_path, lambda: kept)
        fitness.look(1.0)
        assert fitness.reasons(1.0) == frozenset()
        kept = True
        fitness.look(2.0)
        kept = False
        fitness.look(3.0)
        assert fitness.reasons(300.0) == {"clock_unsynchronised"}
        assert fitness.unfit_since(0.0) == "", "what a probe waits for is measured by another clock"
        kept = True
        fitness.look(4.0)
        assert fitness.reasons(4.0) == frozenset()

    def test_a_probe_that_could_not_ask_is_told_and_taints_no_other(self) -> None:
        fitness = Fitness()
        assert fitness.reasons(0.0) == frozenset()

        async def full(asked: object, run: Run) -> Reading:
            return failure(Reason.IMPAIRED, "a buffer was full")

        async def story() -> None:
            prober = Prober(
                {"full": ProbeType(name="full", settings=bool, fields={}, probe=full)},
                secret=lambda secret: secret.name,
                fitness=fitness,
            )
            assert (await prober.read(spec("full", True))).reason is Reason.IMPAIRED
            await prober.aclose()

        asyncio.run(story())
        assert fitness.reasons(time.monotonic()) == {"overload"}
        assert fitness.unfit_since(-math.inf) == ""


# Full buffers


def test_trunks_are_not_silent_while_the_receive_buffer_overflows() -> None:
    async def story() -> list[Reading]:
        simulator, channels = SipEverywhere(), Channels()
        port = await simulator.start()
        run = Run(1.0, 0, channels, lambda secret: secret.name)

        async def ask(host: str) -> Reading:
            return await SIP_OPTIONS.probe(SipOptions(uri=parse_uri(f"sip:{host}:{port}")), run)

        await ask("127.0.0.1")
        (endpoint,) = (channel for key, channel in channels._open.items() if key[0] == "sip-udp")  # type: ignore[index]
        endpoint._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # type: ignore[attr-defined]
        readings = await asyncio.gather(*(ask(f"127.0.1.{n}") for n in range(1, 201)))
        await channels.aclose()
        await simulator.aclose()
        return readings

    readings = asyncio.run(story())
    lost = [reading for reading in readings if not reading.state.works]
    assert lost
    assert {(reading.state, reading.reason) for reading in lost} == {(State.UNKNOWN, Reason.IMPAIRED)}


def test_a_trunk_is_not_slow_because_the_loop_was_blocked() -> None:
    async def story(port: int) -> Reading:
        channels = Channels()
        settings = SipOptions(uri=parse_uri(f"sip:127.0.0.1:{port}"), slow=500)
        asked = asyncio.create_task(SIP_OPTIONS.probe(settings, Run(5.0, 0, channels, lambda secret: secret.name)))
        while not peer.requests:  # noqa: ASYNC110  # the peer is a thread
            await asyncio.sleep(0)
        time.sleep(1)  # noqa: ASYNC251  # the answer has come, and waits
        reading = await asked
        await channels.aclose()
        return reading

    with uas(lambda request, _: [reply(request)]) as peer:
        reading = asyncio.run(story(peer.port))
    assert (reading.state, reading.text) == (State.UP, "")


SIP_SERVER = """
import asyncio
from resilience.simulate.sip import SipSimulator
async def main():
    await SipSimulator().start("0.0.0.0", 5060)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def two_ends(tmp_path: Path) -> Iterator[tuple[namespaces.Namespace, namespaces.Namespace]]:
    """The monitor's machine, and one behind its only cable that has a trunk."""
    with ExitStack() as stack:
        here, there = (stack.enter_context(namespaces.namespace(role)) for role in ("here", "there"))
        namespaces.join((here, "eth0", "10.77.0.1/16"), (there, "eth0", "10.77.0.2/16"))
        stack.enter_context(peers.process(there.command(sys.executable, "-c", SIP_SERVER), log=tmp_path / "sip.log"))
        peers.wait_until(
            lambda: "5060" in there.run("cat", "/proc/net/udp").replace(":13C4", ":5060"), what="the trunk"
        )
        yield here, there


def test_dead_neighbours_do_not_fill_the_buffers_of_the_living(tmp_path: Path) -> None:
    """What is sent to a dead host of one's own network waits for seconds until the kernel knows it for dead."""
    dead = [f"10.77.{n // 250 + 1}.{n % 250 + 1}" for n in range(600)]

    async def story() -> list[Reading]:
        prober = Prober(
            {"icmp": ICMP, "sip-options": SIP_OPTIONS}, secret=lambda secret: secret.name, fitness=Fitness()
        )

        def both(host: str, timeout: float) -> list[ProbeSpec]:
            uri = parse_uri(f"sip:{host}:5060")
            return [spec("icmp", Icmp(host=host), timeout=2), spec("sip-options", SipOptions(uri=uri), timeout=timeout)]

        silent = [asyncio.create_task(prober.read(asked)) for host in dead for asked in both(host, 4)]
        await asyncio.sleep(1)
        living = await asyncio.gather(*(prober.read(asked) for asked in both("10.77.0.2", 8)))
        of_dead = await asyncio.gather(*silent)
        await prober.aclose()
        assert not [reading for reading in of_dead if reading.state.works]
        return living

    with two_ends(tmp_path) as (here, _):
        readings = here.inside(lambda: asyncio.run(story()))
    assert [(reading.state, reading.text) for reading in readings] == [(State.UP, "")] * 2


# The whole monitor

SITE = """
schema: 1
site: branch
name: A branch
owner: {team: operations}
components:
  wan:
    kind: wan
    probes: [{type: icmp, host: 10.77.0.2, interval: 1s, timeout: 500ms, confirm: 200ms, rise: 1, fall: 2}]
  trunk:
    kind: sip-trunk
    needs: [wan]
    probes: [{type: sip-options, uri: "sip:10.77.0.2", interval: 2s, timeout: 1s, confirm: 1s, rise: 1, fall: 2}]
  phones: {kind: phones, units: 20, power: []}
emergency_paths:
  - {name: desk, tier: primary, needs: [phones, trunk]}
accepted_risks:
  - {component: wan, reason: one line, by: operations, until: 2099-01-01}
  - {component: trunk, reason: one trunk, by: operations, until: 2099-01-01}
"""


def test_a_monitor_that_is_stopped_or_cut_off_calls_nothing_down(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "branch.yaml").write_text(SITE)
    with two_ends(tmp_path) as (here, there):

        def fetch(url: str) -> bytes:
            return here.inside(lambda: monitor_process.get(url))

        log = tmp_path / "monitor.log"
        with monitor_process.monitor(sites, log, inside=here.command(), fetch=fetch) as monitor:
            seen: set[str] = set()

            def looked(until: str) -> None:
                """Every state that is shown until the monitor's impairment is `until`."""

                def come() -> bool:
                    reasons = {labels["reason"] for labels, _ in monitor.samples("resilience_monitor_impaired")}
                    seen.add(monitor.state("branch"))
                    return until in reasons

                peers.wait_until(come, what=until)

            monitor.wait_for_state("branch", "protected")
            os.kill(monitor.process.pid, signal.SIGSTOP)  # `ip netns exec` has become the monitor
            time.sleep(2)  # what was asked is overdue by then
            os.kill(monitor.process.pid, signal.SIGCONT)
            looked("loop_lag")
            assert monitor.value("resilience_finding", code="monitor_impaired") == 1

            here.ip("link", "set", "eth0", "down")
            looked("no_network")
            failures = lambda: monitor.samples("resilience_probe_failure", reason="impaired")  # noqa: E731
            peers.wait_until(
                lambda: seen.add(monitor.state("branch")) or failures(), what="failures that prove nothing"
            )
            peers.wait_until(
                lambda: seen.add(monitor.state("branch")) or "unverified" in seen, seconds=20, what="no more evidence"
            )
            here.ip("link", "set", "eth0", "up")
            monitor.wait_for_state("branch", "protected")
            assert seen <= {"protected", "unverified"}

            there.ip("link", "set", "eth0", "mtu", "1500")
            there.run("ip", "address", "del", "10.77.0.2/16", "dev", "eth0")  # now it is the site that is gone
            monitor.wait_for_state("branch", "unavailable")


def test_a_monitor_takes_the_files_it_may_have(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "branch.yaml").write_text(SITE)
    with namespaces.namespace() as lone:

        def fetch(url: str) -> bytes:
            return lone.inside(lambda: monitor_process.get(url))

        inside = lone.command("prlimit", "--nofile=256:4096")
        with monitor_process.monitor(sites, tmp_path / "monitor.log", inside=inside, fetch=fetch) as monitor:
            assert monitor.value("process_max_fds") == 4096
