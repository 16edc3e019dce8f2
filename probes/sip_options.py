"""The probe `sip-options`: does the far end of a SIP trunk answer OPTIONS, how fast, with which certificate.

It proves signalling as far as the target, not registration, credit, media or emergency routing. Every address
of the URI's host is asked; one that answers carries the trunk. It dials nothing and registers nothing.
"""

import asyncio
import errno
import ipaddress
import math
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from probes import trust
from probes.emergency import EmergencyRefused, permitted
from probes.sip import ProtocolError, SipUri, Transport, build_options, classify, parse_uri
from probes.sip_pace import Pace, Quiet
from probes.sip_target import Source, Target, targets
from probes.sip_transport import Exchange, Tls, UdpEndpoint, ask_by_stream
from probes.targets import Targets, not_sent
from resilience.fields import address, described, flag, required, scalar, span, text
from resilience.probing import ProbeType, Run
from resilience.reading import Observation, Reading, Reason, State, failure

PACE = "sip-pace"
"""The key of the shared `Pace`: whoever opens it first decides the rate."""
CERTIFICATE_WARNING_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SipOptions:
    """`slow` in ms. `authorised`: whether the provider admits the monitor's source, so that silence is evidence."""

    uri: SipUri
    source: str = ""
    interface: str = ""
    verify: bool = True
    ca: str = ""
    authorised: bool = True
    slow: float = 2_000


async def probe(settings: SipOptions, run: Run) -> Reading:
    """Asks every target of the URI at once and joins what they say.

    A request goes out in the first half of the timeout or not at all, so that a slow resolver or our own pace is
    never mistaken for a silent trunk.
    """
    now = asyncio.get_running_loop().time()
    source = Source(settings.source, settings.interface)
    this_round = _Round(settings, run, source, latest=now + run.timeout / 2, deadline=now + run.timeout)
    try:
        permitted(str(settings.uri))
        if settings.uri.transport is Transport.TLS:
            trust.client_context(settings.verify, settings.ca)
    except EmergencyRefused as refused:
        return failure(Reason.CONFIG, f"the URI {refused}")
    except OSError as error:
        return failure(Reason.CONFIG, f"ca {settings.ca}: {error.strerror or error}")
    try:
        async with asyncio.timeout_at(this_round.latest):
            found = await targets(settings.uri, source)
    except TimeoutError:
        return failure(Reason.RESOLVE, f"{settings.uri.host} did not resolve within {run.timeout / 2:g} s")
    except OSError as error:
        return failure(Reason.RESOLVE, f"{settings.uri.host} does not resolve: {error.strerror or error}")
    return joined(await asyncio.gather(*map(this_round.ask, found)))


@dataclass(frozen=True, slots=True)
class _Round:
    """One execution: a request may leave until `latest`, an answer may come until `deadline` (the loop's clock)."""

    settings: SipOptions
    run: Run
    source: Source
    latest: float
    deadline: float

    async def ask(self, target: Target) -> Reading:
        loop = asyncio.get_running_loop()
        pace = self.run.channels.get(PACE, Pace)
        destination = (target.host, target.port)
        if quiet := pace.quiet(destination, loop.time()):
            return _still(quiet, loop.time())
        turn = pace.turn(destination, loop.time(), self.latest)
        if turn is None:
            return failure(Reason.IMPAIRED, f"{target}: not asked; too many probes share it at the monitor's own pace")
        await asyncio.sleep(turn - loop.time())
        if quiet := pace.quiet(destination, loop.time()):  # another probe was told so while this one waited
            return _still(quiet, loop.time())
        try:
            self.source.towards(target)
        except OSError as error:
            ours = Targets(source=self.settings.source, interface=self.settings.interface)
            return not_sent(str(target), ours, error)
        exchange = await self.exchange(target)
        reading = judge(self.settings, target, exchange, datetime.now(UTC))
        if reading.state is State.DOWN and exchange.final and exchange.final.retry_after:
            reading = replace(reading, text=f"{reading.text}; asks for quiet for {exchange.final.retry_after} s")
            pace.keep_quiet(destination, loop.time(), exchange.final.retry_after, reading)
        return reading

    async def exchange(self, target: Target) -> Exchange:
        settings, source = self.settings, self.source
        if target.transport is not Transport.UDP:
            tls = Tls(settings.uri.host, settings.verify, settings.ca) if target.transport is Transport.TLS else None
            return await ask_by_stream(partial(build_options, settings.uri), target, source, tls, self.deadline)
        try:
            here = source.towards(target)
            endpoint = self.run.channels.get(
                ("sip-udp", source, target.family), lambda: UdpEndpoint(source, target.family)
            )
        except OSError as error:
            return Exchange(error=error)
        request = build_options(settings.uri, target.transport, here, endpoint.port)
        return await endpoint.ask(request, target, self.deadline)


def _still(quiet: Quiet, now: float) -> Reading:
    return replace(quiet.reading, text=f"{quiet.reading.text}; not asked again for {math.ceil(quiet.until - now)} s")


def judge(settings: SipOptions, target: Target, exchange: Exchange, now: datetime) -> Reading:
    """What one exchange says of the trunk. Pure."""
    name = str(target)
    observations = _certificate(exchange, name)
    weaknesses = _weaknesses(settings, exchange, observations, now)
    reason: Reason | None
    if exchange.final is None or exchange.rtt is None:
        reason, state, says = _unanswered(settings, exchange)
    else:
        verdict = classify(exchange.final.code)
        reason, state = verdict.reason, verdict.state
        says = f"{exchange.final}: {verdict.says}" if verdict.says else ""
        observations += (
            Observation("trunk_rtt_seconds", exchange.rtt, "s", target=name),
            Observation("trunk_response_code", exchange.final.code, target=name, text=str(exchange.final)),
        )
    if state is State.UP and weaknesses:
        state = State.DEGRADED
    if state is not State.UNKNOWN:
        observations += (Observation("trunk_up", float(state.works), target=name),)
    told = "; ".join(filter(None, (says, *weaknesses)))
    return Reading(state, reason, f"{name}: {told}" if told else "", observations)


def _certificate(exchange: Exchange, target: str) -> tuple[Observation, ...]:
    try:
        expires = trust.expiry(exchange.certificate).timestamp()
    except ValueError:  # none came, or one that cannot be read
        return ()
    return (
        Observation(
            "tls_certificate_expiry_timestamp_seconds", expires, "s", source="notAfter of the leaf", target=target
        ),
    )


def _weaknesses(
    settings: SipOptions, exchange: Exchange, certificate: Sequence[Observation], now: datetime
) -> tuple[str, ...]:
    found = []
    if exchange.rtt is not None and exchange.rtt > settings.slow / 1000:
        found.append(f"slow: answered after {exchange.rtt:.1f} s")
    for observation in certificate:
        days = (observation.value - now.timestamp()) / 86_400
        if days < 0:
            found.append(f"certificate expired {int(-days)} d ago")
        elif days <= CERTIFICATE_WARNING_DAYS:
            found.append(f"certificate expires in {int(days)} d")
    return tuple(found)


def _unanswered(settings: SipOptions, exchange: Exchange) -> tuple[Reason, State, str]:
    """Reason, state and text where no final response came. From a source the provider may not admit, silence,
    a refusal and a closed door are what its access list looks like, and prove nothing; a bad certificate is bad."""
    reason, state, says = _what_came_instead(exchange)
    bad_certificate = isinstance(exchange.error, ssl.SSLCertVerificationError)
    if state is State.DOWN and not settings.authorised and not bad_certificate:
        return reason, State.UNKNOWN, f"{says}; this source is not declared authorised, so that proves nothing"
    return reason, state, says


def _what_came_instead(exchange: Exchange) -> tuple[Reason, State, str]:
    if exchange.error is not None:
        return _broken(exchange.error, exchange)
    if exchange.stray:
        return Reason.PROTOCOL, State.UNKNOWN, f"no answer to the request, but {exchange.stray}"
    if exchange.provisional is not None:
        return Reason.TIMEOUT, State.DOWN, f"only {exchange.provisional} came, no final answer"
    if exchange.sent:
        return Reason.TIMEOUT, State.DOWN, f"no answer (sent {exchange.sent}×)"
    return Reason.TIMEOUT, State.DOWN, f"timed out {exchange.stage}"


_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_CANNOT_LEAVE = {errno.EADDRNOTAVAIL, errno.ENODEV, errno.EPERM, errno.EACCES}
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_UNKNOWN_ISSUER = {18, 19, 20, 21}
"""X509_V_ERR of OpenSSL: self-signed, self-signed in the chain, no local issuer, cannot verify the leaf."""


def _broken(error: OSError | ProtocolError, exchange: Exchange) -> tuple[Reason, State, str]:
    if isinstance(error, ProtocolError):
        return Reason.PROTOCOL, State.UNKNOWN, str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "; a provider's own CA is named with ca" if error.verify_code in _UNKNOWN_ISSUER else ""
        return Reason.TLS, State.DOWN, f"certificate refused: {error.verify_message}{remedy}"
    if isinstance(error, ssl.SSLError):
        if error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":
            return Reason.AUTH, State.UNKNOWN, "the target wants a client certificate, which this probe has not"
        return Reason.TLS, State.DOWN, f"TLS failed {exchange.stage}: {error.reason or error}"
    said = error.strerror or str(error)
    if isinstance(error, ConnectionRefusedError):
        return Reason.REFUSED, State.DOWN, "refused: nothing listens there"
    if isinstance(error, ConnectionError) and exchange.certificate:
        # TLS 1.3 tells a client that its certificate is missing only after the handshake, and a reset may overtake it.
        return Reason.CLOSED, State.UNKNOWN, f"{said}, after the TLS handshake; it may want a client certificate"
    if isinstance(error, ConnectionError):
        return Reason.CLOSED, State.DOWN, f"{said}, {exchange.stage}"
    if error.errno in _OURS:
        return Reason.IMPAIRED, State.UNKNOWN, f"the monitor could not ask: {said}"
    if error.errno in _CANNOT_LEAVE:
        return Reason.CONFIG, State.UNKNOWN, f"cannot send from the declared source or interface: {said}"
    return Reason.UNREACHABLE, State.DOWN if error.errno in _NO_WAY else State.UNKNOWN, said


def joined(readings: Sequence[Reading]) -> Reading:
    """One reading of several targets, any one of which carries the trunk.

    One that works beside one that is down is degraded: the spare is gone. One that works beside one of which
    nothing is known works. None that works is down only where every one is down.
    """
    if len(readings) == 1:
        return readings[0]
    observations = tuple(observation for reading in readings for observation in reading.observations)
    told = "; ".join(reading.text for reading in readings if reading.text)
    working = [reading for reading in readings if reading.state.works]
    states = {reading.state for reading in readings}
    if working:
        state = State.DEGRADED if states & {State.DOWN, State.DEGRADED} else State.UP
        count = f"{len(working)} of {len(readings)} targets work; " if len(working) < len(readings) else ""
        return Reading(state, None, count + told if told else "", observations)
    telling = next((reading for reading in readings if reading.state is State.UNKNOWN), readings[0])
    return Reading(telling.state, telling.reason, told, observations)


def _check(settings: SipOptions) -> str | None:
    tls = settings.uri.transport is Transport.TLS
    if not tls and (settings.ca or not settings.verify):
        return "ca and verify are for TLS targets; write sips: or ;transport=tls"
    if settings.ca and not settings.verify:
        return "ca without verification is read by nobody; leave out one of ca and verify: false"
    try:
        literal = ipaddress.ip_address(settings.uri.host).version
    except ValueError:
        return None
    if settings.source and ipaddress.ip_address(settings.source).version != literal:
        return f"source {settings.source} and the URI's {settings.uri.host} are of different IP versions"
    return None


SIP_OPTIONS = ProbeType(
    name="sip-options",
    settings=SipOptions,
    fields={
        "uri": required(scalar(parse_uri, {"type": "string", "pattern": "^sips?:"}), "the trunk's SIP target"),
        "source": described(address(), "the local address to ask from"),
        "interface": described(
            text(pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", wanted="a network interface"), "the interface to ask from"
        ),
        "verify": described(flag(), "whether the certificate of a TLS target is verified (true)"),
        "ca": described(text(), "a PEM file with the provider's CA, instead of the system's"),
        "authorised": described(flag(), "whether the provider admits this source, so that silence means down (true)"),
        "slow": described(span(least=1), "an answer later than this is degraded (2s)"),
    },
    probe=probe,
    check=_check,
    interval=60_000,
    # Timer F is 32 s. A trunk that has not answered five copies of a request within 8 s carries no call that a
    # caller would wait for; a UDP target known to be slow may be given `timeout: 32s`.
    timeout=8_000,
    confirm=15_000,
    retries=0,  # the transaction has its own retransmissions; another would break the pace
    fall=3,
    rise=2,
)
