"""Modbus TCP controllers for the tests: pymodbus's own server over registers, and scripted peers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

import peers


class Controller:
    """A running server: its port, the function codes it was asked with, and its holding registers, which may change."""

    def __init__(self, port: int, holding: Mapping[int, int]) -> None:
        self.port = port
        self.asked: list[int] = []
        self.connections = 0
        self._holding = dict(holding)

    def set(self, register: int, value: int) -> None:
        self._holding[register] = value

    async def answer(self, function: int, start: int, address: int, count: int, *rest: Any) -> None:
        """pymodbus asks before it answers; `rest` begins with the registers from `start` on."""
        self.asked.append(function)
        if function == 3:
            for asked in range(address, address + count):
                rest[0][asked - start] = self._holding[asked]

    def connected(self, opened: bool) -> None:
        self.connections += opened


def _block(values: Mapping[int, int], kind: DataType) -> list[SimData]:
    """A server's list must not be empty; nobody asks for the last address."""
    return [SimData(address, values=value, datatype=kind) for address, value in {65535: 0, **values}.items()]


@asynccontextmanager
async def controller(
    holding: Mapping[int, int],
    *,
    inputs: Mapping[int, int] | None = None,
    coils: Mapping[int, bool] | None = None,
    discrete: Mapping[int, bool] | None = None,
    unit: int = 1,
) -> AsyncIterator[Controller]:
    """pymodbus's server on loopback with these holding (3) and input (4) registers, coils (1) and inputs (2)."""
    running = Controller(peers.free_port(), holding)
    device = SimDevice(
        unit,
        (
            _block(coils or {}, DataType.BITS),
            _block(discrete or {}, DataType.BITS),
            _block(holding, DataType.REGISTERS),
            _block(inputs or {}, DataType.REGISTERS),
        ),
        action=running.answer,
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", running.port), trace_connect=running.connected)
    await server.serve_forever(background=True)
    try:
        yield running
    finally:
        await server.shutdown()


Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets one question as it came, header and all."""


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[int]:
    """A peer that treats every question by `script`; gives its port."""
    held: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            held.add(task)
        try:
            while header := await reader.readexactly(7):
                body = await reader.readexactly(int.from_bytes(header[4:6]) - 1)
                await script(header + body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
