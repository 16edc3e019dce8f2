"""The `sip-binding` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.sip_uri import SipUri, parse_uri
from probes.declared.sip_way import WAY_FIELDS, Way, check_way
from resilience.fields import described, host, required, scalar, secret, text
from resilience.model import Secret
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class SipBinding(Way):
    """`uri` is the address of record; `proxy` is asked instead of the registrar that its domain leads to."""

    password: Secret
    user: str = ""
    proxy: SipUri | None = None
    contact: str = ""

    @property
    def asked(self) -> SipUri:
        return self.proxy or self.uri


def _check(settings: SipBinding) -> str | None:
    if not settings.uri.user:
        return "the URI names no user; write the address of record, such as sip:trunk1@provider.example"
    return check_way(settings.asked, settings)


SIP_BINDING = ProbeType(
    name="sip-binding",
    settings=SipBinding,
    fields={
        "uri": required(
            scalar(parse_uri, {"type": "string", "pattern": "^sips?:"}), "the address of record that the PBX registers"
        ),
        "password": required(secret(), "the account's password; only digests of it are sent"),
        "user": described(
            text(pattern=r"[!-~]{1,128}", wanted="a user name"), "the account, where it is not the URI's"
        ),
        "proxy": described(
            scalar(parse_uri, {"type": "string", "pattern": "^sips?:"}),
            "the SIP URI that is asked, where the domain of the address does not lead to its registrar",
        ),
        "contact": described(host(), "the host that a binding must name to count; any unless given"),
        **WAY_FIELDS,
    },
    probe=Later("probes.sip_binding:probe"),
    check=_check,
    interval=300_000,
    timeout=8_000,
    confirm=30_000,
    retries=0,
)
