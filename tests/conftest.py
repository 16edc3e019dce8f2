"""Fixtures that more than one test module uses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from resilience.model import Secret
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading

Probe = Callable[..., Reading]


@pytest.fixture
def run_probe() -> Probe:
    """Runs a probe type once, as the monitor would: `run_probe(TYPE, timeout=5, **settings)`."""

    def run(probe_type: ProbeType, *, timeout: float = 5, retries: int = 1, **settings: Any) -> Reading:
        async def once() -> Reading:
            channels = Channels()
            try:
                return await probe_type.probe(
                    probe_type.settings(**settings), Run(timeout, retries, channels, lambda secret: secret.name)
                )
            finally:
                await channels.aclose()

        awaitable: Awaitable[Reading] = once()
        return asyncio.run(awaitable)  # type: ignore[arg-type]

    return run


def clear(text: str) -> Secret:
    """A secret for tests: its text is its name."""
    return Secret("clear", text)
