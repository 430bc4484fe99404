"""Locks and check-outs in OTMM: taken, known as ours, given back; never asked for again without a look (otmm.md 7)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from ferrero_dagster.clients.otmm_answers import user_names
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.domain.errors import FerreroError, LockedInDam, NotInDam

_HOLDERS = ("metadata_lock_state_user_name", "content_lock_state_user_name")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockable:
    """What can be locked: its address, how people call it, and what it shows of itself now."""

    path: str
    name: str
    read: Callable[[], Mapping[str, Any]]


class OtmmLocks:
    """Our locks; `owner` is the name that the DAM shows for them, where the site configuration says it."""

    def __init__(self, session: OtmmSession, owner: str | None = None) -> None:
        self._session = session
        self._owner = owner

    @contextmanager
    def held(self, item: Lockable) -> Iterator[None]:
        """Hold the lock, one that a dead run of ours left behind, too.

        Raises:
            LockedInDam: a person has it.
        """
        self.take(item, "lock")
        try:
            self._learn_our_name(item)
            yield
        finally:
            self.give_back(item)

    def take(self, item: Lockable, action: Literal["lock", "check_out"], *, undo: str = "unlock") -> None:
        """Lock or check out; raises as `held`. What may be ours although nobody said so is given back."""
        what = f"{'Locking' if action == 'lock' else 'Checking out'} {item.name}"

        def has_it() -> bool:
            shown = self._shown(item)
            return self._is_ours(shown) and (action == "lock" or bool(shown.get("checked_out")))

        try:
            self._change(item, action, what, has_it)
        except LockedInDam:
            if not has_it():
                raise
        except FerreroError as error:
            if error.retry:
                with suppress(FerreroError):
                    self.give_back(item, undo)
            raise

    def give_back(self, item: Lockable, action: str = "unlock") -> None:
        """Unlock, or undo the check-out; a lock that is somebody else's by now stays."""
        try:
            self._change(item, action, f"Unlocking {item.name}", lambda: not self.holds(item))
        except (LockedInDam, NotInDam):
            if self.holds(item):
                raise

    def _change(self, item: Lockable, action: str, what: str, is_done: Callable[[], bool]) -> None:
        self._session.tell_unless(is_done, "PUT", f"{item.path}/state", what, data={"action": action})

    def holds(self, item: Lockable) -> bool:
        """Whether we have it: by a run that died, or by a request whose answer was lost."""
        return self._is_ours(self._shown(item))

    def _shown(self, item: Lockable) -> Mapping[str, Any]:
        try:
            return item.read()
        except NotInDam:
            return {}

    def _is_ours(self, shown: Mapping[str, Any]) -> bool:
        holders = _holders(shown)
        return bool(holders) and holders <= self._our_names()

    def _our_names(self) -> set[str]:
        """How the DAM may name us as the holder of a lock; asked where no setting says it (contract otmm.md 2.3)."""
        if name := self._owner or self._session.username:
            return {name.casefold(), *self._session.learned.get("lock owners", ())}
        if "lock owners" not in self._session.learned:
            try:
                body = self._session.call("GET", "/sessions", "Asking the DAM who we are")
            except FerreroError:
                return set()
            self._session.learned["lock owners"] = {name.strip().casefold() for name in user_names(body)}
        return set(self._session.learned["lock owners"])

    def _learn_our_name(self, item: Lockable) -> None:
        """Whom the DAM shows as the holder of what we have just locked: perhaps not the name of our log-in."""
        known = self._session.learned.setdefault("lock owners", set())
        if not known:
            known |= _holders(self._shown(item))


def _holders(shown: Mapping[str, Any]) -> set[str]:
    return {name.strip().casefold() for key in _HOLDERS if isinstance(name := shown.get(key), str) and name.strip()}
