"""The `asterisk` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.management import Management, check_management, management_fields
from resilience.fields import described, integer, required, secret, text
from resilience.model import Secret
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class Asterisk(Management):
    """`registration` and `endpoint` are names in pjsip.conf, `dahdi` is a channel's number; with none of them, every
    outbound registration counts."""

    user: str
    password: Secret
    port: int = 5038
    registration: str = ""
    endpoint: str = ""
    channels: int = 0
    dahdi: int = 0
    """0 is no channel."""


def _check(settings: Asterisk) -> str | None:
    if settings.channels and not settings.endpoint:
        return "'channels' is the limit of an endpoint; name the endpoint"
    return check_management(settings)


_NAME = r"[!-~]{1,200}"

ASTERISK = ProbeType(
    name="asterisk",
    settings=Asterisk,
    fields={
        **management_fields("Asterisk's manager interface (AMI)", 5038),
        "user": required(text(pattern=_NAME, wanted="a user of manager.conf"), "a user of manager.conf"),
        "password": required(secret(), "the user's secret; only a digest of it is sent, or TLS is wanted"),
        "registration": described(
            text(pattern=_NAME, wanted="the name of a registration"), "the outbound registration (pjsip.conf) to watch"
        ),
        "endpoint": described(
            text(pattern=_NAME, wanted="the name of an endpoint"), "the endpoint whose contacts must be reachable"
        ),
        "dahdi": described(integer(1, 100_000), "the DAHDI channel (a line on a card) whose alarms are watched"),
        "channels": described(
            integer(1, 100_000), "calls that the endpoint's trunk carries at most, where Asterisk does not tell"
        ),
    },
    probe=Later("probes.asterisk:probe"),
    check=_check,
)
