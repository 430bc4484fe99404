"""Where files rest in transit: a directory per process, names of our own, room checked first, leftovers reclaimed."""

import errno
import fcntl
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable
from ferrero_dagster.domain.words import counted

SYSTEM = "temporary directory"
_PREFIX = "ferrero-transit-"
#: Where this is the reason somebody must choose another place; a full disk, say, may be emptied by itself.
_WRONG_PLACE = frozenset(
    {errno.EACCES, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS}
)


class Staging:
    """Temporary files of one process; safe to share between its threads."""

    def __init__(self, directory: Path, *, reserve_bytes: int) -> None:
        self.root = directory.parent
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
            ConfigurationError: it cannot be written to any more.
        """
        path = self._directory / uuid.uuid4().hex
        with _told(self.root):
            self._promise(size_bytes)
            try:
                yield path
            finally:
                # Others wait for the room, also where the file cannot be deleted.
                try:
                    path.unlink(missing_ok=True)
                finally:
                    self._give_back(size_bytes)

    def _give_back(self, size_bytes: int) -> None:
        with self._changed:
            self._promised_bytes -= size_bytes
            self._changed.notify_all()

    def _promise(self, size_bytes: int) -> None:
        with self._changed:
            while self._free_bytes() < size_bytes:
                if not self._promised_bytes:
                    raise SystemUnavailable(
                        SYSTEM,
                        f"FERRERO_TEMP_DIR {self.root} has no room for a file of {counted(size_bytes, 'byte')} beside "
                        f"the reserve of {self._reserve_bytes:,}; free some space or point it elsewhere.",
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
        ConfigurationError: `root` is no directory that we may write to, or cannot lock files.
        SystemUnavailable: it is full or fails.
    """
    with ExitStack() as stack:
        with _told(root):
            parent = root or Path(tempfile.gettempdir())
            directory = _own_directory(parent, stack)
            _reclaim(parent)
        yield Staging(directory, reserve_bytes=reserve_bytes)


def _own_directory(parent: Path, stack: ExitStack) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    lock = stack.enter_context((directory / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise ConfigurationError(
            f"FERRERO_TEMP_DIR {parent} cannot lock files ({error.strerror}), as some network file systems cannot; "
            "point it at a local disk.",
            system=SYSTEM,
        ) from None
    return directory


@contextmanager
def _told(directory: Path | None) -> Iterator[None]:
    """What the disk refuses is the temporary directory's trouble and no file's."""
    try:
        yield
    except OSError as error:
        shown = directory or "(unset: the system's)"
        message = f"FERRERO_TEMP_DIR {shown} cannot be used: {error.strerror or error}."
        if error.errno in _WRONG_PLACE:
            raise ConfigurationError(message, system=SYSTEM) from None
        raise SystemUnavailable(SYSTEM, message) from None


def _reclaim(parent: Path) -> None:
    for left in parent.glob(_PREFIX + "*"):
        try:
            with (left / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue  # its process lives, or is just making or removing it
