"""The rows a UPS family is made of, and those of RFC 1628, which many families share.

What may live here: the shape of a table that says what an agent's objects are and what their values mean. The
families are in the `ups_mib_` modules beside this one, all of them by name in `probes.snmp_families`.

Source: RFC 1628 (UPS-MIB), and recorded devices for what agents send that it does not allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from probes.ups import Output

LINE, BATTERY, BYPASS, OFF, UNKNOWN = Output.LINE, Output.BATTERY, Output.BYPASS, Output.OFF, Output.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What one value of an enumeration says. `output` None says nothing about what carries the load."""

    word: str
    output: Output | None = None
    low_battery: bool = False
    replace: bool = False
    test_failed: bool = False
    no_battery: bool = False
    testing: bool = False
    overload: bool = False
    alarm: bool = False
    """A weakness that no other field tells."""


FLAGS = ("low_battery", "replace", "test_failed", "no_battery", "testing", "overload")


@dataclass(frozen=True, slots=True)
class Enumerated:
    """An object whose values are words. `name` is the MIB's; a device that sends text is met by lower-case keys."""

    oid: str
    name: str
    values: Mapping[float | str, Says]
    above: Says | None = None
    """What a number above zero says that `values` does not list: for counters, such as seconds on battery."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An object that counts: `scale` of the base unit (s for times, percent for ratios) in one of its units."""

    oid: str
    name: str
    scale: float
    never: Mapping[float, str] = field(default_factory=dict)
    """Raw values that are no measurement, and why."""


@dataclass(frozen=True, slots=True)
class AlarmTable:
    """A table of alarms whose column holds OIDs below `prefix`; `count` is how many there are.

    `values` is by what follows `prefix` ("51.10"); an alarm that is not listed is one of the group that it is below.
    """

    count: str
    column: str
    prefix: str
    values: Mapping[str, Says]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    title: str
    sys_object_ids: tuple[str, ...]
    """Prefixes of sysObjectID: a hint which family to believe first, never a proof."""
    only_by_hint: bool = False
    """Its objects are those of another family and mean something else here: then sysObjectID alone tells them apart."""
    output: tuple[Enumerated, ...]
    """What carries the load, in one object or several that add up."""
    conditions: tuple[Enumerated, ...] = ()
    transfer_cause: Enumerated | None = None
    """Why the UPS went to its battery the last time: counts only while it is on battery."""
    runtime: tuple[Measured, ...]
    """Best resolution first; several are checked against each other."""
    runtime_low: tuple[Measured, ...] = ()
    charge: tuple[Measured, ...]
    load: tuple[Measured, ...]
    serial: str = ""
    """The OID of the UPS's serial number."""
    alarms: AlarmTable | None = None
    stand_in: Enumerated | None = None
    """Another MIB's output object, heard only where none of `output` answers."""

    @property
    def oids(self) -> tuple[str, ...]:
        """Every object that a first poll asks for; the last is the stand-in, which later ones may spare."""
        words = (*self.output, *self.conditions, self.transfer_cause)
        figures = (*self.runtime, *self.runtime_low, *self.charge, *self.load)
        count = (self.alarms.count,) if self.alarms else ()
        last = self.stand_in.oid if self.stand_in else ""
        oids = (*(row.oid for row in words if row), *(row.oid for row in figures), self.serial, *count, last)
        return tuple(dict.fromkeys(oid for oid in oids if oid))


def truth(oid: str, name: str, *, yes: Says) -> Enumerated:
    """An object of the textual convention that most of these MIBs have for it: 1 is yes, 2 is no."""
    return Enumerated(oid, name, {1: yes, 2: Says(word="no")})


# ---- RFC 1628, 1.3.6.1.2.1.33.1 ----

RFC_MINUTES = Measured("1.3.6.1.2.1.33.1.2.3.0", "upsEstimatedMinutesRemaining", 60)
RFC_LOW = Measured("1.3.6.1.2.1.33.1.9.7.0", "upsConfigLowBattTime", 60)
RFC_SOURCE = Enumerated(
    "1.3.6.1.2.1.33.1.4.1.0",
    "upsOutputSource",
    {
        1: Says(word="other", output=UNKNOWN),
        2: Says(word="none", output=OFF),
        3: Says(word="normal", output=LINE),
        4: Says(word="bypass", output=BYPASS),
        5: Says(word="battery", output=BATTERY),
        6: Says(word="booster", output=LINE),
        7: Says(word="reducer", output=LINE),
    },
)
RFC_ALARMS = {
    1: Says(word="upsAlarmBatteryBad", replace=True),
    2: Says(word="upsAlarmOnBattery", output=BATTERY),
    3: Says(word="upsAlarmLowBattery", low_battery=True),
    4: Says(word="upsAlarmDepletedBattery", low_battery=True, alarm=True),
    5: Says(word="upsAlarmTempBad", alarm=True),
    6: Says(word="upsAlarmInputBad", alarm=True),
    7: Says(word="upsAlarmOutputBad", alarm=True),
    8: Says(word="upsAlarmOutputOverload", overload=True),
    9: Says(word="upsAlarmOnBypass", output=BYPASS),
    10: Says(word="upsAlarmBypassBad", alarm=True),
    11: Says(word="upsAlarmOutputOffAsRequested", output=OFF),
    # Off as a UPS: the load may still be fed past it, never by it.
    12: Says(word="upsAlarmUpsOffAsRequested", output=BYPASS, alarm=True),
    13: Says(word="upsAlarmChargerFailed", alarm=True),
    14: Says(word="upsAlarmUpsOutputOff", output=OFF),
    15: Says(word="upsAlarmUpsSystemOff", output=BYPASS, alarm=True),
    16: Says(word="upsAlarmFanFailure", alarm=True),
    17: Says(word="upsAlarmFuseFailure", alarm=True),
    18: Says(word="upsAlarmGeneralFault", alarm=True),
    19: Says(word="upsAlarmDiagnosticTestFailed", test_failed=True),
    # Between agent and UPS: everything else the agent says is from before.
    20: Says(word="upsAlarmCommunicationsLost", output=UNKNOWN),
    21: Says(word="upsAlarmAwaitingPower", output=OFF),
    22: Says(word="upsAlarmShutdownPending", alarm=True),
    23: Says(word="upsAlarmShutdownImminent", alarm=True),
    24: Says(word="upsAlarmTestInProgress", testing=True),
}
RFC_BATTERY = Enumerated(
    "1.3.6.1.2.1.33.1.2.1.0",
    "upsBatteryStatus",
    {
        1: Says(word="unknown", alarm=True),
        2: Says(word="batteryNormal"),
        3: Says(word="batteryLow", low_battery=True),
        4: Says(word="batteryDepleted", low_battery=True),
    },
)
RFC_TEST = Enumerated(
    "1.3.6.1.2.1.33.1.7.3.0",
    "upsTestResultsSummary",
    {
        0: Says(word="not initialised"),  # outside the MIB; Riello NetMan
        1: Says(word="donePass"),
        2: Says(word="doneWarning", alarm=True),
        3: Says(word="doneError", test_failed=True),
        4: Says(word="aborted"),
        5: Says(word="inProgress", testing=True),
        6: Says(word="noTestsInitiated"),
    },
)
RFC_CHARGE = Measured("1.3.6.1.2.1.33.1.2.4.0", "upsEstimatedChargeRemaining", 1)
RFC_LOAD = tuple(Measured(f"1.3.6.1.2.1.33.1.4.4.1.5.{line}", "upsOutputPercentLoad", 1) for line in (1, 2, 3))
RFC_ALARM_TABLE = AlarmTable(
    "1.3.6.1.2.1.33.1.6.1.0",
    "1.3.6.1.2.1.33.1.6.2.1.2",
    "1.3.6.1.2.1.33.1.6.3",
    {str(number): says for number, says in RFC_ALARMS.items()},
)
RFC_BESIDE = replace(
    RFC_ALARM_TABLE,
    values={
        str(number): says if says.output is UNKNOWN else replace(says, output=None)
        for number, says in RFC_ALARMS.items()
    },
)
"""For families with a status of their own: their RFC 1628 alarms add weaknesses and do not gainsay it."""
RFC_1628 = Family(
    name="rfc1628",
    title="RFC 1628",
    sys_object_ids=("1.3.6.1.2.1.33",),
    output=(RFC_SOURCE,),
    conditions=(RFC_BATTERY, RFC_TEST),
    runtime=(RFC_MINUTES,),
    runtime_low=(RFC_LOW,),
    charge=(RFC_CHARGE,),
    load=RFC_LOAD,
    alarms=RFC_ALARM_TABLE,
)
