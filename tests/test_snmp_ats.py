"""The snmp-ats probe against a recorded switch, records of every family through snmpsim, and its part in the law."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import peers
import snmp_peer
from builders import site
from conftest import Probe, clear
from history import History, probe, says
from probes.ats_mib import APC_ATS, ATS_FAMILIES, EATON_ATS2, AtsFamily
from probes.declared.snmp_ats import SNMP_ATS, Ats
from probes.snmp import MOST_OIDS
from probes.snmp_ats import decode, judge
from probes.snmp_known import SYS_OBJECT_ID
from resilience.catalogue import QUANTITIES
from resilience.power import stuck_switches
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator
from resilience.state import quantities

A, E2, E30, G = (
    "1.3.6.1.4.1.318.1.1.8",
    "1.3.6.1.4.1.534.10.2",
    "1.3.6.1.4.1.534.10.1",
    "1.3.6.1.4.1.37662.1.2.2.1.1",
)
C = "1.3.6.1.4.1.3808.1.1.5"
OID = f"{SYS_OBJECT_ID}|6|"
XA = "1.3.6.1.4.1.318.1.1.17"
XATS_GOOD = {f"{XA}.3.1.1.0": 2, f"{XA}.3.1.2.0": 1, f"{XA}.4.1.2.0": 2, f"{XA}.4.2.2.0": 1, f"{XA}.4.1.4.0": 1}
XATS_ON_2 = {f"{XA}.3.1.1.0": 3, f"{XA}.4.1.2.0": 1, f"{XA}.4.2.2.0": 2, f"{XA}.4.1.4.0": 2}
CPS_GOOD = (
    {f"{C}.2.1.{number}.0": 1 for number in (4, 5, 6, 7)}
    | {f"{C}.2.2.2.1.{column}.{number}": 1 for column in (7, 8) for number in (1, 2)}
    | {f"{C}.2.1.1.0": 2, f"{C}.2.1.2.0": 1, f"{C}.2.1.3.0": 2, f"{C}.3.1.0": 1, f"{C}.5.2.4.1.4.1": 1}
)
APC_GOOD = {f"{A}.5.1.{number}.0": 2 for number in (1, 3, 4, 5, 6, 7, 10, 12, 13, 16)} | {
    f"{A}.4.2.0": 1,
    f"{A}.5.1.2.0": 1,
    f"{A}.5.1.14.0": 1,
}
ATS2_GOOD = {f"{E2}.2.4.0": 4, f"{E2}.3.3.1.0": 1, f"{E2}.3.3.2.0": 2, f"{E2}.3.3.3.0": 1, f"{E2}.3.3.6.0": 1} | {
    f"{E2}.3.2.1.{column}.{number}": value
    for column, values in ((3, (2, 2)), (5, (1, 1)), (6, (2, 1)))
    for number, value in zip((1, 2), values, strict=True)
}


def record(sys_object_id: str, objects: dict[str, int | str]) -> str:
    rows = [f"{oid}|{4 if isinstance(value, str) else 2}|{value}" for oid, value in objects.items()]
    rows.append(f"{OID}{sys_object_id}")
    return "\n".join([*sorted(rows, key=lambda row: [int(arc) for arc in row.split("|")[0].split(".")]), ""])


RECORDS = {
    "apc": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD),
    "apc-on-b": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.2.0": 2}),
    "apc-redundancy-lost": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.3.0": 1, f"{A}.5.1.13.0": 1}),
    "apc-switch-fails": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.10.0": 1}),
    "apc-out-of-sync": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.14.0": 2}),
    "apc-overcurrent": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.4.0": 1}),
    "apc-lost": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.1.0": 3}),
    "apc-source-3": record("1.3.6.1.4.1.318.1.3.32", APC_GOOD | {f"{A}.5.1.2.0": 3}),
    "xats": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD),
    "xats-on-2": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD | XATS_ON_2),
    "xats-not-auto": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD | {f"{XA}.3.1.2.0": 3}),
    "xats-fault": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD | {f"{XA}.3.1.1.0": 4}),
    "xats-none": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD | {f"{XA}.3.1.1.0": 1, f"{XA}.4.1.2.0": 1}),
    "xats-between": record("1.3.6.1.4.1.318.1.3.99", XATS_GOOD | {f"{XA}.4.2.2.0": 2}),
    "cps": record("1.3.6.1.4.1.3808.1.1.5", CPS_GOOD),
    "cps-on-b": record(
        "1.3.6.1.4.1.3808.1.1.5", CPS_GOOD | {f"{C}.2.1.2.0": 2, f"{C}.2.1.3.0": 1, f"{C}.2.2.2.1.7.1": 3}
    ),
    "cps-relay": record("1.3.6.1.4.1.3808.1.1.5", CPS_GOOD | {f"{C}.2.1.6.0": 2}),
    "cps-overload": record("1.3.6.1.4.1.3808.1.1.5", CPS_GOOD | {f"{C}.5.2.4.1.4.1": 4}),
    "cps-lost": record("1.3.6.1.4.1.3808.1.1.5", CPS_GOOD | {f"{C}.2.1.1.0": 3}),
    "ats2": record("1.3.6.1.4.1.534.10.2", ATS2_GOOD),
    "ats2-input-2-missing": record("1.3.6.1.4.1.534.10.2", ATS2_GOOD | {f"{E2}.3.2.1.5.2": 4, f"{E2}.3.2.1.3.2": 1}),
    "ats2-safe-on-2": record(
        "1.3.6.1.4.1.534.10.2", ATS2_GOOD | {f"{E2}.2.4.0": 6, f"{E2}.3.2.1.6.1": 1, f"{E2}.3.2.1.6.2": 2}
    ),
    "ats2-off": record("1.3.6.1.4.1.534.10.2", ATS2_GOOD | {f"{E2}.2.4.0": 3, f"{E2}.3.3.2.0": 1}),
    "ats2-two-at-once": record("1.3.6.1.4.1.534.10.2", ATS2_GOOD | {f"{E2}.3.2.1.6.2": 2}),
    "ats30": record(
        "1.3.6.1.4.1.534.10.1",
        {f"{E30}.3.7.0": 4, f"{E30}.3.1.1.2.1": 2379, f"{E30}.3.1.1.2.2": 0, f"{E30}.4.5.0": 0},
    ),
    "ats30-switch-fault": record(
        "1.3.6.1.4.1.534.10.1",
        {f"{E30}.3.7.0": 5, f"{E30}.3.1.1.2.1": 2379, f"{E30}.3.1.1.2.2": 2380, f"{E30}.4.5.0": 9},
    ),
    "generic": record("1.3.6.1.4.1.37662", {f"{G}.2.2.0": 2, f"{G}.2.5.0": 2, f"{G}.3.1.0": "Source A"}),
    "generic-bypass": record("1.3.6.1.4.1.37662", {f"{G}.2.2.0": 2, f"{G}.2.5.0": 1, f"{G}.3.1.0": "Bypass B"}),
    "ups": record("1.3.6.1.4.1.318.1.3.27", {"1.3.6.1.4.1.318.1.1.1.4.1.1.0": 2}),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("records")
    for name, text in RECORDS.items():
        (folder / f"{name}.snmprec").write_text(text)
    with snmp_peer.snmpsim(folder, tmp_path_factory.mktemp("state"), first="apc") as port:
        yield port


def observed(reading: Reading) -> dict[str, float | str]:
    return {o.quantity: o.text if o.quantity.endswith("_info") else o.value for o in reading.observations}


def test_a_recorded_switch(tmp_path_factory: pytest.TempPathFactory, run_probe: Probe) -> None:
    folder = peers.shared("corpora", "snmprec")
    with snmp_peer.snmpsim(folder, tmp_path_factory.mktemp("state"), first="apc_smx750") as port:
        reading = run_probe(SNMP_ATS, host="127.0.0.1", port=port, community=clear("apc_ats"), timeout=10)
        assert (reading.state, reading.text) == (State.UP, "")
        assert observed(reading) == {"ats_auto": 1, "ats_redundant": 1, "ats_source_info": "input 1"}
        for name in ("iosxe_isr4321", "sim-tripplite-poweralert"):  # a router; a maker's switch that is not read
            other = run_probe(SNMP_ATS, host="127.0.0.1", port=port, community=clear(name), timeout=10)
            assert (other.state, other.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)


UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("apc", (UP, "", (1, 1, "utility"))),
        ("apc-on-b", (DEGRADED, "on generator, not on the preferred utility", (1, 1, "generator"))),
        ("apc-redundancy-lost", (DEGRADED, "redundancy lost: atsStatusRedundancyState lost", (1, 0, "utility"))),
        ("apc-switch-fails", (DEGRADED, "would not transfer, stays on utility", (0, 1, "utility"))),
        ("apc-out-of-sync", (DEGRADED, "atsStatusPhaseSyncStatus outOfSync", (1, 1, "utility"))),
        ("apc-overcurrent", (DEGRADED, "atsStatusOverCurrentState overCurrent", (1, 1, "utility"))),
        ("apc-lost", (UNKNOWN, "the card has lost its switch: atsStatusCommStatus atsCommLost", (None, None, None))),
        ("apc-source-3", (UNKNOWN, "atsStatusSelectedSource 3 (not in its MIB)", (1, 1, None))),
        ("xats", (UP, "", (1, 1, "utility"))),
        ("xats-on-2", (DEGRADED, "redundancy lost: xATSSource1Quality lowVoltage", (1, 0, "generator"))),
        ("xats-not-auto", (DEGRADED, "stays on utility: xATSSwitchStatusOperationalMode notInAuto", (0, 1, "utility"))),
        ("xats-fault", (DEGRADED, "stays on utility: xATSSwitchStatusSelectedSource fault", (0, 1, "utility"))),
        ("xats-none", (DOWN, "the output is off (xATSSwitchStatusSelectedSource none)", (1, 1, None))),
        ("xats-between", (UNKNOWN, "does not say which input it is on", (1, 1, None))),
        ("cps", (UP, "", (1, 1, "utility"))),
        ("cps-on-b", (DEGRADED, "lost, atsStatusInputVolState.1 too low; on generator, not on", (1, 0, "generator"))),
        ("cps-relay", (DEGRADED, "stays on utility: atsStatusDevInRelayStatus fail", (0, 1, "utility"))),
        ("cps-overload", (DEGRADED, "atsLoadStatusBankLoadState overLoad", (1, 1, "utility"))),
        ("cps-lost", (UNKNOWN, "the card has lost its switch: atsStatusCommStatus atsCommLost", (None, None, None))),
        ("ats2", (UP, "", (1, 1, "utility"))),
        ("ats2-input-2-missing", (DEGRADED, "redundancy lost: ats2InputStatusGood.2 bad", (1, 0, "utility"))),
        ("ats2-safe-on-2", (DEGRADED, "stays on generator: ats2OperationMode safe", (0, 1, "generator"))),
        ("ats2-off", (DOWN, "the output is off (ats2OperationMode off, ats2StatusOutput", (1, 1, "utility"))),
        ("ats2-two-at-once", (UNKNOWN, "does not say which input it is on", (1, 1, None))),
        ("ats30", (DEGRADED, "redundancy lost: atsInputVoltage.2 no voltage", (1, 0, "utility"))),
        ("ats30-switch-fault", (DEGRADED, "atsFailureIndicator switch fault; atsF", (0, 1, "generator"))),
        ("generic", (UP, "", (1, 1, "utility"))),
        ("generic-bypass", (DEGRADED, "stays on generator: atsOutputGroupOutputSource Bypass B", (0, 0, "generator"))),
    ],
)
def test_what_switches_say(
    records: int, run_probe: Probe, version: str, name: str, expected: tuple[State, str, tuple[Any, ...]]
) -> None:
    state, text, seen = expected
    access = {"host": "127.0.0.1", "port": records, "version": version, "community": clear(name)}
    reading = run_probe(SNMP_ATS, **access, inputs=("utility", "generator"))
    assert reading.state is state
    assert text in reading.text
    values = observed(reading)
    assert tuple(values.get(name) for name in ("ats_auto", "ats_redundant", "ats_source_info")) == seen
    assert set(values) <= set(QUANTITIES)


def test_a_ups_is_no_switch(records: int, run_probe: Probe) -> None:
    reading = run_probe(SNMP_ATS, host="127.0.0.1", port=records, community=clear("ups"))
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.NOT_OFFERED)
    assert (
        "is none of APC PowerNet ATS, APC PowerNet xATS, CyberPower ATS, Eaton ATS2, Eaton ATS30, ATS-MIB"
        in reading.text
    )


@pytest.mark.parametrize("family", ATS_FAMILIES.values(), ids=lambda family: family.name)
def test_a_family_is_one_question(family: AtsFamily) -> None:
    assert len(family.oids) == len(set(family.oids)) <= MOST_OIDS


def test_a_known_switch_is_asked_one_question_and_another_one_is_found_out() -> None:
    class Counting(SnmpAgentSimulator):
        questions = 0

        def answer(self, datagram: bytes) -> bytes | None:
            self.questions += 1
            return super().answer(datagram)

    async def go() -> None:
        agent = Counting(dict(APC_GOOD))
        declared = Ats(host="127.0.0.1", port=await agent.start(), community=clear("public"))
        channels = Channels()

        async def poll() -> Reading:
            return await SNMP_ATS.probe(declared, Run(2, 1, channels, lambda secret: secret.name))

        try:
            assert (await poll()).state is UP
            agent.questions = 0
            assert (await poll()).state is UP
            assert agent.questions == 1
            for oid in APC_GOOD:
                agent.remove(oid)
            assert (await poll()).reason is Reason.NOT_OFFERED
            agent.silent = True
            assert (await poll()).reason is Reason.TIMEOUT
        finally:
            await channels.aclose()
            await agent.aclose()

    asyncio.run(go())


@settings(deadline=None)
@given(st.data())
def test_whatever_an_agent_answers_becomes_a_reading(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(list(ATS_FAMILIES.values())))
    value = st.one_of(st.integers(-(2**31), 2**32 - 1), st.binary(max_size=40), st.text(max_size=40))
    found = data.draw(st.dictionaries(st.sampled_from(family.oids), value))
    reading = judge(decode(family, found), data.draw(st.sampled_from([(), ("a", "b"), ("a",)])))
    assert all(seen.value in (0, 1) for seen in reading.observations)
    assert len(reading.text) < 4000


# ---- the law ----


T0 = 1_700_000_000.0


@pytest.mark.parametrize(
    ("said", "feeds", "blind"),
    [
        ("utility", ("utility",), False),
        ("generator", ("generator",), False),
        ("input 1", ("utility",), False),
        ("input 2", ("generator",), False),
        ("input 3", None, True),
        ("input 0", None, True),
        ("input x", None, True),
        ("the moon", None, True),
    ],
)
def test_an_input_is_the_feed_at_its_place(said: str, feeds: tuple[str, ...] | None, blind: bool) -> None:
    declared = site(
        {
            "utility": {"kind": "utility"},
            "generator": {"kind": "generator", "starts_within": "30s"},
            "ats": {"kind": "ats", "power": ["utility", "generator"], "probes": probe("ats")},
        },
        {"desk": ["ats"]},
    )
    history = History(declared)
    history.read(T0, {"ats": says(text={"ats_source_info": said}, ats_auto=0, ats_source_info=1)})
    seen = {name: quantities(c, history.memory.tracks, T0) for name, c in declared.components.items()}
    assert stuck_switches(history.site, seen) == ({"ats": feeds} if feeds else {}, frozenset({"ats"} if blind else ()))


def test_the_settings_name_their_faults() -> None:
    access = {"host": "ats", "community": clear("x")}
    assert SNMP_ATS.check(Ats(**access, inputs=("a", "a"))) == "a feed stands twice in 'inputs'"
    assert SNMP_ATS.check(Ats(**access, inputs=("a", "b"))) is None
    assert "community" in str(SNMP_ATS.check(Ats(host="ats")))


def test_tables_hold_what_their_mibs_say() -> None:
    assert [says.on for says in APC_ATS.source.values.values()] == [1, 2]
    assert EATON_ATS2.source.values[7].stuck
