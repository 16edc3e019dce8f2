"""What gateways tell of their lines over SNMP: one `Family` a MIB, as rows of objects and what their values say.

Data only, each enumeration complete as its MIB has it. On-hook proves no line: an unplugged one is on-hook as well.
A line off-hook carries a call, so it is in service. A new family is a new row of `FAMILIES`.

Sources: RFC 2863 (IF-MIB) with IANAifType; RFC 4805 (DS1-MIB); RFC 2127 (ISDN-MIB); CISCO-VOICE-ANALOG-IF-MIB;
AC-ANALOG-MIB and AC-PSTN-MIB (AudioCodes, 2012); INNO-MIB; Grandstream GXW42xx; recorded devices.
"""

from collections.abc import Mapping

from probes.snmp_tables import Condition, Family, Measured, Says, Words

BUSY = "line_busy"
VOLTAGE, CURRENT = "line_voltage_volts", "line_current_amperes"


def works(word: str) -> Says:
    return Says(word=word, proves=True)


def out(word: str) -> Says:
    return Says(word=word, out=True)


def neutral(word: str) -> Says:
    """Says nothing either way."""
    return Says(word=word)


# ---- any gateway: IF-MIB, with what DS1-MIB, ISDN-MIB and Cisco tell of the same ifIndex ----

IF_TYPES: Mapping[int, str] = {
    18: "ds1",
    19: "e1",
    20: "basicISDN",
    21: "primaryISDN",
    63: "isdn",
    75: "isdns",
    76: "isdnu",
    77: "lapd",
    81: "ds0",
    100: "voiceEM",
    101: "voiceFXO",
    102: "voiceFXS",
    103: "voiceEncap",
    104: "voiceOverIp",
}
"""IANAifType of what calls go over."""

DSX1 = {
    1: works("dsx1NoAlarm"),
    2: out("dsx1RcvFarEndLOF (yellow alarm)"),
    4: out("dsx1XmtFarEndLOF"),
    8: out("dsx1RcvAIS (blue alarm)"),
    16: out("dsx1XmtAIS"),
    32: out("dsx1LossOfFrame (red alarm)"),
    64: out("dsx1LossOfSignal"),
    128: out("dsx1LoopbackState"),
    256: out("dsx1T16AIS"),
    512: out("dsx1RcvFarEndLOMF"),
    1024: out("dsx1XmtFarEndLOMF"),
    2048: Says(word="dsx1RcvTestCode", weak=True),
    4096: out("dsx1OtherFailure"),
    8192: out("dsx1UnavailSigState"),
    16384: out("dsx1NetEquipOOS"),
    32768: out("dsx1RcvPayloadAIS"),
    65536: Says(word="dsx1Ds2PerfThreshold", weak=True),
}

IF = "1.3.6.1.2.1.2.2.1"
IF_MIB = Family(
    name="if-mib",
    title="interface of a voice line (IF-MIB)",
    sys_object_ids=(),
    rows=f"{IF}.3",
    only=frozenset(IF_TYPES),
    labels=("1.3.6.1.2.1.31.1.1.1.1", f"{IF}.2", "1.3.6.1.2.1.31.1.1.1.18"),
    words=(
        # A line that a declared path needs and that is switched off is out, whoever switched it.
        Words(
            oid=f"{IF}.7",
            name="ifAdminStatus",
            values={1: neutral("up"), 2: out("down (switched off)"), 3: neutral("testing")},
        ),
        # A voice port that waits for a call is dormant on Cisco. 0 is seen, and in no MIB.
        Words(
            oid=f"{IF}.8",
            name="ifOperStatus",
            values={
                1: works("up"),
                2: out("down"),
                3: neutral("testing"),
                4: neutral("unknown"),
                5: works("dormant"),
                6: out("notPresent"),
                7: out("lowerLayerDown"),
            },
        ),
        Words(oid="1.3.6.1.2.1.10.18.6.1.10", name="dsx1LineStatus", values=DSX1, bits=True),
        # A BRI that is shared by several terminals drops layer 2 while nobody calls.
        Words(
            oid="1.3.6.1.2.1.10.20.1.3.4.1.2",
            name="isdnLapdOperStatus",
            values={1: out("inactive"), 2: neutral("l1Active"), 3: works("l2Active")},
        ),
        Words(
            oid="1.3.6.1.4.1.9.9.62.1.3.2.1.1",
            name="cvAnalogHookStatus",
            quantity=BUSY,
            values={
                1: Says(word="onHook", value=0),
                2: Says(word="offHook", proves=True, value=1),
                3: neutral("trunked"),
            },
        ),
    ),
)

# ---- AudioCodes, 1.3.6.1.4.1.5003.9.10.8 (analog) and .9 (trunks); indexes from 0, ports printed from 1 ----

AC = "1.3.6.1.4.1.5003.9.10"
TEST = f"{AC}.8.3.1.1.1"
TEST_DONE: Condition = (f"{TEST}.2", frozenset({2}))
"""acAnalogFxoLineTestActivate. Writing 1 would run the test, and is never done."""
AUDIOCODES = Family(
    name="audiocodes",
    title="AudioCodes analog channel (AC-ANALOG-MIB)",
    sys_object_ids=("1.3.6.1.4.1.5003",),
    rows=f"{AC}.8.2.20.1.1.2",
    printed=1,
    words=(
        Words(
            oid=f"{AC}.8.2.20.1.1.2",
            name="channel type",
            values={0: neutral("FXO"), 1: neutral("FXS"), 2: neutral("E&M")},
        ),
        Words(
            oid=f"{AC}.8.2.20.1.1.4",
            name="hook state",
            quantity=BUSY,
            values={1: Says(word="onHook", value=0), 2: Says(word="offHook", proves=True, value=1)},
        ),
        Words(
            oid=f"{TEST}.5",
            name="lineConnection",
            values={1: out("disconnected"), 2: works("connected")},
            tested=True,
            only_if=TEST_DONE,
        ),
    ),
    figures=(
        Measured(
            oid=f"{TEST}.7",
            name="line voltage",
            quantity=VOLTAGE,
            unit="V",
            least=-128,
            most=128,
            only_if=TEST_DONE,
        ),
        Measured(
            oid=f"{TEST}.6",
            name="line current",
            quantity=CURRENT,
            unit="A",
            scale=0.001,
            least=0,
            most=0.1,
            never={-1: "not available"},
            only_if=TEST_DONE,
        ),
    ),
)
AUDIOCODES_TRUNK = Family(
    name="audiocodes-trunk",
    title="AudioCodes trunk (AC-PSTN-MIB)",
    sys_object_ids=("1.3.6.1.4.1.5003",),
    rows=f"{AC}.9.2.1.1.1.7",
    printed=1,
    words=(
        Words(
            oid=f"{AC}.9.2.1.1.1.6",
            name="acTrunkStatusDChannel",
            values={0: works("established"), 1: out("notEstablished"), 10: neutral("notApplicable")},
        ),
        Words(
            oid=f"{AC}.9.2.1.1.1.7",
            name="acTrunkStatusAlarm",
            values={
                0: out("disabled"),
                1: works("active"),
                2: out("LOS or LOF"),
                3: out("AIS"),
                4: out("RAI"),
                5: out("D-channel alarm"),
                6: out("lower layer down"),
                7: Says(word="NFAS alarm", weak=True),
            },
        ),
    ),
)

# ---- Grandstream, 1.3.6.1.4.1.42397.1: each port's registration decides, its hook state tells of calls ----


def grandstream(name: str, title: str, tree: str) -> Family:
    return Family(
        name=name,
        title=f"Grandstream {title}",
        sys_object_ids=("1.3.6.1.4.1.42397",),
        rows=f"{tree}.2",
        printed=0,
        words=(
            Words(
                oid=f"{tree}.2",
                name="registration",
                values={"registered": works("Registered"), "not registered": out("Not Registered")},
            ),
            Words(
                oid=f"{tree}.1",
                name="hook state",
                quantity=BUSY,
                values={"on hook": Says(word="On Hook", value=0), "off hook": Says(word="Off Hook", value=1)},
            ),
        ),
    )


# ---- innovaphone, 1.3.6.1.4.1.6666.1: layer 2 of its ISDN interfaces, by label ----

INNOVAPHONE = Family(
    name="innovaphone",
    title="innovaphone ISDN interface (INNO-MIB)",
    sys_object_ids=("1.3.6.1.4.1.6666",),
    rows="1.3.6.1.4.1.6666.1.1.1.2",
    labels=("1.3.6.1.4.1.6666.1.1.1.1",),
    words=(Words(oid="1.3.6.1.4.1.6666.1.1.1.2", name="l2State", values={1: out("down"), 2: works("up")}),),
)

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        AUDIOCODES,
        AUDIOCODES_TRUNK,
        grandstream("grandstream-gxw", "GXW", "1.3.6.1.4.1.42397.1.1.2"),
        grandstream("grandstream-ht", "HT", "1.3.6.1.4.1.42397.1.2.2"),
        INNOVAPHONE,
        IF_MIB,
    )
}
"""By the name that a site file may give. Every device has interfaces: they stand last."""

_UNPROVED = "its objects are proved by no public record, so they are not read"
REFUSED: Mapping[str, str] = {
    "1.3.6.1.4.1.9.6.1.23": "a Cisco SPA: its agent shows nothing of its lines",
    "1.3.6.1.4.1.2879": f"a Sonus GSX or SBC Core: {_UNPROVED}",
    "1.3.6.1.4.1.9148": f"an Oracle SBC: {_UNPROVED}",
}
"""Makes that are known and refused by name: sysObjectID prefix to why."""
