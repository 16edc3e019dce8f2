"""Where evidence contradicts what is declared: hidden sharing, and what drills have shown. Pure."""

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
    common = frozenset.intersection(*map(site.stands_on, names))
    return any(site.components[name].kind is Kind.SHARED_RISK for name in common)


def contradictions(site: Site) -> Iterator[tuple[str, str]]:
    """(component, sentence): where a drill was the last to say that the file is wrong, and the file still is."""
    for drill in site.drills:
        failed = [name for name in drill.fail if name in site.components]
        for surprise in drill.surprises:
            name = surprise.component
            if name not in site.components:
                continue
            beneath = site.stands_on(name)
            depends = any(not beneath.isdisjoint(site.stands_on(other)) for other in failed)
            if surprise.undeclared and not depends:
                yield name, f"{name} went off in the drill {drill.name}, and nothing declares why; {surprise.edit}"
            elif not surprise.undeclared and not beneath.isdisjoint(failed):
                yield name, f"{name} stayed on in the drill {drill.name} against what is declared; {surprise.edit}"
