"""Hidden sharing: what is declared independent and is seen to be one and the same. Pure."""

from collections.abc import Iterator, Mapping

from resilience.model import Kind, Site
from resilience.state import Quantities
from resilience.wording import joined

SAME: Mapping[str, str] = {
    "wan_first_hop_info": "leave by the same first public router {text}",
    "wan_public_address_info": "leave by the same public address {text}",
    "wan_as_info": "lie in the same autonomous system {text}",
    "trunk_address_info": "lead to the same address {text}",
    "dns_server_info": "ask the same server {text}",
    "ups_serial_info": "have the same serial number {text}",
}
"""Quantities of which no two independent components may have the same text, and how it is said."""


def hidden_sharing(site: Site, seen: Mapping[str, Quantities]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(components, sentence) for every evidence that declared independence is none.

    Where the components all need one declared shared risk, the sharing is not hidden: it is in the analysis.
    """
    told = {quantity for found in seen.values() for quantity, _ in found}
    for quantity, same in SAME.items():
        if quantity not in told:
            continue
        by_text: dict[str, list[str]] = {}
        for name in site.components:
            for (found, _), value in seen[name].items():
                text = value.observation.text
                if found == quantity and text and name not in by_text.get(text, ()):
                    by_text.setdefault(text, []).append(name)
        for text, names in by_text.items():
            if len(names) > 1 and not _declared(site, names):
                yield tuple(names), f"{joined(names)} {same.format(text=text)}, though declared independent"


def _declared(site: Site, names: list[str]) -> bool:
    return bool(frozenset.intersection(*(_shared_risks(site, name) for name in names)))


def _shared_risks(site: Site, name: str) -> frozenset[str]:
    """The shared risks that `name` needs, however far away."""
    found, waiting, visited = set[str](), [name], set[str]()
    while waiting:
        one = waiting.pop()
        if one not in visited:
            visited.add(one)
            waiting.extend(site.inputs(one))
            if site.components[one].kind is Kind.SHARED_RISK:
                found.add(one)
    return frozenset(found)
