"""A fleet and a comparison of versions, for people and for programs: text, JSON, CSV, GitHub annotations. Pure."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence

from resilience.assess import SinglePoint
from resilience.compare import Difference
from resilience.duration import seconds, spoken
from resilience.fleet import Fleet, Standing
from resilience.yamltree import Mark


def fleet_text(fleet: Fleet) -> str:
    """What takes 911 out at most sites, then the sites, nearest to losing it first."""
    return "\n".join([*_blasts(fleet), "", *_standings(fleet)])


def _blasts(fleet: Fleet) -> Iterator[str]:
    yield "One failure takes 911 out at"
    if not fleet.blasts:
        yield "  no site"
    for blast in fleet.blasts:
        people = f", {blast.people} people" if blast.people else ""
        if blast.site:
            yield f"  {blast.site}{people}: {blast.name}"
        else:
            count = f"{len(blast.sites)} sites" if len(blast.sites) > 1 else "1 site"
            yield f"  {count}{people}: {blast.name} (shared): {', '.join(blast.sites)}"


def _standings(fleet: Fleet) -> Iterator[str]:
    rows = [("Site", "State", "Margin", "In an outage", "Required", "Single points of failure")]
    rows += [
        (
            standing.site,
            standing.state.replace("_", " "),
            _margin(standing),
            spoken(standing.left),
            spoken(standing.required) if standing.required else "",
            ", ".join(standing.single_points),
        )
        for standing in fleet.standings
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row[:5], widths, strict=True))
        yield f"{'  '.join(padded)}  {row[5]}".rstrip()


def _margin(standing: Standing) -> str:
    more = "" if standing.margin.exact else " or more"
    return f"{standing.margin.failures}{more}"


def fleet_json(fleet: Fleet) -> str:
    """`shared` is true for what several sites name; infinity is null."""
    return json.dumps(
        {
            "failures": [
                {
                    "component": blast.name,
                    "shared": not blast.site,
                    "sites": list(blast.sites),
                    "people": blast.people,
                }
                for blast in fleet.blasts
            ],
            "sites": [
                {
                    "site": standing.site,
                    "name": standing.name,
                    "state": standing.state,
                    "margin": standing.margin.failures,
                    "margin_exact": standing.margin.exact,
                    "survival_seconds": seconds(standing.left),
                    "required_seconds": seconds(standing.required),
                    "people": standing.people,
                    "single_points_of_failure": list(standing.single_points),
                }
                for standing in fleet.standings
            ],
        }
    )


def fleet_csv(fleet: Fleet) -> str:
    """One row a site, for a spreadsheet; an empty cell is without end, or not declared."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        [
            "site",
            "name",
            "state",
            "margin",
            "survival_seconds",
            "required_seconds",
            "people",
            "single_points_of_failure",
        ]
    )
    for standing in fleet.standings:
        left, people = seconds(standing.left), standing.people
        rows.writerow(
            [
                standing.site,
                standing.name,
                standing.state,
                standing.margin.failures,
                "" if left is None else left,
                seconds(standing.required),
                "" if people is None else people,
                " ".join(standing.single_points),
            ]
        )
    return text.getvalue()


def _loss(point: SinglePoint) -> str:
    return "at once" if point.loss <= 0 else f"after {spoken(point.loss)}"


def diff_text(found: Sequence[Difference]) -> str:
    """A site's heading and a line for each single point of failure gained (+) and lost (-)."""
    lines = []
    for difference in found:
        before, after = (
            state.replace("_", " ") if state else "absent" for state in (difference.before, difference.after)
        )
        change = before if before == after else f"{before} -> {after}"
        lines.append(f"{difference.site}: {change}")
        lines += [f"  + {p.component} ({p.kind}) takes 911 out {_loss(p)}" for p in difference.gained]
        lines += [f"  - {p.component} ({p.kind}) took 911 out {_loss(p)}" for p in difference.lost]
    return "\n".join(lines) or "no single point of failure gained or lost"


def diff_json(found: Sequence[Difference]) -> str:
    def points(some: Sequence[SinglePoint]) -> list[dict[str, object]]:
        return [{"component": p.component, "kind": p.kind, "loss_after_seconds": seconds(p.loss)} for p in some]

    return json.dumps(
        [
            {
                "site": difference.site,
                "before": difference.before,
                "after": difference.after,
                "gained": points(difference.gained),
                "lost": points(difference.lost),
            }
            for difference in found
        ]
    )


def diff_github(found: Sequence[Difference], place: Callable[[str, str], Mark | None]) -> str:
    """Workflow commands. `place(site, component)` is where the new version declares the component: what a template
    does to many sites is told once, there."""
    told: dict[tuple[str, Mark | None, str], list[str]] = {}
    for difference in found:
        now, no_more = "is now a single point of failure: 911 is lost", "is no single point of failure any more"
        changes = [
            *(("warning", point, f"{now} {_loss(point)}") for point in difference.gained),
            *(("notice", point, no_more) for point in difference.lost),
        ]
        for level, point, what in changes:
            at = place(difference.site, point.component)
            told.setdefault((level, at, f"{point.component} {what}"), []).append(difference.site)
    return "\n".join(annotation(level, at, f"{_some(sites)}: {what}") for (level, at, what), sites in told.items())


def _some(sites: Sequence[str]) -> str:
    return sites[0] if len(sites) == 1 else f"{sites[0]} and {len(sites) - 1} more"


def annotation(level: str, mark: Mark | None, message: str) -> str:
    """A workflow command, which GitHub shows beside the line of a pull request."""

    def escaped(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def property_of(text: str) -> str:
        return escaped(text).replace(":", "%3A").replace(",", "%2C")

    place = f" file={property_of(mark.file)},line={mark.line},col={mark.column}" if mark else ""
    return f"::{level}{place}::{escaped(message)}"
