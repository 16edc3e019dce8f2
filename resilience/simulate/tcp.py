"""A simulated host behind a line: a TCP port that answers while the line is good and refuses while it is cut."""

import asyncio


class PortSimulator:
    """One port. `cut` and `restore` change what a connection meets."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._address = ("127.0.0.1", 0)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and returns the port; 0 takes a free one. OSError where it cannot listen."""
        self._server = await asyncio.start_server(_hang_up, host, port)
        self._address = (host, int(self._server.sockets[0].getsockname()[1]))
        return self._address[1]

    async def cut(self) -> None:
        await self.aclose()

    async def restore(self) -> None:
        if self._server is None:
            await self.start(*self._address)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()
