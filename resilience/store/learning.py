"""What the record teaches about a site, once a day: which components keep failing together.

Belongs to the keeper's thread. It takes the keeper's spare time, a little in each round.
"""

import logging
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from resilience.cofailure import proposals
from resilience.model import Site, Together
from resilience.records import NONE, Records
from resilience.store.database import Store, StoreUnavailable
from resilience.store.past import past_of

log = logging.getLogger("resilience.store")

EVERY = 86_400.0
"""Seconds between two looks at the past of a site."""
PAST = 365 * 86_400.0
"""Seconds of the past that are looked at."""
SHARE = 0.2
"""Seconds of a round after which the other sites wait for the next one."""


class Learner:
    """Learns of the sites that this monitor judges; a witness learns nothing."""

    def __init__(self, store: Store, vantage: str) -> None:
        self.together: dict[str, tuple[Together, ...]] = {}
        """By site: what was found, and an empty one where something was found before and no longer is."""
        self._store = store
        self._vantage = vantage
        self._learned_at: dict[str, float] = {}

    def added_to(self, found: Mapping[str, Records]) -> dict[str, Records]:
        """`found`, and what was learned."""
        learned = {site: replace(found.get(site, NONE), together=one) for site, one in self.together.items()}
        return {**found, **learned}

    def learn(self, watched: Iterable[tuple[Site, Container[tuple[str, str]]]], now: float) -> None:
        """Of as many of `watched` as there is time for; with each site the keys of the findings that are open there."""
        until = time.monotonic() + SHARE
        for site, is_open in watched:
            if time.monotonic() >= until:
                return
            if self._vantage == site.watched_by and self._due(site.id):
                self._learn(site, now, is_open=any(("failing_together", name) in is_open for name in site.components))

    def _due(self, site: str) -> bool:
        last = self._learned_at.get(site)
        return last is None or time.monotonic() - last >= EVERY

    def _learn(self, site: Site, now: float, *, is_open: bool) -> None:
        try:
            with self._store.reading() as connection:
                found = proposals(site, past_of(connection, site, now - PAST, now))
        except StoreUnavailable:
            raise
        except Exception:  # what cannot be learned must not end the writing
            log.exception("nothing is learned from the past by a fault of our own", extra={"site": site.id})
            found = self.together.get(site.id, ())
        self._learned_at[site.id] = time.monotonic()
        # A site of which there is nothing to say stays as it is declared.
        if found or is_open or site.id in self.together:
            self.together[site.id] = found
