"""A simulated SIP trunk: a UDP user agent server that answers OPTIONS, and nothing else ever."""

import asyncio
import secrets
from collections.abc import Callable
from typing import cast

from aiosipua.message import SipMessage, SipRequest, SipResponse

PHRASES = {
    200: "OK",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    483: "Too Many Hops",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
}


class SipSimulator:
    """One trunk. Answers 200 until told otherwise."""

    def __init__(self) -> None:
        self._code: int | None = 200
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and returns the UDP port; 0 takes a free one. OSError where it cannot listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Server(self.answer), local_addr=(host, port))
        return int(self._transport.get_extra_info("sockname")[1])

    def respond(self, code: int | None) -> None:
        """Answers with `code` from now on; None is silence."""
        self._code = code

    def answer(self, datagram: bytes, host: str, port: int) -> bytes | None:
        """The response to a datagram from `host`:`port`, or None where there is none to give. Pure."""
        if self._code is None:
            return None
        try:
            request = SipMessage.parse(datagram)
        except ValueError:
            return None
        if not isinstance(request, SipRequest) or request.method != "OPTIONS":
            return None
        response = SipResponse(status_code=self._code, reason_phrase=PHRASES.get(self._code, ""))
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):  # RFC 3261 §8.2.6.2
            for value in request.get_header_values(name):
                response.add_header(name, value)
        if not response.via or not response.get_header("To"):
            return None
        response.set_header("To", f"{response.get_header('To')};tag={secrets.token_hex(4)}")
        top, *others = response.via
        top.received = host
        if "rport" in top.params:  # RFC 3581 §4
            top.rport = str(port)
        response.via = [top, *others]
        response.add_header("Allow", "OPTIONS")
        response.add_header("Server", "simulated trunk")
        return bytes(response)

    async def aclose(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes, str, int], bytes | None]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, datagram: bytes, sender: tuple[str, int]) -> None:
        if response := self._answer(datagram, sender[0], sender[1]):
            self._transport.sendto(response, sender)
