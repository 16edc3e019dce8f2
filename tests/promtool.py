"""Prometheus' own unit tests of rules, written from stories: what monitors export, and which alerts then fire."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import peers

ALERTS = Path(__file__).resolve().parents[1] / "alerts"
RULES = ALERTS / "resilience.rules.yml"
STEP = 10
"""Seconds between two samples, and between two evaluations."""

Series = Mapping[str, str]
"""Samples by series, in promtool's notation: `1x5` is six of them, `_x5` five missing ones, `stale` the end."""


def moment(minutes: float) -> int:
    """The number of the sample at that moment."""
    return round(minutes * 60 / STEP)


def lasts(begins: float, ends: float, value: float = 1) -> str:
    """A series that is there between two moments, in minutes. What a target no longer tells is stale at once."""
    first = moment(begins)
    missing = f"_x{first} " if first else ""
    return f"{missing}{value}x{moment(ends) - first - 1} stale"


def changes(*steps: tuple[float, float | None], ends: float) -> str:
    """A series with another value, or none, from each moment on."""
    parts = []
    for (begins, value), (until, _) in zip(steps, [*steps[1:], (ends, None)], strict=True):
        count = moment(until) - moment(begins)
        parts.append(f"{value}x{count - 1}" if value is not None else f"stale _x{count - 1}")
    return " ".join(parts)


def finding(site: str, code: str, severity: str, component: str = "", stale: str = "false") -> str:
    return (
        f'resilience_finding{{site="{site}",code="{code}",severity="{severity}",component="{component}",'
        f'stale="{stale}"}}'
    )


def facts(site: str, *, ends: float, begins: float = 0, assured: float = 1) -> dict[str, str]:
    """What is exported of a site whatever becomes of it."""
    return {
        f'resilience_site_info{{site="{site}",name="The {site}",owner="ops",region="r",lat="",lon=""}}': lasts(
            begins, ends
        ),
        f'resilience_emergency_calling_up{{site="{site}",bound="assured"}}': lasts(begins, ends, assured),
    }


def as_told_by(monitors: Iterable[str], series: Series) -> dict[str, str]:
    """`series` scraped from each of `monitors`."""
    return {
        name.replace("{", f'{{instance="{monitor}",job="resilience",', 1): values
        for monitor in monitors
        for name, values in series.items()
    }


def alert(name: str, **labels: str) -> dict[str, str]:
    return {"alertname": name, **labels}


def check(
    folder: Path,
    series: Series,
    fires: Mapping[float, Iterable[Mapping[str, str]]],
    *,
    by: str = "alertname, code",
    every: int = STEP,
) -> None:
    """Promtool finds that at each moment, in minutes, just these alerts fire, and each of them once.

    The alerts are told by the labels in `by`. The watchdog and what is said of the monitor itself are left out.
    The rules are looked at `every` so many seconds.
    """
    firing = f'count by ({by}) (ALERTS{{alertstate="firing", alertname!~"ResilienceWatchdog|ResilienceMonitorAbsent"}})'
    expected = [
        {"expr": firing, "eval_time": f"{moment(at) * STEP}s", "exp_samples": [_sample(each) for each in alerts]}
        for at, alerts in fires.items()
    ]
    run(folder, series, every=every, promql_expr_test=expected)


def _sample(labels: Mapping[str, str]) -> dict[str, Any]:
    told = ", ".join(f'{name}="{value}"' for name, value in labels.items() if value)
    return {"labels": f"{{{told}}}", "value": 1}


def run(folder: Path, series: Series, *, every: int = STEP, **expected: Any) -> None:
    """`promtool test rules` over the shipped rules."""
    promtool = peers.command("promtool", "prometheus")
    test = {
        "interval": f"{STEP}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        **expected,
    }
    written = {"rule_files": [str(RULES)], "evaluation_interval": f"{every}s", "tests": [test]}
    file = folder / "generated.test.yml"
    file.write_text(json.dumps(written))
    said = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
