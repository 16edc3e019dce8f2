"""Site files: reading one, and whole commands over one and over many, each as users start it. Run by `make bench`.

CPU is that of the command and of all its workers: what one core would take.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

import probes
from bench import ROUNDS, ms, row, seconds, site_text, title
from resilience.sitefile import read_site

FILES = 1_000
"""Files of the rows about many; a figure for 10,000 is told beside it, in proportion."""
BRANCHES = Path(__file__).resolve().parents[1] / "sites" / "branches"
CORES = len(os.sched_getaffinity(0))


def command(*args: str | Path, rounds: int = ROUNDS) -> tuple[float, float]:
    """Medians of the wall clock and the CPU of a process and its children, in seconds."""
    wall, cpu = [], []
    for _ in range(rounds):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, *map(str, args)], capture_output=True, check=True)
        wall.append(time.perf_counter() - begun)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(wall), statistics.median(cpu)


def reading() -> None:
    text, types = site_text(48).encode(), probes.registry()
    title(f"Reading a site file of 48 components, {len(text) / 1000:.1f} kB")
    ours = seconds(lambda: read_site(text, "bench.yaml", types), times=10)
    plain = seconds(lambda: yaml.safe_load(text), times=3)
    row("read_site: tree with marks, checked, typed", ms(ours))
    row("yaml.safe_load, no check", ms(plain), f"×{plain / ours:.1f}")
    if hasattr(yaml, "CSafeLoader"):
        in_c = seconds(lambda: yaml.load(text, yaml.CSafeLoader), times=10)
        row("yaml.load with libyaml, no check", ms(in_c), f"×{in_c / ours:.1f}")


def cold() -> None:
    title("From a cold start")
    with tempfile.TemporaryDirectory() as name:
        one = Path(name) / "one.yaml"
        one.write_text(site_text(48))
        bare, _ = command("-c", "pass", rounds=9)
        row("python, nothing else", ms(bare))
        for args in (("version",), ("check", one), ("analyze", one), ("analyze", "--explain", one)):
            wall, cpu = command("-m", "resilience", *args, rounds=9)
            row(" ".join(args[:-1]) or "version", ms(wall), f"{ms(cpu)} cpu")


def many(folder: Path, commands: Sequence[tuple[str, ...]], count: int) -> None:
    for args in commands:
        alone, cpu = command("-m", "resilience", *args, "--jobs", "1", folder)
        row(" ".join(args), f"{alone:.2f} s", f"{cpu:.2f} s cpu", f"10,000: {cpu / count * 10_000:.0f} s cpu")
        if CORES > 1:
            together, cpu = command("-m", "resilience", *args, folder)
            row(f"  in {CORES} processes", f"{together:.2f} s", f"{cpu:.2f} s cpu", f"×{alone / together:.2f}")


def sites() -> None:
    title(f"{FILES:,} files of 30 to 48 components, everything in")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(FILES):
            text = site_text(30 + 6 * (number % 4)).replace("site: bench", f"site: bench-{number}")
            (folder / f"{number:05}.yaml").write_text(text)
        many(folder, (("check",), ("analyze", "--format", "json"), ("fleet",)), FILES)


def branches() -> None:
    count = 2_000
    title(f"{count:,} ten-line sites under one template")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(BRANCHES / "_defaults.yaml", folder)
        text = (BRANCHES / "branch-arvada.yaml").read_text()
        for number in range(count):
            (folder / f"b{number:04}.yaml").write_text(text.replace("branch-arvada", f"branch-{number}"))
        many(folder, (("check",),), count)


if __name__ == "__main__":
    for part in (reading, cold, sites, branches):
        part()
