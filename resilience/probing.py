"""The one protocol every probe keeps, and what a running probe may touch.

A probe is one async function over the typed settings of its type. It gets a `Run`, returns a `Reading`
and lets no exception escape that it could have told as a failure. Parsing is pure and lives beside it.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast

from resilience.fields import Field
from resilience.model import Secret
from resilience.reading import Reading


class Closable(Protocol):
    async def aclose(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Channels:
    """What probes keep open between readings: an ICMP socket a source, an SNMP engine a source, limiters.

    One for each monitor; `aclose` closes all. Opening is cheap and synchronous or done once by the caller.
    """

    def __init__(self) -> None:
        self._open: dict[Hashable, Closable] = {}
        self._stack = AsyncExitStack()

    def get(self, key: Hashable, opener: Callable[[], C]) -> C:
        """The channel of `key`, opened by `opener` at first use; what `opener` raises is the caller's."""
        channel = self._open.get(key)
        if channel is None:
            channel = self._open[key] = opener()
            self._stack.push_async_callback(channel.aclose)
        return cast(C, channel)

    async def aclose(self) -> None:
        self._open.clear()
        await self._stack.aclose()


class SecretMissing(Exception):
    """A secret cannot be read; the message names where it was looked for, never its text."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one execution of a probe is given. `timeout` in seconds bounds the whole execution."""

    timeout: float
    retries: int
    channels: Channels
    secret: Callable[[Secret], str]
    """The text of a secret; raises SecretMissing."""


ProbeFunction = Callable[[Any, Run], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Later:
    """The probe function `reference` (`module:name`), imported when it is first wanted.

    What a file may say of a probe is known without the code that talks to devices, and without its libraries.
    """

    reference: str

    def load(self) -> ProbeFunction:
        module, _, name = self.reference.partition(":")
        return cast(ProbeFunction, getattr(import_module(module), name))

    async def __call__(self, settings: Any, run: Run) -> Reading:
        return await self.load()(settings, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeType:
    """One line of the registry. Times in ms; `fields` are the keys beside those every probe has."""

    name: str
    settings: Callable[..., object]
    """A frozen, hashable dataclass whose parameters are the names in `fields` (`-` written `_`)."""
    fields: Mapping[str, Field[Any]]
    probe: ProbeFunction
    interval: int = 60_000
    timeout: int = 5_000
    confirm: int = 10_000
    retries: int = 1
    fall: int = 2
    rise: int = 2
    check: Callable[[Any], str | None] = lambda settings: None
    """A rule over the whole settings: a message for the file's author, or None."""
    proves: bool = True
    """Whether a good answer proves that the component works. A certificate that is good for another year proves
    nothing of the trunk tonight: such a probe counts only where it has something bad to tell."""
