"""The traceroute probe in namespaces: two lines that share a public router, one that does not, and silence."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

import namespaces
from builders import site
from history import History, probe
from probes.declared.traceroute import TRACEROUTE, Traceroute
from probes.traceroute import judge, public
from resilience.model import any_of
from resilience.reading import Reading, Reason, State

RunProbe = Callable[..., Reading]
T0 = 1_790_000_000.0
FAR = "198.51.100.9"
SHARED, OTHER = "192.0.2.1", "192.0.2.2"


@contextmanager
def with_a_far_host() -> Iterator[namespaces.TwoIspSite]:
    """The two-ISP site, its provider's router named SHARED towards either, and a host behind it."""
    with ExitStack() as stack:
        net = stack.enter_context(namespaces.two_isp_site())
        far = stack.enter_context(namespaces.namespace("far"))
        namespaces.join((net.provider, "to_far", "198.51.100.1/24"), (far, "uplink", f"{FAR}/24"))
        far.ip("route", "add", "default", "via", "198.51.100.1")
        net.provider.sysctl("net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=10000")
        for address in (SHARED, OTHER):
            net.provider.ip("address", "add", address, "dev", "lo")
        for isp in (net.a, net.b):
            isp.router.ip("route", "add", "default", "via", isp.beyond)
            named(net, isp, SHARED)
        yield net


def named(net: namespaces.TwoIspSite, isp: namespaces.Isp, address: str) -> None:
    """The provider's router speaks to this ISP's side of the site as `address`."""
    net.provider.ip("route", "replace", isp.source, "via", isp.uplink, "src", address)


def routers(reading: Reading) -> list[str]:
    assert (reading.state, reading.reason) == (State.UP, None), reading.text
    return [seen.text for seen in reading.observations if seen.quantity == "wan_first_hop_info"]


def test_two_lines_that_leave_by_one_router_are_found(run_probe: RunProbe) -> None:
    wans = {name: {"kind": "wan", "probes": probe(name, type="traceroute")} for name in ("wan-a", "wan-b")}
    history = History(site(wans, {"desk": [any_of("wan-a", "wan-b")]}))
    with with_a_far_host() as net:

        def walk(isp: namespaces.Isp, **settings: object) -> Reading:
            way = {"host": FAR, "source": isp.source, **settings}
            return net.site.inside(lambda: run_probe(TRACEROUTE, **way))

        def sharing(at: float) -> list[str]:
            found = {"wan-a": walk(net.a), "wan-b": walk(net.b)}
            history.read(at, found)
            history.assess(at)
            return [finding.text for finding in history.open if finding.code == "hidden_sharing"]

        assert routers(walk(net.a)) == [SHARED]  # 10.91.1.1, the site's side, is passed over
        assert sharing(T0) == [
            f"wan-a and wan-b leave by the same first public router {SHARED}, though declared independent"
        ]
        named(net, net.b, OTHER)
        assert sharing(T0 + 60) == []
        assert routers(walk(net.a, depth=3)) == [SHARED]  # the host itself is no router

        net.a.router.ip("route", "del", "default")
        reading = walk(net.a, hops=1)
        assert (routers(reading), reading.text) == ([], "")
        net.drop(net.b)
        net.b.router.run("nft", "add chain ip loss input { type filter hook input priority 0; policy drop; }")
        net.b.router.run("nft", "add chain ip loss output { type filter hook output priority 0; policy drop; }")
        reading = walk(net.b, hops=1, retries=0)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("settings", "reason", "says"),
    [
        ({"host": "no-such-host.invalid"}, Reason.RESOLVE, "no-such-host.invalid: "),
        ({"host": "192.0.2.9", "source": "198.51.100.77"}, Reason.CONFIG, "does not have the address 198.51.100.77"),
    ],
)
def test_our_own_faults_are_unknown(
    settings: dict[str, object], reason: Reason, says: str, run_probe: RunProbe
) -> None:
    with namespaces.namespace() as lone:
        reading = lone.inside(lambda: run_probe(TRACEROUTE, timeout=3, **settings))
    assert (reading.state, reading.reason) == (State.UNKNOWN, reason), reading.text
    assert says in reading.text


def test_a_time_that_is_over_ends_the_walk(run_probe: RunProbe) -> None:
    with namespaces.namespace() as lone:
        reading = lone.inside(lambda: run_probe(TRACEROUTE, timeout=0.5, host="127.0.0.1"))
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)  # not even one hop fits


@pytest.mark.parametrize(
    ("hops", "settings", "wanted"),
    [
        (("10.0.0.1", "192.0.2.1", "192.0.2.7"), {}, ["192.0.2.1"]),
        (("10.0.0.1", "192.0.2.1", "192.0.2.7"), {"depth": 2}, ["192.0.2.1", "192.0.2.7"]),
        (("", "100.64.0.1", "", "192.0.2.7"), {}, ["192.0.2.7"]),
        (("192.0.2.7", "192.0.2.7", "192.0.2.8"), {"depth": 2}, ["192.0.2.7", "192.0.2.8"]),
        (("10.0.0.1", FAR), {}, []),
        (("fd00::1", "fe80::1", "2001:db8::1"), {}, ["2001:db8::1"]),
        ((), {}, []),
    ],
)
def test_the_public_routers(hops: tuple[str, ...], settings: dict[str, int], wanted: list[str]) -> None:
    assert public(hops, Traceroute(host=FAR, **settings), FAR) == wanted


def test_the_site_s_own_routers_are_passed_over() -> None:
    settings = Traceroute(host=FAR, own=(ipaddress.ip_network("192.0.2.0/29"),))
    assert public(("192.0.2.1", "192.0.2.9"), settings, FAR) == ["192.0.2.9"]


@given(st.lists(st.one_of(st.just(""), st.ip_addresses().map(str)), max_size=8), st.integers(1, 8))
def test_whatever_answers_is_a_reading(hops: list[str], depth: int) -> None:
    reading = judge(Traceroute(host=FAR, depth=depth), FAR, tuple(hops))
    assert len(reading.observations) <= depth
    assert reading.failed == (not any(hops))
