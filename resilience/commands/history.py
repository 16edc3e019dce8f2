"""`drill history`: components declared independent that keep failing together by the record, no drill needed."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import click

from resilience.cofailure import Past, proposals
from resilience.commands.common import Format, counted, flag
from resilience.commands.drills import drills
from resilience.commands.settings import (
    ConfigFile,
    Database,
    Sites,
    duration_of,
    read_config,
    refusals,
    site_named,
    wanted_store,
)
from resilience.commands.signatures import Argument
from resilience.falls import MOST
from resilience.model import Site
from resilience.sharedrisk import SharedRisk, shared_risks, told


@drills.declare("history")
def history(  # noqa: PLR0917  # a command's options
    words: Annotated[list[str], Argument("SITE...", "Site files, or ids of sites in --sites.")],
    since: Annotated[str, flag("--since", "How far to look back.")] = "365d",
    form: Annotated[Format, flag("--format", "For people or for programs.")] = Format.TEXT,
    sites: Sites = None,
    database: Database = "",
    config: ConfigFile = None,
) -> None:
    """What keeps failing together by the record though the file declares it independent, and the edit that says so."""
    from resilience.store.past import past_of  # noqa: PLC0415  # the other commands start without a database

    settings = read_config(config)
    back = duration_of("--since", since) / 1000
    wanted = [site_named(word, sites, settings) for word in words]
    now = time.time()
    answers = []
    with wanted_store(database, settings) as store, refusals(), store.reading() as connection:
        for site in wanted:
            past = past_of(connection, site, now - back, now)
            answers.append((site, past, tuple(shared_risks(site, proposals(site, past)))))
    if form is Format.JSON:
        click.echo(json.dumps([_as_json(*answer) for answer in answers]))
    else:
        click.echo("\n".join(line for answer in answers for line in _as_text(*answer)))


def _as_json(site: Site, past: Past, found: tuple[SharedRisk, ...]) -> dict[str, Any]:
    return {
        "site": site.id,
        "since_timestamp": past.since,
        "not_judged": list(past.restless),
        "proposals": [
            {
                "components": list(risk.names),
                "pairs": [
                    {
                        "components": list(pair.names),
                        "together": len(pair.moments),
                        "together_timestamps": list(pair.moments),
                        "alone": list(pair.alone),
                        "within_seconds": pair.within,
                        "chance": pair.chance,
                        "pairs_tried": pair.tried,
                    }
                    for pair in risk.pairs
                ],
                "declaration": risk.declaration,
                "needs": dict(risk.needs),
            }
            for risk in found
        ],
    }


def _as_text(site: Site, past: Past, found: tuple[SharedRisk, ...]) -> Iterator[str]:
    day = datetime.fromtimestamp(past.since, UTC).date()
    if not found:
        yield f"{site.id}: since {day} nothing declared independent has kept failing together"
    for risk in found:
        yield f"{site.id}, since {day}:"
        for pair in risk.pairs:
            yield f"  {told(pair)} ({counted(pair.tried, 'pair')} tried)"
        yield "  If they do share something, say so under components, and check the file:"
        yield f"    {risk.declaration}"
        for name, needs in risk.needs.items():
            yield f"    {name}: {{…, needs: {needs}}}"
    if past.restless:
        yield f"  Not judged, for more than {MOST} failures: {', '.join(past.restless)}"
