"""Site: what carries 911 here, what would take it out, how long it lasts, and on what evidence."""

from panels import (
    COLOURED,
    COMPONENT_STATES,
    GREEN,
    GREY,
    MAY_BE_EMPTY,
    NONE_IS_GOOD,
    ORANGE,
    PATH_STATES,
    PURPLE,
    RED,
    SITE_STATES,
    SKY,
    WITHOUT_END,
    YES_NO,
    Json,
    annotation,
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
    timeseries,
    value,
    variable,
    words,
)
from queries import instead, paths_assured, required, single_points, site_state, survival

HERE = 'site="$site"'
RUNBOOK = link("What to do", "${runbooks}/${__value.raw}.md")


def reading(metric: str, by: str, worst: str = "max") -> str:
    return f"{worst} by ({by}) (resilience_{metric}{{{HERE}}})"


def heads() -> list[Json]:
    minutes = steps((None, RED), (900, ORANGE), (3600, GREEN))
    return [
        stat(
            "State",
            site_state(HERE),
            at=(0, 0, 4, 4),
            description="Assured counts what is unknown as down.",
            empty="not watched",
            mappings=SITE_STATES,
            thresholds=steps((None, GREEN), (1, ORANGE), (2, PURPLE), (3, GREY), (4, RED)),
        ),
        stat(
            "Use now",
            instead("path, instructions", HERE),
            named="{{path}}: {{instructions}}",
            at=(4, 0, 8, 4),
            description=f"{MAY_BE_EMPTY}: then no path works. The best one that does, and what people do.",
            empty="No path works",
        ),
        stat(
            "Left",
            survival("now", HERE),
            at=(12, 0, 3, 4),
            description="Assured time of 911 with nothing more failed.",
            empty="not judged",
            unit="dtdurations",
            mappings=WITHOUT_END,
            thresholds=minutes,
        ),
        stat(
            "In a utility outage",
            survival("utility", HERE),
            at=(15, 0, 3, 4),
            description="Assured time of 911 if every utility failed now.",
            empty="no utility",
            unit="dtdurations",
            mappings=WITHOUT_END,
            thresholds=minutes,
        ),
        stat(
            "Paths assured",
            paths_assured(HERE),
            at=(18, 0, 2, 4),
            description="Emergency paths that work for certain.",
            empty="–",
            thresholds=steps((None, RED), (1, ORANGE), (2, GREEN)),
        ),
        stat(
            "Single points",
            single_points(HERE),
            at=(20, 0, 2, 4),
            description="Single points of failure now that nobody accepted.",
            empty="–",
            thresholds=NONE_IS_GOOD,
        ),
        stat(
            "People",
            f"max by (site) (resilience_site_people{{{HERE}}})",
            at=(22, 0, 2, 4),
            description="People at the site, as declared.",
            empty="not told",
        ),
    ]


def paths() -> list[Json]:
    info = f"group by (path, tier, rank, instructions) (resilience_emergency_path_info{{{HERE}}})"
    up = f"by (path) (resilience_emergency_path_up{{{HERE}, bound="
    works = f'min {up}"assured"}}) + max {up}"possible"}})'
    preferred = f"max by (path) (resilience_emergency_path_preferred{{{HERE}}})"
    return [
        timeline(
            "State",
            [query(site_state(HERE), legend="{{site}}")],
            at=(0, 4, 24, 4),
            description="The state over time. Marks: drills and planned work.",
            empty="not watched",
            mappings=SITE_STATES,
        ),
        table(
            "Ways to 911, best first",
            rows(info, works, preferred),
            at=(0, 8, 14, 7),
            description="By tier, with what people do.",
            empty="–",
            transformations=merged(
                {
                    "rank": "#",
                    "tier": "Tier",
                    "path": "Path",
                    "Value #B": "Works",
                    "Value #C": "Use now",
                    "instructions": "What people do",
                },
                hidden=("Value #A",),
            ),
            sort=("#", False),
            overrides=[
                column("#", custom__width=45),
                column("Tier", custom__width=105),
                column("Works", mappings=PATH_STATES, custom__cellOptions=COLOURED, custom__width=110),
                column(
                    "Use now",
                    mappings=mapped({0: value("", GREY), 1: value("◀ this", SKY)}),
                    custom__width=80,
                ),
            ],
        ),
        timeline(
            "Paths",
            [query(works, legend="{{path}}")],
            at=(14, 8, 10, 7),
            description="Each path over time.",
            empty="–",
            mappings=PATH_STATES,
        ),
    ]


def risks() -> list[Json]:
    loss = (
        "clamp_max(min by (component, kind, accepted)"
        f' (resilience_single_point_of_failure_loss_seconds{{{HERE}, basis="live"}}), 1e9)'
    )
    outage = query(survival("utility", HERE), legend="in a utility outage", ref="A")
    now = query(survival("now", HERE), legend="with nothing more failed", ref="B")
    needed = query(required(HERE), legend="required", ref="C")
    dashed = {
        "matcher": {"id": "byName", "options": "required"},
        "properties": [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
        ],
    }
    return [
        table(
            "One failure takes 911 out",
            rows(loss),
            at=(0, 15, 10, 8),
            description=f"{MAY_BE_EMPTY}: then no single failure can. Seconds from the failure to the loss.",
            empty="No single failure takes 911 out",
            transformations=merged(
                {
                    "component": "Component",
                    "kind": "Kind",
                    "Value": "911 is lost after",
                    "accepted": "Accepted",
                }
            ),
            sort=("911 is lost after", False),
            overrides=[
                column(
                    "911 is lost after",
                    unit="dtdurations",
                    mappings=[*mapped({0: value("at once", RED)}), *WITHOUT_END],
                ),
            ],
        ),
        timeseries(
            "Survival against what is required",
            [outage, now, needed],
            at=(10, 15, 14, 8),
            description="Assured seconds of 911. What has no end lies above the scale.",
            empty="not judged",
            unit="dtdurations",
            min=0,
            max=86400,
            mappings=WITHOUT_END,
            overrides=[dashed],
        ),
    ]


def power() -> list[Json]:
    ratio = {"unit": "percentunit", "min": 0, "max": 1}
    none = f"{MAY_BE_EMPTY} where no UPS is read."
    return [
        timeseries(
            "UPS runtime",
            [query(reading("ups_runtime_seconds", "component", "min"), legend="{{component}}")],
            at=(0, 23, 8, 7),
            description=f"{none} What each reports at its present load.",
            empty="No UPS is read",
            unit="dtdurations",
            min=0,
        ),
        timeseries(
            "UPS load and charge",
            [
                query(reading("ups_load_ratio", "component"), legend="{{component}} load", ref="A"),
                query(reading("ups_charge_ratio", "component", "min"), legend="{{component}} charge", ref="B"),
            ],
            at=(8, 23, 8, 7),
            description=none,
            empty="No UPS is read",
            **ratio,
        ),
        timeline(
            "On battery",
            [query(reading("ups_on_battery", "component"), legend="{{component}}")],
            at=(16, 23, 8, 7),
            description=none,
            empty="No UPS is read",
            mappings=mapped({0: value("mains", GREEN), 1: value("battery", ORANGE)}),
        ),
    ]


def lines() -> list[Json]:
    each = {"legend": "{{component}} {{target}}"}
    none = f"{MAY_BE_EMPTY} where no line is probed."
    by = "component, target"
    return [
        timeseries(
            "Loss",
            [query(reading("wan_loss_ratio", by), **each)],
            at=(0, 30, 8, 7),
            description=none,
            empty="No line is pinged",
            unit="percentunit",
            min=0,
            max=1,
        ),
        timeseries(
            "Round trip",
            [query(reading("wan_rtt_seconds", by), **each)],
            at=(8, 30, 8, 7),
            description=none,
            empty="No line is probed",
            unit="s",
            min=0,
        ),
        timeseries(
            "Jitter",
            [query(reading("wan_jitter_seconds", by), **each)],
            at=(16, 30, 8, 7),
            description=none,
            empty="No line is pinged",
            unit="s",
            min=0,
        ),
        timeseries(
            "Call quality",
            [query(reading("wan_mos", by, "min"), **each)],
            at=(0, 37, 8, 7),
            description=f"{none} What a call would be worth: 4 is good, under 2.6 it is not one (MOS, estimated).",
            empty="No line is pinged",
            min=1,
            max=4.5,
        ),
        timeseries(
            "How full",
            [query(reading("interface_utilization_ratio", by), **each)],
            at=(8, 37, 8, 7),
            description=f"{MAY_BE_EMPTY} where no interface is read. Of the capacity that the site file declares.",
            empty="No interface is read",
            unit="percentunit",
            min=0,
            max=1,
        ),
        timeline(
            "Leaves by its own provider",
            [query(reading("egress_expected", by, "min"), **each)],
            at=(16, 37, 8, 7),
            description=f"{MAY_BE_EMPTY} where no egress probe has an expected prefix. No: the line counts as unknown.",
            empty="No line's way out is proven",
            mappings=YES_NO,
        ),
        timeline(
            "Trunks",
            [
                query(reading("trunk_up", by, "min"), ref="A", **each),
                query(
                    reading("trunk_registered", "component, registration", "min"),
                    legend="{{component}} registered ({{registration}})",
                    ref="B",
                ),
            ],
            at=(0, 44, 12, 7),
            description=f"{MAY_BE_EMPTY} where no trunk is probed. One that answers may still not route 911.",
            empty="No trunk is probed",
            mappings=YES_NO,
        ),
        timeline(
            "Fallback lines",
            [query(reading("line_in_service", "component", "min"), legend="{{component}}")],
            at=(12, 44, 6, 7),
            description=f"{MAY_BE_EMPTY} where no fallback line is read.",
            empty="No fallback line is read",
            mappings=YES_NO,
        ),
        timeseries(
            "Cellular signal",
            [query(reading("cellular_rsrp_dbm", "component", "min"), legend="{{component}}")],
            at=(18, 44, 6, 7),
            description=f"{MAY_BE_EMPTY} where no modem is read. RSRP: under −110 dBm is weak.",
            empty="No modem is read",
            unit="dBm",
        ),
    ]


def evidence() -> list[Json]:
    age = f"time() - max by (component, evidence) (resilience_evidence_timestamp_seconds{{{HERE}}})"
    state = f"min by (component, kind) (resilience_component_state_code{{{HERE}}})"
    findings = f"max by (severity, code, component, stale) (resilience_finding{{{HERE}}})"
    severity = mapped_text({"critical": RED, "warning": ORANGE, "info": SKY})
    return [
        table(
            "Findings",
            rows(findings),
            at=(0, 51, 12, 12),
            description=f"{MAY_BE_EMPTY} where nothing is found. The code leads to what to do; stale: not seen since.",
            empty="Nothing is found",
            transformations=merged(
                {"severity": "Severity", "code": "Finding", "component": "Component", "stale": "Stale"},
                hidden=("Value",),
            ),
            sort=("Severity", False),
            overrides=[
                column("Severity", mappings=severity, custom__cellOptions=COLOURED, custom__width=100),
                column("Finding", links=RUNBOOK),
            ],
        ),
        table(
            "Components and their evidence",
            rows(state, age),
            at=(12, 51, 12, 12),
            description="What is believed of each component, why, and how old that is.",
            empty="declared",
            transformations=merged(
                {
                    "component": "Component",
                    "kind": "Kind",
                    "Value #A": "State",
                    "evidence": "Evidence",
                    "Value #B": "Age",
                }
            ),
            sort=("State", False),
            overrides=[
                column("State", mappings=COMPONENT_STATES, custom__cellOptions=COLOURED, custom__width=110),
                column("Age", unit="dtdurations", noValue="–"),
                column("Evidence", noValue="declared"),
            ],
        ),
        timeline(
            "Components",
            [query(f"min by (component) (resilience_component_state_code{{{HERE}}})", legend="{{component}}")],
            at=(0, 63, 24, 14),
            description="Each component over time.",
            empty="not judged",
            mappings=COMPONENT_STATES,
        ),
    ]


def mapped_text(meanings: dict[str, str]) -> list[Json]:
    options = {
        text: {"text": text, "color": colour, "index": place} for place, (text, colour) in enumerate(meanings.items())
    }
    return [{"type": "value", "options": options}]


def build() -> Json:
    return dashboard(
        "site",
        "Resilience: site",
        [*heads(), *paths(), *risks(), *power(), *lines(), *evidence()],
        description="One site: what carries 911, what would take it out, how long it lasts, on what evidence.",
        variables=[
            variable("site", "Site", "label_values(resilience_site_info, site)"),
            words("runbooks", "Runbooks at", "docs/runbooks"),
        ],
        annotations=[
            annotation("Drills", f"max by (drill) (resilience_drill_active{{{HERE}}}) == 1", "DRILL {{drill}}", SKY),
            annotation(
                "Planned work",
                f"max by (component) (resilience_maintenance_active{{{HERE}}}) == 1",
                "Planned work: {{component}}",
                PURPLE,
            ),
        ],
    )
