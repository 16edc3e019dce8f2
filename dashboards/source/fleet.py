"""Fleet: which site next, from across the room."""

from panels import (
    COLOURED,
    GREEN,
    GREY,
    MAY_BE_EMPTY,
    NONE_IS_GOOD,
    ORANGE,
    PURPLE,
    RED,
    SITE_STATES,
    SKY,
    TO_SITE,
    WITHOUT_END,
    Json,
    column,
    dashboard,
    merged,
    panel,
    query,
    rows,
    stat,
    steps,
    table,
    timeline,
)
from queries import facts, instead, paths_assured, required, single_points, site_state, survival

FINDING = "group by (site, severity, code, component) (resilience_finding{severity!='info'}%s)"


def counts() -> list[Json]:
    told = (
        ("911 OUT", 4, RED, "Sites at which no emergency path works."),
        ("Unverified", 2, PURPLE, "Sites where 911 may work, and nothing seen now assures it."),
        ("Not judged", 3, GREY, "Sites of which no monitor says anything now."),
        ("At risk", 1, ORANGE, "Sites where one more failure takes 911 out, or it would not last as long as required."),
        ("Protected", 0, GREEN, "Sites where no single failure that nobody accepted takes 911 out."),
    )
    made = []
    for place, (title, code, colour, description) in enumerate(told):
        shown = steps((None, SKY if code else RED), (1, GREEN)) if code == 0 else steps((None, GREEN), (1, colour))
        made.append(
            stat(
                title,
                f"count({site_state()} == {code}) or vector(0)",
                at=(place * 4, 0, 4, 3),
                description=description,
                empty="0",
                thresholds=shown,
            )
        )
    people = f"sum(max by (site) (resilience_site_people) and on (site) {site_state()} >= 2) or vector(0)"
    made.append(
        stat(
            "People without assured 911",
            people,
            at=(20, 0, 4, 3),
            description="People, as declared, at the sites that are out, unverified or not judged.",
            empty="0",
            thresholds=NONE_IS_GOOD,
        )
    )
    return made


def sites() -> Json:
    left = survival("now")
    outage = survival("utility")
    share = f"clamp_max({outage} / on (site) {required()}, 1)"
    age = (
        'time() - min by (site) (max by (site, component) (resilience_evidence_timestamp_seconds{evidence="observed"}))'
    )
    # Worst state first, and among equals the one with the least time left.
    rank = f"1e10 * {site_state()} - (({outage} or on (site) {left}) or on (site) 0 * {site_state()})"
    return table(
        "Sites, worst first",
        rows(
            facts("site, name, owner"),
            site_state(),
            paths_assured(),
            single_points(),
            left,
            outage,
            required(),
            share,
            age,
            "max by (site) (resilience_site_people)",
            instead("site, path"),
            rank,
        ),
        at=(0, 3, 24, 13),
        description="One row a site. Left: assured time with nothing more failed. In an outage: if the utility fails.",
        empty="–",
        transformations=merged(
            {
                "site": "Site",
                "name": "Name",
                "Value #B": "State",
                "path": "Use now",
                "Value #C": "Paths left",
                "Value #D": "Single points",
                "Value #E": "Left",
                "Value #F": "In an outage",
                "Value #G": "Required",
                "Value #H": "Of required",
                "Value #I": "Oldest evidence",
                "Value #J": "People",
                "owner": "Owner",
            },
            first="Value #L",
            hidden=("Value #A", "Value #K", "Value #L"),
        ),
        overrides=[
            column("Site", links=TO_SITE, custom__width=170),
            column("Name", custom__width=190),
            column("State", mappings=SITE_STATES, custom__cellOptions=COLOURED, custom__width=120),
            column("Use now", noValue="no path", custom__width=160),
            column(
                "Paths left",
                thresholds=steps((None, RED), (1, ORANGE), (2, GREEN)),
                custom__cellOptions={"type": "color-text"},
                custom__width=95,
            ),
            column(
                "Single points",
                thresholds=steps((None, GREEN), (1, ORANGE)),
                custom__cellOptions={"type": "color-text"},
                custom__width=115,
            ),
            column("Left", unit="dtdurations", mappings=WITHOUT_END, noValue="–"),
            column("In an outage", unit="dtdurations", mappings=WITHOUT_END, noValue="no utility"),
            column("Required", unit="dtdurations", noValue="nothing"),
            column(
                "Of required",
                unit="percentunit",
                min=0,
                max=1,
                thresholds=steps((None, RED), (0.5, ORANGE), (1, GREEN)),
                custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
                noValue="–",
            ),
            column("Oldest evidence", unit="dtdurations", noValue="no probe"),
            column("People", noValue="not told", custom__width=85),
        ],
    )


def changes() -> Json:
    opened = f"{FINDING % ''} unless {FINDING % ' offset 1h'}"
    closed = "group by (site, severity, code, component) (last_over_time(resilience_finding{severity!='info'}[1h]))"
    closed = f"{closed} unless {FINDING % ''}"
    both = f'label_replace({opened}, "change", "opened", "", "") or label_replace({closed}, "change", "closed", "", "")'
    return table(
        "Opened and closed in the last hour",
        rows(both),
        at=(15, 16, 9, 12),
        description=f"{MAY_BE_EMPTY} where nothing has changed. Warnings and worse.",
        empty="Nothing has changed in the last hour",
        transformations=merged(
            {"change": "Change", "severity": "Severity", "site": "Site", "code": "Finding", "component": "Component"},
            first="change",
            hidden=("Value", "Value #A"),
        ),
        overrides=[column("Site", links=TO_SITE)],
    )


def map_of_sites() -> Json:
    placed = f"{site_state()} * on (site) group_left (name, lat, lon) " + facts("site, name, lat, lon", 'lat!=""')
    style = {
        "color": {"field": "Value", "fixed": GREY},
        "size": {"fixed": 9, "min": 6, "max": 16},
        "opacity": 0.9,
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
        "text": {"field": "name", "fixed": "", "mode": "field"},
        "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 16, "textAlign": "center", "textBaseline": "middle"},
    }
    return panel(
        "geomap",
        "Where",
        rows(placed),
        at=(0, 16, 7, 12),
        description=f"{MAY_BE_EMPTY} where no site declares a location.",
        empty="No site declares a location",
        mappings=SITE_STATES,
        thresholds=steps((None, GREEN), (1, ORANGE), (2, PURPLE), (3, GREY), (4, RED)),
        options={
            "basemap": {"type": "default", "name": "Map", "config": {}},
            "controls": {"showZoom": True, "mouseWheelZoom": False, "showAttribution": True},
            "view": {"id": "fit", "allLayers": True, "lat": 0, "lon": 0, "zoom": 5, "padding": 20},
            "tooltip": {"mode": "details"},
            "layers": [
                {
                    "type": "markers",
                    "name": "Sites",
                    "tooltip": True,
                    "location": {"mode": "coords", "latitude": "lat", "longitude": "lon"},
                    "config": {"showLegend": False, "style": style},
                }
            ],
        },
        transformations=[
            {
                "id": "convertFieldType",
                "options": {
                    "conversions": [{"targetField": name, "destinationType": "number"} for name in ("lat", "lon")],
                    "fields": {},
                },
            }
        ],
    )


def build() -> Json:
    return dashboard(
        "fleet",
        "Resilience: fleet",
        [
            *counts(),
            sites(),
            timeline(
                "States",
                [query(site_state(), legend="{{site}}")],
                at=(7, 16, 8, 12),
                description="Each site's state over the chosen time.",
                empty="No site is watched",
                mappings=SITE_STATES,
            ),
            map_of_sites(),
            changes(),
        ],
        description="Which site next: can people call 911, for how long, and what alone would take it out.",
        since="now-1h",
    )
