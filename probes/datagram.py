"""A question by UDP, by the declared way out, sent again until an answer to it comes.

The socket is connected: the kernel hands over nothing but what the asked address and port sent, and their refusal.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from probes.asking import NotAsked, opened
from probes.declared.targets import Targets
from probes.targets import Address, leave_by

T = TypeVar("T")

LONGEST = 65_535


async def exchange(
    family: socket.AddressFamily,
    address: Address,
    settings: Targets,
    question: bytes,
    *,
    accepted: Callable[[bytes], T | None],
    waits: Sequence[float],
) -> tuple[T, float]:
    """The first answer that `accepted` makes something of, and the seconds since the question was first sent.

    It is sent once for each of `waits`, seconds to wait each time; TimeoutError after the last. Datagrams that
    `accepted` gives None for are passed over: a late answer to another question ends nothing. Raises NotAsked,
    OSError where the host refuses, and what `accepted` raises.
    """
    loop = asyncio.get_running_loop()
    with opened(family, socket.SOCK_DGRAM) as sock:
        try:
            leave_by(sock, settings.source, settings.interface)
            sock.connect(address)
        except OSError as error:
            raise NotAsked(error) from None
        began = loop.time()
        for wait in waits:
            _send(sock, question)
            try:
                async with asyncio.timeout(wait):
                    return await _heard(sock, accepted), loop.time() - began
            except TimeoutError:
                continue
    raise TimeoutError


def _send(sock: socket.socket, question: bytes) -> None:
    try:
        sock.send(question)
    except ConnectionRefusedError:
        raise
    except OSError as error:
        raise NotAsked(error) from None


async def _heard(sock: socket.socket, accepted: Callable[[bytes], T | None]) -> T:
    loop = asyncio.get_running_loop()
    while True:
        answer = accepted(await loop.sock_recv(sock, LONGEST))
        if answer is not None:
            return answer
        await asyncio.sleep(0)  # a flood of strays leaves the loop to others, and the timeout its chance
