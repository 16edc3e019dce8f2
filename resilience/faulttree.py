"""A fault tree: the event at its top, gates that fail as their inputs fail, basic events at its leaves.

Failure logic throughout: `or` is 1 of n, `and` is n of n. Frozen values that a reader or a site has made and
checked; no file format, no search.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from resilience.faults import did_you_mean


@dataclass(frozen=True, slots=True)
class Vote:
    """Fails when at least `count` of `of` have failed. An input that stands twice counts twice.

    `Vote(0, ())` has always failed, `Vote(1, ())` never does: the two states of a house event.
    """

    count: int
    of: tuple[str, ...]

    @property
    def is_or(self) -> bool:
        return self.count == 1

    @property
    def is_and(self) -> bool:
        return self.count == len(self.of) > 1


ALWAYS = Vote(0, ())
NEVER = Vote(1, ())

MOST_ROOTS = 20
"""Named in a message."""


class NoSuchTop(Exception):
    """It is not said which gate is meant; the message lists those that can be."""


@dataclass(frozen=True, slots=True)
class FaultTree:
    """Every input of a gate is a gate or a basic event, no name is both, and no gate stands above itself."""

    gates: Mapping[str, Vote]
    events: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """The gates that are no input of another, in the order written."""
        used = {name for vote in self.gates.values() for name in vote.of}
        return tuple(name for name in self.gates if name not in used)

    def top(self, name: str = "") -> str:
        """The gate asked for, or the only root."""
        if name:
            if name not in self.gates:
                raise NoSuchTop(f"'{name}' is no gate of this tree{did_you_mean(name, self.gates)}")
            return name
        roots = self.roots
        if len(roots) != 1:
            more = f" and {len(roots) - MOST_ROOTS} more" if len(roots) > MOST_ROOTS else ""
            raise NoSuchTop(
                f"the tree has {len(roots)} roots; choose one with --top: {', '.join(roots[:MOST_ROOTS])}{more}"
            )
        return roots[0]
