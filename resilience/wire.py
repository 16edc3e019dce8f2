"""Where a PBX and the wire disagree: what it says of its trunk, against what the provider's side is seen to do. Pure.

A PBX goes on saying "registered" until its registration runs out, up to an hour after the provider has gone; and a
provider that answers may have let a registration lapse. Each is half of the truth, and the calls fail.
"""

from collections.abc import Iterator, Mapping, Sequence

from resilience.model import Site
from resilience.reading import State
from resilience.state import Said, Status

PBX = frozenset({"asterisk", "freeswitch", "kamailio", "opensips"})
"""Probe types that tell what a PBX says."""
WIRE = frozenset({"sip-options", "sip-binding"})
"""Probe types that tell what the provider's side does."""


def disagreement(said: Sequence[Said]) -> str | None:
    """How the two contradict each other, empty where they do not; None where one of them is not known."""
    says, does = [one for one in said if one.type in PBX], [one for one in said if one.type in WIRE]
    if not says or not does:
        return ""
    says, does = _known(says), _known(does)
    if not says or not does:
        return None
    for pbx in says:
        contrary = [wire for wire in does if wire.state.works is not pbx.state.works]
        if contrary and pbx.state.works:
            return f"{pbx.type} says that it works, but {'; '.join(wire.why or wire.type for wire in contrary)}"
        if contrary:
            return f"{pbx.why or pbx.type}, but {' and '.join(wire.type for wire in contrary)} sees it working"
    return ""


def disagreements(site: Site, own: Mapping[str, Status]) -> Iterator[tuple[str, str]]:
    """(component, sentence) for each that contradicts itself; one whose input is down is not the root of it."""
    for name, status in own.items():
        contrary = disagreement(status.said)
        if contrary and not any(own[feed].state is State.DOWN for feed in site.inputs(name)):
            yield name, f"{name}: {contrary}"


def _known(said: Sequence[Said]) -> list[Said]:
    return [one for one in said if one.state is not State.UNKNOWN]
