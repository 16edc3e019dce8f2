"""The snmp-cellular probe against recorded modems, and against what other devices of their makes may say."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import peers
import snmp_peer
from conftest import Probe, clear
from probes.cellular import judge
from probes.cellular_families import C3G, CELL_EXT, CISCO, FAMILIES, LTE, MIKROTIK, RUTOS, TELTONIKA
from probes.declared.snmp_cellular import SNMP_CELLULAR, Settings
from probes.snmp import Value
from probes.snmp_rows import decode, rows_of
from probes.snmp_tables import Family
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator

PLAIN = Settings(host="127.0.0.1")


def read(family: Family, index: str, found: Mapping[str, Value], settings: Settings = PLAIN) -> Reading:
    return judge(decode(family, index, found), roaming=settings.roaming, least_rsrp=settings.least_rsrp)


def seen(reading: Reading) -> dict[str, float | str]:
    return {
        observation.quantity: observation.text
        if observation.quantity.endswith("_info")
        else round(observation.value, 3)
        for observation in reading.observations
    }


# ---- devices as LibreNMS recorded them ----

SIGNALS = {"wireless-rsrp", "wireless-rsrq", "wireless-rssi", "wireless-sinr", "wireless-snr", "signal", "dbm", "snr"}
MODEMS = {"pepwave": ["Cellular 1", "Cellular 2", "Cellular 3", "Cellular 4", "Wi-Fi WAN"]}
"""Where the device has several."""


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    records = peers.shared("corpora", "snmprec")
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    modems = [
        entry for entry in entries if entry["kind"] == "cellular" or entry.get("community") == "fortigate_60f3g4g"
    ]
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="pepwave") as port:
        yield port, modems


def test_recorded_modems_are_read_right_or_not_at_all(
    dumps: tuple[int, list[dict[str, Any]]], run_probe: Probe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each figure is what LibreNMS reads from the same object, or refused with a reason; none is wrong."""
    port, entries = dumps
    counts: Counter[str] = Counter()
    states: dict[str, str] = {}
    for entry in entries:
        name = entry["community"]
        expected = {
            str(row["oid"]).strip('[]".'): row["value"]
            for row in entry["expected"]
            if row["cls"] in SIGNALS and "State" not in row["descr"]
        }
        read_here: dict[str, float] = {}
        for modem in MODEMS.get(name, [""]):
            reading = run_probe(
                SNMP_CELLULAR, host="127.0.0.1", port=port, community=clear(name), modem=modem, timeout=20
            )
            states[f"{name} {modem}".strip()] = f"{reading.state} {reading.reason or ''} {reading.text}"[:110]
            read_here |= {
                observation.source: observation.value
                for observation in reading.observations
                if observation.unit in ("dBm", "dB")
            }
            if reading.reason:
                assert (reading.reason, reading.observations) == (Reason.NOT_OFFERED, ()), name
                counts["devices refused by name"] += 1
        for oid, value in expected.items():
            if oid in read_here:
                assert read_here[oid] == pytest.approx(value), (name, oid)
                counts["figures as expected"] += 1
            else:
                counts["figures not read from that object"] += 1
        counts["figures that LibreNMS does not list"] += len(set(read_here) - set(expected))
    with capsys.disabled():
        table = [", ".join(f"{count} {what}" for what, count in sorted(counts.items()))]
        table += [f"  {name:24} {state}" for name, state in states.items()]
        print("\nrecorded modems:", "\n".join(table))  # noqa: T201 - the table of a test run
    assert counts["figures as expected"] >= 45
    assert counts["devices refused by name"] == 3


@pytest.mark.parametrize(
    ("device", "state", "says"),
    [
        (("ios_ir809", ""), State.DEGRADED, {"cellular_rsrp_dbm": -90, "cellular_rsrq_db": -7, "cellular_sinr_db": 30}),
        (("ios_ir809", "modem 0 on cellular0"), State.DEGRADED, {"cellular_registered": 1, "cellular_sim_ready": 1}),
        (("pepwave", "Cellular 1"), State.UP, {"cellular_rssi_dbm": -68, "cellular_registered": 1}),
        (("pepwave", "cellular 2"), State.UP, {"cellular_rsrq_db": -9, "cellular_sinr_db": 28}),
        (("pepwave", "3"), State.UP, {"cellular_rsrp_dbm": -85}),
        (("pepwave", "Cellular 3"), State.DEGRADED, {"cellular_rsrp_dbm": -113, "cellular_sinr_db": 0}),
        (("pepwave", "Cellular 4"), State.DOWN, {"cellular_registered": 0}),
        (("pepwave", "LAN 1 as WAN"), State.DOWN, {"cellular_registered": 0}),
        (("routeros_ltap-mini", "lte1"), State.UP, {"cellular_technology_info": "Evolved 3G (LTE)"}),
        (("routeros_rblhgr", ""), State.UNKNOWN, {"cellular_rsrp_dbm": -97, "cellular_sinr_db": 23}),
        (("rutos-2xx_rut240v7", ""), State.UP, {"cellular_rsrp_dbm": -86, "cellular_operator_info": "Example Mobile"}),
        (("rutos-otd_otd500", "2-1"), State.UP, {"cellular_rsrp_dbm": -99, "cellular_technology_info": "5G-NSA"}),
        (("rutos-rutx_rut955", ""), State.DEGRADED, {"cellular_rsrp_dbm": -112, "cellular_registered": 1}),
        (("rutos", ""), State.UP, {"cellular_rssi_dbm": -55, "cellular_sim_ready": 1}),
        (("icr-os", ""), State.UNKNOWN, {"cellular_rsrp_dbm": -92, "cellular_rssi_dbm": -62}),
        (("oneaccess_oneaccess-lte", ""), State.UNKNOWN, {"cellular_rsrp_dbm": -96, "cellular_technology_info": "4G"}),
        (("fortigate_60f3g4g", ""), State.UP, {"cellular_rsrp_dbm": -92, "cellular_rsrq_db": -14}),
    ],
)  # fmt: skip
def test_a_recorded_modem(
    dumps: tuple[int, list[dict[str, Any]]],
    run_probe: Probe,
    device: tuple[str, str],
    state: State,
    says: dict[str, float],
) -> None:
    name, modem = device
    reading = run_probe(SNMP_CELLULAR, host="127.0.0.1", port=dumps[0], community=clear(name), modem=modem, timeout=20)
    assert (reading.state, reading.reason) == (state, None), reading.text
    assert says.items() <= seen(reading).items()


def test_a_device_with_several_modems_is_asked_for_one_by_name(
    dumps: tuple[int, list[dict[str, Any]]], run_probe: Probe
) -> None:
    reading = run_probe(SNMP_CELLULAR, host="127.0.0.1", port=dumps[0], community=clear("pepwave"), timeout=20)
    assert reading.reason is Reason.CONFIG
    assert "Cellular 1 (index 2), Cellular 2 (index 3)" in reading.text
    wrong = run_probe(
        SNMP_CELLULAR, host="127.0.0.1", port=dumps[0], community=clear("pepwave"), modem="LTE", timeout=20
    )
    assert wrong.reason is Reason.CONFIG
    assert "nothing is called 'LTE'" in wrong.text


# ---- what other devices of these makes may say ----


def cisco(**columns: int) -> dict[str, Value]:
    names = {
        "modem": f"{C3G}.3.1.1.6",
        "sim": f"{C3G}.3.5.1.1.2",
        "service": f"{C3G}.3.2.1.2",
        "packet": f"{C3G}.3.2.1.5",
        "roaming": f"{C3G}.3.2.1.6",
        "connection": f"{C3G}.1.1.1.8",
        "rsrp": f"{CELL_EXT}.1",
        "rsrq": f"{CELL_EXT}.2",
        "snr": f"{CELL_EXT}.3",
        "sinr": f"{CELL_EXT}.4",
        "rssi": f"{C3G}.3.4.1.1.1",
    }
    return {f"{names[column]}.14": value for column, value in columns.items()}


HEALTHY = {"modem": 3, "sim": 2, "packet": 10, "roaming": 3, "rsrp": -90, "rsrq": -70, "sinr": 138}


@pytest.mark.parametrize(
    ("changed", "state", "text"),
    [
        ({}, State.UP, ""),
        ({"connection": 7}, State.UP, ""),
        ({"connection": 6}, State.UP, ""),
        ({"connection": 2}, State.DEGRADED, "c3gConnectionStatus error"),
        ({"modem": 2}, State.DOWN, "c3gModemStatus offLine"),
        ({"modem": 4}, State.DOWN, "c3gModemStatus lowPowerMode"),
        ({"sim": 3}, State.DOWN, "c3gGsmSimStatus notInserted"),
        ({"sim": 13}, State.DOWN, "c3gGsmSimStatus networkRejected"),
        ({"service": 2}, State.DOWN, "c3gGsmCurrentServiceStatus noService"),
        ({"service": 4}, State.DOWN, "c3gGsmCurrentServiceStatus emergencyOnly"),
        ({"packet": 2}, State.DOWN, "c3gGsmPacketService none"),
        ({"packet": 1}, State.UNKNOWN, "does not prove"),
        ({"packet": 11}, State.UNKNOWN, "11 (not in its MIB)"),
        ({"roaming": 2}, State.DEGRADED, "c3gGsmCurrentRoamingStatus roaming"),
        ({"rsrp": -106}, State.DEGRADED, "RSRP -106 dBm, under -105"),
        ({"rsrq": -151}, State.DEGRADED, "RSRQ -15.1 dB, under -15"),
        ({"sinr": -1}, State.DEGRADED, "SINR -0.1 dB, under 0"),
    ],
)
def test_every_state_of_a_cisco_modem(changed: dict[str, int], state: State, text: str) -> None:
    reading = read(CISCO, "14", cisco(**{**HEALTHY, **changed}))
    assert reading.state is state
    assert text in reading.text
    assert bool(text) == bool(reading.text)


def test_tenths_of_a_decibel_are_that_and_rsrp_is_whole() -> None:
    assert seen(read(CISCO, "14", cisco(**HEALTHY))) | {
        "cellular_rsrp_dbm": -90,
        "cellular_rsrq_db": -7,
        "cellular_sinr_db": 13.8,
    } == seen(read(CISCO, "14", cisco(**HEALTHY)))


def test_roaming_that_is_usual_is_no_weakness() -> None:
    usual = Settings(host="127.0.0.1", roaming=True)
    assert read(CISCO, "14", cisco(**{**HEALTHY, "roaming": 2}), usual).state is State.UP
    found: dict[str, Value] = {f"{RUTOS}.11.1": b"Roaming", f"{RUTOS}.20.1": b"-90"}
    assert read(TELTONIKA, "1", found).state is State.DEGRADED
    assert read(TELTONIKA, "1", found, usual).state is State.UP


@pytest.mark.parametrize(
    ("sim", "pin", "net", "link", "state"),
    [
        ("inserted", "OK", "Registered, home", "Disconnected", State.UP),
        ("inserted", "OK", "registered (home)", "connected", State.UP),
        ("inserted", "OK", "Registered, roaming", "Connected", State.DEGRADED),
        ("inserted", "OK", "searching", "Disconnected", State.DOWN),
        ("inserted", "OK", "Denied", "Disconnected", State.DOWN),
        ("inserted", "OK", "Registered, emergency services only", "Disconnected", State.DOWN),
        ("not inserted", "SIM not inserted", "unknown", "Disconnected", State.DOWN),
        ("inserted", "Required network subset personalization unlocking password", "unknown", "", State.DOWN),
        ("inserted", "SIM busy", "unknown", "Disconnected", State.UNKNOWN),
        ("inserted", "SIM PUK", "unknown", "Disconnected", State.DOWN),
        ("inserted", "OK", "Registration denied", "Connected", State.DOWN),
        ("inserted", "OK", "Not registered, searching", "Connected", State.DOWN),
        # A word that nobody knows, beside one that proves: not simply up.
        ("inserted", "OK", "Registered, moonside", "Connected", State.DEGRADED),
        ("inserted", "", "Registered, home", "N/A", State.UP),
        ("N/A", "N/A", "N/A", "N/A", State.UNKNOWN),
    ],
)
def test_every_state_of_a_teltonika_modem(sim: str, pin: str, net: str, link: str, state: State) -> None:
    texts = {9: sim, 10: pin, 11: net, 15: link, 20: "N/A"}
    found: dict[str, Value] = {f"{RUTOS}.{column}.1": text.encode() for column, text in texts.items()}
    reading = read(TELTONIKA, "1", found)
    assert reading.state is state, reading.text
    assert "cellular_rsrp_dbm" not in seen(reading)


def test_a_modem_that_is_off_and_says_0_everywhere_has_no_figure() -> None:
    found: dict[str, Value] = {f"{LTE}.{column}.3": 0 for column in range(2, 11)}
    told = decode(MIKROTIK, "3", found)
    assert not told.figures
    assert [refused.split(":")[0] for refused in told.refused] == [
        "mtxrLTEModemSignalRSRP 0",
        "mtxrLTEModemSignalRSRQ 0",
        "mtxrLTEModemSignalSINR 0",
        "mtxrLTEModemSignalRSSI 0",
    ]
    assert judge(told, roaming=False, least_rsrp=-105).state is State.UNKNOWN


def test_two_modems_of_one_strength_get_no_figures_of_each_other() -> None:
    """Where a Peplink does not say which modem a signal belongs to, only a strength of its own tells."""
    family = FAMILIES["peplink"]
    wan, cell = "1.3.6.1.4.1.23695.2.1.2.1", "1.3.6.1.4.1.23695.200.1.12.1.1.1"
    found: dict[str, Value] = {f"{wan}.3.2": 3, f"{wan}.5.2": -68, f"{cell}.3.0": -68, f"{cell}.7.0": -85}
    assert seen(read(family, "2", found))["cellular_rsrp_dbm"] == -85
    assert "cellular_rsrp_dbm" not in seen(read(family, "2", found | {f"{cell}.3.1": -68, f"{cell}.7.1": -110}))
    told = found | {f"{cell}.3.1": -68, f"{cell}.7.1": -110, f"{cell}.2.0": 3, f"{cell}.2.1": 2}
    assert seen(read(family, "2", told))["cellular_rsrp_dbm"] == -110


def test_makes_without_a_public_record_are_refused_by_name() -> None:
    reading = answered_by({"1.3.6.1.2.1.1.2.0": "1.3.6.1.4.1.20992.1.2"})
    assert (reading.reason, reading.observations) == (Reason.NOT_OFFERED, ())
    assert "Cradlepoint" in reading.text


def answered_by(objects: Mapping[str, Any], **settings: Any) -> Reading:
    async def once() -> Reading:
        agent, channels = SnmpAgentSimulator(objects), Channels()
        port = await agent.start()
        try:
            access = {"host": "127.0.0.1", "port": port, "community": clear("public"), **settings}
            return await SNMP_CELLULAR.probe(Settings(**access), Run(2, 0, channels, lambda secret: secret.name))
        finally:
            await channels.aclose()
            await agent.aclose()

    return asyncio.run(once())


# ---- the tables ----


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_observes_what_the_catalogue_has(family: Family) -> None:
    figures = (*family.figures, *(family.joined.figures if family.joined else ()))
    observed = {row.quantity for row in (*family.words, *figures, *family.names) if row.quantity}
    assert observed <= set(QUANTITIES)
    assert {row.quantity for row in family.names} <= {name for name, row in QUANTITIES.items() if row.text_label}
    for words in family.words:
        assert all(not isinstance(key, str) or key == key.casefold() for key in words.values)
        assert all(not (says.proves and says.out) for says in words.values.values())


VALUES = some.one_of(some.integers(-(2**31), 2**64 - 1), some.binary(max_size=300), some.just("1.3.6.1"))


@given(family=some.sampled_from([*FAMILIES.values()]), values=some.lists(VALUES, min_size=40, max_size=40))
def test_whatever_a_device_says_is_a_reading_and_no_figure_is_beyond_belief(
    family: Family, values: list[Value]
) -> None:
    found = {f"{column}.7": value for column, value in zip(family.columns, values, strict=False)}
    reading = read(family, "7", found)
    assert reading.reason is None
    assert len(reading.text) < 4000
    assert reading.text.isprintable()
    for observation in reading.observations:
        if observation.unit == "dBm":
            assert -156 <= observation.value <= -10
        elif observation.unit == "dB":
            assert -43 <= observation.value <= 40
    assert rows_of(family, found)
