"""What UPS agents offer over SNMP: one `Family` a vendor MIB, as rows of objects and what their values say.

Data only: OIDs, units, enumerations and the numbers that mean "not available", each as its MIB has it.
Enumerations are never shared between vendors: the same number is "bypass" here and "off" there.
A new family is a new row of `FAMILIES`.

Sources: RFC 1628 (UPS-MIB); PowerNet-MIB (APC); XUPS-MIB (Eaton, 2019); CPS-MIB 2.13 (CyberPower); recorded devices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """An object whose values are words. `name` is the MIB's."""

    oid: str
    name: str
    values: Mapping[float, Says]


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
    """A table of alarms whose column holds OIDs `prefix`.N; `count` is how many there are."""

    count: str
    column: str
    prefix: str
    values: Mapping[int, Says]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    title: str
    sys_object_ids: tuple[str, ...]
    """Prefixes of sysObjectID: a hint which family to believe first, never a proof."""
    output: tuple[Enumerated, ...]
    """What carries the load; the first is the one a device of this family must have."""
    conditions: tuple[Enumerated, ...] = ()
    transfer_cause: Enumerated | None = None
    """Why the UPS went to its battery the last time: counts only while it is on battery."""
    runtime: tuple[Measured, ...]
    """Best resolution first; several are checked against each other."""
    runtime_low: tuple[Measured, ...] = ()
    charge: tuple[Measured, ...]
    load: tuple[Measured, ...]
    alarms: AlarmTable | None = None
    stand_in: Enumerated | None = None
    """Another MIB's output object, heard only where none of `output` answers."""

    @property
    def oids(self) -> tuple[str, ...]:
        """Every object that one poll asks for."""
        words = (*self.output, *self.conditions, self.transfer_cause, self.stand_in)
        figures = (*self.runtime, *self.runtime_low, *self.charge, *self.load)
        count = (self.alarms.count,) if self.alarms else ()
        return (*(row.oid for row in words if row), *(row.oid for row in figures), *count)


# ---- RFC 1628, 1.3.6.1.2.1.33.1 ----

RFC_MINUTES = Measured(
    "1.3.6.1.2.1.33.1.2.3.0",
    "upsEstimatedMinutesRemaining",
    60,
    # An agent that turns 65535 s into minutes; 18 h 12 min to the minute is not worth the doubt.
    never={1092: "65535 s, the number for 'not available', as minutes"},
)
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
RFC_1628 = Family(
    name="rfc1628",
    title="RFC 1628",
    sys_object_ids=("1.3.6.1.2.1.33",),
    output=(RFC_SOURCE,),
    conditions=(
        Enumerated(
            "1.3.6.1.2.1.33.1.2.1.0",
            "upsBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
            },
        ),
        Enumerated(
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
        ),
    ),
    runtime=(RFC_MINUTES,),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.2.1.33.1.2.4.0", "upsEstimatedChargeRemaining", 1),),
    load=tuple(Measured(f"1.3.6.1.2.1.33.1.4.4.1.5.{line}", "upsOutputPercentLoad", 1) for line in (1, 2, 3)),
    alarms=AlarmTable("1.3.6.1.2.1.33.1.6.1.0", "1.3.6.1.2.1.33.1.6.2.1.2", "1.3.6.1.2.1.33.1.6.3", RFC_ALARMS),
)

# ---- APC PowerNet-MIB, 1.3.6.1.4.1.318.1.1.1 ----

APC = Family(
    name="apc",
    title="APC PowerNet",
    sys_object_ids=("1.3.6.1.4.1.318.1.3",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.4.1.1.0",
            "upsBasicOutputStatus",
            {
                1: Says(word="unknown", output=UNKNOWN),
                2: Says(word="onLine", output=LINE),
                3: Says(word="onBattery", output=BATTERY),
                4: Says(word="onSmartBoost", output=LINE),
                5: Says(word="timedSleeping", output=OFF),
                6: Says(word="softwareBypass", output=BYPASS),
                7: Says(word="off", output=OFF),
                8: Says(word="rebooting", output=OFF),
                9: Says(word="switchedBypass", output=BYPASS),
                10: Says(word="hardwareFailureBypass", output=BYPASS),
                11: Says(word="sleepingUntilPowerReturn", output=OFF),
                12: Says(word="onSmartTrim", output=LINE),
                13: Says(word="ecoMode", output=LINE),
                14: Says(word="hotStandby", output=LINE, alarm=True),
                15: Says(word="onBatteryTest", output=BATTERY, testing=True),
                16: Says(word="emergencyStaticBypass", output=BYPASS),
                17: Says(word="staticBypassStandby", output=BYPASS),
                18: Says(word="powerSavingMode", output=LINE, alarm=True),
                19: Says(word="spotMode", output=LINE, alarm=True),
                20: Says(word="eConversion", output=LINE),
                21: Says(word="chargerSpotmode", output=LINE, alarm=True),
                22: Says(word="inverterSpotmode", output=LINE, alarm=True),
                23: Says(word="activeLoad", output=LINE, alarm=True),
                24: Says(word="batteryDischargeSpotmode", output=LINE, alarm=True),
                25: Says(word="inverterStandby", output=LINE, alarm=True),
                # The inverter does not run: what feeds the load, if anything, is not said.
                26: Says(word="chargerOnly", output=UNKNOWN),
                27: Says(word="distributedEnergyReserve", output=LINE, alarm=True),
                28: Says(word="selfTest", output=BATTERY, testing=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.8.1.0",
            "upsCommStatus",
            # Between card and UPS: everything else the card says is from before.
            {1: Says(word="ok"), 2: Says(word="noComm", output=UNKNOWN)},
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.2.1.1.0",
            "upsBasicBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryInFaultCondition", replace=True),
                5: Says(word="noBatteryPresent", no_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.2.2.4.0",
            "upsAdvBatteryReplaceIndicator",
            {1: Says(word="noBatteryNeedsReplacing"), 2: Says(word="batteryNeedsReplacing", replace=True)},
        ),
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.7.2.3.0",
            "upsAdvTestDiagnosticsResults",
            {
                1: Says(word="ok"),
                2: Says(word="failed", test_failed=True),
                3: Says(word="invalidTest"),  # it could not run
                4: Says(word="testInProgress", testing=True),
            },
        ),
    ),
    transfer_cause=Enumerated(
        "1.3.6.1.4.1.318.1.1.1.3.2.5.0", "upsAdvInputLineFailCause", {9: Says(word="selfTest", testing=True)}
    ),
    runtime=(Measured("1.3.6.1.4.1.318.1.1.1.2.2.3.0", "upsAdvBatteryRunTimeRemaining", 0.01), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(
        Measured("1.3.6.1.4.1.318.1.1.1.2.3.1.0", "upsHighPrecBatteryCapacity", 0.1),
        Measured("1.3.6.1.4.1.318.1.1.1.2.2.1.0", "upsAdvBatteryCapacity", 1, never={0: "not supported"}),
    ),
    load=(
        Measured("1.3.6.1.4.1.318.1.1.1.4.3.3.0", "upsHighPrecOutputLoad", 0.1),
        Measured("1.3.6.1.4.1.318.1.1.1.4.2.3.0", "upsAdvOutputLoad", 1),
    ),
    stand_in=RFC_SOURCE,
)

# ---- Eaton XUPS-MIB, 1.3.6.1.4.1.534.1 ----

XUPS_ALARMS = {
    number: Says(word=word, alarm=True)
    for number, word in {
        8: "xupsInternalFailure",
        10: "xupsInverterFailure",
        12: "xupsBypassNotAvailable",
        14: "xupsInputFailure",
        15: "xupsBuildingAlarm",
        16: "xupsShutdownImminent",
        20: "xupsBreakerOpen",
        27: "xupsUpsShutdownPending",
        29: "xupsAmbientTempBad",
        30: "xupsLossOfRedundancy",
        31: "xupsAlarmTempBad",
        32: "xupsAlarmChargerFailed",
        33: "xupsAlarmFanFailure",
        34: "xupsAlarmFuseFailure",
        35: "xupsPowerSwitchBad",
        36: "xupsModuleFailure",
        38: "xupsAltPowerNotAvailable",
        39: "xupsNoticeCondition",
        40: "xupsRemoteTempBad",
        41: "xupsRemoteHumidityBad",
        42: "xupsAlarmOutputBad",
    }.items()
} | {
    3: Says(word="xupsOnBattery", output=BATTERY),
    4: Says(word="xupsLowBattery", low_battery=True),
    5: Says(word="xupsUtilityPowerRestored"),
    6: Says(word="xupsReturnFromLowBattery"),
    7: Says(word="xupsOutputOverload", overload=True),
    9: Says(word="xupsBatteryDischarged", low_battery=True, alarm=True),
    11: Says(word="xupsOnBypass", output=BYPASS),
    13: Says(word="xupsOutputOff", output=OFF),
    17: Says(word="xupsOnInverter"),
    21: Says(word="xupsAlarmEntryAdded"),
    22: Says(word="xupsAlarmEntryRemoved"),
    23: Says(word="xupsAlarmBatteryBad", replace=True),
    24: Says(word="xupsOutputOffAsRequested", output=OFF),
    25: Says(word="xupsDiagnosticTestFailed", test_failed=True),
    26: Says(word="xupsCommunicationsLost", output=UNKNOWN),
    28: Says(word="xupsAlarmTestInProgress", testing=True),
    37: Says(word="xupsOnAlternatePowerSource"),
    43: Says(word="xupsAlarmAwaitingPower", output=OFF),
    44: Says(word="xupsOnMaintenanceBypass", output=BYPASS),
    51: Says(word="xupsOutputNotProtected", output=BYPASS),
}
XUPS = Family(
    name="xups",
    title="Eaton XUPS",
    # 705.1 is MGE's; newer Eaton cards answer with it and speak XUPS as well.
    sys_object_ids=("1.3.6.1.4.1.534.1", "1.3.6.1.4.1.534.2.12", "1.3.6.1.4.1.705.1"),
    output=(
        Enumerated(
            "1.3.6.1.4.1.534.1.4.5.0",
            "xupsOutputSource",
            {
                1: Says(word="other", output=UNKNOWN),
                2: Says(word="none", output=OFF),
                3: Says(word="normal", output=LINE),
                4: Says(word="bypass", output=BYPASS),
                5: Says(word="battery", output=BATTERY),
                6: Says(word="booster", output=LINE),
                7: Says(word="reducer", output=LINE),
                8: Says(word="parallelCapacity", output=LINE),
                9: Says(word="parallelRedundant", output=LINE),
                10: Says(word="highEfficiencyMode", output=LINE),
                11: Says(word="maintenanceBypass", output=BYPASS),
                12: Says(word="essMode", output=LINE, alarm=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.4.10.0",
            "xupsOutputStatus",
            {
                1: Says(word="outputNotPowered", output=OFF),
                # "On bypass, battery fault, or internal failure": nothing would carry the load.
                2: Says(word="outputNotProtected", output=BYPASS),
                3: Says(word="outputProtected"),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.534.1.2.5.0",
            "xupsBatteryAbmStatus",
            {
                0: Says(word="not offered"),  # outside the MIB; an Eaton 93E
                1: Says(word="batteryCharging"),
                2: Says(word="batteryDischarging"),
                3: Says(word="batteryFloating"),
                4: Says(word="batteryResting"),
                5: Says(word="unknown"),
                6: Says(word="batteryDisconnected", no_battery=True),
                7: Says(word="batteryUnderTest", testing=True),
                8: Says(word="checkBattery", test_failed=True),  # "uncertain following a poor battery test result"
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.8.2.0",
            "xupsTestBatteryStatus",
            {
                1: Says(word="unknown"),
                2: Says(word="passed"),
                3: Says(word="failed", test_failed=True),
                4: Says(word="inProgress", testing=True),
                5: Says(word="notSupported"),
                6: Says(word="inhibited"),
                7: Says(word="scheduled"),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.2.7.0",
            "xupsBatteryFailure",
            {1: Says(word="yes", replace=True), 2: Says(word="no")},
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.2.8.0",
            "xupsBatteryNotPresent",
            {1: Says(word="yes", no_battery=True), 2: Says(word="no")},
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.2.9.0",
            "xupsBatteryAged",
            {1: Says(word="yes", replace=True), 2: Says(word="no")},
        ),
        Enumerated(
            "1.3.6.1.4.1.534.1.2.10.0",
            "xupsBatteryLowCapacity",
            {1: Says(word="yes", low_battery=True), 2: Says(word="no")},
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.534.1.2.1.0", "xupsBatTimeRemaining", 1), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.534.1.2.4.0", "xupsBatCapacity", 1),),
    load=(Measured("1.3.6.1.4.1.534.1.4.1.0", "xupsOutputLoad", 1),),
    alarms=AlarmTable("1.3.6.1.4.1.534.1.7.1.0", "1.3.6.1.4.1.534.1.7.2.1.2", "1.3.6.1.4.1.534.1.7", XUPS_ALARMS),
    stand_in=RFC_SOURCE,
)

# ---- CyberPower CPS-MIB, 1.3.6.1.4.1.3808.1.1.1 ----

CYBERPOWER = Family(
    name="cyberpower",
    title="CyberPower",
    sys_object_ids=("1.3.6.1.4.1.3808",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.3808.1.1.1.4.1.1.0",
            "upsBaseOutputStatus",
            {
                1: Says(word="unknown", output=UNKNOWN),
                2: Says(word="onLine", output=LINE),
                3: Says(word="onBattery", output=BATTERY),
                4: Says(word="onBoost", output=LINE),
                5: Says(word="onSleep", output=OFF),
                6: Says(word="off", output=OFF),
                7: Says(word="rebooting", output=OFF),
                8: Says(word="onECO", output=LINE),
                9: Says(word="onBypass", output=BYPASS),
                10: Says(word="onBuck", output=LINE),
                11: Says(word="onOverload", output=LINE, overload=True),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.3808.1.1.1.2.1.1.0",
            "upsBaseBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryNotPresent", no_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.3808.1.1.1.2.2.5.0",
            "upsAdvanceBatteryReplaceIndicator",
            {1: Says(word="noBatteryNeedsReplacing"), 2: Says(word="batteryNeedsReplacing", replace=True)},
        ),
        Enumerated(
            "1.3.6.1.4.1.3808.1.1.1.7.2.3.0",
            "upsAdvanceTestDiagnosticsResults",
            {
                1: Says(word="ok"),
                2: Says(word="failed", test_failed=True),
                3: Says(word="invalidTest"),
                4: Says(word="testInProgress", testing=True),
            },
        ),
    ),
    transfer_cause=Enumerated(
        "1.3.6.1.4.1.3808.1.1.1.3.2.5.0", "upsAdvanceInputLineFailCause", {4: Says(word="selfTest", testing=True)}
    ),
    runtime=(Measured("1.3.6.1.4.1.3808.1.1.1.2.2.4.0", "upsAdvanceBatteryRunTimeRemaining", 0.01), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.3808.1.1.1.2.2.1.0", "upsAdvanceBatteryCapacity", 1),),
    load=(Measured("1.3.6.1.4.1.3808.1.1.1.4.2.3.0", "upsAdvanceOutputLoad", 1),),
    stand_in=RFC_SOURCE,
)

FAMILIES = {family.name: family for family in (APC, XUPS, CYBERPOWER, RFC_1628)}
"""In the order they are believed where sysObjectID says nothing: a vendor's own MIB before the common one."""
