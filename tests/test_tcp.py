"""The tcp probe against real listeners: accepting, closed, silent, unreachable, and faults of our own."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

import namespaces
import peers
from probes.declared.tcp import TCP, Tcp
from resilience.reading import Reading, Reason, State

RunProbe = Callable[..., Reading]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a listener whose queue is full: the kernel answers no more SYN."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        waiting = stack.enter_context(socket.create_connection(server.getsockname()))
        assert waiting.getpeername() == server.getsockname()
        yield int(server.getsockname()[1])


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_connection_is_up_sends_nothing_and_is_closed(listener: socket.socket, run_probe: RunProbe) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    reading = run_probe(TCP, host="127.0.0.1", port=port_of(listener))
    assert (reading.state, reading.text) == (State.UP, "")
    (rtt,) = reading.observations
    assert (rtt.quantity, rtt.unit, rtt.target) == ("wan_rtt_seconds", "s", "127.0.0.1")
    assert 0 < rtt.value < 5
    assert len(os.listdir("/proc/self/fd")) == open_before
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        assert connection.recv(1) == b""  # the end, in order: no octet and no reset


def test_the_source_address_is_used(listener: socket.socket, run_probe: RunProbe) -> None:
    reading = run_probe(TCP, host="127.0.0.1", port=port_of(listener), source="127.0.0.7", interface="lo")
    assert reading.state is State.UP
    connection, (source, _) = listener.accept()
    connection.close()
    assert source == "127.0.0.7"


def test_names_and_ipv6(listener: socket.socket, run_probe: RunProbe) -> None:
    assert run_probe(TCP, port=port_of(listener), host="localhost", ip="4").state is State.UP
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert run_probe(TCP, port=port_of(server), host="::1").state is State.UP


@pytest.mark.parametrize("name", ["127.1", "0"])
def test_a_name_that_leads_back_to_this_machine_is_unknown(
    name: str, listener: socket.socket, run_probe: RunProbe
) -> None:
    """The resolver reads both as addresses, as it would read the answer of a filter."""
    reading = run_probe(TCP, host=name, port=port_of(listener))
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.RESOLVE)
    assert "which is this machine" in reading.text


def test_a_closed_port_is_down_and_says_that_the_host_answers(run_probe: RunProbe) -> None:
    port = peers.free_port()
    reading = run_probe(TCP, host="127.0.0.1", port=port)
    assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)
    assert reading.text.startswith(f"127.0.0.1 port {port}: the connection is refused: the host answers")


def test_silence_is_down(full: int, run_probe: RunProbe) -> None:
    reading = run_probe(TCP, timeout=0.2, host="127.0.0.1", port=full)
    assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)
    assert reading.text == f"127.0.0.1 port {full}: no answer within 200 ms"


def test_a_name_that_does_not_resolve_is_unknown(run_probe: RunProbe) -> None:
    reading = run_probe(TCP, host="no-such-host.invalid", port=5061)
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.RESOLVE)
    assert reading.text.startswith("no-such-host.invalid: ")


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ({"source": "198.51.100.2"}, "not asked from 198.51.100.2: this machine does not have the source address"),
        ({"interface": "nope0"}, "not asked on nope0: this machine has no such interface"),
        ({"source": "2001:db8::7", "host": "2001:db8::1"}, "not asked from 2001:db8::7: "),
    ],
)
def test_a_way_out_that_does_not_exist_is_unknown(way: dict[str, str], says: str, run_probe: RunProbe) -> None:
    reading = run_probe(TCP, port=5061, **{"host": "127.0.0.1", **way})
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
    assert says in reading.text


def test_the_quorum_of_hosts(listener: socket.socket, run_probe: RunProbe) -> None:
    hosts = ("127.0.0.1", "127.0.0.8")
    reading = run_probe(TCP, hosts=hosts, port=port_of(listener))
    assert reading.state is State.DEGRADED
    assert "1 of 2 targets answer, 1 must: 127.0.0.8 port" in reading.text
    reading = run_probe(TCP, hosts=hosts, port=port_of(listener), quorum=2)
    assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)


def test_the_rules_over_several_keys() -> None:
    assert TCP.check(Tcp(port=5061)) == "one of 'host' and 'hosts' is wanted"
    assert TCP.check(Tcp(host="192.0.2.1", port=5061)) is None


def test_what_a_router_says_is_down_and_what_our_own_routes_say_is_unknown(run_probe: RunProbe) -> None:
    with namespaces.two_isp_site() as net:

        def connect(isp: namespaces.Isp, **settings: object) -> Reading:
            way = {"host": net.service, "port": 5061, "source": isp.source, "timeout": 0.3, **settings}
            return net.site.inside(lambda: run_probe(TCP, **way))

        server = net.provider.inside(lambda: socket.create_server((net.service, 5061)))
        with server:
            assert connect(net.a).state is connect(net.b).state is State.UP

            net.cut(net.a)
            reading = connect(net.a)
            assert (reading.state, reading.reason) == (State.DOWN, Reason.UNREACHABLE)
            assert "the network says" in reading.text
            assert connect(net.b).state is State.UP

            net.restore(net.a)
            net.drop(net.a)
            reading = connect(net.a)
            assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)

            net.site.ip("link", "set", "wan_a", "down")
            reading = connect(net.a, interface="wan_a")
            assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.UNREACHABLE)
            assert "this machine has no route to it" in reading.text


def test_many_at_once(run_probe: RunProbe) -> None:
    hosts = tuple(f"127.0.2.{n}" for n in range(1, 201))
    with socket.create_server(("0.0.0.0", 0), backlog=500) as server:
        reading = run_probe(TCP, hosts=hosts, port=port_of(server), quorum=200)
    assert (reading.state, len(reading.observations)) == (State.UP, 200)
