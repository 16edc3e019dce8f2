"""UPS families of APC and of Eaton with those that Eaton makes cards for (Dell, HPE), as rows.

Data only: OIDs, units, enumerations and the numbers that mean "not available", each as its MIB has it.
Enumerations are never shared between vendors: the same number is "bypass" here and "off" there.

Sources: PowerNet-MIB (APC); XUPS-MIB (Eaton, 2019); MG-SNMP-UPS-MIB (MGE, Eaton); DELL-SNMP-UPS-MIB; CPQPOWER-MIB
(HPE); recorded devices.
"""

from probes.ups_mib import (
    BATTERY,
    BYPASS,
    LINE,
    OFF,
    RFC_ALARM_TABLE,
    RFC_BATTERY,
    RFC_BESIDE,
    RFC_CHARGE,
    RFC_LOAD,
    RFC_LOW,
    RFC_MINUTES,
    RFC_SOURCE,
    RFC_TEST,
    UNKNOWN,
    AlarmTable,
    Enumerated,
    Family,
    Measured,
    Says,
    truth,
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
        # While it calibrates, the UPS says that it is on battery.
        Enumerated(
            "1.3.6.1.4.1.318.1.1.1.7.2.6.0",
            "upsAdvTestCalibrationResults",
            {
                1: Says(word="ok"),
                2: Says(word="invalidCalibration"),
                3: Says(word="calibrationInProgress", testing=True),
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
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.318.1.1.1.1.2.3.0",
)

# ---- Eaton XUPS-MIB, 1.3.6.1.4.1.534.1 ----

XUPS_SECONDS = Measured("1.3.6.1.4.1.534.1.2.1.0", "xupsBatTimeRemaining", 1)
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
    sys_object_ids=("1.3.6.1.4.1.534.1", "1.3.6.1.4.1.534.2.12"),
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
        truth("1.3.6.1.4.1.534.1.2.7.0", "xupsBatteryFailure", yes=Says(word="yes", replace=True)),
        truth("1.3.6.1.4.1.534.1.2.8.0", "xupsBatteryNotPresent", yes=Says(word="yes", no_battery=True)),
        truth("1.3.6.1.4.1.534.1.2.9.0", "xupsBatteryAged", yes=Says(word="yes", replace=True)),
        truth("1.3.6.1.4.1.534.1.2.10.0", "xupsBatteryLowCapacity", yes=Says(word="yes", low_battery=True)),
    ),
    runtime=(XUPS_SECONDS, RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.534.1.2.4.0", "xupsBatCapacity", 1),),
    load=(Measured("1.3.6.1.4.1.534.1.4.1.0", "xupsOutputLoad", 1),),
    alarms=AlarmTable(
        "1.3.6.1.4.1.534.1.7.1.0",
        "1.3.6.1.4.1.534.1.7.2.1.2",
        "1.3.6.1.4.1.534.1.7",
        {str(number): says for number, says in XUPS_ALARMS.items()},
    ),
    stand_in=RFC_SOURCE,
)

# ---- MGE MG-SNMP-UPS-MIB, 1.3.6.1.4.1.705.1; Eaton's network cards since 2008 speak it beside XUPS ----

MGE = Family(
    name="mge",
    title="MGE",
    sys_object_ids=("1.3.6.1.4.1.705.1",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.705.1.7.3.0",
            "upsmgOutputOnBattery",
            {1: Says(word="yes", output=BATTERY), 2: Says(word="no", output=LINE)},
        ),
        truth("1.3.6.1.4.1.705.1.7.4.0", "upsmgOutputOnByPass", yes=Says(word="yes", output=BYPASS)),
        # "The UPS output utility off": nothing comes out.
        truth("1.3.6.1.4.1.705.1.7.7.0", "upsmgOutputUtilityOff", yes=Says(word="yes", output=OFF)),
    ),
    conditions=(
        truth("1.3.6.1.4.1.705.1.5.9.0", "upsmgBatteryFaultBattery", yes=Says(word="yes", replace=True)),
        truth("1.3.6.1.4.1.705.1.5.10.0", "upsmgBatteryNoBattery", yes=Says(word="yes", no_battery=True)),
        truth("1.3.6.1.4.1.705.1.5.11.0", "upsmgBatteryReplacement", yes=Says(word="yes", replace=True)),
        truth("1.3.6.1.4.1.705.1.5.12.0", "upsmgBatteryUnavailableBattery", yes=Says(word="yes", no_battery=True)),
        truth("1.3.6.1.4.1.705.1.5.14.0", "upsmgBatteryLowBattery", yes=Says(word="yes", low_battery=True)),
        truth("1.3.6.1.4.1.705.1.5.15.0", "upsmgBatteryChargerFault", yes=Says(word="yes", alarm=True)),
        truth("1.3.6.1.4.1.705.1.5.16.0", "upsmgBatteryLowCondition", yes=Says(word="yes", low_battery=True)),
        truth("1.3.6.1.4.1.705.1.7.10.0", "upsmgOutputOverLoad", yes=Says(word="yes", overload=True)),
        truth("1.3.6.1.4.1.705.1.7.11.0", "upsmgOutputOverTemp", yes=Says(word="yes", alarm=True)),
        Enumerated(
            "1.3.6.1.4.1.705.1.10.3.0",
            "upsmgTestDiagResult",
            {1: Says(word="success"), 2: Says(word="failed", test_failed=True), 3: Says(word="none")},
        ),
        Enumerated(
            "1.3.6.1.4.1.705.1.10.11.0",
            "upsmgTestBatteryResult",
            {
                1: Says(word="manual, success"),
                2: Says(word="manual, failed", test_failed=True),
                3: Says(word="scheduled, success"),
                4: Says(word="scheduled, failed", test_failed=True),
                5: Says(word="none"),
            },
        ),
        RFC_TEST,  # the MIB's own results do not say that a test runs
    ),
    runtime=(Measured("1.3.6.1.4.1.705.1.5.1.0", "upsmgBatteryRemainingTime", 1), XUPS_SECONDS, RFC_MINUTES),
    runtime_low=(Measured("1.3.6.1.4.1.705.1.4.7.0", "upsmgConfigLowBatteryTime", 1), RFC_LOW),
    charge=(Measured("1.3.6.1.4.1.705.1.5.2.0", "upsmgBatteryLevel", 1),),
    # Older cards (a Galaxy 7000) put a 0 behind the phase.
    load=tuple(
        Measured(f"1.3.6.1.4.1.705.1.7.2.1.4.{phase}", "mgoutputLoadPerPhase", 1)
        for phase in ("1", "2", "3", "1.0", "2.0", "3.0")
    ),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.705.1.1.7.0",
)

# ---- Dell DELL-SNMP-UPS-MIB, 1.3.6.1.4.1.674.10902.2: beside RFC 1628, which alone says what carries the load ----

DELL = Family(
    name="dell",
    title="Dell",
    sys_object_ids=("1.3.6.1.4.1.674.10902.2",),
    output=(RFC_SOURCE,),
    conditions=(
        RFC_BATTERY,
        Enumerated(
            "1.3.6.1.4.1.674.10902.2.120.5.2.0",
            "physicalBatteryTestStatus",
            {
                1: Says(word="donePassed"),
                2: Says(word="doneWarning", alarm=True),
                3: Says(word="doneError", test_failed=True),
                4: Says(word="aborted"),
                5: Says(word="inProgress", testing=True),
                6: Says(word="noTestInitiated"),
                7: Says(word="testScheduled"),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.674.10902.2.120.5.3.0", "physicalBatterySecondsRemaining", 1), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(RFC_CHARGE,),
    load=RFC_LOAD,
    alarms=RFC_ALARM_TABLE,
    serial="1.3.6.1.4.1.674.10902.2.120.1.2.0",
)

# ---- HPE CPQPOWER-MIB, 1.3.6.1.4.1.232.165.3 ----

HPE = Family(
    name="hpe",
    title="HPE CPQPOWER",
    sys_object_ids=("1.3.6.1.4.1.232.165.3",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.232.165.3.4.5.0",
            "upsOutputSource",
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
            },
        ),
    ),
    conditions=(
        # "Discharging" is not "on battery": cards of the R12000 say it while on line.
        Enumerated(
            "1.3.6.1.4.1.232.165.3.2.5.0",
            "upsBatteryAbmStatus",
            {
                1: Says(word="charging"),
                2: Says(word="discharging"),
                3: Says(word="floating"),
                4: Says(word="resting"),
                5: Says(word="unknown"),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.232.165.3.7.2.0",
            "upsTestBatteryStatus",
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
    ),
    runtime=(Measured("1.3.6.1.4.1.232.165.3.2.1.0", "upsBatTimeRemaining", 1), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.232.165.3.2.4.0", "upsBatCapacity", 1),),
    load=(Measured("1.3.6.1.4.1.232.165.3.4.1.0", "upsOutputLoad", 1),),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.232.165.1.2.7.0",
)
