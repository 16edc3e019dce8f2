"""Where the database is when nobody says."""

from collections.abc import Mapping
from pathlib import Path

NO_DATABASE = "none"
"""Said in the place of a URL: nothing is kept."""


def usual_place(environment: Mapping[str, str]) -> str:
    """A SQLite file in systemd's state directory, else in that of the user."""
    if state := environment.get("STATE_DIRECTORY", ""):
        folder = Path(state.partition(":")[0])  # several are parted by colons
    else:
        home = environment.get("XDG_STATE_HOME", "") or f"{environment.get('HOME', '') or '/var/lib'}/.local/state"
        folder = Path(home) / "resilience"
    return f"sqlite:///{folder.absolute() / 'resilience.db'}"
