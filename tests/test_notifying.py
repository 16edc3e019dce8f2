"""Messages by a real mail server and a real web hook, of a monitor that is killed on the way; and its heartbeat."""

import email
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner
from sqlalchemy import select

import monitor_process
import peers
from lines import lines, site_on
from resilience.cli import app
from resilience.store import tables
from resilience.store.database import Store

PACE = "interval: 1s, timeout: 500ms, confirm: 200ms, rise: 1, fall: 2, expires: 1m"


@dataclass
class Hook:
    """An HTTP receiver: what was asked of it, and the status it answers."""

    port: int = 0
    status: int = 200
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    beats: int = 0


@contextmanager
def hook() -> Iterator[Hook]:
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            if told.status == 200:
                told.got.append((self.path, json.loads(content)))
            self.send_response(told.status)
            self.end_headers()

        def do_GET(self) -> None:
            told.beats += 1
            self.send_response(told.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[email.message.EmailMessage] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's
        self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), peers.free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


def configuration(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        """\
notify:
  after: 0s
  settle: 1s
  repeat: 1h
  runbooks: https://wiki.example.org/runbooks
  channels:
    hook: {url: {env: HOOK_URL}}
    mail: {url: {env: MAIL_URL}, owners: [operations]}
    other: {url: {env: HOOK_URL}, owners: [nobody]}
heartbeat: {url: {env: WATCHER_URL}, interval: 1s}
"""
    )
    return path


def urls(hook_port: int, mail_port: int) -> dict[str, str]:
    return {
        "HOOK_URL": f"json://127.0.0.1:{hook_port}/geheim",
        "MAIL_URL": f"mailto://127.0.0.1:{mail_port}?from=monitor@example.org&to=noc@example.org",
        "WATCHER_URL": f"http://127.0.0.1:{hook_port}/geheim",
        "NO_PROXY": "127.0.0.1",
    }


def sent(database: Path) -> list[tuple[str, str]]:
    store = Store(f"sqlite:///{database}")
    with store.reading() as connection:
        rows = connection.execute(select(tables.notifications.c.channel, tables.notifications.c.outcome)).all()
    store.close()
    return sorted((row.channel, row.outcome) for row in rows)


def test_people_are_told_once_over_a_kill_and_of_the_end(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    with hook() as told, mail_server() as (mailbox, mail_port), lines() as opened:
        (sites / "branch.yaml").write_text(site_on(opened.ports, pace=PACE))
        config = configuration(tmp_path)
        env = {**urls(told.port, mail_port), "RESILIENCE_CONFIG": str(config)}
        log = tmp_path / "monitor.log"

        def titles() -> list[str]:
            return [message["title"] for _, message in told.got]

        with monitor_process.monitor(sites, log, env=env) as monitor:
            monitor.wait_for_state("branch", "protected")
            peers.wait_until(lambda: told.beats > 1, what="the heartbeat")
            assert titles() == []
            told.status = 500
            opened.cut(0)
            peers.wait_until(
                lambda: monitor.value("resilience_notifications_total", channel="hook", outcome="failed"),
                seconds=20,
                what="a message that is not taken",
            )
            peers.wait_until(lambda: mailbox.mails, seconds=20, what="the mail")
            told.status = 200
            peers.wait_until(lambda: told.got, seconds=20, what="the message, tried again")
            peers.wait_until(lambda: ("hook", "sent") in sent(log.with_suffix(".db")), what="its record")
            peers.wait_until(lambda: monitor.value("resilience_store_waiting_rows") == 0, what="the record")
            monitor.process.send_signal(signal.SIGKILL)
            monitor.process.wait(5)
        assert titles() == ["WARNING Site branch: the primary path desk-by-a does not work (and 2 more)"]
        (path, message) = told.got[0]
        assert path == "/geheim"
        assert "911 still works by desk-by-b" in message["message"]
        assert "Use desk-by-b now: Dial 911." in message["message"]
        (mail,) = mailbox.mails
        assert mail["subject"] == titles()[0]
        assert mail["to"] == "noc@example.org"
        assert "https://wiki.example.org/runbooks/path_down.md" in mail.get_content()

        with monitor_process.monitor(sites, log, env=env) as monitor:
            monitor.wait_for_state("branch", "at_risk")
            opened.cut(1)
            peers.wait_until(lambda: len(told.got) > 1, seconds=20, what="the second message")
            opened.restore(0)
            opened.restore(1)
            peers.wait_until(lambda: len(told.got) > 2 and len(mailbox.mails) > 2, seconds=30, what="the end")
            monitor.process.send_signal(signal.SIGTERM)
            assert monitor.process.wait(15) == 0
        assert titles()[1].startswith("CRITICAL Site branch: no emergency path works: 911 cannot be called from here")
        assert "desk-by-a" not in titles()[1], "told before the kill"
        assert any(title.startswith("OVER Site branch: ") for title in titles())
        assert "geheim" not in log.read_text()
        assert ("other", "sent") not in sent(log.with_suffix(".db"))
        # while it is gone the watcher elsewhere hears nothing
        beats = told.beats
        threading.Event().wait(1.5)
        assert told.beats == beats


def test_the_channels_are_tried(tmp_path: Path) -> None:
    with hook() as told, mail_server() as (mailbox, mail_port):
        config = configuration(tmp_path)
        env = urls(told.port, mail_port)

        def tried(*args: str) -> tuple[int, str]:
            ended = CliRunner().invoke(app, ["notify", "test", "--config", str(config), *args], env=env)
            assert "geheim" not in ended.output
            return ended.exit_code, ended.output

        assert tried() == (0, "hook: sent\nmail: sent\nother: sent\n")
        assert mailbox.mails[0]["subject"] == "TEST: the site resilience monitor can reach you here"
        told.status = 500
        assert tried("--channel", "hook") == (1, "hook: not taken\n")
        code, said = tried("--channel", "hok")
        assert (code, "did you mean 'hook'?" in said) == (2, True)
        env["HOOK_URL"] = "geheim://x"
        code, said = tried()
        assert (code, "notify.channels.hook.url: no URL of a service that Apprise knows" in said) == (2, True)
        del env["HOOK_URL"]
        assert "HOOK_URL is not set" in tried()[1]


@pytest.mark.parametrize("text", ["x-none: 1", "heartbeat: {url: {env: A}}"])
def test_without_channels_there_is_nothing_to_try(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    ended = CliRunner().invoke(app, ["notify", "test", "--config", str(config)])
    assert (ended.exit_code, "it has no 'notify'" in ended.stderr) == (2, True)
