"""The connection to the tracking database: a pool of 1-10, transactions that survive a lost connection, locks."""

import math
import re
import select
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg2
from psycopg2.errors import InsufficientPrivilege, ReadOnlySqlTransaction, UndefinedColumn, UndefinedTable
from psycopg2.extensions import parse_dsn
from psycopg2.extras import RealDictCursor
from psycopg2.pool import ThreadedConnectionPool
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from ferrero_dagster.config.database import Patience
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError, SystemUnavailable
from ferrero_dagster.tracking.refusals import refusal
from ferrero_dagster.tracking.storable import lossy_codec, storable
from ferrero_dagster.tracking.waiting import OUT, SYSTEM, TrackingConnection, Watch, connect_arguments

P = ParamSpec("P")
T = TypeVar("T")

MAX_CONNECTIONS = 10
#: What writing down takes at most when the time of a look is over.
_LATE_S = 5
# Serialization failures and deadlocks are OperationalErrors too; a standby that is just being promoted is read-only.
_WORTH_ANOTHER_TRY = (psycopg2.OperationalError, psycopg2.InterfaceError, ReadOnlySqlTransaction)
# A failed connection carries no SQLSTATE, only these words; in another language it is taken for an outage.
_REFUSALS = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|(role|database) .* does not exist"
    r"|permission denied|is not permitted to log in|not currently accepting connections|requires a valid client cert"
    r"|does not support SSL|certificate verify failed|root certificate file|unsupported startup parameter"
)
# What libpq says of an address that it cannot read; an unescaped @ in the password ends up in the host.
_MALFORMED = re.compile(r'^invalid |host name "[^"]*@')


# What a file is called and what its metadata say, for comparison and for its copy, and what other programs read.
_EXACT = re.compile(
    r"\bINSERT INTO (transfers|campaign_status)\b"
    r"|\b(INSERT INTO|UPDATE) (pending_masters|master_assets|derivative_assets)\b"
)


class Cursor(RealDictCursor):
    """Rows are dictionaries by column name. Text that PostgreSQL cannot hold is mended on its way in.

    In a database of another encoding than Unicode, characters that it lacks become `?` in what people read and in
    questions; what is compared or sent on is not changed, and then refused by PostgreSQL itself.
    """

    def execute(self, query: Any, parameters: Any = None) -> None:
        """Run one statement."""
        codec = lossy_codec(self.connection)
        is_exact = codec is not None and _EXACT.search(query if isinstance(query, str) else query.as_string(self))
        super().execute(query, storable(parameters, None if is_exact else codec))


class Database:
    """Runs units of work in transactions. Safe to share between threads, not between processes."""

    def __init__(
        self,
        database_url: str,
        patience: Patience = Patience(),  # noqa: B008  # it is frozen
        deadline: Deadline = NEVER,
    ) -> None:
        """No transaction lasts past the deadline; one that begins late, to write down what was done, has seconds."""
        self._url = database_url
        self._patience = patience
        self._deadline = deadline
        self._pool: ThreadedConnectionPool | None = None
        self._pool_lock = threading.Lock()
        # psycopg2's pool raises when it is exhausted; waiting is what callers want.
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def transact(self, work: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        """Run `work` with a cursor and these arguments in one transaction and return its result.

        It is run again, up to three times in all, when the connection was lost or another transaction was in the way;
        the outcome of a commit may then be unknown, so `work` must be idempotent by key. No argument may be an
        iterator: a second run would find it used up. What took as long as our patience lasts is not run again.

        Raises:
            SystemUnavailable: PostgreSQL cannot be used at present, or somebody held a lock for longer than our
                patience; the sentence says who.
            AccessRefused: it refuses our log-in, or a right that we need.
            ConfigurationError: the address is wrong or leads to a pool that shares connections, or the tables are
                missing.
            RefusedByDatabase: a rule of the database's owner, or its encoding, does not take a row.
        """
        attempts = Retrying(
            retry=retry_if_exception(_is_worth_another_try),
            stop=stop_after_attempt(3) | stop_after_delay(self._patience.connect_s),
            wait=wait_random_exponential(0.1, max=2),
            reraise=True,
        )
        with _in_our_words():
            result: T = attempts(self._once, work, *args, **named)
        return result

    def _once(self, work: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        step = getattr(work, "__name__", "").strip("_<>").replace("_", " ")
        with self._places, self._connection() as connection:
            limit_s = min(self._patience.transaction_s, max(self._deadline.left_s, _LATE_S))
            watch = Watch(connection, self._patience, database_url=self._url, limit_s=limit_s, step=step)
            with watch, connection, _cursor(connection) as cursor:
                return work(cursor, *args, **named)

    @contextmanager
    def _connection(self) -> Iterator[TrackingConnection]:
        pool = self._open_pool()
        connection: TrackingConnection = pool.getconn()  # type: ignore[assignment]  # as its arguments say
        while _is_ended(connection):
            pool.putconn(connection, close=True)
            connection = pool.getconn()  # type: ignore[assignment]
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def _open_pool(self) -> ThreadedConnectionPool:
        with self._pool_lock:
            if self._pool is None:
                # First, since the caller tries it again where it is lost.
                pool = ThreadedConnectionPool(1, MAX_CONNECTIONS, self._url, **connect_arguments(self._patience))
                with ExitStack() as undo:
                    undo.callback(pool.closeall)
                    check_sessions(self._url, self._patience)
                    undo.pop_all()
                # psycopg2 keeps so many open that nobody uses, and would make a new one for each transaction.
                pool.minconn = MAX_CONNECTIONS
                self._pool = pool
            return self._pool

    @contextmanager
    def lock(self, name: str) -> Iterator["HeldLock | None"]:
        """Hold the advisory lock `name` on a connection of its own; yields None where another process holds it.

        Raises:
            FerreroError: as `transact`.
        """
        check_sessions(self._url, self._patience)
        connection = connect(self._url, self._patience, lasts=True)
        try:
            if not _try_lock(connection, self._patience, name):
                yield None
                return
            with HeldLock(connection, self._patience) as lock:
                yield lock
        finally:
            _unlock(connection, self._patience)

    def close(self) -> None:
        """Give all connections back."""
        with self._pool_lock:
            if self._pool is not None:
                self._pool.closeall()
                self._pool = None


class HeldLock:
    """An advisory lock that lives as long as its connection. Safe to share between threads.

    Inside the context something is asked now and then, lest a firewall or pool end a connection that is silent for as
    long as a film is under way.
    """

    def __init__(self, connection: TrackingConnection, patience: Patience) -> None:
        self._connection = connection
        self._patience = patience
        self._turn = threading.Lock()
        self._is_over = threading.Event()
        self._lost: str | None = None
        self._proof_began = -math.inf

    def __enter__(self) -> "HeldLock":
        """Begins to ask."""
        threading.Thread(target=self._keep_alive, name="lock keep-alive", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        # Under way, it ends first: the connection is about to be closed.
        with self._turn:
            self._is_over.set()

    def confirm(self) -> None:
        """Do nothing while the lock is still ours; call it before what must not be done by two.

        Of several threads that ask at once one question of the server serves all.

        Raises:
            SystemUnavailable: the connection was lost, and the lock with it; another process may hold it.
        """
        asked = time.monotonic()
        with self._turn:
            if not self._lost and self._proof_began < asked:
                self._prove()
            if self._lost:
                raise SystemUnavailable(SYSTEM, self._lost)

    def _prove(self) -> None:
        """Once lost it stays lost: another process may have had it meanwhile."""
        reason = "it does not hold it any more"
        self._proof_began = time.monotonic()
        try:
            if _holds_a_lock(self._connection, self._patience):
                return
        except SystemUnavailable as error:
            reason = str(error).removeprefix(f"{OUT}: ").rstrip(".")
        self._lost = f"{OUT}: the connection that holds our lock was lost ({reason}); the next run goes on from here."

    def _keep_alive(self) -> None:
        while not self._lost and not self._is_over.wait(self._patience.lock_check_s):
            with suppress(FerreroError), self._turn:
                if not self._is_over.is_set():
                    self._prove()


def connect(database_url: str, patience: Patience, *, lasts: bool = False) -> TrackingConnection:
    """A connection of the caller's own; one that `lasts` is not ended by the server because nothing is asked.

    Raises:
        FerreroError: as `Database.transact`.
    """
    with _in_our_words():
        connection: TrackingConnection = psycopg2.connect(database_url, **connect_arguments(patience, lasts=lasts))
    return connection


#: Addresses that were found to be right, once in the life of a process.
_PROVEN: set[str] = set()


def check_sessions(database_url: str, patience: Patience) -> None:
    """Prove that a lock belongs to the connection that took it, which a pool in transaction mode breaks.

    Raises:
        ConfigurationError: it does not: two runs would move the same campaign, or none would ever again.
        FerreroError: as `Database.transact`.
    """
    if database_url in _PROVEN:
        return
    name = f"ferrero:probe:{uuid.uuid4().hex}"
    with _probing(database_url, patience) as one, _probing(database_url, patience) as another:
        is_kept = _try_lock(one, patience, name) and all(_holds_a_lock(one, patience) for _ in range(3))
        if not is_kept or _try_lock(another, patience, name) or not _holds_a_lock(one, patience):
            raise ConfigurationError(
                "FERRERO_DATABASE_URL leads to a pool that shares connections (PgBouncer in transaction mode or "
                "alike), where locks are lost; let it lead to PostgreSQL itself or to a pool in session mode.",
                system=SYSTEM,
            )
    _PROVEN.add(database_url)


@contextmanager
def _probing(database_url: str, patience: Patience) -> Iterator[TrackingConnection]:
    connection = connect(database_url, patience)
    try:
        yield connection
    finally:
        _unlock(connection, patience)


@contextmanager
def _asking(connection: TrackingConnection, patience: Patience) -> Iterator[Cursor]:
    """For one question that needs no other session's lock."""
    with _in_our_words(), Watch(connection, patience, limit_s=patience.connect_s), _cursor(connection) as cursor:
        yield cursor


def _holds_a_lock(connection: TrackingConnection, patience: Patience) -> bool:
    with _asking(connection, patience) as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        return cursor.rowcount > 0


def shown_address(database_url: str) -> str:
    """Which database on which server, without user and password."""
    try:
        parts = parse_dsn(database_url)
    except psycopg2.ProgrammingError:
        return "an address that cannot be read"
    return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def in_our_words(error: psycopg2.Error) -> FerreroError | None:
    """The error as people read it; None for one that is our own mistake."""
    if refused := refusal(error):
        return refused
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # A host with several addresses is told in as many lines.
    reason = next(filter(_REFUSALS.search, lines), lines[0])
    if isinstance(error, UndefinedTable | UndefinedColumn):
        return ConfigurationError(
            "The tracking database has no tables yet, or old ones; run `ferrero-dagster db upgrade`."
        )
    if error.pgcode is None and _MALFORMED.search(reason):
        # The reason may quote the address, with its password.
        return ConfigurationError(
            "FERRERO_DATABASE_URL is not an address; expected postgresql://user:password@host:port/name."
        )
    if isinstance(error, InsufficientPrivilege) or (error.pgcode is None and _REFUSALS.search(reason)):
        return AccessRefused(
            SYSTEM, f"PostgreSQL refuses us: {reason}; check FERRERO_DATABASE_URL and its user's rights."
        )
    if isinstance(error, _WORTH_ANOTHER_TRY):
        return SystemUnavailable(SYSTEM, f"{OUT}: {reason}")
    return None


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        translated = in_our_words(error)
        if translated is None:
            raise
        raise translated from None


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, _WORTH_ANOTHER_TRY) and isinstance(in_our_words(error), SystemUnavailable)


def _is_ended(connection: TrackingConnection) -> bool:
    """Whether the server has said something to a connection that nobody uses: that it is over, as after a restart."""
    if connection.closed:
        return True
    said = select.poll()
    said.register(connection.fileno(), select.POLLIN)
    return bool(said.poll(0))


def _cursor(connection: TrackingConnection) -> Cursor:
    return connection.cursor(cursor_factory=Cursor)


def _try_lock(connection: TrackingConnection, patience: Patience, name: str) -> bool:
    connection.autocommit = True
    with _asking(connection, patience) as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS got", (name,))
        return bool(cursor.fetchall()[0]["got"])


def _unlock(connection: TrackingConnection, patience: Patience) -> None:
    # Closing alone would do it too, but only when the server has seen it: the next to ask may be faster.
    with suppress(psycopg2.Error, FerreroError), _asking(connection, patience) as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
    connection.close()
