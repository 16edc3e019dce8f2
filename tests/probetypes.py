"""Probe types for tests of the reader: the keys of the real ones, and nothing behind them."""

from dataclasses import dataclass
from typing import Any

from resilience.fields import address, choice, flag, host, integer, list_of, port, required, secret, text
from resilience.model import Secret
from resilience.probing import ProbeType, Run
from resilience.reading import Reading, State


async def up(settings: Any, run: Run) -> Reading:
    return Reading(State.UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Icmp:
    host: str = ""
    hosts: tuple[str, ...] = ()
    source: str = ""
    interface: str = ""
    count: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    host: str
    port: int
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nut:
    host: str
    ups: str
    port: int = 3493
    user: str = ""
    password: Secret | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpUps:
    host: str
    port: int = 161
    version: str = "2c"
    community: Secret | None = None
    user: str = ""
    auth: Secret | None = None
    auth_protocol: str = "SHA"
    priv: Secret | None = None
    priv_protocol: str = "AES"
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SipOptions:
    uri: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kamailio:
    host: str
    port: int = 8080
    registration: str = ""


def one_kind_of_host(settings: Icmp) -> str | None:
    return None if bool(settings.host) != bool(settings.hosts) else "wants 'host' or 'hosts'"


TYPES = {
    probe_type.name: probe_type
    for probe_type in (
        ProbeType(
            name="icmp",
            settings=Icmp,
            fields={
                "host": host(),
                "hosts": list_of(host(), least=1),
                "source": address(),
                "interface": text(),
                "count": integer(1, 20),
            },
            probe=up,
            interval=30_000,
            timeout=2_000,
            confirm=5_000,
            retries=0,
            fall=3,
            rise=3,
            check=one_kind_of_host,
        ),
        ProbeType(
            name="tcp",
            settings=Tcp,
            fields={"host": required(host()), "port": required(port()), "source": address()},
            probe=up,
        ),
        ProbeType(
            name="nut",
            settings=Nut,
            fields={
                "host": required(host()),
                "port": port(),
                "ups": required(text()),
                "user": text(),
                "password": secret(),
                "tls": flag(),
            },
            probe=up,
        ),
        ProbeType(
            name="snmp-ups",
            settings=SnmpUps,
            fields={
                "host": required(host()),
                "port": port(),
                "version": choice("1", "2c", "3"),
                "community": secret(),
                "user": text(),
                "auth": secret(),
                "auth_protocol": choice("MD5", "SHA", "SHA256"),
                "priv": secret(),
                "priv_protocol": choice("DES", "AES"),
                "family": text(),
            },
            probe=up,
        ),
        ProbeType(
            name="sip-options",
            settings=SipOptions,
            fields={"uri": required(text()), "source": address()},
            probe=up,
            timeout=8_000,
            confirm=15_000,
            fall=3,
        ),
        ProbeType(
            name="kamailio",
            settings=Kamailio,
            fields={"host": required(host()), "port": port(), "registration": text()},
            probe=up,
        ),
    )
}
