"""UPS families of Liebert and Vertiv, as rows.

Sources: LIEBERT-GP-POWER-MIB and LIEBERT-GP-CONDITIONS-MIB; LIEBERT-GP-FLEXIBLE-MIB, whose data points are numbers
of Vertiv's own list; VERTIV-ITA2-MIB 1.2; DCS-MIB; recorded devices.
"""

from collections.abc import Mapping

from probes.ups_mib import (
    BATTERY,
    BYPASS,
    LINE,
    OFF,
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

# ---- Liebert GP, 1.3.6.1.4.1.476.1.42.3.5 ----

LIEBERT_CONDITIONS = {
    "32": Says(word="emergency shutdown", alarm=True),
    "33": Says(word="on bypass", output=BYPASS),
    "40": Says(word="overload", overload=True),
    "51.10": Says(word="battery disconnect open", no_battery=True),
    "70": Says(word="utility failure", alarm=True),
    "71": Says(word="battery test in progress", testing=True),
    "72": Says(word="load on battery", output=BATTERY),
    "74": Says(word="replace battery", replace=True),
    "75": Says(word="shutdown pending", alarm=True),
    "76": Says(word="battery charger failed", alarm=True),
    "83": Says(word="load locked on bypass", output=BYPASS),
    "86": Says(word="emergency power off", output=OFF),
    "99": Says(word="power redundancy lost", alarm=True),
    "100": Says(word="power module failure", alarm=True),
    "101": Says(word="battery module failure", alarm=True),
    "102": Says(word="output to load off", output=OFF),
    "105": Says(word="rectifier fault", alarm=True),
    "107": Says(word="inverter fault", alarm=True),
    "109": Says(word="parallel system's battery low", low_battery=True),
    "111": Says(word="battery fault", replace=True),
    "117": Says(word="battery low", low_battery=True),
    "118": Says(word="internal fault", alarm=True),
    "119": Says(word="battery test failed", test_failed=True),
    "129": Says(word="battery redundancy lost", alarm=True),
}
"""Of LIEBERT-GP-CONDITIONS-MIB, which air conditioners and transfer switches share, what a UPS can say."""

LIEBERT_GP = Family(
    name="liebert-gp",
    title="Liebert GP",
    sys_object_ids=("1.3.6.1.4.1.476.1.42",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.476.1.42.3.5.3.55.0",
            "lgpPwrStateUpsOutputSource",
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
            "1.3.6.1.4.1.476.1.42.3.5.1.26.0",
            "lgpPwrBatteryCapacityStatus",
            {
                1: Says(word="unknown", alarm=True),
                2: Says(word="batteryNormal"),
                3: Says(word="batteryLow", low_battery=True),
                4: Says(word="batteryDepleted", low_battery=True),
            },
        ),
        Enumerated(
            "1.3.6.1.4.1.476.1.42.3.5.1.8.0",
            "lgpPwrBatteryTestResult",
            {
                1: Says(word="unknown"),
                2: Says(word="passed"),
                3: Says(word="failed", test_failed=True),
                4: Says(word="inProgress", testing=True),
                5: Says(word="systemFailure", alarm=True),
                6: Says(word="inhibited"),
            },
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.476.1.42.3.5.1.18.0", "lgpPwrBatteryTimeRemaining", 60), RFC_MINUTES),
    runtime_low=(RFC_LOW,),
    charge=(Measured("1.3.6.1.4.1.476.1.42.3.5.1.19.0", "lgpPwrBatteryCapacity", 1), RFC_CHARGE),
    load=RFC_LOAD,
    alarms=AlarmTable(
        "1.3.6.1.4.1.476.1.42.3.2.2.0",
        "1.3.6.1.4.1.476.1.42.3.2.3.1.2",
        "1.3.6.1.4.1.476.1.42.3.2.1",
        LIEBERT_CONDITIONS,
    ),
    stand_in=RFC_SOURCE,
)

# ---- Liebert flexible, 1.3.6.1.4.1.476.1.42.3.9: the same points as numbers (30) or as text (20) ----

_FLEXIBLE_SOURCES = (
    ("other", UNKNOWN),
    ("off", OFF),
    ("normal", LINE),
    ("bypass", BYPASS),
    ("battery", BATTERY),
    ("booster", LINE),
    ("reducer", LINE),
)


_FLEXIBLE_WORDS = (
    *_FLEXIBLE_SOURCES,
    ("none", OFF),
    ("maintenance bypass", BYPASS),
    ("on bypass", BYPASS),
    ("on battery", BATTERY),
    ("boost", LINE),
    ("buck", LINE),
)
"""As text the cards have more of them."""


def _point(number: int) -> str:
    return f"1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.1.{number}"


def _event(number: int, name: str, says: Says) -> Enumerated:
    """An event of the text column, by its label."""
    oid = f"1.3.6.1.4.1.476.1.42.3.9.20.1.20.1.2.100.{number}"
    values: dict[float | str, Says] = dict.fromkeys(("inactive event", "inactive", "normal"), Says(word="inactive"))
    values |= dict.fromkeys(("active event", "active warning", "active alarm", "active"), says)
    return Enumerated(oid, name, values)


LIEBERT_FLEXIBLE = Family(
    name="liebert-flexible",
    title="Liebert flexible",
    sys_object_ids=("1.3.6.1.4.1.476.1.42",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.476.1.42.3.9.30.1.20.1.2.1.4872",
            "UPS Output Source",
            {number: Says(word=word, output=said) for number, (word, said) in enumerate(_FLEXIBLE_SOURCES, 1)},
        ),
        Enumerated(
            _point(4872),
            "UPS Output Source",
            {word: Says(word=word, output=said) for word, said in _FLEXIBLE_WORDS},
        ),
    ),
    conditions=(
        _event(4162, "Battery Low", Says(word="active", low_battery=True)),
        _event(4168, "Battery Discharging", Says(word="active", output=BATTERY)),
        _event(4172, "Battery Auto Test In Progress", Says(word="active", testing=True)),
        _event(4173, "Main Battery Disconnect Open", Says(word="active", no_battery=True)),
        _event(4213, "System Shutdown - EPO", Says(word="active", output=OFF)),
        _event(4233, "Inverter Failure", Says(word="active", alarm=True)),
        _event(4298, "UPS Output on Bypass", Says(word="active", output=BYPASS)),
        _event(4299, "Output Load on Maint. Bypass", Says(word="active", output=BYPASS)),
        _event(5806, "Output Overload", Says(word="active", overload=True)),
        _event(6182, "Replace Battery", Says(word="active", replace=True)),
    ),
    runtime=(
        Measured("1.3.6.1.4.1.476.1.42.3.9.30.1.20.1.2.1.4150", "Battery Time Remaining", 60),
        Measured(_point(4150), "Battery Time Remaining", 60),
        RFC_MINUTES,
    ),
    runtime_low=(RFC_LOW,),
    charge=(
        Measured("1.3.6.1.4.1.476.1.42.3.9.30.1.20.1.2.1.4153", "Battery Charge", 1),
        Measured(_point(4153), "Battery Charge", 1),
    ),
    load=(
        Measured("1.3.6.1.4.1.476.1.42.3.9.30.1.20.1.2.1.5861", "Output Load", 1),
        Measured(_point(5861), "Output Load", 1),
        *(Measured(_point(4223 + phase), "System Output Pct Power", 1) for phase in range(3)),
    ),
    alarms=RFC_BESIDE,
    stand_in=RFC_SOURCE,
)

# ---- Vertiv ITA2, 1.3.6.1.4.1.13400.2.54 ----

NOT_THERE: Mapping[float, str] = {9999: "the number for 'not there'"}

ITA2 = Family(
    name="ita2",
    title="Vertiv ITA2",
    sys_object_ids=("1.3.6.1.4.1.13400.2.54",),
    output=(
        Enumerated(
            "1.3.6.1.4.1.13400.2.54.2.1.2.0",
            "upsOutputSource",
            {
                0: Says(word="UPSNoOutput", output=OFF),
                1: Says(word="UPSOnMain", output=LINE),
                2: Says(word="UPSOnBattery", output=BATTERY),
                3: Says(word="UPSOnBypass", output=BYPASS),
                4: Says(word="UPSonUtilityandBattery", output=LINE, alarm=True),
            },
        ),
    ),
    conditions=(
        Enumerated(
            "1.3.6.1.4.1.13400.2.54.2.1.1.0",
            "systemStatus",
            {0: Says(word="normal"), 1: Says(word="warning", alarm=True), 2: Says(word="critical", alarm=True)},
        ),
    ),
    runtime=(Measured("1.3.6.1.4.1.13400.2.54.2.5.7.0", "batteryRemainsTime", 6, never=NOT_THERE),),
    charge=(Measured("1.3.6.1.4.1.13400.2.54.2.5.10.0", "batteryCapacity", 1),),
    load=tuple(Measured(f"1.3.6.1.4.1.13400.2.54.2.3.{14 + phase}.0", "outputLoad", 0.1) for phase in range(3)),
    serial="1.3.6.1.4.1.13400.2.54.1.3.0",
)

# ---- Vertiv DCS (a cabinet's controller), the ITA2 in it, 1.3.6.1.4.1.13400.3.4.491 ----


def _cabinet(number: int) -> str:
    return f"1.3.6.1.4.1.13400.3.4.491.1.1.{number}.1"


def _cabinet_alarm(number: int, name: str, says: Says) -> Enumerated:
    return Enumerated(_cabinet(number), name, {0: Says(word="normal"), 1: says})


DCS = Family(
    name="vertiv-dcs",
    title="Vertiv DCS",
    sys_object_ids=("1.3.6.1.4.1.13400.3",),
    output=(
        Enumerated(
            _cabinet(76),
            "InputPowerStatus",
            {
                0: Says(word="utilityonline", output=LINE),
                1: Says(word="onbat", output=BATTERY),
                2: Says(word="upsonunionmode", output=LINE, alarm=True),
                3: Says(word="upsshutdown", output=OFF),
            },
        ),
    ),
    conditions=(
        Enumerated(
            _cabinet(77),
            "BatStatus",
            {
                0: Says(word="idle"),
                1: Says(word="floatcharging"),
                2: Says(word="equalizationcharging"),
                3: Says(word="discharging"),
                4: Says(word="selftesting", testing=True),
                5: Says(word="nobat", no_battery=True),
                6: Says(word="full"),
                7: Says(word="precharge"),
                8: Says(word="fastcharging"),
            },
        ),
        _cabinet_alarm(102, "BatLowPreWarning", Says(word="alarm", low_battery=True)),
        _cabinet_alarm(104, "NoBat", Says(word="alarm", no_battery=True)),
        _cabinet_alarm(106, "BatAging", Says(word="alarm", replace=True)),
        _cabinet_alarm(107, "BatTestFailure", Says(word="alarm", test_failed=True)),
        _cabinet_alarm(115, "SystemOverload", Says(word="alarm", overload=True)),
        _cabinet_alarm(119, "OnMaintenanceBypass", Says(word="alarm", output=BYPASS)),
        _cabinet_alarm(121, "BypassMode", Says(word="alarm", output=BYPASS)),
        _cabinet_alarm(126, "SystemFault", Says(word="alarm", alarm=True)),
        _cabinet_alarm(129, "UPShasnooutput", Says(word="alarm", output=OFF)),
    ),
    runtime=(Measured(_cabinet(65), "BatRemainTime", 6, never=NOT_THERE),),
    charge=(Measured(_cabinet(68), "BatCapacity", 0.1, never=NOT_THERE),),
    load=tuple(Measured(_cabinet(45 + phase), "OutputLoad", 0.1, never=NOT_THERE) for phase in range(3)),
)
