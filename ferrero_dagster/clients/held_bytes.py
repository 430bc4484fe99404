"""How much content all files on their way may hold in memory at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class HeldBytes:
    """Room that is taken and given back; safe to share between threads.

    Who waits for room holds what a thread of its own gives back, or nothing: so nobody waits for ever.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    def take(self, size_bytes: int) -> None:
        """Wait until there is room, in turn; what is larger than all room waits until nothing else is held."""
        # Nobody who needs less overtakes: large ones would wait as long as there are small ones.
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._held_bytes or self._held_bytes + size_bytes <= self._most_bytes)
            self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """What was taken is free again."""
        with self._changed:
            self._held_bytes -= size_bytes
            self._changed.notify_all()

    @contextmanager
    def room(self, size_bytes: int) -> Iterator[None]:
        """Take it for as long as the context lasts."""
        self.take(size_bytes)
        try:
            yield
        finally:
            self.give_back(size_bytes)
