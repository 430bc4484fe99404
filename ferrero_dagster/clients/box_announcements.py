"""Whether Box has announced that something has changed, so that a look need not ask (contract box.md 10).

Box says little of how well it announces, and what lies between may cut off what waits. So silence is believed only
after a change that was announced in time, and no more after one that was not; until then each look asks. Only a stream
that was quiet for some looks is listened to: what is announced before the stream shows it is found by these.
"""

import threading
import time
from dataclasses import dataclass, field

from box_sdk_gen import BoxClient

from ferrero_dagster.clients.box_long_poll import Ended, LongPoll
from ferrero_dagster.domain.errors import FerreroError

_LATE_S = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """What is waited for how long."""

    #: Looks without an event before the stream is listened to.
    quiet_looks: int = 5
    #: After which a poll counts as open.
    opens_in_s: float = 1
    #: A poll that ends sooner without news saves nothing.
    worth_s: float = 180
    #: After which a change counts as not announced.
    announced_in_s: float = 30
    #: Without listening, after it has failed.
    rest_s: float = 3600


@dataclass(kw_only=True, slots=True)
class _Poll:
    """One request that waits in a thread of its own."""

    at: LongPoll
    opened_at: float = field(default_factory=time.monotonic)
    lasted_s: float = 0
    how: Ended | None = None
    #: Positions of the stream after which nothing had happened when the poll was open already.
    quiet_since: set[str] = field(default_factory=set)
    #: Since when a change is known that it has not announced.
    owes_since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Also not for longer than Box says that one lasts."""
        return self.how is None and time.monotonic() - self.opened_at <= self.at.server.retry_timeout_s + _LATE_S

    def start(self) -> None:
        threading.Thread(target=self._wait, name="announcements of Box", daemon=True).start()

    def _wait(self) -> None:
        how = self.at.wait()
        self.lasted_s = time.monotonic() - self.opened_at
        self.how = how


class Announcements:
    """What is announced to one account; kept for all looks of a process, also for some at the same time."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._poll: _Poll | None = None
        #: Where the next poll asks, so often.
        self._next: tuple[LongPoll, int] | None = None
        self._quiet_looks = 0
        self._is_believed = self._is_announced = False
        #: Of a poll that has ended without news: `_Poll.quiet_since`.
        self._quiet_until_end: set[str] = set()
        self._rests_until = 0.0

    def are_none_since(self, position: str) -> bool:
        """Whether it is certain, without a call to Box, that nothing has happened since the position."""
        poll = self._poll
        return self._is_believed and poll is not None and poll.is_waiting and position in poll.quiet_since

    def listen(self, client: BoxClient) -> None:
        """To be called before Box is asked what has happened: what happens later shall be announced.

        Costs one call to Box for some polls of ten minutes. What fails here is no error: looks go on asking.
        """
        with self._lock:
            if self._poll:
                self._hear(self._poll)
            is_quiet = self._quiet_looks >= self._patience.quiet_looks
            if self._poll is None and is_quiet and time.monotonic() >= self._rests_until:
                self._open(client)

    def _hear(self, poll: _Poll) -> None:
        """What became of the poll since the last look."""
        if poll.how == "new_change":
            self._is_believed |= poll.owes_since is not None
            self._poll, self._is_announced, self._quiet_looks, self._quiet_until_end = None, True, 0, set()
        elif poll.how in {"reconnect", "silence"} and poll.lasted_s >= self._patience.worth_s:
            self._poll, self._quiet_until_end = None, poll.quiet_since
            self._next = self._next if poll.how == "silence" else None
        elif poll.how:
            self._rest()
        elif poll.owes_since and time.monotonic() - poll.owes_since >= self._patience.announced_in_s:
            self._doubt()

    def _open(self, client: BoxClient) -> None:
        self._is_announced = False
        try:
            at, times = self._next or self._asked(client)
        except FerreroError:
            self._rest()
            return
        self._next = (at, times - 1) if times > 1 else None
        self._poll = _Poll(at=at)
        self._poll.start()
        if self._is_believed:
            # What Box tells next was then told with the poll open, and the look after that need not ask.
            time.sleep(self._patience.opens_in_s)

    def _asked(self, client: BoxClient) -> tuple[LongPoll, int]:
        at = LongPoll.of(client)
        return at, at.server.max_retries

    def told(self, position: str, *, has_events: bool, asked_at: float) -> None:
        """What Box, asked at that time, told of what has happened since the position."""
        with self._lock:
            if has_events:
                self._changed(position)
                return
            self._quiet_looks += 1
            if self._poll and asked_at - self._poll.opened_at >= self._patience.opens_in_s:
                self._poll.quiet_since.add(position)

    def _changed(self, position: str) -> None:
        self._quiet_looks = 0
        self._is_believed |= self._is_announced
        if self._poll and position in self._poll.quiet_since:
            self._poll.owes_since = self._poll.owes_since or time.monotonic()
        elif position in self._quiet_until_end and not self._is_announced:
            self._doubt()

    def _doubt(self) -> None:
        self._is_believed = False
        self._rest()

    def _rest(self) -> None:
        self._poll = self._next = None
        self._rests_until = time.monotonic() + self._patience.rest_s
