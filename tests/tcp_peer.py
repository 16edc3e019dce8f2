"""TCP servers of the tests' own that answer as they are told: for protocols whose real servers are not to be had."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Converse = Callable[[socket.socket], None]


@contextmanager
def serving(converse: Converse, *, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Lets `converse` have every connection in turn, then closes it; gives the port."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                with suppress(OSError), connection:  # the probe has seen enough, or TLS failed as it should
                    if context:
                        with context.wrap_socket(connection, server_side=True) as secured:
                            converse(secured)
                    else:
                        converse(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def until(connection: socket.socket, end: bytes) -> bytes:
    """What came up to and with `end`; b"" where the peer closed before it."""
    held = b""
    while not held.endswith(end):
        if not (piece := connection.recv(1)):
            return b""
        held += piece
    return held
