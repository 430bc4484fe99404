"""A place between a client and PostgreSQL from which its COMMITs can be watched and their answers be lost."""

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class _Proxy(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    before: Callable[[], None]
    is_lost: Callable[[], bool]
    upstream: str

    def finish_request(self, request, client_address):
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.upstream)
            while True:
                for source in select.select([request, upstream], [], [])[0]:
                    data = source.recv(1 << 16)
                    is_commit = source is request and b"COMMIT" in data
                    if is_commit:
                        self.before()
                    (upstream if source is request else request).sendall(data)
                    if is_commit and self.is_lost():
                        upstream.recv(1 << 16)
                        return
                    if not data:
                        return

    def handle_error(self, request, client_address):
        """The client was killed, or its connection was reset by that."""


@contextmanager
def commits_watched(
    database_url: str,
    directory: Path,
    *,
    before: Callable[[], None] = lambda: None,
    is_lost: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """The database's address through the proxy.

    `before` is called before each COMMIT is passed on; where `is_lost` then says so, PostgreSQL has committed, and the
    client loses its connection instead of hearing of it.
    """
    place = database_url.rpartition("=")[2]
    directory.mkdir()
    with _Proxy(f"{directory}/.s.PGSQL.5432", socketserver.BaseRequestHandler) as proxy:
        proxy.before, proxy.is_lost, proxy.upstream = before, is_lost, f"{place}/.s.PGSQL.5432"
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield database_url.replace(place, str(directory))
        finally:
            proxy.shutdown()
