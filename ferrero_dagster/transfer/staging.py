"""Where files rest in transit: a directory per process, names of our own, room checked first, leftovers reclaimed."""

import fcntl
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable
from ferrero_dagster.domain.words import counted

SYSTEM = "temporary directory"
_PREFIX = "ferrero-transit-"


class Staging:
    """Temporary files of one process; safe to share between its threads."""

    def __init__(self, directory: Path, *, reserve_bytes: int) -> None:
        self._directory = directory
        self._reserve_bytes = reserve_bytes
        self._promised_bytes = 0
        self._changed = threading.Condition()

    @contextmanager
    def room(self, size_bytes: int) -> Iterator[Path]:
        """A path for a file of this size; whatever is there is deleted at the end.

        Waits while other files in transit take the room.

        Raises:
            SystemUnavailable: the disk has no room even for this file alone, ran full meanwhile, or failed.
        """
        path = self._directory / uuid.uuid4().hex
        try:
            self._promise(size_bytes)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
                with self._changed:
                    self._promised_bytes -= size_bytes
                    self._changed.notify_all()
        except OSError as error:
            raise SystemUnavailable(
                SYSTEM, f"{self._directory.parent} (FERRERO_TEMP_DIR) cannot be used: {error.strerror or error}."
            ) from None

    def _promise(self, size_bytes: int) -> None:
        with self._changed:
            while self._free_bytes() < size_bytes:
                if not self._promised_bytes:
                    raise SystemUnavailable(
                        SYSTEM,
                        f"{self._directory.parent} has no room for a file of {counted(size_bytes, 'byte')} beside the "
                        f"reserve of {self._reserve_bytes:,}; free some space or point FERRERO_TEMP_DIR elsewhere.",
                    )
                self._changed.wait()
            self._promised_bytes += size_bytes

    def _free_bytes(self) -> int:
        # Bytes already on disk are counted twice (usage and promise); that errs towards waiting.
        return shutil.disk_usage(self._directory).free - self._promised_bytes - self._reserve_bytes


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
