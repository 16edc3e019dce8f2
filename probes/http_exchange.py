"""One HTTP/1.1 request and its answer: bytes to values by h11, on streams that somebody else opened.

Nothing of the answer is quoted in an error: it may hold what nobody should read.
"""

import asyncio
from dataclasses import dataclass

import h11

AGENT = "site-resilience-monitor"


class NotHttp(Exception):
    """The answer is not whole HTTP; the message says how, without quoting it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""
    body: bytes
    """Not more than `most` bytes of it."""

    def header(self, name: bytes) -> str:
        """The first header of that name; empty where there is none."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")


class Exchange:
    """`question` goes out; what comes back is fed until there is an Answer. At `most` bytes a body ends here."""

    def __init__(self, method: str, target: str, host: str, *, most: int, json: bytes = b"") -> None:
        self._wire = h11.Connection(h11.CLIENT)
        self._most = most
        self._response: h11.Response | None = None
        self._body = bytearray()
        head = [("Host", host), ("User-Agent", AGENT), ("Accept-Encoding", "identity"), ("Connection", "close")]
        content = [("Content-Type", "application/json"), ("Content-Length", str(len(json)))] if json else []
        request = h11.Request(method=method, target=target, headers=[*head, *content])
        events = (request, *([h11.Data(data=json)] if json else []), h11.EndOfMessage())
        self.question = b"".join(self._wire.send(event) or b"" for event in events)

    def feed(self, received: bytes) -> Answer | None:
        """The answer, when `received` is its last part or its body is long enough; b"" is the end of the stream."""
        try:
            self._wire.receive_data(received)
            while (event := self._wire.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    self._response = event
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) >= self._most:
                        return self._answer()
                elif isinstance(event, h11.EndOfMessage):
                    return self._answer()
                elif not isinstance(event, h11.InformationalResponse):
                    raise NotHttp("the connection was closed without an answer")
        except h11.RemoteProtocolError:  # its text quotes the answer
            ended = "the connection was closed in the middle of an answer"
            raise NotHttp("an answer that is not HTTP" if received else ended) from None
        return None

    def _answer(self) -> Answer:
        if self._response is None:
            raise NotHttp("the end of an answer that never began")
        headers = tuple(self._response.headers)
        return Answer(self._response.status_code, headers, bytes(self._body[: self._most]))


async def converse(exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    """The answer to `exchange` on a connection; raises NotHttp and OSError. The caller bounds the time."""
    writer.write(exchange.question)
    while (answer := exchange.feed(await reader.read(65_536))) is None:
        pass
    return answer
