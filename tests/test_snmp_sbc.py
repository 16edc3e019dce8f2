"""The snmp-sbc probe against recorded gateways and controllers, and records of states that no public one has."""

from collections.abc import Callable, Iterator

import pytest

import peers
import snmp_peer
from conftest import clear
from probes.declared.snmp_sbc import SNMP_SBC, Sbc
from probes.snmp_sbc import MAKES, OIDS, judge
from resilience.catalogue import QUANTITIES
from resilience.reading import Reading, Reason, State

Probe = Callable[..., Reading]

RECORDED = {"audiocodes_virtualsbc": 1, "iosxe_isr4321": 2, "patton-sn": 4}
"""SIP calls under way in the public records, as manifest.json has them."""
REFUSED = (
    "audiocodes_mp118 ciscospa ciscospa_spa112 grandstream-gxw grandstream-ht grandstream-ht_ht802 innovaphone "
    "ios_c3825 sonus-gsx sonus-sbc vos_csg770 zenitel-alphacom"
)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = peers.shared("corpora", "snmprec")
    with snmp_peer.snmpsim(folder, tmp_path_factory.mktemp("state"), first="patton-sn") as port:
        yield port


def observed(reading: Reading) -> dict[str, float]:
    return {seen.quantity: seen.value for seen in reading.observations}


class TestRecords:
    @pytest.mark.parametrize("version", ["1", "2c"])
    @pytest.mark.parametrize("name", RECORDED)
    def test_calls_of_recorded_devices(self, records: int, run_probe: Probe, version: str, name: str) -> None:
        access = {"host": "127.0.0.1", "port": records, "version": version, "community": clear(name), "timeout": 10}
        reading = run_probe(SNMP_SBC, **access)
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert observed(reading) == {"trunk_calls": RECORDED[name]}
        full = run_probe(SNMP_SBC, **access, calls=RECORDED[name])
        assert (full.state, observed(full)["trunk_calls_ratio"]) == (State.DEGRADED, 1)

    @pytest.mark.parametrize("name", REFUSED.split())
    def test_what_tells_nothing_is_refused_by_name(self, records: int, run_probe: Probe, name: str) -> None:
        reading = run_probe(SNMP_SBC, host="127.0.0.1", port=records, community=clear(name), timeout=10)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)
        assert "shows no SIP state of AudioCodes Mediant, Cisco CUBE, Patton SmartNode" in reading.text


OPERATIONAL, SEVERITY = (words.oid for words in MAKES[0].words)


@pytest.mark.parametrize(
    ("operational", "severity", "state", "text"),
    [
        (2, 0, State.UP, ""),
        (2, 2, State.UP, ""),
        (2, 4, State.DEGRADED, "a major alarm"),
        (1, 5, State.DOWN, "disabled; a critical alarm"),
        (0, 0, State.UNKNOWN, "acSysStateOperational 0 (not in its MIB)"),
        (2, 9, State.UNKNOWN, "acSysStateGWSeverity 9 (not in its MIB)"),
        (2, b"x\x1b[2J", State.UNKNOWN, "acSysStateGWSeverity 'x\\x1b[2J' (not in its MIB)"),
    ],
)
def test_what_a_controller_says_of_itself(operational: int, severity: int | bytes, state: State, text: str) -> None:
    reading = judge({OPERATIONAL: operational, SEVERITY: severity, MAKES[0].calls: 3}, 0)
    assert (reading.state, reading.text) == (state, text)
    assert observed(reading) == {"trunk_calls": 3}
    assert set(observed(reading)) <= set(QUANTITIES)


@pytest.mark.parametrize("calls", [-1, b"many", None])
def test_a_count_that_is_none(calls: int | bytes | None) -> None:
    found = {OPERATIONAL: 2} if calls is None else {OPERATIONAL: 2, MAKES[0].calls: calls}
    reading = judge(found, 4)
    assert (reading.state, observed(reading)) == (State.UP, {})


def test_a_good_answer_proves_nothing_and_one_question_asks_all() -> None:
    assert not SNMP_SBC.proves
    assert len(OIDS) == len(set(OIDS)) <= 16
    assert SNMP_SBC.check(Sbc(host="sbc")) is not None
