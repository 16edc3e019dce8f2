"""Networks of the tests' own: namespaces joined by veth pairs, gone when the block ends. Need root and iproute2.

Names carry the process id, so that runs live side by side. What a test starts inside, it ends itself.
"""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import peers

T = TypeVar("T")

_serial = itertools.count()
_CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns is in Python from 3.12 on


@dataclass(frozen=True)
class Namespace:
    name: str

    def ip(self, *args: str) -> None:
        """`ip` on this namespace's links, addresses, routes and rules."""
        subprocess.run(["ip", "-n", self.name, *args], check=True, capture_output=True)

    def command(self, *args: str) -> list[str]:
        """The argument list that runs `args` inside, for `peers.process`."""
        return ["ip", "netns", "exec", self.name, *args]

    def run(self, *args: str) -> str:
        """What `args`, run inside to its end, says on stdout."""
        return subprocess.run(self.command(*args), check=True, capture_output=True, text=True).stdout

    def sysctl(self, *settings: str) -> None:
        self.run("sysctl", "-qw", *settings)

    def inside(self, work: Callable[[], T]) -> T:
        """The result of `work`, called in a thread of this process that lives in the namespace."""

        def entered() -> T:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{self.name}", "rb") as namespace:
                if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {self.name}")
            return work()

        return in_thread(entered)


def in_thread(work: Callable[[], T]) -> T:
    """The result of `work`, called in a thread that ends with it: what it changes of itself ends with it too."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


@contextmanager
def namespace(role: str = "lone") -> Iterator[Namespace]:
    """A namespace with its loopback up and nothing else."""
    peers.root()
    peers.command("ip", "iproute2")
    new = Namespace(f"srm{os.getpid()}-{next(_serial)}-{role}")
    subprocess.run(["ip", "netns", "add", new.name], check=True)
    try:
        new.ip("link", "set", "lo", "up")
        yield new
    finally:
        subprocess.run(["ip", "netns", "del", new.name], check=True)


End = tuple[Namespace, str, str]
"""Where a cable ends: namespace, link name, address with its prefix length."""


def join(near: End, far: End) -> None:
    """A cable between two namespaces, both ends up."""
    near[0].ip("link", "add", near[1], "type", "veth", "peer", "name", far[1], "netns", far[0].name)
    for side, link, address in (near, far):
        side.ip("address", "add", address, "dev", link)
        side.ip("link", "set", link, "up")


@dataclass(frozen=True)
class Isp:
    """One way from the site to the provider. The site's address on it picks it by a routing rule."""

    router: Namespace
    interface: str
    source: str
    gateway: str
    uplink: str
    """The router's address towards the provider."""
    beyond: str
    """The provider's address towards the router."""


@dataclass(frozen=True)
class TwoIspSite:
    """A site, its routers to ISP A and ISP B, and one provider behind both. The main route goes by A."""

    site: Namespace
    provider: Namespace
    a: Isp
    b: Isp
    service: str = "10.91.99.1"
    """The provider's address, reached by either ISP."""

    def cut(self, isp: Isp) -> None:
        """Take the ISP's uplink away; the site's own link stays up and the router says `unreachable`."""
        isp.router.ip("link", "set", "uplink", "down")

    def restore(self, isp: Isp) -> None:
        """The uplink as it was, with the routes that went with it; ends `drop` too."""
        isp.router.ip("link", "set", "uplink", "up")
        isp.router.ip("route", "replace", self.service, "via", isp.beyond)
        self.provider.ip("route", "replace", isp.source, "via", isp.uplink)
        isp.router.run("nft", "flush ruleset")

    def translate(self, isp: Isp) -> None:
        """Hide the site behind the uplink's address, as an ISP's router does (NAT)."""
        peers.command("nft", "nftables")
        isp.router.run("nft", "add table ip nat")
        isp.router.run("nft", "add chain ip nat post { type nat hook postrouting priority srcnat; }")
        isp.router.run("nft", "add rule ip nat post oifname uplink masquerade")

    def drop(self, isp: Isp, match: str = "") -> None:
        """Silently drop what the ISP forwards, or only what an nftables `match` picks out of it.

        `numgen random mod 100 < 30` is a random 30 % each way, `ip daddr X numgen inc mod 3 == 0` each third to X.
        """
        peers.command("nft", "nftables")
        isp.router.run("nft", "flush ruleset")
        isp.router.run("nft", "add table ip loss")
        isp.router.run("nft", "add chain ip loss forward { type filter hook forward priority 0; }")
        isp.router.run("nft", f"add rule ip loss forward {match} drop")


@contextmanager
def two_isp_site() -> Iterator[TwoIspSite]:
    """site ═ router A, router B ═ provider, all up."""
    with ExitStack() as stack:
        site, router_a, router_b, provider = (
            stack.enter_context(namespace(role)) for role in ("site", "isp-a", "isp-b", "provider")
        )
        a = Isp(router_a, "wan_a", "10.91.1.2", "10.91.1.1", "10.91.11.1", "10.91.11.2")
        b = Isp(router_b, "wan_b", "10.91.2.2", "10.91.2.1", "10.91.12.1", "10.91.12.2")
        built = TwoIspSite(site, provider, a, b)
        for each in (site, router_a, router_b, provider):
            # A reply may come back by the other ISP than the main route; strict filtering would drop it.
            each.sysctl("net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        provider.ip("address", "add", built.service, "dev", "lo")
        for table, isp in (("101", a), ("102", b)):
            join((site, isp.interface, f"{isp.source}/24"), (isp.router, "lan", f"{isp.gateway}/24"))
            join((isp.router, "uplink", f"{isp.uplink}/24"), (provider, f"from_{isp.interface}", f"{isp.beyond}/24"))
            isp.router.sysctl("net.ipv4.ip_forward=1")
            isp.router.ip("route", "add", built.service, "via", isp.beyond)
            provider.ip("route", "add", isp.source, "via", isp.uplink)
            site.ip("route", "add", "default", "via", isp.gateway, "metric", table)
            site.ip("route", "add", "default", "via", isp.gateway, "table", table)
            site.ip("rule", "add", "from", isp.source, "table", table)
        yield built
