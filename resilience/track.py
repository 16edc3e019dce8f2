"""One probe's answers over time, debounced: what has been decided, and what the next answer must be to change it. Pure.

Moments in seconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from resilience.model import ProbeSpec
from resilience.reading import Reading, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One probe's history, as much of it as deciding needs. Moments in seconds since 1970."""

    state: State = State.UNKNOWN
    """The decided state; UNKNOWN until something has been decided."""
    since: float = 0.0
    agreed_at: float = 0.0
    """The last answer that bore the decided state out."""
    contrary: int = 0
    """Answers in a row that contradict it."""
    by_failure: bool = False
    """Decided DOWN because answers failed, not because a device said so."""
    fell_at: float = 0.0
    """The answer that decided DOWN."""
    reading: Reading | None = None
    read_at: float = 0.0
    success: Reading | None = None
    success_at: float = 0.0
    """The last answer that was no failure; its observations are the latest values."""

    @property
    def deciding(self) -> bool:
        """Whether the next answer should come after `confirm` rather than after `interval`."""
        return self.contrary > 0


Tracks = Mapping[tuple[str, str], Track]
"""By (component, probe)."""

BLANK = Track()


def follow(track: Track, reading: Reading, at: float, spec: ProbeSpec) -> Track:
    """`track` after one more answer. What works is believed at once from a blank; a fall needs `fall` answers."""
    track = replace(track, reading=reading, read_at=at)
    if not reading.failed:
        track = replace(track, success=reading, success_at=at)
    if reading.state is State.UNKNOWN:
        return track
    if track.state is not State.UNKNOWN and track.state.works == reading.state.works:
        return replace(track, state=reading.state, agreed_at=at, contrary=0)
    enough = _needed(track, reading, spec)
    if track.contrary + 1 < enough:
        return replace(track, contrary=track.contrary + 1)
    fell = reading.state is State.DOWN
    return replace(
        track,
        state=reading.state,
        since=at,
        agreed_at=at,
        contrary=0,
        by_failure=fell and reading.failed,
        fell_at=at if fell else track.fell_at,
    )


def _needed(track: Track, reading: Reading, spec: ProbeSpec) -> int:
    if reading.state is State.DOWN:
        return spec.fall
    return 1 if track.state is State.UNKNOWN else spec.rise
