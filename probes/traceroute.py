"""The `traceroute` probe: the first public routers on the way out, so that two lines that share one are found.

icmplib does the work, in a thread of its own. Three faults of it are met here: it numbers the packets of every hop
alike, so that a late answer from one hop is taken for the next one's; it sends no second packet where the first was
lost; its identifiers count from the process id. So each hop is a run of its own, with an identifier by chance. What
remains: an answer is taken by its identifier alone, which a stranger has to guess.
"""

import asyncio
import ipaddress
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import groupby

import icmplib
from icmplib.exceptions import ICMPLibError, SocketAddressError, SocketPermissionError

from probes.declared.traceroute import Traceroute
from probes.targets import Unresolved, resolve, wanted_family
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

PATIENCE = 1.0
"""Seconds for the answer of a hop: a router that takes longer has more to do than to answer."""
_INSIDE_V4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
_INSIDE_V6 = ("fc00::/7", "fe80::/10", "::1/128")
INSIDE = tuple(map(ipaddress.ip_network, (*_INSIDE_V4, *_INSIDE_V6)))
"""Where no public router is: RFC 1918, 6598, 3927, 4193, 4291."""

Hops = tuple[str, ...]
"""By distance from 1 on; "" for a hop that does not answer."""


class Walkers:
    """Two threads, so that walks that wait for silent routers hold up neither the event loop nor name resolution."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="traceroute")
        self._ended = threading.Event()

    async def walk(self, address: str, settings: Traceroute, tries: int, seconds: float) -> Hops:
        # In the context of the probe, which the monitor's fence goes by.
        work = partial(copy_context().run, self._walk, address, settings, tries, time.monotonic() + seconds)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _walk(self, address: str, settings: Traceroute, tries: int, until: float) -> Hops:
        hops: list[str] = []
        while len(hops) < settings.hops and not self._ended.is_set():
            left = until - time.monotonic()
            if left < PATIENCE * tries:
                break
            hops.append(_hop(address, settings.source, len(hops) + 1, tries))
            if hops[-1] == address or len(public(hops, settings, address)) == settings.depth:
                break
        return tuple(hops)

    async def aclose(self) -> None:
        self._ended.set()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _hop(address: str, source: str, distance: int, tries: int) -> str:
    for _ in range(tries):
        found = icmplib.traceroute(
            address,
            count=1,
            interval=0,
            timeout=PATIENCE,
            first_hop=distance,
            max_hops=distance,
            id=secrets.randbelow(2**16 - 1) + 1,
            source=source or None,
        )
        if found:
            return str(ipaddress.ip_address(found[0].address))
    return ""


def public(hops: Hops | list[str], settings: Traceroute, target: str) -> list[str]:
    """The public routers among `hops`, nearest first, each once; the target is none, and neither is the site's own."""

    def outside(hop: str) -> bool:
        address = ipaddress.ip_address(hop)
        return not any(address in prefix for prefix in (*INSIDE, *settings.own) if prefix.version == address.version)

    routers = [hop for hop in hops if hop and hop != target and outside(hop)]
    return [router for router, _ in groupby(routers)][: settings.depth]


def judge(settings: Traceroute, target: str, hops: Hops) -> Reading:
    """The routers as observations. A way on which none answers is no fault of the line."""
    if not any(hops):
        return failure(Reason.TIMEOUT, f"{settings.host}: no router on the way answers, and neither does the host")
    seen = tuple(
        Observation("wan_first_hop_info", 1.0, "", "ICMP time exceeded", router, router)
        for router in public(hops, settings, target)
    )
    return Reading(State.UP, observations=seen)


async def probe(settings: Traceroute, run: Run) -> Reading:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        _, address = await resolve(settings.host, 0, wanted_family(settings), began + run.timeout / 2)
        walkers = run.channels.get("traceroute", Walkers)
        async with asyncio.timeout_at(began + run.timeout):
            left = run.timeout - (loop.time() - began)
            hops = await walkers.walk(address[0], settings, run.retries + 1, left)
    except Unresolved as error:
        return failure(Reason.RESOLVE, str(error))
    except TimeoutError:
        return failure(Reason.IMPAIRED, f"{settings.host}: the monitor's threads for walks are busy")
    except SocketPermissionError:
        return failure(Reason.CONFIG, f"{settings.host}: this process may not open raw sockets: give it CAP_NET_RAW")
    except SocketAddressError:
        return failure(Reason.CONFIG, f"{settings.host}: this machine does not have the address {settings.source}")
    except (ICMPLibError, OSError) as error:
        return failure(Reason.UNREACHABLE, f"{settings.host}: not asked: {error}")
    return judge(settings, address[0], hops)
