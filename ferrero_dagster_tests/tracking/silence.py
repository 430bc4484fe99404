"""A place between a client and PostgreSQL that takes connections and, from some moment on, passes nothing on."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Silence(socketserver.ThreadingTCPServer):
    """Passes on until `falls` is set, or until what a client sends holds `at`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.falls = threading.Event()
        self.at = b"never said"
        self._upstream = upstream

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with socket.socket(socket.AF_UNIX) as upstream, suppress(OSError):
            upstream.connect(self._upstream)
            while True:
                for source in select.select([request, upstream], [], [])[0]:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if self.at in data:
                        self.falls.set()
                    if not self.falls.is_set():
                        (upstream if source is request else request).sendall(data)


@contextmanager
def silence(database_url: str) -> Iterator[tuple[Silence, str]]:
    """The proxy, and the database's address through it."""
    directory = database_url.rpartition("=")[2]
    name = database_url.partition("@/")[2].partition("?")[0]
    with Silence(f"{directory}/.s.PGSQL.5432") as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield proxy, f"postgresql://postgres@127.0.0.1:{proxy.server_address[1]}/{name}"
        finally:
            proxy.shutdown()
