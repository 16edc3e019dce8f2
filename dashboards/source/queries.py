"""Queries that more than one dashboard needs. Each takes away what tells two monitors apart, before anything else.

Where two monitors say different things the worse counts.
"""

_RANKED = (("unavailable", 4), ("unverified", 2), ("at_risk", 1), ("protected", 0))


def site_state(matching: str = "") -> str:
    """0 protected, 1 at risk, 2 unverified, 3 nobody judges it, 4 unavailable. Every watched site has one."""
    codes = " or ".join(
        f'{code} * resilience_emergency_calling_state{{state="{state}"{_and(matching)}}}' for state, code in _RANKED
    )
    return f"(max by (site) ({codes}) or on (site) 3 * group by (site) (resilience_site_info{{{matching}}}))"


def facts(labels: str, matching: str = "") -> str:
    """One series a site with these of its declared labels."""
    return f"group by ({labels}) (topk by (site) (1, resilience_site_info{{{matching}}}))"


def survival(scenario: str, matching: str = "", by: str = "site") -> str:
    """Assured seconds. Without end is a great number: Grafana has no word for +Inf."""
    chosen = f'scenario="{scenario}", bound="low", basis="live"{_and(matching)}'
    return f"clamp_max(min by ({by}) (resilience_survival_seconds{{{chosen}}}), 1e9)"


def required(matching: str = "") -> str:
    return f"max by (site) (resilience_survival_required_seconds{{{matching}}})"


def instead(labels: str, matching: str = "") -> str:
    """The path to use now. No series: there is none."""
    return (
        f"group by ({labels}) (topk by (site) (1, resilience_emergency_path_info{{{matching}}}"
        f" * ignoring (rank, instructions) group_left () (resilience_emergency_path_preferred{{{matching}}} == 1)))"
    )


def paths_assured(matching: str = "") -> str:
    return f'sum by (site) (min by (site, path) (resilience_emergency_path_up{{bound="assured"{_and(matching)}}}))'


def single_points(matching: str = "") -> str:
    return f'max by (site) (resilience_single_points_of_failure{{basis="live"{_and(matching)}}})'


def _and(matching: str) -> str:
    return f", {matching}" if matching else ""
