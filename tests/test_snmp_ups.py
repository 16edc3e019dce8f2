"""The snmp-ups probe against recorded devices, real agents and agents that misbehave."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysnmp.proto import rfc1902

import peers
import snmp_peer
from conftest import Probe, clear
from probes.declared.snmp_ups import FAMILY_NAMES, SNMP_UPS, Settings
from probes.snmp import MOST_OIDS, Value
from probes.snmp_families import FAMILIES
from probes.snmp_known import SYS_OBJECT_ID
from probes.snmp_ups import decode, detected, own
from probes.ups import LONGEST_RUNTIME, Figure, Output, Refused, judge
from probes.ups_mib import FLAGS, RFC_1628, Family
from probes.ups_mib_apc_eaton import APC, DELL, HPE, MGE, XUPS
from probes.ups_mib_others import (
    ALPHA,
    CET,
    CYBERPOWER,
    DELTA,
    EPPC,
    HUAWEI,
    SOCOMEC,
    SOCOMEC_7,
    TRIPP_LITE,
    USHA,
    XPPC,
)
from probes.ups_mib_vertiv import DCS, ITA2, LIEBERT_FLEXIBLE, LIEBERT_GP
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator

A, X, C, R = "1.3.6.1.4.1.318.1.1.1", "1.3.6.1.4.1.534.1", "1.3.6.1.4.1.3808.1.1.1", "1.3.6.1.2.1.33.1"


def observed(reading: Reading) -> dict[str, float]:
    return {observation.quantity: round(observation.value, 6) for observation in reading.observations}


# ---- devices as LibreNMS recorded them ----


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    records = peers.shared("corpora", "snmprec")
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="apc_smx750") as port:
        yield port, [entry for entry in entries if entry["kind"] == "ups" and entry["file"].startswith("snmprec/")]


NO_UPS = {
    "apc_ats": "a transfer switch",
    "bats": "an antenna's positioner",
    "ict-psu": "its record holds a name and a version",
    "liebert": "an air conditioner",
    "liebert_web485": "a power distribution unit",
    "linux_ups-apcups-v1": "a Linux host; apcupsd by net-snmp's extend",
    "netagent2_2": "an environment sensor",
    "sim-apc-7902b": "a power distribution unit",
    "sim-apc-8641": "a power distribution unit",
    "sim-tripplite-poweralert": "a transfer switch",
    "socomec": "a power distribution unit",
}
"""Records of the power folder in which nothing says what a battery does, and what they are."""


def test_recorded_devices_are_read_right_or_not_at_all(
    dumps: tuple[int, list[dict[str, Any]]], run_probe: Probe, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runtime is what LibreNMS reads from the same record, or refused with a reason; none is wrong."""
    port, entries = dumps
    scale = {row.oid: row.scale for family in FAMILIES.values() for row in family.runtime}
    counts: Counter[str] = Counter()
    lines = []
    for entry in entries:
        name = entry["community"]
        reading = run_probe(SNMP_UPS, host="127.0.0.1", port=port, community=clear(name), timeout=10)
        if name in NO_UPS:
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED), name
            counts["no UPS, said so"] += 1
            continue
        values = observed(reading)
        record = peers.shared("corpora", entry["file"]).read_text(encoding="latin-1")
        recorded = dict(line.split("|")[::2] for line in record.splitlines() if line.count("|") == 2)
        wanted = {round(float(raw) * scale[oid]) for oid, raw in recorded.items() if oid in scale and raw.strip()}
        # In minutes; what LibreNMS calls a runtime and is none of our objects is a date or the time on battery.
        runtimes = (row for row in entry["expected"] if row["cls"] == "runtime" and row["oid"] in scale)
        told = {round(row["value"] * 60) for row in runtimes}
        if "ups_runtime_seconds" in values:
            outcome = "runtime as recorded"
            assert values["ups_runtime_credible"] == 1, name
            assert round(values["ups_runtime_seconds"]) in wanted, name
            if name != "vertiv-ita2":  # LibreNMS takes 347 for minutes; the MIB says tenths of one
                assert not told or any(abs(values["ups_runtime_seconds"] - t) <= 60 for t in told), name
        elif "ups_runtime_credible" in values:
            outcome = "runtime refused, with the reason"
            (refusal,) = (o.text for o in reading.observations if o.quantity == "ups_runtime_credible")
            assert values["ups_runtime_credible"] == 0, name
            assert "says" in refusal, name
        else:
            outcome = "no runtime in the record"
            assert not wanted, name
        counts[outcome] += 1
        counts[f"state {reading.state}"] += 1
        lines.append(
            f"{name:34}{reading.state!s:10}{values.get('ups_runtime_seconds', '-')!s:>10}  {reading.text[:60]}\n"
        )
    with capsys.disabled():
        table = "".join(f"{count:5} {what}\n" for what, count in sorted(counts.items()))
        print(f"\n{len(entries):5} recorded power devices\n{table}{''.join(lines)}")  # noqa: T201 - for people
    assert counts["runtime as recorded"] >= 35
    assert counts["runtime refused, with the reason"] >= 4
    assert counts["no UPS, said so"] == len(NO_UPS)
    assert counts["no runtime in the record"] <= 1


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        ("dell-ups_rack3750w", (State.UNKNOWN, {"ups_serial_info": 1, "ups_runtime_seconds": 11179}, "nothing")),
        ("apc_smtl1000-nmc3", (State.UP, {"ups_runtime_seconds": 1522, "ups_load_ratio": 0.378}, "")),
        ("cyberpower_pr2200rt2uc", (State.UP, {"ups_runtime_seconds": 10500, "ups_load_ratio": 0.03}, "")),
        ("eatonups_eaton-connectups", (State.UP, {"ups_runtime_seconds": 1948, "ups_load_ratio": 0.35}, "")),
        ("poweralert_2", (State.DEGRADED, {"ups_runtime_seconds": 1440, "ups_replace_battery": 1}, "to be replaced")),
        ("poweralert_ups", (State.UP, {"ups_runtime_seconds": 4320, "ups_load_ratio": 0.1}, "")),
        ("huaweiups_ups2000", (State.UP, {"ups_runtime_credible": 0}, "")),
        ("netvision-rfc", (State.UP, {"ups_runtime_credible": 0}, "")),
        # The last transfer was a self-test, long ago: it is on line and tests nothing.
        ("apc_smx750", (State.UP, {"ups_testing": 0, "ups_runtime_seconds": 16374}, "")),
    ],
)
def test_what_recorded_devices_say(
    dumps: tuple[int, Any], run_probe: Probe, dump: str, expected: tuple[State, dict[str, float], str]
) -> None:
    state, values, text = expected
    reading = run_probe(SNMP_UPS, host="127.0.0.1", port=dumps[0], community=clear(dump), timeout=10)
    assert reading.state is state
    assert text in reading.text
    assert values.items() <= observed(reading).items()


# ---- records of our own, one a trap, through snmpsim ----

OID = f"{SYS_OBJECT_ID}|6|"
RECORDS = {
    "apc": f"{OID}1.3.6.1.4.1.318.1.3.27\n{A}.2.1.1.0|2|2\n{A}.2.2.1.0|66|100\n{A}.2.2.3.0|67|152200\n"
    f"{A}.2.2.4.0|2|1\n{A}.2.3.1.0|66|995\n{A}.4.1.1.0|2|2\n{A}.4.2.3.0|66|37\n{A}.4.3.3.0|66|378\n{A}.8.1.0|2|1",
    "apc-card-lost-its-ups": f"{A}.2.2.3.0|67|152200\n{A}.4.1.1.0|2|2\n{A}.8.1.0|2|2",
    "apc-4294967295": f"{A}.2.2.3.0|67|4294967295\n{A}.4.1.1.0|2|2",
    "apc-0-on-line": f"{A}.2.2.3.0|67|0\n{A}.4.1.1.0|2|2",
    "apc-0-empty": f"{A}.2.1.1.0|2|3\n{A}.2.2.3.0|67|0\n{A}.4.1.1.0|2|3",
    "apc-enum": f"{A}.2.2.3.0|67|152200\n{A}.4.1.1.0|2|99",
    "apc-no-status": f"{OID}1.3.6.1.4.1.318.1.3.27\n{A}.2.2.3.0|67|152200\n{A}.2.2.4.0|2|1",
    "apc-self-test": f"{A}.2.2.3.0|67|152200\n{A}.3.2.5.0|2|9\n{A}.4.1.1.0|2|3",
    "xups": f"{OID}1.3.6.1.4.1.534.1\n{X}.2.1.0|2|1948\n{X}.2.4.0|2|100\n{X}.2.5.0|2|4\n{X}.4.1.0|2|35\n"
    f"{X}.4.5.0|2|3\n{X}.4.10.0|2|3\n{X}.7.1.0|66|0\n{R}.2.3.0|2|32",
    "xups-65535-1092": f"{OID}1.3.6.1.4.1.705.1\n{R}.2.3.0|2|1092\n{R}.4.1.0|2|3\n{X}.2.1.0|2|65535\n{X}.2.5.0|2|0\n"
    f"{X}.4.5.0|2|3",
    "xups-siblings-differ": f"{R}.2.3.0|2|90\n{R}.4.1.0|2|3\n{X}.2.1.0|2|1948\n{X}.4.5.0|2|3",
    "cyberpower": f"{OID}1.3.6.1.4.1.3808.1.1.1\n{R}.2.3.0|2|175\n{R}.4.1.0|2|3\n{C}.2.1.1.0|2|2\n{C}.2.2.1.0|66|100\n"
    f"{C}.2.2.4.0|67|1050000\n{C}.2.2.5.0|2|1\n{C}.4.1.1.0|2|2\n{C}.4.2.3.0|66|3\n{C}.7.2.3.0|2|1",
    "cyberpower-is-not-apc": f"{OID}1.3.6.1.4.1.318.1.3.27\n{C}.2.2.4.0|67|120000\n{C}.4.1.1.0|2|6",
    "rfc": f"{OID}1.3.6.1.4.1.8072.3.2.10\n{R}.2.1.0|2|2\n{R}.2.3.0|2|42\n{R}.2.4.0|2|97\n{R}.4.1.0|2|3\n"
    f"{R}.4.4.1.5.1|2|20\n{R}.4.4.1.5.2|2|55\n{R}.6.1.0|66|0\n{R}.7.3.0|2|6\n{R}.9.7.0|2|2",
    "rfc-minus-1": f"{R}.2.3.0|2|-1\n{R}.2.4.0|2|-1\n{R}.4.1.0|2|3",
    "rfc-1092-alone": f"{R}.2.3.0|2|1092\n{R}.4.1.0|2|3",
    "rfc-text": f"{R}.2.3.0|4|74\n{R}.4.1.0|4|3",
    "rfc-wrong-type": f"{R}.2.3.0|4|Normal\n{R}.4.1.0|4|Normal",
    "rfc-alarms": f"{R}.2.3.0|2|42\n{R}.4.1.0|2|3\n{R}.6.1.0|66|2\n{R}.6.2.1.2.4|6|{R}.6.3.1\n"
    f"{R}.6.2.1.2.9|6|1.3.6.1.4.1.4242.1",
    "rfc-no-comms": f"{R}.2.3.0|2|42\n{R}.4.1.0|2|3\n{R}.6.1.0|66|1\n{R}.6.2.1.2.4|6|{R}.6.3.20",
    "rfc-test": f"{R}.2.3.0|2|42\n{R}.4.1.0|2|5\n{R}.6.1.0|66|1\n{R}.6.2.1.2.4|6|{R}.6.3.24",
    "rfc-bypass": f"{R}.2.3.0|2|42\n{R}.4.1.0|2|4",
    "rfc-off": f"{R}.2.3.0|2|42\n{R}.4.1.0|2|2",
    "mge": f"{OID}1.3.6.1.4.1.705.1\n1.3.6.1.4.1.705.1.5.1.0|2|2594\n1.3.6.1.4.1.705.1.5.2.0|2|90\n"
    f"1.3.6.1.4.1.705.1.5.11.0|2|2\n1.3.6.1.4.1.705.1.7.3.0|2|2\n1.3.6.1.4.1.705.1.7.2.1.4.1|2|20\n"
    f"1.3.6.1.4.1.705.1.7.2.1.4.3|2|59\n{R}.2.3.0|2|43",
    "dell": f"{OID}1.3.6.1.4.1.674.10902.2\n1.3.6.1.4.1.674.10902.2.120.5.3.0|2|1889\n{R}.2.3.0|2|31\n{R}.4.1.0|2|3\n"
    f"{R}.2.4.0|2|90\n{R}.4.4.1.5.1|2|59",
    "hpe": f"{OID}1.3.6.1.4.1.232.165.3\n1.3.6.1.4.1.232.165.3.2.1.0|2|2594\n1.3.6.1.4.1.232.165.3.2.4.0|2|90\n"
    "1.3.6.1.4.1.232.165.3.2.5.0|2|2\n1.3.6.1.4.1.232.165.3.4.1.0|2|59\n1.3.6.1.4.1.232.165.3.4.5.0|2|3",
    "liebert-gp": f"{OID}1.3.6.1.4.1.476.1.42\n1.3.6.1.4.1.476.1.42.3.5.1.18.0|2|43\n"
    "1.3.6.1.4.1.476.1.42.3.5.1.19.0|2|90\n1.3.6.1.4.1.476.1.42.3.5.3.55.0|2|3\n"
    f"{R}.4.4.1.5.1|2|59",
    "liebert-flexible": f"{OID}1.3.6.1.4.1.476.1.42\n1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.1.4150|4|43\n"
    "1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.1.4153|4|90\n1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.1.4223|4|59\n"
    "1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.1.4872|4|Normal",
    "ita2": f"{OID}1.3.6.1.4.1.13400.2.54\n1.3.6.1.4.1.13400.2.54.2.1.2.0|2|1\n1.3.6.1.4.1.13400.2.54.2.5.7.0|2|430\n"
    "1.3.6.1.4.1.13400.2.54.2.5.10.0|2|90\n1.3.6.1.4.1.13400.2.54.2.3.14.0|2|590",
    "delta": f"{OID}1.3.6.1.4.1.2254.2.4\n1.3.6.1.4.1.2254.2.4.5.1.0|2|0\n1.3.6.1.4.1.2254.2.4.7.5.0|2|43\n"
    "1.3.6.1.4.1.2254.2.4.7.8.0|2|90\n1.3.6.1.4.1.2254.2.4.5.7.0|2|59",
    "tripplite": f"{OID}1.3.6.1.4.1.850.1.1.1\n1.3.6.1.4.1.850.1.1.3.1.3.3.1.1.1.1|2|9\n"
    "1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.3.1|66|43\n1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.4.1|2|90\n"
    f"{R}.4.1.0|2|1\n{R}.4.4.1.5.1|2|59",
    "socomec7": f"{OID}1.3.6.1.4.1.4555.1.1.7\n1.3.6.1.4.1.4555.1.1.7.1.2.3.0|2|43\n"
    "1.3.6.1.4.1.4555.1.1.7.1.2.4.0|2|90\n"
    "1.3.6.1.4.1.4555.1.1.7.1.4.1.0|2|4\n1.3.6.1.4.1.4555.1.1.7.1.4.4.1.4.1|2|59",
    "socomec": f"{OID}1.3.6.1.4.1.4555.1.1.1\n1.3.6.1.4.1.4555.1.1.1.1.2.3.0|2|43\n"
    "1.3.6.1.4.1.4555.1.1.1.1.2.4.0|2|90\n"
    "1.3.6.1.4.1.4555.1.1.1.1.4.1.0|2|3\n1.3.6.1.4.1.4555.1.1.1.1.4.4.1.4.1|2|59",
    "xppc": f"{OID}.1.3.6.1.4.1.935\n1.3.6.1.4.1.935.1.1.1.2.2.1.0|2|90\n1.3.6.1.4.1.935.1.1.1.2.2.4.0|2|2594\n"
    "1.3.6.1.4.1.935.1.1.1.4.1.1.0|2|2\n1.3.6.1.4.1.935.1.1.1.4.2.3.0|2|59",
    "huawei": f"{OID}1.3.6.1.4.1.8072.3.2.10\n1.3.6.1.4.1.2011.6.174.1.2.101.1.1.1|2|3\n"
    "1.3.6.1.4.1.2011.6.174.1.6.100.1.3.1|2|90\n1.3.6.1.4.1.2011.6.174.1.6.100.1.4.1|2|2594\n"
    "1.3.6.1.4.1.2011.6.174.1.4.100.1.14.1|2|590",
    "router": f"{OID}1.3.6.1.4.1.9.1.2093\n1.3.6.1.2.1.1.1.0|4|a router",
}
"""What real devices say, one trap a record, typed by hand so that CI has it."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("records")
    for name, lines in RECORDS.items():
        rows = sorted(lines.splitlines(), key=lambda line: [int(arc) for arc in line.split("|")[0].split(".")])
        (folder / f"{name}.snmprec").write_text("\n".join([*rows, ""]))
    with snmp_peer.snmpsim(folder, tmp_path_factory.mktemp("state"), first="apc") as port:
        yield port


def test_a_low_load_is_named_beside_the_runtime(records: int, run_probe: Probe) -> None:
    reading = read(run_probe, records, "cyberpower")
    (credible,) = (seen for seen in reading.observations if seen.quantity == "ups_runtime_credible")
    assert (credible.value, credible.text) == (1, "optimistic: told at a load of 3%")


def read(run_probe: Probe, port: int, name: str, **settings: Any) -> Reading:
    return run_probe(SNMP_UPS, host="127.0.0.1", port=port, community=clear(name), **settings)


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("apc", {"ups_runtime_seconds": 1522, "ups_charge_ratio": 0.995, "ups_load_ratio": 0.378}),
        ("xups", {"ups_runtime_seconds": 1948, "ups_charge_ratio": 1, "ups_load_ratio": 0.35}),
        ("cyberpower", {"ups_runtime_seconds": 10500, "ups_charge_ratio": 1, "ups_load_ratio": 0.03}),
        (
            "rfc",
            {
                "ups_runtime_seconds": 2520,
                "ups_runtime_low_seconds": 120,
                "ups_charge_ratio": 0.97,
                "ups_load_ratio": 0.55,
            },
        ),
    ],
)
def test_every_family_in_both_versions(
    records: int, run_probe: Probe, version: str, name: str, values: dict[str, float]
) -> None:
    reading = read(run_probe, records, name, version=version)
    assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
    seen = observed(reading)
    assert values.items() <= seen.items()
    assert set(seen) <= set(QUANTITIES)
    assert seen["ups_on_battery"] == seen["ups_unprotected"] == 0


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        *((name, 2594) for name in ("mge", "hpe", "xppc", "huawei")),
        ("dell", 1889),
        *((name, 2580) for name in ("liebert-gp", "liebert-flexible", "ita2", "delta", "tripplite", "socomec7")),
        ("socomec", 2580),
    ],
)
def test_a_maker_at_a_time(records: int, run_probe: Probe, version: str, name: str, runtime: float) -> None:
    """Each in its own units, at 90 % of charge and 59 % of load on the worst phase."""
    reading = read(run_probe, records, name, version=version)
    assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
    assert {"ups_runtime_seconds": runtime, "ups_charge_ratio": 0.9, "ups_load_ratio": 0.59}.items() <= observed(
        reading
    ).items()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("apc-card-lost-its-ups", (State.UNKNOWN, Reason.DEVICE, 1522, "upsCommStatus noComm")),
        ("apc-4294967295", (State.UP, None, None, "")),
        ("apc-0-on-line", (State.UP, None, None, "")),
        ("apc-0-empty", (State.DEGRADED, None, 0, "battery low")),
        ("apc-enum", (State.UNKNOWN, Reason.DEVICE, 1522, "99 (not in its MIB)")),
        ("apc-no-status", (State.UNKNOWN, Reason.DEVICE, 1522, f"{A}.4.1.1.0: nothing")),
        ("apc-self-test", (State.DEGRADED, None, 1522, "battery test running")),
        ("xups-65535-1092", (State.UP, None, None, "")),
        ("xups-siblings-differ", (State.UP, None, None, "")),
        ("cyberpower-is-not-apc", (State.DOWN, None, 1200, "upsBaseOutputStatus off")),
        ("rfc-minus-1", (State.UP, None, None, "")),
        ("rfc-1092-alone", (State.UP, None, None, "")),
        ("rfc-text", (State.UP, None, 4440, "")),
        ("rfc-wrong-type", (State.UNKNOWN, Reason.DEVICE, None, "not in its MIB")),
        (
            "rfc-alarms",
            (State.DEGRADED, None, 2520, "to be replaced; alarm: 1.3.6.1.4.1.4242.1 (not in its MIB)"),
        ),
        ("rfc-no-comms", (State.UNKNOWN, Reason.DEVICE, 2520, "upsAlarmCommunicationsLost")),
        ("rfc-test", (State.DEGRADED, None, 2520, "battery test running")),
        ("rfc-bypass", (State.DEGRADED, None, 2520, "on bypass")),
        ("rfc-off", (State.DOWN, None, 2520, "upsOutputSource none")),
        ("router", (State.UNKNOWN, Reason.NOT_OFFERED, None, "sysObjectID 1.3.6.1.4.1.9.1.2093")),
        ("no-such-community", (State.UNKNOWN, Reason.TIMEOUT, None, "wrong community, access list or address")),
    ],
)
def test_traps(
    records: int, run_probe: Probe, name: str, expected: tuple[State, Reason | None, float | None, str]
) -> None:
    state, reason, runtime, text = expected
    reading = read(run_probe, records, name, timeout=1)
    assert (reading.state, reading.reason) == (state, reason)
    assert text in reading.text
    seen = observed(reading)
    assert seen.get("ups_runtime_seconds") == runtime
    if runtime is None and reading.observations:
        assert seen["ups_runtime_credible"] == 0
        assert all(
            observation.text for observation in reading.observations if observation.quantity.endswith("credible")
        )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("AS1234567890", "AS1234567890"),
        (" GG435A0270  ", "GG435A0270"),
        ("CN-0K804N-75162-2CH-0081-A03", "CN-0K804N-75162-2CH-0081-A03"),
        ("", ""),
        ("000000000000", ""),
        ("Unknown", ""),
        ("123456789", ""),
        ("<private>", ""),
        ("The Red Cross", ""),
        ("abc", ""),
        ("x" * 99, ""),
    ],
)
def test_a_serial_number_is_one_devices(said: str, told: str) -> None:
    facts = decode(APC, {f"{A}.4.1.1.0": 2, f"{A}.1.2.3.0": said.encode()}, {})
    assert facts.serial == told
    assert [seen.text for seen in judge(facts).observations if seen.quantity == "ups_serial_info"] == [told] * bool(
        told
    )


def test_a_declared_family_is_asked_and_nothing_else(records: int, run_probe: Probe) -> None:
    assert observed(read(run_probe, records, "cyberpower", family="cyberpower"))["ups_runtime_seconds"] == 10500
    nothing = read(run_probe, records, "router", family="apc")
    assert (nothing.state, nothing.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)
    assert "APC PowerNet" in nothing.text


# ---- the tables ----


def test_a_file_may_name_every_family_and_no_other() -> None:
    assert tuple(FAMILIES) == FAMILY_NAMES


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_a_family_is_two_questions_at_the_most(family: Family) -> None:
    assert len(family.oids) == len(set(family.oids)) <= 2 * MOST_OIDS
    assert all(says.output for says in family.output[0].values.values()) or family.only_by_hint
    assert own(family)
    assert {name for name, other in FAMILIES.items() if other is family} == {family.name}


@pytest.mark.parametrize(
    ("family", "line", "battery", "bypass", "off"),
    [
        (APC, {2, 4, 12, 13, 14, 18, 19, 20, 21, 22, 23, 24, 25, 27}, {3, 15, 28}, {6, 9, 10, 16, 17}, {5, 7, 8, 11}),
        (XUPS, {3, 6, 7, 8, 9, 10, 12}, {5}, {4, 11}, {2}),
        (CYBERPOWER, {2, 4, 8, 10, 11}, {3}, {9}, {5, 6, 7}),
        (RFC_1628, {3, 6, 7}, {5}, {4}, {2}),
        (MGE, {2}, {1}, set(), set()),
        (DELL, {3, 6, 7}, {5}, {4}, {2}),
        (HPE, {3, 6, 7, 8, 9, 10}, {5}, {4}, {2}),
        (LIEBERT_GP, {3, 6, 7}, {5}, {4}, {2}),
        (LIEBERT_FLEXIBLE, {3, 6, 7}, {5}, {4}, {2}),
        (ITA2, {1, 4}, {2}, {3}, {0}),
        (DCS, {0, 2}, {1}, set(), {3}),
        (XPPC, {2, 4, 9}, {3}, {6}, {5, 7}),
        (EPPC, {4, 8, 9, 11, 12}, {5, 6}, {3}, {10}),
        (DELTA, {0, 3, 4}, {1}, {2, 5}, {7}),
        (TRIPP_LITE, {3, 6, 7, 8, 9}, {5, 10}, {4}, {2}),
        (SOCOMEC_7, {3, 4, 5, 9, 10}, set(), {2, 6}, {7, 8}),
        (SOCOMEC, {3, 6, 7, 9}, {5}, {4}, {2, 8}),
        (HUAWEI, {3, 5, 6}, {4, 7}, {2}, {1}),
        (USHA, {3, 6, 7}, {5}, {4}, {2}),
        (ALPHA, {0, 1, 5}, {2, 3}, set(), set()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_number_means_what_its_own_mib_says(
    family: Family, line: set[int], battery: set[int], bypass: set[int], off: set[int]
) -> None:
    status = family.output[0]
    meant = {Output.LINE: line, Output.BATTERY: battery, Output.BYPASS: bypass, Output.OFF: off}
    for value in range(-1, 40):
        facts = decode(family, {status.oid: value}, {})
        assert facts.output is next((output for output, values in meant.items() if value in values), Output.UNKNOWN)
        if facts.output is Output.UNKNOWN:
            assert facts.output_text


P = "1.3.6.1.4.1.935.1.1.1"
D = "1.3.6.1.4.1.2254.2.4"
M, S7, F = "1.3.6.1.4.1.705.1", "1.3.6.1.4.1.4555.1.1.7.1", "1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2"


@pytest.mark.parametrize(
    ("family", "found", "output"),
    [
        (MGE, {f"{M}.7.3.0": 2, f"{M}.7.4.0": 2, f"{M}.7.7.0": 2}, Output.LINE),
        (MGE, {f"{M}.7.3.0": 2, f"{M}.7.4.0": 1, f"{M}.7.7.0": 2}, Output.BYPASS),
        (MGE, {f"{M}.7.3.0": 1, f"{M}.7.4.0": 2, f"{M}.7.7.0": 2}, Output.BATTERY),
        (MGE, {f"{M}.7.3.0": 1, f"{M}.7.4.0": 1}, Output.UNKNOWN),
        (MGE, {f"{M}.7.3.0": 2, f"{M}.7.7.0": 1}, Output.OFF),
        # "On inverter" is both: the battery tells, and where that says "low", the seconds do.
        (SOCOMEC_7, {f"{S7}.4.1.0": 3, f"{S7}.2.1.0": 3, f"{S7}.2.2.0": 0}, Output.LINE),
        (SOCOMEC_7, {f"{S7}.4.1.0": 3, f"{S7}.2.1.0": 5, f"{S7}.2.2.0": 12}, Output.BATTERY),
        (SOCOMEC_7, {f"{S7}.4.1.0": 3, f"{S7}.2.1.0": 6, f"{S7}.2.2.0": 900}, Output.BATTERY),
        (SOCOMEC_7, {f"{S7}.4.1.0": 3, f"{S7}.2.1.0": 6, f"{S7}.2.2.0": 0}, Output.LINE),
        (DELTA, {f"{D}.5.1.0": 0, f"{D}.9.1.0": 0}, Output.LINE),
        # The card has lost its UPS: "normal" is from before.
        (DELTA, {f"{D}.5.1.0": 0, f"{D}.9.1.0": 1}, Output.UNKNOWN),
        (CET, {f"{R}.4.1.0": 5, f"{R}.6.1.0": 0}, Output.LINE),
        (CET, {f"{R}.4.1.0": 4, f"{R}.6.1.0": 0}, Output.BYPASS),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Normal"}, Output.LINE),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b" battery "}, Output.BATTERY),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"On the moon"}, Output.UNKNOWN),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Maintenance Bypass"}, Output.BYPASS),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Normal", f"{F}.100.4298": b"Active Alarm"}, Output.BYPASS),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Normal", f"{F}.100.4168": b"Active Event"}, Output.BATTERY),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Normal", f"{F}.100.4168": b"Inactive Event"}, Output.LINE),
        (LIEBERT_FLEXIBLE, {f"{F}.1.4872": b"Normal", f"{F}.100.4299": b"Active Event"}, Output.BYPASS),
    ],
)
def test_a_status_that_several_objects_make_up(family: Family, found: dict[str, Value], output: Output) -> None:
    facts = decode(family, found, {})
    assert facts.output is output
    assert facts.output_text


ON_LINE: dict[str, Value] = {f"{X}.4.5.0": 3}


@pytest.mark.parametrize(
    ("found", "output"),
    [
        ({f"{X}.4.5.0": 3, f"{X}.4.10.0": 3}, Output.LINE),
        ({f"{X}.4.5.0": 3, f"{X}.4.10.0": 2}, Output.BYPASS),
        ({f"{X}.4.5.0": 3, f"{X}.4.10.0": 1}, Output.OFF),
        ({f"{X}.4.5.0": 3, f"{X}.4.10.0": 9}, Output.UNKNOWN),
        ({f"{X}.4.5.0": 5, f"{X}.4.10.0": 3}, Output.BATTERY),
        # It cannot be on battery and unprotected at once: one of the two is wrong.
        ({f"{X}.4.5.0": 5, f"{X}.4.10.0": 2}, Output.UNKNOWN),
        # "Protected" alone does not say from what.
        ({f"{X}.4.10.0": 3}, Output.UNKNOWN),
        ({f"{X}.4.10.0": 3, f"{R}.4.1.0": 5}, Output.BATTERY),
        ({f"{X}.2.1.0": 1948}, Output.UNKNOWN),
    ],
)
def test_several_objects_about_the_output(found: dict[str, Value], output: Output) -> None:
    assert decode(XUPS, found, {}).output is output


@pytest.mark.parametrize(
    ("family", "found", "flag"),
    [
        (XUPS, {f"{X}.2.5.0": 6}, "no_battery"),
        (XUPS, {f"{X}.2.5.0": 7}, "testing"),
        (XUPS, {f"{X}.2.5.0": 8}, "test_failed"),
        (XUPS, {f"{X}.2.7.0": 1}, "replace"),
        (XUPS, {f"{X}.2.8.0": 1}, "no_battery"),
        (XUPS, {f"{X}.2.9.0": 1}, "replace"),
        (XUPS, {f"{X}.2.10.0": 1}, "low_battery"),
        (XUPS, {f"{X}.8.2.0": 3}, "test_failed"),
        (APC, {f"{A}.2.1.1.0": 4}, "replace"),
        (APC, {f"{A}.2.1.1.0": 5}, "no_battery"),
        (APC, {f"{A}.2.2.4.0": 2}, "replace"),
        (APC, {f"{A}.7.2.3.0": 2}, "test_failed"),
        (APC, {f"{A}.7.2.3.0": 3}, ""),
        (CYBERPOWER, {f"{C}.2.1.1.0": 4}, "no_battery"),
        (CYBERPOWER, {f"{C}.2.2.5.0": 2}, "replace"),
        (CYBERPOWER, {f"{C}.4.1.1.0": 11}, "overload"),
        (RFC_1628, {f"{R}.2.1.0": 3}, "low_battery"),
        (RFC_1628, {f"{R}.2.1.0": 4}, "low_battery"),
        (RFC_1628, {f"{R}.7.3.0": 3}, "test_failed"),
        (RFC_1628, {f"{R}.7.3.0": 0}, ""),
        (APC, {f"{A}.7.2.6.0": 2}, ""),
        (APC, {f"{A}.7.2.6.0": 3}, "testing"),
        (CYBERPOWER, {f"{C}.7.2.7.0": 3}, "testing"),
        (MGE, {f"{R}.7.3.0": 5}, "testing"),
        (MGE, {f"{M}.5.12.0": 1}, "no_battery"),
        (XPPC, {f"{P}.2.2.5.0": 0}, ""),
        (XPPC, {f"{P}.2.2.5.0": 2}, "replace"),
        (DELTA, {f"{D}.9.12.0": 1}, "overload"),
        (DELTA, {f"{D}.9.{number}.0": 0 for number in (1, 7, 12, 14)}, ""),
    ],
)
def test_conditions(family: Family, found: dict[str, Value], flag: str) -> None:
    facts = decode(family, found, {})
    flags = ("low_battery", "replace", "test_failed", "no_battery", "testing", "overload")
    assert [name for name in flags if getattr(facts, name)] == ([flag] if flag else [])
    assert not facts.alarms


@pytest.mark.parametrize(
    ("number", "output", "flag"),
    [
        (1, Output.LINE, "replace"),
        (2, Output.LINE, ""),
        (9, Output.LINE, ""),
        (20, Output.UNKNOWN, ""),
        (24, Output.LINE, "testing"),
    ],
)
def test_rfc_alarms_beside_a_makers_own_status_weaken_it_and_do_not_gainsay_it(
    number: int, output: Output, flag: str
) -> None:
    found = {f"{C}.4.1.1.0": 2, f"{R}.6.1.0": 1}
    facts = decode(CYBERPOWER, found, {f"{R}.6.2.1.2.1": f"{R}.6.3.{number}"})
    assert facts.output is output
    assert [name for name in ("replace", "testing") if getattr(facts, name)] == ([flag] if flag else [])


def test_an_inverter_on_a_dc_bus_is_on_battery_when_it_says_so_as_an_alarm() -> None:
    facts = decode(CET, {f"{R}.4.1.0": 5, f"{R}.6.1.0": 1, f"{R}.2.3.0": 30}, {f"{R}.6.2.1.2.1": f"{R}.6.3.2"})
    assert facts.output is Output.BATTERY
    assert facts.runtime == Figure(1800, f"{R}.2.3.0")
    assert decode(CET, {f"{R}.4.1.0": 5, f"{R}.6.1.0": 1}, {}).output is Output.UNKNOWN


L = "1.3.6.1.4.1.476.1.42.3"


@pytest.mark.parametrize(
    ("condition", "output", "flag"),
    [
        ("33", Output.BYPASS, ""),
        ("33.2", Output.BYPASS, ""),  # on maintenance bypass
        ("51.10", Output.LINE, "no_battery"),
        ("51.10.3", Output.LINE, "no_battery"),  # cabinet 3
        ("51.11", Output.LINE, ""),
        ("71", Output.LINE, "testing"),
        ("72", Output.BATTERY, ""),
        ("74", Output.LINE, "replace"),
        ("102", Output.OFF, ""),
        ("119", Output.LINE, "test_failed"),
    ],
)
def test_liebert_conditions_refine_its_output(condition: str, output: Output, flag: str) -> None:
    """Below "disconnect" only the battery's is listed; another one of the group is an alarm by its number."""
    facts = decode(LIEBERT_GP, {f"{L}.5.3.55.0": 3, f"{L}.2.2.0": 1}, {f"{L}.2.3.1.2.1": f"{L}.2.1.{condition}"})
    assert facts.output is output
    assert [name for name in FLAGS if getattr(facts, name)] == ([flag] if flag else [])
    assert bool(facts.alarms) == (condition == "51.11")


def test_a_row_of_zeros_is_no_alarm() -> None:
    rows: dict[str, Value] = {f"{R}.6.2.1.2.{row}": "0.0.0.0" for row in range(2, 25)}
    facts = decode(RFC_1628, {f"{R}.4.1.0": 3, f"{R}.6.1.0": 1}, {f"{R}.6.2.1.2.1": f"{R}.6.3.5", **rows})
    assert facts.alarms == ("upsAlarmTempBad",)


@pytest.mark.parametrize(
    ("family", "found"),
    [
        (APC, {f"{A}.4.1.1.0": 3, f"{A}.7.2.6.0": 3}),
        (CYBERPOWER, {f"{C}.4.1.1.0": 3, f"{C}.7.2.7.0": 3}),
        (MGE, {f"{M}.7.3.0": 1, f"{R}.7.3.0": 5}),
        (DELTA, {f"{D}.5.1.0": 1, f"{D}.8.2.0": 2}),
    ],
)
def test_a_calibration_or_test_is_no_outage_and_empties_the_battery_all_the_same(
    family: Family, found: dict[str, Value]
) -> None:
    values = observed(judge(decode(family, found, {})))
    assert (values["ups_on_battery"], values["ups_testing"], values["ups_discharging"]) == (0, 1, 1)


def test_the_worst_phase_is_the_load_wherever_a_card_puts_it() -> None:
    phases: dict[str, Value] = {f"{M}.7.2.1.4.1.0": 20, f"{M}.7.2.1.4.2.0": 61, f"{M}.7.2.1.4.3.0": 33}
    assert decode(MGE, phases, {}).load == Figure(0.61, f"{M}.7.2.1.4.2.0")
    assert decode(DELTA, {f"{D}.5.7.0": 12, f"{D}.5.11.0": 40, f"{D}.5.15.0": 7}, {}).load == Figure(0.4, f"{D}.5.11.0")


def test_a_ups_that_stands_by_is_neither_on_line_nor_off() -> None:
    reading = judge(decode(XPPC, {f"{P}.4.1.1.0": 8, f"{P}.4.2.3.0": 15}, {}))
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.DEVICE)
    assert "upsBaseOutputStatus standBy" in reading.text


def test_an_unlisted_condition_is_a_named_weakness() -> None:
    facts = decode(APC, {f"{A}.4.1.1.0": 2, f"{A}.2.1.1.0": 17}, {})
    assert facts.alarms == ("upsBasicBatteryStatus 17 (not in its MIB)",)


def test_alarms_that_are_not_listed_are_counted() -> None:
    facts = decode(RFC_1628, {f"{R}.4.1.0": 3, f"{R}.6.1.0": 3}, {f"{R}.6.2.1.2.1": f"{R}.6.3.5"})
    assert facts.alarms == ("upsAlarmTempBad", "2 more that the agent does not list")


@pytest.mark.parametrize(
    ("minutes", "seconds", "runtime"),
    [
        (32, 1948, Figure(1948, f"{X}.2.1.0")),
        (None, 1948, Figure(1948, f"{X}.2.1.0")),
        (32, None, Figure(1920, f"{R}.2.3.0")),
        (1092, 65535, None),
        (1092, None, None),
        (65535, 1948, None),
        (32, 4321, None),
        # 72 and 74 min: a Liebert. The two were not read at one moment; the shorter counts.
        (72, 4440, Figure(4320, f"{R}.2.3.0")),
        (74, 4320, Figure(4320, f"{X}.2.1.0")),
        (80, 4320, None),
    ],
)
def test_two_runtimes_of_one_device(minutes: int | None, seconds: int | None, runtime: Figure | None) -> None:
    found = {f"{R}.2.3.0": minutes, f"{X}.2.1.0": seconds}
    believed = decode(XUPS, ON_LINE | {oid: value for oid, value in found.items() if value is not None}, {}).runtime
    if runtime is None and minutes == 65535:
        assert believed == Figure(1948, f"{X}.2.1.0")  # minutes have their own "not available"
    elif runtime is None:
        assert isinstance(believed, Refused)
    else:
        assert believed == runtime


@pytest.mark.parametrize(
    ("found", "family"),
    [
        ({f"{A}.4.1.1.0": 2}, APC),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.318.1.3.27", f"{R}.4.1.0": 3}, RFC_1628),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.705.1", f"{R}.4.1.0": 3, f"{X}.4.5.0": 3}, XUPS),
        # An object outside its MIB's numbers is worse evidence than another MIB's plain word.
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.3808", f"{C}.4.1.1.0": 0, f"{R}.4.1.0": 3}, RFC_1628),
        ({f"{C}.2.2.4.0": 120000, f"{R}.4.1.0": 3}, RFC_1628),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.12551.4.0", f"{R}.4.1.0": 5, f"{R}.6.1.0": 0}, CET),
        ({f"{R}.4.1.0": 5, f"{R}.6.1.0": 0}, RFC_1628),
        ({SYS_OBJECT_ID: ".1.3.6.1.4.1.935", f"{P}.4.1.1.0": 9}, XPPC),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.674.10902.2", f"{R}.4.1.0": 3}, RFC_1628),
        ({f"{R}.4.1.0": 3, "1.3.6.1.4.1.674.10902.2.120.5.3.0": 1889}, DELL),
        ({SYS_OBJECT_ID: "1.3.6.1.4.1.9.1"}, None),
        ({}, None),
    ],
)
def test_objects_decide_and_sys_object_id_breaks_ties(found: dict[str, Value], family: Family | None) -> None:
    assert detected(found) is family


values_of_any_kind = st.one_of(
    st.integers(-(2**31), 2**32 - 1), st.binary(max_size=64), st.text(max_size=40), st.floats(0, 1).map(str)
)


@settings(deadline=None)
@given(st.data())
def test_whatever_an_agent_answers_becomes_values_within_bounds(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(list(FAMILIES.values())))
    found = data.draw(st.dictionaries(st.sampled_from(family.oids), values_of_any_kind))
    rows = data.draw(st.dictionaries(st.text(max_size=9), values_of_any_kind, max_size=3)) if family.alarms else {}
    facts = decode(family, found, rows)
    reading = judge(facts)
    assert all(0 <= seen.value <= LONGEST_RUNTIME for seen in reading.observations)
    assert len(reading.text) < 8000
    if facts.output is Output.UNKNOWN:
        assert reading.failed
    assert detected(found) in [None, *FAMILIES.values()]


# ---- polls ----


class Counting(SnmpAgentSimulator):
    questions = 0

    def answer(self, datagram: bytes) -> bytes | None:
        self.questions += 1
        return super().answer(datagram)


@asynccontextmanager
async def polled(agent: SnmpAgentSimulator, **settings: Any) -> Any:
    """A function that polls `agent` once, as the monitor would, keeping its channels."""
    port = await agent.start()
    channels = Channels()
    declared = Settings(host="127.0.0.1", port=port, **{"community": clear("public"), **settings})

    async def poll(seconds: float = 2) -> Reading:
        return await SNMP_UPS.probe(declared, Run(seconds, 1, channels, lambda secret: secret.name))

    try:
        yield poll
    finally:
        await channels.aclose()
        await agent.aclose()


ON_LINE_APC = {f"{A}.4.1.1.0": 2, f"{A}.2.2.3.0": rfc1902.TimeTicks(152200), SYS_OBJECT_ID: "1.3.6.1.4.1.318.1.3.27"}


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_known_agent_is_asked_one_question_a_poll(version: str) -> None:
    async def go() -> None:
        agent = Counting(ON_LINE_APC)
        async with polled(agent, version=version) as poll:
            assert (await poll()).state is State.UP
            for _ in range(3):
                agent.questions = 0
                assert observed(await poll())["ups_runtime_seconds"] == 1522
                assert agent.questions == 1

    asyncio.run(go())


def test_another_device_at_the_same_address_is_found_out() -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator(ON_LINE_APC)
        async with polled(agent) as poll:
            assert (await poll()).state is State.UP
            for oid in ON_LINE_APC:
                agent.remove(oid)
            assert (await poll()).reason is Reason.NOT_OFFERED
            agent.set(f"{C}.4.1.1.0", 6)
            assert (await poll()).state is State.DOWN

    asyncio.run(go())


def test_an_object_that_comes_later_is_seen_in_version_1() -> None:
    """A card that starts without its UPS offers nothing yet: that is not remembered."""

    async def go() -> None:
        agent = SnmpAgentSimulator({f"{A}.2.2.3.0": rfc1902.TimeTicks(152200)})
        async with polled(agent, version="1") as poll:
            assert (await poll()).state is State.UNKNOWN
            agent.set(f"{A}.4.1.1.0", 2)
            assert (await poll()).state is State.UP

    asyncio.run(go())


def test_an_agent_that_falls_silent_is_unknown_and_comes_back() -> None:
    async def go() -> None:
        agent = SnmpAgentSimulator(ON_LINE_APC)
        async with polled(agent) as poll:
            assert (await poll()).state is State.UP
            agent.silent = True
            silent = await poll(0.2)
            assert (silent.state, silent.reason, silent.observations) == (State.UNKNOWN, Reason.TIMEOUT, ())
            agent.silent = False
            assert (await poll()).state is State.UP

    asyncio.run(go())


def test_an_alarm_table_that_stands_still_costs_the_reading() -> None:
    class Stuck(SnmpAgentSimulator):
        def _look(self, name: tuple[int, ...], *, following: bool) -> Any:
            stuck = (*map(int, f"{R}.6.2.1.2.1".split(".")),)
            return (stuck, rfc1902.Integer32(1)) if following else super()._look(name, following=following)

    async def go() -> None:
        async with polled(Stuck({f"{R}.4.1.0": 3, f"{R}.2.3.0": 42, f"{R}.6.1.0": 5})) as poll:
            reading = await poll()
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
            assert "not on" in reading.text

    asyncio.run(go())


def test_version_3_end_to_end(tmp_path: Path, run_probe: Probe) -> None:
    lines = (
        "createUser ro SHA-256 an-auth-password AES a-priv-password",
        "rouser ro priv",
        f"override .{R}.2.1.0 integer 2",
        f"override .{R}.2.3.0 integer 42",
        f"override .{R}.4.1.0 integer 5",
        f"override .{R}.6.1.0 integer 1",
        f"override .{R}.6.2.1.2.3 object_id .{R}.6.3.2",
    )
    with snmp_peer.snmpd(tmp_path, *lines) as port:
        user = {"host": "127.0.0.1", "port": port, "version": "3", "user": "ro", "priv": clear("a-priv-password")}
        reading = run_probe(SNMP_UPS, auth=clear("an-auth-password"), **user)
        assert (reading.state, reading.text) == (State.DEGRADED, "on battery, 42 min reported")
        assert observed(reading)["ups_on_battery"] == 1
        refused = run_probe(SNMP_UPS, auth=clear("another-password"), **user)
        assert (refused.state, refused.reason) == (State.UNKNOWN, Reason.AUTH)


def test_the_probe_type_names_its_keys() -> None:
    assert {"host", "port", "version", "community", "user", "auth", "priv", "source", "family"} <= set(SNMP_UPS.fields)
    assert (SNMP_UPS.interval, SNMP_UPS.timeout, SNMP_UPS.confirm, SNMP_UPS.fall, SNMP_UPS.rise) == (
        60_000,
        5_000,
        10_000,
        2,
        2,
    )
    assert "community" in str(SNMP_UPS.check(Settings(host="ups")))
