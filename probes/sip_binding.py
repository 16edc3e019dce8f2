"""The probe `sip-binding`: does a provider's registrar hold a binding of the PBX's address of record?

It asks by a REGISTER without Contact, which lists the bindings and changes none. A password that is refused is
not tried again for hours: providers lock accounts and ban addresses that guess.
"""

import secrets
import time
from collections.abc import Sequence

from probes.declared.sip_binding import SipBinding
from probes.declared.sip_uri import Transport
from probes.management import REFUSED, Refused
from probes.sip import ProtocolError, Request, Response, classify
from probes.sip_digest import Account, Challenge, challenges, credentials, strongest
from probes.sip_register import Binding, bindings, build_query, registrar
from probes.sip_round import Round
from probes.sip_silence import what_came_instead
from probes.sip_target import Target
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

BACK_OFF = 6 * 3600.0
"""Seconds for which a password that was refused is not sent again, unless it or the account changes."""
MOST_REQUESTS = 4
"""Of one reading: without credentials, with them, and once more for a stale nonce or a second challenger."""
ANSWERS = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
"""The header that challenges and the one that answers (RFC 3261 §22)."""


async def probe(settings: SipBinding, run: Run) -> Reading:
    """Asks the targets one after another until one answers; they share one location service."""
    account = Account(settings.user or settings.uri.user, run.secret(settings.password))
    refused = run.channels.get(REFUSED, Refused)
    name = refused.name("sip", str(settings.uri), str(settings.asked), account.user, account.password)
    if reading := refused.stands(name, time.monotonic()):
        return reading
    this_round = Round.begun("REGISTER", settings.asked, settings, run)
    found = await this_round.targets()
    if isinstance(found, Reading):
        return found
    told: list[Reading] = []
    for index, target in enumerate(found.targets):
        query = _Query(settings, account, this_round.share(len(found.targets) - index), target)
        told.append(await query.run())
        if query.refused:
            refused.keep(name, time.monotonic() + BACK_OFF, time.monotonic(), told[-1])
        if query.answered:
            return told[-1]
    return Reading(State.UNKNOWN, told[0].reason, "; ".join(reading.text for reading in told))


class _Query:
    """The requests to one target: the question, and the answer to its challenges."""

    def __init__(self, settings: SipBinding, account: Account, this_round: Round, target: Target) -> None:
        self.settings, self.account, self.round, self.target = settings, account, this_round, target
        self.answered = self.refused = False
        self._said: dict[str, str] = {}
        self._last: Request | None = None

    async def run(self) -> Reading:
        for _ in range(MOST_REQUESTS):
            here = await self.round.turn(self.target)
            if isinstance(here, Reading):
                return here
            exchange = await self.round.exchange(self.target, here, self._build)
            if exchange.final is None:
                reason, _, says = what_came_instead(exchange)
                return self._failure(reason, says)
            self.answered = exchange.final.code != 503
            reading = self._answer(exchange.final)
            if reading is not None:
                return self.round.heed(self.target, exchange, reading)
        return self._failure(Reason.PROTOCOL, f"challenges without end: {MOST_REQUESTS} requests, no answer")

    def _build(self, transport: Transport, host: str, port: int) -> Request:
        said = tuple(self._said.items())
        self._last = build_query(self.settings.uri, (transport, host, port), credentials=said, after=self._last)
        return self._last

    def _answer(self, final: Response) -> Reading | None:
        """What `final` amounts to; None where its challenge is to be answered."""
        if 200 <= final.code < 300:
            try:
                return judge(self.settings, bindings(final), time.time())
            except ProtocolError as error:
                return self._failure(Reason.PROTOCOL, str(error))
        if final.code in ANSWERS:
            return self._challenged(final)
        if final.code == 403 and self._said:
            return self._not_admitted(final)
        reason, says = _REFUSALS.get(final.code, (Reason.DEVICE, classify(final.code).says))
        return self._failure(reason, f"{final}: {says}" if says else str(final))

    def _challenged(self, final: Response) -> Reading | None:
        asks, answers = ANSWERS[final.code]
        try:
            chosen = strongest(challenges(final.kept.get(asks, ())))
        except ProtocolError as error:
            return self._failure(Reason.PROTOCOL, str(error))
        if chosen is None:
            return self._failure(Reason.AUTH, f"{final}, and offers no digest that is known here")
        if answers in self._said and not chosen.stale:
            return self._not_admitted(final)
        self._said[answers] = self._credentials(chosen)
        return None

    def _credentials(self, challenge: Challenge) -> str:
        uri = registrar(self.settings.uri)
        return credentials(challenge, self.account, "REGISTER", uri, secrets.token_hex(8))

    def _not_admitted(self, final: Response) -> Reading:
        self.refused = True
        again = f"not tried again for {BACK_OFF / 3600:g} h, unless it or the account changes"
        return self._failure(Reason.AUTH, f"the password of {self.account.user} is refused ({final}); {again}")

    def _failure(self, reason: Reason, says: str) -> Reading:
        return failure(reason, f"{self.target}: {says}")


_REFUSALS = {
    403: (Reason.AUTH, "refuses us: its access list or our identity"),
    404: (Reason.DEVICE, "knows no such address of record"),
    **dict.fromkeys((405, 501), (Reason.NOT_OFFERED, "is no registrar")),
}


def judge(settings: SipBinding, found: Sequence[Binding], now: float) -> Reading:
    """What the bindings say of the trunk, as of `now` (seconds since 1970). Pure."""
    name = f"{settings.uri.user}@{settings.uri.host}"
    standing = [binding for binding in found if binding.stands]
    counted = [binding for binding in standing if settings.contact in ("", binding.host)]
    observations = [Observation("trunk_bound", float(bool(counted)), source="Contact", target=name)]
    if counted and all(binding.expires is not None for binding in counted):
        last = now + max(binding.expires or 0 for binding in counted)
        observations.append(
            Observation("trunk_registration_expiry_timestamp_seconds", last, "s", source="expires", target=name)
        )
    if counted:
        return Reading(State.UP, observations=tuple(observations))
    elsewhere = "; ".join(map(str, standing[:5]))
    says = f"none from {settings.contact}, but {elsewhere}" if elsewhere else "none"
    return Reading(State.DOWN, None, f"the registrar holds no binding of {name}: {says}", tuple(observations))
