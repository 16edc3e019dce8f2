"""The command line: results on stdout, messages on stderr, exit codes as documented."""

import os
import sys

from resilience.commands.common import OK, app

__all__ = ["app", "main"]


def main() -> None:
    """The console script."""
    try:
        app()
    except SystemExit as leaving:
        # Without waiting for threads: one that asks a dead resolver cannot be cancelled, and would hold up
        # a plugin's answer, or a stop, for as long as the resolver is given.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else OK)
