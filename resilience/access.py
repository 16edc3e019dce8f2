"""Who may do what over HTTP: readers by Prometheus' basic authentication where it is configured, writers by token.

Reading is free unless there are users. Writing needs a token of the write role, on loopback too, and no page of
another site may have a browser send it.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import bcrypt
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from resilience.config import Token

READS = ("GET", "HEAD", "OPTIONS")
REMEMBERED = 100
"""Passwords whose check is not repeated: bcrypt takes a tenth of a second by design, and scrapers come often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`tokens` by name; `users` are bcrypt hashes by name, empty where everybody may read."""

    tokens: Mapping[str, Token] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


class Gate:
    """ASGI middleware. Whoever wrote is told to the pages as `request.state.who`."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._known: dict[bytes, bool] = {}
        # Of their own: whoever guesses must not take the threads in which names are resolved for probes.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt(4)).decode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        token = self._token(given) if scheme.lower() == "bearer" else None
        refused = self._refused(scope["method"], headers, token)
        unknown = refused is None and token is None and self._access.users
        if unknown and not (scheme.lower() == "basic" and await self._is_user(given)):
            refused = PlainTextResponse("who are you?\n", 401, {"www-authenticate": 'Basic realm="resilience"'})
        if refused is not None:
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["who"] = token[0] if token else ""
        await self._app(scope, receive, send)

    def _refused(self, method: str, headers: Headers, token: tuple[str, Token] | None) -> PlainTextResponse | None:
        if method in READS:
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
            return PlainTextResponse("a page of another site asks\n", 403)
        if not self._access.tokens:
            return PlainTextResponse("nobody may write: the configuration has no 'access'\n", 403)
        if token is None:
            return PlainTextResponse("a token is wanted\n", 401, {"www-authenticate": "Bearer"})
        if token[1].role != "write":
            return PlainTextResponse(f"{token[0]} may not write\n", 403)
        return None

    def _token(self, given: str) -> tuple[str, Token] | None:
        hashed = hashlib.sha256(given.strip().encode()).hexdigest()
        found = None
        for name, token in self._access.tokens.items():
            if hmac.compare_digest(token.sha256, hashed):
                found = (name, token)
        return found

    async def _is_user(self, given: str) -> bool:
        try:
            name, colon, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        # Of one that is not known a hash is checked too: how long an answer takes tells nobody who is.
        hashed = self._access.users.get(name, self._nobody)
        key = hashlib.sha256(f"{len(name)}:{name}:{password}:{hashed}".encode()).digest()
        if key not in self._known:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, _checked, password, hashed)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = right and colon == ":" and name in self._access.users
        return self._known[key]


def _checked(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:  # longer than bcrypt takes, or a NUL in it
        return False
