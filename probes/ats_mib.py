"""What transfer switches offer over SNMP: one `AtsFamily` a maker's MIB, as rows of objects and what their values say.

Data only, each enumeration as its MIB has it. In PowerNet's atsStatus 1 is bad and 2 is good, except for phaseSync.

Sources: PowerNet-MIB (APC, a recorded AP4423 and xATS); CPS-MIB 2.13 (CyberPower); EATON-ATS2-MIB; EATON-ATS30 and
its values as NUT reads them; ATS-MIB (37662). Of all but PowerNet no public record shows a device.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AtsSays:
    """What one value says. All false and 0: nothing is wrong by it."""

    word: str
    on: int = 0
    """The input that feeds the output, from 1."""
    bad: int = 0
    """An input that could not carry the load."""
    weak: bool = False
    stuck: bool = False
    """It would not transfer by itself."""
    single: bool = False
    """Redundancy is lost, whichever input it is."""
    off: bool = False
    blind: bool = False
    """What the agent says is from before, or it is not ready."""


@dataclass(frozen=True, slots=True)
class AtsObject:
    oid: str
    name: str
    values: Mapping[float | str, AtsSays] = field(default_factory=dict)
    bits: Mapping[int, AtsSays] = field(default_factory=dict)
    """Where the value is a set of bits: what each says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtsFamily:
    name: str
    title: str
    sys_object_ids: tuple[str, ...]
    source: AtsObject
    """Which input it is on: the object a device of this family must have."""
    rows: tuple[AtsObject, ...]
    preferred: AtsObject | None = None

    @property
    def objects(self) -> tuple[AtsObject, ...]:
        return (self.source, *self.rows, *((self.preferred,) if self.preferred else ()))

    @property
    def oids(self) -> tuple[str, ...]:
        return tuple(row.oid for row in self.objects)


# ---- APC PowerNet-MIB, atsControl .318.1.1.8.4 and atsStatus .318.1.1.8.5 ----


def _apc(number: int, name: str, bad: AtsSays) -> AtsObject:
    return AtsObject(f"1.3.6.1.4.1.318.1.1.8.5.1.{number}.0", name, {1: bad, 2: AtsSays(word="ok")})


APC_ATS = AtsFamily(
    name="apc",
    title="APC PowerNet ATS",
    sys_object_ids=("1.3.6.1.4.1.318.1.3.32", "1.3.6.1.4.1.318.1.3.11"),
    source=AtsObject(
        "1.3.6.1.4.1.318.1.1.8.5.1.2.0",
        "atsStatusSelectedSource",
        {1: AtsSays(word="sourceA", on=1), 2: AtsSays(word="sourceB", on=2)},
    ),
    rows=(
        AtsObject(
            "1.3.6.1.4.1.318.1.1.8.5.1.1.0",
            "atsStatusCommStatus",
            {
                1: AtsSays(word="atsNeverDiscovered", blind=True),
                2: AtsSays(word="atsCommEstablished"),
                3: AtsSays(word="atsCommLost", blind=True),
            },
        ),
        _apc(3, "atsStatusRedundancyState", AtsSays(word="lost", single=True)),
        _apc(4, "atsStatusOverCurrentState", AtsSays(word="overCurrent", weak=True)),
        _apc(5, "atsStatus5VPowerSupply", AtsSays(word="failure", weak=True)),
        _apc(6, "atsStatus24VPowerSupply", AtsSays(word="failure", weak=True)),
        _apc(7, "atsStatus24VSourceBPowerSupply", AtsSays(word="failure", weak=True)),
        _apc(10, "atsStatusSwitchStatus", AtsSays(word="fail", stuck=True)),
        _apc(12, "atsStatusSourceAStatus", AtsSays(word="fail", bad=1)),
        _apc(13, "atsStatusSourceBStatus", AtsSays(word="fail", bad=2)),
        AtsObject(
            "1.3.6.1.4.1.318.1.1.8.5.1.14.0",
            "atsStatusPhaseSyncStatus",
            {1: AtsSays(word="inSync"), 2: AtsSays(word="outOfSync", weak=True)},
        ),
        _apc(16, "atsStatusHardwareStatus", AtsSays(word="fail", stuck=True)),
    ),
    preferred=AtsObject(
        "1.3.6.1.4.1.318.1.1.8.4.2.0",
        "atsConfigPreferredSource",
        {1: AtsSays(word="sourceA", on=1), 2: AtsSays(word="sourceB", on=2), 3: AtsSays(word="none")},
    ),
)

# ---- APC PowerNet-MIB, xATS .318.1.1.17: the large switches, between a utility (source 1) and a generator ----


def _xats_source(number: int) -> AtsObject:
    values: Mapping[float | str, AtsSays] = {
        1: AtsSays(word="open"),
        2: AtsSays(word="closed", on=number),
        3: AtsSays(word="tripped", bad=number),
        4: AtsSays(word="unknown", weak=True),
    }
    return AtsObject(f"1.3.6.1.4.1.318.1.1.17.4.{number}.2.0", f"xATSSource{number}Position", values)


APC_XATS = AtsFamily(
    name="apc-xats",
    title="APC PowerNet xATS",
    sys_object_ids=(),
    source=AtsObject(
        "1.3.6.1.4.1.318.1.1.17.3.1.1.0",
        "xATSSwitchStatusSelectedSource",
        {
            1: AtsSays(word="none", off=True),
            2: AtsSays(word="source1", on=1),
            3: AtsSays(word="source2", on=2),
            4: AtsSays(word="fault", stuck=True),
            5: AtsSays(word="unknown", weak=True),
        },
    ),
    rows=(
        AtsObject(
            "1.3.6.1.4.1.318.1.1.17.3.1.2.0",
            "xATSSwitchStatusOperationalMode",
            {
                1: AtsSays(word="automatic"),
                2: AtsSays(word="notInAutoAbnormal", stuck=True),
                3: AtsSays(word="notInAuto", stuck=True),
                4: AtsSays(word="unknown", weak=True),
            },
        ),
        _xats_source(1),
        _xats_source(2),
        # Of source 2 it is left out: a generator that stands still has no voltage.
        AtsObject(
            "1.3.6.1.4.1.318.1.1.17.4.1.4.0",
            "xATSSource1Quality",
            {
                1: AtsSays(word="sourceGood"),
                2: AtsSays(word="lowVoltage", bad=1),
                3: AtsSays(word="highVoltage", bad=1),
                4: AtsSays(word="phaseImbalance", bad=1),
                5: AtsSays(word="freqOutOfRange", bad=1),
                6: AtsSays(word="badRotation", bad=1),
                7: AtsSays(word="unknown", weak=True),
            },
        ),
    ),
)

# ---- CyberPower CPS-MIB, atsStatus .3808.1.1.5.2: PowerNet's shape, and its relays the other way round ----


def _cps(number: int, name: str, values: Mapping[float | str, AtsSays]) -> AtsObject:
    return AtsObject(f"1.3.6.1.4.1.3808.1.1.5.2.1.{number}.0", name, values)


def _cps_relay(number: int, name: str) -> AtsObject:
    return _cps(number, name, {1: AtsSays(word="normal"), 2: AtsSays(word="fail", stuck=True)})


def _cps_input(number: int) -> tuple[AtsObject, ...]:
    entry = "1.3.6.1.4.1.3808.1.1.5.2.2.2.1"
    over, under = AtsSays(word="too high", bad=number), AtsSays(word="too low", bad=number)
    values: Mapping[float | str, AtsSays] = {1: AtsSays(word="normal"), 2: over, 3: under}
    return (
        AtsObject(f"{entry}.7.{number}", f"atsStatusInputVolState.{number}", values),
        AtsObject(f"{entry}.8.{number}", f"atsStatusInputFreqState.{number}", values),
    )


CYBERPOWER_ATS = AtsFamily(
    name="cyberpower",
    title="CyberPower ATS",
    sys_object_ids=("1.3.6.1.4.1.3808.1.1.5",),
    source=_cps(2, "atsStatusSelectedSource", {1: AtsSays(word="sourceA", on=1), 2: AtsSays(word="sourceB", on=2)}),
    rows=(
        _cps(
            1,
            "atsStatusCommStatus",
            {
                1: AtsSays(word="atsNeverDiscovered", blind=True),
                2: AtsSays(word="atsCommEstablished"),
                3: AtsSays(word="atsCommLost", blind=True),
            },
        ),
        _cps(3, "atsStatusRedundancyState", {1: AtsSays(word="lost", single=True), 2: AtsSays(word="fullyRedundant")}),
        _cps(4, "atsStatusPhaseSyncStatus", {1: AtsSays(word="inSync"), 2: AtsSays(word="outOfSync", weak=True)}),
        _cps_relay(5, "atsStatusDevSourceRelayStatus"),
        _cps_relay(6, "atsStatusDevInRelayStatus"),
        _cps_relay(7, "atsStatusDevOutRelayStatus"),
        *_cps_input(1),
        *_cps_input(2),
        AtsObject(
            "1.3.6.1.4.1.3808.1.1.5.5.2.4.1.4.1",
            "atsLoadStatusBankLoadState",
            {
                1: AtsSays(word="normal"),
                2: AtsSays(word="lowLoad"),
                3: AtsSays(word="nearOverLoad", weak=True),
                4: AtsSays(word="overLoad", weak=True),
            },
        ),
    ),
    preferred=AtsObject(
        "1.3.6.1.4.1.3808.1.1.5.3.1.0",
        "atsConfigPreferredSource",
        {1: AtsSays(word="sourceA", on=1), 2: AtsSays(word="sourceB", on=2), 3: AtsSays(word="none")},
    ),
)

# ---- Eaton: one list of modes for both MIBs ----

_EATON_MODE: Mapping[float | str, AtsSays] = {
    1: AtsSays(word="initialization", blind=True),
    2: AtsSays(word="diagnosis", stuck=True),
    3: AtsSays(word="off", off=True),
    4: AtsSays(word="source1", on=1),
    5: AtsSays(word="source2", on=2),
    6: AtsSays(word="safe", stuck=True),
    7: AtsSays(word="fault", stuck=True),
}


def _eaton_inputs() -> tuple[AtsObject, ...]:
    rows = []
    for number in (1, 2):
        rows += [
            AtsObject(
                f"1.3.6.1.4.1.534.10.2.3.2.1.3.{number}",
                f"ats2InputStatusGood.{number}",
                {
                    1: AtsSays(word="bad", bad=number),
                    2: AtsSays(word="good"),
                    3: AtsSays(word="derated", weak=True),
                    4: AtsSays(word="waveform", weak=True),
                },
            ),
            AtsObject(
                f"1.3.6.1.4.1.534.10.2.3.2.1.5.{number}",
                f"ats2InputStatusVoltage.{number}",
                {
                    1: AtsSays(word="normal"),
                    2: AtsSays(word="derated", weak=True),
                    3: AtsSays(word="out of range", bad=number),
                    4: AtsSays(word="missing", bad=number),
                },
            ),
            # While in "safe" or "fault" only this says which input feeds the load.
            AtsObject(
                f"1.3.6.1.4.1.534.10.2.3.2.1.6.{number}",
                f"ats2InputStatusUsed.{number}",
                {1: AtsSays(word="not powering"), 2: AtsSays(word="powering the load", on=number)},
            ),
        ]
    return tuple(rows)


EATON_ATS2 = AtsFamily(
    name="eaton-ats2",
    title="Eaton ATS2",
    sys_object_ids=("1.3.6.1.4.1.534.10.2",),
    source=AtsObject("1.3.6.1.4.1.534.10.2.2.4.0", "ats2OperationMode", _EATON_MODE),
    rows=(
        *_eaton_inputs(),
        AtsObject(
            "1.3.6.1.4.1.534.10.2.3.3.1.0",
            "ats2StatusInternalFailure",
            {1: AtsSays(word="good"), 2: AtsSays(word="internal failure", stuck=True)},
        ),
        AtsObject(
            "1.3.6.1.4.1.534.10.2.3.3.2.0",
            "ats2StatusOutput",
            {1: AtsSays(word="outputNotPowered", off=True), 2: AtsSays(word="outputPowered")},
        ),
        AtsObject(
            "1.3.6.1.4.1.534.10.2.3.3.3.0",
            "ats2StatusOverload",
            {
                1: AtsSays(word="noOverload"),
                2: AtsSays(word="warning overload", weak=True),
                3: AtsSays(word="critical overload", weak=True),
            },
        ),
        AtsObject(
            "1.3.6.1.4.1.534.10.2.3.3.6.0",
            "ats2StatusCommunicationLost",
            {1: AtsSays(word="good"), 2: AtsSays(word="communication lost", blind=True)},
        ),
    ),
)

EATON_ATS30 = AtsFamily(
    name="eaton-ats30",
    title="Eaton ATS30",
    sys_object_ids=("1.3.6.1.4.1.534.10.1",),
    source=AtsObject("1.3.6.1.4.1.534.10.1.3.7.0", "atsMeasureInputSource", _EATON_MODE),
    rows=(
        *(
            AtsObject(
                f"1.3.6.1.4.1.534.10.1.3.1.1.2.{number}",
                f"atsInputVoltage.{number}",
                {0: AtsSays(word="no voltage", bad=number)},
            )
            for number in (1, 2)
        ),
        AtsObject(
            "1.3.6.1.4.1.534.10.1.4.5.0",
            "atsFailureIndicator",
            bits={
                1: AtsSays(word="switch fault", stuck=True),
                2: AtsSays(word="no output", off=True),
                4: AtsSays(word="output overcurrent", weak=True),
                8: AtsSays(word="too hot", weak=True),
            },
        ),
    ),
)

# ---- ATS-MIB, 1.3.6.1.4.1.37662.1.2.2.1.1 ----

GENERIC_ATS = AtsFamily(
    name="ats-mib",
    title="ATS-MIB",
    sys_object_ids=("1.3.6.1.4.1.37662",),
    source=AtsObject(
        "1.3.6.1.4.1.37662.1.2.2.1.1.3.1.0",
        "atsOutputGroupOutputSource",
        {
            "source a": AtsSays(word="Source A", on=1),
            "source b": AtsSays(word="Source B", on=2),
            "bypass a": AtsSays(word="Bypass A", on=1, stuck=True),
            "bypass b": AtsSays(word="Bypass B", on=2, stuck=True),
        },
    ),
    rows=tuple(
        AtsObject(
            f"1.3.6.1.4.1.37662.1.2.2.1.1.2.{number}.0",
            f"atsInputGroupSource{letter}status",
            {1: AtsSays(word="fail", bad=place), 2: AtsSays(word="ok")},
        )
        for place, letter, number in ((1, "A", 2), (2, "B", 5))
    ),
)

ATS_FAMILIES = {
    family.name: family for family in (APC_ATS, APC_XATS, CYBERPOWER_ATS, EATON_ATS2, EATON_ATS30, GENERIC_ATS)
}
