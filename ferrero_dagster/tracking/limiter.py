"""Hands out the turns at one service to the threads of a process, which share them with all others through PostgreSQL.

Tokens come a few at a time, so that a request costs no statement of its own. Where PostgreSQL does not answer, the
process goes on with a part of what all may have, and asks again later.
"""

import math
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from ferrero_dagster.config.database import Patience
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.allowance import TOKEN_LIFE_S, Priority, ServiceLimits, Standing, Taking, Unused, take
from ferrero_dagster.domain.errors import FerreroError, OutOfTime, SystemUnavailable
from ferrero_dagster.tracking.allowances import Answer, Ask, Counts, Places, exchange
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.request_counts import Counted

#: Nobody waits long for an answer to a question that only spares others; but others are waited for: who went on without
#: an answer while they have theirs would ask the service for more than it takes.
PATIENCE = Patience(shown_as="ferrero_dagster limiter", connect_s=2, lock_s=4, transaction_s=5)
#: One of so many parts of what all may have is a process's own while PostgreSQL does not answer: about as many run.
PARTS = 8
_ALONE_S = 30.0
_MOST_TOKENS = 32
#: At the latest then it is heard that a service wants to be left alone.
_HEAR_EVERY_S = 1.0
#: Between two signs of life of who has requests under way; a third of what their places live.
_RENEW_EVERY_S = 5.0
#: A killed process loses the count of what it asked in this time, or of so many requests.
_TELL_EVERY_S = 5.0
_MOST_UNTOLD = 100
_LOOK_AT_MONTH_EVERY_S = 30.0
_SHORTEST_WAIT_S = 0.05
_PLACE_WAIT_S = 0.25


@dataclass(slots=True)
class _Pool:
    """Tokens of one kind in this process."""

    tokens: int = 0
    good_until_s: float = 0
    #: By the clock of who hands them out.
    handed_out_at_s: float = 0
    ask_at_s: float = 0
    waiting: int = 0
    #: When the first of those who wait began to; what was used in all.
    waiting_since_s: float = 0
    total: int = 0
    #: Since the last question.
    used: int = 0
    asked_at_s: float = 0
    #: While PostgreSQL does not answer.
    alone: Standing = field(default_factory=Standing)

    def left(self, now_s: float) -> int:
        """Those that are still good."""
        return self.tokens if now_s < self.good_until_s else 0

    def wanted(self, now_s: float) -> int:
        """For who waits now, or for what is used while the tokens are good if it goes on so."""
        ahead = self.used * TOKEN_LIFE_S / max(now_s - self.asked_at_s, TOKEN_LIFE_S)
        return max(0, min(_MOST_TOKENS, max(self.waiting, math.ceil(ahead))) - self.left(now_s))

    def unused(self, now_s: float) -> Unused | None:
        """Those that are not good any more, once."""
        if not self.tokens or now_s < self.good_until_s:
            return None
        tokens, self.tokens = self.tokens, 0
        return Unused(tokens=tokens, at_s=self.handed_out_at_s)

    def hear(self, taking: Taking | None, now_s: float) -> None:
        """Add what has come; what is left of earlier ones is good no longer than it was."""
        self.used, self.asked_at_s = 0, now_s
        if taking:
            left = self.left(now_s)
            self.handed_out_at_s = taking.at_s if taking.tokens else self.handed_out_at_s
            self.tokens, self.good_until_s = left + taking.tokens, self.good_until_s if left else now_s + TOKEN_LIFE_S
            self.ask_at_s = 0 if taking.tokens else now_s + max(taking.wait_s, _SHORTEST_WAIT_S)


@dataclass(slots=True)
class _Untold:
    """Requests that were counted here and not told yet."""

    by_kind: dict[str, Counted] = field(default_factory=dict)
    calls: int = 0
    told_at_s: float = -math.inf

    def add(self, kind: str, calls: int, size_bytes: int) -> None:
        """Count them."""
        known = self.by_kind.get(kind) or Counted(kind=kind, calls=0, size_bytes=0)
        self.by_kind[kind] = Counted(kind=kind, calls=known.calls + calls, size_bytes=known.size_bytes + size_bytes)
        self.calls += calls

    @property
    def are_many(self) -> bool:
        """Whether they must be told at once."""
        return self.calls >= _MOST_UNTOLD

    def is_due(self, now_s: float) -> bool:
        """Whether the next question shall tell them."""
        return self.are_many or now_s - self.told_at_s > _TELL_EVERY_S

    def taken(self, now_s: float) -> tuple[Counted, ...]:
        """All of them, which count as told from now on."""
        counted = tuple(self.by_kind.values())
        self.by_kind, self.calls, self.told_at_s = {}, 0, now_s
        return counted


class SharedLimiter:
    """As `clients.limiter.Limiter`. Safe to share between threads; close it."""

    def __init__(self, limits: ServiceLimits, database: Database, *, priority: Priority = Priority.REST) -> None:
        self._limits = limits
        self._database = database
        self.priority = priority
        self._holder = uuid.uuid4().hex
        #: Guards all below; who waits for a turn is woken when an answer has come or a request has ended.
        self._changed = threading.Condition()
        self._pools = {kind: _Pool() for kind in limits.rates}
        self._is_asking = False
        self._heard_at_s = -math.inf
        self._alone_until_s = -math.inf
        self._not_before_s = 0.0
        self._pause_to_tell_s = 0.0
        self._in_use = self._places = self._peak = self._waiting = 0
        self._places_at_s = self._ask_places_at_s = 0.0
        self._counts = _Untold()
        self._is_month_used = False
        self._is_over = threading.Event()
        self._keeper: threading.Thread | None = None

    @contextmanager
    def turn(self, *kinds: str, deadline: Deadline = NEVER, patience_s: float) -> Iterator[None]:
        """As every limiter."""
        pools = [self._pools[kind] for kind in kinds if kind in self._pools]
        with self._changed:
            if not pools and time.monotonic() - self._heard_at_s > _HEAR_EVERY_S:
                self._ask_unless_asking()
            if self._limits.month:
                self._look_at_month()
            while True:
                self._wait_out(deadline, patience_s)
                for pool in pools:
                    self._take(pool, deadline)
                if self._pause_left_s <= 0:  # nor has one been heard of meanwhile
                    break
        if not self._limits.parallel:
            yield
            return
        self._take_place(deadline)
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()

    def wait(self, deadline: Deadline = NEVER) -> None:
        """As every limiter."""
        time.sleep(min(max(0.0, self._pause_left_s), deadline.left_s))

    def hold(self, pause_s: float) -> None:
        """As every limiter; the others hear of it at once."""
        with self._changed:
            is_news = pause_s > self._pause_left_s
            self._not_before_s = max(self._not_before_s, time.monotonic() + pause_s)
            if is_news:
                self._pause_to_tell_s = pause_s
                self._ask_unless_asking()

    def note(self, kind: str, *, calls: int = 1, size_bytes: int = 0) -> None:
        """As every limiter; a process that is killed loses what it has not told yet."""
        with self._changed:
            self._counts.add(kind, calls, size_bytes)
            if self._counts.are_many:
                self._ask_unless_asking()

    def close(self) -> None:
        """Give everything back, and tell what was not told."""
        self._is_over.set()
        with self._changed:
            self._in_use = self._peak = self._waiting = 0
            places = self._wanted_places() if self._places else None
            counts, unused = self._untold(is_due=True), self._unused(math.inf)
        if (places or counts or unused) and not self._is_alone:
            ask = Ask(account=self._limits.account, places=places, counts=counts, unused=unused)
            with suppress(FerreroError):
                self._database.transact(exchange, ask)
        self._database.close()

    @property
    def _pause_left_s(self) -> float:
        return self._not_before_s - time.monotonic()

    @property
    def _is_alone(self) -> bool:
        return time.monotonic() < self._alone_until_s

    def _look_at_month(self) -> None:
        """Leave to people what is theirs of a licence; the lock is held, and given up meanwhile."""
        if time.monotonic() - self._counts.told_at_s > _LOOK_AT_MONTH_EVERY_S:
            self._ask_unless_asking()
        if self._is_month_used and self.priority < Priority.PEOPLE:
            service = self._limits.service
            raise SystemUnavailable(
                service,
                f"What our licence gives of calls to {service} for this month is nearly used up; the rest is kept for "
                "what people start. Have more calls licensed (box.calls_per_month) or give us more of them "
                "(box.month_brake_share); with the next month work goes on by itself.",
            )

    def _wait_out(self, deadline: Deadline, patience_s: float) -> None:
        """Let a pause pass; the lock is held, and given up meanwhile."""
        while (left_s := self._pause_left_s) > 0:
            if left_s > patience_s:
                raise SystemUnavailable(
                    self._limits.service,
                    f"{self._limits.service} has asked us to wait for {left_s:.0f} s.",
                    retry_after_s=left_s,
                )
            self._sleep(left_s, deadline)

    def _take(self, pool: _Pool, deadline: Deadline) -> None:
        if not pool.waiting:
            pool.waiting_since_s = time.monotonic()
        pool.waiting += 1
        try:
            while not pool.left(time.monotonic()):
                if time.monotonic() < pool.ask_at_s or not self._ask_unless_asking():
                    self._sleep(pool.ask_at_s - time.monotonic(), deadline)
        finally:
            pool.waiting -= 1
        pool.tokens -= 1
        pool.used += 1
        pool.total += 1

    def _take_place(self, deadline: Deadline) -> None:
        with self._changed:
            self._waiting += 1
            try:
                while self._in_use >= self._places or time.monotonic() > self._places_at_s + 2 * _RENEW_EVERY_S:
                    if time.monotonic() < self._ask_places_at_s or not self._ask_unless_asking():
                        self._sleep(_PLACE_WAIT_S, deadline)
            finally:
                self._waiting -= 1
            self._in_use += 1
            self._start_keeper()

    def _sleep(self, seconds: float, deadline: Deadline) -> None:
        """Until something has changed, or so long; the lock is held, and given up meanwhile."""
        if deadline.is_over:
            service = self._limits.service
            raise OutOfTime(service, f"It was not our turn to ask {service} before the time of this look was over.")
        self._changed.wait(min(max(seconds, _SHORTEST_WAIT_S), deadline.left_s, 1.0))

    def _ask_unless_asking(self) -> bool:
        """Ask for all threads at once; the lock is held, and given up meanwhile. False where another one does."""
        if self._is_asking:
            return False
        self._is_asking, ask = True, self._ask()
        self._changed.release()
        try:
            answer = self._answer(ask)
        finally:
            self._changed.acquire()
            self._is_asking = False
            self._changed.notify_all()
        self._hear(ask, answer)
        return True

    def _ask(self) -> Ask:
        now_s = time.monotonic()
        wanted = {kind: pool.wanted(now_s) for kind, pool in self._pools.items() if pool.ask_at_s <= now_s}
        pause_s, self._pause_to_tell_s = self._pause_to_tell_s, 0.0
        return Ask(
            account=self._limits.account,
            priority=max(self.priority, self._hurry(now_s)),
            rates=self._limits.rates,
            wanted=wanted,
            unused=self._unused(now_s),
            pause_s=pause_s,
            places=self._wanted_places() if self._limits.parallel else None,
            counts=self._untold(is_due=self._counts.is_due(now_s)),
        )

    def _unused(self, now_s: float) -> dict[str, Unused]:
        """Tokens to give back, by kind."""
        found = {kind: pool.unused(now_s) for kind, pool in self._pools.items()}
        return {kind: unused for kind, unused in found.items() if unused}

    def _hurry(self, now_s: float) -> Priority:
        """Who needs little, as the run of a small campaign, does not wait until the large ones are through."""
        pool, limits = self._pools.get("uploads"), self._limits
        if pool is None or not pool.waiting or pool.total >= limits.small_uploads:
            return Priority.REST
        return Priority.SMALL if now_s - pool.waiting_since_s >= limits.small_wait_s else Priority.REST

    def _untold(self, *, is_due: bool) -> Counts | None:
        month = self._limits.month
        if not is_due or not (self._counts.by_kind or month):
            return None
        counted = self._counts.taken(time.monotonic())
        return Counts(
            service=self._limits.service, zone=self._limits.zone, counted=counted, has_month_limit=month is not None
        )

    def _wanted_places(self) -> Places:
        # What was wanted of late is kept for a moment: calls end and begin all the time.
        wanted, self._peak = max(self._in_use + self._waiting, self._peak), self._in_use + self._waiting
        return Places(of_all=self._limits.parallel, holder=self._holder, in_use=self._in_use, wanted=wanted)

    def _answer(self, ask: Ask) -> Answer:
        if not self._is_alone:
            try:
                return self._database.transact(exchange, ask)
            except FerreroError:
                self._alone_until_s = time.monotonic() + _ALONE_S
        return self._own_share(ask)

    def _own_share(self, ask: Ask) -> Answer:
        """What a process may have by itself while PostgreSQL does not answer."""
        takings = {}
        for kind, wanted in ask.wanted.items():
            rate, pool, now_s = ask.rates[kind].share(PARTS), self._pools[kind], time.monotonic()
            taking = take(rate, pool.alone, now_s=now_s, wanted=wanted, priority=Priority.REST)
            # What it has handed out itself it gives back to nobody.
            pool.alone, takings[kind] = taking.standing, replace(taking, at_s=math.inf)
        return Answer(takings=takings, places=max(1, self._limits.parallel // PARTS))

    def _hear(self, ask: Ask, answer: Answer) -> None:
        now_s = self._heard_at_s = time.monotonic()
        self._not_before_s = max(self._not_before_s, now_s + answer.pause_s)
        for one in ask.counts.counted if ask.counts and self._is_alone else ():
            self._counts.add(one.kind, one.calls, one.size_bytes)
        if answer.month_calls is not None and self._limits.month:
            self._is_month_used = self._limits.month.is_used(answer.month_calls)
        for kind in ask.wanted:
            self._pools[kind].hear(answer.takings.get(kind), now_s)
        if ask.places:
            is_short = answer.places < ask.places.wanted
            self._places, self._places_at_s = answer.places, now_s
            self._ask_places_at_s = now_s + _PLACE_WAIT_S if is_short else 0

    def _start_keeper(self) -> None:
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="limiter", daemon=True)
            self._keeper.start()

    def _keep(self) -> None:
        """Renew what is under way, and give back what is not needed any more."""
        while not self._is_over.wait(_RENEW_EVERY_S):
            with self._changed:
                if self._places or self._in_use:
                    self._ask_unless_asking()
