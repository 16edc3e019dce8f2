"""The words of a message to people: one site in a few lines to act on at night, or many sites in one. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from resilience.assess import Assessment
from resilience.notices import Event, Notice, Told
from resilience.snapshot import Snapshot
from resilience.told import sentence

LONGEST_TITLE = 140
"""A text message has 160 characters."""
WORDS = {Event.OPENED: "", Event.REPEATED: "STILL ", Event.CLOSED: "OVER "}


def title(taken: Snapshot, told: Told, *, drill: str = "") -> str:
    """Such as `CRITICAL Denver headquarters: no emergency path works: 911 cannot be called from here`."""
    event, first = told.events[0]
    word = WORDS[event] + ("" if event is Event.CLOSED else f"{first.severity.upper()} ")
    more = f" (and {len(told.events) - 1} more)" if len(told.events) > 1 else ""
    whole = f"{'DRILL: ' if drill else ''}{word}{taken.site.name}: {first.text}"
    whole = " ".join(whole.split())  # the header of a mail has one line
    room = LONGEST_TITLE - len(more)
    return (whole if len(whole) <= room else whole[: room - 1] + "…") + more


def body(taken: Snapshot, told: Told, *, drill: str = "", runbooks: str = "") -> str:
    return "\n".join(_lines(taken, told, drill, runbooks))


def _lines(taken: Snapshot, told: Told, drill: str, runbooks: str) -> Iterator[str]:
    if drill:
        yield f"DRILL: the drill {drill} is going on at this site."
    now = taken.now
    if now is not None:
        yield f"{sentence(now, taken.design)}."
        yield from instead(now)
    for heading, events in (("New", Event.OPENED), ("Still", Event.REPEATED), ("Over", Event.CLOSED)):
        if notices := told.of(events):
            yield ""
            yield f"{heading}:"
            for notice in notices:
                yield from _notice(notice, events, runbooks)
    yield ""
    owner = taken.site.owner
    who = ", ".join(part for part in (owner.team, owner.phone, owner.email, owner.chat) if part)
    yield f"{taken.site.name} ({taken.site.id}); {who}; as of {moment(taken.at)}"


def instead(now: Assessment) -> Iterator[str]:
    """The path that people at the site should use now, with its instructions."""
    preferred = [state.path for state in now.paths if state.preferred]
    if not preferred:
        yield "No path to 911 is known to work at this site."
    for path in preferred:
        areas = f" ({', '.join(path.serves)})" if path.serves else ""
        told = f": {path.instructions}" if path.instructions else ""
        yield f"Use {path.name} now{areas}{told}"


def _notice(notice: Notice, event: Event, runbooks: str) -> Iterator[str]:
    since = f", since {moment(notice.opened)}" if event is Event.REPEATED else ""
    yield f"- {notice.text} [{notice.code}{since}]"
    if runbooks and event is not Event.CLOSED:
        yield f"  {runbooks.rstrip('/')}/{notice.code}.md"


def digest(sites: Sequence[tuple[Snapshot, Told, str]], *, runbooks: str = "") -> tuple[str, str]:
    """Title and body of one message about many sites, worst first: a carrier that fails is one message."""
    opened = sum(bool(told.of(Event.OPENED)) for _, told, _ in sites)
    counted = f"{opened} sites with something new" if opened else f"{len(sites)} sites"
    worst = sites[0][1].worst.upper()
    lines = []
    for taken, told, drill in sites:
        lines.append(f"- {title(taken, told, drill=drill)}")
        lines += [f"  {line}" for line in instead(taken.now)] if taken.now else []
    if runbooks:
        lines += ["", f"Runbooks: {runbooks}"]
    return f"{worst} {counted}: {', '.join(taken.site.name for taken, _, _ in sites)}"[:LONGEST_TITLE], "\n".join(lines)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
