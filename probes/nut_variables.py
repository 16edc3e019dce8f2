"""What the variables of one UPS in NUT mean, as `UpsFacts`. Pure: a table of text in, a reading out.

Tokens: NUT docs/new-drivers.txt "Status data", and those of single drivers. Variables: docs/nut-names.txt. What
real devices and drivers send instead: the dumps of NUT's device library. The judgement is `probes.ups`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from probes import upsd
from probes.ups import Figure, Output, Refused, UpsFacts, credible_runtime, judge, ratio, serial_number
from resilience.reading import Reading, Reason, failure

_NOT_A_UPS = frozenset({"pdu", "ats", "psu"})
"""Values of device.type with no battery behind them; some say OL none the less."""

_BLIND: Mapping[str, str] = {
    "WAIT": "upsd has no reading from the driver yet",
    "COMMFAULT": "the driver reports a fault of the UPS or on the way to it",
}
"""Tokens that make every other variable worthless."""

_OUTPUT: tuple[tuple[frozenset[str], Output, str], ...] = (
    (frozenset({"OB", "BYPASS"}), Output.UNKNOWN, "on battery and on bypass at once"),
    (frozenset({"OL", "OFF"}), Output.UNKNOWN, "on line and off at once, which some units always say"),
    (frozenset({"BYPASS", "OFF"}), Output.UNKNOWN, "on bypass and off at once"),
    (frozenset({"OFF"}), Output.OFF, ""),
    (frozenset({"BYPASS"}), Output.BYPASS, ""),
    (frozenset({"OL", "OB"}), Output.BATTERY, "on line and on battery at once, taken as on battery"),
    (frozenset({"OB"}), Output.BATTERY, ""),
    (frozenset({"OL"}), Output.LINE, ""),
    (frozenset({"TRIM"}), Output.LINE, ""),
    (frozenset({"BOOST"}), Output.LINE, ""),
)
"""The first row whose tokens are all there decides; the text names a contradiction.

OL with OFF is unknown, neither up nor down: dumps show it both on units that feed 7 A and on units that feed
nothing. Trimming or boosting needs mains, so either means on line even where OL is missing.
"""

_SYNONYMS = {"BY": "BYPASS"}

_FLAGS: Mapping[str, str] = {
    "LB": "low_battery",
    "FSD": "low_battery",
    "DEPLETED": "low_battery",
    "RB": "replace",
    "OVER": "overload",
    "CAL": "testing",
    "TEST": "testing",
}
"""Token → the flag of `UpsFacts` it sets. CHRG, DISCHRG, HE, ECO and tokens nobody knows set none."""

_ALARM_TOKENS: Mapping[str, str] = {
    "FSD": "forced shutdown (FSD), latched until upsd restarts",
    "HB": "battery voltage too high (HB)",
    "OVERHEAT": "too hot (OVERHEAT)",
    "ACFAIL": "mains failure (ACFAIL)",
}

_ALARM_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), flag)
    for words, flag in (
        (r"\bno[ _]batter", "no_battery"),
        (r"batter(y|ies)[ _](packs?[ _])?(disconnected|missing|removed|absent)", "no_battery"),
        (r"batter(y|ies)[ _]not[ _](present|installed|connected)", "no_battery"),
        (r"batter(y|ies)[ _](open|contactor[ _]open|breaker[ _]open|connector[ _]fail)", "no_battery"),
        (r"(replace|bad|change)[ _](the[ _])?batter|batter(y|ies)[ _](bad|fault|fail)", "replace"),
        (r"batter(y|ies)[ _]((must|should)[ _]be[ _]|needs?[ _])?(replac|service)", "replace"),
        (r"test[ _]fail", "test_failed"),
        (r"shutdown[ _]imminent|batter(y|ies)[ _](totally[ _])?(discharged|depleted)", "low_battery"),
        (r"batter(y|ies)[ _]low|low[ _]batter(y|ies)[ _]shutdown", "low_battery"),
    )
)
"""What `ups.alarm` says of the battery where the status has no token for it: usbhid-ups "No battery installed!",
bcmxcp "BATTERIES_DISCONNECTED" on a unit that goes on reporting 1,476 s, snmp-ups "Battery bad!"."""

_WAY = r"(maintenance|manual|automatic|static)[ _]"
_ON_BYPASS = re.compile(
    rf"(?<![a-z])on[ _]({_WAY})?bypass|{_WAY}bypass[ _]mode|bypass[ _]on(?![a-z])|temporary[ _]bypass", re.IGNORECASE
)
"""`ups.alarm` of a unit that is fed past itself, also while its status says OL: usbhid-ups "Manual bypass mode!",
bcmxcp "UPS_ON_BYPASS". "Bypass not available!" is none of these."""

_TEST_FAILED = re.compile(r"error|fail|bad|^(bt|ng)$", re.IGNORECASE)
"""`ups.test.result`; BT and NG are apcsmart's raw answers for too little capacity and for overload."""
_TEST_WARNED = re.compile(r"warning", re.IGNORECASE)

_LEAST_RUNTIME_LOW = 10
"""Seconds. Old snmp-ups drivers publish minutes here ("2", "3"): what is smaller is not known to be seconds."""

_MOST_LOAD_UNSAID = 1.2
"""A load beyond it that the status does not call an overload is one in tenths of a percent: 150 meant 15."""


class _Trap(NamedTuple):
    """Drivers whose runtime is plausible and wrong: by name, up to a version, for one maker's devices."""

    driver: str
    newest: tuple[int, ...]
    maker: re.Pattern[str]
    why: str


_CYBERPOWER = re.compile(r"cyber ?power|^cps$", re.IGNORECASE)

_TRAPS = (
    # A PR2200 gave 133,200 s for 2,220.
    _Trap(
        "snmp-ups",
        (2, 7, 2),
        _CYBERPOWER,
        "this driver, up to 2.7.2, counts CyberPower's runtime sixtyfold; a newer NUT does not",
    ),
)

_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,9})?", re.ASCII)


def read(variables: upsd.Variables) -> Reading:
    """The reading that one UPS's variables amount to. Pure."""
    kind = variables.get("device.type", "").strip().lower()
    if kind in _NOT_A_UPS:
        text = f"this is a {kind} (device.type), which has no battery: name the UPS that feeds it"
        return failure(Reason.NOT_OFFERED, text)
    tokens = frozenset(_SYNONYMS.get(word, word) for word in variables.get("ups.status", "").upper().split())
    for token in sorted(_BLIND.keys() & tokens):
        return failure(Reason.DEVICE, f"{_BLIND[token]} ({token})")
    return judge(_facts(variables, tokens))


def _facts(variables: upsd.Variables, tokens: frozenset[str]) -> UpsFacts:
    if {"OL", "DISCHRG"} <= tokens and _by_usb_from_cyberpower(variables):
        tokens |= {"OB"}
    output, contradiction = next(
        ((output, text) for wanted, output, text in _OUTPUT if wanted <= tokens), (Output.UNKNOWN, "")
    )
    status, alarm = _shown(variables, "ups.status"), _shown(variables, "ups.alarm")
    test = _shown(variables, "ups.test.result")
    if output is Output.LINE and _ON_BYPASS.search(alarm):
        output, contradiction = Output.BYPASS, "on bypass by its alarm"
    flags = {flag for token, flag in _FLAGS.items() if token in tokens}
    flags |= {flag for words, flag in _ALARM_WORDS if words.search(alarm)}
    if _TEST_FAILED.search(test):
        flags.add("test_failed")
    alarms = [contradiction] if output is Output.BATTERY and contradiction else []
    alarms += [text for token, text in _ALARM_TOKENS.items() if token in tokens]
    if alarm or "ALARM" in tokens:
        alarms.append(alarm or "not named (ups.alarm is empty)")
    if _TEST_WARNED.search(test):
        alarms.append(f"last battery test: {test}")
    draining = output is Output.BATTERY and "low_battery" in flags
    return UpsFacts(
        output=output,
        output_source="ups.status",
        output_text=f"{status} ({contradiction})" if contradiction else status,
        alarms=tuple(alarms),
        runtime=_runtime(variables, draining=draining),
        runtime_low=_runtime_low(variables),
        charge=_charge(variables, draining=draining),
        load=_load(variables, overload="overload" in flags),
        serial=serial_number(variables.get("ups.serial") or variables.get("device.serial", "")),
        **dict.fromkeys(flags, True),
    )


def _shown(variables: upsd.Variables, name: str) -> str:
    """A variable for people: one line, printable, short."""
    text = "".join(char if char.isprintable() else " " for char in variables.get(name, ""))
    return " ".join(text.split())[:200]


def _number(variables: upsd.Variables, name: str) -> float | None:
    text = variables.get(name, "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _runtime(variables: upsd.Variables, *, draining: bool) -> Figure | Refused | None:
    source = "battery.runtime"
    said = _shown(variables, source)
    if not said:
        return None
    seconds = _number(variables, source)
    if seconds is None:
        return Refused(said, source, "not a number of seconds")  # cpsups sent 36:00
    if trap := next((trap for trap in _TRAPS if _caught(trap, variables)), None):
        return Refused(said, source, trap.why)
    runtime = credible_runtime(seconds, 1, source, draining=draining)
    if isinstance(runtime, Figure) and seconds > 0 and _number(variables, "battery.charge") == 0:
        return Refused(said, source, "battery.charge says 0 at the same time")
    return runtime


def _caught(trap: _Trap, variables: upsd.Variables) -> bool:
    version = re.match(r"\d+(\.\d+)*", variables.get("driver.version", ""))
    return (
        variables.get("driver.name") == trap.driver
        and version is not None
        and tuple(map(int, version[0].split(".")))[:3] <= trap.newest
        and _made_by(trap.maker, variables)
    )


def _made_by(maker: re.Pattern[str], variables: upsd.Variables) -> bool:
    return any(maker.search(variables.get(name, "")) for name in ("ups.mfr", "device.mfr"))


def _by_usb_from_cyberpower(variables: upsd.Variables) -> bool:
    """Whose UT series says OL DISCHRG in an outage (usbhid-ups warns of it). An APC Back-UPS says it all day long."""
    return variables.get("driver.name") == "usbhid-ups" and _made_by(_CYBERPOWER, variables)


def _load(variables: upsd.Variables, *, overload: bool) -> Figure | None:
    load = _percent(variables, "ups.load", most=200)
    return None if load is not None and load.value > _MOST_LOAD_UNSAID and not overload else load


def _runtime_low(variables: upsd.Variables) -> Figure | None:
    source = "battery.runtime.low"
    seconds = _number(variables, source)
    if seconds is None or seconds < _LEAST_RUNTIME_LOW:
        return None
    low = credible_runtime(seconds, 1, source, draining=False)
    return low if isinstance(low, Figure) else None


def _charge(variables: upsd.Variables, *, draining: bool) -> Figure | None:
    """Dropped where it is 0 and the battery is not known to be empty: several drivers send 0 for "not known"."""
    charge = _percent(variables, "battery.charge", most=100)
    return None if charge is not None and charge.value == 0 and not draining else charge


def _percent(variables: upsd.Variables, name: str, *, most: float) -> Figure | None:
    percent = _number(variables, name)
    return None if percent is None else ratio(percent, name, most=most)
