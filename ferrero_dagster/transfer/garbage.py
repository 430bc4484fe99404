"""Python's search for garbage in cycles, while files move."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: New objects after which Python searches; the metadata of one asset are 10,000.
_OBJECTS = 50_000


@contextmanager
def rarely_searched() -> Iterator[None]:
    """Search rarely, and only among what is made inside.

    Python searches after 700 new objects, now and then through all that Dagster has imported: metadata, which hold no
    cycles, took three times as long to read.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
