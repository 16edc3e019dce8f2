"""What cellular routers offer over SNMP: one `Family` a vendor MIB, as rows of objects and what their values say.

Data only. Enumerations and strings are complete as the MIB or the device's documentation has them, so that other
devices of a make decode as well; they are never shared between vendors. A new family is a new row of `FAMILIES`.

Sources: CISCO-WAN-3G-MIB (2013) and CISCO-WAN-CELL-EXT-MIB; Peplink WAN and CELLULAR (2016, 2018); TELTONIKA-MIB
(before RutOS 7) and TELTONIKA-RUTX-MIB; MIKROTIK-MIB; ONEACCESS-CELLULAR-MIB (2014); recorded devices.
"""

from collections.abc import Mapping

from probes.snmp_tables import Family, Joined, Measured, Named, Says, Words

SIM, REGISTERED = "cellular_sim_ready", "cellular_registered"
RSRP, RSRQ, SINR, RSSI = "cellular_rsrp_dbm", "cellular_rsrq_db", "cellular_sinr_db", "cellular_rssi_dbm"
OPERATOR, TECHNOLOGY = "cellular_operator_info", "cellular_technology_info"

NO_SIGNAL: Mapping[float, str] = {-113: "the floor of the scale: no signal", -9999: "not applicable", 0: "not reported"}
"""3GPP TS 27.007 §8.5: -113 dBm or less. 0 dBm is what modems say that have not measured."""


def rsrp(oid: str, name: str) -> Measured:
    """Credible as 3GPP TS 38.133 §10.1.6 and TS 36.133 §9.1.4 define it."""
    return Measured(oid=oid, name=name, quantity=RSRP, unit="dBm", least=-156, most=-31)


def rsrq(oid: str, name: str, scale: float = 1) -> Measured:
    return Measured(oid=oid, name=name, quantity=RSRQ, unit="dB", scale=scale, least=-43, most=20, needs=RSRP)


def sinr(oid: str, name: str, scale: float = 1) -> Measured:
    return Measured(oid=oid, name=name, quantity=SINR, unit="dB", scale=scale, least=-23, most=40, needs=RSRP)


def rssi(oid: str, name: str) -> Measured:
    return Measured(oid=oid, name=name, quantity=RSSI, unit="dBm", least=-120, most=-10, never=NO_SIGNAL)


def registered(word: str, *, weak: bool = False) -> Says:
    return Says(word=word, proves=True, weak=weak, value=1)


def missing(word: str) -> Says:
    """A SIM that cannot be used, or a network that does not let the modem in."""
    return Says(word=word, out=True, value=0)


def neutral(word: str) -> Says:
    """Says nothing either way."""
    return Says(word=word)


ROAMING = "roaming"

# ---- Cisco, 1.3.6.1.4.1.9.9.661 and .817, by entPhysicalIndex ----

C3G, CELL_EXT = "1.3.6.1.4.1.9.9.661.1", "1.3.6.1.4.1.9.9.817.1.1.1.1.1"
CISCO = Family(
    name="cisco",
    title="CISCO-WAN-3G-MIB",
    sys_object_ids=("1.3.6.1.4.1.9.1",),
    rows=f"{C3G}.3.1.1.6",
    labels=("1.3.6.1.2.1.47.1.1.1.1.7",),
    words=(
        Words(
            oid=f"{C3G}.3.1.1.6",
            name="c3gModemStatus",
            values={
                1: neutral("unknown"),
                2: Says(word="offLine", out=True),
                3: neutral("onLine"),
                4: Says(word="lowPowerMode", out=True),
            },
        ),
        Words(
            oid=f"{C3G}.3.5.1.1.2",
            name="c3gGsmSimStatus",
            quantity=SIM,
            values={
                1: neutral("unknown"),
                2: Says(word="ok", value=1),
                3: missing("notInserted"),
                4: missing("removed"),
                5: missing("initFailure"),
                6: missing("generalFailure"),
                7: missing("locked"),
                8: missing("chv1Blocked"),
                9: missing("chv2Blocked"),
                10: missing("chv1Rejected"),
                11: missing("chv2Rejected"),
                12: missing("mepLocked"),
                13: missing("networkRejected"),
            },
        ),
        Words(
            oid=f"{C3G}.3.2.1.2",
            name="c3gGsmCurrentServiceStatus",
            quantity=REGISTERED,
            values={
                1: neutral("unknown"),
                2: missing("noService"),
                3: registered("normal"),
                # No data session: a router's modem places no call of its own.
                4: missing("emergencyOnly"),
            },
        ),
        Words(
            oid=f"{C3G}.3.2.1.5",
            name="c3gGsmPacketService",
            quantity=REGISTERED,
            values={
                1: neutral("unknown"),
                2: missing("none"),
                3: registered("gprs"),
                4: registered("edge"),
                5: registered("umtsWcdma"),
                6: registered("hsdpa"),
                7: registered("hsupa"),
                8: registered("hspa"),
                9: registered("hspaPlus"),
                10: registered("lte"),
            },
        ),
        # Its default is home: that alone proves nothing.
        Words(
            oid=f"{C3G}.3.2.1.6",
            name="c3gGsmCurrentRoamingStatus",
            values={1: neutral("unknown"), 2: Says(word=ROAMING, weak=True), 3: neutral("home")},
        ),
        # A standby modem is idle, dormant or disconnected: none of these is a fault.
        Words(
            oid=f"{C3G}.1.1.1.8",
            name="c3gConnectionStatus",
            values={
                1: neutral("unknown"),
                2: Says(word="error", weak=True),
                3: neutral("connecting"),
                4: registered("dormant"),
                5: registered("connected"),
                6: neutral("disconnected"),
                7: neutral("idle"),
                8: registered("active"),
                9: neutral("inactive"),
            },
        ),
    ),
    figures=(
        rsrp(f"{CELL_EXT}.1", "cwceLteCurrRsrp"),
        rsrq(f"{CELL_EXT}.2", "cwceLteCurrRsrq", 0.1),
        sinr(f"{CELL_EXT}.4", "cwceLteCurrSinr", 0.1),
        sinr(f"{CELL_EXT}.3", "cwceLteCurrSnr", 0.1),
        rssi(f"{C3G}.3.4.1.1.1", "c3gCurrentGsmRssi"),
    ),
    names=(Named(f"{C3G}.3.2.1.18", OPERATOR),),
)

# ---- Peplink, 1.3.6.1.4.1.23695 and its mirror under Pepwave's 27662, by WAN ----

WAN_STATES = {
    0: neutral("unknown"),
    1: missing("disabled"),
    2: missing("disconnected"),
    3: registered("connected"),
    4: missing("connecting"),
    5: missing("activating"),
    6: missing("health-check-fail"),
    7: missing("disconnected-manually"),
    8: registered("standby"),
}


def peplink(name: str, tree: str) -> Family:
    wan, cell = f"{tree}.2.1.2.1", f"{tree}.200.1.12.1.1.1"
    return Family(
        name=name,
        title=f"{name.capitalize()} WAN",
        sys_object_ids=("1.3.6.1.4.1.27662", "1.3.6.1.4.1.23695"),
        rows=f"{wan}.3",
        labels=(f"{wan}.2",),
        words=(
            Words(oid=f"{wan}.3", name="wanState", quantity=REGISTERED, values=WAN_STATES),
            Words(
                oid=f"{wan}.4",
                name="wanHealthCheckState",
                values={0: Says(word="fail", weak=True), 1: neutral("success")},
                only_if=(f"{wan}.3", frozenset({3, 8})),
            ),
        ),
        figures=(rssi(f"{wan}.5", "wanSignal"),),
        joined=Joined(
            key=f"{cell}.2",
            same=f"{cell}.3",
            as_=f"{wan}.5",
            figures=(
                rsrp(f"{cell}.7", "cellularSignalRsrp"),
                rsrq(f"{cell}.8", "cellularSignalRsrq"),
                sinr(f"{cell}.5", "cellularSignalSinr"),
                sinr(f"{cell}.4", "cellularSignalSnr"),
            ),
        ),
    )


# ---- Teltonika, 1.3.6.1.4.1.48690 ----

TELTONIKA_SIM = {
    "inserted": Says(word="inserted", value=1),
    "not inserted": missing("not inserted"),
    "unknown": neutral("unknown"),
}
TELTONIKA_PIN = {
    "ok": Says(word="OK", value=1),
    "ready": Says(word="READY", value=1),
    "not ready": missing("NOT READY"),
    "unknown": neutral("unknown"),
    "pin required": missing("PIN REQUIRED"),
    "required pin": missing("Required PIN"),
    "puk": missing("PUK"),
    "sim pin": missing("SIM PIN"),
    "sim puk": missing("SIM PUK"),
    "required puk": missing("Required PUK"),
    "required network personalization password": missing("Required network personalization password"),
    "required network personalization unlocking password": missing(
        "Required network personalization unlocking password"
    ),
    "required network subset personalization password": missing("Required network subset personalization password"),
    "required network subset personalization unlocking password": missing(
        "Required network subset personalization unlocking password"
    ),
    "sim not inserted": missing("SIM not inserted"),
    "sim failure": missing("SIM failure"),
    "sim busy": neutral("SIM busy"),
}
TELTONIKA_NET = {
    "registered, home": registered("Registered, home"),
    "registered (home)": registered("registered (home)"),
    "registered, roaming": registered(ROAMING, weak=True),
    "registered (roaming)": registered(ROAMING, weak=True),
    "roaming": registered(ROAMING, weak=True),
    "searching": missing("searching"),
    "denied": missing("Denied"),
    "registration denied": missing("Registration denied"),
    "unregistered": missing("unregistered"),
    "not registered": missing("not registered"),
    "not registered, searching": missing("Not registered, searching"),
    "not registered, not searching": missing("Not registered, not searching"),
    "registered, emergency services only": missing("Registered, emergency services only"),
    "not supported": neutral("Not supported"),
    "unknown": neutral("unknown"),
}
TELTONIKA_LINK = {
    "connected": registered("Connected"),
    # The network state says whether it could: a standby modem is not connected.
    "not connected": neutral("Not connected"),
    "disconnected": neutral("Disconnected"),
}

RUTOS = "1.3.6.1.4.1.48690.2.2.1"
TELTONIKA = Family(
    name="teltonika",
    title="Teltonika's modem table (RutOS 7)",
    sys_object_ids=("1.3.6.1.4.1.48690",),
    rows=f"{RUTOS}.9",
    labels=(f"{RUTOS}.2",),
    words=(
        Words(oid=f"{RUTOS}.9", name="mSimState", quantity=SIM, values=TELTONIKA_SIM),
        Words(oid=f"{RUTOS}.10", name="mPinState", quantity=SIM, values=TELTONIKA_PIN),
        Words(oid=f"{RUTOS}.11", name="mNetState", quantity=REGISTERED, values=TELTONIKA_NET),
        Words(oid=f"{RUTOS}.15", name="mConnectionState", quantity=REGISTERED, values=TELTONIKA_LINK),
    ),
    figures=(
        rsrp(f"{RUTOS}.20", "mRSRP"),
        rsrq(f"{RUTOS}.21", "mRSRQ"),
        sinr(f"{RUTOS}.19", "mSINR"),
        rssi(f"{RUTOS}.12", "mSignal"),
    ),
    names=(Named(f"{RUTOS}.13", OPERATOR), Named(f"{RUTOS}.16", TECHNOLOGY)),
)

# RutOS 7 has a count of modems and an uptime where the older MIB has the SIM and the network state: what tells the
# two apart is the signal, which RutOS 7 has in its table alone.
MOBILE = "1.3.6.1.4.1.48690.2"
TELTONIKA_LEGACY = Family(
    name="teltonika-legacy",
    title="TELTONIKA-MIB (before RutOS 7)",
    sys_object_ids=("1.3.6.1.4.1.48690",),
    rows=f"{MOBILE}.4",
    words=(
        Words(oid=f"{MOBILE}.1", name="SimState", quantity=SIM, values=TELTONIKA_SIM),
        Words(oid=f"{MOBILE}.2", name="PinState", quantity=SIM, values=TELTONIKA_PIN),
        Words(oid=f"{MOBILE}.3", name="NetState", quantity=REGISTERED, values=TELTONIKA_NET),
        Words(oid=f"{MOBILE}.7", name="ConnectionState", quantity=REGISTERED, values=TELTONIKA_LINK),
    ),
    figures=(
        rsrp(f"{MOBILE}.23", "RSRP"),
        sinr(f"{MOBILE}.22", "SINR"),
        rssi(f"{MOBILE}.4", "Signal"),
    ),
    names=(Named(f"{MOBILE}.5", OPERATOR), Named(f"{MOBILE}.8", TECHNOLOGY)),
)

# ---- MikroTik, 1.3.6.1.4.1.14988.1.1.16, by interface ----

LTE = "1.3.6.1.4.1.14988.1.1.16.1.1"
MIKROTIK = Family(
    name="mikrotik",
    title="MIKROTIK-MIB's LTE modems",
    sys_object_ids=("1.3.6.1.4.1.14988",),
    rows=f"{LTE}.4",
    labels=("1.3.6.1.4.1.14988.1.1.14.1.1.2",),
    words=(
        # As +CREG tells it, which it does of a registered modem (3GPP TS 27.007 §7.2).
        Words(
            oid=f"{LTE}.6",
            name="mtxrLTEModemAccessTechnology",
            quantity=REGISTERED,
            values={
                -1: neutral("unknown"),
                # A modem that is off answers 0 in every column.
                0: neutral("gsmcompact"),
                1: registered("gsm"),
                2: registered("utran"),
                3: registered("egprs"),
                4: registered("hsdpa"),
                5: registered("hsupa"),
                6: registered("hsdpahsupa"),
                7: registered("eutran"),
                11: registered("nr-sa"),
                13: registered("nr-nsa"),
            },
        ),
    ),
    figures=(
        rsrp(f"{LTE}.4", "mtxrLTEModemSignalRSRP"),
        rsrq(f"{LTE}.3", "mtxrLTEModemSignalRSRQ"),
        sinr(f"{LTE}.7", "mtxrLTEModemSignalSINR"),
        rssi(f"{LTE}.2", "mtxrLTEModemSignalRSSI"),
    ),
    names=(Named(f"{LTE}.14", TECHNOLOGY),),
)

# ---- those that tell their signal and not whether they are registered ----

ICR = "1.3.6.1.4.1.30140.4"
ADVANTECH = Family(
    name="advantech",
    title="Advantech ICR (Conel)",
    sys_object_ids=("1.3.6.1.4.1.30140",),
    rows=f"{ICR}.30",
    figures=(
        rsrp(f"{ICR}.32", "RSRP"),
        rsrq(f"{ICR}.33", "RSRQ"),
        sinr(f"{ICR}.41", "SINR"),
        rssi(f"{ICR}.30", "RSSI"),
    ),
)
OAC = "1.3.6.1.4.1.13191.10.3.9.2.1"
ONEACCESS = Family(
    name="oneaccess",
    title="ONEACCESS-CELLULAR-MIB",
    sys_object_ids=("1.3.6.1.4.1.13191",),
    rows=f"{OAC}.41",
    figures=(
        rsrp(f"{OAC}.44", "oacCellRSRP"),
        rsrq(f"{OAC}.43", "oacCellRSRQ"),
        sinr(f"{OAC}.45", "oacCellSNR"),
        rssi(f"{OAC}.41", "oacCellSignalStrength"),
    ),
    # Its states of SIM and registration are texts that no document lists.
    names=(Named(f"{OAC}.40", OPERATOR), Named(f"{OAC}.46", TECHNOLOGY)),
)
TELDAT_LTE = "1.3.6.1.4.1.2007.4.1.2.2.2.18.3.2.1"
TELDAT = Family(
    name="teldat",
    title="Teldat's cellular table",
    sys_object_ids=("1.3.6.1.4.1.2007",),
    rows=f"{TELDAT_LTE}.10",
    labels=("1.3.6.1.2.1.2.2.1.2",),
    figures=(
        rsrp(f"{TELDAT_LTE}.22", "RSRP"),
        rsrq(f"{TELDAT_LTE}.23", "RSRQ"),
        rssi(f"{TELDAT_LTE}.10", "RSSI"),
    ),
)

# ---- FortiGate with a built-in modem, 1.3.6.1.4.1.12356.101.19 ----

FORTI = "1.3.6.1.4.1.12356.101.19"
FORTIGATE = Family(
    name="fortigate",
    title="FORTINET-FORTIGATE-MIB's LTE modem",
    sys_object_ids=("1.3.6.1.4.1.12356.101",),
    rows=f"{FORTI}.3.1.13",
    words=(
        Words(
            oid=f"{FORTI}.5.1.4",
            name="fdLteSessConnStat",
            quantity=REGISTERED,
            # Without a session it may stand by or be out: it does not say which.
            values={
                0: neutral("Unknown"),
                1: neutral("Disconnected"),
                2: registered("Connected"),
                3: neutral("Suspended"),
                4: neutral("Authenticating"),
            },
        ),
    ),
    # The unit of its SNR is nowhere told; it is left out.
    figures=(
        rsrp(f"{FORTI}.3.1.13", "fgLteRsrp"),
        rsrq(f"{FORTI}.3.1.12", "fgLteRsrq"),
        rssi(f"{FORTI}.3.1.11", "fgLteRssi"),
    ),
)

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        CISCO,
        peplink("peplink", "1.3.6.1.4.1.23695"),
        peplink("pepwave", "1.3.6.1.4.1.27662"),
        TELTONIKA,
        TELTONIKA_LEGACY,
        MIKROTIK,
        ADVANTECH,
        ONEACCESS,
        TELDAT,
        FORTIGATE,
    )
}
"""By the name that a site file may give; those that are told apart only by what they lack stand later."""

_UNPROVED = "its cellular objects are proved by no public record, so they are not read; watch it by a ping through it"
REFUSED: Mapping[str, str] = {
    "1.3.6.1.4.1.20992": f"a Cradlepoint: {_UNPROVED}",
    "1.3.6.1.4.1.20542": f"a Sierra Wireless AirLink: {_UNPROVED}",
    "1.3.6.1.4.1.16378": f"a Digi TransPort: {_UNPROVED}",
    "1.3.6.1.4.1.332": f"a Digi: {_UNPROVED}",
}
"""Makes that are known and refused by name: sysObjectID prefix to why."""
