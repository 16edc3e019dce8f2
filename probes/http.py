"""The `http` probe: whether a web server gives the expected answer by the declared way.

Whatever else answers (a captive portal, a filter, a login page) is told from the server by what is expected; an
answer that is not the expected one is as bad as none. No proxy of the environment is used, and no credentials are
sent. The protocol is in `probes.http_exchange`.
"""

import asyncio
import socket
import ssl
import time
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from probes import trust
from probes.asking import ask_each
from probes.declared.http import Http
from probes.http_exchange import Answer, Exchange, NotHttp, converse
from probes.stream import conversation
from probes.targets import Address, Unresolved, resolve, wanted_family
from resilience.probing import Run
from resilience.reading import Observation, Reading, Reason, State, failure

MOST_BODY = 65_536
"""Bytes of an answer that are read; what is expected stands among them."""
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}


class Astray(Exception):
    """A redirect leads where it is not followed; the message says where."""


def next_place(settings: Http, name: str, port: int, answer: Answer) -> tuple[str, Http]:
    """Host name and settings of the place that a redirect leads to. Raises Astray where it is not to be followed."""
    here = f"http{'s' * settings.tls}://{_bracketed(name)}:{port}{settings.path}"
    written = answer.header(b"location")
    try:
        url = urlsplit(urljoin(here, written))
        host, to = url.hostname or "", url.port or PORTS[url.scheme]
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        path.encode("ascii")
        if not host or any(not "!" <= char <= "~" for char in host + path):
            raise ValueError
    except (ValueError, KeyError):
        raise Astray(f"a redirect to {written[:80]!a}, which is no place") from None
    if settings.follow == "no" or (settings.follow == "host" and host != name.lower()):
        raise Astray(f"a redirect to {_bracketed(host)}, which is not followed")
    if settings.tls and url.scheme == "http":
        raise Astray("a redirect out of TLS, which is not followed")
    return host, replace(settings, tls=url.scheme == "https", port=to, path=path)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def judge(settings: Http, where: str, answer: Answer) -> str:
    """Why the answer is not the expected one; empty where it is."""
    good = answer.status in settings.status if settings.status else 200 <= answer.status < 300
    if not good:
        return f"{where}: answers with the status {answer.status}"
    if settings.expect and settings.expect.encode() not in answer.body:
        return f"{where}: answers {answer.status} without the expected text: something else may answer in its place"
    return ""


async def probe(settings: Http, run: Run) -> Reading:
    try:
        context = trust.client_context(settings.verify, settings.ca)
    except OSError as error:
        return failure(Reason.CONFIG, f"{settings.ca}: {error.strerror or error}")
    first_port = settings.port or PORTS["https" if settings.tls else "http"]

    async def ask(target: str, family: socket.AddressFamily, address: Address, until: float) -> Reading:
        where = f"{target} port {first_port}"
        began = asyncio.get_running_loop().time()
        name, place, seen = settings.server_name or target, replace(settings, port=first_port), {}
        try:
            for _ in range(MOST_REDIRECTS + 1):
                answer, expires = await _answer(place, name, family, address, context if place.tls else None)
                if expires is not None:
                    seen[f"{name}:{place.port}"] = expires
                if answer.status not in REDIRECTS or answer.status in settings.status:
                    return _told(settings, target, answer, asyncio.get_running_loop().time() - began, seen)
                host, place = next_place(place, name, place.port, answer)
                if host != name.lower() or place.port != address[1]:
                    asked = host if host != name.lower() else target
                    family, address = await resolve(asked, place.port, wanted_family(settings), until)
                name = host if host != name.lower() else name
            raise Astray(f"more than {MOST_REDIRECTS} redirects")
        except Astray as astray:
            return failure(Reason.DEVICE, f"{where}: answers with {astray}", says=State.DOWN)
        except NotHttp as wrong:
            return failure(Reason.PROTOCOL, f"{where}: {wrong}", says=State.DOWN)
        except Unresolved as error:
            return failure(Reason.RESOLVE, f"{where}: it redirects to {error}")

    return await ask_each(settings, first_port, run, ask)


def _told(settings: Http, target: str, answer: Answer, seconds: float, certificates: dict[str, float]) -> Reading:
    where = f"{target} port {settings.port or PORTS['https' if settings.tls else 'http']}"
    seen = [Observation("response_seconds", seconds, "s", "HTTP", target)]
    weak = [f"it answered after {seconds:.1f} s"] if seconds * 1000 > settings.slow else []
    for of, expires in certificates.items():
        seen.append(Observation("tls_certificate_expiry_timestamp_seconds", expires, "s", "notAfter of the leaf", of))
        if soon := trust.days_left(expires, time.time(), trust.WARNING):
            weak.append(soon)
    if bad := judge(settings, where, answer):
        return Reading(State.DOWN, Reason.DEVICE, bad, tuple(seen))
    text = f"{where}: {', '.join(weak)}" if weak else ""
    return Reading(State.DEGRADED if weak else State.UP, None, text, tuple(seen))


async def _answer(
    settings: Http, name: str, family: socket.AddressFamily, address: Address, context: ssl.SSLContext | None
) -> tuple[Answer, float | None]:
    """The answer of one server, and when its certificate ends (seconds since 1970, None without TLS)."""
    usual = settings.port == PORTS["https" if context else "http"]
    host = _bracketed(name) if usual else f"{_bracketed(name)}:{settings.port}"
    exchange = Exchange(settings.method, settings.path, host, most=MOST_BODY)
    async with conversation(family, address, settings, context=context, name=name) as (reader, writer):
        expires = trust.presented(writer) if context else None
        return await converse(exchange, reader, writer), expires
