"""What answers at a host: asks it by NUT, SNMP and SIP OPTIONS what a site file could watch there.

What may live here: which questions are asked of a host of which nothing is known, in what order and how many, and
what each answer would be in a file. One question at a time, reading only, and only the host that was named.
"""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from probes import sip_options, snmp_ats, snmp_ups, upsd
from probes.declared.sip_options import SipOptions
from probes.declared.sip_uri import parse_uri
from probes.declared.snmp import Access
from probes.declared.snmp_ats import Ats
from probes.declared.snmp_ups import Settings as UpsSettings
from probes.if_mib import DESCR, NAME
from probes.snmp import Session, SnmpFailure, Value, open_session
from probes.snmp_cellular import MODEMS
from probes.snmp_line import LINES
from probes.snmp_rows import Row, shown
from probes.snmp_search import Makes, search
from resilience.model import Secret
from resilience.probing import Channels, Run, SecretMissing
from resilience.reading import Reading, Reason

SYSTEM = {"sysDescr": "1.3.6.1.2.1.1.1.0", "sysName": "1.3.6.1.2.1.1.5.0"}
MOST_THINGS = 64
"""Rows of one table, or UPSes of one upsd, that are told."""
LONGEST_LIST = 64 * 1024
"""Bytes of a LIST UPS."""

Keys = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that a file could watch: `probe` has the keys of its probe, `says` what it told just now."""

    name: str
    kind: str
    probe: Keys
    says: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """What did not answer, and why."""

    by: str
    why: str


@dataclass(slots=True)
class Look:
    """What one host showed. `device` is what it calls itself."""

    host: str
    device: str = ""
    found: list[Found] = field(default_factory=list)
    interfaces: list[Keys] = field(default_factory=list)
    nothing: list[Nothing] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How hosts are asked. `patience` in s is for one question, `whole` for all of one host."""

    secret: Callable[[Secret], str]
    community: Secret | None = None
    nut_port: int = 3493
    snmp_port: int = 161
    sip_port: int = 5060
    patience: float = 3.0
    whole: float = 45.0


async def look_at(host: str, asking: Asking) -> Look:
    """All that `host` shows; never raises for what a host does."""
    look = Look(host)
    channels = Channels()
    run = Run(asking.patience, 1, channels, asking.secret)
    try:
        async with asyncio.timeout(asking.whole):
            await _nut(look, asking)
            await _snmp(look, asking, run)
            await _sip(look, asking, run)
    except TimeoutError:
        look.nothing.append(Nothing("the rest", f"not asked: this host took {asking.whole:g} s already"))
    finally:
        await channels.aclose()
    return look


# ---- NUT ----

_UPS = re.compile(r'UPS ([^ "]+) "((?:[^"\\]|\\.)*)"')


def listed(answer: str) -> Iterator[tuple[str, str]]:
    """Name and description of each UPS in upsd's answer to LIST UPS; names that a file could not say are left out."""
    for line in answer.splitlines():
        if match := _UPS.fullmatch(line):
            try:
                upsd.list_variables(match[1])
            except upsd.Unsendable:
                continue
            yield match[1], shown(re.sub(r"\\(.)", r"\1", match[2]))


async def _nut(look: Look, asking: Asking) -> None:
    writer = None
    try:
        async with asyncio.timeout(asking.patience):
            reader, writer = await asyncio.open_connection(look.host, asking.nut_port, limit=LONGEST_LIST)
            writer.write(b"LIST UPS\n")
            answer = (await reader.readuntil(b"END LIST UPS\n")).decode(errors="replace")
            writer.write(upsd.LOGOUT.wire)
    except TimeoutError:
        look.nothing.append(Nothing("NUT", f"no answer on port {asking.nut_port}"))
        return
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        look.nothing.append(Nothing("NUT", f"what listens on port {asking.nut_port} lists no UPS"))
        return
    except socket.gaierror as error:
        look.nothing.append(Nothing("NUT", f"the name does not resolve: {error.strerror}"))
        return
    except OSError as error:
        look.nothing.append(Nothing("NUT", f"port {asking.nut_port}: {os.strerror(error.errno or errno.EIO)}"))
        return
    finally:
        if writer is not None:
            writer.transport.abort()
    port = {} if asking.nut_port == 3493 else {"port": asking.nut_port}
    for name, described in list(listed(answer))[:MOST_THINGS]:
        keys = {"type": "nut", "host": look.host, **port, "ups": name}
        look.found.append(Found(name=name, kind="ups", probe=keys, says=described))


# ---- SNMP ----


async def _snmp(look: Look, asking: Asking, run: Run) -> None:
    if asking.community is None:
        look.nothing.append(Nothing("SNMP", "not asked: no community is given"))
        return
    where = {"host": look.host, "port": asking.snmp_port, "community": asking.community}
    try:
        session = await open_session(Access(**where), run)  # type: ignore[arg-type]
        system = await session.get([*SYSTEM.values()])
    except (SnmpFailure, SecretMissing) as silent:
        look.nothing.append(Nothing("SNMP", str(silent)))
        return
    look.device = shown(system.get(SYSTEM["sysDescr"], "")) or shown(system.get(SYSTEM["sysName"], ""))
    keys: dict[str, object] = {"host": look.host}
    if asking.snmp_port != 161:
        keys["port"] = asking.snmp_port
    keys["community"] = {asking.community.source: asking.community.name}
    ups = await snmp_ups.probe(UpsSettings(**where), run)  # type: ignore[arg-type]
    if _offers(ups):
        look.found.append(Found(name="", kind="ups", probe={"type": "snmp-ups", **keys}, says=_now(ups)))
    ats = await snmp_ats.probe(Ats(**where), run)  # type: ignore[arg-type]
    if _offers(ats):
        look.found.append(Found(name="", kind="ats", probe={"type": "snmp-ats", **keys}, says=_now(ats)))
    for row in await _rows(where, MODEMS, run):
        named = {"modem": str(row)}
        look.found.append(Found(name=str(row), kind="cellular", probe={"type": "snmp-cellular", **keys, **named}))
    line_keys = {"udp-port" if key == "port" else key: value for key, value in keys.items()}
    for row in await _rows(where, LINES, run):
        named = {"port": str(row)}
        look.found.append(Found(name=str(row), kind="fallback-line", probe={"type": "snmp-line", **line_keys, **named}))
    for name in await _interfaces(where, run):
        look.interfaces.append({"type": "snmp-interface", **keys, "if-name": name})


def _offers(reading: Reading) -> bool:
    return reading.reason in (None, Reason.DEVICE)


def _now(reading: Reading) -> str:
    return f"{reading.state} now" + (f": {reading.text[:80]}" if reading.text else "")


async def _session(where: Keys, run: Run) -> Session:
    return await open_session(Access(**where), run)  # type: ignore[arg-type]


async def _rows(where: Keys, makes: Makes, run: Run) -> list[Row]:
    """Rows of what `makes` reads; none where the device has none of it, or falls silent."""
    try:
        family, rows = await search(await _session(where, run), makes, "")
    except SnmpFailure:
        return []
    # A Peplink's table is of all its WANs, and its cellular ones are told by their names alone.
    if family.joined:
        rows = [row for row in rows if re.search(r"cell|lte|5g|mobile|sim", str(row), re.IGNORECASE)]
    return rows[:MOST_THINGS]


async def _interfaces(where: Keys, run: Run) -> list[str]:
    try:
        session = await _session(where, run)
        found: Mapping[str, Value] = await session.walk(NAME, MOST_THINGS) or await session.walk(DESCR, MOST_THINGS)
    except SnmpFailure:
        return []
    return list(dict.fromkeys(name for value in found.values() if (name := shown(value))))


# ---- SIP ----


async def _sip(look: Look, asking: Asking, run: Run) -> None:
    host = f"[{look.host}]" if ":" in look.host else look.host
    port = "" if asking.sip_port == 5060 else f":{asking.sip_port}"
    for transport in ("udp", "tcp"):
        uri = f"sip:{host}{port};transport={transport}"
        try:
            reading = await sip_options.probe(SipOptions(uri=parse_uri(uri)), run)
        except ValueError as error:
            look.nothing.append(Nothing("SIP", str(error)))
            return
        if any(seen.quantity == "trunk_response_code" for seen in reading.observations):
            probe = {"type": "sip-options", "uri": uri}
            look.found.append(Found(name="", kind="sip-trunk", probe=probe, says=_now(reading)))
            return
    look.nothing.append(Nothing("SIP", f"no answer to OPTIONS on port {asking.sip_port} over UDP and TCP"))
