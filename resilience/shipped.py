"""Files for other programs that come with this one: alert rules, dashboards, runbooks. Found, and written to a folder.

In a checkout they lie at its top (`alerts/`, `dashboards/`, `docs/runbooks/`), in an installed package below
`resilience/exported/`.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

SHIPPED = {
    "alerts": {"": "alerts", "runbooks": "runbooks"},
    "dashboards": {"": "dashboards"},
}
"""What is exported: folders of the target, and where each comes from."""

IN_A_CHECKOUT = {"runbooks": "docs/runbooks"}
RUNBOOKS = "docs/runbooks"
"""Where rules and dashboards say that the runbooks are."""
_KINDS = (".yml", ".tmpl", ".json", ".md")


def shipped(name: str, runbooks: str) -> Mapping[Path, str]:
    """The files of `name` by their path below the target; `runbooks` is where their links should lead."""
    return {
        Path(below, path): text.replace(RUNBOOKS, runbooks)
        for below, source in SHIPPED[name].items()
        for path, text in _texts(_place(source))
    }


def _place(source: str) -> Traversable:
    packaged = files("resilience") / "exported" / source
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[1] / IN_A_CHECKOUT.get(source, source)


def _texts(folder: Traversable, below: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{below}{entry.name}"
        if entry.is_dir():
            yield from _texts(entry, f"{path}/")
        elif entry.name.endswith(_KINDS):
            yield path, entry.read_text(encoding="utf-8")


def write(texts: Mapping[Path, str], target: Path, *, overwrite: bool) -> None:
    """Writes them below `target`. FileExistsError, and nothing is written, where one is there and is another."""
    if not overwrite:
        for path, text in texts.items():
            there = target / path
            if there.exists() and there.read_text(encoding="utf-8") != text:
                raise FileExistsError(f"{there} exists and is another; nothing was written (--overwrite replaces it)")
    for path, text in texts.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
