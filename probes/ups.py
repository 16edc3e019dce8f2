"""What any UPS probe has to decide, whatever protocol it speaks: which figures are believed, and what they say.

Pure. The protocol modules turn a device's answer into `UpsFacts`; `judge` turns those into a reading.
Sentinels and traps are from real devices; the rules keep a missing or absurd figure from becoming a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from resilience.duration import spoken
from resilience.reading import Observation, Reading, Reason, State

RAW_SENTINELS = frozenset({32767, 65535, 2147483647, 4294967295})
"""All-ones of 15, 16, 31 and 32 bits: "not available", in whatever unit the object has."""

SECONDS_SENTINELS = frozenset(
    {999, 999 * 60, 9999, 99999, 81983, 65535, 65535 * 60, 65535 // 60 * 60, 2147483647 // 100, 4294967295 // 100}
)
"""The same after scaling, also by way of whole minutes (1092); a display's 999, 9999 (Phoenixtec) and 99999, and the
81983 of a Megatec driver."""

LONGEST_RUNTIME = 72 * 3600
"""Seconds. No office battery lasts longer at a load that matters; a DC plant that says so is not credited."""

SIBLINGS_AGREE = 60
"""Seconds by which two runtime objects of one device may differ: one of them counts whole minutes."""
SIBLINGS_AGREE_RATIO = 0.05
"""And by which share of the longer: they are not read at one moment. A Liebert APM says 72 and 74 min."""

LOW_LOAD = 0.1
"""Load under which a reported runtime says little about the load that an outage brings."""
LOW_CHARGE = 0.5
"""Charge under which a battery on line is weak: it has not recovered from an outage, or does not charge."""


class Output(StrEnum):
    """Where the load's power comes from."""

    LINE = "line"
    BATTERY = "battery"
    BYPASS = "bypass"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Figure:
    """A believed number in its base unit, and the OID or variable it was read from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A number the device gave and nobody should use: what it said, where, and why not."""

    raw: str
    source: str
    why: str

    def __str__(self) -> str:
        return f"{self.source} says {self.raw}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsFacts:
    """One device's answer, decoded. None is "not offered"; a flag is true only where the device says so."""

    output: Output
    output_source: str
    """OID or variable that `output` was read from."""
    output_text: str = ""
    """The device's own words, for people."""
    low_battery: bool = False
    replace: bool = False
    test_failed: bool = False
    no_battery: bool = False
    testing: bool = False
    overload: bool = False
    alarms: tuple[str, ...] = ()
    runtime: Figure | Refused | None = None
    runtime_low: Figure | None = None
    charge: Figure | None = None
    """0 to 1."""
    load: Figure | None = None
    """0 to 2, 1 is the rating."""
    serial: str = ""


def credible_runtime(raw: float, scale: float, source: str, *, draining: bool) -> Figure | Refused:
    """`raw` × `scale` seconds, or why not. `draining`: on battery and low, where 0 is an honest answer."""
    value = raw * scale
    if raw in RAW_SENTINELS or value in SECONDS_SENTINELS:
        return Refused(_plain(raw), source, "the number devices send for 'not available'")
    if value < 0:
        return Refused(_plain(raw), source, "a negative runtime")
    if value == 0 and not draining:
        return Refused(_plain(raw), source, "0 while the battery is not known to be empty")
    if value > LONGEST_RUNTIME:
        return Refused(_plain(raw), source, f"{spoken(value * 1000)} is longer than any office battery lasts")
    return Figure(value, source)


def _plain(number: float) -> str:
    return f"{number:.12g}"


def ratio(percent: float, source: str, *, most: float = 100) -> Figure | None:
    """`percent` from 0 to `most` as a ratio; anything else is dropped as absurd."""
    return Figure(percent / 100, source) if 0 <= percent <= most else None


def agreed_runtime(candidates: list[Figure | Refused]) -> Figure | Refused | None:
    """One runtime of several objects of one device, best resolution first.

    Siblings that differ by more than a minute and a twentieth are all refused: nobody knows which is right. Within
    that the shorter counts where they differ by more than rounding.
    """
    figures = [candidate for candidate in candidates if isinstance(candidate, Figure)]
    refused = [candidate for candidate in candidates if isinstance(candidate, Refused)]
    if not figures:
        return refused[0] if refused else None
    low, high = min(figure.value for figure in figures), max(figure.value for figure in figures)
    if high - low <= SIBLINGS_AGREE:
        return figures[0]
    if high - low > high * SIBLINGS_AGREE_RATIO:
        said = " and ".join(f"{_plain(figure.value)} s ({figure.source})" for figure in figures)
        return Refused(f"{_plain(low)} s", figures[0].source, f"its own objects disagree: {said}")
    return next(figure for figure in figures if figure.value == low)


_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{2,38}[A-Za-z0-9]")
_PLACEHOLDERS = frozenset({"unknown", "none", "null", "blank", "not set", "serial", "serialnumber", "default", "n.a."})


def serial_number(text: str) -> str:
    """`text` where it can be one device's number; empty for what makers put there before a UPS leaves the factory."""
    text = text.strip()
    plain = text.replace(" ", "").replace("-", "").lower()
    told = _SERIAL.fullmatch(text) and text.lower() not in _PLACEHOLDERS and plain not in "01234567890"
    # A Liebert has its owner's name there.
    return text if told and len(set(plain)) > 2 and any(map(str.isdigit, plain)) else ""


def judge(facts: UpsFacts) -> Reading:
    """The reading that `facts` amount to."""
    observations = tuple(_observations(facts))
    if facts.output is Output.UNKNOWN:
        text = f"the UPS does not say what carries its load ({facts.output_source}: {facts.output_text or 'nothing'})"
        return Reading(State.UNKNOWN, Reason.DEVICE, text, observations)
    if facts.output is Output.OFF:
        return Reading(State.DOWN, None, f"the output is off ({facts.output_text})", observations)
    weaknesses = list(_weaknesses(facts))
    return Reading(State.DEGRADED if weaknesses else State.UP, None, "; ".join(weaknesses), observations)


def _unprotected(facts: UpsFacts) -> str:
    """Why the battery would not carry the load, or nothing."""
    causes = [
        (facts.output is Output.BYPASS, "on bypass"),
        (facts.no_battery, "no battery"),
        (facts.replace, "battery to be replaced"),
        (facts.test_failed, "the last battery test failed"),
    ]
    return ", ".join(cause for applies, cause in causes if applies)


def _left(runtime: Figure | Refused | None) -> str:
    if not isinstance(runtime, Figure):
        return ""
    return f", {spoken(runtime.value * 1000)} reported" if runtime.value else ", no runtime left"


def _weaknesses(facts: UpsFacts) -> Iterator[str]:
    if facts.output is Output.BATTERY and not facts.testing:
        yield f"on battery{_left(facts.runtime)}"
    if facts.testing:
        yield "battery test running"
    if unprotected := _unprotected(facts):
        yield unprotected
    if facts.low_battery:
        yield "battery low"
    elif facts.output is Output.LINE and facts.charge is not None and facts.charge.value < LOW_CHARGE:
        yield f"battery charged to {facts.charge.value:.0%} only"
    if facts.overload:
        yield "overloaded"
    for alarm in facts.alarms:
        yield f"alarm: {alarm}"


def _caveat(facts: UpsFacts) -> str:
    """Why a believed runtime is better than the outage will be, or nothing."""
    if facts.load is None or facts.load.value >= LOW_LOAD:
        return ""
    return f"optimistic: told at a load of {facts.load.value:.0%}"


def _observations(facts: UpsFacts) -> Iterator[Observation]:
    source = facts.output_source
    if facts.output is not Output.UNKNOWN:
        on_battery = facts.output is Output.BATTERY and not facts.testing
        yield Observation("ups_on_battery", float(on_battery), source=source, text=facts.output_text)
        unprotected = _unprotected(facts)
        yield Observation("ups_unprotected", float(bool(unprotected)), source=source, text=unprotected)
        yield Observation("ups_replace_battery", float(facts.replace), source=source)
        yield Observation("ups_low_battery", float(facts.low_battery), source=source)
        yield Observation("ups_testing", float(facts.testing), source=source)
        yield Observation("ups_discharging", float(facts.output is Output.BATTERY), source=source)
    if isinstance(facts.runtime, Figure):
        yield Observation("ups_runtime_seconds", facts.runtime.value, "s", facts.runtime.source)
        yield Observation("ups_runtime_credible", 1.0, source=facts.runtime.source, text=_caveat(facts))
    elif isinstance(facts.runtime, Refused):
        yield Observation("ups_runtime_credible", 0.0, source=facts.runtime.source, text=str(facts.runtime))
    if facts.runtime_low is not None:
        yield Observation("ups_runtime_low_seconds", facts.runtime_low.value, "s", facts.runtime_low.source)
    if facts.charge is not None:
        yield Observation("ups_charge_ratio", facts.charge.value, source=facts.charge.source)
    if facts.load is not None:
        yield Observation("ups_load_ratio", facts.load.value, source=facts.load.source)
    if facts.serial:
        yield Observation("ups_serial_info", 1.0, text=facts.serial)
