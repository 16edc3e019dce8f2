"""Fixtures that more than one test module uses."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from resilience.model import Secret
from resilience.probing import Channels, ProbeType, Run
from resilience.reading import Reading

Probe = Callable[..., Reading]

# Where a test names no database the commands keep nothing: not in the place of whoever runs the tests.
os.environ["RESILIENCE_DATABASE"] = "none"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With CI=true a skipped test has failed: what CI does not run, nobody has seen run."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


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
