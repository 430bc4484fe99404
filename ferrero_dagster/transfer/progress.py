"""How far a run has come, in one line: files, bytes, rate."""

import threading
import time

from ferrero_dagster.domain.words import size_in_words


class Progress:
    """Counts files and bytes; safe to share between threads."""

    def __init__(self, total_files: int) -> None:
        self._total_files = total_files
        self._files = 0
        self._down_bytes = 0
        self._up_bytes = 0
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def downloaded(self, size_bytes: int) -> None:
        """So many more bytes have arrived."""
        with self._lock:
            self._down_bytes += size_bytes

    def uploaded(self, size_bytes: int) -> None:
        """So many more bytes have left."""
        with self._lock:
            self._up_bytes += size_bytes

    def finished_file(self) -> None:
        """One more file is done, well or not."""
        with self._lock:
            self._files += 1

    def __str__(self) -> str:
        elapsed_s = max(0.001, time.monotonic() - self._began)
        with self._lock:
            return (
                f"{self._files} of {self._total_files} files done, {size_in_words(self._down_bytes)} downloaded, "
                f"{size_in_words(self._up_bytes)} uploaded, "
                f"{size_in_words((self._down_bytes + self._up_bytes) / elapsed_s)}/s"
            )
