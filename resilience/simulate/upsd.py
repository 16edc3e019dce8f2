"""A upsd that is told what its UPSs say, for demonstrations and drills without hardware.

Answers what a monitor asks: VER, NETVER, LIST UPS, LIST VAR, GET VAR, USERNAME, PASSWORD, LOGOUT. Everything
else is refused with the token upsd has for it. Written from NUT docs/net-protocol.txt, apart from the probe, so that
a mistake in one is not repeated in the other.
"""

import asyncio
import shlex
from collections.abc import Iterable


class UpsdSimulator:
    """One upsd. `ups` maps the name of each UPS to its variables; `set` and `fail` take effect with the next answer."""

    def __init__(self, ups: dict[str, dict[str, str]]) -> None:
        self._ups = {name: dict(variables) for name, variables in ups.items()}
        self._failing: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens; the port it is on, where 0 asked for a free one."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def set(self, ups: str, variable: str, value: str) -> None:
        self._ups[ups][variable] = value

    def fail(self, ups: str, token: str | None) -> None:
        """From now on `ups` is answered `ERR token`, such as DATA-STALE; None ends that."""
        if token is None:
            self._failing.pop(ups, None)
        else:
            self._failing[ups] = token

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            for client in self._clients:
                client.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                lines = self._answer(line.decode("latin-1"))
                writer.write("".join(f"{answer}\n" for answer in lines).encode())
                await writer.drain()
                if lines == [_GOODBYE]:
                    break
        except (ConnectionError, ValueError):  # ValueError: a line longer than the stream's limit
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    def _answer(self, line: str) -> list[str]:
        try:
            words = shlex.split(line)
        except ValueError:
            words = []
        match words:
            case ["VER"]:
                return ["Network UPS Tools upsd, simulated"]
            case ["NETVER" | "PROTVER"]:
                return ["1.3"]
            case ["USERNAME" | "PASSWORD", _]:
                return ["OK"]
            case ["LOGOUT"]:
                return [_GOODBYE]
            case ["STARTTLS"]:
                return ["ERR FEATURE-NOT-CONFIGURED"]
            case ["LIST", "UPS"]:
                return _listed("UPS", (f'UPS {name} "simulated"' for name in self._ups))
            case ["LIST", "VAR", ups]:
                return [self._refusal(ups)] if self._refusal(ups) else _listed(f"VAR {ups}", self._variables(ups))
            case ["GET", "VAR", ups, variable]:
                return [self._refusal(ups) or self._variable(ups, variable)]
            case ["LIST" | "GET" | "USERNAME" | "PASSWORD", *_]:
                return ["ERR INVALID-ARGUMENT"]
            case _:
                return ["ERR UNKNOWN-COMMAND"]

    def _refusal(self, ups: str) -> str:
        if ups not in self._ups:
            return "ERR UNKNOWN-UPS"
        return f"ERR {self._failing[ups]}" if ups in self._failing else ""

    def _variables(self, ups: str) -> Iterable[str]:
        return (self._variable(ups, variable) for variable in sorted(self._ups[ups]))

    def _variable(self, ups: str, variable: str) -> str:
        if variable not in self._ups[ups]:
            return "ERR VAR-NOT-SUPPORTED"
        value = self._ups[ups][variable].replace("\\", "\\\\").replace('"', '\\"')
        return f'VAR {ups} {variable} "{value}"'


_GOODBYE = "OK Goodbye"


def _listed(what: str, lines: Iterable[str]) -> list[str]:
    return [f"BEGIN LIST {what}", *lines, f"END LIST {what}"]
