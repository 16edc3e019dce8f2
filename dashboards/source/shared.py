"""Shared risks: one thing that many sites stand on, and how far its failure reaches."""

from panels import (
    COLOURED,
    COMPONENT_STATES,
    MAY_BE_EMPTY,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    SITE_STATES,
    TO_SITE,
    Json,
    column,
    dashboard,
    link,
    mapped,
    merged,
    query,
    rows,
    stat,
    steps,
    table,
    timeline,
    value,
    variable,
)
from queries import site_state

SHARED = "group by (site, component, shared) (resilience_shared_component_info%s)"
POINTS = 'group by (site, component, kind) (resilience_single_point_of_failure_loss_seconds{basis="live"})'
STATE = "min by (site, component) (resilience_component_state_code)"
NOT_SHARED = f"{MAY_BE_EMPTY} where no site file says `shared`."


def of(values: str) -> str:
    """Values by site and component, with the shared name beside them."""
    return f"{values} * on (site, component) group_left (shared) {SHARED % ''}"


def build() -> Json:
    sites = f"count by (shared) (group by (site, shared) ({SHARED % ''}))"
    points = f"count by (shared) ({of(POINTS)}) or 0 * {sites}"
    people = (
        f"sum by (shared) (group by (site, shared) ({SHARED % ''})"
        " * on (site) group_left () max by (site) (resilience_site_people))"
    )
    state = f"min by (shared) ({of(STATE)})"
    down = f"count({state} == 0) or vector(0)"
    chosen = SHARED % '{shared="$shared"}'
    loss = 'min by (site, component) (resilience_single_point_of_failure_loss_seconds{basis="live"})'
    return dashboard(
        "shared-risks",
        "Resilience: shared risks",
        [
            stat(
                "Shared things down",
                down,
                at=(0, 0, 4, 4),
                description="Things that several sites share and that are down now.",
                empty="0",
                thresholds=NONE_IS_GOOD,
            ),
            stat(
                "Largest reach",
                f"max({sites}) or vector(0)",
                at=(4, 0, 4, 4),
                description="Sites that the most widely shared thing touches.",
                empty="0",
            ),
            table(
                "Kinds of things that take 911 out alone, now",
                rows(f"count by (kind) ({POINTS})", f"count by (kind) (group by (site, kind) ({POINTS}))"),
                at=(8, 0, 16, 8),
                description=f"{MAY_BE_EMPTY} where no single failure takes any site out.",
                empty="No single failure takes any site out",
                transformations=merged({"kind": "Kind", "Value #A": "Components", "Value #B": "Sites"}),
                sort=("Sites", True),
            ),
            table(
                "How far each shared thing reaches",
                rows(sites, points, people, state),
                at=(0, 8, 24, 11),
                description=f"{NOT_SHARED} Its failure alone takes 911 out at the sites in the second column.",
                empty="–",
                transformations=merged(
                    {
                        "shared": "Shared thing",
                        "Value #D": "State",
                        "Value #A": "Sites",
                        "Value #B": "Loses 911 at",
                        "Value #C": "People there",
                    },
                ),
                sort=("Loses 911 at", True),
                overrides=[
                    column(
                        "Shared thing",
                        links=link(
                            "Show its sites",
                            "/d/resilience-shared-risks?var-shared=${__value.raw}&var-datasource=${datasource}",
                        ),
                    ),
                    column("State", mappings=COMPONENT_STATES, custom__cellOptions=COLOURED, custom__width=120),
                    column(
                        "Loses 911 at",
                        thresholds=steps((None, "text"), (1, ORANGE), (2, RED)),
                        custom__cellOptions={"type": "color-text"},
                    ),
                    column("People there", noValue="not told"),
                ],
            ),
            table(
                "Sites on $shared",
                rows(
                    chosen,
                    f"{site_state()} and on (site) {chosen}",
                    f"{loss} and on (site, component) {chosen}",
                ),
                at=(0, 19, 12, 11),
                description=f"{NOT_SHARED} The sites that name the chosen thing.",
                empty="–",
                transformations=merged(
                    {
                        "site": "Site",
                        "component": "Component",
                        "Value #B": "State",
                        "Value #C": "Alone it takes 911 out after",
                    },
                    hidden=("Value #A", "shared"),
                ),
                sort=("State", True),
                overrides=[
                    column("Site", links=TO_SITE),
                    column("State", mappings=SITE_STATES, custom__cellOptions=COLOURED, custom__width=120),
                    column(
                        "Alone it takes 911 out after",
                        unit="dtdurations",
                        mappings=mapped({0: value("at once", RED)}),
                        noValue="does not",
                    ),
                ],
            ),
            timeline(
                "Shared things",
                [query(state, legend="{{shared}}")],
                at=(12, 19, 12, 11),
                description=f"{NOT_SHARED} Each over time, where any site sees it worst.",
                empty="Nothing is shared",
                mappings=COMPONENT_STATES,
            ),
        ],
        description="One failure, many sites: what they share, and how far it reaches.",
        variables=[
            variable("shared", "Shared thing", "label_values(resilience_shared_component_info, shared)"),
        ],
    )
