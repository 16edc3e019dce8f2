"""The `nut` probe: what variables mean, a real upsd, hostile peers, TLS, and the simulator."""

import asyncio
import json
import re
import socket
import ssl
import subprocess
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

import peers
from conftest import Probe, clear
from probes.declared.nut import NUT, Nut
from probes.nut import probe
from probes.nut_variables import read
from probes.upsd import MAX_BYTES, AnswerReader, list_variables
from resilience.probing import Channels, Run, SecretMissing
from resilience.reading import Reading, Reason, State
from resilience.simulate.upsd import UpsdSimulator
from upsd_peer import Upsd, upsd

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # telnetlib
    from nut2 import PyNUTClient, PyNUTError


def seen(reading: Reading) -> dict[str, float]:
    return {observation.quantity: observation.value for observation in reading.observations}


CYBERPOWER = {"driver.name": "snmp-ups", "ups.mfr": "CYBERPOWER"}

# --- What the variables mean ----------------------------------------------------------------------------------

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN

STATUSES = {
    "OL": (UP, ""),
    "OL CHRG": (UP, ""),
    "OL DISCHRG": (UP, ""),
    "OL TRIM": (UP, ""),
    "OL BOOST": (UP, ""),
    "OL CHRG BOOST": (UP, ""),
    "OL HE": (UP, ""),
    "OL ECO SOMETHING-NEW": (UP, ""),
    "TRIM": (UP, ""),
    "BOOST": (UP, ""),
    "OB": (DEGRADED, "on battery"),
    "OB DISCHRG": (DEGRADED, "on battery"),
    "ALARM OB": (DEGRADED, "on battery; alarm: not named (ups.alarm is empty)"),
    "OB LB DISCHRG": (DEGRADED, "on battery; battery low"),
    "OB LB RB": (DEGRADED, "on battery; battery to be replaced; battery low"),
    "OB OVER": (DEGRADED, "on battery; overloaded"),
    "OL CHRG LB": (DEGRADED, "battery low"),
    "LB OL CHRG": (DEGRADED, "battery low"),
    "OL LB OVER RB BOOST": (DEGRADED, "battery to be replaced; battery low; overloaded"),
    "ALARM OL CHRG RB": (DEGRADED, "battery to be replaced; alarm: not named (ups.alarm is empty)"),
    "HB OL": (DEGRADED, "alarm: battery voltage too high (HB)"),
    "OL OVERHEAT": (DEGRADED, "alarm: too hot (OVERHEAT)"),
    "OL DEPLETED": (DEGRADED, "battery low"),
    "OL ACFAIL": (DEGRADED, "alarm: mains failure (ACFAIL)"),
    "OL CAL": (DEGRADED, "battery test running"),
    "OB CAL": (DEGRADED, "battery test running"),
    "OB TEST DISCHRG": (DEGRADED, "battery test running"),
    "OB LB CAL": (DEGRADED, "battery test running; battery low"),
    "FSD OL": (DEGRADED, "battery low; alarm: forced shutdown (FSD), latched until upsd restarts"),
    "FSD OB": (DEGRADED, "on battery; battery low; alarm: forced shutdown (FSD), latched until upsd restarts"),
    "OL BYPASS": (DEGRADED, "on bypass"),
    "OL CHRG BYPASS": (DEGRADED, "on bypass"),
    "BOOST BYPASS": (DEGRADED, "on bypass"),
    "BYPASS": (DEGRADED, "on bypass"),
    "OL BY": (DEGRADED, "on bypass"),
    "OL OB": (DEGRADED, "on battery; alarm: on line and on battery at once, taken as on battery"),
    "OL DISCHRG OB": (DEGRADED, "on battery; alarm: on line and on battery at once, taken as on battery"),
    "OFF": (DOWN, "the output is off (OFF)"),
    "OB OFF": (DOWN, "the output is off (OB OFF)"),
    "TRIM OFF": (DOWN, "the output is off (TRIM OFF)"),
    "OL OFF": (UNKNOWN, "ups.status: OL OFF (on line and off at once"),
    "OL CHRG OFF": (UNKNOWN, "ups.status: OL CHRG OFF (on line and off at once"),
    "OL CHRG TRIM OFF": (UNKNOWN, "on line and off at once"),
    "OFF BYPASS": (UNKNOWN, "on bypass and off at once"),
    "OB BYPASS": (UNKNOWN, "on battery and on bypass at once"),
    "OL OB OFF": (UNKNOWN, "on line and off at once"),
    "ALARM": (UNKNOWN, "ups.status: ALARM"),
    "CHRG": (UNKNOWN, "ups.status: CHRG"),
    "LB": (UNKNOWN, "ups.status: LB"),
    "TEST": (UNKNOWN, "ups.status: TEST"),
    "ONLINE": (UNKNOWN, "ups.status: ONLINE"),
    "": (UNKNOWN, "does not say what carries its load (ups.status: nothing)"),
    "WAIT": (UNKNOWN, "upsd has no reading from the driver yet (WAIT)"),
    "OL WAIT": (UNKNOWN, "upsd has no reading from the driver yet (WAIT)"),
    "OL COMMFAULT": (UNKNOWN, "COMMFAULT"),
}


@pytest.mark.parametrize(("status", "state", "text"), [(status, *said) for status, said in STATUSES.items()])
def test_each_status_says_what_the_table_says(status: str, state: State, text: str) -> None:
    reading = read({"ups.status": status})
    assert (reading.state, reading.reason) == (state, Reason.DEVICE if state is UNKNOWN else None)
    assert text in reading.text if state in (DOWN, UNKNOWN) else text == reading.text


def test_the_order_and_case_of_tokens_do_not_matter() -> None:
    for status in STATUSES:
        turned = " ".join(reversed(status.lower().split()))
        assert read({"ups.status": f"  {turned}  "}).state is read({"ups.status": status}).state


@pytest.mark.parametrize(
    ("status", "on_battery", "unprotected", "low", "testing"),
    [
        ("OL", 0, 0, 0, 0),
        ("OB", 1, 0, 0, 0),
        ("OL OB", 1, 0, 0, 0),
        ("OB LB", 1, 0, 1, 0),
        ("OB CAL", 0, 0, 0, 1),
        ("OL BYPASS", 0, 1, 0, 0),
        ("OL RB", 0, 1, 0, 0),
        ("FSD OL", 0, 0, 1, 0),
    ],
)
def test_each_status_is_observed(status: str, on_battery: int, unprotected: int, low: int, testing: int) -> None:
    values = seen(read({"ups.status": status}))
    assert values["ups_on_battery"] == on_battery
    assert values["ups_unprotected"] == unprotected
    assert values["ups_low_battery"] == low
    assert values["ups_testing"] == testing


def test_a_ups_that_does_not_say_what_carries_the_load_observes_no_status() -> None:
    assert seen(read({"ups.status": "OL OFF", "battery.runtime": "600"})) == {
        "ups_runtime_seconds": 600,
        "ups_runtime_credible": 1,
    }
    assert seen(read({"ups.status": "WAIT", "battery.runtime": "600"})) == {}


@pytest.mark.parametrize(
    ("runtime", "status", "more", "seconds", "why"),
    [
        ("2565", "OL", {}, 2565, ""),
        ("01406", "OB", {}, 1406, ""),
        (" 1080.00 ", "OL", {}, 1080, ""),
        ("0", "OB LB", {}, 0, ""),
        ("0.00", "FSD OB", {}, 0, ""),
        ("70680.00", "OB", {}, 70680, ""),
        ("", "OL", {}, None, ""),
        ("0", "OL", {}, None, "0 while the battery is not known to be empty"),
        ("0", "OB", {}, None, "0 while the battery is not known to be empty"),
        ("0", "OL LB", {}, None, "0 while the battery is not known to be empty"),
        ("00000", "OL", {}, None, "0 while the battery is not known to be empty"),
        ("-60.0", "OL", {}, None, "a negative runtime"),
        ("65535", "OB DISCHRG", {}, None, "65535: the number devices send for 'not available'"),
        ("3932100", "OL CHRG", {}, None, "3932100: the number devices send for 'not available'"),
        # snmp-ups makes it of 1092 min, which a card made of 65535 s.
        ("65520", "OL", {}, None, "65520: the number devices send for 'not available'"),
        ("32767", "OL", {}, None, "32767: the number devices send for 'not available'"),
        ("81983", "OL", {}, None, "81983: the number devices send for 'not available'"),
        ("4294967295", "OL", {}, None, "4294967295: the number devices send for 'not available'"),
        ("999999", "OL", {}, None, "longer than any office battery lasts"),
        ("999", "OL", {}, None, "999: the number devices send for 'not available'"),
        ("59940", "OL", {}, None, "59940: the number devices send for 'not available'"),
        ("133200.00", "OL", {**CYBERPOWER, "driver.version": "2.7.2"}, None, "a newer NUT does not"),
        ("133200.00", "OL", {**CYBERPOWER, "driver.version": "2.7.2-1-gabc"}, None, "a newer NUT does not"),
        ("2220.00", "OL", {**CYBERPOWER, "driver.version": "2.7.4.1"}, 2220, ""),
        ("2220.00", "OL", {**CYBERPOWER, "driver.version": "2.8.0", "ups.mfr": "APC"}, 2220, ""),
        ("2220.00", "OL", {**CYBERPOWER, "driver.version": "unknown"}, 2220, ""),
        ("36:00", "OL", {}, None, "36:00: not a number of seconds"),
        ("0 #COMMENT", "OL", {}, None, "not a number of seconds"),
        ("1e5", "OL", {}, None, "not a number of seconds"),
        ("nan", "OL", {}, None, "not a number of seconds"),
        ("inf", "OL", {}, None, "not a number of seconds"),
        ("1,080", "OL", {}, None, "not a number of seconds"),
        ("٣٠٠", "OL", {}, None, "not a number of seconds"),
        ("600", "OL", {"battery.charge": "0.00"}, None, "battery.charge says 0 at the same time"),
        ("600", "OB LB", {"battery.charge": "0"}, None, "battery.charge says 0 at the same time"),
    ],
)
def test_a_runtime_is_seconds_or_says_why_not(
    runtime: str, status: str, more: Mapping[str, str], seconds: float | None, why: str
) -> None:
    reading = read({"ups.status": status, "battery.runtime": runtime, **more})
    values = seen(reading)
    assert values.get("ups_runtime_seconds") == seconds
    assert values.get("ups_runtime_credible") == (1 if seconds is not None else 0 if why else None)
    said = [observation.text for observation in reading.observations if observation.quantity == "ups_runtime_credible"]
    assert all(text.startswith("battery.runtime says") and text.endswith(why) for text in said if text)
    assert any(said) == bool(why)


@pytest.mark.parametrize(
    ("variable", "value", "status", "quantity", "expected"),
    [
        ("battery.runtime.low", "120", "OL", "ups_runtime_low_seconds", 120),
        ("battery.runtime.low", "1800.00", "OL", "ups_runtime_low_seconds", 1800),
        ("battery.runtime.low", "2", "OL", "ups_runtime_low_seconds", None),
        ("battery.runtime.low", "0", "OB LB", "ups_runtime_low_seconds", None),
        ("battery.runtime.low", "65535", "OL", "ups_runtime_low_seconds", None),
        ("battery.runtime.low", "2:00", "OL", "ups_runtime_low_seconds", None),
        ("battery.charge", "93.7", "OL", "ups_charge_ratio", 0.937),
        ("battery.charge", "087", "OL", "ups_charge_ratio", 0.87),
        ("battery.charge", "255", "OL", "ups_charge_ratio", None),
        ("battery.charge", "-1", "OL", "ups_charge_ratio", None),
        ("battery.charge", "0.00", "OL", "ups_charge_ratio", None),
        ("battery.charge", "0", "OB", "ups_charge_ratio", None),
        ("battery.charge", "0", "OB LB", "ups_charge_ratio", 0),
        ("ups.load", "0", "OL", "ups_load_ratio", 0),
        ("ups.load", "104.2", "OL", "ups_load_ratio", 1.042),
        ("ups.load", "300.00", "OL", "ups_load_ratio", None),
        ("ups.load", "150.00", "OL", "ups_load_ratio", None),
        ("ups.load", "150.00", "OL OVER", "ups_load_ratio", 1.5),
        ("ups.load", "n/a", "OL", "ups_load_ratio", None),
    ],
)
def test_a_figure_out_of_range_is_dropped(
    variable: str, value: str, status: str, quantity: str, expected: float | None
) -> None:
    values = seen(read({"ups.status": status, variable: value}))
    assert values.get(quantity) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("variables", "text", "unprotected"),
    [
        ({"ups.alarm": "Replace battery!"}, "battery to be replaced; alarm: Replace battery!", 1),
        (
            {"ups.alarm": "Battery bad! Building alarm!"},
            "battery to be replaced; alarm: Battery bad! Building alarm!",
            1,
        ),
        ({"ups.alarm": "BATTERIES_DISCONNECTED"}, "no battery; alarm: BATTERIES_DISCONNECTED", 1),
        ({"ups.alarm": "No battery installed!"}, "no battery; alarm: No battery installed!", 1),
        ({"ups.alarm": "Battery not present"}, "no battery; alarm: Battery not present", 1),
        ({"ups.alarm": "BATTERY_CONTACTOR_OPEN"}, "no battery; alarm: BATTERY_CONTACTOR_OPEN", 1),
        ({"ups.alarm": "BATTERY_NEEDS_SERVICE"}, "battery to be replaced; alarm: BATTERY_NEEDS_SERVICE", 1),
        ({"ups.alarm": "Battery needs replacement"}, "battery to be replaced; alarm: Battery needs replacement", 1),
        ({"ups.alarm": "On bypass!"}, "on bypass; alarm: On bypass!", 1),
        ({"ups.alarm": "Manual bypass mode!"}, "on bypass; alarm: Manual bypass mode!", 1),
        ({"ups.alarm": "UPS_ON_BYPASS"}, "on bypass; alarm: UPS_ON_BYPASS", 1),
        ({"ups.alarm": "Bypass not available!"}, "alarm: Bypass not available!", 0),
        ({"ups.alarm": "SYNCING_TO_BYPASS"}, "alarm: SYNCING_TO_BYPASS", 0),
        ({"ups.alarm": "BATTERY_LOW"}, "battery low; alarm: BATTERY_LOW", 0),
        ({"ups.alarm": "BATTERY_GROUND_FAULT"}, "alarm: BATTERY_GROUND_FAULT", 0),
        ({"ups.alarm": "Battery charger fail!"}, "alarm: Battery charger fail!", 0),
        ({"ups.alarm": "Battery not charging"}, "alarm: Battery not charging", 0),
        ({"ups.alarm": "BATTERY_TEST_FAILED"}, "the last battery test failed; alarm: BATTERY_TEST_FAILED", 1),
        ({"ups.alarm": "Shutdown imminent!"}, "battery low; alarm: Shutdown imminent!", 0),
        ({"ups.alarm": "Fan\tfailure!\n"}, "alarm: Fan failure!", 0),
        ({"ups.alarm": "x" * 999}, f"alarm: {'x' * 200}", 0),
        ({"ups.alarm": ""}, "", 0),
        ({"ups.test.result": "Done and error"}, "the last battery test failed", 1),
        ({"ups.test.result": "Failed"}, "the last battery test failed", 1),
        ({"ups.test.result": "Bad battery"}, "the last battery test failed", 1),
        ({"ups.test.result": "BT"}, "the last battery test failed", 1),
        ({"ups.test.result": "Done and warning"}, "alarm: last battery test: Done and warning", 0),
        *(
            ({"ups.test.result": result}, "", 0)
            for result in ("Done and passed", "Ok", "No test initiated", "In progress", "Aborted", "NO", "0", "Unknown")
        ),
    ],
)
def test_alarms_and_tests_weaken_a_ups_on_line(variables: dict[str, str], text: str, unprotected: int) -> None:
    reading = read({"ups.status": "OL", "battery.runtime": "1476", **variables})
    assert (reading.state, reading.text) == (DEGRADED if text else UP, text)
    assert seen(reading)["ups_unprotected"] == unprotected


def test_a_test_result_in_progress_does_not_excuse_a_ups_on_battery() -> None:
    assert seen(read({"ups.status": "OB DISCHRG", "ups.test.result": "In progress"}))["ups_on_battery"] == 1


@pytest.mark.parametrize(
    ("maker", "driver", "on_battery"),
    [
        ("CPS", "usbhid-ups", 1),
        ("Cyber Power Systems", "usbhid-ups", 1),
        ("CPS", "powerpanel", 0),
        ("American Power Conversion", "usbhid-ups", 0),
    ],
)
def test_on_line_and_discharging_is_an_outage_where_a_maker_says_it_so(
    maker: str, driver: str, on_battery: int
) -> None:
    variables = {"ups.status": "OL DISCHRG", "battery.runtime": "900", "device.mfr": maker, "driver.name": driver}
    assert seen(read(variables))["ups_on_battery"] == on_battery


def test_an_alarm_of_the_bypass_does_not_make_an_outage_of_the_mains_undone() -> None:
    values = seen(read({"ups.status": "OB", "ups.alarm": "Bypass not available! On bypass!", "battery.runtime": "900"}))
    assert (values["ups_on_battery"], values["ups_runtime_seconds"]) == (1, 900)


def test_the_serial_number_is_told() -> None:
    reading = read({"ups.status": "OL", "device.serial": "G17F21001"})
    assert [seen.text for seen in reading.observations if seen.quantity == "ups_serial_info"] == ["G17F21001"]
    assert "ups_serial_info" not in seen(read({"ups.status": "OL", "ups.serial": "0000000000"}))


def test_on_battery_the_text_says_what_is_left() -> None:
    assert read({"ups.status": "OB", "battery.runtime": "1380"}).text == "on battery, 23 min reported"
    assert read({"ups.status": "OB LB", "battery.runtime": "0"}).text == "on battery, no runtime left; battery low"


@pytest.mark.parametrize("kind", ["pdu", "ats", "psu", " PDU "])
def test_what_has_no_battery_is_never_up(kind: str) -> None:
    reading = read({"ups.status": "OL", "device.type": kind})
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.NOT_OFFERED)
    assert reading.text == (
        f"this is a {kind.strip().lower()} (device.type), which has no battery: name the UPS that feeds it"
    )


# --- Settings -------------------------------------------------------------------------------------------------


def test_keys_that_need_each_other_are_checked() -> None:
    assert NUT.check(Nut(host="h", ups="mdf", user="u", password=clear("p"), tls=True, ca="ca.pem")) is None
    assert NUT.check(Nut(host="h", ups="mdf", password=clear("p"))) == "'password' is given without 'user'"
    assert NUT.check(Nut(host="h", ups="mdf", ca="ca.pem")) == "'ca' is of use only with 'tls: true'"


def test_settings_are_hashable_and_show_no_secret() -> None:
    settings = Nut(host="h", ups="mdf", user="u", password=clear("hunter2"))
    assert hash(settings) == hash(Nut(host="h", ups="mdf", user="u", password=clear("hunter2")))
    assert "hunter2" not in repr(settings)


def test_the_table_of_design_is_kept() -> None:
    assert (NUT.name, NUT.interval, NUT.timeout, NUT.confirm) == ("nut", 60_000, 5_000, 10_000)
    assert (NUT.fall, NUT.rise) == (2, 2)
    assert [name for name, known in NUT.fields.items() if known.required] == ["host", "ups"]


# --- A real upsd ----------------------------------------------------------------------------------------------

OUTAGE = "ups.status: OL\nTIMER 2\nups.status: OB DISCHRG\nTIMER 2\n"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upsd]:
    devices: dict[str, str | Mapping[str, str]] = {
        "healthy": {
            "ups.status": "OL CHRG",
            "battery.charge": "97",
            "battery.runtime": "2565",
            "battery.runtime.low": "120",
            "ups.load": "34.80",
        },
        "quoted": {"ups.status": "OL", "ups.id": r"say \"hi\" \\ \#1"},
        "killed": {"ups.status": "OL"},
        "frozen": {"ups.status": "OL"},
        "outage": OUTAGE,
    }
    with upsd(tmp_path_factory.mktemp("upsd"), devices, max_age=5) as running:
        running.freeze_driver("frozen")  # MAXAGE passes while other tests run
        yield running


def test_a_healthy_ups_is_up_with_its_figures(real: Upsd, run_probe: Probe) -> None:
    reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="healthy")
    assert (reading.state, reading.text) == (UP, "")
    assert seen(reading) == {
        "ups_on_battery": 0,
        "ups_unprotected": 0,
        "ups_replace_battery": 0,
        "ups_low_battery": 0,
        "ups_testing": 0,
        "ups_discharging": 0,
        "ups_runtime_seconds": 2565,
        "ups_runtime_credible": 1,
        "ups_runtime_low_seconds": 120,
        "ups_charge_ratio": 0.97,
        "ups_load_ratio": pytest.approx(0.348),
    }
    assert {observation.source for observation in reading.observations} == {
        "ups.status",
        "battery.runtime",
        "battery.runtime.low",
        "battery.charge",
        "ups.load",
    }


def test_a_user_and_a_password_are_taken(real: Upsd, run_probe: Probe) -> None:
    reading = run_probe(
        NUT, host="127.0.0.1", port=real.port, ups="healthy", user="monitor", password=clear('a "b" \\ #1')
    )
    assert reading.state is UP


def test_an_unknown_ups_is_named(real: Upsd, run_probe: Probe) -> None:
    reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="mfd")
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.DEVICE)
    assert reading.text == (
        "mfd at 127.0.0.1: upsd has no UPS of this name: compare 'ups' with the output of upsc -l (UNKNOWN-UPS)"
    )


def test_a_killed_driver_is_unknown(real: Upsd, run_probe: Probe) -> None:
    assert run_probe(NUT, host="127.0.0.1", port=real.port, ups="killed").state is UP
    real.kill_driver("killed")
    real.wait_for("killed", b"ERR ")
    reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="killed")
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.DEVICE, ())
    assert "the driver of this UPS does not run" in reading.text
    assert "DRIVER-NOT-CONNECTED" in reading.text


def test_an_outage_is_seen_and_its_end(real: Upsd, run_probe: Probe) -> None:
    def on_battery() -> bool:
        reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="outage")
        assert reading.state is (DEGRADED if seen(reading)["ups_on_battery"] else UP)
        return bool(seen(reading)["ups_on_battery"])

    peers.wait_until(lambda: not on_battery(), what="line")
    peers.wait_until(on_battery, what="the outage")
    peers.wait_until(lambda: not on_battery(), what="the end of the outage")


def test_a_driver_that_has_lost_its_ups_is_unknown(real: Upsd, run_probe: Probe) -> None:
    real.wait_for("frozen", b"ERR ")
    reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="frozen")
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.DEVICE, ())
    assert "the driver has lost the UPS" in reading.text
    assert "DATA-STALE" in reading.text


def test_a_upsd_without_tls_is_not_asked_in_clear(real: Upsd, run_probe: Probe) -> None:
    reading = run_probe(NUT, host="127.0.0.1", port=real.port, ups="healthy", tls=True)
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.TLS, ())
    assert "upsd offers no TLS" in reading.text
    assert "FEATURE-NOT-CONFIGURED" in reading.text


def our_table(port: int, ups: str) -> dict[str, str]:
    reader = AnswerReader(list_variables(ups))
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(list_variables(ups).wire)
        while (answer := reader.feed(connection.recv(65536))) is None:
            pass
    assert isinstance(answer, Mapping)
    return dict(answer)


def nut2_table(port: int, ups: str) -> dict[str, str]:
    with PyNUTClient(port=port) as client:
        return dict(client.list_vars(ups))


def test_nut2_reads_the_same_table(real: Upsd) -> None:
    ours = our_table(real.port, "healthy")
    assert ours["battery.runtime"] == "2565"
    assert ours == nut2_table(real.port, "healthy")
    with pytest.raises(PyNUTError, match="UNKNOWN-UPS"):
        nut2_table(real.port, "mfd")


def test_escaped_quotes_are_read_where_nut2_cuts_them_off(real: Upsd) -> None:
    assert our_table(real.port, "quoted")["ups.id"] == r'say "hi" \ #1'
    assert nut2_table(real.port, "quoted")["ups.id"] == "say \\"


# --- The published dumps --------------------------------------------------------------------------------------

NEVER_UP = {
    "APC__Back-UPS_XS_1200__newhidups__2.0.5__01.dev": DEGRADED,
    "APC__Back-UPS_XS_1200__usbhid-ups__2.2.0__01.dev": DEGRADED,
    "APC__Smart-UPS_3000_RM__apcsmart__2.0.1__01.dev": DEGRADED,
    "Eaton__5PX_2000__usbhid-ups__2.7.4__01.dev": DEGRADED,
    "Eaton__93PM__snmp-ups__2.7.4__02.dev": DEGRADED,
    "Eaton__EPDU_MI_38U-A__snmp-ups__2.7.4__01.dev": UNKNOWN,
    "Eaton__ePDU_MA_1P__snmp-ups__2.7.4__01.dev": UNKNOWN,
    "HP__R1500_G2__bcmxcp__2.4.1__01.dev": DEGRADED,
    "IVT__Solar_Controller_Device__ivtscd__2.4.1__01.dev": DEGRADED,
    "MGE_UPS_SYSTEMS__Pulsar_M_3000__newhidups__2.0.5__01.dev": UNKNOWN,
    "MGE_UPS_SYSTEMS__Pulsar_M_3000__usbhid-ups__2.2.1__01.dev": DEGRADED,
    "PiSupply__PiJuice_HAT__pijuice__2.8.0__02.dev": DEGRADED,
    "Plexus__500VA__megatec_usb__2.2.1__01.dev": DEGRADED,
    "Powerware__PW5110__bcmxcp_usb__2.6.3__02.dev": UNKNOWN,
    "Tripp_Lite__SMART500RT1U__tripplite_usb__2.7.2__01.dev": UNKNOWN,
    "Tripp_Lite__SU6000RT4U__usbhid-ups__2.1.0__01.dev": DEGRADED,
    "V7__UPS1RM2U1500-1E__blazer_usb__2.7.4__01.dev": UNKNOWN,
}
"""The dumps that are not of a healthy UPS on line. Every other one is up."""

REFUSED_RUNTIMES = {
    "Dell__UPS_RackTower_2700W_HV__usbhid-ups__2.7.4__01.dev": "the number devices send for 'not available'",
    "Eaton__93PM__snmp-ups__2.7.4__02.dev": "0 while the battery is not known to be empty",
}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Upsd, dict[str, dict[str, Any]]]]:
    """One upsd with every dump as a UPS, and by the UPS's name its entry of the manifest."""
    entries = json.loads(peers.shared("corpora", "manifest.json").read_text())["entries"]
    entries = [entry for entry in entries if entry["kind"] == "nut-dump"]
    known = {f"u{number:02}": entry for number, entry in enumerate(entries)}
    texts: dict[str, str | bytes | Mapping[str, str]] = {}
    for name, entry in known.items():
        text = peers.shared("corpora", *entry["file"].split("/")).read_bytes()
        # dummy-ups gives a variable without value that of the line before, and where there is no status says OL.
        text = re.sub(rb"^(?!ups\.status)[\w.]+:[ \t]*\n", b"", text, flags=re.MULTILINE)
        texts[name] = text if entry["expected"]["status_raw"] is not None else text + b"\nups.status:\n"
    with upsd(tmp_path_factory.mktemp("dumps"), texts) as running:
        yield running, known


def test_every_dump_is_read_as_published_or_refused_by_name(
    dumps: tuple[Upsd, dict[str, dict[str, Any]]], run_probe: Probe
) -> None:
    running, known = dumps
    counts: Counter[str] = Counter()
    for name, entry in known.items():
        file, expected = entry["file"].removeprefix("nut/"), entry["expected"]
        reading = run_probe(NUT, host="127.0.0.1", port=running.port, ups=name, timeout=20)
        values = seen(reading)
        assert reading.state is NEVER_UP.get(file, UP), file
        counts[f"state {reading.state}"] += 1
        if reading.reason is Reason.NOT_OFFERED:
            assert "has no battery" in reading.text
            assert values == {}
            counts["no UPS"] += 1
            continue
        refused = (seen for seen in reading.observations if seen.quantity == "ups_runtime_credible" and not seen.value)
        why = [seen.text for seen in refused]
        if file in REFUSED_RUNTIMES:
            assert values["ups_runtime_credible"] == 0, file
            assert "ups_runtime_seconds" not in values, file
            assert why[0].endswith(REFUSED_RUNTIMES[file])
        else:
            assert values.get("ups_runtime_seconds") == expected["runtime_s"], file
            assert why == [], file
        counts[f"runtime {'refused' if why else 'read' if expected['runtime_s'] is not None else 'not offered'}"] += 1
        for quantity, key, credible in (
            ("ups_runtime_low_seconds", "runtime_low_s", lambda low: low >= 10),
            ("ups_charge_ratio", "charge_pct", lambda charge: 0 < charge <= 100),
            ("ups_load_ratio", "load_pct", lambda load: 0 <= load <= 200),
        ):
            published = expected[key]
            scale = 1 if quantity.endswith("seconds") else 100
            wanted = None if published is None or not credible(published) else published / scale
            assert values.get(quantity) == (None if wanted is None else pytest.approx(wanted)), f"{file} {quantity}"
        if reading.state is not UNKNOWN:
            assert values["ups_on_battery"] == expected["on_battery"], file
            assert values["ups_low_battery"] == expected["low_battery"], file
            assert values["ups_replace_battery"] >= expected["replace_battery"], file
    print(*(f"{count:3} {what}" for what, count in sorted(counts.items())), sep="\n")  # noqa: T201
    assert counts == {
        "state up": 24,
        "state degraded": 11,
        "state unknown": 6,
        "no UPS": 2,
        "runtime read": 25,
        "runtime refused": 2,
        "runtime not offered": 12,
    }


def test_nut2_reads_the_same_tables_of_the_dumps(dumps: tuple[Upsd, dict[str, dict[str, Any]]]) -> None:
    running, known = dumps
    compared = 0
    for name in known:
        if b"\\" not in running.ask(f"LIST VAR {name}"):
            assert our_table(running.port, name) == nut2_table(running.port, name)
            compared += 1
    assert compared >= len(known) - 3


VARIABLES = [
    *("ups.status", "ups.alarm", "ups.load", "ups.test.result", "ups.mfr", "device.type", "driver.name"),
    *("driver.version", "battery.runtime", "battery.runtime.low", "battery.charge"),
]


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(VARIABLES),
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(["OL", "OB LB", "OB", "BYPASS OFF", "snmp-ups", "2.7.2", "CyberPower", "No battery!"]),
            st.floats().map(str),
            st.integers().map(str),
        ),
    )
)
def test_whatever_the_variables_say_becomes_values_within_bounds(variables: dict[str, str]) -> None:
    reading = read(variables)
    assert all(0 <= seen.value <= 72 * 3600 for seen in reading.observations)
    assert len(reading.text) < 1000


# --- Hostile peers --------------------------------------------------------------------------------------------

Script = Callable[[socket.socket], None]


@contextmanager
def answering(*scripts: Script) -> Iterator[int]:
    """A peer on a free port; the n-th connection is served by the n-th script, in a thread, and then closed."""

    def serve(listener: socket.socket) -> None:
        for script in scripts:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                with suppress(OSError):  # the probe hangs up on what it does not like
                    script(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def sending(answer: bytes, heard: list[bytes] | None = None) -> Script:
    """Hears one request, sends `answer`, and hears all the rest."""

    def script(connection: socket.socket) -> None:
        (heard if heard is not None else []).append(connection.recv(4096))
        connection.sendall(answer)
        until_closed(connection, heard)

    return script


def until_closed(connection: socket.socket, heard: list[bytes] | None = None) -> None:
    while chunk := connection.recv(65536):
        if heard is not None:
            heard.append(chunk)


def table(*lines: bytes, ups: bytes = b"mdf") -> bytes:
    return b"".join(line + b"\n" for line in (b"BEGIN LIST VAR " + ups, *lines, b"END LIST VAR " + ups))


HEALTHY = table(b'VAR mdf ups.status "OL"', b'VAR mdf battery.runtime "600"')


def test_only_what_is_needed_is_sent(run_probe: Probe) -> None:
    heard: list[bytes] = []
    with answering(sending(HEALTHY, heard)) as port:
        assert run_probe(NUT, host="127.0.0.1", port=port, ups="mdf").state is UP
    assert b"".join(heard) == b"LIST VAR mdf\nLOGOUT\n"


def test_a_password_goes_before_the_question_and_is_quoted(run_probe: Probe) -> None:
    heard: list[bytes] = []

    def script(connection: socket.socket) -> None:
        for answer in (b"OK\n", b"OK\n", HEALTHY):
            heard.append(connection.recv(4096))
            connection.sendall(answer)
        until_closed(connection, heard)

    with answering(script) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf", user="monitor", password=clear('s"3 x'))
    assert reading.state is UP
    assert heard == [b"USERNAME monitor\n", b'PASSWORD "s\\"3 x"\n', b"LIST VAR mdf\n", b"LOGOUT\n"]


HOSTILE = {
    "garbage": (b"\x00\xff\xfe\n", "not upsd's answer to LIST VAR"),
    "another service": (b"SSH-2.0-OpenSSH_9.2\r\n", "not upsd's answer to LIST VAR: b'SSH-2.0-OpenSSH_9.2"),
    "a list of another UPS": (HEALTHY.replace(b"mdf", b"idf"), "not upsd's answer"),
    "END of another list": (HEALTHY.replace(b"END LIST VAR mdf", b"END LIST VAR idf"), "not a variable of the list"),
    "a variable of another UPS": (table(b'VAR idf ups.status "OL"'), "a variable of another UPS"),
    "a variable twice": (table(b'VAR mdf ups.status "OL"', b'VAR mdf ups.status "OB"'), "a variable stands twice"),
    "more than was asked": (HEALTHY + b"ERR DATA-STALE\n", "more bytes after the answer"),
    "an endless line": (b"BEGIN LIST VAR mdf\n" + b"x" * 10_000_000, "a line of more than 4096 bytes"),
    "an endless list": (
        b"BEGIN LIST VAR mdf\n" + b"".join(b'VAR mdf x%d "%s"\n' % (n, b"y" * 2000) for n in range(5000)),
        f"an answer of more than {MAX_BYTES} bytes",
    ),
    "too many variables": (
        b"BEGIN LIST VAR mdf\n" + b"".join(b'VAR mdf x%d ""\n' % n for n in range(20_000)),
        "more than 5000 variables",
    ),
}


@pytest.mark.parametrize(("answer", "why"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_upsd_is_a_protocol_failure(answer: bytes, why: str, run_probe: Probe) -> None:
    with answering(sending(answer)) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.PROTOCOL, ())
    assert f"127.0.0.1 port {port}: what answers is not upsd: {why}" in reading.text
    assert len(reading.text) < 250


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b'VAR mdf ups.alarm "Caf\xe9"', "alarm: Café"),
        ('VAR mdf ups.alarm "Café"'.encode(), "alarm: Café"),
        (rb'VAR mdf ups.alarm "\"low\" \\ cell"', r'alarm: "low" \ cell'),
        (b'VAR mdf ups.alarm "\x00\x07\xff"', "alarm: ÿ"),
    ],
)
def test_any_bytes_in_a_value_are_shown_and_do_no_harm(answer: bytes, text: str, run_probe: Probe) -> None:
    with answering(sending(table(b'VAR mdf ups.status "OL"', answer))) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.text) == (DEGRADED, text)


@pytest.mark.parametrize("answer", [b"", b"BEGIN LIST VAR mdf\nVAR mdf ups.st", HEALTHY[:-18], HEALTHY[:-1]])
def test_a_peer_that_closes_early_is_named(answer: bytes, run_probe: Probe) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with answering(script) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.CLOSED, ())
    assert "closed before the answer to LIST VAR was complete" in reading.text


def test_a_reset_is_named(run_probe: Probe) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with answering(script) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.CLOSED)
    assert "reset by the peer" in reading.text


@pytest.mark.parametrize("answer", [b"", b"BEGIN LIST VAR mdf\n", HEALTHY[:-1]])
def test_a_peer_that_stalls_is_a_timeout(answer: bytes, run_probe: Probe) -> None:
    heard: list[bytes] = []
    with answering(sending(answer, heard)) as port:
        reading = run_probe(NUT, timeout=0.2, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.TIMEOUT, ())
    assert reading.text == f"127.0.0.1 port {port}: no answer to LIST VAR within 200 ms"
    assert b"".join(heard) == b"LIST VAR mdf\n"


def test_a_late_answer_is_never_taken_for_the_next(run_probe: Probe) -> None:
    heard: list[list[bytes]] = [[], []]

    def late(connection: socket.socket) -> None:
        until_closed(connection, heard[0])
        connection.sendall(HEALTHY)

    with answering(late, sending(table(b'VAR mdf ups.status "OB"'), heard[1])) as port:
        assert run_probe(NUT, timeout=0.2, host="127.0.0.1", port=port, ups="mdf").reason is Reason.TIMEOUT
        assert run_probe(NUT, host="127.0.0.1", port=port, ups="mdf").text == "on battery"
    assert heard == [[b"LIST VAR mdf\n"], [b"LIST VAR mdf\n", b"LOGOUT\n"]]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (b"ERR ACCESS-DENIED\n", Reason.AUTH),
        (b"ERR USERNAME-REQUIRED\n", Reason.AUTH),
        (b"ERR PASSWORD-REQUIRED\n", Reason.AUTH),
        (b"ERR INVALID-PASSWORD\n", Reason.AUTH),
        (b"ERR DATA-STALE\n", Reason.DEVICE),
        (b"ERR UNKNOWN-COMMAND\n", Reason.DEVICE),
        (b"ERR SOMETHING-NEW\n", Reason.DEVICE),
    ],
)
def test_each_refusal_has_its_reason_and_its_token(error: bytes, reason: Reason, run_probe: Probe) -> None:
    with answering(sending(error)) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf")
    assert (reading.state, reading.reason) == (UNKNOWN, reason)
    assert reading.text.endswith(f"({error.decode()[4:-1]})")


def test_a_refused_user_is_not_followed_by_the_password(run_probe: Probe) -> None:
    heard: list[bytes] = []
    with answering(sending(b"ERR ACCESS-DENIED\n", heard)) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf", user="monitor", password=clear("hunter2"))
    assert reading.reason is Reason.AUTH
    assert b"".join(heard) == b"USERNAME monitor\nLOGOUT\n"


def test_a_password_that_is_sent_back_is_not_shown(run_probe: Probe) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"OK\n")
        connection.sendall(b"unknown: " + connection.recv(4096))
        until_closed(connection)

    with answering(script) as port:
        reading = run_probe(NUT, host="127.0.0.1", port=port, ups="mdf", user="monitor", password=clear("hunter2"))
    assert reading.reason is Reason.PROTOCOL
    assert "not upsd's answer to PASSWORD" in reading.text
    assert "hunter2" not in repr(reading)


def test_a_refused_connection_says_nothing_of_the_ups(run_probe: Probe) -> None:
    reading = run_probe(NUT, host="127.0.0.1", port=peers.free_port(), ups="mdf")
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.REFUSED)
    assert "is upsd running" in reading.text


def test_a_name_that_does_not_resolve_is_named(run_probe: Probe) -> None:
    reading = run_probe(NUT, host="ups.invalid", ups="mdf")
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.RESOLVE)


def test_a_foreign_source_address_is_a_fault_of_the_file(run_probe: Probe) -> None:
    reading = run_probe(NUT, host="127.0.0.1", port=peers.free_port(), ups="mdf", source="192.0.2.1")
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.CONFIG)


def test_the_source_address_is_used(run_probe: Probe) -> None:
    came_from: list[str] = []

    def script(connection: socket.socket) -> None:
        came_from.append(connection.getpeername()[0])
        sending(HEALTHY)(connection)

    with answering(script) as port:
        assert run_probe(NUT, host="127.0.0.1", port=port, ups="mdf", source="127.0.0.9").state is UP
    assert came_from == ["127.0.0.9"]


def test_a_password_that_cannot_be_sent_or_read_is_a_fault_of_the_file(run_probe: Probe) -> None:
    secret = "hunter2\nLOGIN mdf"
    reading = run_probe(NUT, host="127.0.0.1", ups="mdf", user="monitor", password=clear(secret))
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.CONFIG)
    assert "hunter2" not in reading.text

    def missing(_: object) -> str:
        raise SecretMissing("no file ups-password in /run/secrets")

    settings = Nut(host="127.0.0.1", ups="mdf", user="monitor", password=clear("x"))
    reading = asyncio.run(probe(settings, Run(1, 1, Channels(), missing)))
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.CONFIG)
    assert reading.text == "no file ups-password in /run/secrets"


# --- TLS ------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority in `folder`: `ca.pem`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(_name("test authority"), self._key, ca=True)
        self.pem = folder / "ca.pem"
        self.pem.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        return key, self._signed(_name(host), key, alternative=x509.SubjectAlternativeName([x509.DNSName(host)]))

    def server(self, host: str) -> ssl.SSLContext:
        key, certificate = self.issue(host)
        path = self.folder / f"{host}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        alternative: x509.SubjectAlternativeName | None = None,
    ) -> x509.Certificate:
        today = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name("test authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))
            .not_valid_after(today + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if alternative:
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def starting_tls(context: ssl.SSLContext, inside: Script, heard: list[bytes]) -> Script:
    """Answers STARTTLS, and what the probe says inside goes to `inside`."""

    def script(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"OK STARTTLS\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            inside(secured)

    return script


def test_tls_is_started_verified_and_carries_everything_else(authority: Authority, run_probe: Probe) -> None:
    clear_text: list[bytes] = []
    inside: list[bytes] = []
    script = starting_tls(authority.server("localhost"), sending(HEALTHY, inside), clear_text)
    with answering(script) as port:
        reading = run_probe(NUT, host="localhost", port=port, ups="mdf", tls=True, ca=str(authority.pem))
    assert reading.state is UP
    assert clear_text == [b"STARTTLS\n"]
    assert b"".join(inside).startswith(b"LIST VAR mdf\n")


def test_a_large_table_comes_whole_through_tls(authority: Authority, run_probe: Probe) -> None:
    lines = [b'VAR mdf outlet.%d.desc "%s"' % (number, b"x" * 200) for number in range(4000)]
    answer = table(b'VAR mdf ups.status "OL"', *lines)
    script = starting_tls(authority.server("localhost"), sending(answer), [])
    with answering(script) as port:
        reading = run_probe(NUT, host="localhost", port=port, ups="mdf", tls=True, ca=str(authority.pem))
    assert reading.state is UP


@pytest.mark.parametrize(
    ("certified", "trusted", "why"),
    [("other.test", True, "Hostname mismatch"), ("localhost", False, "self-signed|unable to get local issuer")],
)
def test_a_certificate_that_does_not_fit_is_refused(
    certified: str, trusted: bool, why: str, authority: Authority, run_probe: Probe
) -> None:
    heard: list[bytes] = []
    script = starting_tls(authority.server(certified), sending(HEALTHY, heard), heard)
    ca = str(authority.pem) if trusted else ""
    with answering(script) as port:
        reading = run_probe(NUT, host="localhost", port=port, ups="mdf", tls=True, ca=ca)
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, Reason.TLS, ())
    assert "the certificate is not accepted" in reading.text
    assert any(word in reading.text for word in why.split("|"))
    assert heard == [b"STARTTLS\n"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"ERR FEATURE-NOT-SUPPORTED\n", Reason.TLS),
        (b"ERR UNKNOWN-COMMAND\n", Reason.TLS),
        (b"OK STARTTLS\nthis is no handshake\n", Reason.PROTOCOL),
        (b"OK STARTTLS\n" + HEALTHY, Reason.PROTOCOL),
        (b"HTTP/1.1 400 Bad Request\r\n", Reason.PROTOCOL),
    ],
)
def test_without_tls_nothing_more_is_said(answer: bytes, reason: Reason, run_probe: Probe) -> None:
    heard: list[bytes] = []
    with answering(sending(answer, heard)) as port:
        reading = run_probe(
            NUT, host="localhost", port=port, ups="mdf", tls=True, user="monitor", password=clear("hunter2")
        )
    assert (reading.state, reading.reason, reading.observations) == (UNKNOWN, reason, ())
    assert b"".join(heard) == b"STARTTLS\n"


@pytest.mark.parametrize("handshake", [b"", b"this is no handshake\n"], ids=["closed", "garbage"])
def test_a_handshake_that_fails_is_a_tls_failure(handshake: bytes, run_probe: Probe) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"OK STARTTLS\n")
        connection.recv(4096)
        connection.sendall(handshake)

    with answering(script) as port:
        reading = run_probe(NUT, host="localhost", port=port, ups="mdf", tls=True)
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.TLS)


def test_a_handshake_that_stalls_is_a_timeout(run_probe: Probe) -> None:
    with answering(sending(b"OK STARTTLS\n")) as port:
        reading = run_probe(NUT, timeout=0.2, host="localhost", port=port, ups="mdf", tls=True)
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.TIMEOUT)
    assert "no TLS handshake within" in reading.text


def test_a_ca_file_that_cannot_be_used_is_a_fault_of_the_file(tmp_path: Path, run_probe: Probe) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for path in (tmp_path / "absent.pem", empty):
        reading = run_probe(NUT, host="localhost", ups="mdf", tls=True, ca=str(path))
        assert (reading.state, reading.reason) == (UNKNOWN, Reason.CONFIG)
        assert str(path) in reading.text


def test_a_real_upsd_starts_tls(tmp_path: Path, authority: Authority, run_probe: Probe) -> None:
    certutil = peers.command("certutil", "libnss3-tools")
    pk12util = peers.command("pk12util", "libnss3-tools")
    key, certificate = authority.issue("localhost")
    (tmp_path / "key.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"upsd", key, certificate, [authority.certificate], serialization.BestAvailableEncryption(b"import")
        )
    )
    store = tmp_path / "nss"
    store.mkdir()
    subprocess.run([certutil, "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
    subprocess.run(
        [pk12util, "-i", tmp_path / "key.p12", "-d", f"sql:{store}", "-W", "import", "-K", ""],
        check=True,
        capture_output=True,
    )
    with upsd(tmp_path, {"mdf": {"ups.status": "OL"}}, extra=f'CERTPATH {store}\nCERTIDENT "upsd" ""\n') as running:
        settings = {"host": "localhost", "port": running.port, "ups": "mdf", "tls": True}
        assert run_probe(NUT, **settings, ca=str(authority.pem)).state is UP
        assert run_probe(NUT, **settings).reason is Reason.TLS


# --- The simulator --------------------------------------------------------------------------------------------


async def reading_of(port: int, ups: str, **more: Any) -> Reading:
    settings = Nut(host="127.0.0.1", port=port, ups=ups, **more)
    return await probe(settings, Run(5, 1, Channels(), lambda secret: secret.name))


async def upsc(port: int, *args: str) -> tuple[str, str]:
    """What NUT's own client prints, and what it complains of."""
    client = await asyncio.create_subprocess_exec(
        peers.command("upsc", "nut-client"), *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, complaints = await asyncio.wait_for(client.communicate(), 10)
    complaints = b"\n".join(line for line in complaints.splitlines() if b"SSL" not in line)
    return out.decode(), complaints.decode()


def test_the_simulator_is_read_by_the_probe_and_obeys() -> None:
    async def story() -> None:
        simulator = UpsdSimulator({"mdf": {"ups.status": "OL", "battery.runtime": "1380"}, "idf": {"ups.status": "OL"}})
        port = await simulator.start()
        try:
            assert (await reading_of(port, "mdf")).state is UP
            simulator.set("mdf", "ups.status", "OB DISCHRG")
            assert (await reading_of(port, "mdf")).text == "on battery, 23 min reported"
            assert (await reading_of(port, "idf", user="monitor", password=clear("a b"))).state is UP
            simulator.set("mdf", "ups.alarm", r'a "quoted" \ alarm')
            assert r'alarm: a "quoted" \ alarm' in (await reading_of(port, "mdf")).text
            simulator.fail("mdf", "DATA-STALE")
            assert "DATA-STALE" in (await reading_of(port, "mdf")).text
            assert (await reading_of(port, "idf")).state is UP
            simulator.fail("mdf", None)
            assert (await reading_of(port, "mdf")).state is DEGRADED
            assert "UNKNOWN-UPS" in (await reading_of(port, "attic")).text
            assert (await reading_of(port, "mdf", tls=True)).reason is Reason.TLS
        finally:
            await simulator.aclose()
        assert (await reading_of(port, "mdf")).reason is Reason.REFUSED

    asyncio.run(story())


def test_the_simulator_is_read_by_nuts_own_client() -> None:
    async def story() -> None:
        simulator = UpsdSimulator({"mdf": {"ups.status": "OL", "ups.id": r'a "b" \ c'}, "idf": {"ups.status": "OB"}})
        port = await simulator.start()
        try:
            assert await upsc(port, "-l", f"127.0.0.1:{port}") == ("mdf\nidf\n", "")
            assert await upsc(port, f"mdf@127.0.0.1:{port}") == ('ups.id: a "b" \\ c\nups.status: OL\n', "")
            assert await upsc(port, f"idf@127.0.0.1:{port}", "ups.status") == ("OB\n", "")
            assert await upsc(port, f"idf@127.0.0.1:{port}", "ups.load") == ("", "Error: Variable not supported by UPS")
            assert await upsc(port, f"attic@127.0.0.1:{port}") == ("", "Error: Unknown UPS")
            simulator.fail("mdf", "DRIVER-NOT-CONNECTED")
            assert await upsc(port, f"mdf@127.0.0.1:{port}") == ("", "Error: Driver not connected")
        finally:
            await simulator.aclose()

    asyncio.run(story())


def test_the_simulator_answers_as_upsd_does(real: Upsd) -> None:
    """The same lines to a real upsd and to the simulator: the same verdicts."""
    lines = [
        "NETVER",
        "GET VAR healthy ups.status",
        "GET VAR healthy nothing.such",
        "GET VAR attic ups.status",
        "GET VAR healthy",
        "LIST VAR attic",
        "LIST",
        "USERNAME monitor",
        "PASSWORD",
        "STARTTLS",
        "MELT DOWN",
        "LIST VAR healthy",
    ]
    theirs = {line: real.ask(line) for line in lines}

    async def story() -> dict[str, bytes]:
        simulator = UpsdSimulator({"healthy": our_table(real.port, "healthy")})
        port = await simulator.start()
        try:
            simulated = Upsd(port, {})
            return {line: await asyncio.to_thread(simulated.ask, line) for line in lines}
        finally:
            await simulator.aclose()

    assert asyncio.run(story()) == theirs
