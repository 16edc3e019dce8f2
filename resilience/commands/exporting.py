"""The command that writes files for other programs: export."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resilience.commands.common import app, counted, flag, say


class What(StrEnum):
    ALERTS = "alerts"
    DASHBOARDS = "dashboards"


@app.command()
def export(
    what: Annotated[What, typer.Argument(help="For Prometheus and Alertmanager, or for Grafana.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder; it is made where there is none.")],
    runbooks: Annotated[str, flag("--runbooks", "Address at which the runbooks are read.")] = "runbooks",
    overwrite: Annotated[bool, flag("--overwrite", "Replace files that are others.")] = False,
) -> None:
    """Alert rules, routes, templates and runbooks, or dashboards, with their provisioning, as files."""
    from resilience.shipped import shipped, write  # noqa: PLC0415

    texts = shipped(what, runbooks.rstrip("/"))
    try:
        write(texts, folder, overwrite=overwrite)
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(str(error)) from None
    say(f"wrote {counted(len(texts), 'file')} to {folder}")
