"""An assessment told in one plain sentence: what carries 911 now, what alone can take it out, for how long."""

from resilience.assess import NOW, UTILITY, Assessment
from resilience.duration import FOREVER, spoken
from resilience.wording import joined


def sentence(now: Assessment, design: Assessment) -> str:
    """Such as "911 still works by isp-b; conduit-east is now the one thing that can take it out; …"."""
    return "; ".join(part for part in (_calling(now, design), _points(now, design), _energy(now)) if part)


def _calling(now: Assessment, design: Assessment) -> str:
    used = [state.path.name for state in now.paths if state.preferred]
    if not now.possible:
        return "911 cannot be called from here"
    if not now.assured:
        return f"911 is possible by {joined(used)}, but nothing seen now assures it"
    usual = [state.path.name for state in design.paths if state.preferred]
    return f"911 {'works' if used == usual else 'still works'} by {joined(used)}"


def _points(now: Assessment, design: Assessment) -> str:
    if not now.possible:
        return ""
    names = [point.component for point in now.unaccepted]
    if not names:
        return "no single failure can take it out"
    by_design = {point.component for point in design.unaccepted}
    word = "" if set(names) <= by_design else " now"
    if len(names) == 1:
        return f"{names[0]} is{word} the one thing that can take it out"
    shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return f"{joined(shown)} can{word} each take it out alone"


def _energy(now: Assessment) -> str:
    current, outage = now.scenario(NOW), now.scenario(UTILITY)
    if current and 0 < current.low < FOREVER:
        return f"{spoken(current.low)} are left"
    if outage and now.assured and outage.low < FOREVER:
        return f"{spoken(outage.low)} if the utility fails"
    return ""
