"""Grafana's dashboards as Python values: panels, their queries, and what their colours mean.

Every panel says what it shows instead of "No data". Colours are those that the colour-blind can tell apart (Okabe and
Ito), and none stands without its word or number.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

GREEN, ORANGE, PURPLE, RED = "#009E73", "#E69F00", "#CC79A7", "#D55E00"
BLUE, SKY, YELLOW, GREY = "#0072B2", "#56B4E9", "#F0E442", "#8E8E8E"
"""Good, weak, not known, bad; then colours that mean nothing by themselves."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

NO_END = 1e8
"""Seconds from which on a survival is shown as without end: Prometheus says +Inf."""

MAY_BE_EMPTY = "May be empty"
"""How a description begins that says why there may be nothing to show."""


def value(text: str, colour: str) -> Json:
    return {"text": text, "color": colour}


def mapped(meanings: Mapping[int, Json]) -> list[Json]:
    """Numbers that are words."""
    options = {str(number): {**meaning, "index": index} for index, (number, meaning) in enumerate(meanings.items())}
    return [{"type": "value", "options": options}]


WITHOUT_END = [
    {"type": "range", "options": {"from": NO_END, "to": 1e300, "result": {**value("no end", GREEN), "index": 0}}}
]

SITE_STATES = mapped(
    {
        0: value("protected", GREEN),
        1: value("at risk", ORANGE),
        2: value("unverified", PURPLE),
        3: value("not judged", GREY),
        4: value("911 OUT", RED),
    }
)
COMPONENT_STATES = mapped(
    {0: value("down", RED), 1: value("unknown", PURPLE), 2: value("degraded", ORANGE), 3: value("up", GREEN)}
)
PATH_STATES = mapped({0: value("down", RED), 1: value("not assured", PURPLE), 2: value("works", GREEN)})
YES_NO = mapped({0: value("no", RED), 1: value("yes", GREEN)})


def steps(*bounds: tuple[float | None, str]) -> Json:
    """Colours from a value upwards; None is the lowest."""
    return {"mode": "absolute", "steps": [{"value": bound, "color": colour} for bound, colour in bounds]}


PLAIN = steps((None, SKY))
NONE_IS_GOOD = steps((None, GREEN), (1, RED))


def query(expr: str, *, legend: str = "__auto", instant: bool = False, ref: str = "A") -> Json:
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": expr,
        "legendFormat": legend,
        "instant": instant,
        "range": not instant,
        "format": "table" if instant else "time_series",
        "editorMode": "code",
    }


def rows(*exprs: str) -> list[Json]:
    """Queries of this moment, for a table."""
    return [query(expr, instant=True, ref=chr(ord("A") + place)) for place, expr in enumerate(exprs)]


def panel(
    kind: str,
    title: str,
    targets: Sequence[Json],
    *,
    at: tuple[int, int, int, int],
    description: str,
    empty: str,
    unit: str = "none",
    mappings: Sequence[Json] = (),
    thresholds: Json = PLAIN,
    options: Json | None = None,
    custom: Json | None = None,
    overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (),
    **defaults: Any,
) -> Json:
    """`at` is x, y, width and height on a grid 24 wide; `empty` stands where there is nothing to show."""
    x, y, width, height = at
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "targets": list(targets),
        "options": options or {},
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "noValue": empty,
                "mappings": list(mappings),
                "thresholds": thresholds,
                "color": {"mode": "thresholds"},
                **({"custom": custom} if custom else {}),
                **defaults,
            },
            "overrides": list(overrides),
        },
        "transformations": list(transformations),
    }


def stat(title: str, expr: str, *, named: str = "", thresholds: Json = PLAIN, **more: Any) -> Json:
    """One number, or with `named` the series' own words."""
    targets = [query(expr, legend=named or "__auto", instant=not named)]
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background_solid" if not named else "none",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "textMode": "name" if named else "value",
    }
    if not named:
        targets[0]["format"] = "time_series"
    return panel("stat", title, targets, thresholds=thresholds, options=options, **more)


def table(title: str, targets: Sequence[Json], *, sort: tuple[str, bool] | None = None, **more: Any) -> Json:
    """`sort` is a column and whether the greatest comes first."""
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "fields": ""},
        "sortBy": [{"displayName": sort[0], "desc": sort[1]}] if sort else [],
    }
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False}
    return panel("table", title, targets, options=options, custom=custom, **more)


def timeseries(title: str, targets: Sequence[Json], **more: Any) -> Json:
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"lineWidth": 2, "fillOpacity": 0, "spanNulls": False, "showPoints": "never", "drawStyle": "line"}
    made = panel("timeseries", title, targets, options=options, custom=custom, **more)
    made["fieldConfig"]["defaults"]["color"] = {"mode": "palette-classic"}
    return made


def timeline(title: str, targets: Sequence[Json], **more: Any) -> Json:
    options = {
        "alignValue": "left",
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "auto",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, targets, options=options, custom={"fillOpacity": 80, "lineWidth": 0}, **more)


# --- Tables ---------------------------------------------------------------------------------------------------


def merged(columns: Mapping[str, str], *, first: str = "", hidden: Iterable[str] = ()) -> list[Json]:
    """One row for each set of labels; `columns` are names by field, in order; `first` puts its greatest on top."""
    sorted_by = [{"id": "sortBy", "options": {"sort": [{"field": first, "desc": True}], "fields": {}}}]
    organised = {
        "excludeByName": dict.fromkeys(("Time", *hidden), True),
        "indexByName": {name: place for place, name in enumerate(columns)},
        "renameByName": {name: shown for name, shown in columns.items() if shown != name},
    }
    return [
        {"id": "merge", "options": {}},
        *(sorted_by if first else []),
        {"id": "organize", "options": organised},
    ]


def column(name: str, **properties: Any) -> Json:
    """How one column is shown. Property names stand as Grafana's, `__` for a dot."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": shown} for key, shown in properties.items()],
    }


COLOURED = {"type": "color-background", "mode": "basic"}


def link(title: str, url: str) -> list[Json]:
    return [{"title": title, "url": url, "targetBlank": False}]


TO_SITE = link("Show this site", "/d/resilience-site?var-site=${__value.raw}&var-datasource=${datasource}")


# --- Dashboards -----------------------------------------------------------------------------------------------


def variable(name: str, label: str, expr: str) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"qryType": 1, "query": expr, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "options": [],
        "current": {},
        "regex": "",
        "skipUrlSync": False,
    }


def words(name: str, label: str, text: str) -> Json:
    """A variable that people type."""
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "query": text,
        "current": {"text": text, "value": text, "selected": True},
        "options": [{"text": text, "value": text, "selected": True}],
        "hide": 0,
        "skipUrlSync": False,
    }


DATASOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "current": {},
    "options": [],
    "refresh": 1,
    "regex": "",
    "multi": False,
    "includeAll": False,
    "hide": 0,
    "skipUrlSync": False,
}


def annotation(name: str, expr: str, title: str, colour: str) -> Json:
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "titleFormat": title,
        "step": "30s",
        "type": "dashboard",
    }


def dashboard(
    uid: str,
    title: str,
    panels: Sequence[Json],
    *,
    description: str,
    variables: Sequence[Json] = (),
    annotations: Sequence[Json] = (),
    since: str = "now-6h",
) -> Json:
    return {
        "uid": f"resilience-{uid}",
        "title": title,
        "description": description,
        "tags": ["resilience"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": 39,
        "time": {"from": since, "to": "now"},
        "templating": {"list": [DATASOURCE, *variables]},
        "annotations": {"list": list(annotations)},
        "links": [
            {
                "type": "dashboards",
                "title": "Resilience",
                "tags": ["resilience"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "panels": [{"id": number, **each} for number, each in enumerate(panels, start=1)],
    }
