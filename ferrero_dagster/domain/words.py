"""Numbers, sizes and durations as people say them."""

_SECONDS_SAID_IN_MINUTES = 90
_KILOBYTE, _MEGABYTE = 999.5, 999_500


def counted(number: int, noun: str, verb: str = "", verbs: str = "") -> str:
    """`1 file` or `2 files`; with verbs `1 file was` or `2 files were`."""
    return (f"{number:,} {noun} {verb}" if number == 1 else f"{number:,} {noun}s {verbs}").rstrip()


def size_in_words(size_bytes: float) -> str:
    """`1.5 MB`, `38 kB` or `7 bytes`."""
    if size_bytes < _KILOBYTE:
        return counted(round(size_bytes), "byte")
    return f"{size_bytes / 1e3:.0f} kB" if size_bytes < _MEGABYTE else f"{size_bytes / 1e6:,.1f} MB"


def minutes(seconds: float) -> str:
    """`10 min`; a short time in seconds."""
    return f"{seconds / 60:.0f} min" if seconds >= _SECONDS_SAID_IN_MINUTES else f"{seconds:.0f} s"
