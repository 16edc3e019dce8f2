"""Who may read and write over HTTP, asked of a running monitor; TLS and passwords by Prometheus' own file."""

import asyncio
import base64
import hashlib
import http.client
import json
import signal
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

import monitor_process
import peers
from lines import lines, site_on
from monitor_process import RESILIENCE, Running
from resilience.access import Access, Gate
from resilience.webconfig import read_web_config

TOKENS = {"desk": "a-long-token-that-writes", "wall": "a-long-token-that-reads"}
ROLES = {"desk": "write", "wall": "read"}


def configuration() -> str:
    tokens = "".join(
        f"    {name}: {{role: {ROLES[name]}, sha256: {hashlib.sha256(token.encode()).hexdigest()}}}\n"
        for name, token in TOKENS.items()
    )
    return f"access:\n  tokens:\n{tokens}"


@dataclass
class Asked:
    """One monitor; `post` gives status and answer."""

    monitor: Running

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return ask(self.monitor.url, "POST", path, body, **headers)


def ask(
    url: str, method: str, path: str, body: Any = None, context: ssl.SSLContext | None = None, **headers: str
) -> tuple[int, Any]:
    scheme, _, address = url.partition("://")
    connection: http.client.HTTPConnection
    if scheme == "https":
        connection = http.client.HTTPSConnection(address, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection(address, timeout=5)
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, content, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
    finally:
        connection.close()


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


@contextmanager
def running(folder: Path, *, config: str = "x-none: 1\n", database: str = "") -> Iterator[Asked]:
    sites = folder / "sites"
    sites.mkdir()
    (folder / "config.yaml").write_text(config)
    env = {"RESILIENCE_CONFIG": str(folder / "config.yaml")} | ({"RESILIENCE_DATABASE": database} if database else {})
    with lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports))
        with monitor_process.monitor(sites, folder / "monitor.log", env=env) as monitor:
            monitor.wait_for_state("branch", "protected")
            yield Asked(monitor)


CHECK = {"component": "phones", "by": "J. Ortiz", "method": "dial tone", "valid": "7d"}
WORK = {"components": ["line-a"], "for": "1h", "by": "J. Ortiz", "reason": "new card"}
BASE = "/api/v1/sites/branch"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with running(tmp_path_factory.mktemp("open"), config=configuration()) as found:
        yield found


def test_nobody_writes_without_a_token_that_may(asked: Asked) -> None:
    path = f"{BASE}/attestations"
    assert asked.post(path, CHECK)[0] == 401
    assert asked.post(path, CHECK, Authorization="Bearer wrong")[0] == 401
    assert asked.post(path, CHECK, Authorization=f"Basic {TOKENS['desk']}")[0] == 401
    assert asked.post(path, CHECK, **bearer("wall")) == (403, "wall may not write\n")
    for origin in ("https://evil.example", "null", asked.monitor.url.replace("127.0.0.1", "localhost")):
        assert asked.post(path, CHECK, **bearer("desk"), Origin=origin) == (403, "a page of another site asks\n")
    assert asked.post(path, CHECK, **bearer("desk"), Host="evil.example")[0] == 400
    for method in ("PUT", "DELETE", "PATCH"):
        assert ask(asked.monitor.url, method, BASE)[0] == 401
    assert asked.post("/metrics", None, **bearer("desk"))[0] == 405


def test_a_check_is_recorded_and_taken_up(asked: Asked) -> None:
    code, told = asked.post(f"{BASE}/attestations", CHECK, **bearer("desk"), Origin=asked.monitor.url)
    assert (code, told["number"]) == (201, 1)
    assert len(told["hash"]) == 64
    expiry = "resilience_attestation_expiry_timestamp_seconds"
    peers.wait_until(lambda: asked.monitor.value(expiry, component="phones"), what="the check")
    exported = subprocess.run(
        [
            *RESILIENCE,
            "evidence",
            "export",
            "--format",
            "json",
            "--database",
            f"sqlite:///{asked.monitor.log.with_suffix('.db')}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    (entry,) = json.loads(exported.stdout)["entries"]
    assert (entry["body"]["by"], entry["body"]["recorded_by"]) == ("J. Ortiz", "desk")


def test_work_is_refused_begun_and_ended(asked: Asked) -> None:
    path = f"{BASE}/maintenance"
    code, told = asked.post(path, WORK, **bearer("desk"))
    assert (code, told["exposes"]) == (409, ["without line-b 911 is lost at once"])
    code, told = asked.post(path, {**WORK, "accept_risk": True}, **bearer("desk"))
    assert code == 201
    active = "resilience_maintenance_active"
    peers.wait_until(lambda: asked.monitor.value(active, component="line-a"), what="the work")
    assert asked.monitor.state("branch") == "at_risk"
    assert asked.post(f"{path}/{told['number']}/end", **bearer("desk"))[0] == 201
    assert asked.post(f"{path}/{told['number']}/end", **bearer("desk"))[0] == 404
    peers.wait_until(lambda: not asked.monitor.samples(active), what="its end")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({**CHECK, "component": "phone"}, 400, "'phone' is no component of branch; did you mean 'phones'?"),
        ({**CHECK, "result": "perhaps"}, 400, "result: 'perhaps' is not one of pass, fail"),
        ({"component": "phones"}, 400, "'by' is missing"),
        ({**CHECK, "notes": "x"}, 400, "unknown key 'notes'; did you mean 'note'?"),
        (b"{", 400, "not YAML"),
        (b"", 400, "the file is empty"),
        (b"[" * 5000, 400, "nesting depth"),
        (b"x" * 70_000, 413, "more than"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(asked: Asked, body: Any, status: int, said: str) -> None:
    code, told = asked.post(f"{BASE}/attestations", body, **bearer("desk"))
    assert (code, said in json.dumps(told, ensure_ascii=False)) == (status, True), told


def test_a_form_of_a_web_page_is_none_of_ours(asked: Asked) -> None:
    headers = {"Content_Type": "text/plain", **bearer("desk")}
    assert asked.post(f"{BASE}/attestations", CHECK, **headers)[0] == 415
    assert asked.post("/api/v1/sites/brunch/attestations", CHECK, **bearer("desk"))[0] == 404


def test_without_access_nobody_writes_and_without_a_database_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with running(tmp_path / "one") as asked:
        code, told = asked.post(f"{BASE}/attestations", CHECK, **bearer("desk"))
        assert (code, told) == (403, "nobody may write: the configuration has no 'access'\n")
    (tmp_path / "two").mkdir()
    with running(tmp_path / "two", config=configuration(), database="none") as asked:
        code, told = asked.post(f"{BASE}/attestations", CHECK, **bearer("desk"))
        assert (code, told["error"]) == (503, "the monitor runs without a database")


# TLS and passwords


def certificate(folder: Path, name: str) -> None:
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    made += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    made += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([peers.command("openssl", "openssl"), *made], check=True, capture_output=True)


def test_tls_and_passwords_of_prometheus_own_file(tmp_path: Path) -> None:
    certificate(tmp_path, "first")
    hashed = bcrypt.hashpw(b"geheim", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(
        f"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  noc: {hashed}\n"
    )
    (tmp_path / "config.yaml").write_text(configuration())
    (tmp_path / "branch").mkdir()
    (tmp_path / "branch" / "branch.yaml").write_text(site_on((1, 2)))
    port, log = peers.free_port(), tmp_path / "monitor.log"
    args = [*RESILIENCE, "run", "--sites", str(tmp_path / "branch"), "--listen", f"127.0.0.1:{port}"]
    args += ["--web-config", str(tmp_path / "web.yml"), "--config", str(tmp_path / "config.yaml")]
    url = f"https://127.0.0.1:{port}"

    def page(*, trust: str | None = None, **headers: str) -> int:
        context = ssl.create_default_context(cadata=trust or (tmp_path / "cert.pem").read_text())
        return ask(url, "GET", "/metrics", context=context, **headers)[0]

    def basic(name: str, password: str) -> str:
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    with peers.process(args, log=log) as process:
        peers.wait_until(lambda: f"metrics at {url}/metrics" in log.read_text(), what="the monitor")
        assert page() == 401
        assert page(Authorization=basic("noc", "geheim")) == 200
        assert page(Authorization=basic("noc", "geheim")) == 200
        assert page(Authorization=basic("noc", "wrong")) == 401
        assert page(Authorization=basic("nobody", "nobody")) == 401
        assert page(Authorization=basic("noc", "x" * 200)) == 401
        assert page(Authorization="Basic ???") == 401
        assert page(**bearer("wall")) == 200
        # a new certificate is in force after SIGHUP
        old = (tmp_path / "cert.pem").read_text()
        certificate(tmp_path, "second")
        assert page(trust=old, **bearer("wall")) == 200
        process.send_signal(signal.SIGHUP)
        peers.wait_until(lambda: "read again" in log.read_text(), what="the reload")
        assert page(**bearer("wall")) == 200
        with pytest.raises(ssl.SSLError):
            page(trust=old, **bearer("wall"))
        assert "geheim" not in log.read_text()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tls_server_config: {cert_file: a}", "web.yml:1:20: tls_server_config: 'key_file' is missing"),
        ("tls_server_config: {cert_file: a, key_file: b, cipher_suites: [x]}", "unknown key 'cipher_suites'"),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
            "'client_ca_file' and a 'client_auth_type' that verifies go together",
        ),
        ("basic_auth_users: {noc: geheim}", "web.yml:1:25: basic_auth_users.noc: is no bcrypt hash"),
        ("rate_limit: 5", "unknown key 'rate_limit'"),
    ],
)
def test_what_is_wrong_with_a_web_configuration(written: str, said: str) -> None:
    found, faults = read_web_config(written.encode(), "web.yml")
    assert found is None
    assert said in str(faults[0])
    assert "geheim" not in str(faults)


def test_a_monitor_does_not_start_without_its_certificate(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}")
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "branch.yaml").write_text(site_on((1, 2)))
    args = [
        "run",
        "--sites",
        str(tmp_path / "sites"),
        "--listen",
        "127.0.0.1:0",
        "--web-config",
        str(tmp_path / "web.yml"),
    ]
    ended = subprocess.run([*RESILIENCE, *args], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, "--web-config: " in ended.stderr, "No such file" in ended.stderr) == (2, True, True)


def test_whoever_guesses_passwords_takes_no_thread_that_a_probe_resolves_its_names_in() -> None:
    users = {"noc": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()}
    answers: list[int] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("read")(scope, receive, send)

    async def send(message: Message) -> None:
        answers.append(message.get("status", 0))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def run() -> None:
        busy = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(busy)
        busy.shutdown()  # as good as taken
        gate = Gate(page, Access(users=users))
        for password in ("wrong", "right"):
            given = base64.b64encode(f"noc:{password}".encode())
            headers = [(b"host", b"x"), (b"authorization", b"Basic " + given)]
            await gate({"type": "http", "method": "GET", "path": "/", "headers": headers}, receive, send)

    asyncio.run(run())
    assert [status for status in answers if status] == [401, 200]
