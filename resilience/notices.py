"""What one channel is to be told of one site, and what it has been told: opened, repeated, closed. Pure.

A finding is told once it has stood for a while, again every so often, and its end once it has been gone for a while:
what comes and goes is told once. Moments are seconds since 1970.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from resilience.finding import SEVERITY, Finding, Severity

Key = tuple[str, str]
"""Code and component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One finding, as a channel knows it. `told` is when it was last told, `gone` since when it is over."""

    code: str
    component: str
    text: str
    opened: float
    told: float | None = None
    gone: float | None = None

    @property
    def key(self) -> Key:
        return (self.code, self.component)

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.code]


Notices = Mapping[Key, Notice]


class Event(StrEnum):
    OPENED = "opened"
    REPEATED = "repeated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds."""

    after: float
    """For which a finding stands before it is told; one that is critical is told at once."""
    settle: float
    """For which it is gone before its end is told."""
    repeat: float
    """After which one that still stands is told again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one message says."""

    events: tuple[tuple[Event, Notice], ...] = field(default=())

    def of(self, *wanted: Event) -> tuple[Notice, ...]:
        return tuple(notice for event, notice in self.events if event in wanted)

    @property
    def worst(self) -> Severity:
        return min((notice.severity for _, notice in self.events), key=[*Severity].index)

    def __bool__(self) -> bool:
        return bool(self.events)


def followed(notices: Notices, findings: Iterable[Finding], now: float) -> dict[Key, Notice]:
    """`notices` with what is open now. What was never told and is over is forgotten."""
    is_open = {finding.key: finding for finding in findings}
    after = {}
    for key, notice in notices.items():
        if key in is_open:
            after[key] = replace(notice, text=is_open[key].text, gone=None)
        elif notice.told is not None:
            after[key] = notice if notice.gone is not None else replace(notice, gone=now)
    for key, finding in is_open.items():
        if key not in after:
            after[key] = Notice(code=finding.code, component=finding.component, text=finding.text, opened=now)
    return after


def due(notices: Notices, now: float, patience: Patience, quiet: Container[str] = ()) -> Told:
    """What is to be told at `now`, worst first; of components in `quiet`, which are worked on, only what is over."""
    return Told(tuple(sorted(_due(notices.values(), now, patience, quiet), key=_order)))


def _due(
    notices: Iterable[Notice], now: float, patience: Patience, quiet: Container[str]
) -> Iterator[tuple[Event, Notice]]:
    for notice in notices:
        if notice.gone is not None:
            if now - notice.gone >= patience.settle:
                yield Event.CLOSED, notice
        elif notice.told is None:
            if notice.severity is Severity.CRITICAL or now - notice.opened >= patience.after:
                yield Event.OPENED, notice
        elif now - notice.told >= patience.repeat and notice.component not in quiet:
            yield Event.REPEATED, notice


def _order(event: tuple[Event, Notice]) -> tuple[int, int, str, str]:
    kind, notice = event
    return [*Event].index(kind), [*Severity].index(notice.severity), notice.code, notice.component


def after_telling(notices: Notices, told: Told, now: float) -> dict[Key, Notice]:
    """`notices` once `told` has been told."""
    after = dict(notices)
    for event, notice in told.events:
        if event is Event.CLOSED:
            # One that has come back meanwhile is news again.
            known = after.pop(notice.key, None)
            if known is not None and known.gone is None:
                after[notice.key] = replace(known, told=None, opened=now)
        elif notice.key in after:
            after[notice.key] = replace(after[notice.key], told=now)
    return after
