"""The devices of the three demonstration sites, and the site files that declare them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from resilience.probing import Closable
from resilience.simulate.sip import SipSimulator
from resilience.simulate.snmp import SnmpAgentSimulator
from resilience.simulate.tcp import PortSimulator
from resilience.simulate.upsd import UpsdSimulator

SITES = ("well-built", "shared-conduit", "command-post")
PACE = "interval: 2s, timeout: 900ms, confirm: 1s, rise: 1, fall: 2"
COMMUNITY = "demo"
MINUTE = 60


def battery(runtime: float, *, on_battery: bool = False) -> dict[str, str]:
    """The variables of a UPS as upsd tells them; `runtime` in seconds."""
    return {
        "ups.status": "OB DISCHRG" if on_battery else "OL",
        "battery.runtime": f"{runtime:.0f}",
        "battery.charge": "100",
        "ups.load": "31",
        "device.type": "ups",
    }


def rfc1628(minutes: int) -> dict[str, int | str]:
    """UPS-MIB (RFC 1628): battery normal, output from the line."""
    return {
        "1.3.6.1.2.1.1.2.0": "1.3.6.1.2.1.33",
        "1.3.6.1.2.1.33.1.2.1.0": 2,
        "1.3.6.1.2.1.33.1.2.3.0": minutes,
        "1.3.6.1.2.1.33.1.2.4.0": 100,
        "1.3.6.1.2.1.33.1.4.1.0": 3,
        "1.3.6.1.2.1.33.1.4.4.1.5.1": 35,
        "1.3.6.1.2.1.33.1.6.1.0": 0,
    }


@dataclass
class Devices:
    """Every simulated device of the three sites."""

    upsd: UpsdSimulator = field(
        default_factory=lambda: UpsdSimulator({"hospital-a": battery(45 * MINUTE), "hillside": battery(23 * MINUTE)})
    )
    snmp: SnmpAgentSimulator = field(default_factory=lambda: SnmpAgentSimulator(rfc1628(45), COMMUNITY))
    trunks: dict[str, SipSimulator] = field(
        default_factory=lambda: {
            name: SipSimulator() for name in ("mercy_sbc_a", "mercy_sbc_b", "hill_sbc_1", "hill_sbc_2", "fair_sbc")
        }
    )
    lines: dict[str, PortSimulator] = field(
        default_factory=lambda: {
            name: PortSimulator() for name in ("mercy_a", "mercy_b", "hill_a", "hill_b", "fair_modem")
        }
    )

    async def start(self) -> dict[str, int]:
        """Every device's port by the name that the site templates use."""
        hosts = {
            "mercy_a": "127.11.0.1",
            "mercy_b": "127.11.0.2",
            "hill_a": "127.12.0.1",
            "hill_b": "127.12.0.2",
            "fair_modem": "127.13.0.1",
        }
        ports = {"upsd": await self.upsd.start(), "snmp": await self.snmp.start()}
        ports |= {name: await trunk.start() for name, trunk in self.trunks.items()}
        return ports | {name: await line.start(hosts[name]) for name, line in self.lines.items()}

    async def aclose(self) -> None:
        devices: list[Closable] = [self.upsd, self.snmp, *self.trunks.values(), *self.lines.values()]
        for device in devices:
            await device.aclose()

    async def utility_fails(self) -> None:
        for variable, value in battery(23 * MINUTE, on_battery=True).items():
            self.upsd.set("hillside", variable, value)

    async def trunk_answers(self, trunk: str, code: int) -> None:
        self.trunks[trunk].respond(code)

    async def cellular_lost(self) -> None:
        """The modem and what is reached through it."""
        await self.lines["fair_modem"].cut()
        self.trunks["fair_sbc"].respond(None)

    async def all_back(self) -> None:
        """ISP A and the utility, with a battery that has given some of its charge."""
        await self.lines["hill_a"].restore()
        for variable, value in battery(22 * MINUTE).items():
            self.upsd.set("hillside", variable, value)


def write_sites(folder: Path, ports: Mapping[str, int], *, icmp: bool) -> None:
    """The three site files, with the ports of the devices; without `icmp` they are probed by TCP alone."""
    templates = Environment(  # noqa: S701  # YAML of our own ports, not a page
        loader=PackageLoader("resilience", "templates"), undefined=StrictUndefined
    )

    def ping(host: str) -> str:
        return f"{{type: icmp, host: {host}, {PACE}}}, " if icmp else ""

    for site in SITES:
        text = templates.get_template(f"demo-{site}.yaml.j2").render(**ports, pace=PACE, ping=ping)
        (folder / f"{site}.yaml").write_text(text, encoding="utf-8")
