"""A pool in transaction mode on loopback, as PgBouncer is: one connection to PostgreSQL for all its clients."""

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SECURITY_REQUESTS = {80877103, 80877104}  # SSLRequest, GSSENCRequest
_READY, _TERMINATE, _IDLE = b"Z", b"X", b"I"


class _Pool(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, socket_path: str) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._upstream = socket.socket(socket.AF_UNIX)
        self._upstream.connect(socket_path)
        self._welcome = b""
        self._transaction = threading.Lock()

    def server_close(self) -> None:
        super().server_close()
        self._upstream.close()

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        startup = _startup(request)
        with self._transaction:
            if not self._welcome:
                self._upstream.sendall(startup)
                self._welcome, _ = self._until_ready()
        request.sendall(self._welcome)
        while self._pass_on_a_transaction(request):
            continue

    def _pass_on_a_transaction(self, client: socket.socket) -> bool:
        message = _message(client)
        with self._transaction:
            while message[:1] not in {b"", _TERMINATE}:
                self._upstream.sendall(message)
                answer, state = self._until_ready()
                client.sendall(answer)
                if state == _IDLE:
                    return True
                message = _message(client)
        return False

    def _until_ready(self) -> tuple[bytes, bytes]:
        answer = message = b""
        while message[:1] != _READY:
            message = _message(self._upstream)
            answer += message
        return answer, message[-1:]


def _startup(client: socket.socket) -> bytes:
    while True:
        head = _exactly(client, 8)
        length, code = struct.unpack("!II", head)
        if code not in _SECURITY_REQUESTS:
            return head + _exactly(client, length - 8)
        client.sendall(b"N")


def _message(stream: socket.socket) -> bytes:
    head = _exactly(stream, 5)
    return head + _exactly(stream, struct.unpack("!I", head[1:])[0] - 4) if head else b""


def _exactly(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := stream.recv(size - len(data))):
        data += more
    return data


@contextmanager
def pooled(database_url: str) -> Iterator[str]:
    """The database's address through the pool."""
    directory = database_url.rpartition("=")[2]
    name = database_url.partition("@/")[2].partition("?")[0]
    with _Pool(f"{directory}/.s.PGSQL.5432") as pool:
        threading.Thread(target=pool.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield f"postgresql://postgres@127.0.0.1:{pool.server_address[1]}/{name}"
        finally:
            pool.shutdown()
