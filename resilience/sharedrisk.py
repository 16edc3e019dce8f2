"""What to write into a site file where components keep failing together: a shared risk that all of them need. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, count

from resilience.cofailure import independent
from resilience.duration import spoken
from resilience.model import Gate, Need, Site, Together
from resilience.wording import joined


@dataclass(frozen=True, slots=True)
class SharedRisk:
    """A proposed component that `names` need."""

    name: str
    names: tuple[str, ...]
    pairs: tuple[Together, ...]
    declaration: str
    """Its line under `components`."""
    needs: Mapping[str, str]
    """By component: all that its `needs` says then, as YAML."""


def shared_risks(site: Site, found: Iterable[Together]) -> Iterator[SharedRisk]:
    """One for each group of which every two were found together."""
    by_names = {frozenset(one.names): one for one in found}
    groups: list[set[str]] = []
    for one in by_names.values():
        for group in groups:
            wider = group | {*one.names}
            if all(frozenset(two) in by_names for two in combinations(wider, 2)):
                group.update(wider)
                break
        else:
            groups.append({*one.names})
    taken = set(site.components)
    for group in groups:
        names = tuple(sorted(group))
        name = next(new for new in _new_names() if new not in taken)
        taken.add(name)
        yield SharedRisk(
            name=name,
            names=names,
            pairs=tuple(by_names[frozenset(two)] for two in combinations(names, 2)),
            declaration=f'{name}: {{kind: shared-risk, description: "what {joined(names)} share"}}',
            needs={member: needs_with(site.components[member].needs, name) for member in names},
        )


def _new_names() -> Iterator[str]:
    yield "shared-risk"
    yield from (f"shared-risk-{number}" for number in count(2))


def needs_with(needs: Gate, name: str) -> str:
    """`needs` and `name`, as YAML."""
    parts = needs.of if needs.count == len(needs.of) else (needs,)
    return f"[{', '.join(map(_yaml, (*parts, name)))}]"


def _yaml(need: Need) -> str:
    if isinstance(need, str):
        return need
    parts = f"[{', '.join(map(_yaml, need.of))}]"
    if need.count == len(need.of):
        return f"{{all_of: {parts}}}"
    if need.count == 1:
        return f"{{any_of: {parts}}}"
    return f"{{at_least: {{count: {need.count}, of: {parts}}}}}"


def failing_together(site: Site) -> tuple[tuple[str, str], ...]:
    """(component, sentence) for each group that by the record falls together while the file says otherwise."""
    still = [one for one in site.together or () if independent(site, *one.names)]
    return tuple((risk.names[0], f"{_sentence(risk)}; declared independent") for risk in shared_risks(site, still))


def _sentence(risk: SharedRisk) -> str:
    if len(risk.pairs) == 1:
        return told(risk.pairs[0])
    least, chance = min(len(pair.moments) for pair in risk.pairs), max(pair.chance for pair in risk.pairs)
    return f"every two of {joined(risk.names)} failed together at least {least} times; by chance {odds(chance)}"


def told(one: Together) -> str:
    """How often together, how often apart, how likely by chance."""
    (first, second), (alone, other_alone) = one.names, one.alone
    last = datetime.fromtimestamp(one.moments[-1], UTC).date()
    return (
        f"{first} and {second} failed within {spoken(one.within * 1000)} of each other {len(one.moments)} times, "
        f"the last on {last}; {first} alone {_times(alone)}, {second} alone {_times(other_alone)}; "
        f"by chance {odds(one.chance)}"
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times" if number else "never"


def odds(chance: float) -> str:
    """A small probability in words, to one digit."""
    if chance * 1e9 < 1:
        return "less than 1 in 1,000,000,000"
    return f"1 in {int(float(f'{1 / chance:.0e}')):,}"
