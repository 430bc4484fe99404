"""A server that says exactly the bytes it is told to, over TCP or TLS: what no well-behaved framework would send."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Wire:
    """Where the server is, what it says and how, and what each connection sent."""

    port: int
    answer: tuple[bytes, ...]
    pause_s: float
    tls: ssl.SSLContext | None
    first: bool
    lingers: bool
    asked: list[bytes] = field(default_factory=list)

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    self._talk(self.tls.wrap_socket(connection, server_side=True) if self.tls else connection)

    def _talk(self, stream: socket.socket) -> None:
        with stream:
            if not self.first:
                self.asked.append(_request(stream))
            for piece in self.answer:
                stream.sendall(piece)
                time.sleep(self.pause_s)
            if self.lingers:
                stream.recv(1)


def _request(stream: socket.socket) -> bytes:
    """All that a client sends: closed with bytes unread, its connection would be reset and our answer be lost."""
    sent = stream.recv(65536)
    head, _, body = sent.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]) and (more := stream.recv(65536)):
        sent, body = sent + more, body + more
    return sent


@contextmanager
def answering(
    *answer: bytes,
    pause_s: float = 0,
    tls: ssl.SSLContext | None = None,
    first: bool = False,
    lingers: bool = False,
) -> Iterator[Wire]:
    """Every connection is answered by these pieces, with a pause after each, and then closed.

    The server waits for a request unless it talks `first`. One that `lingers` closes when the next request begins.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener.getsockname()[1], answer, pause_s, tls, first, lingers)
        thread = threading.Thread(target=wire.serve, args=(listener,), daemon=True)
        thread.start()
        yield wire
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def ok(body: bytes, *headers: str, content_type: str = "application/octet-stream") -> bytes:
    """A whole answer with status 200; without a Content-Length among the headers its end is the connection's."""
    head = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body
