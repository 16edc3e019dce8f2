"""A TCP connection, by the declared way out, and TLS on it."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probes.asking import NotAsked, opened
from probes.declared.targets import Targets
from probes.targets import Address, leave_by

# linux/in.h; in Python's socket module from 3.12 on
_IP_BIND_ADDRESS_NO_PORT = 24


async def connect(family: socket.AddressFamily, address: Address, settings: Targets) -> socket.socket:
    """A connected socket, the caller's to close. Raises NotAsked where the connection could not even be asked for,
    OSError with the network's answer."""
    sock = opened(family, socket.SOCK_STREAM)
    try:
        answer = _begin(sock, address, settings)
        if answer == errno.EINPROGRESS:
            answer = await _answer(sock)
        if answer:
            raise OSError(answer, os.strerror(answer))
    except BaseException:
        sock.close()
        raise
    return sock


def _begin(sock: socket.socket, address: Address, settings: Targets) -> int:
    try:
        if sock.family == socket.AF_INET:
            # Else a source address has its few ports once for all destinations, TIME_WAIT included.
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        leave_by(sock, settings.source, settings.interface)
        answer = sock.connect_ex(address)
        # Loopback refuses at once; anything else that is said at once is our own fault.
        if answer not in (0, errno.EINPROGRESS, errno.ECONNREFUSED):
            raise OSError(answer, os.strerror(answer))
    except OSError as error:
        raise NotAsked(error) from None
    return answer


async def _answer(sock: socket.socket) -> int:
    loop, settled = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(sock, settled.set)
    try:
        await settled.wait()
    finally:
        loop.remove_writer(sock)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


@asynccontextmanager
async def conversation(
    family: socket.AddressFamily,
    address: Address,
    settings: Targets,
    *,
    context: ssl.SSLContext | None = None,
    name: str = "",
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that is aborted when the block ends; over TLS where there is a `context`, for the name `name`."""
    sock = await connect(family, address, settings)
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname=name if context else None
        )
    except BaseException:
        sock.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
