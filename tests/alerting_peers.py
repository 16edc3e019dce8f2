"""A real Alertmanager and a real Prometheus with the shipped files, and the places where their messages arrive."""

import json
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

import monitor_process
import peers
from promtool import ALERTS

Get = Callable[[str], bytes]


@dataclass
class Inbox:
    """What was posted to an HTTP receiver, by path, and what was mailed."""

    url: str
    posted: list[tuple[str, Any]] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)
    smtp: str = ""

    def at(self, path: str) -> list[Any]:
        return [body for posted_to, body in self.posted if posted_to == path]

    def chat(self, channel: str) -> list[dict[str, str]]:
        """The messages in a channel, each as its one attachment."""
        return [body["attachments"][0] for body in self.at("/chat") if body["channel"] == channel]


def _loopback() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@contextmanager
def inbox(listen: Callable[[], socket.socket] = _loopback, *, mail: bool = False) -> Iterator[Inbox]:
    """Receivers on the socket that `listen` opens, which may be in another network."""
    listening = listen()
    found = Inbox(f"http://127.0.0.1:{listening.getsockname()[1]}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posted.append((self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    mailbox = Controller(_Mailbox(found.mails), hostname="127.0.0.1", port=peers.free_port()) if mail else None
    try:
        if mailbox:
            mailbox.start()
            found.smtp = f"127.0.0.1:{mailbox.port}"
        yield found
    finally:
        if mailbox:
            mailbox.stop()
        server.shutdown()
        thread.join()
        server.server_close()


class _Mailbox:
    def __init__(self, mails: list[Message]) -> None:
        self._mails = mails

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        self._mails.append(message_from_bytes(envelope.content or b""))  # type: ignore[arg-type]
        return "250 OK"


def shipped_route() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())
    return found


def _addressed(config: dict[str, Any], folder: Path, to: Inbox) -> dict[str, Any]:
    """The shipped configuration with the addresses of this test: nothing else is changed."""
    (folder / "chat").write_text(f"{to.url}/chat")
    text = json.dumps(config)
    text = text.replace("/etc/alertmanager/secrets/chat", str(folder / "chat"))
    text = re.sub(r"http://(pager|watcher)\.example\.org", rf"{to.url}/\1", text)
    addressed: dict[str, Any] = json.loads(text)
    general = addressed["global"]
    for key in ("smtp_auth_username", "smtp_auth_password_file"):
        del general[key]
    general |= {"smtp_smarthost": to.smtp or "127.0.0.1:9", "smtp_require_tls": False, "smtp_hello": "localhost"}
    addressed["templates"] = [str(ALERTS / "templates" / "*.tmpl")]
    return addressed


@dataclass(frozen=True)
class Alertmanager:
    url: str
    log: Path

    def post(self, *alerts: Mapping[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as answer:
            assert answer.status == 200


@contextmanager
def alertmanager(
    folder: Path,
    to: Inbox,
    *,
    times: Mapping[str, str],
    inside: Sequence[str] = (),
    fetch: Get = monitor_process.get,
) -> Iterator[Alertmanager]:
    """The shipped configuration; `times` says which of its times stand for which here."""
    program = peers.command("prometheus-alertmanager", "prometheus-alertmanager")
    config = json.loads(_timed(json.dumps(_addressed(shipped_route(), folder, to)), times))
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    port = peers.free_port()
    args = [
        *inside,
        program,
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = folder / "alertmanager.log"
    with peers.process(args, log=log, cwd=folder):
        running = Alertmanager(f"http://127.0.0.1:{port}", log)
        peers.wait_until(lambda: _answers(fetch, f"{running.url}/-/ready"), seconds=20, what="Alertmanager")
        yield running


def _timed(text: str, times: Mapping[str, str]) -> str:
    """JSON in which, for `"group_wait: 10s": "1s"`, that key has another value."""
    for known, instead in times.items():
        key, value = known.split(": ")
        found = f'"{key}": "{value}"'
        assert found in text, known
        text = text.replace(found, f'"{key}": "{instead}"')
    return text


@contextmanager
def prometheus(
    folder: Path,
    targets: Sequence[str],
    *,
    alerts_to: Alertmanager | None = None,
    times: Mapping[str, str],
    inside: Sequence[str] = (),
    fetch: Get = monitor_process.get,
) -> Iterator[str]:
    """The shipped configuration and rules over `targets`; `times` says which of their times stand for which here."""
    program = peers.command("prometheus", "prometheus")
    parts = [yaml.safe_load((ALERTS / name).read_text()) for name in ("prometheus.yml", "resilience.rules.yml")]
    both = json.loads(_timed(json.dumps(parts), times))
    config, rules = both
    config["scrape_configs"][0]["static_configs"][0]["targets"] = list(targets)
    if alerts_to is None:
        del config["alerting"]
    else:
        address = alerts_to.url.removeprefix("http://")
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [address]
    (folder / "prometheus.yml").write_text(json.dumps(config))
    (folder / "resilience.rules.yml").write_text(json.dumps(rules))
    port = peers.free_port()
    args = [
        *inside,
        program,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
        # What fires before Alertmanager has been discovered is sent again after that.
        "--rules.alert.resend-delay=2s",
    ]
    with peers.process(args, log=folder / "prometheus.log", cwd=folder):
        url = f"http://127.0.0.1:{port}"
        peers.wait_until(lambda: _answers(fetch, f"{url}/-/ready"), seconds=20, what="Prometheus")
        yield url


def _answers(fetch: Get, url: str) -> bool:
    try:
        return bool(fetch(url))
    except OSError:
        return False
