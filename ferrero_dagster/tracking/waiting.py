"""A transaction that does not go on: who holds what it waits for, and an end where the server keeps silent."""

import math
import os
import socket
import threading
import time
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any

import psycopg2
from psycopg2.errors import LockNotAvailable, QueryCanceled
from psycopg2.extensions import connection as Connection  # noqa: N812  # psycopg2 names the class in lower case

from ferrero_dagster.config.database import Patience
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.tracking.storable import read_any_bytes

SYSTEM = "PostgreSQL"
OUT = "PostgreSQL cannot be used at present"
#: The server ends what takes too long; so much later it counts as silent.
_GRACE_S = 2
#: A dead peer is noticed within about a minute; also one that an answer was on its way to, for which the server would
#: try a quarter of an hour, and keep the locks of its transaction.
_KEEPALIVES = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# By function: a pool such as PgBouncer refuses `options`; and which settings there are differs between versions.
_SET = """
SELECT pg_backend_pid(), set_config(name, wanted, false)
FROM pg_settings JOIN unnest(%s, %s) AS ours (known, wanted) ON known = name
"""
# Whoever is first in the queue, where those before us wait, too.
_HOLDERS = """
WITH RECURSIVE queue (pid, place) AS (
    SELECT unnest(pg_blocking_pids(%(pid)s)), 1
    UNION SELECT before, place + 1 FROM queue, unnest(pg_blocking_pids(queue.pid)) AS before WHERE place < 9)
SELECT queue.pid, usename, application_name, xact_start,
       (SELECT string_agg(DISTINCT coalesce(relation::regclass::text, locktype), ' and ')
        FROM pg_locks WHERE pid = %(pid)s AND (NOT granted OR locktype = 'tuple')
            AND locktype <> ALL (ARRAY['transactionid', 'virtualxid'])) AS awaited
FROM queue LEFT JOIN pg_stat_activity a ON a.pid = queue.pid
ORDER BY cardinality(pg_blocking_pids(queue.pid)), xact_start NULLS LAST, 1 LIMIT 1
"""


class TrackingConnection(Connection):
    """A connection that knows its session's process, which a pool's answer at the log-in does not tell."""

    server_pid: int = 0


def connect_arguments(patience: Patience, *, lasts: bool = False) -> dict[str, Any]:
    """What `psycopg2.connect` makes a connection with this patience of, beside the address.

    One that `lasts` is not ended by the server because nothing is asked. Where the server takes us in and then says no
    more, connecting raises SystemUnavailable.
    """
    return {
        "connection_factory": partial(_connection, patience, lasts),
        "connect_timeout": patience.connect_s,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "application_name": patience.shown_as,
        # In that of the server psycopg2 could not even send what it lacks, to be refused.
        "client_encoding": "UTF8",
    }


def _connection(patience: Patience, lasts: bool, address: str, **more: Any) -> TrackingConnection:
    connection = TrackingConnection(address, **more)
    settings = {
        "lock_timeout": _milliseconds(patience.lock_s),
        "statement_timeout": _milliseconds(patience.transaction_s),
        **_KEEPALIVES,
        **({"idle_session_timeout": "0"} if lasts else {}),
    }
    connection.autocommit = True
    with Watch(connection, patience, limit_s=patience.connect_s), connection.cursor() as cursor:
        cursor.execute(_SET, (list(settings), list(settings.values())))
        connection.server_pid = cursor.fetchall()[0][0]
        read_any_bytes(connection)
    connection.autocommit = False
    return connection


class Watch:
    """Looks after work on a connection; inside the context it ends within `limit_s`, or the patience's transaction.

    An error of psycopg2 that means waiting in vain leaves it as `SystemUnavailable`, with whoever held the lock, if
    PostgreSQL told while we waited, from a connection to `database_url`.
    """

    def __init__(
        self,
        connection: TrackingConnection,
        patience: Patience,
        *,
        database_url: str | None = None,
        limit_s: float | None = None,
        step: str = "",
    ) -> None:
        self._patience = patience
        self._url = database_url
        self._limit_s = limit_s or patience.transaction_s
        self._step = f" ({step})" if step else ""
        self._pid = connection.server_pid
        # Of our own, since the connection may be closed, and its number be another's, when we need it.
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._began = time.monotonic()
        self._ends = self._began + self._limit_s + _GRACE_S
        self.due = min(self._began + patience.lock_s / 2, self._ends)
        self._turn = threading.Lock()
        self._is_over = False
        self._is_cut = False
        self._holder = ""

    def __enter__(self) -> "Watch":
        """Begins to watch."""
        _WATCHMAN.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _WATCHMAN.remove(self)
        with self._turn:
            self._is_over = True
            self._socket.close()
        sentence = self._in_vain(error) if isinstance(error, psycopg2.Error) else None
        if sentence:
            raise SystemUnavailable(SYSTEM, f"{OUT}: {sentence}{self._step}.") from None

    def _in_vain(self, error: psycopg2.Error) -> str | None:
        waited_s = time.monotonic() - self._began
        if self._is_cut:
            return f"it has not answered for {waited_s:.0f} s"
        if isinstance(error, LockNotAvailable):
            return f"after {self._patience.lock_s:g} s {self._holder or 'another session still holds what we need'}"
        # Not by its words, which come in the server's language; an administrator may cancel a statement, too.
        if isinstance(error, QueryCanceled) and waited_s >= self._limit_s:
            return f"after {self._limit_s:g} s {self._holder or 'the work was not done'}"
        return None

    def look(self) -> None:
        """What is to be done when it is `due`; that is later from now on."""
        if time.monotonic() >= self._ends:
            self.due = math.inf
            self._cut()
            return
        # Twice within the patience for one lock, whenever in the transaction that begins.
        self.due = min(time.monotonic() + self._patience.lock_s / 2, self._ends)
        if self._url:
            threading.Thread(target=self._ask, args=(self._url,), name="sql holder", daemon=True).start()

    def _cut(self) -> None:
        with self._turn, suppress(OSError):
            if not self._is_over:
                self._is_cut = True
                self._socket.shutdown(socket.SHUT_RDWR)

    def _ask(self, database_url: str) -> None:
        patience = Patience(shown_as=self._patience.shown_as, connect_s=2, lock_s=2, transaction_s=2)
        with (
            suppress(psycopg2.Error, SystemUnavailable),
            closing(psycopg2.connect(database_url, **connect_arguments(patience))) as asking,
            Watch(asking, patience),
            asking.cursor() as cursor,
        ):
            cursor.execute(_HOLDERS, {"pid": self._pid})
            for row in cursor.fetchall():
                self._holder = _held(*row)


class _Watchman:
    """One thread that looks after all transactions of the process: most are over before anybody need look."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        """Look after this one, too."""
        with self._changed:
            self._watches.add(watch)
            # There is none in a process that was forked off, either.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep_watch, name="sql watch", daemon=True)
                self._thread.start()
            elif watch.due < self._wakes_at:
                self._changed.notify()

    def remove(self, watch: Watch) -> None:
        """It is over."""
        with self._changed:
            self._watches.discard(watch)

    def _keep_watch(self) -> None:
        while True:
            for watch in self._due():
                watch.look()

    def _due(self) -> list[Watch]:
        with self._changed:
            self._wakes_at = min((watch.due for watch in self._watches), default=math.inf)
            left_s = self._wakes_at - time.monotonic()
            if left_s > 0:
                self._changed.wait(min(left_s, threading.TIMEOUT_MAX))
            return [watch for watch in self._watches if watch.due <= time.monotonic()]


_WATCHMAN = _Watchman()
# What a thread of the parent held when it forked nobody would give back in the child.
os.register_at_fork(after_in_child=_WATCHMAN.__init__)  # type: ignore[misc]  # begins anew


def _held(pid: int, user: str | None, application: str | None, since: datetime | None, awaited: str | None) -> str:
    """What is waited for and who holds it, never what that session asked, which may be somebody's data."""
    began = f", since {since:%Y-%m-%d %H:%M:%S %Z}" if since else ""
    session = f"{application or 'a session without a name'} (user {user or 'unknown'}, process {pid}{began})"
    return str(one_line(f"{awaited or 'a row'} is still locked by {session if pid else 'a prepared transaction'}"))


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(1000 * seconds)))
