"""No probe leaves the configured networks: whatever its transport, by name or number, also from threads."""

import asyncio
import contextvars
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

import monitor_process
import peers
import probes
from lines import lines, site_on
from probes.sip_pace import Pace
from probes.sip_round import PACE
from resilience.fence import Fence
from resilience.fitness import Fitness
from resilience.model import ProbeSpec
from resilience.prober import Prober
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading, Reason, State
from resilience.sitefile import read_site

TYPES = probes.registry()

PROBES = (
    "{type: tcp, host: HOST, port: 9}",
    "{type: icmp, host: HOST}",
    "{type: dns, host: HOST, query: example.org}",
    "{type: http, host: HOST}",
    "{type: certificate, host: HOST}",
    "{type: egress, host: HOST}",
    "{type: traceroute, host: HOST}",
    "{type: nut, host: HOST, ups: a}",
    "{type: snmp-ups, host: HOST, community: {env: HOME}}",
    '{type: snmp-ups, host: HOST, version: "1", community: {env: HOME}}',
    '{type: snmp-ups, host: HOST, version: "3", user: ro, timeout: 1s}',
    "{type: snmp-line, host: HOST, community: {env: HOME}}",
    "{type: snmp-cellular, host: HOST, community: {env: HOME}}",
    "{type: snmp-ats, host: HOST, community: {env: HOME}}",
    "{type: snmp-sbc, host: HOST, community: {env: HOME}}",
    "{type: snmp-interface, host: HOST, if-index: 1, community: {env: HOME}}",
    "{type: snmp-bgp, host: HOST, community: {env: HOME}, peers: [192.0.2.1]}",
    "{type: snmp-sdwan, host: HOST, community: {env: HOME}, member: a}",
    "{type: snmp-ipsla, host: HOST, community: {env: HOME}, operations: [1]}",
    "{type: generator, host: HOST, profile: dse-4000}",
    '{type: sip-options, uri: "sip:HOST"}',
    '{type: sip-options, uri: "sip:HOST;transport=tcp"}',
    '{type: sip-options, uri: "sip:HOST;transport=tls"}',
    '{type: sip-binding, uri: "sip:a@HOST", password: {env: HOME}}',
    "{type: asterisk, host: HOST, user: a, password: {env: HOME}}",
    "{type: freeswitch, host: HOST, password: {env: HOME}}",
    "{type: kamailio, host: HOST}",
    "{type: opensips, host: HOST}",
)

OF_THIS_MACHINE = {"modemmanager"}
"""Types that ask a service of this machine by a socket of its file system."""


def spec(probe: str) -> ProbeSpec:
    text = f"""\
site: a
name: A
owner: {{team: t}}
components:
  one: {{kind: service, probes: [{probe}]}}
emergency_paths: [{{name: p, tier: primary, needs: one}}]
"""
    found = read_site(text.encode(), "a.yaml", TYPES)
    assert found.site is not None, [str(fault) for fault in found.faults]
    ((made,),) = [component.probes for component in found.site.components.values()]
    return made


def read(probe: ProbeSpec, *networks: str, types: dict[str, ProbeType] | None = None) -> Reading:
    async def once() -> Reading:
        fence = Fence(map(ip_network, networks), Path("/nowhere"))
        prober = Prober(types or TYPES, secret=lambda secret: "public", fitness=Fitness(), fence=fence)
        try:
            return await prober.read(probe)
        finally:
            await prober.aclose()

    return asyncio.run(once())


@pytest.fixture
def listening() -> Iterator[Callable[[], int]]:
    """Ports of 127.0.0.1 at which anything that arrives is counted."""
    with ExitStack() as opened:
        heard: list[socket.socket] = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for port in (9, 53, 80, 161, 502, 3493, 5060, 5061):
                one = opened.enter_context(socket.socket(socket.AF_INET, kind))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    one.bind(("127.0.0.1", port))
                except OSError:
                    continue  # somebody's own
                if kind == socket.SOCK_STREAM:
                    one.listen()
                one.setblocking(False)
                heard.append(one)

        def arrived() -> int:
            found = 0
            for one in heard:
                try:
                    one.accept() if one.type == socket.SOCK_STREAM else one.recv(1)
                    found += 1
                except BlockingIOError:
                    pass
            return found

        yield arrived


@pytest.mark.parametrize("probe", PROBES)
def test_nothing_leaves_for_another_network(probe: str, listening: Callable[[], int]) -> None:
    peers.root()
    reading = read(spec(probe.replace("HOST", "127.0.0.1")), "127.7.0.0/16", "::1/128")
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG), reading
    assert "127.0.0.1 is outside probe_networks" in reading.text
    assert listening() == 0


def test_every_type_of_probe_is_held_to_it() -> None:
    tried = {probe.removeprefix("{type: ").partition(",")[0] for probe in PROBES}
    assert tried | OF_THIS_MACHINE == set(probes.BUILT_IN), "a new type needs its line in PROBES"


def test_inside_it_probes_as_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        probe = spec(f"{{type: tcp, host: 127.0.0.1, port: {opened.getsockname()[1]}}}")
        assert read(probe, "10.0.0.0/8", "127.0.0.0/8").state is State.UP
    assert read(probe, "127.0.0.1/32").state is State.DOWN, "refused by nobody but the host"


def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        probe = spec(f"{{type: tcp, host: localhost, ip: 4, port: {opened.getsockname()[1]}}}")
        assert read(probe, "127.0.0.0/8").state is State.UP
        reading = read(probe, "10.0.0.0/8")
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)


def test_the_name_servers_of_this_machine_may_be_asked_for_names_alone(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("search example.org\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n")
    fence = Fence([ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")], tmp_path / "resolv.conf")
    inside = [("10.1.2.3", 161), ("::ffff:10.1.2.3", 1), ("2001:db8::1", 1), ("192.0.2.53", 53), ("fe80::1%eth0", 53)]
    assert [fence.permits(*place) for place in inside] == [True] * 5
    outside = [("192.0.2.53", 54), ("11.0.0.1", 1), ("::ffff:11.0.0.1", 1), ("::1", 1), ("localhost", 1), ("", 53)]
    assert [fence.permits(*place) for place in outside] == [False] * 6


@dataclass(frozen=True)
class Any:
    """Settings of a stranger's probe."""


def test_a_strangers_probe_is_held_too_in_tasks_threads_and_though_it_hides_it() -> None:
    async def sly(_: Any, run: Run) -> Reading:
        def knock() -> str:
            try:
                socket.create_connection(("127.0.0.1", 9), timeout=1).close()
            except PermissionError as error:
                return str(error)
            return "through"

        told = [await asyncio.create_task(asyncio.to_thread(knock))]
        told.append(contextvars.copy_context().run(knock))
        assert all("outside probe_networks" in one for one in told)
        return Reading(State.UP)

    stranger = ProbeType(name="sly", settings=Any, fields={}, probe=sly)
    probe = ProbeSpec(
        component="a", type="sly", name="sly", interval=1000, timeout=3000, confirm=1, retries=0, rise=1, fall=1,
        expires=9000, settings=Any(),
    )  # fmt: skip
    reading = read(probe, "10.0.0.0/8", types={"sly": stranger})
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)


def test_a_monitor_with_a_fence_says_what_it_does_not_ask(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    config = tmp_path / "config.yaml"
    config.write_text("probe_networks: [127.0.0.1/32]\nsip_rate: 5\n")
    with lines("127.0.0.1", "127.0.0.2") as opened:
        text = site_on(opened.ports)
        second = f"host: 127.0.0.1, port: {opened.ports[1]}"
        (sites / "branch.yaml").write_text(text.replace(second, second.replace("127.0.0.1", "127.0.0.2")))
        with monitor_process.monitor(sites, tmp_path / "m.log", env={"RESILIENCE_CONFIG": str(config)}) as monitor:
            monitor.wait_for_state("branch", "at_risk")
            assert monitor.value("resilience_probe_failure", component="line-b", reason="config") == 1
            assert monitor.value("resilience_component_state_code", component="line-a") == 3
            assert monitor.value("resilience_component_state_code", component="line-b") == 1
            (failed,) = monitor.site("branch")["probe_failures"]
            assert "127.0.0.2 is outside probe_networks" in failed["text"]


def test_the_rate_to_a_sip_destination_is_the_configurations() -> None:
    prober = Prober(
        TYPES,
        secret=lambda secret: "",
        fitness=Fitness(),
        opened=lambda channels: channels.get(PACE, lambda: Pace(10)),
    )
    channels: Channels = prober._channels
    pace = channels.get(PACE, Pace)
    assert pace.turn("sbc", 0.0, 9.0) == 0.0
    assert pace.turn("sbc", 0.0, 9.0) == pytest.approx(0.1)
