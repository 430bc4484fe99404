"""Files of zeros need no disk, so that the stand-ins can hold films of any size."""

from typing import BinaryIO


def write_with_holes(file: BinaryIO, data: bytes) -> None:
    """Write, but leave out zeros; whoever has written all truncates the file to its size."""
    if data.count(0) == len(data):
        file.seek(len(data), 1)
    else:
        file.write(data)
