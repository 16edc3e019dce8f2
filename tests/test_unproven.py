"""A line that probes see in service, and of which nobody knows that a call goes through."""

from datetime import date, timedelta
from typing import Any

import pytest

from builders import site
from history import BLIND, SILENT, UP, History, probe, says
from resilience.model import Attestation
from resilience.reading import State

DAY = 86_400
T0 = 1_790_000_000.0
TODAY = date(2026, 9, 21)
"""The day of T0."""


def line(kind: str = "fallback-line", **fields: Any) -> History:
    return History(
        site({"pots": {"kind": kind, "probes": probe("pots", type="snmp-line"), **fields}}, {"lobby": ["pots"]})
    )


def checked(days_ago: int, *, passed: bool = True) -> Attestation:
    return Attestation(valid=180 * DAY * 1000, on=TODAY - timedelta(days_ago), by="J. Ortiz", passed=passed)


@pytest.mark.parametrize(
    ("attest", "state", "codes"),
    [
        (None, State.UP, set()),
        (checked(20), State.UP, set()),
        (checked(175), State.UP, {"attestation_due"}),
        (checked(182), State.DEGRADED, {"attestation_due", "line_unproven"}),
        (Attestation(valid=180 * DAY * 1000), State.DEGRADED, {"attestation_due", "line_unproven"}),
        (checked(20, passed=False), State.DOWN, {"line_out", "calling_unavailable", "path_down"}),
    ],
)
def test_a_line_in_service_is_degraded_once_its_check_has_run_out(
    attest: Attestation | None, state: State, codes: set[str]
) -> None:
    history = line(attest=attest)
    history.read(T0, {"pots": UP})
    assert history.state("pots", T0) is state
    assert {code for code, _ in history.codes()} - {"spof_design"} == codes


def test_it_closes_with_a_new_check_and_stays_open_while_nothing_is_seen() -> None:
    history = line(attest=checked(179))
    history.read(T0, {"pots": UP})
    assert ("line_unproven", "pots") not in {*history.codes()}
    later = T0 + 2 * DAY
    history.read(later, {"pots": UP})
    assert history.state("pots", later) is State.DEGRADED
    [finding] = [finding for finding in history.open if finding.code == "line_unproven"]
    assert finding.text == "pots is in service, and its last check of 2026-03-26 has expired"
    assert finding.severity == "info"
    renewed = line(attest=checked(-2))
    renewed.open, renewed.memory = history.open, history.memory
    assert renewed.state("pots", later) is State.UP
    assert ("line_unproven", "pots") not in {*renewed.codes()}


def test_a_weakness_that_the_probe_sees_is_told_beside_it() -> None:
    history = line(attest=checked(200))
    history.read(T0, {"pots": says(State.DEGRADED)})
    assert history.state("pots", T0) is State.DEGRADED
    history = line(attest=checked(200))
    history.read(T0, {"pots": SILENT})
    assert history.state("pots", T0) is State.DOWN
    assert ("line_unproven", "pots") not in {*history.codes()}
    history = line(attest=checked(200))
    history.read(T0, {"pots": BLIND})
    assert history.state("pots", T0) is State.UNKNOWN
    assert ("line_unproven", "pots") not in {*history.codes()}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("cellular", State.DEGRADED),
        ("satellite", State.DEGRADED),
        ("wan", State.DEGRADED),
        ("sip-trunk", State.UP),
        ("pbx", State.UP),
    ],
)
def test_what_stands_by_for_months_is_a_line(kind: str, state: State) -> None:
    history = line(kind, attest=checked(200))
    history.read(T0, {"pots": UP})
    assert history.state("pots", T0) is state
