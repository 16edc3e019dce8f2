"""The `egress` probe: by which ISP a question left, by the public address that STUN servers saw it come from.

The protocol is in `probes.stun`. A way out that is not the declared one makes the component unknown, not down: calls
may pass, but what else was seen of this component was not seen of it.
"""

import asyncio
import socket

from probes import stun
from probes.asking import ask_each
from probes.datagram import exchange
from probes.declared.egress import Egress
from probes.targets import Address
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure


def judge(settings: Egress, target: str, binding: stun.Binding, seconds: float) -> Reading:
    """What one server's answer says. An address of another provider proves nothing of this one: unknown.

    An address in doubt is believed where it is the expected one: what rewrites addresses puts the site's own there.
    """
    answered = Observation("response_seconds", seconds, "s", "STUN Binding", target)
    seen = Observation("wan_public_address_info", 1.0, "", "STUN Binding", str(binding.address), str(binding.address))
    expected = any(binding.address in prefix for prefix in settings.expect)
    if expected:
        proof = Observation("egress_expected", 1.0, "1", "STUN Binding", target)
        return Reading(State.UP, observations=(answered, seen, proof))
    if binding.doubt:
        if not settings.expect:
            return Reading(State.UP, observations=(answered,))
        return failure(Reason.NOT_OFFERED, f"{target}: it saw {binding.address}, but {binding.doubt}")
    if not settings.expect:
        return Reading(State.UP, observations=(answered, seen))
    ours = ", ".join(map(str, settings.expect))
    says = f"left by {binding.address}, which is not in {ours}"
    text = f"{target} saw the question come from {binding.address}, which is not in {ours}: it left by another way"
    contrary = Observation("egress_expected", 0.0, "1", "STUN Binding", target, says)
    return Reading(State.UNKNOWN, None, text, (answered, seen, contrary))


async def probe(settings: Egress, run: Run) -> Reading:
    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        transaction = stun.new_transaction()

        def accepted(datagram: bytes) -> stun.Binding | None:
            return stun.response(datagram, transaction)

        try:
            question = stun.request(transaction)
            left = until - asyncio.get_running_loop().time()
            binding, seconds = await exchange(family, address, settings, question, accepted=accepted, waits=waits(left))
        except stun.Malformed as error:
            return failure(Reason.PROTOCOL, f"{target} port {settings.port}: {error}")
        except stun.StunError as error:
            return failure(Reason.DEVICE, f"{target} port {settings.port}: {error}")
        return judge(settings, target, binding, seconds)

    return await ask_each(settings, settings.port, run, ask, silence=State.UNKNOWN)


def waits(seconds: float) -> list[float]:
    """RFC 8489's retransmissions as far as `seconds` go, the last wait cut short."""
    found = []
    for wait in stun.RETRANSMISSIONS:
        if seconds <= 0:
            break
        found.append(min(wait, seconds))
        seconds -= wait
    return found
