"""Writes the dashboards that Grafana loads: `python dashboards/source/generate.py`."""

import json
from pathlib import Path

import fleet
import one_site
import shared
import watch

FOLDER = Path(__file__).resolve().parents[1]


def files() -> dict[Path, str]:
    """The text of every file by its path."""
    built = {"fleet": fleet.build(), "site": one_site.build(), "shared-risks": shared.build(), "monitor": watch.build()}
    return {
        FOLDER / f"{name}.json": json.dumps(made, indent=2, ensure_ascii=False) + "\n" for name, made in built.items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
