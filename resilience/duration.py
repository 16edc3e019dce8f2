"""Durations: whole milliseconds inside, `30s 5m 2h 90d` in files, short words for people.

Integers keep sums exact (`a + b >= q` and `a >= q - b` agree); `math.inf` is "never ends".
"""

import math
import re

Ms = float
"""A duration or a moment after time 0 in whole milliseconds, or `math.inf`."""

FOREVER: Ms = math.inf

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"(\d{1,9})(\.\d{1,3})?(ms|s|m|h|d)", re.ASCII)
PATTERN = r"^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$"
"""The same grammar for JSON Schema."""

LONGEST = 36_500 * 86_400_000
"""A century: a moment of these centuries and a duration always add up to a moment that Python can hold."""


def parse_duration(text: str) -> int:
    """Milliseconds of `text`, such as `30s`, `1.5h` or `90d`; ValueError says what is wrong."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a duration; write a number and a unit, such as 30s, 5m, 2h or 90d")
    whole, fraction, unit = match.groups()
    parsed = round(float(whole + (fraction or "")) * _UNITS[unit])
    if parsed > LONGEST:
        raise ValueError(f"'{text}' is too long; {spoken(LONGEST)} is the most")
    return parsed


def seconds(duration: Ms) -> float | None:
    """`duration` in seconds for JSON: a whole number where it is one, None for "never ends"."""
    if duration == FOREVER:
        return None
    value = duration / 1000
    return int(value) if value.is_integer() else value


def spoken(duration: Ms) -> str:
    """`duration` for people: `at once`, `45 s`, `23 min`, `2 h 5 min`, `3 d 4 h`, `without end`."""
    if duration == FOREVER:
        return "without end"
    if duration <= 0:
        return "at once"
    if duration < 1000:
        return f"{duration:g} ms"
    total = int(duration // 1000)
    if total < 120:
        return f"{total} s"
    minutes = total // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
