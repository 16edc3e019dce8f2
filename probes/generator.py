"""The `generator` probe: what a generator's controller says, by the register map of its profile.

What may live here: what raw values amount to by a profile's rows, and what the facts say of the generator. Pure but
for `probe`. Nothing is ever written to a controller.

Why not in automatic is down: it is the commonest cause of a generator that did not start. Starter batteries: rule
of thumb for lead-acid at rest, 12.0 V nearly empty, under 11.5 V it does not crank. Exercise: NFPA 110 §8.4.2 asks
for one a month.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from probes.declared.generator import MODBUS_PORT, SNMP_PORT, Generator
from probes.declared.generator_profile import TRUTHS, UNIMPLEMENTED, Profile, Row
from probes.modbus import ModbusFailure, Registers, read_registers
from probes.snmp import SnmpFailure, Value, open_session
from probes.snmp_known import number
from resilience.probing import Run, SecretMissing
from resilience.reading import Observation, Reading, Reason, State, failure

FUEL_RESERVE = 0.25
"""Share of a tank under which the generator is degraded; a delivery is due from half a tank on."""

WEAK_CELL, FLAT_CELL = 2.0, 11.5 / 6
"""Volts a cell of a lead-acid battery at rest: nearly empty, and too empty to crank."""

EXERCISE_DUE = 35 * 86400
"""Seconds: a month and some days of grace."""

Raw = Mapping[tuple[int, int] | str, int | float]
"""What was read, by (function, register) or by OID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorFacts:
    """One controller's answer, decoded. None is "not offered" or "cannot tell"; `doubts` says which and why."""

    auto: bool | None = None
    running: bool | None = None
    failed: bool | None = None
    on_load: bool | None = None
    fuel: float | None = None
    """0 to 1."""
    start_battery: float | None = None
    """V."""
    last_exercise: float | None = None
    """Seconds since 1970."""
    doubts: tuple[str, ...] = ()
    sources: Mapping[str, str] | None = None


def place(row: Row) -> str:
    """Where a row stands, for people and for the source of an observation."""
    return row.oid or f"register {row.register} (function {row.function})"


def raw_of(row: Row, found: Raw) -> int | float | None:
    """The raw value of a row that is one number, unsigned as it was sent; None where it is not offered."""
    if row.oid:
        return found.get(row.oid)
    first = row.register or 0
    words = [found.get((row.function, first + offset)) for offset in range(row.registers)]
    if any(word is None for word in words):
        return None
    whole = [int(word) for word in words if word is not None]
    if row.low_first:
        whole.reverse()
    value = 0
    for word in whole:
        value = value << 16 | word
    return value


def _absent(row: Row, raw: float) -> bool:
    never = row.never or (UNIMPLEMENTED[row.width] if row.function in (3, 4) and not row.oid else ())
    return raw in never


def _scaled(row: Row, raw: float) -> float:
    if row.signed and raw >= 1 << (row.width - 1):
        raw -= 1 << row.width
    return raw * row.scale


def truth(row: Row, found: Raw) -> tuple[bool | None, str]:
    """What `row` says; None where it is not offered, and with a doubt where it is and cannot tell."""
    if row.nibbles:
        return _any_nibble(row, found)
    raw = raw_of(row, found)
    if raw is None:
        return None, ""
    if _absent(row, raw):
        return None, ""
    if row.bit is not None:
        return bool(int(raw) >> row.bit & 1), ""
    if row.above is not None:
        return _scaled(row, raw) > row.above, ""
    if not row.values:  # a coil or a discrete input
        return bool(raw), ""
    says = dict(row.values)
    if raw not in says:
        return None, f"{place(row)} says {raw:g}, which the profile does not list"
    return says[int(raw)], "" if says[int(raw)] is not None else f"{place(row)} says {raw:g}"


def _any_nibble(row: Row, found: Raw) -> tuple[bool | None, str]:
    says = dict(row.values)
    words = [found.get((row.function, (row.register or 0) + offset)) for offset in range(row.nibbles)]
    if any(word is None for word in words):
        return None, ""
    nibbles = {int(word) >> shift & 15 for word in words if word is not None for shift in (0, 4, 8, 12)}
    return any(says.get(nibble) for nibble in nibbles), ""


def measured(row: Row, found: Raw) -> float | None:
    """The scaled value of `row`; None where it is not offered, or is the number for that."""
    raw = raw_of(row, found)
    if raw is None:
        return None
    return None if _absent(row, raw) else _scaled(row, raw)


PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "fuel": (0, 100),
    "start_battery": (1, 40),
    "last_exercise": (946_684_800, 7_258_118_400),
}
"""What each measure can be, in the profile's units: percent, volts, seconds from 2000 to 2200."""


def decode(profile: Profile, found: Raw) -> GeneratorFacts:
    """What the values `found` amount to by `profile`."""
    facts: dict[str, bool | float] = {}
    doubts: list[str] = []
    sources: dict[str, str] = {}
    for fact, rows in profile.facts:
        told = _of_truths(fact, rows, found) if fact in TRUTHS else _of_measure(fact, rows[0], found)
        doubts += [f"{fact}: {told}"] if isinstance(told, str) and told else []
        if not isinstance(told, str):
            row, facts[fact] = told
            sources[fact] = place(row)
    return GeneratorFacts(**facts, doubts=tuple(doubts), sources=sources)  # type: ignore[arg-type]


def _of_truths(fact: str, rows: tuple[Row, ...], found: Raw) -> tuple[Row, bool] | str:
    """The row that decides and what it says, or why none does.

    Of several rows one that says so is enough, but for `auto`: a controller starts the engine only where all hold.
    """
    said = [(row, *truth(row, found)) for row in rows]
    known = [(row, value) for row, value, _ in said if value is not None]
    doubts = "; ".join(doubt for _, _, doubt in said if doubt)
    if fact == "auto":
        worst = min(known, key=lambda pair: pair[1], default=None)
        undecided = len(known) < len(rows) and (worst is None or worst[1])
        return doubts if worst is None or undecided else worst
    return max(known, key=lambda pair: pair[1]) if known else doubts


def _of_measure(fact: str, row: Row, found: Raw) -> tuple[Row, float] | str:
    value = measured(row, found)
    if value is None:
        return ""
    least, most = PLAUSIBLE[fact]
    if not least <= value <= most:
        return f"{place(row)} says {value:.12g}, which cannot be"
    return row, value / 100 if fact == "fuel" else value


def judge(facts: GeneratorFacts, battery: str, now: float) -> Reading:
    """The reading that `facts` amount to; `battery` is its starter's in volts, `now` in seconds since 1970."""
    observations = tuple(_observations(facts))
    doubts = "; ".join(facts.doubts)
    if not facts.running and (down := "; ".join(_down(facts, battery))):
        return Reading(State.DOWN, None, down, observations)
    if not facts.running and facts.auto is None:
        text = "the controller does not say whether it is in automatic" + (f" ({doubts})" if doubts else "")
        return Reading(State.UNKNOWN, Reason.DEVICE, text, observations)
    weaknesses = list(_weaknesses(facts, battery, now))
    return Reading(State.DEGRADED if weaknesses else State.UP, None, "; ".join(weaknesses), observations)


def _down(facts: GeneratorFacts, battery: str) -> Iterator[str]:
    """Why a generator that stands still would not start."""
    if facts.failed:
        yield "the controller reports a failure to start or a shutdown"
    if facts.auto is False:
        yield "neither running nor in automatic"
    if facts.start_battery is not None and battery and facts.start_battery < FLAT_CELL * int(battery) / 2:
        yield f"start battery at {facts.start_battery:.1f} V, too low to crank"


def _weaknesses(facts: GeneratorFacts, battery: str, now: float) -> Iterator[str]:
    if facts.running and facts.failed:
        yield "the controller reports an alarm"
    if facts.running and facts.auto is False:
        yield "running, and not in automatic"
    if facts.fuel is not None and facts.fuel < FUEL_RESERVE:
        yield f"fuel at {facts.fuel:.0%}"
    if facts.start_battery is not None and (weak := _weak_battery(facts.start_battery, battery)):
        yield weak
    if facts.last_exercise is not None and now - facts.last_exercise > EXERCISE_DUE:
        yield f"last ran {(now - facts.last_exercise) / 86400:.0f} days ago; an exercise a month is usual"
    yield from facts.doubts


def _weak_battery(volts: float, battery: str) -> str:
    if battery:
        return f"start battery at {volts:.1f} V" if volts < WEAK_CELL * int(battery) / 2 else ""
    # Not told which it is: what no charged 12 V battery and no charged 24 V battery has is weak.
    if volts < WEAK_CELL * 6 or 16 < volts < WEAK_CELL * 12:
        return f"start battery at {volts:.1f} V, low for one of 12 V and for one of 24 V"
    return ""


_QUANTITIES = {
    "auto": ("generator_auto", ""),
    "running": ("generator_running", ""),
    "failed": ("generator_failed", ""),
    "on_load": ("generator_on_load", ""),
    "fuel": ("generator_fuel_ratio", ""),
    "start_battery": ("generator_start_battery_volts", "V"),
    "last_exercise": ("generator_last_exercise_timestamp_seconds", "s"),
}


def _observations(facts: GeneratorFacts) -> Iterator[Observation]:
    for fact, (quantity, unit) in _QUANTITIES.items():
        value = getattr(facts, fact)
        if value is not None:
            yield Observation(quantity, float(value), unit, (facts.sources or {}).get(fact, ""))


async def _by_modbus(settings: Generator, run: Run) -> Raw:
    wanted = [(row.function, row.register or 0, row.registers) for row in settings.profile.rows]
    registers: Registers = await read_registers(
        settings.host,
        settings.port or MODBUS_PORT,
        settings.unit,
        wanted,
        patience=run.timeout,
        source=settings.source,
    )
    return dict(registers.items())


async def _by_snmp(settings: Generator, run: Run) -> Raw:
    session = await open_session(replace(settings, port=settings.port or SNMP_PORT), run)
    found: dict[str, Value] = await session.get([row.oid for row in settings.profile.rows])
    return {oid: value for oid, raw in found.items() if (value := number(raw)) is not None}


async def probe(settings: Generator, run: Run) -> Reading:
    try:
        found = await (_by_snmp if settings.profile.protocol == "snmp" else _by_modbus)(settings, run)
    except SecretMissing as missing:
        return failure(Reason.CONFIG, str(missing))
    except (SnmpFailure, ModbusFailure) as silent:
        return failure(silent.reason, silent.text)
    if not found:
        text = f"the controller answers and has none of the registers of '{settings.profile.title}'"
        return failure(Reason.NOT_OFFERED, text)
    return judge(decode(settings.profile, found), settings.battery, time.time())
