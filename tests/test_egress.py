"""The egress probe against coturn: on loopback, behind two NATed ISPs, and against servers that misbehave."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import namespaces
import peers
from builders import site
from history import History, probe
from probes import stun
from probes.declared.egress import EGRESS, Egress
from probes.egress import waits
from resilience.model import any_of
from resilience.reading import Observation, Reading, Reason, State
from stun_peer import coturn
from test_stun import HERE, attribute, plain, response, xored

RunProbe = Callable[..., Reading]
T0 = 1_790_000_000.0
Answers = Callable[[bytes], list[bytes]]
"""What a server sends back for one request."""


def prefixes(*written: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, written))


def values(reading: Reading) -> dict[str, object]:
    return {
        seen.quantity: seen.text or seen.value for seen in reading.observations if seen.quantity != "response_seconds"
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = peers.free_port(socket.SOCK_DGRAM)
    with coturn(tmp_path_factory.mktemp("coturn"), "127.0.0.1", port):
        yield port


def test_the_address_that_coturn_sees_is_told(server: int, run_probe: RunProbe) -> None:
    reading = run_probe(EGRESS, host="127.0.0.1", port=server, source="127.0.0.7", expect=prefixes("127.0.0.0/29"))
    assert (reading.state, reading.text) == (State.UP, "")
    assert values(reading) == {"wan_public_address_info": "127.0.0.7", "egress_expected": 1.0}


def test_another_way_out_is_unknown_and_says_so(server: int, run_probe: RunProbe) -> None:
    reading = run_probe(EGRESS, host="127.0.0.1", port=server, source="127.0.0.9", expect=prefixes("127.0.0.0/29"))
    assert (reading.state, reading.reason) == (State.UNKNOWN, None)
    assert "come from 127.0.0.9, which is not in 127.0.0.0/29" in reading.text
    assert values(reading)["egress_expected"] == "left by 127.0.0.9, which is not in 127.0.0.0/29"


def test_without_expectation_the_address_alone_is_told(server: int, run_probe: RunProbe) -> None:
    reading = run_probe(EGRESS, host="127.0.0.1", port=server)
    assert reading.state is State.UP
    assert values(reading) == {"wan_public_address_info": "127.0.0.1"}


@contextmanager
def lying(answers: Answers, *, elsewhere: bool = False) -> Iterator[int]:
    """A server that answers each request with `answers`; `elsewhere` from another socket than was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, socket.socket(type=socket.SOCK_DGRAM) as other:
        asked.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        asked.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    request, sender = asked.recvfrom(2048)
                except TimeoutError:
                    continue
                for answer in answers(request):
                    (other if elsewhere else asked).sendto(answer, sender)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield int(asked.getsockname()[1])
        finally:
            ended.set()
            serving.join()


def about(request: bytes) -> bytes:
    return request[8:20]


def good(request: bytes) -> bytes:
    xor = attribute(stun.XOR_MAPPED_ADDRESS, xored("198.51.100.7", about(request)))
    return response(xor, transaction=about(request))


@pytest.mark.parametrize(
    ("answers", "reason", "says"),
    [
        (lambda request: [], Reason.TIMEOUT, "no answer within"),
        (lambda request: [response(HERE)], Reason.TIMEOUT, "no answer within"),  # another transaction
        (lambda request: [request, b"", b"\xff\xfe", good(request)[:19]], Reason.TIMEOUT, "no answer within"),
        (lambda request: [good(request)[:24]], Reason.PROTOCOL, "calls itself"),
        (lambda request: [good(request) + b"\xff" * 60_000], Reason.PROTOCOL, "calls itself"),
        (
            lambda request: [
                response(attribute(9, b"\0\0\3\0\xff\xfe"), kind=stun.BINDING_ERROR, transaction=about(request))
            ],
            Reason.DEVICE,
            "it refuses with 300",
        ),
    ],
)
def test_a_server_that_misbehaves_proves_nothing(
    answers: Answers, reason: Reason, says: str, run_probe: RunProbe
) -> None:
    with lying(answers) as port:
        reading = run_probe(EGRESS, host="127.0.0.1", port=port, timeout=0.3, expect=prefixes("198.51.100.0/24"))
    assert (reading.state, reading.reason) == (State.UNKNOWN, reason)
    assert says in reading.text
    assert reading.observations == ()


def test_an_answer_from_another_port_is_not_heard(run_probe: RunProbe) -> None:
    with lying(lambda request: [good(request)], elsewhere=True) as port:
        reading = run_probe(EGRESS, host="127.0.0.1", port=port, timeout=0.3)
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.TIMEOUT)


def test_a_late_answer_to_the_previous_question_is_passed_over(run_probe: RunProbe) -> None:
    late: list[bytes] = []

    def one_behind(request: bytes) -> list[bytes]:
        late.append(response(attribute(0x20, xored("203.0.113.66", about(request))), transaction=about(request)))
        return [late[-2], good(request)] if len(late) > 1 else []

    with lying(one_behind) as port:
        assert run_probe(EGRESS, host="127.0.0.1", port=port, timeout=0.3).reason is Reason.TIMEOUT
        reading = run_probe(EGRESS, host="127.0.0.1", port=port, timeout=5)
    assert values(reading) == {"wan_public_address_info": "198.51.100.7"}


def test_a_lost_request_is_sent_again(run_probe: RunProbe) -> None:
    heard: list[bytes] = []

    def second(request: bytes) -> list[bytes]:
        heard.append(request)
        return [good(request)] if len(heard) > 1 else []

    with lying(second) as port:
        assert run_probe(EGRESS, host="127.0.0.1", port=port).state is State.UP
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    ("address", "expect", "state", "seen"),
    [
        ("198.51.100.7", ("198.51.100.0/24",), State.UP, {"wan_public_address_info", "egress_expected"}),
        ("10.0.0.7", ("198.51.100.0/24",), State.UNKNOWN, set()),  # a NAT may have put the site's own there
        ("198.51.100.7", (), State.UP, set()),
    ],
)
def test_the_address_of_an_old_server_is_believed_only_where_it_is_the_expected_one(
    address: str, expect: tuple[str, ...], state: State, seen: set[str], run_probe: RunProbe
) -> None:
    def old(request: bytes) -> list[bytes]:
        return [response(attribute(stun.MAPPED_ADDRESS, plain(address)), transaction=about(request))]

    with lying(old) as port:
        reading = run_probe(EGRESS, host="127.0.0.1", port=port, expect=prefixes(*expect))
    assert (reading.state, set(values(reading))) == (state, seen)
    assert ("only MAPPED-ADDRESS" in reading.text) == (state is State.UNKNOWN)


def test_one_server_that_saw_another_way_out_is_read_beside_one_that_is_silent(
    server: int, run_probe: RunProbe
) -> None:
    silent = peers.free_port(socket.SOCK_DGRAM)
    settings = {"hosts": ("127.0.0.1", "127.0.0.8"), "expect": prefixes("198.51.100.0/24"), "timeout": 0.3}
    assert silent != server
    reading = run_probe(EGRESS, port=server, **settings)
    assert (reading.state, reading.reason) == (State.UNKNOWN, None)
    assert "saw the question come from 127.0.0.1" in reading.text
    assert "127.0.0.8 port" in reading.text


def test_the_retransmissions_of_rfc_8489() -> None:
    assert waits(39.5) == [0.5, 1, 2, 4, 8, 16, 8]
    assert waits(5) == [0.5, 1, 2, 1.5]
    assert waits(0.2) == [0.2]
    assert EGRESS.check(Egress()) == "one of 'host' and 'hosts' is wanted"


def test_what_needs_a_line_does_not_prove_it_where_the_probes_leave_by_another() -> None:
    """A trunk that is asked from the line's address goes astray with the line's own probes."""
    declared = site(
        {
            "wan": {"kind": "wan", "probes": (*probe("wan"), *probe("wan", type="egress"))},
            "trunk": {"kind": "sip-trunk", "needs": ["wan"], "probes": probe("trunk")},
        },
        {"desk": ["trunk"]},
    )
    history, silent = History(declared), Reading(State.UNKNOWN, Reason.TIMEOUT, "not asked")
    history.read(T0, {"wan/icmp": silent, "wan/egress": silent, "trunk": Reading(State.UP)})
    assert history.state("wan", T0) is State.UP  # the trunk cannot be without it

    wrong = Observation("egress_expected", 0.0, text="left by 203.0.113.9, which is not in 198.51.100.0/24")
    history.read(
        T0 + 1, {"wan/egress": Reading(State.UNKNOWN, None, "elsewhere", (wrong,)), "wan/icmp": Reading(State.UP)}
    )
    assert history.state("wan", T0 + 1) is State.UNKNOWN
    assessment = history.assess(T0 + 1)
    assert (assessment.assured, assessment.possible) == (False, True)


# ---- Behind two ISPs ----


@contextmanager
def natted(folder: Path) -> Iterator[namespaces.TwoIspSite]:
    """A site whose ISPs each hide it behind their own public address, and coturn at the provider's."""
    with namespaces.two_isp_site() as net:
        for isp in (net.a, net.b):
            net.translate(isp)
        with coturn(folder, net.service, 3478, net.provider):
            yield net


def test_two_isps_are_told_apart_and_a_wrong_route_is_found(tmp_path: Path, run_probe: RunProbe) -> None:
    declared = site(
        {name: {"kind": "wan", "probes": (*probe(name), *probe(name, type="egress"))} for name in ("wan-a", "wan-b")},
        {"desk": [any_of("wan-a", "wan-b")]},
    )
    history = History(declared)

    with natted(tmp_path) as net:

        def look(at: float) -> dict[str, Reading]:
            found = {
                f"{name}/egress": net.site.inside(
                    lambda isp=isp: run_probe(
                        EGRESS,
                        host=net.service,
                        source=isp.source,
                        expect=prefixes(f"{isp.uplink}/32"),
                        timeout=0.4,
                    )
                )
                for name, isp in (("wan-a", net.a), ("wan-b", net.b))
            }
            history.read(at, {**found, "wan-a/icmp": Reading(State.UP), "wan-b/icmp": Reading(State.UP)})
            history.assess(at)
            return found

        found = look(T0)
        assert [values(reading)["wan_public_address_info"] for reading in found.values()] == [
            net.a.uplink,
            net.b.uplink,
        ]
        assert not {code for code, _ in history.codes()} & {"egress_unexpected", "hidden_sharing"}

        by_interface = net.site.inside(lambda: run_probe(EGRESS, host=net.service, interface=net.b.interface))
        assert values(by_interface) == {"wan_public_address_info": net.b.uplink}  # the main route goes by A

        # The rule that sends ISP A's address by ISP A goes, and with it A's default route: all leaves by B.
        net.site.ip("rule", "del", "from", net.a.source, "table", "101")
        net.site.ip("route", "del", "default", "via", net.a.gateway, "metric", "101")
        net.b.router.ip("route", "add", net.a.source, "via", net.b.source)
        found = look(T0 + 60)
        assert found["wan-a/egress"].state is State.UNKNOWN
        assert history.state("wan-a", T0 + 60) is State.UNKNOWN  # though it was seen up: by way of the other
        assert history.state("wan-b", T0 + 60) is State.UP
        assert ("egress_unexpected", "wan-a") in history.codes()
        (shared,) = (finding for finding in history.open if finding.code == "hidden_sharing")
        assert f"wan-a and wan-b leave by the same public address {net.b.uplink}" in shared.text
        (finding,) = (finding for finding in history.open if finding.code == "egress_unexpected")
        assert finding.text == f"wan-a: its probes left by {net.b.uplink}, which is not in {net.a.uplink}/32"

        net.site.ip("rule", "add", "from", net.a.source, "table", "101")
        look(T0 + 120)
        assert history.state("wan-a", T0 + 120) is State.UP
        assert not {code for code, _ in history.codes()} & {"egress_unexpected", "hidden_sharing"}

        net.cut(net.a)
        found = look(T0 + 180)
        assert (found["wan-a/egress"].state, found["wan-a/egress"].failed) == (State.UNKNOWN, True)
        assert found["wan-b/egress"].state is State.UP
