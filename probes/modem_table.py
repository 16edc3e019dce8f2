"""What ModemManager tells of a modem, as rows of the one shape that modems have here (`probes.snmp_tables`).

Data only: a column is the path of a value in the JSON of `mmcli -J`. Every word that ModemManager 1.20 has is listed
(MMModemState, MMModemLock, MMModem3gppRegistrationState, MMModem3gppPacketServiceState, MMModemPowerState).
"""

from probes.cellular_families import (
    OPERATOR,
    REGISTERED,
    ROAMING,
    SIM,
    TECHNOLOGY,
    missing,
    neutral,
    registered,
    rsrp,
    rsrq,
    rssi,
    sinr,
)
from probes.snmp_tables import Family, Named, Says, Words

LOCKS = (
    *("sim-pin", "sim-puk", "ph-sp-pin", "ph-sp-puk", "ph-net-pin", "ph-net-puk", "ph-sim-pin", "ph-corp-pin"),
    *("ph-corp-puk", "ph-fsim-pin", "ph-fsim-puk", "ph-netsub-pin", "ph-netsub-puk"),
)

MODEM = Family(
    name="modemmanager",
    title="ModemManager",
    sys_object_ids=(),
    rows="modem.dbus-path",
    words=(
        Words(
            oid="modem.generic.state",
            name="state",
            quantity=REGISTERED,
            values={
                "failed": missing("failed"),
                "unknown": neutral("unknown"),
                "initializing": neutral("initializing"),
                "locked": missing("locked"),
                "disabled": missing("disabled"),
                "disabling": missing("disabling"),
                "enabling": neutral("enabling"),
                # Powered and not registered.
                "enabled": missing("enabled, not registered"),
                "searching": missing("searching"),
                "registered": registered("registered"),
                "disconnecting": registered("disconnecting"),
                "connecting": registered("connecting"),
                "connected": registered("connected"),
            },
        ),
        Words(
            oid="modem.generic.state-failed-reason",
            name="failure",
            quantity=SIM,
            values={
                "none": neutral("none"),
                "unknown": neutral("unknown"),
                "sim-missing": missing("SIM missing"),
                "sim-error": missing("SIM error"),
                "unknown-capabilities": neutral("unknown capabilities"),
                "esim-without-profiles": missing("eSIM without profiles"),
            },
        ),
        # The second PIN of a SIM guards its call limits and costs no service.
        Words(
            oid="modem.generic.unlock-required",
            name="lock",
            quantity=SIM,
            values={
                "unknown": neutral("unknown"),
                "none": Says(word="none", value=1),
                "sim-pin2": Says(word="sim-pin2", value=1),
                "sim-puk2": Says(word="sim-puk2", value=1),
                **{lock: missing(lock) for lock in LOCKS},
            },
        ),
        Words(
            oid="modem.generic.power-state",
            name="power",
            values={
                "unknown": neutral("unknown"),
                "on": neutral("on"),
                "low": Says(word="low", out=True),
                "off": Says(word="off", out=True),
            },
        ),
        Words(
            oid="modem.3gpp.registration-state",
            name="registration",
            quantity=REGISTERED,
            values={
                "idle": missing("idle"),
                "searching": missing("searching"),
                "denied": missing("denied"),
                "unknown": neutral("unknown"),
                "home": registered("home"),
                "roaming": registered(ROAMING, weak=True),
                "home-sms-only": missing("home, SMS only"),
                "roaming-sms-only": missing("roaming, SMS only"),
                "emergency-only": missing("emergency calls only"),
                "home-csfb-not-preferred": registered("home, CSFB not preferred"),
                "roaming-csfb-not-preferred": registered(ROAMING, weak=True),
                # Restricted local operator services: what is given to who is not a subscriber (3GPP TS 23.401).
                "attached-rlos": missing("restricted local services only"),
            },
        ),
        Words(
            oid="modem.3gpp.packet-service-state",
            name="packet service",
            values={
                "unknown": neutral("unknown"),
                "attached": neutral("attached"),
                "detached": Says(word="detached", weak=True),
            },
        ),
    ),
    figures=(
        rsrp("modem.signal.lte.rsrp", "LTE RSRP"),
        rsrq("modem.signal.lte.rsrq", "LTE RSRQ"),
        sinr("modem.signal.lte.snr", "LTE SNR"),
        rsrp("modem.signal.5g.rsrp", "5G RSRP"),
        rsrq("modem.signal.5g.rsrq", "5G RSRQ"),
        sinr("modem.signal.5g.snr", "5G SNR"),
        rssi("modem.signal.lte.rssi", "LTE RSSI"),
        rssi("modem.signal.umts.rssi", "UMTS RSSI"),
        rssi("modem.signal.gsm.rssi", "GSM RSSI"),
    ),
    names=(
        Named("modem.3gpp.operator-name", OPERATOR),
        Named("modem.generic.access-technologies", TECHNOLOGY),
    ),
)
