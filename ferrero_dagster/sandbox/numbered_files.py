"""Files `000001`, `000002`, … in a directory: what a stand-in received, in order, also after a restart."""

import itertools
from pathlib import Path


class NumberedFiles:
    """The files of one suffix; safe to use from any thread of one process."""

    def __init__(self, directory: Path, suffix: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._suffix = suffix
        self._numbers = itertools.count(1 + max((int(path.stem) for path in self.paths()), default=0))

    def paths(self) -> list[Path]:
        """Every file, oldest first."""
        return sorted(self._directory.glob(f"*{self._suffix}"))

    def add(self, content: bytes) -> None:
        """Write the next file, which is seen whole or not at all."""
        path = self._directory / f"{next(self._numbers):06}{self._suffix}"
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(content)
        unfinished.rename(path)
