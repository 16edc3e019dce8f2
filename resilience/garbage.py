"""How often Python looks for garbage that refers to itself.

By default after 700 new objects: several times while one file is read, and each time in vain. Measured: a fifth of
reading many files, and a twentieth of a round of probes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = 5_000
"""New objects after which a command looks."""
MONITOR = 50_000
"""New objects after which the monitor does: some ten megabytes may wait for it."""


@contextmanager
def looked_for_after(objects: int) -> Iterator[None]:
    """Inside the block garbage is looked for after so many new objects."""
    usual = gc.get_threshold()
    gc.set_threshold(objects, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
