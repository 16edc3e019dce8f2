"""What people are told and when, as a table of moments; and the words, as they are read at night."""

import asyncio
import time

from builders import site
from history import SILENT, UP, History, probe
from resilience.config import Channel, Notify
from resilience.finding import Finding
from resilience.memory import Memory
from resilience.messages import body, digest, title
from resilience.model import Secret
from resilience.notices import Event, Notice, Notices, Patience, Told, after_telling, due, followed
from resilience.notifying import Notifier
from resilience.snapshot import Snapshot, take

PATIENCE = Patience(after=60, settle=300, repeat=3600)
WAN = Finding("wan_down", "wan-a", "wan-a is down: no answer")
GONE = Finding("calling_unavailable", "", "no emergency path works: 911 cannot be called from here")
START = 1_790_000_000.0


class Story:
    """One channel and one site; each step gives the events that are told then."""

    def __init__(self) -> None:
        self.notices: Notices = {}

    def at(self, now: float, *findings: Finding, quiet: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        self.notices = followed(self.notices, findings, now)
        told = due(self.notices, now, PATIENCE, quiet)
        self.notices = after_telling(self.notices, told, now)
        return [(event, notice.code) for event, notice in told.events]


def test_told_once_repeated_and_ended() -> None:
    story = Story()
    assert story.at(0, WAN) == []
    assert story.at(59, WAN) == []
    assert story.at(60, WAN) == [("opened", "wan_down")]
    assert story.at(61, WAN) == []
    assert story.at(3659, WAN) == []
    assert story.at(3660, WAN) == [("repeated", "wan_down")]
    assert story.at(3700) == []
    assert story.at(3999) == []
    assert story.at(4000) == [("closed", "wan_down")]
    assert story.at(4001) == []
    assert story.notices == {}


def test_what_is_critical_is_told_at_once() -> None:
    assert Story().at(0, WAN, GONE) == [("opened", "calling_unavailable")]


def test_a_blip_is_told_nobody_and_what_flaps_once() -> None:
    story = Story()
    assert story.at(0, WAN) == []
    assert story.at(30) == []
    assert story.at(500) == []
    assert story.at(1000, WAN) == story.at(1030) == []
    told = [story.at(2000 + second, *([WAN] if second % 120 < 90 else [])) for second in range(0, 1200, 10)]
    assert [event for events in told for event in events] == [("opened", "wan_down")]
    assert story.at(3300) == []
    assert story.at(3600) == [("closed", "wan_down")]


def test_what_is_worked_on_is_not_repeated_and_its_end_is_told() -> None:
    story = Story()
    story.at(0, WAN)
    assert story.at(60, WAN) == [("opened", "wan_down")]
    assert story.at(9000, WAN, quiet=("wan-a",)) == []
    assert story.at(9001, quiet=("wan-a",)) == []
    assert story.at(9400, quiet=("wan-a",)) == [("closed", "wan_down")]


def test_one_that_comes_back_while_its_end_is_told_is_news_again() -> None:
    notice = Notice(code="wan_down", component="wan-a", text="", opened=0, told=60, gone=100)
    told = Told(((Event.CLOSED, notice),))
    again = after_telling(followed({notice.key: notice}, [WAN], 400), told, 401)
    assert again[notice.key].told is None


# The words


def a_cut() -> tuple[Snapshot, Told]:
    declared = site(
        {
            "wan-a": {"kind": "wan", "probes": probe("wan-a")},
            "wan-b": {"kind": "wan", "probes": probe("wan-b")},
            "phones": {"kind": "phones", "units": 20, "power": []},
        },
        {"desk-by-a": ["phones", "wan-a"], "desk-by-b": ["phones", "wan-b"]},
    )
    history = History(declared)
    history.read(START, {"wan-a": SILENT, "wan-b": UP})
    taken = take(declared, history.memory, START)
    notices = followed({}, [f for f in taken.findings if f.severity != "info"], START)
    return taken, due(notices, START + 60, PATIENCE)


def test_a_message_says_the_one_thing_and_what_to_use() -> None:
    taken, told = a_cut()
    assert title(taken, told) == "WARNING test: the primary path desk-by-a does not work (and 2 more)"
    assert body(taken, told, runbooks="https://wiki.example.org/runbooks/") == (
        "911 still works by desk-by-b; wan-b is now the one thing that can take it out.\n"
        "Use desk-by-b now\n"
        "\n"
        "New:\n"
        "- the primary path desk-by-a does not work [path_down]\n"
        "  https://wiki.example.org/runbooks/path_down.md\n"
        "- wan-b is now a single point of failure: without it 911 is lost at once [spof_new]\n"
        "  https://wiki.example.org/runbooks/spof_new.md\n"
        "- wan-a is down: icmp: no answer [wan_down]\n"
        "  https://wiki.example.org/runbooks/wan_down.md\n"
        "\n"
        "test (test); operations; as of 2026-09-21 14:13 UTC"
    )


def test_a_drill_is_said_and_an_end_is_one() -> None:
    taken, told = a_cut()
    assert title(taken, told, drill="isp-a").startswith("DRILL: WARNING test: ")
    assert body(taken, told, drill="isp-a").startswith("DRILL: the drill isp-a is going on at this site.\n")
    over = Told(tuple((Event.CLOSED, notice) for _, notice in told.events[:1]))
    assert title(taken, over) == "OVER test: the primary path desk-by-a does not work"
    still = Told(tuple((Event.REPEATED, notice) for _, notice in told.events[:1]))
    assert title(taken, still).startswith("STILL WARNING test: ")
    assert "[path_down, since 2026-09-21 14:13 UTC]" in body(taken, still)


def test_many_sites_are_one_message() -> None:
    taken, told = a_cut()
    head, text = digest([(taken, told, "")] * 30)
    assert head.startswith("WARNING 30 sites with something new: test, test")
    assert len(head) <= 140
    assert text.count("Use desk-by-b now") == 30


def test_a_title_fits_a_text_message() -> None:
    taken, told = a_cut()
    long = Notice(code="wan_down", component="wan-a", text="x" * 500, opened=0)
    events = ((Event.OPENED, long), *told.events)
    assert len(title(taken, Told(events))) == 140
    assert title(taken, Told(events)).endswith("… (and 3 more)")


def test_a_title_is_one_line_whatever_a_reason_or_a_device_says() -> None:
    taken = take(site({"wan": {"kind": "wan", "probes": probe("wan")}}, {"desk": ["wan"]}), Memory(), START)
    notice = Notice(code="wan_down", component="wan", text="no answer\r\nBcc: all@example.org", opened=START)
    assert title(taken, Told(((Event.OPENED, notice),))) == "WARNING test: no answer Bcc: all@example.org"


def test_a_message_that_cannot_be_written_down_does_not_end_the_telling() -> None:
    left: list[str] = []

    def sent(*_: str) -> None:
        raise OverflowError("a moment that no calendar has")

    async def run() -> None:
        notifier = Notifier(settings, lambda channel, title, body, severity: not left.append(title), sent=sent)
        notifier.took(taken)
        for later in range(1000):
            if len(left) > 1:
                break
            notifier.tell(time.time() + later * 60)
            await asyncio.sleep(0.01)
        await notifier.aclose()

    settings = Notify(channels={"hook": Channel(url=Secret("clear", "json://x"))}, after=0)
    declared = site({"wan": {"kind": "wan", "probes": probe("wan")}}, {"desk": ["wan"]})
    history = History(declared)
    history.read(START, {"wan": SILENT})
    taken = take(declared, history.memory, START)
    asyncio.run(run())
    assert len(left) > 1
