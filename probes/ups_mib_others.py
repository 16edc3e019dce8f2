"""UPS families of the other makers, as rows.

Sources: CPS-MIB 2.13 (CyberPower); XPPC-MIB and EPPC-MIB (Phoenixtec, PowerWalker); UPSV4-MIB (Delta);
TRIPPLITE-PRODUCTS-MIB; SOCOMECUPS-MIB and SOCOMECUPS7-MIB; HUAWEI-UPS-MIB as NUT reads it; USHA-MIB (Ingrasys,
Eaton WebPower); SITE-MONITORING-MIB (Alpha) and ELTEK-DISTRIBUTED-MIB, both DC plants; recorded devices.
"""

from dataclasses import replace

from probes.ups_mib import (
    BATTERY,
    BYPASS,
    LINE,
    OFF,
    RFC_1628,
    RFC_BESIDE,
    RFC_CHARGE,
    RFC_LOAD,
    RFC_LOW,
    RFC_MINUTES,
    RFC_SOURCE,
    UNKNOWN,
    AlarmTable,
    Enumerated,
    Family,
    Measured,
    Says,
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
        Enumerated(
            "1.3.6.1.4.1.3808.1.1.1.7.2.7.0",
            "upsAdvanceTestCalibrationResults",
            {
                1: Says(word="ok"),
                2: Says(word="invalidCalibration"),
                3: Says(word="calibrationInProgress", testing=True),
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
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.3808.1.1.1.1.2.3.0",
)


# ---- Phoenixtec XPPC-MIB, 1.3.6.1.4.1.935.1.1.1 (NetAgent and many names): CyberPower's shape, other numbers ----

XPPC = Family(
    name="xppc",
    title="Phoenixtec XPPC",
    sys_object_ids=("1.3.6.1.4.1.935",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.935.1.1.1.4.1.1.0",
            "upsBaseOutputStatus",
            {
                1: Says(word="unknown", output=UNKNOWN),
                2: Says(word="onLine", output=LINE),
                3: Says(word="onBattery", output=BATTERY),
                4: Says(word="onBoost", output=LINE),
                5: Says(word="sleeping", output=OFF),
                6: Says(word="onBypass", output=BYPASS),
                7: Says(word="rebooting", output=OFF),
                # Not off: a NetAgent says it with 236 V and 16 % of load at its output. The bypass may feed it.
                8: Says(word="standBy", output=UNKNOWN),
                9: Says(word="onBuck", output=LINE),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.935.1.1.1.2.1.1.0",
            "upsBaseBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.935.1.1.1.2.2.5.0",
            "upsSmartBatteryReplaceIndicator",
            {
                0: Says(word="not offered"),  # outside the MIB; a NetAgent II
                1: Says(word="noBatteryNeedsReplacing"),
                2: Says(word="batteryNeedsReplacing", replace=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.935.1.1.1.7.2.3.0",
            "upsSmartTestDiagnosticsResults",
            {
                1: Says(word="ok"),
                2: Says(word="failed", test_failed=True),
                3: Says(word="invalidTest"),
                4: Says(word="testInProgress", testing=True),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.935.1.1.1.2.2.4.0", "upsSmartBatteryRunTimeRemaining", 1), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.935.1.1.1.2.2.1.0", "upsSmartBatteryCapacity", 1),),
    load=(Measured("1.3.6.1.4.1.935.1.1.1.4.2.3.0", "upsSmartOutputLoad", 1),),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Phoenixtec EPPC-MIB, 1.3.6.1.4.1.935.10.1 (PowerWalker) ----

EPPC = Family(
    name="eppc",
    title="Phoenixtec EPPC",
    sys_object_ids=("1.3.6.1.4.1.935.10",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.935.10.1.1.2.1.0",
            "upsESystemStatus",
            {
                1: Says(word="power-on", output=UNKNOWN),
                # Whether the bypass feeds the load then is a setting that the MIB does not show.
                2: Says(word="stand-by", output=UNKNOWN),
                3: Says(word="by-pass", output=BYPASS),
                4: Says(word="line", output=LINE),
                5: Says(word="battery", output=BATTERY),
                6: Says(word="battery-test", output=BATTERY, testing=True),
                7: Says(word="fault", output=UNKNOWN),
                8: Says(word="converter", output=LINE),
                9: Says(word="eco", output=LINE),
                10: Says(word="shutdown", output=OFF),
                11: Says(word="on-booster", output=LINE),
                12: Says(word="on-reducer", output=LINE),
                13: Says(word="other", output=UNKNOWN),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.935.10.1.1.3.1.0",
            "upsEBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.935.10.1.1.7.3.0",
            "upsEBatteryTestResult",
            {
                1: Says(word="idle"),
                2: Says(word="processing", testing=True),
                3: Says(word="noFailure"),
                4: Says(word="failureOrWarning", test_failed=True),
                5: Says(word="notPossible"),
                6: Says(word="testCancel"),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.935.10.1.1.3.3.0", "upsEBatteryEstimatedMinutesRemaining", 60), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.935.10.1.1.3.4.0", "upsEBatteryEstimatedChargeRemaining", 1),),
    load=tuple(Measured(f"1.3.6.1.4.1.935.10.1.1.2.18.1.7.{phase}", "upsESystemOutputLoad", 1) for phase in (1, 2, 3)),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Delta UPSV4-MIB, 1.3.6.1.4.1.2254.2.4: counts from 0 ----


def _delta_alarm(number: int, name: str, on: Says) -> Enumerated:
    return Enumerated(f"1.3.6.1.4.1.2254.2.4.9.{number}.0", name, {0: Says(word="off"), 1: on})


DELTA = Family(
    name="delta",
    title="Delta",
    sys_object_ids=("1.3.6.1.4.1.2254.2.4", "1.3.6.1.4.1.2254.2.5"),
    output=(
        Enumerated(
            "1.3.6.1.4.1.2254.2.4.5.1.0",
            "dupsOutputSource",
            {
                0: Says(word="normal", output=LINE),
                1: Says(word="battery", output=BATTERY),
                2: Says(word="bypass", output=BYPASS),
                3: Says(word="reducing", output=LINE),
                4: Says(word="boosting", output=LINE),
                5: Says(word="manualBypass", output=BYPASS),
                6: Says(word="other", output=UNKNOWN),
                7: Says(word="none", output=OFF),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.2254.2.4.7.1.0",
            "dupsBatteryCondiction",
            {0: Says(word="good"), 1: Says(word="weak", alarm=True), 2: Says(word="replace", replace=True)},
        ),
        Enumerated(
            "1.3.6.1.4.1.2254.2.4.7.2.0",
            "dupsBatteryStatus",
            {
                0: Says(word="ok"),
                1: Says(word="low", low_battery=True),
                2: Says(word="depleted", low_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.2254.2.4.8.2.0",
            "dupsTestResultsSummary",
            {
                0: Says(word="noTestsInitiated"),
                1: Says(word="donePass"),
                2: Says(word="inProgress", testing=True),
                3: Says(word="generalTestFail", test_failed=True),
                4: Says(word="batteryTestFail", test_failed=True),
                5: Says(word="deepBatteryTestFail", test_failed=True),
            },
        ),
        # Between card and UPS: everything else the card says is from before.
        _delta_alarm(1, "dupsAlarmDisconnect", Says(word="on", output=UNKNOWN)),
        _delta_alarm(7, "dupsAlarmUPSFault", Says(word="on", alarm=True)),
        _delta_alarm(12, "dupsAlarmOutputOverload", Says(word="on", overload=True)),
        _delta_alarm(14, "dupsAlarmInverterAbnormal", Says(word="on", alarm=True)),
    ),
    runtime=(Measured("1.3.6.1.4.1.2254.2.4.7.5.0", "dupsBatteryEstimatedTime", 60), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.2254.2.4.7.8.0", "dupsBatteryCapacity", 1),),
    load=tuple(
        Measured(f"1.3.6.1.4.1.2254.2.4.5.{number}.0", f"dupsOutputLoad{phase}", 1)
        for phase, number in ((1, 7), (2, 11), (3, 15))
    ),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Tripp Lite TRIPPLITE-PRODUCTS-MIB, 1.3.6.1.4.1.850.1.1.3.1.3: the first device of a card ----

TRIPP_LITE = Family(
    name="tripplite",
    title="Tripp Lite",
    sys_object_ids=("1.3.6.1.4.1.850.1",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.850.1.1.3.1.3.3.1.1.1.1",
            "tlpUpsOutputSource",
            {
                0: Says(word="unknown", output=UNKNOWN),
                1: Says(word="other", output=UNKNOWN),
                2: Says(word="none", output=OFF),
                3: Says(word="normal", output=LINE),
                4: Says(word="bypass", output=BYPASS),
                5: Says(word="battery", output=BATTERY),
                6: Says(word="boosting", output=LINE),
                7: Says(word="reducing", output=LINE),
                8: Says(word="second", output=LINE),
                9: Says(word="economy", output=LINE),
                10: Says(word="testing", output=BATTERY, testing=True),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.1.1",
            "tlpUpsBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.850.1.1.3.1.3.1.5.1.1.1.1",
            "tlpUpsBatteryPackCondition",
            {1: Says(word="good"), 2: Says(word="weak", alarm=True), 3: Says(word="bad", replace=True)},
        ),
    ),
    runtime=(
        Measured("1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.5.1", "tlpUpsEstimatedTimeRemaining", 0.01),
        Measured("1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.3.1", "tlpUpsEstimatedMinutesRemaining", 60),
        RFC_MINUTES,
    ),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.850.1.1.3.1.3.1.1.1.4.1", "tlpUpsEstimatedChargeRemaining", 1),),
    load=RFC_LOAD,
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Socomec Net Vision 6 and later, SOCOMECUPS7-MIB, 1.3.6.1.4.1.4555.1.1.7.1 ----

SOCOMEC_7 = Family(
    name="socomec7",
    title="Socomec Net Vision",
    sys_object_ids=("1.3.6.1.4.1.4555.1.1.7",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.4555.1.1.7.1.4.1.0",
            "upsOutputSource",
            {
                1: Says(word="unknown", output=UNKNOWN),
                2: Says(word="onMaintenBypass", output=BYPASS),
                # The inverter runs on mains and on battery: the battery's objects tell which.
                3: Says(word="onInverter", output=LINE),
                4: Says(word="normalMode", output=LINE),
                5: Says(word="ecoMode", output=LINE),
                6: Says(word="onBypass", output=BYPASS),
                7: Says(word="standby", output=OFF),
                8: Says(word="upsOff", output=OFF),
                9: Says(word="lineInteractive", output=LINE),
                10: Says(word="flex", output=LINE),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.4555.1.1.7.1.2.1.0",
            "upsBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryCharging"),
                4: Says(word="batteryTest", testing=True),
                5: Says(word="batteryDischarging", output=BATTERY),
                6: Says(word="batteryLow", low_battery=True),
                7: Says(word="batteryDepleted", low_battery=True),
                8: Says(word="batteryFailure", replace=True),
                9: Says(word="batteryDisconnected", no_battery=True),
            },
        ),
        # "Low" and "depleted" take the place of "discharging": then only this tells an outage from its aftermath.
        Enumerated(
            "1.3.6.1.4.1.4555.1.1.7.1.2.2.0",
            "upsSecondsOnBattery",
            {0: Says(word="0")},
            above=Says(word="counting", output=BATTERY),
        ),
    ),
    runtime=(
        Measured(
            "1.3.6.1.4.1.4555.1.1.7.1.2.3.0",
            "upsEstimatedMinutesRemaining",
            60,
            never={65535: "computed only while on battery"},
        ),
        RFC_MINUTES,
    ),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.4555.1.1.7.1.2.4.0", "upsEstimatedChargeRemaining", 1),),
    load=tuple(Measured(f"1.3.6.1.4.1.4555.1.1.7.1.4.4.1.4.{line}", "upsOutputPercentLoad", 1) for line in (1, 2, 3)),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.4555.1.1.7.1.1.2.0",
)

# ---- Socomec's older cards, SOCOMECUPS-MIB, 1.3.6.1.4.1.4555.1.1.1.1 ----

SOCOMEC = Family(
    name="socomec",
    title="Socomec",
    sys_object_ids=("1.3.6.1.4.1.4555.1.1.1",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.4555.1.1.1.1.4.1.0",
            "upsOutputSource",
            {
                1: Says(word="other", output=UNKNOWN),
                2: Says(word="none", output=OFF),
                3: Says(word="normal", output=LINE),
                4: Says(word="bypass", output=BYPASS),
                5: Says(word="battery", output=BATTERY),
                6: Says(word="booster", output=LINE),
                7: Says(word="reducer", output=LINE),
                8: Says(word="standby", output=OFF),
                9: Says(word="ecoMode", output=LINE),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.4555.1.1.1.1.2.1.0",
            "upsBatteryStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
                5: Says(word="batteryDischarging"),
                6: Says(word="batteryFailure", replace=True),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.4555.1.1.1.1.2.3.0", "upsEstimatedMinutesRemaining", 60), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.4555.1.1.1.1.2.4.0", "upsEstimatedChargeRemaining", 1),),
    load=tuple(Measured(f"1.3.6.1.4.1.4555.1.1.1.1.4.4.1.4.{line}", "upsOutputPercentLoad", 1) for line in (1, 2, 3)),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Huawei, 1.3.6.1.4.1.2011.6.174, the first UPS of a card ----

HUAWEI = Family(
    name="huawei",
    title="Huawei",
    sys_object_ids=("1.3.6.1.4.1.2011.6.174",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.2011.6.174.1.2.101.1.1.1",
            "hwUpsSupplyMethod",
            {
                1: Says(word="no supply", output=OFF),
                2: Says(word="bypass", output=BYPASS),
                3: Says(word="main", output=LINE),
                4: Says(word="battery", output=BATTERY),
                5: Says(word="combined", output=LINE, alarm=True),
                6: Says(word="main in ECO", output=LINE),
                7: Says(word="battery in ECO", output=BATTERY),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.2011.6.174.1.2.101.1.3.1",
            "hwUpsBatteryState",
            {
                1: Says(word="not connected", no_battery=True),
                2: Says(word="neither charging nor discharging"),
                3: Says(word="hibernation"),
                4: Says(word="floating"),
                5: Says(word="charging"),
                6: Says(word="discharging"),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.2011.6.174.1.6.100.1.4.1", "hwUpsBattRemainTime", 1), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.2011.6.174.1.6.100.1.3.1", "hwUpsBattRemainCapacity", 1),),
    load=tuple(
        Measured(f"1.3.6.1.4.1.2011.6.174.1.4.100.1.{14 + phase}.1", "hwUpsOutputLoad", 0.1) for phase in range(3)
    ),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.2011.6.174.1.2.100.1.5.1",
)

# ---- Ingrasys and Eaton WebPower, USHA-MIB, 1.3.6.1.4.1.2468.1.2.1.1 ----

USHA = Family(
    name="usha",
    title="Ingrasys USHA",
    sys_object_ids=("1.3.6.1.4.1.2468.1.2.1",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.2468.1.2.1.1.4.1.0",
            "upsOutputGroupSource",
            {
                1: Says(word="other", output=UNKNOWN),
                2: Says(word="none", output=OFF),
                3: Says(word="normal", output=LINE),
                4: Says(word="bypass", output=BYPASS),
                5: Says(word="battery", output=BATTERY),
                6: Says(word="booster", output=LINE),
                7: Says(word="reducer", output=LINE),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.2468.1.2.1.1.2.1.0",
            "upsBatteryGroupStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
                5: Says(word="batteryDischarging"),
                6: Says(word="batteryFailure", replace=True),
            },
        ),
    ),
    runtime=(
        Measured("1.3.6.1.4.1.2468.1.2.1.1.2.3.0", "upsBatteryGroupEstimatedMinutesRemaining", 60),
        RFC_MINUTES,
    ),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.2468.1.2.1.1.2.4.0", "upsBatteryGroupEstimatedChargeRemaining", 1), RFC_CHARGE),
    load=tuple(
        Measured(f"1.3.6.1.4.1.2468.1.2.1.1.4.4.1.5.{line}", "upsOutputGroupPercentLoad", 1) for line in (1, 2, 3)
    ),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
    serial="1.3.6.1.4.1.2468.1.2.1.1.1.7.0",
)

# ---- Sinetica and Borri, 1.3.6.1.4.1.13891.101: the whole of RFC 1628 below a root of their own ----


def _below(root: str, oid: str) -> str:
    return oid.replace("1.3.6.1.2.1.33.1", root, 1)


def _copied(name: str, title: str, root: str, *sys_object_ids: str) -> Family:
    """RFC 1628 with every object below `root`."""

    def words(rows: tuple[Enumerated, ...]) -> tuple[Enumerated, ...]:
        return tuple(replace(row, oid=_below(root, row.oid)) for row in rows)

    def figures(rows: tuple[Measured, ...]) -> tuple[Measured, ...]:
        return tuple(replace(row, oid=_below(root, row.oid)) for row in rows)

    alarms = RFC_1628.alarms
    return Family(
        name=name,
        title=title,
        sys_object_ids=sys_object_ids,
        output=words(RFC_1628.output),
        conditions=words(RFC_1628.conditions),
        runtime=figures(RFC_1628.runtime),
        runtime_low=figures(RFC_1628.runtime_low),
        charge=figures(RFC_1628.charge),
        load=figures(RFC_1628.load),
        alarms=alarms
        and AlarmTable(
            _below(root, alarms.count), _below(root, alarms.column), _below(root, alarms.prefix), alarms.values
        ),
    )


SINETICA = _copied("sinetica", "Sinetica", "1.3.6.1.4.1.13891.101", "1.3.6.1.4.1.13891")

# ---- CE+T inverters: RFC 1628, whose "battery" is the DC bus that always feeds them ----

CET = Family(
    name="cet",
    title="CE+T",
    sys_object_ids=("1.3.6.1.4.1.12551",),
    only_by_hint=True,
    output=(
        replace(RFC_SOURCE, values={**RFC_SOURCE.values, 5: Says(word="battery (the DC bus)")}),
        # On battery an agent has to list upsAlarmOnBattery (RFC 1628).
        Enumerated(
            "1.3.6.1.2.1.33.1.6.1.0",
            "upsAlarmsPresent",
            {0: Says(word="0", output=LINE)},
            above=Says(word="some"),
        ),
    ),
    conditions=RFC_1628.conditions,
    runtime=(RFC_MINUTES,),
    runtime_low=(RFC_LOW,),
    charge=(RFC_CHARGE,),
    load=RFC_LOAD,
    alarms=RFC_1628.alarms,
)

# ---- DC plants: rectifiers feed the load and keep a battery beside it charged ----

ALPHA = Family(
    name="alpha",
    title="Alpha site monitoring",
    sys_object_ids=("1.3.6.1.4.1.26854",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.26854.3.2.1.20.1.20.1.13.3.1.0",
            "es1dc1DataSystemDCMode",
            {
                0: Says(word="float", output=LINE),
                1: Says(word="equalize", output=LINE),
                2: Says(word="battery test", output=BATTERY, testing=True),
                3: Says(word="AC failure", output=BATTERY),
                5: Says(word="safe", output=LINE),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.26854.3.2.1.20.1.20.1.13.3.72.0",
            "es1dc1DataBatBatTestState",
            {
                0: Says(word="never tested"),
                1: Says(word="success"),
                4: Says(word="failed: bus voltage too low", test_failed=True),
                5: Says(word="could not run: load too low"),
                6: Says(word="could not run: AC failure"),
                7: Says(word="cancelled"),
                8: Says(word="failed: low-voltage disconnect opened", test_failed=True),
                9: Says(word="failed: no battery", no_battery=True),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.26854.3.2.1.20.1.20.1.13.3.92.0", "es1dc1DataBatCalculatedAutonomy", 60),),
    charge=(Measured("1.3.6.1.4.1.26854.3.2.1.20.1.20.1.13.3.91.0", "es1dc1DataBatBatChargeCapacity", 1),),
    load=(),
)

ELTEK = Family(
    name="eltek",
    title="Eltek",
    sys_object_ids=("1.3.6.1.4.1.12148.9",),
    output=(
        # How the rectifiers charge; no public record shows what it says in an outage, so it proves nothing.
        Enumerated(
            "1.3.6.1.4.1.12148.9.2.2.0",
            "systemOperationalStatus",
            {
                0: Says(word="float, voltage regulated", output=UNKNOWN),
                1: Says(word="float, temperature compensated", output=UNKNOWN),
                2: Says(word="battery boost", output=UNKNOWN),
                3: Says(word="battery test", output=BATTERY, testing=True),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.12148.9.3.20.1.0", "batteryTimeToDisconnect", 60),),
    charge=(),
    load=(),
)
