"""The probe `sip-options`: does the far end of a SIP trunk answer OPTIONS, how fast, with which certificate.

It proves signalling as far as the target, not registration, credit, media or emergency routing. Every target that
the URI leads to is asked; one that answers carries the trunk. It dials nothing and registers nothing.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from probes import trust
from probes.declared.sip_options import SipOptions
from probes.sip import build_options, classify
from probes.sip_round import Round
from probes.sip_silence import bad_certificate, what_came_instead
from probes.sip_target import Target
from probes.sip_transport import Exchange
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State


async def probe(settings: SipOptions, run: Run) -> Reading:
    """Asks every target of the URI at once and joins what they say."""
    this_round = Round.begun("OPTIONS", settings.uri, settings, run)
    found = await this_round.targets()
    if isinstance(found, Reading):
        return found
    asked = [_ask(settings, this_round, target) for target in found.targets]
    answers = await asyncio.gather(*asked) if len(asked) > 1 else [await one for one in asked]  # mostly it is one
    return joined([*answers, *found.lost])


async def _ask(settings: SipOptions, this_round: Round, target: Target) -> Reading:
    here = await this_round.turn(target)
    if isinstance(here, Reading):
        return here
    exchange = await this_round.exchange(target, here, partial(build_options, settings.uri))
    return this_round.heed(target, exchange, judge(settings, target, exchange, datetime.now(UTC)))


def judge(settings: SipOptions, target: Target, exchange: Exchange, now: datetime) -> Reading:
    """What one exchange says of the trunk. Pure."""
    name = str(target)
    observations = _certificate(exchange, name)
    weaknesses = _weaknesses(settings, exchange, observations, now)
    observations += _address(target)
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
    if not exchange.certificate:
        return ()
    try:
        expires = trust.expiry(exchange.certificate).timestamp()
    except ValueError:  # one that cannot be read
        return ()
    return (
        Observation(
            "tls_certificate_expiry_timestamp_seconds", expires, "s", source="notAfter of the leaf", target=target
        ),
    )


def _address(target: Target) -> tuple[Observation, ...]:
    """The address that the name leads to; that of this machine tells of nobody's trunk."""
    if ipaddress.ip_address(target.host.partition("%")[0]).is_loopback:
        return ()
    return (Observation("trunk_address_info", 1, target=target.host, text=target.host),)


def _weaknesses(
    settings: SipOptions, exchange: Exchange, certificate: Sequence[Observation], now: datetime
) -> tuple[str, ...]:
    found = []
    if exchange.rtt is not None and exchange.rtt > settings.slow / 1000:
        found.append(f"slow: answered after {exchange.rtt:.1f} s")
    left = (trust.days_left(observation.value, now.timestamp(), trust.WARNING) for observation in certificate)
    return (*found, *filter(None, left))


def _unanswered(settings: SipOptions, exchange: Exchange) -> tuple[Reason, State, str]:
    """Reason, state and text where no final response came. From a source the provider may not admit, silence,
    a refusal and a closed door are what its access list looks like, and prove nothing; a bad certificate is bad."""
    reason, state, says = what_came_instead(exchange)
    if state is State.DOWN and not settings.authorised and not bad_certificate(exchange):
        return reason, State.UNKNOWN, f"{says}; this source is not declared authorised, so that proves nothing"
    return reason, state, says


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
