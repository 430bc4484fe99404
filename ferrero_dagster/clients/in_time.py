"""Requests that end at a deadline, however their answer trickles in: socket timeouts begin anew with every byte."""

import contextlib
import math
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.domain.errors import OutOfTime


@contextmanager
def in_time(system: str, what: str, deadline: Deadline) -> Iterator[None]:
    """A request to `system`; `what` says in the words of operators what is tried.

    Raises:
        OutOfTime: it cannot begin any more, or the deadline has cut it.
    """
    if deadline.is_over:
        raise OutOfTime(system, f"{what}: not asked any more, the time of this look is over.")
    cut = OutOfTime(system, f"{what}: {system} had not answered when the time of this look was over.")
    try:
        yield
    except Exception:
        if deadline.is_over:
            raise cut from None
        raise
    if deadline.is_over:  # what was cut may look like an answer that has ended
        raise cut


class Connections:
    """Sockets, or what has one as `sock`, to be cut at the deadline; where there is none, nothing is watched."""

    def __init__(self, deadline: Deadline) -> None:
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        self._timer: threading.Timer | None = None
        if deadline.ends_at_s < math.inf:
            self._timer = threading.Timer(deadline.left_s, self._cut)
            self._timer.daemon = True
            self._timer.start()

    def add(self, connection: Any) -> None:
        """Cut this one, too."""
        self._open.add(connection)

    def watch(self, adapter: BaseAdapter) -> None:
        """Cut all connections that the adapter will open, also through a proxy."""
        if not self._timer or not isinstance(adapter, HTTPAdapter):
            return
        pools = _watched_pools(self.add)
        adapter.poolmanager.pool_classes_by_scheme = pools
        make_proxy_manager = adapter.proxy_manager_for

        def proxy_manager_for(*args: Any, **options: Any) -> Any:
            manager = make_proxy_manager(*args, **options)
            manager.pool_classes_by_scheme = pools
            return manager

        adapter.proxy_manager_for = proxy_manager_for  # type: ignore[method-assign]

    def _cut(self) -> None:
        for connection in list(self._open):
            stream = getattr(connection, "sock", connection)
            if stream:
                # What offers a client certificate wraps its socket.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(getattr(stream, "socket", stream), socket.SHUT_RDWR)

    def close(self) -> None:
        """Watch no longer."""
        if self._timer:
            self._timer.cancel()


def _watched_pools(on_connecting: Callable[[Any], None]) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            on_connecting(self)  # while TLS begins, too
            super().connect()
            on_connecting(self.sock)  # which the connection forgets where the server closes after its answer

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            on_connecting(self)  # while TLS begins, too
            super().connect()
            on_connecting(self.sock)  # which the connection forgets where the server closes after its answer

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
