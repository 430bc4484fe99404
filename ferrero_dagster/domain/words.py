"""Numbers, sizes and durations as people say them."""

_SECONDS_SAID_IN_MINUTES = 90


def counted(number: int, noun: str, verb: str = "", verbs: str = "") -> str:
    """`1 file` or `2 files`; with verbs `1 file was` or `2 files were`."""
    return (f"{number:,} {noun} {verb}" if number == 1 else f"{number:,} {noun}s {verbs}").rstrip()


def megabytes(size_bytes: float) -> str:
    """`1.5 MB`."""
    return f"{size_bytes / 1e6:,.1f} MB"


def minutes(seconds: float) -> str:
    """`10 min`; a short time in seconds."""
    return f"{seconds / 60:.0f} min" if seconds >= _SECONDS_SAID_IN_MINUTES else f"{seconds:.0f} s"
