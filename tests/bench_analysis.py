"""The analysis beside scram (Debian package `scram`). Run by `make bench`.

scram is timed as a process, as a batch would have to call it, and by its own reported calculation beside that.
"""

import multiprocessing
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench import NOW, ROUNDS, cpu, ms, row, site, title
from history import UP, ups
from peers import SHARED
from resilience import snapshot
from resilience.assess import assess_design
from resilience.memory import Memory, remember
from resilience.openpsa import TreeInvalid, read_tree
from resilience.openpsawriter import write_tree
from resilience.sitetree import site_tree
from resilience.treecuts import cut_set_counts

SCRAM = shutil.which("scram")
_OWN_TIME = re.compile(r"<calculation-time[^>]*>.*?<products>([\d.eE+-]+)</products>", re.DOTALL)


def scram(tree: Path, order: int, algorithm: str = "--bdd") -> tuple[float, float]:
    """Seconds of the process, and those it reports for finding the products. Its BDDs of large trees fill the
    memory of the machine; its ZBDDs do not."""
    begun = time.perf_counter()
    args = [str(SCRAM), algorithm, "-l", str(order), str(tree)]
    ran = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60)
    wall = time.perf_counter() - begun
    own = _OWN_TIME.search(ran.stdout)
    return wall, float(own.group(1)) if own else 0.0


def sites_beside_scram() -> None:
    title("One site to order 2, beside a scram process on the exported tree")
    for size in (30, 45, 60):
        one = site(size)
        ours = cpu(lambda one=one: assess_design(replace(one), NOW))
        if SCRAM is None:
            row(f"{size} components", ms(ours), "no scram here")
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "site.xml"
            path.write_text(write_tree(site_tree(one), one.id))
            wall, own = min(scram(path, 2) for _ in range(ROUNDS))
        row(f"{size} components", ms(ours), ms(wall), f"×{wall / ours:.0f}", f"own {ms(own)}")


def live_again() -> None:
    title("A site seen again, both bounds, 60 components")
    one = site(60)
    memory = Memory()
    for probe in one.probes:
        memory = remember(memory, probe, ups(runtime=2000) if "ups" in probe.component else UP, NOW)
    before = snapshot.take(one, memory, NOW)
    probe = next(probe for probe in one.probes if "ups" in probe.component)
    reading = {
        "nothing changed": memory,
        "a runtime jitters by a second": remember(memory, probe, ups(runtime=2001), NOW + 1),
        "one reading changed": remember(memory, probe, ups(runtime=1900), NOW + 1),
        "a UPS goes on battery": remember(memory, probe, ups(runtime=1900, on_battery=True), NOW + 1),
    }
    anew = cpu(lambda: snapshot.take(replace(one), memory, NOW + 1))
    for what, known in reading.items():
        taken = cpu(lambda known=known: snapshot.take(one, known, NOW + 1, before=before))
        row(what, ms(taken), f"×{anew / taken:.1f} cheaper")
    row("all of it anew, the design as well", ms(anew))


def published_trees() -> None:
    folder = SHARED / "corpora" / "aralia"
    if not folder.exists():
        return
    title("Aralia fault trees, counts to order 3, reading included, each in a process; beside a scram process (ZBDD)")
    for path in sorted(folder.glob("*.xml")):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            counted = alone.submit(counted_alone, path).result()
        if counted is None:
            row(path.stem, "not coherent")
            continue
        ours, peak = counted
        wall = scram(path, 3, "--zbdd")[0] if SCRAM else 0.0
        row(path.stem, ms(ours), f"{peak:.0f} MB", ms(wall), f"×{wall / ours:.1f}")


def counted_alone(path: Path) -> tuple[float, float] | None:
    """Seconds, and the peak of this whole process in MB; None for a tree that is not coherent."""
    begun = time.perf_counter()
    try:
        cut_set_counts(read_tree(path.read_bytes(), path.name), 3)
    except TreeInvalid:
        return None
    taken = time.perf_counter() - begun
    # Not getrusage: its peak is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return taken, peak / 1000


if __name__ == "__main__":
    for part in (sites_beside_scram, live_again, published_trees):
        part()
