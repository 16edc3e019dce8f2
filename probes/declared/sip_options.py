"""The `sip-options` probe as a site file declares it."""

from dataclasses import dataclass

from probes.declared.sip_uri import parse_uri
from probes.declared.sip_way import WAY_FIELDS, Way, check_way
from resilience.fields import described, flag, required, scalar, span
from resilience.probing import Later, ProbeType


@dataclass(frozen=True, slots=True, kw_only=True)
class SipOptions(Way):
    """`slow` in ms. `authorised`: whether the provider admits the monitor's source, so that silence is evidence."""

    authorised: bool = True
    slow: float = 2_000


SIP_OPTIONS = ProbeType(
    name="sip-options",
    settings=SipOptions,
    fields={
        "uri": required(scalar(parse_uri, {"type": "string", "pattern": "^sips?:"}), "the trunk's SIP target"),
        **WAY_FIELDS,
        "authorised": described(flag(), "whether the provider admits this source, so that silence means down (true)"),
        "slow": described(span(least=1), "an answer later than this is degraded (2s)"),
    },
    probe=Later("probes.sip_options:probe"),
    check=lambda settings: check_way(settings.uri, settings),
    interval=60_000,
    # Timer F is 32 s. A trunk that has not answered five copies of a request within 8 s carries no call that a
    # caller would wait for; a UDP target known to be slow may be given `timeout: 32s`.
    timeout=8_000,
    confirm=15_000,
    retries=0,  # the transaction has its own retransmissions; another would break the pace
    fall=3,
    rise=2,
)
