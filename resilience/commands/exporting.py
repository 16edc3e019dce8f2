"""The command that writes files for other programs: export."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click

from resilience.commands.common import app, counted, flag, say
from resilience.commands.signatures import Argument


class What(StrEnum):
    ALERTS = "alerts"
    DASHBOARDS = "dashboards"


@app.declare()
def export(
    what: Annotated[What, Argument("WHAT", "For Prometheus and Alertmanager, or for Grafana.")],
    folder: Annotated[Path, Argument("DIR", "A folder; it is made where there is none.")],
    runbooks: Annotated[str, flag("--runbooks", "Address at which the runbooks are read.")] = "runbooks",
    overwrite: Annotated[bool, flag("--overwrite", "Replace files that are others.")] = False,
) -> None:
    """Alert rules, routes, templates and runbooks, or dashboards, with their provisioning, as files."""
    from resilience.shipped import shipped, write  # noqa: PLC0415

    texts = shipped(what, runbooks.rstrip("/"))
    try:
        write(texts, folder, overwrite=overwrite)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error)) from None
    say(f"wrote {counted(len(texts), 'file')} to {folder}")
