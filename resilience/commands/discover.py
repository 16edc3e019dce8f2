"""The command that asks devices what could be watched: discover."""

import asyncio
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import click
from click.exceptions import Exit

from resilience import fields
from resilience.commands.common import INVALID, Format, app, counted, flag
from resilience.commands.signatures import Argument
from resilience.duration import parse_duration
from resilience.faults import Invalid, Report
from resilience.model import Secret
from resilience.secrets import secrets_from
from resilience.yamltree import Mark, Scalar

if TYPE_CHECKING:
    from probes.discovery import Found, Look

MOST_HOSTS = 64
AT_ONCE = 4
"""Hosts asked at once; each is asked one question after the other."""


@app.declare()
def discover(
    hosts: Annotated[list[str], Argument("HOST…", "Names or addresses. Ranges and networks are refused.")],
    *,
    community: Annotated[str, flag("--community", "env:NAME or file:NAME of the SNMP community.")] = "",
    shape: Annotated[Format, flag("--format", "text or json.")] = Format.TEXT,
    timeout: Annotated[str, flag("--timeout", "How long one question may take.")] = "3s",
    nut_port: Annotated[int, flag("--nut-port", "TCP port of upsd.", min=1, max=65535)] = 3493,
    snmp_port: Annotated[int, flag("--snmp-port", "UDP port of SNMP agents.", min=1, max=65535)] = 161,
    sip_port: Annotated[int, flag("--sip-port", "Port of SIP over UDP and TCP.", min=1, max=65535)] = 5060,
) -> None:
    """Ask devices, reading only, and print components and probes to paste into a site file."""
    from probes.discovery import Asking, look_at  # noqa: PLC0415  # what talks to devices

    asked = [_host(host) for host in dict.fromkeys(hosts)]
    if len(asked) > MOST_HOSTS:
        raise click.BadParameter(f"{len(asked)} hosts are more than the {MOST_HOSTS} that are asked at once")
    asking = Asking(
        secret=secrets_from(os.environ),
        community=_secret(community) if community else None,
        patience=_seconds(timeout),
        nut_port=nut_port,
        snmp_port=snmp_port,
        sip_port=sip_port,
    )

    async def all_of_them() -> "list[Look]":
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(host: str) -> "Look":
            async with slots:
                return await look_at(host, asking)

        return list(await asyncio.gather(*map(one, asked)))

    looks = asyncio.Runner().run(all_of_them())
    named = names(looks)
    click.echo(json.dumps(as_json(looks, named), indent=1) if shape is Format.JSON else as_text(looks, named))
    if not any(look.found for look in looks):
        raise Exit(INVALID)


def _host(text: str) -> str:
    digits = re.fullmatch(r"[0-9.-]+", text)  # an address, or a range that would pass for a name
    wanted = fields.address() if digits else fields.host()
    try:
        return wanted.read(Scalar(text, Mark("HOST", 1, 1)), "HOST", Report())
    except Invalid:
        raise click.BadParameter(f"'{text}' is not the name or address of one host") from None


def _secret(text: str) -> Secret:
    source, found, name = text.partition(":")
    if not found or source not in ("env", "file") or not name:
        raise click.BadParameter("--community is env:NAME or file:NAME, so that it stands in no history of commands")
    return Secret(source, name)


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text) / 1000
    except ValueError as error:
        raise click.BadParameter(f"--timeout: {error}") from None
    if not 0.1 <= seconds <= 60:
        raise click.BadParameter("--timeout is from 100ms to 60s")
    return seconds


# ---- what is printed ----

Names = Mapping[int, str]
"""By `id` of what was found."""


def names(looks: "list[Look]") -> Names:
    """A component's name for each thing: of its kind and of what it or its host is called, none twice."""
    taken: set[str] = set()
    named: dict[int, str] = {}
    for look in looks:
        for thing in look.found:
            short = {"sip-trunk": "trunk", "fallback-line": "line"}.get(thing.kind, thing.kind)
            base = f"{short}-{_slug(thing.name or look.host)}"
            if base in taken and thing.name:
                base = f"{base}-{_slug(look.host)}"
            name, number = base, 2
            while name in taken:
                name, number = f"{base}-{number}", number + 1
            taken.add(name)
            named[id(thing)] = name
    return named


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "device"


def as_json(looks: "list[Look]", named: Names) -> dict[str, object]:
    return {
        "hosts": [
            {
                "host": look.host,
                "device": look.device,
                "found": [
                    {"component": named[id(it)], "kind": it.kind, "probe": it.probe, "says": it.says}
                    for it in look.found
                ],
                "interfaces": look.interfaces,
                "nothing": [{"by": nothing.by, "why": nothing.why} for nothing in look.nothing],
            }
            for look in looks
        ]
    }


def as_text(looks: "list[Look]", named: Names) -> str:
    return "\n".join(_lines(looks, named))


def _lines(looks: "list[Look]", named: Names) -> Iterator[str]:
    things = [thing for look in looks for thing in look.found]
    yield f"# {counted(len(things), 'thing')} to watch at {counted(len(looks), 'host')}. Nothing was changed anywhere."
    if things:
        yield "components:"
    if any(thing.kind in ("ups", "ats") for thing in things):
        yield "  utility: {kind: utility}  # assumed: what feeds a device is not to be seen from here"
    for look in looks:
        yield f"  # {look.host}{f': {look.device}' if look.device else ''}"
        for thing in look.found:
            yield from _component(thing, named[id(thing)])
        for interface in look.interfaces:
            yield f"  # also: {flow(interface)}"
        for nothing in look.nothing:
            yield f"  # {nothing.by}: {nothing.why}"


def _component(thing: "Found", name: str) -> Iterator[str]:
    yield f"  {name}:{f'  # {thing.says}' if thing.says else ''}"
    yield f"    kind: {thing.kind}"
    if thing.kind in ("ups", "ats"):
        yield "    power: [utility]"
    yield f"    probes: [{flow(thing.probe)}]"


def flow(value: object) -> str:
    """`value` in YAML's flow style; whatever a device called itself is quoted where it is more than a plain word."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(entry)}" for key, entry in value.items()) + "}"
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._/ -]*[A-Za-z0-9._/-])?", text)
    return text if plain else json.dumps(text, ensure_ascii=False)
