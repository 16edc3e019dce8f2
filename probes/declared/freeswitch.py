"""The `freeswitch` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.management import Management, check_management, management_fields
from resilience.fields import described, required, secret, text
from resilience.model import Secret
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeswitch(Management):
    password: Secret
    port: int = 8021
    gateway: str = ""


FREESWITCH = ProbeType(
    name="freeswitch",
    settings=Freeswitch,
    fields={
        **management_fields("FreeSWITCH's event socket", 8021),
        "password": required(secret(), "the password of event_socket.conf; ESL sends it in clear without TLS"),
        "gateway": described(
            text(pattern=r"[!-~]{1,200}", wanted="the name of a gateway"), "the gateway to watch; all without it"
        ),
    },
    probe=Later("probes.freeswitch:probe"),
    check=check_management,
)
