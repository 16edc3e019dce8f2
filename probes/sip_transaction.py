"""The non-INVITE client transaction of RFC 3261 §17.1.2, as a state machine without socket and clock.

Moments are seconds of one monotonic clock, passed in. The transport sends what `wake` gives and calls it again
at `due`.
"""

import math
from enum import Enum, auto

from probes.sip import Request, Response

T1 = 0.5
"""Estimate of the round-trip time, s (RFC 3261 §17.1.1.1)."""
T2 = 4.0
"""The longest interval between retransmissions of a request, s (§17.1.2.2)."""
T4 = 5.0
"""The longest a message stays in the network, s."""


class Phase(Enum):
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class ClientTransaction:
    """One request, sent by the caller at `now`, until its final response or Timer F.

    On an unreliable transport (UDP) Timer E sends it again after T1, 2·T1, 4·T1 … at most T2 apart.
    """

    def __init__(self, request: Request, now: float, *, reliable: bool) -> None:
        self.request = request
        self.started = now
        self.sent = 1
        self.phase = Phase.TRYING
        self.provisional: Response | None = None
        self.final: Response | None = None
        self.answered: float | None = None
        self._reliable = reliable
        self._interval = T1
        self._timer_e = math.inf if reliable else now + T1
        self._timer_f = now + 64 * T1
        self._timer_k = math.inf

    @property
    def waits(self) -> bool:
        """Whether a final response may still come."""
        return self.phase in (Phase.TRYING, Phase.PROCEEDING)

    @property
    def due(self) -> float:
        """When `wake` has something to do; infinity once terminated."""
        if self.waits:
            return min(self._timer_e, self._timer_f)
        return self._timer_k if self.phase is Phase.COMPLETED else math.inf

    def wake(self, now: float) -> bytes | None:
        """Lets the timers that are due fire; the bytes to send again, or None."""
        if self.phase is Phase.COMPLETED and now >= self._timer_k:
            self.phase = Phase.TERMINATED
        if not self.waits:
            return None
        if now >= self._timer_f:
            self.phase = Phase.TERMINATED
            return None
        if now < self._timer_e:
            return None
        self._interval = T2 if self.phase is Phase.PROCEEDING else min(2 * self._interval, T2)
        self._timer_e = now + self._interval
        self.sent += 1
        return self.request.wire

    def mismatch(self, response: Response) -> str:
        """Why `response` does not belong to the request, or an empty text where it does.

        Branch and CSeq method decide (§17.1.3); a server must also have copied Call-ID, From and CSeq (§8.2.6.2).
        """
        request = self.request
        if response.branch != request.branch:
            return "an answer to another request (its Via branch is not ours)"
        if (response.sequence, response.method) != (request.sequence, request.method):
            return "an answer with a CSeq that is not ours"
        if response.call_id != request.call_id:
            return "an answer with a Call-ID that is not ours"
        if response.from_tag != request.from_tag:
            return "an answer with a From tag that is not ours"
        return ""

    def receive(self, response: Response, now: float) -> None:
        """Takes a response without `mismatch`; one that comes after the end is a repetition and changes nothing."""
        if not self.waits:
            return
        if not response.final:
            self.phase = Phase.PROCEEDING
            self.provisional = response
            return
        self.final, self.answered = response, now
        self.phase = Phase.TERMINATED if self._reliable else Phase.COMPLETED
        self._timer_k = now + T4  # an unreliable transport may deliver the same response again until then
