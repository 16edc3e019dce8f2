"""The modemmanager probe: JSON of the documented shape, the real mmcli without a modem, one that misbehaves."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import peers
from probes.cellular import judge
from probes.declared.modemmanager import MODEMMANAGER, Modem
from probes.modem_table import MODEM
from probes.modemmanager import INDEX, LONGEST, NoModemJson, ask, values
from probes.snmp_rows import decode
from resilience.catalogue import QUANTITIES
from resilience.faults import Invalid, Report
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.yamltree import Mark, Scalar

# The shape of mmcli(1) 1.20: every value a text, "--" for none, lists of texts.
ATTACHED: dict[str, Any] = {
    "modem": {
        "3gpp": {
            "enabled-locks": ["fixed-dialing"],
            "eps": {"initial-bearer": {"dbus-path": "--"}, "ue-mode-operation": "csps-2"},
            "imei": "358000000000001",
            "operator-code": "310260",
            "operator-name": "Valley Mobile",
            "packet-service-state": "attached",
            "registration-state": "home",
        },
        "dbus-path": "/org/freedesktop/ModemManager1/Modem/0",
        "generic": {
            "access-technologies": ["lte", "5gnr"],
            "power-state": "on",
            "signal-quality": {"recent": "yes", "value": "61"},
            "sim": "/org/freedesktop/ModemManager1/SIM/0",
            "state": "connected",
            "state-failed-reason": "--",
            "unlock-required": "sim-pin2",
        },
    }
}
SIGNAL: dict[str, Any] = {
    "modem": {
        "signal": {
            "5g": {"error-rate": "--", "rsrp": "--", "rsrq": "--", "snr": "--"},
            "gsm": {"error-rate": "--", "rssi": "--"},
            "lte": {"error-rate": "--", "rsrp": "-96.00", "rsrq": "-9.50", "rssi": "-67.00", "snr": "12.40"},
            "refresh": {"rate": "10"},
        }
    }
}


def changed(**generic: str) -> dict[str, Any]:
    """ATTACHED with other values: `registration_state` and `packet_service_state` are of 3gpp, the rest is generic."""
    told: dict[str, Any] = json.loads(json.dumps(ATTACHED))
    for key, value in generic.items():
        part = "3gpp" if key in ("registration_state", "packet_service_state") else "generic"
        told["modem"][part][key.replace("_", "-")] = value
    return told


def read(told: dict[str, Any], signal: dict[str, Any] | None = None) -> Reading:
    found = values(json.dumps(told).encode()) | (values(json.dumps(signal).encode()) if signal else {})
    return judge(decode(MODEM, INDEX, found), roaming=False, least_rsrp=-105)


def test_a_modem_with_its_signal() -> None:
    reading = read(ATTACHED, SIGNAL)
    assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
    seen = {o.quantity: o.text if o.quantity.endswith("_info") else o.value for o in reading.observations}
    assert seen == {
        "cellular_rsrp_dbm": -96,
        "cellular_rsrq_db": -9.5,
        "cellular_sinr_db": 12.4,
        "cellular_rssi_dbm": -67,
        "cellular_registered": 1,
        "cellular_sim_ready": 1,
        "cellular_operator_info": "Valley Mobile",
        "cellular_technology_info": "lte, 5gnr",
    }
    assert "358000000000001" not in str(reading), "who the modem is, is not kept"


@pytest.mark.parametrize(
    ("told", "state", "text"),
    [
        (ATTACHED, State.UP, ""),
        (changed(state="registered"), State.UP, ""),
        (
            changed(state="failed", state_failed_reason="sim-missing", registration_state="--"),
            State.DOWN,
            "SIM missing",
        ),
        (changed(state="locked", unlock_required="sim-pin", registration_state="--"), State.DOWN, "lock sim-pin"),
        (changed(state="disabled", registration_state="--"), State.DOWN, "state disabled"),
        (changed(state="enabled", registration_state="idle"), State.DOWN, "registration idle"),
        (changed(state="searching", registration_state="searching"), State.DOWN, "searching"),
        (changed(state="enabled", registration_state="denied"), State.DOWN, "registration denied"),
        (changed(state="registered", registration_state="emergency-only"), State.DOWN, "emergency calls only"),
        (changed(registration_state="roaming"), State.DEGRADED, "registration roaming"),
        (changed(packet_service_state="detached"), State.DEGRADED, "packet service detached"),
        (changed(power_state="low"), State.DOWN, "power low"),
        (changed(state="initializing", registration_state="--"), State.UNKNOWN, "does not prove"),
        (changed(state="walking", registration_state="--"), State.UNKNOWN, "walking (not in its MIB)"),
    ],
)
def test_every_state_of_a_modem(told: dict[str, Any], state: State, text: str) -> None:
    reading = read(told)
    assert reading.state is state, reading.text
    assert text in reading.text
    assert bool(text) == bool(reading.text)


def test_a_signal_that_nobody_polls_is_absent_and_a_weak_one_is_told() -> None:
    empty = json.loads(json.dumps(SIGNAL).replace("-96.00", "--").replace("-9.50", "--").replace("-67.00", "--"))
    assert not [o for o in read(ATTACHED, empty).observations if o.unit]
    weak = json.loads(json.dumps(SIGNAL).replace("-96.00", "-118.00"))
    assert read(ATTACHED, weak).text == "weak signal: RSRP -118 dBm, under -105"


@pytest.mark.parametrize("printed", [b"", b"{", b"[]", b'{"modem": []}', b"[" * 100_000, b'{"sim": {}}', b"\xff"])
def test_what_is_no_modem_is_refused(printed: bytes) -> None:
    with pytest.raises(NoModemJson):
        values(printed)


ANY = some.recursive(
    some.one_of(some.none(), some.booleans(), some.floats(), some.text(max_size=20), some.sampled_from(["--", "home"])),
    lambda inner: some.one_of(some.lists(inner), some.dictionaries(some.text(max_size=8), inner)),
    max_leaves=20,
)


@given(told=some.dictionaries(some.sampled_from(["generic", "3gpp", "signal", "x"]), ANY))
def test_whatever_json_there_is_becomes_a_reading(told: dict[str, Any]) -> None:
    reading = read({"modem": told})
    assert reading.reason is None
    assert reading.text.isprintable()


def test_it_observes_what_the_catalogue_has() -> None:
    assert {row.quantity for row in (*MODEM.words, *MODEM.figures, *MODEM.names) if row.quantity} <= set(QUANTITIES)


# ---- mmcli ----


def asked(program: str, *, seconds: float = 5, modem: str = "any") -> Reading:
    async def once() -> Reading:
        channels = Channels()
        try:
            return await ask(program, Modem(modem=modem), Run(seconds, 0, channels, lambda secret: secret.name))
        finally:
            await channels.aclose()

    return asyncio.run(once())


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A D-Bus of its own, as a system bus for mmcli and ModemManager."""
    state = tmp_path_factory.mktemp("bus")
    socket = state / "bus"
    (state / "bus.conf").write_text(
        '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
        '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd"><busconfig><type>system</type>'
        f'<listen>unix:path={socket}</listen><policy context="default"><allow eavesdrop="true"/>'
        '<allow send_destination="*" eavesdrop="true"/>'
        '<allow own="*"/></policy></busconfig>'
    )
    daemon = peers.command("dbus-daemon", "dbus")
    with peers.process([daemon, f"--config-file={state / 'bus.conf'}", "--nofork"], log=state / "bus.log"):
        peers.wait_until(socket.exists, what="dbus-daemon")
        yield f"unix:path={socket}"


def test_the_real_mmcli_tells_what_is_missing(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mmcli = peers.command("mmcli", "modemmanager")
    manager = peers.command("ModemManager", "modemmanager")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'no-bus'}")
    no_bus = asked(mmcli)
    assert (no_bus.state, no_bus.reason) == (State.UNKNOWN, Reason.DEVICE)
    assert "couldn't get bus" in no_bus.text
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
    no_manager = asked(mmcli)
    assert (no_manager.state, no_manager.reason) == (State.UNKNOWN, Reason.DEVICE)
    assert "couldn't find the ModemManager process" in no_manager.text

    def manages() -> bool:
        return subprocess.run([mmcli, "-J", "-L"], capture_output=True, check=False).returncode == 0

    with peers.process([manager, "--test-no-udev"], log=tmp_path / "mm.log", env={"DBUS_SYSTEM_BUS_ADDRESS": bus}):
        peers.wait_until(manages, what="ModemManager")
        for modem in ("any", "0", "/org/freedesktop/ModemManager1/Modem/7"):
            gone = asked(mmcli, modem=modem)
            assert (gone.state, gone.reason) == (State.DOWN, Reason.DEVICE), gone.text
            assert "ModemManager has no such modem" in gone.text


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_mmcli_that_prints_a_modem(tmp_path: Path) -> None:
    (tmp_path / "modem").write_text(json.dumps(ATTACHED))
    (tmp_path / "signal").write_text(json.dumps(SIGNAL))
    told = f'echo "$@" >> {tmp_path}/asked; if [ "$3" = "" ]; then cat {tmp_path}/modem; else cat {tmp_path}/signal; fi'
    reading = asked(script(tmp_path / "mmcli", told), modem="3")
    assert (reading.state, len(reading.observations)) == (State.UP, 9)
    assert (tmp_path / "asked").read_text() == "-J --modem=3\n-J --modem=3 --signal-get\n"


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("exec sleep 60", State.UNKNOWN, Reason.TIMEOUT),
        ("exec sleep 60 1>&- 2>&-", State.UNKNOWN, Reason.TIMEOUT),
        (f"head -c {LONGEST * 40} /dev/zero", State.UNKNOWN, Reason.PROTOCOL),
        ("echo '{'", State.UNKNOWN, Reason.PROTOCOL),
        ("exit 3", State.UNKNOWN, Reason.DEVICE),
        ("printf 'error: \\033[31mno\\n' >&2; exit 1", State.UNKNOWN, Reason.DEVICE),
        ("kill -9 $$", State.UNKNOWN, Reason.DEVICE),
    ],
)
def test_an_mmcli_that_misbehaves(tmp_path: Path, text: str, state: State, reason: Reason) -> None:
    reading = asked(script(tmp_path / "mmcli", text), seconds=1)
    assert (reading.state, reading.reason) == (state, reason), reading.text
    assert reading.text.isprintable()


def test_a_machine_without_mmcli(tmp_path: Path) -> None:
    reading = asked(str(tmp_path / "mmcli"))
    assert reading.reason is Reason.CONFIG
    assert "Debian package modemmanager" in reading.text


@pytest.mark.parametrize("modem", ["-1", "--help", "a b", "x;y", "'"])
def test_a_modem_is_named_so_that_it_can_be_no_other_argument(modem: str) -> None:
    with pytest.raises(Invalid):
        MODEMMANAGER.fields["modem"].read(Scalar(modem, Mark("f", 1, 1)), "at", Report())
