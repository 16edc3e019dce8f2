"""A FortiGate's own health checks: a recorded one against what LibreNMS reads from it, and whatever else is said."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import peers
import snmp_peer
from conftest import Probe, clear
from probes.declared.snmp_sdwan import SNMP_SDWAN
from probes.snmp_sdwan import JITTER, LATENCY, LOSS, MEMBER, NAME, STATE, judge
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.simulate.snmp import SnmpAgentSimulator

QUANTITIES = {
    "Latency": ("wan_rtt_seconds", 0.001),
    "Jitter": ("wan_jitter_seconds", 0.001),
    "Packet": ("wan_loss_ratio", 0.01),
}


def test_every_expected_figure_of_the_recorded_firewall_is_read(
    tmp_path_factory: pytest.TempPathFactory, run_probe: Probe, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    (recorded,) = (entry for entry in entries if entry.get("community") == "fortigate_sdwan")
    expected = [row for row in recorded["expected"] if row["oid"].startswith("1.3.6.1.4.1.12356.101.4.9.2.1.")]
    assert len(expected) == 24
    counts: Counter[str] = Counter()
    records = peers.shared("corpora", "snmprec")
    with snmp_peer.snmpsim(records, tmp_path_factory.mktemp("snmpsim"), first="fortigate_sdwan") as port:
        where = {"host": "127.0.0.1", "port": port}
        for row in expected:
            check, _, member = row["descr"].rpartition(" ")[2].partition("\\")
            reading = run_probe(SNMP_SDWAN, **where, community=clear("fortigate_sdwan"), member=member, check=check)
            assert reading.state.works
            if row["cls"] == "state":
                assert row["state"] == "Alive"
                counts["states as expected"] += 1
                continue
            quantity, scale = QUANTITIES[row["descr"].split()[1]]
            (value,) = (seen.value for seen in reading.observations if seen.quantity == quantity)
            assert value == pytest.approx(row["value"] * scale), row["descr"]
            counts["figures as expected"] += 1
        whole = run_probe(SNMP_SDWAN, **where, community=clear("fortigate_sdwan"), member="wan2")
        assert (whole.state, len(whole.observations)) == (State.UP, 8)
        missing = run_probe(SNMP_SDWAN, **where, community=clear("fortigate_sdwan"), member="wan9")
        assert (missing.state, missing.reason) == (State.UNKNOWN, Reason.CONFIG)
        assert "no SD-WAN member 'wan9'; there are wan1 (Default_Office_365), wan2" in missing.text
        for other in ("netscaler-sdwan", "viptela_vedge-2000", "fortigate_60f3g4g"):
            reading = run_probe(SNMP_SDWAN, **where, community=clear(other), member="wan1")
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED), other
            counts["other makes, said so"] += 1
    with capsys.disabled():
        print("".join(f"\n{count:5} {what}" for what, count in sorted(counts.items())))  # noqa: T201 - for people
    assert counts["figures as expected"] == 18


@pytest.mark.parametrize(
    ("row", "state", "text"),
    [
        ({STATE: 0, LATENCY: b"25.030", JITTER: b"4.482", LOSS: b"2.000"}, State.UP, ""),
        ({STATE: 1, LATENCY: b"0.000", JITTER: b"0.000", LOSS: b"100.000"}, State.DOWN, "health check is dead"),
        (
            {STATE: 0, LATENCY: b"25", JITTER: b"4", LOSS: b"4.000"},
            State.DEGRADED,
            "4% of the firewall's checks are lost",
        ),
        (
            {STATE: 0, LATENCY: b"25", JITTER: b"4", LOSS: b"60.000"},
            State.DOWN,
            "60% of the firewall's checks are lost",
        ),
        (
            {STATE: 0, LATENCY: b"900", JITTER: b"60", LOSS: b"0"},
            State.DEGRADED,
            "takes 900 ms, successive round trips",
        ),
        ({STATE: 0}, State.UP, ""),
        ({STATE: 7}, State.UNKNOWN, "the state 7, which says nothing"),
        ({}, State.UNKNOWN, "no state, which says nothing"),
    ],
)
def test_a_health_check(row: dict[str, Any], state: State, text: str) -> None:
    reading = judge("wan1 sbc", "3", {f"{column}.3": value for column, value in row.items()})
    assert reading.state is state
    assert text in reading.text
    assert bool(reading.observations) == (LATENCY in row and row[STATE] == 0)


def test_one_dead_check_beside_one_that_is_alive() -> None:
    objects = {
        **{f"{MEMBER}.{i}": "wan1" for i in (1, 2)},
        **{f"{NAME}.{i}": f"check-{i}" for i in (1, 2)},
        f"{STATE}.1": 0,
        f"{STATE}.2": 1,
    }

    async def go(quorum: int) -> Reading:
        agent, channels = SnmpAgentSimulator(objects), Channels()
        settings = SNMP_SDWAN.settings(
            host="127.0.0.1", port=await agent.start(), community=clear("public"), member="wan1", quorum=quorum
        )
        try:
            return await SNMP_SDWAN.probe(settings, Run(2, 1, channels, lambda secret: secret.name))
        finally:
            await channels.aclose()
            await agent.aclose()

    assert asyncio.run(go(1)).state is State.DEGRADED
    assert asyncio.run(go(2)).state is State.DOWN


VALUES = st.one_of(st.integers(-(2**63), 2**64), st.binary(max_size=12), st.floats().map(lambda f: str(f).encode()))


@given(st.dictionaries(st.sampled_from([f"{c}.3" for c in (STATE, LATENCY, JITTER, LOSS)]), VALUES))
def test_whatever_a_firewall_says_is_a_reading(found: dict[str, Any]) -> None:
    reading = judge("wan1 sbc", "3", found)
    assert reading.state is not State.UP or found[f"{STATE}.3"] in (0, b"0", b"0.0", b"-0.0")
    assert all(0 <= seen.value <= 60 for seen in reading.observations)
