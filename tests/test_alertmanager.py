"""The shipped Alertmanager configuration in a real Alertmanager: who is told what, how often, and in which words."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import peers
from alerting_peers import Alertmanager, Inbox, alertmanager, inbox
from promtool import ALERTS

DENVER = "Denver site operations"
QUICK = {"group_wait: 10s": "300ms", "group_interval: 1m": "1s", "group_interval: 30s": "1s", "group_wait: 10m": "1s"}
"""The shipped times, and those of these tests."""


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox(mail=True) as found:
        yield found


@pytest.fixture
def manager(tmp_path: Path, box: Inbox) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path, box, times=QUICK) as running:
        yield running


def alert(name: str, summary: str, *, severity: str = "warning", over: bool = False, **labels: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    ends = {"endsAt": (now - timedelta(seconds=1)).isoformat()} if over else {}
    return {
        "labels": {"alertname": name, "severity": severity, "owner": DENVER, "site": "hq", **labels},
        "annotations": {
            "summary": f"HQ: {summary}.",
            "use": "Use lobby-line now: Use the red phone.",
            "runbook_url": "https://wiki.example.org/runbooks/x.md",
        },
        "startsAt": (now - timedelta(minutes=3)).isoformat(),
        **ends,
    }


def cut(*, over: bool = False) -> list[dict[str, Any]]:
    """What the rules say of one ISP that is cut."""
    return [
        alert("ResilienceFindingWarning", "isp-a: wan down", component="isp-a", over=over),
        alert("ResiliencePathDown", "the path desk does not work", component="desk", over=over),
        alert("ResilienceSinglePointNew", "isp-b can now take 911 out alone", component="isp-b", over=over),
    ]


def out(*, over: bool = False) -> dict[str, Any]:
    return alert("ResilienceCallingUnavailable", "911 cannot be called from here", severity="critical", over=over)


def test_amtool_has_nothing_to_say_of_the_configuration() -> None:
    amtool = peers.command("amtool", "prometheus-alertmanager")
    said = subprocess.run(
        [amtool, "check-config", ALERTS / "alertmanager.yml"], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_one_cut_is_one_message_and_its_end_another(manager: Alertmanager, box: Inbox) -> None:
    manager.post(*cut())
    peers.wait_until(lambda: box.chat("#denver-sites"), what="the message")
    manager.post(*cut(over=True))
    peers.wait_until(lambda: len(box.chat("#denver-sites")) > 1, what="its end")
    began, ended = box.chat("#denver-sites")
    assert began["title"] == "WARNING: HQ: isp-a: wan down (3 alerts)"
    first, *others = began["text"].splitlines()
    assert first == "*Use lobby-line now: Use the red phone.*"
    assert [line.partition(": ")[2].partition(". <")[0] for line in others] == [
        "HQ: isp-a: wan down",
        "HQ: the path desk does not work",
        "HQ: isp-b can now take 911 out alone",
    ]
    assert "<https://wiki.example.org/runbooks/x.md|What to do>" in others[0]
    assert ended["title"].startswith("OVER: HQ: ")
    assert len([line for line in ended["text"].splitlines() if line.startswith("✓ over since ")]) == 3
    assert (began["color"], ended["color"]) == ("#E69F00", "#009E73")
    assert box.at("/pager/alertmanager") == []


def test_what_is_inhibited_loses_no_end(manager: Alertmanager, box: Inbox) -> None:
    """A single point of failure is told, then 911 is out and that alone is told, then both are over."""
    spof = cut()[2]
    manager.post(spof)
    peers.wait_until(lambda: box.chat("#denver-sites"), what="the single point of failure")
    manager.post(spof, out())
    peers.wait_until(lambda: len(box.chat("#denver-sites")) > 1, what="the loss")
    manager.post(out(over=True), cut(over=True)[2])
    peers.wait_until(lambda: len(box.chat("#denver-sites")) > 2, what="the end")
    _, lost, ended = box.chat("#denver-sites")
    assert lost["title"] == "CRITICAL: HQ: 911 cannot be called from here"
    assert "isp-b" not in lost["text"]
    assert lost["color"] == "#D55E00"
    assert {"911 cannot be called from here", "isp-b can now take 911 out alone"} == {
        line.partition("HQ: ")[2].rstrip(".") for line in ended["text"].splitlines()
    }
    peers.wait_until(lambda: len(box.at("/pager/alertmanager")) > 1, what="the pager")
    assert [page["status"] for page in box.at("/pager/alertmanager")] == ["firing", "resolved"]


def test_each_severity_has_its_way(manager: Alertmanager, box: Inbox) -> None:
    manager.post(
        alert("ResilienceWatchdog", "alerts arrive", severity="none", site="", owner=""),
        alert("ResilienceFindingInfo", "phones: unmonitored", severity="info", component="phones"),
        alert("ResilienceFindingWarning", "isp-a: wan down", component="isp-a", owner="Somebody else"),
        *(alert("ResilienceSiteSilent", "nothing is said", site=f"s{n}", owner="Somebody else") for n in range(9)),
        out(),
    )
    peers.wait_until(lambda: box.at("/watcher/ping"), what="the heartbeat")
    peers.wait_until(lambda: box.at("/pager/alertmanager"), what="the pager")
    peers.wait_until(lambda: len(box.chat("#noc")) > 1, what="the NOC's messages")
    assert sorted(message["title"] for message in box.chat("#noc")) == [
        "WARNING: HQ: isp-a: wan down",
        "WARNING: HQ: nothing is said (9 alerts)",
    ]
    peers.wait_until(lambda: len(box.mails) > 1, what="both mails")
    subjects = sorted(str(mail["Subject"]) for mail in box.mails)
    assert subjects == ["CRITICAL: HQ: 911 cannot be called from here", "INFO: HQ: phones: unmonitored"]


def test_a_mail_says_the_worst_first_and_what_to_do_instead(manager: Alertmanager, box: Inbox) -> None:
    manager.post(*cut(), alert("ResilienceCallingEnding", "911 will be lost in 22 min", severity="critical"))
    peers.wait_until(lambda: box.mails, what="the mail")
    (mail,) = box.mails
    assert mail["Subject"] == "CRITICAL: HQ: 911 will be lost in 22 min (4 alerts)"
    assert mail["To"] == "site-ops@example.org"
    plain, html = (part.get_payload(decode=True).decode() for part in mail.get_payload())  # type: ignore[union-attr]
    told = [line for line in plain.splitlines() if line]
    assert told[1] == "Use lobby-line now: Use the red phone."
    assert told[2].startswith("* critical since ")
    assert told[2].endswith("HQ: 911 will be lost in 22 min.")
    assert plain.count("* warning since ") == 3
    assert html.index("911 will be lost") < html.index("Use lobby-line now") < html.index("<strong>critical")
    assert html.count("<strong>warning</strong>") == 3
    assert '<a href="https://wiki.example.org/runbooks/x.md"' in html


def test_a_message_about_many_sites_says_for_each_what_to_do_instead(manager: Alertmanager, box: Inbox) -> None:
    silent = [
        alert("ResilienceSiteSilent", "no monitor judges this site", site=f"s{number}", owner="Somebody")
        for number in range(9)
    ]
    for number, each in enumerate(silent):
        each["annotations"]["use"] = f"Go to door {number}."
    manager.post(*silent)
    peers.wait_until(lambda: box.chat("#noc"), what="the message")
    (message,) = box.chat("#noc")
    assert message["title"] == "WARNING: HQ: no monitor judges this site (9 alerts)"
    assert "*Go" not in message["text"]
    assert [line.strip() for line in message["text"].splitlines()[1::2]] == [
        each["annotations"]["use"] for each in silent
    ]
