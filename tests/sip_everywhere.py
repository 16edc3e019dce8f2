"""A SIP trunk at every address of a machine at once: 127.0.0.0/8 is sixteen million of them."""

import asyncio
import socket

from resilience.simulate.sip import SipSimulator

_IP_PKTINFO = 8  # linux/in.h; in Python's socket module from 3.14 on


class SipEverywhere(SipSimulator):
    """Answers from the address that was asked, as a server on many addresses must."""

    _socket: socket.socket | None = None

    async def start(self, host: str = "0.0.0.0", port: int = 0) -> int:  # that is the point
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._socket.bind((host, port))
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)
        return int(self._socket.getsockname()[1])

    def _readable(self, sock: socket.socket) -> None:
        datagram, ancillary, _, sender = sock.recvmsg(65_535, 256)
        if (answer := self.answer(datagram, *sender)) is not None:
            asked = [(level, kind, value) for level, kind, value in ancillary if kind == _IP_PKTINFO]
            sock.sendmsg([answer], asked, 0, sender)

    async def aclose(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
