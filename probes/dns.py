"""The `dns` probe: whether a name server answers a question, and answers what it should.

A resolver is a way to 911 where a trunk is a name: what it does not answer, or answers wrongly, is not called. So an
answer without the record is as bad as none. The messages are dnspython's; the exchange is ours, so that it leaves by
the declared way and believes only the server that was asked.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from probes.asking import ask_each
from probes.datagram import exchange
from probes.declared.dns import Dns
from probes.stream import conversation
from probes.targets import Address
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

PAYLOAD = 1232
"""Bytes of an answer by UDP that no path fragments (DNS Flag Day 2020)."""
_PLAIN = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})
"""What servers say that do not know EDNS; they are asked again without (RFC 6891 §7)."""
_REFUSALS = {
    dns.rcode.NXDOMAIN: "says that there is no such name",
    dns.rcode.SERVFAIL: "cannot find out (SERVFAIL): its own way to the answer fails",
    dns.rcode.REFUSED: "refuses to answer this machine (REFUSED)",
}


class NotAnAnswer(Exception):
    """What came is no DNS answer to the question."""


def question(settings: Dns, *, edns: bool = True) -> dns.message.QueryMessage:
    return dns.message.make_query(settings.query, settings.record, use_edns=0 if edns else False, payload=PAYLOAD)


def answer_in(octets: bytes, asked: dns.message.Message) -> dns.message.Message | None:
    """The answer to `asked` in `octets`; None where they are about something else.

    Raises NotAnAnswer where they have its identifier and cannot be read or are about another name.
    """
    if len(octets) < 2 or struct.unpack_from("!H", octets)[0] != asked.id:
        return None
    try:
        answer = dns.message.from_wire(octets, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        if len(octets) > 2 and octets[2] & 0x02:  # TC: a message cut off anywhere; over TCP it comes whole
            return _truncated(asked)
        raise NotAnAnswer(f"an answer that cannot be read ({type(error).__name__})") from None
    if not asked.is_response(answer):
        raise NotAnAnswer("a message with the question's identifier that is no answer to it")
    return answer


def _truncated(asked: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.TC
    return answer


def records(answer: dns.message.Message, kind: str) -> list[str]:
    """The records of `kind` that the answer's chain of CNAMEs leads to, as zone files write them; [] for none.

    Raises NotAnAnswer where the chain leads nowhere.
    """
    if not isinstance(answer, dns.message.QueryMessage):
        raise NotAnAnswer("an answer to another kind of request")
    try:
        found = answer.resolve_chaining().answer
    except dns.exception.DNSException as error:
        raise NotAnAnswer(f"an answer whose names lead nowhere ({type(error).__name__})") from None
    if found is None or found.rdtype != dns.rdatatype.from_text(kind):
        return []
    return sorted(record.to_text() for record in found)


def judge(settings: Dns, target: str, server: str, answer: dns.message.Message, seconds: float) -> Reading:
    """What one server's answer says of the component; `server` is the address of `target`."""
    asked = f"{settings.query} {settings.record}"
    seen = (
        Observation("response_seconds", seconds, "s", "DNS", target),
        Observation("dns_server_info", 1.0, "", "DNS", server, server),
    )
    rcode = answer.rcode()
    if rcode != dns.rcode.NOERROR:
        says = _REFUSALS.get(rcode, f"answers {dns.rcode.to_text(rcode)}")
        return Reading(State.DOWN, Reason.DEVICE, f"{target}: asked for {asked}, it {says}", seen)
    found = records(answer, settings.record)
    if not found:
        return Reading(State.DOWN, Reason.DEVICE, f"{target}: it has no record {asked}", seen)
    other = [record for record in found if not expected(settings, record)]
    if len(other) == len(found):
        return Reading(State.DOWN, Reason.DEVICE, f"{target}: {asked} is {_listed(other)}, none of it expected", seen)
    weak = []
    if other:
        weak.append(f"{asked} is also {_listed(other)}, which is not expected")
    if seconds * 1000 > settings.slow:
        weak.append(f"it answered after {seconds:.1f} s")
    text = f"{target}: {', '.join(weak)}" if weak else ""
    return Reading(State.DEGRADED if weak else State.UP, None, text, seen)


def _listed(found: Sequence[str]) -> str:
    shown = ", ".join(record[:100] for record in found[:5])
    return f"{shown} and {len(found) - 5} more" if len(found) > 5 else shown


def expected(settings: Dns, record: str) -> bool:
    """Whether `record` may be answered. Letter case and a final dot do not tell names apart."""
    if not settings.expect:
        return True
    if settings.record in ("A", "AAAA"):
        return any(ipaddress.ip_address(record) in ipaddress.ip_network(wanted) for wanted in settings.expect)
    return _plain(record) in map(_plain, settings.expect)


def _plain(record: str) -> str:
    return " ".join(record.lower().rstrip(".").split())


async def probe(settings: Dns, run: Run) -> Reading:
    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await _answered(settings, run, family, address, question(settings))
            if answer.rcode() in _PLAIN:
                answer = await _answered(settings, run, family, address, question(settings, edns=False))
            return judge(settings, target, str(address[0]), answer, loop.time() - began)
        except NotAnAnswer as wrong:
            return failure(Reason.PROTOCOL, f"{target} port {settings.port}: {wrong}", says=State.DOWN)

    return await ask_each(settings, settings.port, run, ask)


async def _answered(
    settings: Dns, run: Run, family: socket.AddressFamily, address: Address, asked: dns.message.QueryMessage
) -> dns.message.Message:
    """By UDP, and by TCP where the answer says that it is cut off (RFC 7766)."""
    octets = asked.to_wire()
    waits = [run.timeout / (run.retries + 1)] * (run.retries + 1)
    answer, _ = await exchange(
        family, address, settings, octets, accepted=lambda octets: answer_in(octets, asked), waits=waits
    )
    if not answer.flags & dns.flags.TC:
        return answer
    async with conversation(family, address, settings) as (reader, writer):
        writer.write(struct.pack("!H", len(octets)) + octets)
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            whole = answer_in(await reader.readexactly(length), asked)
        except asyncio.IncompleteReadError as error:
            raise NotAnAnswer(f"the TCP connection closed after {len(error.partial)} bytes of an answer") from None
    if whole is None or whole.flags & dns.flags.TC:
        raise NotAnAnswer("by TCP an answer to another question, or a cut off one")
    return whole
