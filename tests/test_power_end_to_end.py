"""Utility, generator, transfer switch and UPS by their real protocols, from the file to what the plugin says."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import snmp_peer
from modbus_peer import controller
from test_generator import DSE
from test_snmp_ats import RECORDS as SWITCHES

UPS = """\
1.3.6.1.4.1.705.1.5.1.0|2|2594
1.3.6.1.4.1.705.1.5.2.0|2|90
1.3.6.1.4.1.705.1.7.2.1.4.1|2|59
1.3.6.1.4.1.705.1.7.3.0|2|2
"""

SITE = """\
site: hq
name: hq
owner: {{team: t}}
requires: {{power_outage: 2h}}
components:
  utility: {{kind: utility}}
  gen:
    kind: generator
    starts_within: 30s
    fuel: 24h
    probes: [{{type: generator, host: 127.0.0.1, port: {modbus}, profile: dse-8000, battery: 24}}]
  ats:
    kind: ats
    power: [utility, gen]
    probes: [{{type: snmp-ats, host: 127.0.0.1, port: {snmp}, community: {{env: SWITCH}}}}]
  ups:
    kind: ups
    power: [ats]
    probes: [{{type: snmp-ups, host: 127.0.0.1, port: {snmp}, community: {{env: UPS}}}}]
  phones: {{kind: phones, power: [ups]}}
emergency_paths: [{{name: desk, tier: primary, needs: [phones], instructions: dial}}]
"""

HELD = 2594
"""Seconds that the UPS reports."""
FUEL = 0.73 * 24 * 3600
"""Seconds of fuel by the gauge."""


async def told(file: Path, switch: str) -> dict[str, Any]:
    args = (sys.executable, "-m", "resilience", "probe", str(file), "--format", "json")
    environment = {**os.environ, "SWITCH": switch, "UPS": "ups"}
    process = await asyncio.create_subprocess_exec(*args, stdout=asyncio.subprocess.PIPE, env=environment)
    output, _ = await process.communicate()
    answer: dict[str, Any] = json.loads(output)
    return answer


def lasts(answer: dict[str, Any]) -> float:
    """Seconds that 911 survives the loss of the utility."""
    (utility,) = (row for row in answer["survival"] if row["scenario"] == "utility")
    return float(utility["low_seconds"])


def points(answer: dict[str, Any]) -> set[str]:
    return {point["component"] for point in answer["single_points_of_failure"]}


def test_what_a_generator_and_a_switch_say_decides_how_long_911_lasts(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    (records / "ups.snmprec").write_text(UPS)
    for name in ("apc", "apc-switch-fails", "ats2-safe-on-2"):
        (records / f"{name}.snmprec").write_text(SWITCHES[name])
    file = tmp_path / "hq.yaml"

    async def go() -> None:
        with snmp_peer.snmpsim(records, tmp_path / "state", first="apc") as snmp:
            async with controller(DSE) as dse:
                file.write_text(SITE.format(modbus=dse.port, snmp=snmp))
                good = await told(file, "apc")
                assert abs(lasts(good) - FUEL - HELD) < 60
                assert "utility" not in points(good)

                stuck = await told(file, "apc-switch-fails")
                assert abs(lasts(stuck) - HELD) < 60, "it stays on the utility"
                assert "utility" in points(stuck)

                on_generator = await told(file, "ats2-safe-on-2")
                assert abs(lasts(on_generator) - FUEL - HELD) < 60
                assert "gen" in points(on_generator)
                assert "utility" not in points(on_generator)

                dse.set(772, 0)
                in_stop = await told(file, "apc")
                assert abs(lasts(in_stop) - HELD) < 60
                assert "generator_not_auto" in {finding["code"] for finding in in_stop["findings"]}

    asyncio.run(go())
