"""How much signal a modem needs, and the reading that what it tells amounts to. Pure; whoever it was read by."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from probes.cellular_families import ROAMING, RSRP, RSRQ, RSSI, SINR
from probes.snmp_rows import Told, spoken_values, verdict
from resilience.reading import Observation, Reading, State

WEAK: Mapping[str, tuple[float, str]] = {
    RSRQ: (-15, "RSRQ"),
    SINR: (0, "SINR"),
}
"""dB below which quality is poor, whatever the strength."""

LEAST_RSSI = -85
"""dBm; counts only where the modem tells no RSRP (2G and 3G)."""


def weaknesses(figures: tuple[Observation, ...], least_rsrp: float) -> Iterator[str]:
    """Each signal that is too weak, in words."""
    levels = {figure.quantity: figure.value for figure in figures}
    for quantity, (least, name) in {RSRP: (least_rsrp, "RSRP"), **WEAK}.items():
        if quantity in levels and levels[quantity] < least:
            yield f"weak signal: {name} {levels[quantity]:g} {'dBm' if quantity == RSRP else 'dB'}, under {least:g}"
    if RSRP not in levels and levels.get(RSSI, 0) < LEAST_RSSI:
        yield f"weak signal: RSSI {levels[RSSI]:g} dBm, under {LEAST_RSSI}"


def judge(told: Told, *, roaming: bool, least_rsrp: float) -> Reading:
    """`roaming`: it is this SIM's usual way, and no weakness. `least_rsrp` in dBm."""
    if roaming:
        at_home = (
            heard._replace(says=replace(heard.says, weak=False)) if heard.says.word == ROAMING else heard
            for heard in told.heard
        )
        told = replace(told, heard=tuple(at_home))
    state, text = verdict(told, tuple(weaknesses(told.figures, least_rsrp)))
    if state is State.UNKNOWN and told.figures and not told.heard:
        text = "it tells its signal, and not whether it is registered: add a probe that goes through it"
    elif state is State.UNKNOWN and told.refused:
        text = f"{text}; not believed: {', '.join(told.refused)}"
    return Reading(state, None, text, (*told.figures, *spoken_values(told), *told.names))
