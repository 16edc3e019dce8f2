"""The sip-options probe against a real Kamailio (UDP, TCP, TLS), sipp, our simulator, and peers that misbehave."""

import asyncio
import errno
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import kamailio_peer
import peers
from probes import trust
from probes.declared.sip_options import SIP_OPTIONS, SipOptions
from probes.declared.sip_uri import SipUri, Transport, parse_uri
from probes.sip_options import joined, judge
from probes.sip_pace import Pace
from probes.sip_round import PACE
from probes.sip_target import Target
from probes.sip_transport import Exchange
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Observation, Reading, Reason, State, failure
from resilience.simulate.sip import SipSimulator

RunProbe = Callable[..., Reading]


def seen(reading: Reading, quantity: str) -> float | None:
    """The one value of a quantity, or None where the reading has none."""
    values = [observation.value for observation in reading.observations if observation.quantity == quantity]
    assert len(values) < 2
    return values[0] if values else None


@dataclass(frozen=True)
class Provider:
    """A real Kamailio: its UDP and TCP port, and TLS ports by what is wrong with their certificate."""

    port: int
    tls: dict[str, int]
    ca: str


class Authority:
    """A CA of the test's own, as a provider's would be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider CA")])
        certificate = self._sign(self._name, self._key, 3650, x509.BasicConstraints(True, None))
        self.pem = folder / "ca.pem"
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float, extension: x509.ExtensionType
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=365))
            .not_valid_after(datetime.now(UTC) + timedelta(days=days))
            .add_extension(extension, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, name: str, days: float, *names: x509.GeneralName) -> tuple[Path, Path]:
        """Certificate and key files for `names`, running out in `days`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, days, x509.SubjectAlternativeName(names))
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    authority = Authority(folder)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificates = {
        "good": authority.issue("good", 90.5, here, x509.DNSName("localhost")),
        "other-name": authority.issue("other-name", 90.5, x509.DNSName("sbc.other.example")),
        "soon": authority.issue("soon", 10.5, here),
        "expired": authority.issue("expired", -2.5, here),
    }
    tls = {name: peers.free_port() for name in certificates}
    by_port = {tls[name]: paths for name, paths in certificates.items()}
    with kamailio_peer.provider(folder / "kamailio", by_port) as port:
        yield Provider(port, tls, str(authority.pem))


class TestKamailio:
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_in_clear(self, provider: Provider, run_probe: RunProbe, transport: str) -> None:
        uri = parse_uri(f"sip:127.0.0.1:{provider.port};transport={transport}")
        reading = run_probe(SIP_OPTIONS, uri=uri)
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert {observation.quantity for observation in reading.observations} == {
            "trunk_up",
            "trunk_rtt_seconds",
            "trunk_response_code",
        }
        assert {seen.target for seen in reading.observations} == {f"127.0.0.1:{provider.port}/{transport}"}
        assert (seen(reading, "trunk_up"), seen(reading, "trunk_response_code")) == (1, 200)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_tls(self, provider: Provider, run_probe: RunProbe, host: str) -> None:
        uri = parse_uri(f"sips:{host}:{provider.tls['good']}")
        reading = run_probe(SIP_OPTIONS, uri=uri, ca=provider.ca, source="127.0.0.1")
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert {observation.quantity for observation in reading.observations} <= set(QUANTITIES)
        expires = seen(reading, "tls_certificate_expiry_timestamp_seconds")
        assert expires is not None
        assert 90 < (expires - time.time()) / 86_400 < 91

    def test_a_certificate_that_runs_out_soon(self, provider: Provider, run_probe: RunProbe) -> None:
        uri = parse_uri(f"sip:127.0.0.1:{provider.tls['soon']};transport=tls")
        reading = run_probe(SIP_OPTIONS, uri=uri, ca=provider.ca)
        assert (reading.state, reading.reason) == (State.DEGRADED, None)
        assert reading.text == f"127.0.0.1:{provider.tls['soon']}/tls: certificate expires in 10 d"
        assert seen(reading, "trunk_up") == 1

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("other-name", "certificate refused: IP address mismatch, certificate is not valid for '127.0.0.1'."),
            ("expired", "certificate refused: certificate has expired; certificate expired 2 d ago"),
        ],
    )
    def test_a_bad_certificate_is_down_and_its_expiry_still_told(
        self, provider: Provider, run_probe: RunProbe, name: str, text: str
    ) -> None:
        uri = parse_uri(f"sips:127.0.0.1:{provider.tls[name]}")
        reading = run_probe(SIP_OPTIONS, uri=uri, ca=provider.ca)
        assert (reading.state, reading.reason) == (State.DOWN, Reason.TLS)
        assert reading.text == f"127.0.0.1:{provider.tls[name]}/tls: {text}"
        assert seen(reading, "trunk_up") == 0
        assert seen(reading, "tls_certificate_expiry_timestamp_seconds") is not None
        assert seen(reading, "trunk_rtt_seconds") is None

    def test_an_unknown_issuer_says_what_to_declare(self, provider: Provider, run_probe: RunProbe) -> None:
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sips:127.0.0.1:{provider.tls['good']}"))
        assert (reading.state, reading.reason) == (State.DOWN, Reason.TLS)
        assert "unable to get local issuer certificate; a provider's own CA is named with ca" in reading.text

    def test_without_verification_an_expired_certificate_is_a_weakness(
        self, provider: Provider, run_probe: RunProbe
    ) -> None:
        uri = parse_uri(f"sips:127.0.0.1:{provider.tls['expired']}")
        reading = run_probe(SIP_OPTIONS, uri=uri, verify=False)
        assert (reading.state, reading.reason) == (State.DEGRADED, None)
        assert reading.text.endswith("certificate expired 2 d ago")

    def test_tls_where_the_target_speaks_none(self, provider: Provider, run_probe: RunProbe) -> None:
        uri = parse_uri(f"sips:127.0.0.1:{provider.port}")
        reading = run_probe(SIP_OPTIONS, uri=uri, verify=False, timeout=0.5)
        assert reading.state is State.DOWN
        assert reading.reason in (Reason.TLS, Reason.CLOSED, Reason.TIMEOUT)


SIPP_ANSWER = """<send{attributes}><![CDATA[

SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]t[call_number]
[last_Call-ID:]
[last_CSeq:]
{header}Content-Length: 0

]]></send>"""


@contextmanager
def sipp(folder: Path, *steps: str) -> Iterator[int]:
    """sipp as a UAS on UDP that takes one OPTIONS and then does `steps`."""
    port = peers.free_port(socket.SOCK_DGRAM)
    body = "".join(steps)
    (folder / "uas.xml").write_text(
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n'
        f'<scenario name="uas"><recv request="OPTIONS" crlf="true"></recv>{body}</scenario>\n'
    )
    program = peers.command("sipp", "sip-tester")
    command = [program, "-sf", "uas.xml", "-i", "127.0.0.1", "-ci", "127.0.0.1", "-p", str(port), "-nostdin"]

    def bound() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return True
            return False

    with peers.process(command, log=folder / "sipp.log", env={"TERM": "dumb"}, cwd=folder):
        peers.wait_until(bound, what="sipp")
        yield port


class TestSipp:
    def test_503_and_its_retry_after(self, tmp_path: Path, run_probe: RunProbe) -> None:
        answer = SIPP_ANSWER.format(attributes="", status="503 Service Unavailable", header="Retry-After: 30\n")
        with sipp(tmp_path, answer) as port:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port}"))
        assert (reading.state, reading.reason) == (State.DOWN, Reason.DEVICE)
        assert reading.text == (
            f"127.0.0.1:{port}/udp: 503 Service Unavailable: overloaded or in maintenance; asks for quiet for 30 s"
        )
        assert (seen(reading, "trunk_up"), seen(reading, "trunk_response_code")) == (0, 503)

    @pytest.mark.parametrize(("authorised", "state"), [(True, State.DOWN), (False, State.UNKNOWN)])
    def test_silence(self, tmp_path: Path, run_probe: RunProbe, authorised: bool, state: State) -> None:
        with sipp(tmp_path, '<pause milliseconds="20000"/>') as port:
            uri = parse_uri(f"sip:127.0.0.1:{port}")
            reading = run_probe(SIP_OPTIONS, uri=uri, authorised=authorised, timeout=0.8)
        assert (reading.state, reading.reason) == (state, Reason.TIMEOUT)
        assert "no answer (sent 2×)" in reading.text
        assert ("proves nothing" in reading.text) is not authorised
        assert seen(reading, "trunk_up") == (0 if authorised else None)

    def test_slowness(self, tmp_path: Path, run_probe: RunProbe) -> None:
        answer = SIPP_ANSWER.format(attributes="", status="200 OK", header="")
        with sipp(tmp_path, '<pause milliseconds="300"/>', answer) as port:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port}"), slow=200)
        assert (reading.state, reading.reason) == (State.DEGRADED, None)
        assert re.search(r"/udp: slow: answered after \d\.\d s$", reading.text)
        assert seen(reading, "trunk_up") == 1


def reply(request: bytes, status: str = "200 OK", **changed: str) -> bytes:
    """A response that copies what a server must; `call_id="x"` replaces the value of Call-ID."""
    copied = {}
    for line in request.decode().split("\r\n"):
        name, _, value = line.partition(": ")
        if name in ("Via", "From", "To", "Call-ID", "CSeq"):
            copied[name.lower().replace("-", "_")] = (name, value)
    for key, value in changed.items():
        copied[key] = (copied[key][0], value)
    lines = [f"SIP/2.0 {status}", *(f"{name}: {value}" for name, value in copied.values()), "Content-Length: 0"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


Answer = Callable[[bytes, int], Sequence[bytes]]
"""What to send for a request and its number, from 0."""


@dataclass
class Uas:
    port: int
    requests: list[bytes] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)


@contextmanager
def uas(answer: Answer, *, answer_from: str = "") -> Iterator[Uas]:
    """A UDP server of ours; `answer_from` is another local address to answer from."""
    done = threading.Event()
    with ExitStack() as sockets:
        server = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.02)
        peer = Uas(server.getsockname()[1])
        sender = server
        if answer_from:
            sender = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sender.bind((answer_from, peer.port))

        def serve() -> None:
            while not done.is_set():
                try:
                    request, client = server.recvfrom(65_535)
                except TimeoutError:
                    continue
                peer.requests.append(request)
                peer.clients.append(client[0])
                for datagram in answer(request, len(peer.requests) - 1):
                    sender.sendto(datagram, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield peer
        finally:
            done.set()
            thread.join()


class TestMisbehavingUdpPeers:
    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            (lambda request, _: [b"\x00\xffHTTP/1.1 200 OK\r\n\r\n"], "an answer that is not SIP"),
            (lambda request, _: [b""], "an answer that is not SIP"),
            (lambda request, _: [reply(request)[:80]], "cut off in its headers"),
            (lambda request, _: [reply(request, call_id="other")], "a Call-ID that is not ours"),
            (lambda request, _: [reply(request, via="SIP/2.0/UDP x;branch=z9hG4bKx")], "its Via branch is not ours"),
            (lambda request, _: [reply(request, cseq="1 INVITE")], "a CSeq that is not ours"),
            (lambda request, _: [reply(request, **{"from": "<sip:x>;tag=1"})], "a From tag that is not ours"),
        ],
    )
    def test_what_is_no_answer_is_neither_up_nor_down(self, run_probe: RunProbe, answer: Answer, text: str) -> None:
        with uas(answer) as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"), timeout=0.3)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
        assert text in reading.text
        assert reading.observations == ()

    def test_garbage_before_the_answer_does_not_hide_it(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [b"garbage", reply(request, call_id="other"), reply(request)]) as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"))
        assert (reading.state, reading.text) == (State.UP, "")

    def test_an_answer_from_another_address_is_not_the_targets(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [reply(request)], answer_from="127.0.0.2") as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"), timeout=0.3)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
        assert f"an answer from 127.0.0.2:{peer.port}, which was not asked" in reading.text

    def test_only_100_trying(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [reply(request, "100 Trying")]) as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"), timeout=0.3)
        assert (reading.state, reading.reason) == (State.DOWN, Reason.TIMEOUT)
        assert "only 100 Trying came, no final answer" in reading.text

    def test_a_lost_request_is_sent_again(self, run_probe: RunProbe) -> None:
        with uas(lambda request, number: [reply(request, "100 Trying"), reply(request)] if number else []) as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"))
        assert reading.state is State.UP
        assert len(peer.requests) == 2
        assert peer.requests[0] == peer.requests[1]
        assert (seen(reading, "trunk_rtt_seconds") or 0) >= 0.5

    def test_a_peer_that_asks_gets_no_answer(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [request, reply(request)]) as peer:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{peer.port}"))
        assert (reading.state, len(peer.requests)) == (State.UP, 1)

    def test_a_closed_port_is_told_by_icmp(self, run_probe: RunProbe) -> None:
        port = peers.free_port(socket.SOCK_DGRAM)
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port}"), timeout=20)
        assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)
        assert reading.text == f"127.0.0.1:{port}/udp: refused: nothing listens there"

    def test_ipv6(self, run_probe: RunProbe) -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
            free.bind(("::1", 0))
            port = free.getsockname()[1]
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:[::1]:{port}"), timeout=20)
        assert (reading.reason, reading.text) == (Reason.REFUSED, f"[::1]:{port}/udp: refused: nothing listens there")


class TestSource:
    def test_requests_leave_from_the_declared_address(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [reply(request)]) as peer:
            uri = parse_uri(f"sip:127.0.0.1:{peer.port}")
            assert run_probe(SIP_OPTIONS, uri=uri, source="127.0.0.3").state is State.UP
        assert peer.clients == ["127.0.0.3"]
        assert b"Via: SIP/2.0/UDP 127.0.0.3:" in peer.requests[0]

    def test_requests_leave_by_the_declared_interface(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [reply(request)]) as peer:
            uri = parse_uri(f"sip:127.0.0.1:{peer.port}")
            assert run_probe(SIP_OPTIONS, uri=uri, interface="lo").state is State.UP


@contextmanager
def stream_peer(converse: Callable[[socket.socket, bytes], None]) -> Iterator[int]:
    """A TCP server that reads one request and lets `converse` answer it, then closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                try:
                    converse(connection, connection.recv(65_535))
                except OSError:
                    return  # the probe has seen enough

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def byte_by_byte(connection: socket.socket, request: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"\r\n\r\n" + reply(request, "100 Trying") + b"\r\n" + reply(request, "480 Gone"):
        connection.send(bytes([byte]))


class TestMisbehavingStreamPeers:
    def test_byte_by_byte_behind_keepalives_and_a_100(self, run_probe: RunProbe) -> None:
        with stream_peer(byte_by_byte) as port:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port};transport=tcp"))
        assert (reading.state, seen(reading, "trunk_response_code")) == (State.UP, 480)

    @pytest.mark.parametrize(
        ("converse", "text"),
        [
            (lambda peer, request: peer.sendall(b"220 mail ESMTP\r\n"), "not SIP"),
            (
                lambda peer, request: peer.sendall(b"SIP/2.0 200 OK\r\nX: " + b"x" * (10 << 20)),
                "without an end of headers",
            ),
            (
                lambda peer, request: peer.sendall(
                    reply(request).replace(b"Length: 0", b"Length: 10485760") + b"x" * (10 << 20)
                ),
                "10485760 bytes of body",
            ),
            (lambda peer, request: peer.sendall(reply(request, call_id="other") * 50_000), "bytes without an answer"),
            (lambda peer, request: peer.sendall(reply(request)[:-20]), "bytes into an answer"),
            (
                lambda peer, request: peer.sendall(reply(request).replace(b"Content-Length: 0\r\n", b"")),
                "Content-Length",
            ),
        ],
    )
    def test_what_is_no_answer_is_neither_up_nor_down(
        self, run_probe: RunProbe, converse: Callable[[socket.socket, bytes], None], text: str
    ) -> None:
        with stream_peer(converse) as port:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port};transport=tcp"))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
        assert text in reading.text

    def test_a_door_that_opens_and_shuts(self, run_probe: RunProbe) -> None:
        with stream_peer(lambda peer, request: None) as port:
            reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1:{port};transport=tcp"))
        assert (reading.state, reading.reason) == (State.DOWN, Reason.CLOSED)

    def test_an_answer_to_something_else_and_then_silence(self, run_probe: RunProbe) -> None:
        def converse(connection: socket.socket, request: bytes) -> None:
            connection.sendall(reply(request, call_id="other"))
            connection.recv(1)

        with stream_peer(converse) as port:
            uri = parse_uri(f"sip:127.0.0.1:{port};transport=tcp")
            reading = run_probe(SIP_OPTIONS, uri=uri, timeout=0.3)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)
        assert "a Call-ID that is not ours" in reading.text

    def test_nobody_listens(self, run_probe: RunProbe) -> None:
        uri = parse_uri(f"sip:127.0.0.1:{peers.free_port()};transport=tcp")
        reading = run_probe(SIP_OPTIONS, uri=uri)
        assert (reading.state, reading.reason) == (State.DOWN, Reason.REFUSED)
        assert run_probe(SIP_OPTIONS, uri=uri, authorised=False).state is State.UNKNOWN


@pytest.mark.parametrize(("lingers", "reasons"), [(True, {Reason.AUTH}), (False, {Reason.AUTH, Reason.CLOSED})])
def test_a_target_that_wants_a_client_certificate_is_not_down(
    tmp_path: Path, run_probe: RunProbe, lingers: bool, reasons: set[Reason]
) -> None:
    authority = Authority(tmp_path)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", 90, here))
    context.load_verify_locations(authority.pem)
    context.verify_mode = ssl.CERT_REQUIRED

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.dup() as raw:
            with suppress(OSError):
                context.wrap_socket(connection, server_side=True)
            if lingers:  # with the request unread, closing resets the connection and may overtake the alert
                raw.settimeout(5)
                while raw.recv(65_535):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        uri = parse_uri(f"sips:127.0.0.1:{server.getsockname()[1]}")
        reading = run_probe(SIP_OPTIONS, uri=uri, ca=str(authority.pem))
        thread.join()
    assert reading.state is State.UNKNOWN
    assert reading.reason in reasons
    assert "client certificate" in reading.text
    assert seen(reading, "tls_certificate_expiry_timestamp_seconds") is not None


@pytest.mark.parametrize(
    ("number", "reason", "authorised", "not_authorised"),
    [
        (errno.EHOSTUNREACH, Reason.UNREACHABLE, State.DOWN, State.UNKNOWN),
        (errno.ENETUNREACH, Reason.UNREACHABLE, State.DOWN, State.UNKNOWN),
        (errno.ECONNREFUSED, Reason.REFUSED, State.DOWN, State.UNKNOWN),
        (errno.ECONNRESET, Reason.CLOSED, State.DOWN, State.UNKNOWN),
        (errno.EPIPE, Reason.CLOSED, State.DOWN, State.UNKNOWN),
        (errno.EMFILE, Reason.IMPAIRED, State.UNKNOWN, State.UNKNOWN),
        (errno.ENOBUFS, Reason.IMPAIRED, State.UNKNOWN, State.UNKNOWN),
        (errno.EPERM, Reason.CONFIG, State.UNKNOWN, State.UNKNOWN),
        (errno.EADDRNOTAVAIL, Reason.CONFIG, State.UNKNOWN, State.UNKNOWN),
        (errno.EPROTO, Reason.UNREACHABLE, State.UNKNOWN, State.UNKNOWN),
    ],
)
def test_what_a_socket_error_says(number: int, reason: Reason, authorised: State, not_authorised: State) -> None:
    for admitted, state in ((True, authorised), (False, not_authorised)):
        settings = SipOptions(uri=parse_uri("sip:192.0.2.1"), authorised=admitted)
        exchange = Exchange(error=OSError(number, os.strerror(number)))
        reading = judge(settings, Target(Transport.UDP, "192.0.2.1", 5060), exchange, datetime.now(UTC))
        assert (reading.state, reading.reason) == (state, reason)
        assert ("proves nothing" in reading.text) is (authorised is State.DOWN and not admitted)


class TestBeforeAsking:
    def test_a_name_that_leads_nowhere(self, run_probe: RunProbe) -> None:
        reading = run_probe(SIP_OPTIONS, uri=parse_uri("sip:sbc.invalid"))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.RESOLVE)
        assert reading.text.startswith("sbc.invalid does not resolve: ")

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    @pytest.mark.parametrize("where", [{"source": "192.0.2.77"}, {"interface": "nosuch0"}])
    def test_a_source_that_is_not_ours(self, run_probe: RunProbe, transport: str, where: dict[str, str]) -> None:
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:127.0.0.1;transport={transport}"), **where)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
        assert "not asked" in reading.text

    @pytest.mark.parametrize("content", [None, "not a certificate"])
    def test_a_ca_that_cannot_be_read(self, run_probe: RunProbe, tmp_path: Path, content: str | None) -> None:
        ca = tmp_path / "ca.pem"
        if content:
            ca.write_text(content)
        reading = run_probe(SIP_OPTIONS, uri=parse_uri("sips:127.0.0.1"), ca=str(ca))
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)

    def test_no_emergency_number_is_ever_asked(self, run_probe: RunProbe) -> None:
        with uas(lambda request, _: [reply(request)]) as peer:
            uri = SipUri("sip", "127.0.0.1", port=peer.port, user="9-1-1")
            reading = run_probe(SIP_OPTIONS, uri=uri)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.CONFIG)
        assert "emergency number 911" in reading.text
        assert peer.requests == []

    def test_what_a_file_may_not_say_together(self) -> None:
        udp, tls = parse_uri("sip:192.0.2.1"), parse_uri("sips:192.0.2.1")
        check = SIP_OPTIONS.check
        assert check(SipOptions(uri=udp, source="198.51.100.2")) is None
        assert check(SipOptions(uri=tls, ca="/ca.pem")) is None
        assert "for TLS targets" in (check(SipOptions(uri=udp, ca="/ca.pem")) or "")
        assert "for TLS targets" in (check(SipOptions(uri=udp, verify=False)) or "")
        assert "leave out one" in (check(SipOptions(uri=tls, ca="/ca.pem", verify=False)) or "")
        assert "different IP versions" in (check(SipOptions(uri=udp, source="2001:db8::1")) or "")
        assert hash(SipOptions(uri=udp)) == hash(SipOptions(uri=parse_uri("sip:192.0.2.1")))


def together(count: int, settings: SipOptions, *, timeout: float, pace: Pace | None = None) -> list[Reading]:
    """`count` probes at once over one set of channels, as a monitor's sites would."""

    async def run() -> list[Reading]:
        channels = Channels()
        if pace:
            channels.get(PACE, lambda: pace)
        once = Run(timeout, 0, channels, lambda secret: secret.name)
        try:
            return list(await asyncio.gather(*(SIP_OPTIONS.probe(settings, once) for _ in range(count))))
        finally:
            await channels.aclose()

    return asyncio.run(run())


class TestManners:
    def test_the_pace_holds_fleet_wide_and_whoever_gets_no_turn_says_nothing_of_the_trunk(self) -> None:
        with uas(lambda request, _: [reply(request)]) as peer:
            settings = SipOptions(uri=parse_uri(f"sip:127.0.0.1:{peer.port}"))
            readings = together(5, settings, timeout=1.5)
        assert sorted(reading.state for reading in readings) == [State.UNKNOWN] * 4 + [State.UP]
        assert {reading.reason for reading in readings} == {None, Reason.IMPAIRED}
        assert {"not asked" in reading.text for reading in readings} == {True, False}
        assert len(peer.requests) == 1

    def test_retry_after_is_honoured_by_every_probe(self) -> None:
        def busy(request: bytes, _: int) -> list[bytes]:
            return [reply(request, "503 Service Unavailable").replace(b"\r\n\r\n", b"\r\nRetry-After: 3600\r\n\r\n")]

        with uas(busy) as peer:
            settings = SipOptions(uri=parse_uri(f"sip:127.0.0.1:{peer.port}"))
            readings = together(3, settings, timeout=4, pace=Pace(per_second=2))
        assert len(peer.requests) == 1
        assert {(reading.state, reading.reason) for reading in readings} == {(State.DOWN, Reason.DEVICE)}
        not_asked = re.compile(r"503 Service.*asks for quiet for 3600 s; not asked again for (600|59\d) s$")
        assert sum(bool(not_asked.search(reading.text)) for reading in readings) == 2

    def test_one_socket_serves_many_targets_and_tells_them_apart(self) -> None:
        async def run() -> list[Reading]:
            channels = Channels()
            simulators = [SipSimulator() for _ in range(20)]
            ports = [await simulator.start() for simulator in simulators]
            for number, simulator in enumerate(simulators):
                simulator.respond((200, 403, 404, None)[number % 4])
            ports[19] = peers.free_port(socket.SOCK_DGRAM)
            once = Run(0.8, 0, channels, lambda secret: secret.name)
            try:
                return list(
                    await asyncio.gather(
                        *(SIP_OPTIONS.probe(SipOptions(uri=parse_uri(f"sip:127.0.0.1:{port}")), once) for port in ports)
                    )
                )
            finally:
                await channels.aclose()
                for simulator in simulators:
                    await simulator.aclose()

        readings = asyncio.run(run())
        assert [seen(reading, "trunk_response_code") for reading in readings] == [200, 403, 404, None] * 5
        assert [reading.reason for reading in readings[3::4]] == [Reason.TIMEOUT] * 4 + [Reason.REFUSED]
        assert [reading.state for reading in readings[:4]] == [State.UP, State.DEGRADED, State.UP, State.DOWN]


UP = Reading(State.UP, observations=(Observation("trunk_up", 1, target="a"),))
DOWN = Reading(State.DOWN, Reason.TIMEOUT, "b: no answer", (Observation("trunk_up", 0, target="b"),))
BLIND = failure(Reason.PROTOCOL, "c: not SIP")


@pytest.mark.parametrize(
    ("readings", "state", "reason", "text"),
    [
        ((UP, UP), State.UP, None, ""),
        ((UP, DOWN), State.DEGRADED, None, "1 of 2 targets work; b: no answer"),
        ((UP, BLIND), State.UP, None, "1 of 2 targets work; c: not SIP"),
        ((DOWN, DOWN), State.DOWN, Reason.TIMEOUT, "b: no answer; b: no answer"),
        ((DOWN, BLIND), State.UNKNOWN, Reason.PROTOCOL, "b: no answer; c: not SIP"),
        ((Reading(State.DEGRADED, text="a: slow"), UP), State.DEGRADED, None, "a: slow"),
    ],
)
def test_several_targets(readings: tuple[Reading, ...], state: State, reason: Reason | None, text: str) -> None:
    reading = joined(readings)
    assert (reading.state, reading.reason, reading.text) == (state, reason, text)
    assert reading.observations == tuple(seen for one in readings for seen in one.observations)


def test_a_name_with_two_addresses_asks_both(run_probe: RunProbe) -> None:
    with uas(lambda request, _: [reply(request)]) as peer:
        reading = run_probe(SIP_OPTIONS, uri=parse_uri(f"sip:localhost:{peer.port}"), timeout=0.5)
    targets = {observation.target for observation in reading.observations}
    assert f"127.0.0.1:{peer.port}/udp" in targets
    assert reading.state is (State.UP if len(targets) == 1 else State.DEGRADED)


def test_the_transport_of_a_default_uri_is_udp_on_5060() -> None:
    assert parse_uri("sip:sbc.example").transport is Transport.UDP


def test_a_system_store_that_is_renewed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, pems = tmp_path / "store.pem", []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        pems.append(Authority(tmp_path / name).pem.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "old"))
    known = []
    for second, pem in enumerate(pems, 1):
        store.write_bytes(pem)
        os.utime(store, (second, second))
        known.append(trust.client_context(True, "").get_ca_certs(binary_form=True))
    assert known[0] != known[1]
