"""The connection to the tracking database: a pool of 1-10, transactions that survive a lost connection, locks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2.errors import DeadlockDetected, SerializationFailure, UndefinedTable
from psycopg2.extensions import connection as Connection  # noqa: N812  # psycopg2 names the class in lower case
from psycopg2.extras import RealDictCursor
from psycopg2.pool import ThreadedConnectionPool
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable

T = TypeVar("T")
Cursor = RealDictCursor
"""Rows are dictionaries by column name."""

MAX_CONNECTIONS = 10
#: A dead peer is noticed within about a minute.
_CONNECT_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    "application_name": "ferrero_dagster",
}  # fmt: skip
_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
_WORTH_ANOTHER_TRY = (*_LOST, SerializationFailure, DeadlockDetected)


class Database:
    """Runs units of work in transactions. Safe to share between threads, not between processes."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._pool: ThreadedConnectionPool | None = None
        self._pool_lock = threading.Lock()
        # psycopg2's pool raises when it is exhausted; waiting is what callers want.
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def transact(self, work: Callable[[Cursor], T]) -> T:
        """Run `work` in one transaction and return its result.

        It is run again, up to three times in all, when the connection was lost or another transaction was in the way;
        the outcome of a commit may then be unknown, so `work` must be idempotent by key.

        Raises:
            SystemUnavailable: PostgreSQL cannot be reached.
            ConfigurationError: the tables are missing.
        """
        attempts = Retrying(
            retry=retry_if_exception_type(_WORTH_ANOTHER_TRY),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(0.1, max=2),
            reraise=True,
        )
        try:
            result: T = attempts(self._once, work)
        except UndefinedTable:
            raise ConfigurationError(
                "The tracking database has no tables yet, or old ones; run `ferrero-dagster db upgrade`."
            ) from None
        except _WORTH_ANOTHER_TRY as error:
            raise _unavailable(error) from None
        return result

    def _once(self, work: Callable[[Cursor], T]) -> T:
        with self._places, self._connection() as connection, connection, _cursor(connection) as cursor:
            return work(cursor)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        pool = self._open_pool()
        connection = pool.getconn()
        try:
            yield connection
        finally:
            pool.putconn(connection, close=bool(connection.closed))

    def _open_pool(self) -> ThreadedConnectionPool:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadedConnectionPool(1, MAX_CONNECTIONS, self._url, **_CONNECT_OPTIONS)
            return self._pool

    @contextmanager
    def lock(self, name: str) -> Iterator["HeldLock | None"]:
        """Hold the advisory lock `name` on a connection of its own; yields None where another process holds it."""
        connection = self._connect()
        try:
            with _cursor(connection) as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS got", (name,))
                row = cursor.fetchone()
            yield HeldLock(connection, name) if row and row["got"] else None
        finally:
            connection.close()

    def is_locked(self, name: str) -> bool:
        """Whether some process holds the advisory lock `name` now."""
        with self.lock(name) as held:
            return held is None

    def _connect(self) -> Connection:
        try:
            connection: Connection = psycopg2.connect(self._url, **_CONNECT_OPTIONS)
        except _LOST as error:
            raise _unavailable(error) from None
        connection.autocommit = True
        return connection

    def close(self) -> None:
        """Give all connections back."""
        with self._pool_lock:
            if self._pool is not None:
                self._pool.closeall()
                self._pool = None


class HeldLock:
    """An advisory lock that lives as long as its connection."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    def confirm(self) -> None:
        """Do nothing while the lock is still ours; call it before what must not be done by two.

        Raises:
            SystemUnavailable: the connection was lost, and the lock with it; another process may hold it.
        """
        try:
            with _cursor(self._connection) as cursor:
                cursor.execute("SELECT 1")
        except _LOST as error:
            raise _unavailable(error) from None


def _cursor(connection: Connection) -> Cursor:
    return connection.cursor(cursor_factory=RealDictCursor)


def _unavailable(error: Exception) -> SystemUnavailable:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return SystemUnavailable("PostgreSQL", f"PostgreSQL cannot be reached: {reason}")
