"""The http and certificate probes against nginx, behind two ISPs, and against servers that misbehave."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

import namespaces
import peers
from builders import site
from history import History, probe
from nginx_peer import nginx
from probes.declared.certificate import CERTIFICATE, Certificate
from probes.declared.http import HTTP, Http
from probes.http import MOST_BODY, Astray, next_place
from probes.http_exchange import Answer, Exchange, NotHttp
from probes.trust import days_left
from resilience.reading import Reading, Reason, State
from test_sip_options import Authority

RunProbe = Callable[..., Reading]
DAY = 86_400
T0 = 1_790_000_000.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="module")
def ports(folder: Path) -> Iterator[dict[str, int]]:
    authority = Authority(folder)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificates = {
        "good": authority.issue("good", 90.5, here, x509.DNSName("localhost"), x509.DNSName("web.test")),
        "other": authority.issue("other", 90.5, x509.DNSName("other.test")),
        "soon": authority.issue("soon", 10.5, here),
        "expired": authority.issue("expired", -2.5, here),
    }
    with nginx(folder, certificates) as found:
        yield found


@pytest.fixture
def ask(run_probe: RunProbe, ports: dict[str, int]) -> RunProbe:
    return partial(run_probe, HTTP, host="127.0.0.1", port=ports["plain"])


@pytest.fixture
def ask_tls(run_probe: RunProbe, folder: Path) -> RunProbe:
    return partial(run_probe, HTTP, host="127.0.0.1", tls=True, ca=str(folder / "ca.pem"), path="/health")


@pytest.mark.parametrize(
    ("settings", "state", "says"),
    [
        ({"path": "/health"}, State.UP, ""),
        ({"path": "/health", "expect": "all lines ready"}, State.UP, ""),
        ({"path": "/health", "method": "HEAD"}, State.UP, ""),
        ({"path": "/empty", "status": (204,)}, State.UP, ""),
        ({"path": "/broken", "status": (503,)}, State.UP, ""),
        ({"path": "/broken"}, State.DOWN, "answers with the status 503"),
        ({"path": "/gone"}, State.DOWN, "answers with the status 404"),
        ({"path": "/health", "status": (204,)}, State.DOWN, "answers with the status 200"),  # a portal's own page
        ({"path": "/health", "expect": "all well"}, State.DOWN, "something else may answer in its place"),
        ({"path": "/moved", "expect": "all lines ready"}, State.UP, ""),
        ({"path": "/moved", "follow": "no"}, State.DOWN, "a redirect to 127.0.0.1, which is not followed"),
        ({"path": "/moved", "follow": "no", "status": (301,)}, State.UP, ""),
        ({"path": "/login"}, State.DOWN, "a redirect to portal.test, which is not followed"),
        ({"path": "/round"}, State.DOWN, "more than 3 redirects"),
        ({"path": "/nowhere"}, State.DOWN, "a redirect to 'http://[/', which is no place"),
        ({"path": "/health", "slow": 0.000001}, State.DEGRADED, "it answered after 0.0 s"),
        ({"path": "/agent", "expect": "site-resilience-monitor 127.0.0.1"}, State.UP, ""),
        ({"path": "/agent", "expect": " web.test:", "server_name": "web.test"}, State.UP, ""),
        ({"path": "/agent", "expect": " 127.0.0.7", "source": "127.0.0.7"}, State.UP, ""),
    ],
)
def test_nginx(settings: dict[str, object], state: State, says: str, ask: RunProbe) -> None:
    reading = ask(**settings)
    assert (reading.state, reading.reason) == (state, Reason.DEVICE if state is State.DOWN else None), reading.text
    assert says in reading.text
    assert bool(reading.text) == bool(says)


def test_no_proxy_of_the_environment_is_used(ask: RunProbe, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert ask(path="/health").state is State.UP


def test_a_redirect_to_another_host_is_followed_where_the_file_says_so(ask: RunProbe) -> None:
    reading = ask(path="/login", follow="any")  # portal.test does not resolve
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.RESOLVE)
    assert "it redirects to portal.test" in reading.text


def test_over_tls_the_certificate_is_verified_and_told(ask_tls: RunProbe, ports: dict[str, int]) -> None:
    reading = ask_tls(port=ports["good"], expect="all lines ready")
    assert (reading.state, reading.text) == (State.UP, "")
    (expiry,) = (seen for seen in reading.observations if seen.quantity.startswith("tls_"))
    assert expiry.target == f"127.0.0.1:{ports['good']}"
    assert expiry.value == pytest.approx(time.time() + 90.5 * DAY, abs=DAY)


@pytest.mark.parametrize(
    ("of", "settings", "wanted", "says"),
    [
        ("soon", {}, (State.DEGRADED, None), "certificate expires in 10 d"),
        ("expired", {}, (State.DOWN, Reason.TLS), "certificate refused: certificate has expired"),
        ("other", {}, (State.DOWN, Reason.TLS), "certificate refused: IP address mismatch"),
        ("other", {"server_name": "other.test"}, (State.UP, None), ""),
        ("good", {"ca": ""}, (State.DOWN, Reason.TLS), "a CA of one's own is named with ca"),
        ("good", {"ca": "/nowhere/ca.pem"}, (State.UNKNOWN, Reason.CONFIG), "/nowhere/ca.pem"),
        ("other", {"ca": "", "verify": False}, (State.UP, None), ""),
        ("plain", {}, (State.DOWN, Reason.TLS), "TLS failed"),
    ],
)
def test_certificates(
    of: str, settings: dict[str, object], wanted: tuple[State, Reason | None], says: str, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue("ports")[of]
    reading = request.getfixturevalue("ask_tls")(port=port, **settings)
    assert (reading.state, reading.reason) == wanted, reading.text
    assert says in reading.text


def test_a_redirect_into_tls_is_followed(ask_tls: RunProbe, ports: dict[str, int]) -> None:
    reading = ask_tls(tls=False, port=ports["plain"], path="/up", expect="all lines ready")
    assert reading.state is State.UP, reading.text
    assert any(seen.target == f"127.0.0.1:{ports['good']}" for seen in reading.observations)


def test_a_redirect_out_of_tls_is_not() -> None:
    moved = Answer(302, ((b"location", b"http://web.test/"),), b"")
    with pytest.raises(Astray, match="out of TLS"):
        next_place(Http(host="web.test", tls=True), "web.test", 443, moved)


def test_nobody_there_is_down(run_probe: RunProbe) -> None:
    reading = run_probe(HTTP, host="127.0.0.1", port=peers.free_port())
    assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)


# ---- Servers that misbehave ----


@contextmanager
def lying(talk: Callable[[socket.socket], object]) -> Iterator[int]:
    """A server that reads a request and then gives the connection to `talk`."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(2)
                    try:
                        connection.recv(4096)
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


OK = b"HTTP/1.1 200 OK\r\n"
PROTOCOL, DEVICE = Reason.PROTOCOL, Reason.DEVICE


@pytest.mark.parametrize(
    ("sent", "reason", "says"),
    [
        (b"", PROTOCOL, "closed"),
        (OK[:12], PROTOCOL, "closed in the middle"),
        (OK + b"Content-Length: 9\r\n\r\nhalf", PROTOCOL, "closed in the middle"),
        (b"220 mail.test ESMTP\r\n\r\n", PROTOCOL, "not HTTP"),
        (b"\xff\xfe\x00\r\n\r\n" * 99, PROTOCOL, "not HTTP"),
        (OK + b"X: " + b"y" * 10_000_000, PROTOCOL, "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", PROTOCOL, "not HTTP"),
        (OK + b"Content-Length: -1\r\n\r\n", PROTOCOL, "not HTTP"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", PROTOCOL, "not HTTP"),
        (OK + b"\r\n" + b"x" * MOST_BODY + b"ready", DEVICE, "without the expected text"),
        (b"HTTP/1.1 302 Found\r\nLocation: //\xe4\xf6/\r\n\r\n", DEVICE, "no place"),
        (b"HTTP/1.1 302 Found\r\n\r\n", DEVICE, "more than 3 redirects"),
        (OK + b"\r\nready" + b"x" * 10_000_000, None, ""),
        (b"HTTP/1.0 200 OK\r\n\r\nready", None, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + b"\r\nready", None, ""),
        (OK + b"Location: \xff\xfe\r\n\r\nready \xff", None, ""),
    ],
)
def test_a_server_that_misbehaves(sent: bytes, reason: Reason | None, says: str, run_probe: RunProbe) -> None:
    with lying(lambda connection: connection.sendall(sent)) as port:
        reading = run_probe(HTTP, host="127.0.0.1", port=port, timeout=2, expect="ready")
    assert (reading.state, reading.reason) == (State.DOWN if reason else State.UP, reason), reading.text
    assert says in reading.text


def test_a_server_that_stalls_is_silent(run_probe: RunProbe) -> None:
    with lying(lambda connection: connection.recv(1)) as port:
        reading = run_probe(HTTP, host="127.0.0.1", port=port, timeout=0.3)
    assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)


def test_a_server_that_never_ends_its_head_is_silent(run_probe: RunProbe) -> None:
    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with lying(drip) as port:
        reading = run_probe(HTTP, host="127.0.0.1", port=port, timeout=0.5)
    assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)


WHOLE = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n6\r\n right\r\n0\r\n\r\n"


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
def test_in_whatever_pieces_an_answer_comes_it_is_the_same(sizes: list[int]) -> None:
    exchange, rest, answer = Exchange("GET", "/", "web.test", most=MOST_BODY), WHOLE, None
    for size in [*sizes, len(WHOLE)]:
        piece, rest = rest[:size], rest[size:]
        if piece and answer is None:
            answer = exchange.feed(piece)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"all right")


@given(st.binary(max_size=400), st.booleans(), st.integers(0, 40))
def test_any_octets_are_an_answer_or_no_http(octets: bytes, begun: bool, cut: int) -> None:
    exchange = Exchange("GET", "/", "web.test", most=64)
    stream = OK + octets if begun else octets
    try:
        for piece in (stream[:cut], stream[cut:], b""):
            if exchange.feed(piece) is not None:
                break
    except NotHttp:
        return


@given(st.text(max_size=60), st.sampled_from(["no", "host", "any"]))
def test_wherever_a_redirect_leads_it_is_a_place_or_astray(location: str, follow: str) -> None:
    moved = Answer(302, ((b"location", location.encode("latin-1", "replace")),), b"")
    try:
        host, place = next_place(Http(host="web.test", follow=follow), "web.test", 80, moved)
    except Astray:
        return
    assert follow == "any" or (follow == "host" and host == "web.test")
    Exchange("GET", place.path, host, most=1)  # can be asked for


def test_each_isp_is_asked_by_its_own_way(run_probe: RunProbe) -> None:
    with namespaces.two_isp_site() as net:
        server = net.provider.inside(lambda: socket.create_server((net.service, 80)))
        ended = threading.Event()

        def serve() -> None:
            server.settimeout(0.05)
            while not ended.is_set():
                try:
                    connection, (source, _) = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.recv(4096)
                    connection.sendall(OK + f"\r\nfrom {source}.".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:

            def look(isp: namespaces.Isp) -> Reading:
                way = {"host": net.service, "source": isp.source, "timeout": 0.5, "expect": f"from {isp.source}."}
                return net.site.inside(lambda: run_probe(HTTP, **way))

            assert look(net.a).state is look(net.b).state is State.UP
            net.cut(net.a)
            assert (look(net.a).state, look(net.b).state) == (State.DOWN, State.UP)
        finally:
            ended.set()
            thread.join()
            server.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"expect": "x", "method": "HEAD"}, "an answer to HEAD has no body"),
        ({"ca": "/ca.pem"}, "write tls: true"),
        ({"tls": True, "ca": "/ca.pem", "verify": False}, "ca without verification"),
        ({"host": ""}, "one of 'host' and 'hosts' is wanted"),
        ({}, None),
    ],
)
def test_the_rules_over_several_keys(settings: dict[str, object], says: str | None) -> None:
    complaint = HTTP.check(Http(**{"host": "192.0.2.1", **settings}))
    assert complaint is None if says is None else says in str(complaint)


# ---- The certificate probe ----


@pytest.mark.parametrize(
    ("of", "settings", "state", "says"),
    [
        ("good", {}, State.UP, ""),
        ("good", {"warn": 100 * 86_400_000}, State.DEGRADED, "certificate expires in 90 d"),
        ("soon", {}, State.DEGRADED, "certificate expires in 10 d"),
        ("expired", {}, State.DOWN, "certificate refused: certificate has expired"),
        ("expired", {"ca": "", "verify": False}, State.DOWN, "certificate expired 2 d ago"),
        ("other", {}, State.DOWN, "certificate refused: IP address mismatch"),
        ("other", {"server_name": "other.test"}, State.UP, ""),
        ("good", {"ca": ""}, State.DOWN, "a CA of one's own is named with ca"),
    ],
)
def test_a_certificate(
    of: str, settings: dict[str, object], state: State, says: str, request: pytest.FixtureRequest
) -> None:
    days = {"good": 90.5, "other": 90.5, "soon": 10.5, "expired": -2.5}[of]
    where = {"host": "127.0.0.1", "port": request.getfixturevalue("ports")[of]}
    ca = str(request.getfixturevalue("folder") / "ca.pem")
    reading = request.getfixturevalue("run_probe")(CERTIFICATE, **where, **{"ca": ca, **settings})
    assert (reading.state, reading.reason) == (state, None), reading.text
    assert says in reading.text
    (expiry,) = reading.observations
    assert expiry.value == pytest.approx(time.time() + days * DAY, abs=DAY)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (lambda c: c.recv(1), Reason.TIMEOUT),
        (lambda c: c.sendall(b"220 ESMTP\r\n"), Reason.TLS),
        (lambda c: None, None),
    ],
)
def test_what_is_no_tls_says_nothing_of_the_certificate(
    talk: Callable[[socket.socket], object], reason: Reason | None, run_probe: RunProbe
) -> None:
    with lying(talk) as port:
        reading = run_probe(CERTIFICATE, host="127.0.0.1", port=port, timeout=0.5)
    assert reading.state is State.UNKNOWN
    assert reading.failed
    assert reason is None or reading.reason is reason
    reading = run_probe(CERTIFICATE, host="127.0.0.1", port=peers.free_port())
    assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.REFUSED)


def test_a_good_certificate_proves_nothing_and_a_bad_one_counts() -> None:
    (icmp,), (certificate,) = probe("wan"), probe("wan", type="certificate")
    certificate = replace(certificate, proves=False)
    for others, silent in (((icmp,), Reading(State.UNKNOWN, Reason.TIMEOUT, "not asked")), ((), None)):
        history = History(site({"wan": {"kind": "wan", "probes": (*others, certificate)}}, {"desk": ["wan"]}))
        if silent:
            history.read(T0, {"wan/icmp": silent})
        for state in (State.UP, State.DEGRADED):
            history.read(T0, {"wan/certificate": Reading(state, None, "expires soon")})
            assert history.state("wan", T0) is State.UNKNOWN
        history.read(T0, {"wan/certificate": Reading(State.DOWN, None, "expired")})
        assert history.state("wan", T0) is State.DOWN

    history = History(site({"wan": {"kind": "wan", "probes": (icmp, certificate)}}, {"desk": ["wan"]}))
    for state, wanted in ((State.UP, State.UP), (State.DEGRADED, State.DEGRADED), (State.DOWN, State.DOWN)):
        history.read(T0, {"wan/icmp": Reading(State.UP), "wan/certificate": Reading(state, None, "so")})
        assert history.state("wan", T0) is wanted


def test_the_rules_of_a_certificate_probe() -> None:
    assert CERTIFICATE.check(Certificate(host="192.0.2.1", ca="/ca.pem")) is None
    assert "leave out one" in str(CERTIFICATE.check(Certificate(host="192.0.2.1", ca="/ca.pem", verify=False)))
    assert days_left(0, 86_400 * 2.5, DAY) == "certificate expired 2 d ago"
