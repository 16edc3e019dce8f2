"""The `icmp` probe: echo requests to one or several targets, and what their replies say of each.

Sockets are in `probes.echo`; what it shares with every probe of bare targets is in `probes.targets`.
"""

import asyncio

from probes import voice
from probes.declared.icmp import Icmp
from probes.echo import EchoChannel, NotPermitted
from probes.echo_requests import Window
from probes.targets import Unresolved, by_quorum, not_sent, resolve, wanted_family
from resilience.duration import spoken
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

# Voice quality, ITU-T G.107, G.113, G.114 and Y.1541.
LOSS_DEGRADED = 0.03
"""G.711 without concealment is bad from here."""
LOSS_FAILED = 0.5
"""Beyond this no codec carries a call; far beyond the 19 % where G.711 with concealment falls under R = 50,
since a window of a few requests is a coarse measure."""
JITTER_DEGRADED = 0.050
"""Seconds; the bound of Y.1541 classes 0 and 1."""
RTT_DEGRADED = 0.800
"""Seconds; twice the 400 ms one way that G.114 calls unacceptable. A geostationary hop stays below."""
R_DEGRADED = 50.0
"""The E-model's rating under which G.109 recommends no connection. Delay, loss and jitter that are each bearable, and
together are not, lie below. Between 50 and 70 lies every geostationary hop, a good way to 911 where there is no
other."""


def judge(target: str, window: Window, timeout: float) -> Reading:
    """What one window of requests that could be sent says of its target. `timeout` in seconds, for the text."""
    lost = f"{window.sent - len(window.rtts)} of {window.sent} echo requests without a reply"
    if window.rtt is None:
        if window.sent < window.asked:
            text = f"{target}: the monitor sent only {window.sent} of {window.asked} echo requests in time"
            return failure(Reason.IMPAIRED, text)
        if window.loss is None:
            return failure(Reason.IMPAIRED, f"{target}: the monitor's receive buffer overflowed; replies may be lost")
        reason = Reason.UNREACHABLE if window.said else Reason.TIMEOUT
        text = f"{target}: {lost} within {spoken(timeout * 1000)}{f'; {window.said}' if window.said else ''}"
        return Reading(State.DOWN, reason, text, observed(target, window))
    if window.loss is not None and window.loss > LOSS_FAILED:
        return Reading(State.DOWN, Reason.LOSS, f"{target}: {lost}", observed(target, window))
    weak = []
    if window.loss is not None and window.loss >= LOSS_DEGRADED:
        weak.append(lost)
    if window.rtt > RTT_DEGRADED:
        weak.append(f"the median round trip takes {window.rtt * 1000:.0f} ms")
    if window.jitter is not None and window.jitter > JITTER_DEGRADED:
        weak.append(f"successive round trips differ by {window.jitter * 1000:.0f} ms")
    rating = rated(window)
    if rating is not None and rating < R_DEGRADED and not weak:
        weak.append(f"a call would sound bad (estimated MOS {voice.mos(rating):.1f})")
    text = f"{target}: {', '.join(weak)}" if weak else ""
    return Reading(State.DEGRADED if weak else State.UP, text=text, observations=observed(target, window))


def rated(window: Window) -> float | None:
    """The E-model's R of a call this way; None where one of its three figures is missing."""
    if window.rtt is None or window.jitter is None or window.loss is None:
        return None
    return voice.rating(window.rtt, window.jitter, window.loss)


def observed(target: str, window: Window) -> tuple[Observation, ...]:
    rating = rated(window)
    values = (
        ("wan_rtt_seconds", window.rtt, "s"),
        ("wan_loss_ratio", window.loss, "1"),
        ("wan_jitter_seconds", window.jitter, "s"),
        ("wan_mos", None if rating is None else voice.mos(rating), "1"),
    )
    return tuple(
        Observation(quantity, value, unit, "ICMP echo", target) for quantity, value, unit in values if value is not None
    )


async def probe(settings: Icmp, run: Run) -> Reading:
    readings = await asyncio.gather(*(_ask(target, settings, run) for target in settings.all))
    return by_quorum(dict(zip(settings.all, readings, strict=True)), settings.quorum)


async def _ask(target: str, settings: Icmp, run: Run) -> Reading:
    now = asyncio.get_running_loop().time()
    until = now + run.timeout
    try:
        family, address = await resolve(target, 0, wanted_family(settings), now + run.timeout / 2)
    except Unresolved as error:
        return failure(Reason.RESOLVE, str(error))
    way = (family, settings.source, settings.interface)
    channel = run.channels.get(("icmp-echo", *way), lambda: EchoChannel(*way))
    window = await channel.window(address, count=settings.count, spacing=settings.spacing / 1000, until=until)
    if window.error is None or window.rtts:
        return judge(target, window, run.timeout)
    if isinstance(window.error, NotPermitted):
        return failure(
            Reason.CONFIG,
            f"{target}: this process may not send pings: give it CAP_NET_RAW, set net.ipv4.ping_group_range to "
            "its group, or use a tcp probe",
        )
    return not_sent(target, settings, window.error)
