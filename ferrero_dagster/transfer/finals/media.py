"""Reads width, height and duration from a media file; one that cannot be read is moved all the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ferrero_dagster.domain.otmm.field_rows import MediaFacts

_READER = "ferrero_dagster.transfer.finals.media_reader"
_TIMEOUT_S = 60
_UNREADABLE = "Its dimensions could not be read."
#: What the reader needs of our environment, which holds secrets that are no business of a file's parser.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_MAX_PX, _MAX_S = 1_000_000, 10_000_000


def media_facts(path: Path, *, reader: str = _READER, timeout_s: float = _TIMEOUT_S) -> tuple[MediaFacts, str | None]:
    """What the file says of itself, as people see it, and a note where it says nothing or is cut off.

    It is read in a process with limits on time and memory: the file is not ours.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    command = [sys.executable, "-m", reader, str(path)]
    try:
        done = subprocess.run(  # noqa: S603  # a module and a name of ours
            command, env=environment, capture_output=True, check=True, timeout=timeout_s
        )
        read = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return MediaFacts(), _UNREADABLE
    return _checked(read) if isinstance(read, dict) else (MediaFacts(), _UNREADABLE)


def _checked(read: dict[str, Any]) -> tuple[MediaFacts, str | None]:
    width, height = (_number(read.get(side), _MAX_PX) for side in ("width", "height"))
    facts = MediaFacts(
        width_px=int(width) if width and height else None,
        height_px=int(height) if width and height else None,
        duration_s=_number(read.get("duration"), _MAX_S),
    )
    if read.get("cut_off") is True:
        return facts, "It seems to be cut off: what it says of its size and duration may be wrong."
    return facts, None if read.get("known") is True and bool(width) == ("width" in read) else _UNREADABLE


def _number(value: object, limit: float) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value <= limit else None
