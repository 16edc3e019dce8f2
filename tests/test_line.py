"""The snmp-line probe against recorded gateways, and against what other devices of their makes may say."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pysnmp.proto import rfc1902

import peers
import snmp_peer
from conftest import clear
from probes.declared.snmp_line import SNMP_LINE, settings
from probes.line_families import AC, AUDIOCODES, AUDIOCODES_TRUNK, FAMILIES, IF, IF_MIB, INNOVAPHONE, TEST
from probes.snmp import SnmpFailure, Value
from probes.snmp_known import SYS_OBJECT_ID
from probes.snmp_line import judge
from probes.snmp_rows import Row, chosen, decode, rows_of
from probes.snmp_tables import Family
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator


def read(family: Family, index: str, found: Mapping[str, Value], **trust: bool) -> Reading:
    return judge(decode(family, index, found, **trust), Row(index, ()))


def seen(reading: Reading) -> dict[str, float]:
    return {observation.quantity: round(observation.value, 6) for observation in reading.observations}


# ---- devices as LibreNMS recorded them ----


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    records = peers.shared("corpora", "snmprec")
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="sonus-sbc") as port:
        yield port, [entry for entry in entries if entry["kind"] == "voice"]


LINES: Mapping[str, tuple[str, ...]] = {
    "audiocodes_mp118": tuple(f"port {port}" for port in range(1, 9)),
    "grandstream-gxw": tuple(str(port) for port in range(1, 25)),
    "grandstream-ht_ht802": ("1", "2"),
    "innovaphone": ("PRI1-L2",),
    "iosxe_isr4321": ("VoiceOverIpPeer200", "VoiceOverIpPeer410", "VoiceOverIpPeer440", "VoiceOverIpPeer450"),
    "patton-sn": ("e1t1 0 0 0", "E1/0/0"),
    "sonus-sbc": (
        *(f"FXS-{card}:{port}" for card in (1, 3) for port in range(1, 5)),
        *(f"FXO-2:{port}" for port in range(1, 5)),
        "DS1-7:1",
        "DS1-7:2",
    ),
}
"""The lines of those that have any. The others show none and must say so."""
HOOK = {"acAnalogFxsFxoHookState": {1: 0.0, 2: 1.0}, "hookStatus": {0: 0.0, 1: 1.0}}
"""LibreNMS's states of a hook, and what `line_busy` is then."""
IN_SERVICE = {"regStatus": {0: 1.0, 1: 0.0}, "L2State": {1: 0.0, 2: 1.0}}


def lines(udp_port: int, community: str, *ports: str) -> list[Reading]:
    """The readings of several lines of one gateway, as one monitor takes them."""

    async def go() -> list[Reading]:
        channels = Channels()
        run = Run(20, 1, channels, lambda secret: secret.name)
        try:
            asked = {"host": "127.0.0.1", "udp_port": udp_port, "community": clear(community)}
            return [await SNMP_LINE.probe(settings(port=port, **asked), run) for port in ports]
        finally:
            await channels.aclose()

    return asyncio.run(go())


def test_recorded_gateways_are_read_right_or_not_at_all(
    dumps: tuple[int, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each hook, registration and layer 2 is what LibreNMS reads from the same record; what shows no line says so."""
    port, entries = dumps
    counts: Counter[str] = Counter()
    states: Counter[str] = Counter()
    for entry in entries:
        name = entry["community"]
        readings = lines(port, name, *LINES.get(name, ("",)))
        for reading in readings:
            states[f"{name:22} {reading.state:8} {reading.reason or ''}"] += 1
            assert (reading.reason is None) == (name in LINES), (name, reading.text)
        if name not in LINES:
            assert {reading.reason for reading in readings} == {Reason.NOT_OFFERED}, name
            counts["devices refused by name"] += 1
            continue
        counts["lines in service"] += sum(reading.state.works for reading in readings)
        counts["lines out"] += sum(reading.state is State.DOWN for reading in readings)
        counts["lines that the device does not prove"] += sum(reading.state is State.UNKNOWN for reading in readings)
        for kinds, quantity in ((HOOK, "line_busy"), (IN_SERVICE, "line_in_service")):
            named = [row for row in entry["expected"] if row.get("state_name") in kinds]
            named.sort(key=lambda row: [int(arc) for arc in row["oid"].split(".")])
            expected = [kinds[row["state_name"]][row["value"]] for row in named]
            if expected:
                assert [seen(reading)[quantity] for reading in readings] == expected, name
                counts["states as expected"] += len(expected)
    with capsys.disabled():
        table = [", ".join(f"{count} {what}" for what, count in sorted(counts.items()))]
        table += [f"  {count:3} {state}" for state, count in states.items()]
        print("\nrecorded gateways:", "\n".join(table))  # noqa: T201 - the table of a test run
    assert counts == {
        "devices refused by name": 8,
        "states as expected": 61,
        "lines in service": 27,
        "lines out": 19,
        "lines that the device does not prove": 9,
    }


@pytest.mark.parametrize(
    ("device", "state", "text"),
    [
        (("sonus-sbc", "fxo-2:1"), State.DOWN, "FXO-2:1: ifOperStatus down"),
        (("sonus-sbc", "1078199296"), State.UP, ""),
        (("sonus-sbc", "PRI: T1 Port"), State.UP, ""),
        (("iosxe_isr4321", "VoiceOverIpPeer410"), State.UNKNOWN, "ifOperStatus testing"),
        (("audiocodes_mp118", "1"), State.UNKNOWN, "does not prove that it is in service (channel type FXS; hook"),
        (("audiocodes_mp118", "Port 8"), State.UNKNOWN, "port 8"),
        (("audiocodes_mp118", "0"), State.UNKNOWN, "nothing is called '0'"),
        (("audiocodes_mp118", "9"), State.UNKNOWN, "nothing is called '9'"),
        (("grandstream-ht_ht802", "2"), State.DOWN, "port 2: registration Not Registered"),
        (("innovaphone", "pri1-l2"), State.DOWN, "PRI1-L2: l2State down"),
        (("sonus-sbc", ""), State.UNKNOWN, "the file does not say which: FXS-1:1 (index 1078199296)"),
        (("ciscospa", "1"), State.UNKNOWN, "a Cisco SPA"),
        (("sonus-gsx", "1"), State.UNKNOWN, "a Sonus GSX"),
    ],
)
def test_a_recorded_line(
    dumps: tuple[int, list[dict[str, Any]]], device: tuple[str, str], state: State, text: str
) -> None:
    name, line = device
    [reading] = lines(dumps[0], name, line)
    assert reading.state is state
    assert text in reading.text
    assert bool(text) == bool(reading.text)


# ---- what other devices may say ----


def interface(admin: int, oper: int, **others: int) -> dict[str, Value]:
    columns = {"dsx1": "1.3.6.1.2.1.10.18.6.1.10", "lapd": "1.3.6.1.2.1.10.20.1.3.4.1.2"}
    columns["hook"] = "1.3.6.1.4.1.9.9.62.1.3.2.1.1"
    return {f"{IF}.7.5": admin, f"{IF}.8.5": oper, **{f"{columns[name]}.5": value for name, value in others.items()}}


@pytest.mark.parametrize(
    ("found", "state", "text"),
    [
        (interface(1, 1), State.UP, ""),
        (interface(1, 5), State.UP, ""),
        (interface(1, 2), State.DOWN, "ifOperStatus down"),
        (interface(1, 6), State.DOWN, "notPresent"),
        (interface(1, 7), State.DOWN, "lowerLayerDown"),
        (interface(2, 2), State.DOWN, "switched off"),
        (interface(1, 3), State.UNKNOWN, "testing"),
        (interface(1, 4), State.UNKNOWN, "unknown"),
        (interface(1, 0), State.UNKNOWN, "0 (not in its MIB)"),
        (interface(1, 1, dsx1=1), State.UP, ""),
        (interface(1, 1, dsx1=64), State.DOWN, "dsx1LossOfSignal"),
        (interface(1, 1, dsx1=2 | 32), State.DOWN, "yellow alarm); dsx1LineStatus dsx1LossOfFrame (red"),
        (interface(1, 1, dsx1=1 | 8), State.DOWN, "blue alarm"),
        (interface(1, 1, dsx1=128), State.DOWN, "dsx1LoopbackState"),
        (interface(1, 1, dsx1=65536), State.DEGRADED, "dsx1Ds2PerfThreshold"),
        (interface(1, 1, dsx1=2048), State.DEGRADED, "dsx1RcvTestCode"),
        (interface(1, 4, dsx1=0), State.UNKNOWN, "0 (not in its MIB)"),
        (interface(1, 4, dsx1=1 | 1 << 20), State.UNKNOWN, "not in its MIB"),
        (interface(1, 1, dsx1=0), State.UP, ""),
        (interface(1, 1, dsx1=1 << 20), State.DEGRADED, "not in its MIB"),
        (interface(1, 4, dsx1=1), State.UP, ""),
        (interface(1, 1, lapd=3), State.UP, ""),
        (interface(1, 1, lapd=2), State.UP, ""),
        (interface(1, 1, lapd=1), State.DOWN, "inactive"),
        (interface(1, 4, hook=1), State.UNKNOWN, "onHook"),
        (interface(1, 4, hook=2), State.UP, ""),
        (interface(1, 2, hook=2), State.DOWN, "ifOperStatus down"),
    ],
)
def test_every_state_of_an_interface(found: dict[str, Value], state: State, text: str) -> None:
    reading = read(IF_MIB, "5", found)
    assert reading.state is state, reading.text
    assert text in reading.text
    assert bool(text) == bool(reading.text)
    assert seen(reading).get("line_in_service") == {State.DOWN: 0, State.UNKNOWN: None}.get(state, 1)


def fxo(hook: int, **test: int) -> dict[str, Value]:
    columns = {"activate": f"{TEST}.2", "connection": f"{TEST}.5", "current": f"{TEST}.6", "voltage": f"{TEST}.7"}
    found: dict[str, Value] = {f"{AC}.8.2.20.1.1.2.0": 0, f"{AC}.8.2.20.1.1.4.0": hook}
    return found | {f"{columns[name]}.0": value for name, value in test.items()}


@pytest.mark.parametrize(
    ("found", "trusted", "state", "values"),
    [
        (fxo(1), True, State.UNKNOWN, {"line_busy": 0}),
        (fxo(2), False, State.UP, {"line_busy": 1, "line_in_service": 1}),
        (fxo(1, activate=0, connection=2, voltage=0), True, State.UNKNOWN, {"line_busy": 0}),
        (fxo(1, activate=3, connection=2, voltage=0), True, State.UNKNOWN, {"line_busy": 0}),
        (
            fxo(1, activate=2, connection=2, voltage=-48, current=-1),
            True,
            State.UP,
            {"line_busy": 0, "line_in_service": 1, "line_voltage_volts": -48},
        ),
        (
            fxo(1, activate=2, connection=2, voltage=49, current=22),
            False,
            State.UNKNOWN,
            {"line_busy": 0, "line_voltage_volts": 49, "line_current_amperes": 0.022},
        ),
        (
            fxo(1, activate=2, connection=1, voltage=0, current=0),
            False,
            State.DOWN,
            {"line_busy": 0, "line_in_service": 0, "line_voltage_volts": 0, "line_current_amperes": 0},
        ),
    ],
)
def test_an_fxo_is_proved_by_a_call_or_a_test_that_the_gateway_runs_itself(
    found: dict[str, Value], trusted: bool, state: State, values: dict[str, float]
) -> None:
    """On-hook proves nothing; a good test counts only where it is known to be recent, a bad one always."""
    reading = read(AUDIOCODES, "0", found, trust_tests=trusted)
    assert (reading.state, seen(reading)) == (state, values)


@pytest.mark.parametrize(
    ("channel", "alarm", "state"),
    [
        (0, 1, State.UP),
        (10, 1, State.UP),
        (1, 1, State.DOWN),
        (0, 0, State.DOWN),
        (0, 2, State.DOWN),
        (0, 5, State.DOWN),
        (0, 7, State.DEGRADED),
        (10, 9, State.UNKNOWN),
    ],
)
def test_every_state_of_an_audiocodes_trunk(channel: int, alarm: int, state: State) -> None:
    found: dict[str, Value] = {f"{AC}.9.2.1.1.1.6.0": channel, f"{AC}.9.2.1.1.1.7.0": alarm}
    assert read(AUDIOCODES_TRUNK, "0", found).state is state


def test_a_name_that_several_lines_have_chooses_none_of_them() -> None:
    found: dict[str, Value] = {f"{IF}.3.{index}": 101 for index in (7, 8, 9)}
    found |= {f"{IF}.3.1": 6, f"{IF}.2.7": b"lobby", f"{IF}.2.8": b"Lobby", f"{IF}.2.9": b"7"}
    rows = rows_of(IF_MIB, found)
    assert [row.index for row in rows] == ["7", "8", "9"]
    with pytest.raises(SnmpFailure, match="several are called 'lobby'"):
        chosen(IF_MIB, rows, "lobby")
    assert chosen(IF_MIB, rows, "7").index == "9"  # a name comes before an index
    assert chosen(IF_MIB, rows, "8").index == "8"
    assert chosen(INNOVAPHONE, [Row("80", ())], "").index == "80"


# ---- the tables ----


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_observes_what_the_catalogue_has(family: Family) -> None:
    assert {row.quantity for row in (*family.words, *family.figures) if row.quantity} <= set(QUANTITIES)
    for words in family.words:
        assert all(not isinstance(key, str) or key == key.casefold() for key in words.values)
        assert all(not (says.proves and says.out) for says in words.values.values())


VALUES = some.one_of(some.integers(-(2**31), 2**64 - 1), some.binary(max_size=300), some.just("1.3.6.1"))


@given(family=some.sampled_from([*FAMILIES.values()]), values=some.lists(VALUES, min_size=12, max_size=12))
def test_whatever_a_device_says_is_a_reading(family: Family, values: list[Value]) -> None:
    found = {f"{column}.7": value for column, value in zip(family.columns, values, strict=False)}
    reading = read(family, "7", found, trust_tests=True)
    assert reading.reason is None
    assert len(reading.text) < 4000
    assert reading.text.isprintable()
    assert ("line_in_service" in seen(reading)) == (reading.state is not State.UNKNOWN)


# ---- an agent that changes, and versions of SNMP ----


def interfaces(**names: tuple[int, int]) -> dict[str, Any]:
    """Objects of voice interfaces: name to (ifIndex, ifOperStatus)."""
    objects: dict[str, Any] = {SYS_OBJECT_ID: "1.3.6.1.4.1.99999.1"}
    for name, (index, oper) in names.items():
        objects |= {
            f"{IF}.3.{index}": 101,
            f"{IF}.7.{index}": 1,
            f"{IF}.8.{index}": oper,
            f"1.3.6.1.2.1.31.1.1.1.1.{index}": name,
        }
    return objects


async def polled(
    agent: SnmpAgentSimulator, *changes: Mapping[str, Any], line: str = "fxo1", **access: Any
) -> list[Reading]:
    """One reading, and one after each of `changes`, by one monitor."""
    channels = Channels()
    port = await agent.start()
    run = Run(2, 1, channels, lambda secret: secret.name)
    asked = settings(host="127.0.0.1", udp_port=port, port=line, community=clear("public"), **access)
    try:
        readings = [await SNMP_LINE.probe(asked, run)]
        for change in changes:
            for oid in [*agent_oids(agent)]:
                agent.remove(oid)
            for oid, value in change.items():
                agent.set(oid, value)
            readings.append(await SNMP_LINE.probe(asked, run))
        return readings
    finally:
        await channels.aclose()
        await agent.aclose()


def agent_oids(agent: SnmpAgentSimulator) -> list[str]:
    return [".".join(map(str, arcs)) for arcs in agent._objects]


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_line_is_followed_by_its_name_when_its_index_changes(version: str) -> None:
    """ifIndex may be dealt out anew at a restart: another line's state is never taken for this one's."""
    before = interfaces(fxo1=(5, 1), fxo2=(6, 2))
    after = interfaces(fxo1=(6, 1), fxo2=(5, 2))
    gone = interfaces(fxo2=(5, 1))
    first, second, third = asyncio.run(polled(SnmpAgentSimulator(before), after, gone, version=version))
    assert (first.state, second.state) == (State.UP, State.UP)
    assert (third.state, third.reason) == (State.UNKNOWN, Reason.CONFIG)
    assert "nothing is called 'fxo1' there; it has fxo2 (index 5)" in third.text


def test_an_agent_that_falls_silent_or_forgets_its_table_is_unknown() -> None:
    agent = SnmpAgentSimulator(interfaces(fxo1=(5, 1)))
    first, second = asyncio.run(polled(agent, {SYS_OBJECT_ID: "1.3.6.1.4.1.99999.1"}))
    assert (first.state, second.reason) == (State.UP, Reason.NOT_OFFERED)
    silent = SnmpAgentSimulator(interfaces(fxo1=(5, 1)), community="another")
    [reading] = asyncio.run(polled(silent))
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)


def test_version_3_reads_a_line_as_well(tmp_path: Path) -> None:
    """net-snmp's snmpd shows the interfaces of this machine; none of them is a line, and it says so."""
    user = 'createUser watch SHA-256 "an-auth-password" AES "a-priv-password"'
    with snmp_peer.snmpd(tmp_path, user, "rouser watch priv") as port:

        async def once() -> Reading:
            channels = Channels()
            access = {
                "user": "watch",
                "auth": clear("an-auth-password"),
                "priv": clear("a-priv-password"),
            }
            asked = settings(host="127.0.0.1", udp_port=port, version="3", **access)
            try:
                return await SNMP_LINE.probe(asked, Run(5, 1, channels, lambda secret: secret.name))
            finally:
                await channels.aclose()

        reading = asyncio.run(once())
    assert reading.reason is Reason.NOT_OFFERED
    assert "interface of a voice line (IF-MIB)" in reading.text


def test_an_endless_table_ends() -> None:
    """An agent that makes up a row for each question costs the time of a reading, and no more."""

    class Endless(SnmpAgentSimulator):
        def _look(self, name: tuple[int, ...], *, following: bool) -> tuple[tuple[int, ...], Any]:
            if not following:
                return name, rfc1902.Integer32(101)
            return (*name, 1), rfc1902.Integer32(101)

    [reading] = asyncio.run(polled(Endless({})))
    assert reading.state is State.UNKNOWN
    assert reading.failed
