"""The generator probe: profiles, what raw values mean, a real Modbus server, peers that lie, and SNMP."""

import asyncio
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import peers
import probes
import snmp_peer
from conftest import Probe, clear
from modbus_peer import controller, scripted
from probes.declared.generator import GENERATOR, Generator
from probes.declared.generator_profile import (
    FACT_FIELDS,
    SHIPPED,
    Profile,
    Row,
    parse_profile,
    shipped,
    shipped_profile,
)
from probes.generator import GeneratorFacts, decode, judge
from probes.modbus import Block, apart, blocks
from resilience.catalogue import QUANTITIES
from resilience.faults import Invalid, Report
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from resilience.sitefile import read_site

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN
NOW = 1_764_000_000.0
DAY = 86400


def seen(reading: Reading) -> dict[str, float]:
    return {observation.quantity: round(observation.value, 6) for observation in reading.observations}


# ---- profiles ----


def profile(text: str) -> Profile:
    return parse_profile(text.encode(), "own.yaml", Report())


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_profile_is_good_and_says_where_it_is_from(name: str) -> None:
    found = shipped_profile(name)
    assert found.title
    assert found.source
    assert {fact for fact, _ in found.facts} <= set(FACT_FIELDS)
    assert (SHIPPED / f"{name}.yaml").read_text().startswith("# ")


def test_every_profile_is_in_the_package() -> None:
    assert {"apc-xats", "dse-72-73-74", "dse-8000", "dse-71-66-60-45", "dse-4000", "himoinsa"} == set(shipped())


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("title: x\nfacts: {}", ["own.yaml:2:8: facts: is empty; at least one fact is wanted"]),
        ("title: x", ["own.yaml:1:1: 'facts' is missing (The facts it tells, each with its row)"]),
        ("facts: {auto: {bit: 1}}\ntitle: x", ["own.yaml:1:15: facts.auto.register: one of 'register' and 'oid'"]),
        (
            "title: x\nfacts:\n  auto: {register: 70000, bit: 1}",
            ["own.yaml:3:20: facts.auto.register: '70000' is not a whole number from 0 to 65535"],
        ),
        (
            "title: x\nfacts:\n  auto: {register: 1}",
            ["own.yaml:3:9: facts.auto.bit: one of 'bit', 'values' and 'above' is wanted"],
        ),
        (
            "title: x\nfacts:\n  fuel: {register: 1, bit: 3}",
            ["own.yaml:3:28: facts.fuel.bit: this fact is a number"],
        ),
        (
            "title: x\nfacts:\n  fuel: {register: 1, words: low-first}",
            ["own.yaml:3:30: facts.fuel.words: 'words' orders the two registers of 'width: 32'"],
        ),
        (
            "title: x\nfacts:\n  auto: {register: 1, bit: 16}",
            ["own.yaml:3:28: facts.auto.bit: 16 bits have the numbers 0 to 15"],
        ),
        (
            "title: x\nfacts:\n  auto: {register: 1, values: {1: yes}}",
            ["own.yaml:3:35: facts.auto.values.1: 'yes' is not one of true, false, unknown"],
        ),
        (
            "title: x\nfacts:\n  failed: {register: 1, nibbles: 3}",
            ["own.yaml:3:34: facts.failed.nibbles: 'nibbles' need 'values'", "one of 'bit', 'values' and 'above'"],
        ),
        (
            "title: x\nfacts:\n  auto: {oid: 1.3.6.1.4.1.1.0, bit: 0, function: 4}",
            ["facts.auto.function: 'function' is of registers, and this is an SNMP object"],
        ),
        (
            "title: x\nfacts:\n  auto: {oid: 1.3.6.1.4.1.1.0, bit: 0}",
            ["own.yaml:3:3: facts: 'auto' is told by 'register' with this 'protocol'"],
        ),
        ("title: x\nfacts:\n  oil: {register: 1}", ["own.yaml:3:3: facts.oil: unknown key 'oil'"]),
        ("title: x\nfacts:\n  auto: {register: 1, function: 6, bit: 1}", ["'6' is not one of 1, 2, 3, 4"]),
        ("title: [", ["own.yaml:2:1: not YAML"]),
    ],
)
def test_every_fault_of_a_profile_at_its_line(text: str, faults: list[str]) -> None:
    report = Report()
    with pytest.raises(Invalid):
        parse_profile(text.encode(), "own.yaml", report)
    told = [str(fault) for fault in report.faults]
    assert len(told) == len(faults), told
    for fault, line in zip(faults, told, strict=True):
        assert fault in line


OWN = """
title: ours
facts:
  auto: {register: 10, bit: 0}
  running: [{register: 10, bit: 1}, {register: 20, function: 4, above: 100}]
  failed: {register: 5, function: 2}
  fuel: {register: 30, scale: 0.1}
"""


def declared(text: str, folder: Path) -> list[str]:
    """The faults of a site file in `folder` whose generator has the probe `text`."""
    site = f"""\
site: hq
name: hq
owner: {{team: t}}
components:
  utility: {{kind: utility}}
  generator:
    kind: generator
    starts_within: 30s
    fuel: 24h
    probes: [{text}]
  phones: {{kind: phones, power: [utility, generator]}}
emergency_paths: [{{name: desk, tier: primary, needs: [phones], instructions: dial}}]
"""
    found = read_site(site.encode(), str(folder / "hq.yaml"), probes.registry())
    return [str(fault) for fault in found.faults]


def test_a_site_names_a_profile_or_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "bad.yaml").write_text("title: x\nfacts: {auto: {register: 1}}\n")
    assert declared("{type: generator, host: 127.0.0.1, profile: dse-8000}", tmp_path) == []
    assert declared("{type: generator, host: 127.0.0.1, profile: {file: own.yaml}}", tmp_path) == []
    (fault,) = declared("{type: generator, host: 127.0.0.1, profile: dse-800}", tmp_path)
    assert "did you mean 'dse-8000'?" in fault
    (fault,) = declared("{type: generator, host: 127.0.0.1, profile: {file: bad.yaml}}", tmp_path)
    assert fault.startswith(f"{tmp_path / 'bad.yaml'}:2:")
    (fault,) = declared("{type: generator, host: 127.0.0.1, profile: {file: none.yaml}}", tmp_path)
    assert "cannot be read: No such file" in fault
    for outside in ("/etc/passwd", "../own.yaml", "a/../../own.yaml"):
        (fault,) = declared(f"{{type: generator, host: 127.0.0.1, profile: {{file: {outside}}}}}", tmp_path)
        assert "stands beside the file that names it, or below" in fault
    (fault,) = declared("{type: generator, host: 127.0.0.1, profile: himoinsa}", tmp_path)
    assert "needs a 'community'" in fault
    (fault, *_) = declared("{type: generator, host: 127.0.0.1, profile: dse-8000, community: x}", tmp_path)
    assert "Modbus, which has no credentials" in fault or "in clear" in fault


# ---- what raw values mean ----

BOTH = "auto: [{register: 1, bit: 0}, {register: 2, bit: 0}]"
NIBBLES = "failed: {register: 1, nibbles: 2, values: {3: true, 4: true}}"
MODE = "auto: {register: 1, values: {0: false, 1: true, 9: unknown}}"


@pytest.mark.parametrize(
    ("row", "found", "fact", "value"),
    [
        (MODE, {(3, 1): 1}, "auto", True),
        (MODE, {(3, 1): 0}, "auto", False),
        (MODE, {(3, 1): 9}, "auto", None),
        (MODE, {(3, 1): 7}, "auto", None),
        (MODE, {(3, 1): 0xFFFF}, "auto", None),
        (MODE, {}, "auto", None),
        ("auto: {register: 1, bit: 15}", {(3, 1): 0x8001}, "auto", True),
        ("auto: {register: 1, bit: 0, never: [4]}", {(3, 1): 4}, "auto", None),
        ("auto: {register: 1, bit: 0}", {(3, 1): 0xFFFE}, "auto", False),
        ("auto: {register: 1, bit: 31, width: 32}", {(3, 1): 0x8000, (3, 2): 1}, "auto", True),
        ("running: {register: 1, function: 1}", {(1, 1): 1}, "running", True),
        ("running: {register: 1, function: 2}", {(2, 1): 0}, "running", False),
        ("running: [{register: 1, bit: 0}, {register: 2, above: 100}]", {(3, 1): 0, (3, 2): 1500}, "running", True),
        ("running: [{register: 1, bit: 0}, {register: 2, above: 100}]", {(3, 2): 50}, "running", False),
        ("running: [{register: 1, bit: 0}, {register: 2, above: 100}]", {(3, 1): 0xFFFF}, "running", None),
        (
            NIBBLES,
            {(3, 1): 0x2222, (3, 2): 0x2242},
            "failed",
            True,
        ),
        (
            NIBBLES,
            {(3, 1): 0x2222, (3, 2): 0xF10F},
            "failed",
            False,
        ),
        ("failed: {register: 1, nibbles: 2, values: {3: true}}", {(3, 1): 0x3333}, "failed", None),
        (BOTH, {(3, 1): 1, (3, 2): 1}, "auto", True),
        (BOTH, {(3, 1): 1, (3, 2): 0}, "auto", False),
        (BOTH, {(3, 1): 1}, "auto", None),
        (BOTH, {(3, 2): 0}, "auto", False),
        ("fuel: {register: 1}", {(3, 1): 73}, "fuel", 0.73),
        ("fuel: {register: 1, scale: 0.1}", {(3, 1): 735}, "fuel", 0.735),
        ("fuel: {register: 1}", {(3, 1): 0xFFFF}, "fuel", None),
        ("fuel: {register: 1}", {(3, 1): 101}, "fuel", None),
        ("fuel: {register: 1, never: [0]}", {(3, 1): 0}, "fuel", None),
        ("fuel: {register: 1, signed: true}", {(3, 1): 0xFFFE}, "fuel", None),
        ("start_battery: {register: 1, scale: 0.1}", {(3, 1): 247}, "start_battery", 24.7),
        ("start_battery: {register: 1, scale: 0.1}", {(3, 1): 0}, "start_battery", None),
        ("last_exercise: {register: 1, width: 32}", {(3, 1): 0x6924, (3, 2): 0x8000}, "last_exercise", 0x69248000),
        (
            "last_exercise: {register: 1, width: 32, words: low-first}",
            {(3, 1): 0x8000, (3, 2): 0x6924},
            "last_exercise",
            0x69248000,
        ),
        ("last_exercise: {register: 1, width: 32}", {(3, 1): 0xFFFF, (3, 2): 0xFFFF}, "last_exercise", None),
        ("last_exercise: {register: 1, width: 32}", {(3, 1): 0, (3, 2): 5}, "last_exercise", None),
    ],
)
def test_what_a_raw_value_says(row: str, found: Mapping[Any, int], fact: str, value: object) -> None:
    facts = decode(profile(f"title: x\nfacts: {{{row}}}"), found)
    assert getattr(facts, fact) == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_signed_value_is_below_zero() -> None:
    facts = decode(profile("title: x\nfacts: {running: {register: 1, signed: true, above: 0}}"), {(3, 1): 0xFFFE})
    assert facts.running is False


def test_what_cannot_be_is_named() -> None:
    facts = decode(profile("title: x\nfacts: {fuel: {register: 9}, " + MODE + "}"), {(3, 9): 240, (3, 1): 7})
    assert facts.doubts == (
        "fuel: register 9 (function 3) says 240, which cannot be",
        "auto: register 1 (function 3) says 7, which the profile does not list",
    )


GOOD = {"auto": True, "running": False, "failed": False, "fuel": 0.8, "start_battery": 26.4}


@pytest.mark.parametrize(
    ("facts", "state", "text"),
    [
        ({}, UP, ""),
        ({"auto": False}, DOWN, "neither running nor in automatic"),
        ({"auto": None}, UNKNOWN, "the controller does not say whether it is in automatic"),
        ({"running": True}, UP, ""),
        ({"running": True, "auto": None}, UP, ""),
        ({"running": True, "auto": False}, DEGRADED, "running, and not in automatic"),
        ({"running": None}, UP, ""),
        ({"failed": True}, DOWN, "the controller reports a failure to start or a shutdown"),
        ({"failed": True, "auto": None}, DOWN, "the controller reports a failure to start or a shutdown"),
        ({"failed": True, "running": True}, DEGRADED, "the controller reports an alarm"),
        ({"fuel": 0.24}, DEGRADED, "fuel at 24%"),
        ({"fuel": None, "start_battery": None}, UP, ""),
        ({"start_battery": 23.9}, DEGRADED, "start battery at 23.9 V"),
        ({"start_battery": 22.9}, DOWN, "start battery at 22.9 V, too low to crank"),
        ({"start_battery": 22.9, "running": True}, DEGRADED, "start battery at 22.9 V"),
        ({"last_exercise": NOW - 34 * DAY}, UP, ""),
        ({"last_exercise": NOW - 36 * DAY}, DEGRADED, "last ran 36 days ago"),
        ({"doubts": ("fuel: register 9 says 240, which cannot be",)}, DEGRADED, "which cannot be"),
    ],
)
def test_what_the_facts_say_of_the_generator(facts: dict[str, Any], state: State, text: str) -> None:
    reading = judge(GeneratorFacts(**{**GOOD, **facts}), "24", NOW)
    assert (reading.state, reading.reason) == (state, Reason.DEVICE if state is UNKNOWN else None)
    assert reading.text == "" if not text else text in reading.text
    assert set(seen(reading)) <= set(QUANTITIES)


@pytest.mark.parametrize(("volts", "weak"), [(13.6, False), (11.9, True), (17.0, True), (23.9, True), (25.2, False)])
def test_without_the_nominal_voltage_what_no_good_battery_has_is_weak(volts: float, weak: bool) -> None:
    reading = judge(GeneratorFacts(**{**GOOD, "start_battery": volts}), "", NOW)
    assert reading.state is (DEGRADED if weak else UP)


def test_questions_are_joined_only_where_registers_touch() -> None:
    assert blocks([(3, 772, 1), (3, 1029, 1), (3, 1027, 1), (3, 1028, 1), (4, 5, 2)]) == [
        Block(3, 772, 1),
        Block(3, 1027, 3),
        Block(4, 5, 2),
    ]
    assert blocks([(3, 1, 1), (3, 3, 1)]) == [Block(3, 1, 1), Block(3, 3, 1)]
    assert blocks([(3, 0, 90), (3, 90, 20)]) == [Block(3, 0, 90), Block(3, 90, 20)]
    assert blocks([(3, 1, 4), (3, 2, 1)]) == [Block(3, 1, 4)]
    assert apart(Block(3, 1, 2), [(3, 1, 1), (3, 2, 1), (4, 1, 1)]) == [Block(3, 1, 1), Block(3, 2, 1)]
    assert apart(Block(3, 1, 2), [(3, 1, 2)]) == []
    assert apart(Block(3, 1, 4), [(3, 1, 4), (3, 2, 1)]) == [Block(3, 2, 1)]


@settings(deadline=None)
@given(st.data())
def test_whatever_the_registers_hold_becomes_a_reading(data: st.DataObject) -> None:
    chosen = shipped_profile(data.draw(st.sampled_from(shipped())))
    addresses = [(row.function, (row.register or 0) + i) for row in chosen.rows for i in range(row.registers)]
    keys = st.sampled_from([row.oid for row in chosen.rows] if chosen.protocol == "snmp" else addresses)
    found = data.draw(st.dictionaries(keys, st.integers(0, 65535)))
    reading = judge(decode(chosen, found), data.draw(st.sampled_from(["", "12", "24"])), NOW)
    assert all(0 <= value <= 7_258_118_400 for value in seen(reading).values())
    assert len(reading.text) < 2000


@settings(deadline=None)
@given(st.text(max_size=400))
def test_whatever_a_profile_file_holds_it_is_one_or_its_faults_are_told(text: str) -> None:
    report = Report()
    try:
        assert parse_profile(text.encode(errors="replace"), "own.yaml", report).title
    except Invalid:
        assert report.faults


# ---- a real Modbus server ----

DSE: dict[int, int] = {772: 1, 1027: 73, 1029: 264, 1030: 0, 1044: 0, 1045: 0, 1408: 0} | {
    39425 + offset: 0x1111 for offset in range(39)
}


async def poll(port: int, chosen: Profile | None = None, seconds: float = 3, **more: Any) -> Reading:
    chosen = chosen or shipped_profile("dse-8000")
    declared = Generator(host="127.0.0.1", port=port, profile=chosen, battery="24", **more)
    channels = Channels()
    try:
        return await GENERATOR.probe(declared, Run(seconds, 1, channels, lambda secret: secret.name))
    finally:
        await channels.aclose()


def test_a_controller_through_its_states() -> None:
    async def go() -> None:
        async with controller(DSE) as dse:
            reading = await poll(dse.port)
            assert (reading.state, reading.text) == (UP, "")
            assert seen(reading) == {
                "generator_auto": 1,
                "generator_running": 0,
                "generator_failed": 0,
                "generator_on_load": 0,
                "generator_fuel_ratio": 0.73,
                "generator_start_battery_volts": 26.4,
            }
            dse.set(772, 0)
            assert (await poll(dse.port)).text == "neither running nor in automatic"
            dse.set(1408, 3)
            dse.set(1030, 1500)
            dse.set(1045, 320)
            running = await poll(dse.port)
            assert (running.state, running.text) == (DEGRADED, "running, and not in automatic")
            assert seen(running)["generator_on_load"] == 1
            dse.set(772, 1)
            assert (await poll(dse.port)).state is UP
            dse.set(1408, 5)
            dse.set(1030, 0)
            dse.set(39430, 0x1131)
            failed = await poll(dse.port)
            assert (failed.state, seen(failed)["generator_failed"]) == (DOWN, 1)
            dse.set(39430, 0x1121)  # a warning is none
            dse.set(1027, 12)
            low = await poll(dse.port)
            assert (low.state, low.text) == (DEGRADED, "fuel at 12%")
            dse.set(1027, 65535)
            assert "generator_fuel_ratio" not in seen(await poll(dse.port))
            assert dse.connections == 7  # one a reading

    asyncio.run(go())


def test_nothing_but_reading_is_ever_asked() -> None:
    text = OWN.replace("failed:", "on_load: {register: 7, function: 1}\n  failed:")

    async def go() -> set[int]:
        asked = set()
        async with controller({10: 1, 30: 500}, inputs={20: 0}, coils={7: 1}, discrete={5: 0}) as own:
            reading = await poll(own.port, profile(text))
            assert (reading.state, seen(reading)["generator_on_load"], seen(reading)["generator_fuel_ratio"]) == (
                UP,
                1,
                0.5,
            )
            asked |= set(own.asked)
        async with controller(DSE) as dse:
            for name in shipped():
                if shipped_profile(name).protocol == "modbus":
                    await poll(dse.port, shipped_profile(name))
            asked |= set(dse.asked)
        return asked

    assert asyncio.run(go()) == {1, 2, 3, 4}


def test_registers_that_a_controller_does_not_have_are_not_offered() -> None:
    async def go() -> None:
        without_fuel = {register: value for register, value in DSE.items() if register != 1027}
        async with controller(without_fuel) as dse:
            reading = await poll(dse.port)
            assert reading.state is UP
            assert "generator_fuel_ratio" not in seen(reading)
        async with controller({5: 1}) as stranger:
            reading = await poll(stranger.port)
            assert (reading.state, reading.reason) == (UNKNOWN, Reason.NOT_OFFERED)
            assert "has none of the registers of 'Deep Sea 8xxx'" in reading.text

    asyncio.run(go())


def test_a_register_that_is_not_there_takes_no_neighbour_with_it() -> None:
    chosen = profile(
        "title: x\nfacts: {auto: {register: 10, bit: 0}, fuel: {register: 11}, running: {register: 9, bit: 0}}"
    )

    async def go() -> None:
        async with controller({9: 0, 10: 1}) as own:
            reading = await poll(own.port, chosen)
            assert (reading.state, seen(reading)) == (UP, {"generator_auto": 1, "generator_running": 0})
            assert own.asked == [3, 3]  # the refused question and the third value never reach the registers

    asyncio.run(go())


def test_another_unit_does_not_answer() -> None:
    async def go() -> None:
        async with controller(DSE, unit=7) as dse:
            assert (await poll(dse.port, unit=7)).state is UP
            reading = await poll(dse.port, seconds=0.5)
            assert (reading.state, reading.observations) == (UNKNOWN, ())
            assert reading.reason in (Reason.TIMEOUT, Reason.DEVICE)

    asyncio.run(go())


def test_nobody_listens(run_probe: Probe) -> None:
    chosen = shipped_profile("dse-8000")
    reading = run_probe(GENERATOR, host="127.0.0.1", port=peers.free_port(), profile=chosen, timeout=1)
    assert (reading.state, reading.reason) == (UNKNOWN, Reason.REFUSED)


# ---- peers that lie ----


def answer(question: bytes, pdu: bytes, *, transaction: int | None = None, unit: int | None = None) -> bytes:
    number = int.from_bytes(question[:2]) if transaction is None else transaction
    return struct.pack(">HHHB", number, 0, len(pdu) + 1, question[6] if unit is None else unit) + pdu


def registers(question: bytes, *, function: int = 3, extra: int = 0) -> bytes:
    count = int.from_bytes(question[10:12]) + extra
    return bytes([function, count * 2]) + b"\0\1" * count


LIES = {
    "stalls": (lambda q: b"", Reason.TIMEOUT),
    "half an answer": (lambda q: answer(q, registers(q))[:9], Reason.TIMEOUT),
    "10 MB": (lambda q: b"\x55" * 10_000_000, Reason.TIMEOUT),
    "not Modbus": (lambda q: b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.TIMEOUT),
    "another transaction": (lambda q: answer(q, registers(q), transaction=4242), Reason.TIMEOUT),
    "transaction 0": (lambda q: answer(q, registers(q), transaction=0), Reason.PROTOCOL),
    "another unit": (lambda q: answer(q, registers(q), unit=9), Reason.TIMEOUT),
    "another function": (lambda q: answer(q, registers(q, function=4)), Reason.PROTOCOL),
    "one register more": (lambda q: answer(q, registers(q, extra=1)), Reason.PROTOCOL),
    "one register less": (lambda q: answer(q, registers(q, extra=-1)), Reason.PROTOCOL),
    "busy": (lambda q: answer(q, b"\x83\x06"), Reason.DEVICE),
    "gateway": (lambda q: answer(q, b"\x83\x0b"), Reason.DEVICE),
    "exception 99": (lambda q: answer(q, b"\x83\x63"), Reason.DEVICE),
    "no register at all": (lambda q: answer(q, b"\x83\x02"), Reason.NOT_OFFERED),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_peer_that_lies_makes_no_value(lie: str) -> None:
    reply, reason = LIES[lie]

    async def go() -> Reading:
        async def script(question: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(reply(question))

        async with scripted(script) as port:
            return await poll(port, profile("title: x\nfacts: {fuel: {register: 1}, auto: {register: 2, bit: 0}}"), 0.6)

    reading = asyncio.run(go())
    assert (reading.state, reading.observations) == (UNKNOWN, ())
    assert reading.reason in (reason, Reason.PROTOCOL if reason is Reason.TIMEOUT else reason), reading.text
    assert len(reading.text) < 400


def test_a_peer_that_closes_early_and_one_that_answers_late() -> None:
    chosen = profile("title: x\nfacts: {auto: {register: 2, bit: 0}}")

    async def go() -> None:
        async def closes(question: bytes, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with scripted(closes) as port:
            reading = await poll(port, chosen, 0.5)
            assert (reading.state, reading.observations) == (UNKNOWN, ())

        questions: list[bytes] = []

        async def late(question: bytes, writer: asyncio.StreamWriter) -> None:
            """The first question is left alone; a later one gets the answer to the first, then its own."""
            questions.append(question)
            if len(questions) > 1:
                writer.write(answer(questions[0], bytes([3, 2, 0, 0]), transaction=999))
                writer.write(answer(question, bytes([3, 2, 0, 1])))

        async with scripted(late) as port:
            assert (await poll(port, chosen, 0.4)).reason is Reason.TIMEOUT
            reading = await poll(port, chosen, 2)
            assert seen(reading).get("generator_auto", 1) == 1  # never the late answer's 0

    asyncio.run(go())


# ---- by SNMP ----

H = "1.3.6.1.4.1.41809.1"


def test_a_controller_by_snmp(tmp_path: Path, run_probe: Probe) -> None:
    records = tmp_path / "records"
    records.mkdir()
    (records / "still.snmprec").write_text(f"{H}.23.0|2|0\n{H}.26.0|2|0\n{H}.29.0|2|137\n")
    (records / "runs.snmprec").write_text(f"{H}.23.0|2|35\n{H}.26.0|2|1500\n{H}.29.0|2|280\n")
    (records / "router.snmprec").write_text("1.3.6.1.2.1.1.1.0|4|a router\n")
    chosen = shipped_profile("himoinsa")
    with snmp_peer.snmpsim(records, tmp_path / "state", first="still") as port:

        def ask(name: str) -> Reading:
            return run_probe(
                GENERATOR, host="127.0.0.1", port=port, profile=chosen, community=clear(name), battery="12", timeout=2
            )

        still = ask("still")
        assert (still.state, still.reason) == (UNKNOWN, Reason.DEVICE)
        assert seen(still) == {
            "generator_running": 0,
            "generator_on_load": 0,
            "generator_start_battery_volts": 13.7,
        }
        runs = ask("runs")
        assert (runs.state, seen(runs)["generator_on_load"]) == (UP, 1)
        assert ask("router").reason is Reason.NOT_OFFERED
        assert ask("nobody").reason is Reason.TIMEOUT


G, S2 = "1.3.6.1.4.1.318.1.1.18.1", "1.3.6.1.4.1.318.1.1.17.4.2.2.0"


def test_a_recorded_generator_behind_a_transfer_switch(tmp_path: Path, run_probe: Probe) -> None:
    with snmp_peer.snmpsim(peers.shared("corpora", "snmprec"), tmp_path, first="apc_smx750") as port:
        reading = run_probe(
            GENERATOR,
            host="127.0.0.1",
            port=port,
            profile=shipped_profile("apc-xats"),
            community=clear("apc_ats"),
            battery="12",
            timeout=10,
        )
    assert (reading.state, reading.text) == (UP, "")
    assert seen(reading) == {
        "generator_auto": 1,
        "generator_running": 0,
        "generator_failed": 0,
        "generator_on_load": 0,
        "generator_start_battery_volts": 14.1,
    }


@pytest.mark.parametrize(
    ("operational", "mode", "state", "text"),
    [
        (3, 3, UP, ""),
        (6, 3, UP, ""),
        (3, 2, DOWN, "neither running nor in automatic"),
        (9, 3, DOWN, "neither running nor in automatic"),
        (2, 3, DOWN, "neither running nor in automatic"),
        (8, 3, DOWN, "failure to start or a shutdown"),
        (10, 3, DOWN, "failure to start or a shutdown"),
        # The switch has lost its generator: "automatic" is from before.
        (1, 3, UNKNOWN, "does not say whether it is in automatic"),
        (11, 3, UNKNOWN, "does not say whether it is in automatic"),
        (12, 3, UNKNOWN, "18.1.2.2.0 says 12"),
        (3, 4, UNKNOWN, "18.1.2.3.0 says 4"),
        (6, 1, DEGRADED, "running, and not in automatic"),
    ],
)
def test_what_a_generator_behind_a_transfer_switch_says(operational: int, mode: int, state: State, text: str) -> None:
    found = {f"{G}.2.2.0": operational, f"{G}.2.3.0": mode, f"{G}.3.1.0": 136, S2: 1}
    reading = judge(decode(shipped_profile("apc-xats"), found), "12", NOW)
    assert (reading.state, text in reading.text) == (state, True), reading.text


def test_a_battery_that_a_transfer_switch_does_not_measure_is_no_weakness() -> None:
    facts = decode(shipped_profile("apc-xats"), {f"{G}.2.2.0": 3, f"{G}.2.3.0": 3, f"{G}.3.1.0": -1})
    assert (facts.start_battery, judge(facts, "12", NOW).text) == (None, "")


def test_the_settings_can_be_told_apart_and_hashed() -> None:
    one = Generator(host="a", profile=shipped_profile("dse-8000"))
    assert hash(one) == hash(Generator(host="a", profile=shipped_profile("dse-8000")))
    assert one != Generator(host="a", profile=shipped_profile("dse-4000"))
    assert Row(register=1).registers == 1
