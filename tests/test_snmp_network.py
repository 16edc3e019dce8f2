"""Interfaces, BGP peers and IP SLA operations: recorded routers, net-snmp, and agents that restart and misbehave."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysnmp.proto import rfc1902

import peers
import snmp_peer
from conftest import Probe, clear
from probes import if_mib, snmp_bgp, snmp_ipsla
from probes.declared.snmp_bgp import SNMP_BGP
from probes.declared.snmp_bgp import Settings as Bgp
from probes.declared.snmp_interface import SNMP_INTERFACE
from probes.declared.snmp_interface import Settings as Interface
from probes.declared.snmp_ipsla import SNMP_IPSLA
from probes.declared.snmp_ipsla import Settings as IpSla
from probes.if_mib import (
    ADMIN,
    ALIAS,
    DESCR,
    HC_IN,
    HC_OUT,
    HIGH_SPEED,
    IN,
    NAME,
    OPER,
    OUT,
    SPEED,
    SYS_UP_TIME,
    Counters,
    passed,
)
from probes.snmp_interface import Known
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator

Poll = Callable[[], Any]


@asynccontextmanager
async def polled(agent: SnmpAgentSimulator, probe_type: ProbeType, **settings: Any) -> AsyncIterator[Poll]:
    """A function that polls `agent` once, as the monitor would, keeping its channels."""
    port, channels = await agent.start(), Channels()
    declared = probe_type.settings(host="127.0.0.1", port=port, **{"community": clear("public"), **settings})

    async def poll() -> Reading:
        return await probe_type.probe(declared, Run(2, 1, channels, lambda secret: secret.name))

    try:
        yield poll
    finally:
        await channels.aclose()
        await agent.aclose()


# ---- Recorded routers ----


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    records = peers.shared("corpora", "snmprec")
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="merakims") as port:
        yield port, [entry for entry in entries if entry["file"].startswith("snmprec/")]


def recorded(entry: dict[str, Any]) -> dict[str, str]:
    text = peers.shared("corpora", entry["file"]).read_text(encoding="latin-1")
    return dict(line.split("|")[::2] for line in text.splitlines() if line.count("|") == 2)


async def interfaces(port: int, community: str, indexes: Iterable[str]) -> dict[str, Reading]:
    """One reading of each interface of a recorded device."""
    channels = Channels()
    try:
        return {
            index: await SNMP_INTERFACE.probe(
                Interface(host="127.0.0.1", port=port, community=clear(community), if_index=int(index)),
                Run(5, 1, channels, lambda secret: secret.name),
            )
            for index in indexes
        }
    finally:
        await channels.aclose()


WANTED = {"1": State.UP, "2": State.DOWN, "3": State.DOWN, "6": State.DOWN, "7": State.DOWN}


def test_every_interface_of_a_recorded_router_is_read_right_or_not_at_all(
    dumps: tuple[int, list[dict[str, Any]]], run_probe: Probe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the routers and firewalls every one, and of the other devices each that has interfaces."""
    port, entries = dumps
    counts: Counter[str] = Counter()
    lines = []
    for entry in entries:
        record, of = recorded(entry), Counter[str]()
        if entry["kind"] != "network" and not any(oid.startswith(f"{OPER}.") for oid in record):
            continue
        indexes = [oid.rpartition(".")[2] for oid in record if oid.startswith((f"{OPER}.", f"{DESCR}."))]
        for index, reading in asyncio.run(interfaces(port, entry["community"], dict.fromkeys(indexes))).items():
            said = record.get(f"{OPER}.{index}")
            switched_off = record.get(f"{ADMIN}.{index}") == "2"
            wanted = State.UNKNOWN if switched_off or said is None else WANTED.get(said, State.UNKNOWN)
            assert reading.state is wanted, (entry["community"], index, reading.text)
            assert reading.observations == ()  # one reading alone measures nothing
            of["switched off" if switched_off else f"{reading.state}" if said else "no status, said so"] += 1
        if not indexes:
            reading = run_probe(
                SNMP_INTERFACE, host="127.0.0.1", port=port, community=clear(entry["community"]), if_name="wan1"
            )
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
            of["no interface in the record, said so"] += 1
        counts += of
        lines.append(f"  {entry['community']:26}{', '.join(f'{n} {word}' for word, n in sorted(of.items()))}\n")
    with capsys.disabled():
        table = "".join(f"{count:5} {what}\n" for what, count in sorted(counts.items()))
        print(f"\n{len(lines):5} recorded devices, by interface\n{table}{''.join(lines)}")  # noqa: T201 - for people
    assert counts["up"] > 150
    assert counts["no interface in the record, said so"] == 3


@pytest.mark.parametrize(
    ("community", "key", "state", "text"),
    [
        ("fortigate_60f3g4g", {"if_name": "wan1"}, State.DOWN, "wan1 is down"),
        ("fortigate_60f3g4g", {"if_name": "wwan"}, State.UP, ""),
        ("sonicwall_sonicos7", {"if_name": "X1 (WAN)"}, State.UP, ""),
        ("zyxelusg_usgflex100", {"if_name": "ge2"}, State.UP, ""),
        ("zyxelusg_usgflex100", {"if_name": "ge1"}, State.DOWN, "ge1 is down"),
        ("netscaler-sdwan", {"if_alias": "1/1"}, State.UP, ""),
        ("opnsense_vm", {"if_name": "vmx0"}, State.UNKNOWN, "the agent does not show ifOperStatus"),
    ],
)
def test_interfaces_are_found_by_name(
    dumps: tuple[int, object], community: str, key: dict[str, str], state: State, text: str
) -> None:
    async def once() -> Reading:
        channels = Channels()
        settings = Interface(host="127.0.0.1", port=dumps[0], community=clear(community), **key)
        try:
            return await SNMP_INTERFACE.probe(settings, Run(5, 1, channels, lambda secret: secret.name))
        finally:
            await channels.aclose()

    reading = asyncio.run(once())
    assert reading.state is state, reading.text
    assert text in reading.text


def test_a_name_that_is_not_there_names_those_that_are(dumps: tuple[int, object], run_probe: Probe) -> None:
    where = {"host": "127.0.0.1", "port": dumps[0], "community": clear("zyxelusg_usgflex100")}
    reading = run_probe(SNMP_INTERFACE, **where, if_name="ge9")
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
    assert "no interface is called 'ge9'; there are lo, _eth0" in reading.text
    reading = run_probe(SNMP_INTERFACE, **where, if_index=99)
    assert reading.text == "the agent shows no interface with the index 99"


def test_recorded_bgp_peers(dumps: tuple[int, list[dict[str, Any]]], run_probe: Probe) -> None:
    def ask(*addresses: str, quorum: int = 1, community: str = "fortigate_60f3g4g") -> Reading:
        where = {"host": "127.0.0.1", "port": dumps[0], "community": clear(community)}
        return run_probe(SNMP_BGP, **where, peers=addresses, quorum=quorum)

    reading = ask("192.168.1.253")
    assert (reading.state, [seen.value for seen in reading.observations]) == (State.UP, [1.0])
    reading = ask("172.16.31.1")
    assert (reading.state, reading.text) == (State.DOWN, "172.16.31.1 (AS 65500): idle")
    reading = ask("192.168.1.253", "172.16.31.1", "192.168.2.253")
    assert reading.state is State.DEGRADED
    assert reading.text.startswith("1 of 3 targets answer, 1 must: 172.16.31.1 (AS 65500): idle; ")
    assert ask("192.168.1.253", "172.16.31.1", quorum=2).state is State.DOWN
    routers = [entry["community"] for entry in dumps[1] if entry["kind"] == "network"]
    without = [community for community in routers if community != "fortigate_60f3g4g"]
    for community in without:
        reading = ask("192.168.1.253", community=community)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED), community


# ---- net-snmp ----


def test_snmpd_by_every_version(tmp_path: Path, run_probe: Probe) -> None:
    with snmp_peer.snmpd(tmp_path) as port:
        for version in ("1", "2c"):
            where = {"host": "127.0.0.1", "port": port, "community": clear("public"), "version": version}
            reading = run_probe(SNMP_INTERFACE, **where, if_name="lo")
            assert (reading.state, reading.text) == (State.UP, "")


# ---- Use ----

UPTIME = SYS_UP_TIME


def interface(index: int = 7, name: str = "wan1", **more: Any) -> dict[str, Any]:
    objects = {
        f"{NAME}.{index}": name,
        f"{DESCR}.{index}": f"long {name}",
        f"{ALIAS}.{index}": f"to the provider of {name}",
        f"{ADMIN}.{index}": 1,
        f"{OPER}.{index}": 1,
        f"{HIGH_SPEED}.{index}": rfc1902.Gauge32(1000),
        f"{HC_IN}.{index}": rfc1902.Counter64(10**12),
        f"{HC_OUT}.{index}": rfc1902.Counter64(2 * 10**12),
    }
    return {**objects, **more}


def after(agent: SnmpAgentSimulator, seconds: float, came: float, went: float, index: int = 7) -> None:
    """The agent as it is `seconds` after its start, with so many bits through the interface."""
    agent.set(UPTIME, rfc1902.TimeTicks(int(seconds * 100)))
    agent.set(f"{HC_IN}.{index}", rfc1902.Counter64(int(10**12 + came / 8)))
    agent.set(f"{HC_OUT}.{index}", rfc1902.Counter64(int(2 * 10**12 + went / 8)))


def shares(reading: Reading) -> dict[str, float]:
    return {seen.target: round(seen.value, 3) for seen in reading.observations}


def told(steps: list[tuple[float, float, float]], **settings: Any) -> list[Reading]:
    """The readings after each (seconds, bits in, bits out)."""

    async def go() -> list[Reading]:
        agent, readings = SnmpAgentSimulator(interface()), []
        async with polled(agent, SNMP_INTERFACE, **{"if_name": "wan1", **settings}) as poll:
            for step in steps:
                after(agent, *step)
                readings.append(await poll())
        return readings

    return asyncio.run(go())


def test_the_use_of_a_line_is_measured_against_its_capacity() -> None:
    first, second, third = told([(1000, 0, 0), (1060, 1.2e9, 0.6e9), (1120, 6.9e9, 0.6e9)], capacity=100e6)
    assert (first.state, shares(first)) == (State.UP, {})
    assert (second.state, second.text, shares(second)) == (State.UP, "", {"wan1 in": 0.2, "wan1 out": 0.1})
    assert (third.state, shares(third)) == (State.DEGRADED, {"wan1 in": 0.95, "wan1 out": 0.0})
    assert third.text == "wan1: in 95% of 100 Mb/s over 60 s"


def test_the_two_directions_may_have_capacities_of_their_own() -> None:
    _, reading = told([(1000, 0, 0), (1060, 1.2e9, 1.14e9)], capacity=100e6, capacity_out=20e6)
    assert shares(reading) == {"wan1 in": 0.2, "wan1 out": 0.95}
    assert reading.state is State.DEGRADED
    assert told([(1000, 0, 0), (1060, 1.2e9, 1.14e9)], capacity=100e6, capacity_out=20e6, congested=1.0)[1].state is (
        State.UP
    )


def test_without_a_capacity_the_interface_s_speed_counts() -> None:
    assert shares(told([(1000, 0, 0), (1060, 30e9, 6e9)])[1]) == {"wan1 in": 0.5, "wan1 out": 0.1}


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ([(1000, 0, 0), (1010, 1e9, 0)], {}),  # too near: counters may be ten seconds old
        ([(1000, 0, 0), (1010, 1e9, 0), (1060, 1.2e9, 0)], {"wan1 in": 0.2, "wan1 out": 0.0}),  # the older one counts
        ([(1000, 0, 0), (60, 1.2e9, 0)], {}),  # a restart
        ([(1000, 1e9, 0), (1060, 0, 0)], {}),  # a counter went back
    ],
)
def test_readings_that_cannot_be_compared_measure_nothing(
    steps: list[tuple[float, float, float]], seen: dict[str, float]
) -> None:
    reading = told(steps, capacity=100e6)[-1]
    assert (reading.state, shares(reading)) == (State.UP, seen)


def test_more_than_a_line_carries_is_not_believed() -> None:
    reading = told([(1000, 0, 0), (1060, 12e9, 0)], capacity=100e6)[-1]
    assert (reading.state, shares(reading)) == (State.UP, {"wan1 out": 0.0})
    assert reading.text == "wan1: in 200% of 100 Mb/s over 60 s, which cannot be; is the capacity right?"


def test_an_index_that_another_interface_has_by_now_is_looked_for_again() -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator({**interface(7), **interface(8, "lan")})
        async with polled(agent, SNMP_INTERFACE, if_name="wan1", capacity=100e6) as poll:
            after(agent, 1000, 0, 0)
            assert (await poll()).state is State.UP
            for oid, value in {**interface(7, "lan"), **interface(8, "wan1"), f"{OPER}.8": 2}.items():
                agent.set(oid, value)
            after(agent, 60, 0, 0, index=8)
            reading = await poll()
            assert (reading.state, reading.text, shares(reading)) == (State.DOWN, "wan1 is down", {})
            agent.set(f"{NAME}.8", "other")
            agent.set(f"{DESCR}.8", "other")
            reading = await poll()
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)

    asyncio.run(go())


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_known_interface_is_asked_one_question_a_poll(version: str) -> None:
    class Counting(SnmpAgentSimulator):
        asked = 0

        def answer(self, datagram: bytes) -> bytes | None:
            self.asked += 1
            return super().answer(datagram)

    async def go() -> None:
        objects = {**interface(), UPTIME: rfc1902.TimeTicks(1), f"{IN}.7": rfc1902.Counter32(5)}
        if version == "1":  # which has no 64-bit counters
            objects = {oid: value for oid, value in objects.items() if not oid.startswith((f"{HC_IN}.", f"{HC_OUT}."))}
        agent = Counting(objects)
        async with polled(agent, SNMP_INTERFACE, if_name="wan1", version=version) as poll:
            for _ in range(2):
                assert (await poll()).state is State.UP
            agent.asked = 0
            assert (await poll()).state is State.UP
            assert agent.asked == 1
            agent.set(f"{OPER}.7", 2)
            assert (await poll()).state is State.DOWN

    asyncio.run(go())


def test_two_of_one_name_are_refused() -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator({**interface(7), **interface(8)})
        async with polled(agent, SNMP_INTERFACE, if_name="wan1") as poll:
            reading = await poll()
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
            assert "several interfaces are called 'wan1': index 7, 8; use if-index" in reading.text

    asyncio.run(go())


@pytest.mark.parametrize(
    ("admin", "oper", "state", "text"),
    [
        (1, 1, State.UP, ""),
        (1, 2, State.DOWN, "wan1 is down"),
        (2, 2, State.UNKNOWN, "switched off in the device's configuration"),
        (2, 1, State.UNKNOWN, "switched off in the device's configuration"),
        (1, 3, State.DOWN, "in a test"),
        (1, 4, State.UNKNOWN, "that the device does not know"),
        (1, 5, State.UNKNOWN, "dormant"),
        (1, 6, State.DOWN, "not present"),
        (1, 7, State.DOWN, "what it runs over is down"),
        (1, 0, State.UNKNOWN, "in the state 0, which IF-MIB does not have"),
        (1, 99, State.UNKNOWN, "in the state 99"),
    ],
)
def test_statuses(admin: int, oper: int, state: State, text: str) -> None:
    async def go() -> Reading:
        objects = interface(**{f"{ADMIN}.7": admin, f"{OPER}.7": oper})
        async with polled(SnmpAgentSimulator(objects), SNMP_INTERFACE, if_alias="to the provider of wan1") as poll:
            return await poll()  # type: ignore[no-any-return]

    reading = asyncio.run(go())
    assert reading.state is state
    assert text in reading.text


def test_an_agent_that_is_silent_or_has_nothing_is_unknown() -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator({UPTIME: rfc1902.TimeTicks(1)})
        async with polled(agent, SNMP_INTERFACE, if_name="wan1") as poll:
            reading = await poll()
            assert "there are none with a name" in reading.text
            agent.silent = True
            reading = await poll()
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)

    asyncio.run(go())


CAPACITIES = (100e6, 100e6)


@pytest.mark.parametrize(
    ("before", "now", "rate"),
    [
        (Counters(0, (0, 0), 64), Counters(60, (75e6, 0), 64), 10e6),
        (Counters(0, (2**64 - 1, 0), 64), Counters(60, (5, 0), 64), None),  # a reset; no line fills 64 bits
        (Counters(0, (2**32 - 75e6, 0), 32), Counters(60, (0, 0), 32), 10e6),  # once round
        (Counters(0, (0, 0), 32), Counters(300, (75e6, 0), 32), None),  # may have gone round twice
        (Counters(0, (0, 0), 32), Counters(60, (75e6, 0), 64), None),
        (Counters(0, (0, 0), 64, 4), Counters(60, (75e6, 0), 64, 9), None),  # ifCounterDiscontinuityTime
    ],
)
def test_counters(before: Counters, now: Counters, rate: float | None) -> None:
    found = passed(before, now, CAPACITIES)
    assert (found.rates[0] if found else None) == (pytest.approx(rate) if rate else None)


def test_narrow_counters_without_a_capacity_are_not_compared() -> None:
    assert passed(Counters(0, (0, 0), 32), Counters(60, (75e6, 0), 32), (0, 0)) is None
    objects = {UPTIME: 100, f"{IN}.7": 5, f"{OUT}.7": 6, f"{HIGH_SPEED}.7": 0, f"{SPEED}.7": 2**32 - 1}
    assert if_mib.counters(objects, "7") == Counters(1, (5, 6), 32)
    assert if_mib.speed(objects, "7") == 0
    assert if_mib.counters({f"{HC_IN}.7": 5, f"{HC_OUT}.7": 6}, "7") is None


@given(st.lists(st.tuples(st.integers(0, 2**32), st.integers(0, 2**64), st.integers(0, 2**64)), max_size=6))
def test_whatever_an_agent_counts_no_rate_is_negative(steps: list[tuple[int, int, int]]) -> None:
    known, settings = Known(), Interface(host="h", if_index=1)
    for uptime, came, went in steps:
        found = known.since(settings, Counters(uptime / 100, (came, went), 64), CAPACITIES)
        assert found is None or (min(found.rates) >= 0 and found.seconds >= if_mib.LEAST_SPAN)


OIDS = [f"{column}.7" for column in if_mib.COLUMNS] + [SYS_UP_TIME]
VALUES = st.one_of(st.integers(-(2**63), 2**64), st.binary(max_size=40), st.text(max_size=20))


@given(st.dictionaries(st.sampled_from(OIDS), VALUES))
def test_whatever_an_agent_says_of_an_interface_is_a_state(found: dict[str, Any]) -> None:
    state, text = if_mib.state(found, "7")
    assert (state is State.UP) == (text == "")
    assert if_mib.speed(found, "7") is not None
    if_mib.counters(found, "7")


# ---- BGP ----


@pytest.mark.parametrize(
    ("objects", "state", "text"),
    [
        ({snmp_bgp.STATE: 6, snmp_bgp.ADMIN: 2}, State.UP, ""),
        ({snmp_bgp.STATE: 6}, State.UP, ""),
        ({snmp_bgp.STATE: 1, snmp_bgp.ADMIN: 1}, State.UNKNOWN, "stopped in the router's configuration"),
        (
            {snmp_bgp.STATE: 3, snmp_bgp.ADMIN: 2, snmp_bgp.LAST_ERROR: b"\4\0"},
            State.DOWN,
            "192.0.2.1: active, last error hold timer expired (4/0)",
        ),
        ({snmp_bgp.STATE: 2, snmp_bgp.LAST_ERROR: b"\x09\2"}, State.DOWN, "last error code 9 (9/2)"),
        ({snmp_bgp.STATE: 4, snmp_bgp.LAST_ERROR: b"\4"}, State.DOWN, "192.0.2.1: opensent"),
        ({snmp_bgp.STATE: 0}, State.UNKNOWN, "in the state 0"),
        ({snmp_bgp.STATE: "six"}, State.UNKNOWN, "shows no such BGP peer"),
        ({}, State.UNKNOWN, "shows no such BGP peer"),
    ],
)
def test_bgp_peers(objects: dict[str, Any], state: State, text: str) -> None:
    reading = snmp_bgp.judge("192.0.2.1", {f"{column}.192.0.2.1": value for column, value in objects.items()})
    assert reading.state is state
    assert text in reading.text


# ---- IP SLA ----


def operation(**more: Any) -> dict[str, Any]:
    """Operation 10 of a Catalyst 3560: an ICMP echo every two seconds, 16 ms, half a second ago."""
    objects = {
        "KIND": 1,
        "FREQUENCY": 2,
        "RUNNING": 6,
        "COMPLETION": rfc1902.Gauge32(16),
        "SENSE": 1,
        "AT": rfc1902.TimeTicks(2129157477),
        **more,
    }
    rows = {f"{getattr(snmp_ipsla, column)}.10": value for column, value in objects.items() if value is not None}
    return {SYS_UP_TIME: rfc1902.TimeTicks(2129157527), **rows}


@pytest.mark.parametrize(
    ("more", "state", "text", "rtt"),
    [
        ({}, State.UP, "", 0.016),
        ({"SENSE": 3}, State.DEGRADED, "operation 10: over its threshold", 0.016),
        ({"SENSE": 4, "COMPLETION": 0}, State.DOWN, "operation 10: timed out", None),
        ({"SENSE": 0}, State.UNKNOWN, "ended with the sense 0", None),
        ({"SENSE": 5}, State.UNKNOWN, "not asked", None),
        ({"KIND": 9}, State.UP, "", None),  # a jitter operation may count microseconds
        ({"RUNNING": 4}, State.UNKNOWN, "it is not running", None),
        ({"AT": rfc1902.TimeTicks(2129117527)}, State.UNKNOWN, "is 6 min old, and it asks every 2 s", None),
        ({"AT": rfc1902.TimeTicks(2229157477)}, State.UNKNOWN, "from before a restart", None),
        ({"AT": None}, State.UNKNOWN, "does not tell when", None),
        ({"SENSE": None}, State.UNKNOWN, "shows no such IP SLA operation", None),
    ],
)
def test_ip_sla_operations(more: dict[str, Any], state: State, text: str, rtt: float | None) -> None:
    async def go() -> Reading:
        async with polled(SnmpAgentSimulator(operation(**more)), SNMP_IPSLA, operations=(10,)) as poll:
            return await poll()  # type: ignore[no-any-return]

    reading = asyncio.run(go())
    assert reading.state is state, reading.text
    assert text in reading.text
    assert [seen.value for seen in reading.observations] == ([] if rtt is None else [rtt])


COLUMNS = [f"{column}.{index}" for column in snmp_ipsla.COLUMNS for index in (10,)]


@given(
    st.dictionaries(st.sampled_from([*COLUMNS, SYS_UP_TIME]), VALUES),
    st.dictionaries(st.sampled_from([f"{c}.192.0.2.1" for c in (snmp_bgp.STATE, snmp_bgp.LAST_ERROR)]), VALUES),
)
def test_whatever_an_agent_says_is_a_reading(sla: dict[str, Any], bgp: dict[str, Any]) -> None:
    assert isinstance(snmp_ipsla.judge(10, sla), Reading)
    assert isinstance(snmp_bgp.judge("192.0.2.1", bgp), Reading)


# ---- What a file may say ----


@pytest.mark.parametrize(
    ("probe_type", "settings", "says"),
    [
        (SNMP_INTERFACE, Interface(host="h", community=clear("c")), "one of 'if-name', 'if-alias' and 'if-index'"),
        (SNMP_INTERFACE, Interface(host="h", if_name="a", if_index=1), "one of 'if-name'"),
        (SNMP_INTERFACE, Interface(host="h", if_name="a", capacity_out=1.0), "'capacity-out' is beside a 'capacity'"),
        (SNMP_INTERFACE, Interface(host="h", if_name="a"), "needs a 'community'"),
        (SNMP_BGP, Bgp(host="h", peers=("192.0.2.1", "192.0.2.1")), "stands twice"),
        (SNMP_BGP, Bgp(host="h", peers=("2001:db8::1",)), "IPv4 peers only"),
        (SNMP_BGP, Bgp(host="h", peers=("192.0.2.1",), quorum=2), "cannot be met by 1 peers"),
        (SNMP_IPSLA, IpSla(host="h", operations=(1, 1)), "stands twice"),
        (SNMP_IPSLA, IpSla(host="h", operations=(1,), quorum=2), "cannot be met by 1 operations"),
        (SNMP_IPSLA, IpSla(host="h", operations=(1,), community=clear("c")), None),
    ],
)
def test_the_rules_over_several_keys(probe_type: ProbeType, settings: object, says: str | None) -> None:
    complaint = probe_type.check(settings)
    assert complaint is None if says is None else says in str(complaint)
