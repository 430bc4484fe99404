"""Where files rest in transit: a directory per process, names of our own, room checked first, leftovers reclaimed."""

import errno
import fcntl
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable

SYSTEM = "temporary directory"
_PREFIX = "ferrero-transit-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class Staging:
    """Temporary files of one process; safe to share between its threads."""

    def __init__(self, directory: Path, *, reserve_bytes: int) -> None:
        self._directory = directory
        self._reserve_bytes = reserve_bytes
        self._promised_bytes = 0
        self._lock = threading.Lock()

    @contextmanager
    def room(self, size_bytes: int) -> Iterator[Path]:
        """A path for a file of this size; whatever is there is deleted at the end.

        Raises:
            SystemUnavailable: the disk has no room for it, or ran full meanwhile.
        """
        path = self._directory / uuid.uuid4().hex
        self._promise(size_bytes)
        try:
            yield path
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._no_room(size_bytes) from None
        finally:
            path.unlink(missing_ok=True)
            with self._lock:
                self._promised_bytes -= size_bytes

    def _promise(self, size_bytes: int) -> None:
        with self._lock:
            free_bytes = shutil.disk_usage(self._directory).free
            if free_bytes - self._promised_bytes - self._reserve_bytes < size_bytes:
                raise self._no_room(size_bytes)
            self._promised_bytes += size_bytes

    def _no_room(self, size_bytes: int) -> SystemUnavailable:
        return SystemUnavailable(
            SYSTEM,
            f"{self._directory.parent} has no room for a file of {size_bytes:,} bytes beside the reserve of "
            f"{self._reserve_bytes:,}; free some space or point FERRERO_TEMP_DIR elsewhere.",
        )


@contextmanager
def staging(root: Path | None, *, reserve_bytes: int) -> Iterator[Staging]:
    """A staging directory of this process below `root` (the system's temporary directory if None), removed at the end.

    Directories whose process died are removed first: each living process holds a lock on its own.

    Raises:
        ConfigurationError: `root` is no directory that we may write to.
    """
    parent = root or Path(tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise ConfigurationError(f"FERRERO_TEMP_DIR {parent} cannot be used: {error.strerror}.") from None
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _reclaim(parent)
        try:
            yield Staging(directory, reserve_bytes=reserve_bytes)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _reclaim(parent: Path) -> None:
    for left in parent.glob(_PREFIX + "*"):
        try:
            with (left / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue  # its process lives, or is just making or removing it
