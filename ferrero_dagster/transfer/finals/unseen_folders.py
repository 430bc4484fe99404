"""Folders that somebody dropped into the agency's folder: what lies in them is not looked at, and that is told once."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import Judgement, KnownFile, KnownFiles, ListedFile
from ferrero_dagster.domain.words import counted
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outbox
from ferrero_dagster.tracking.database import Cursor

#: For counting at one look, so that a folder full of folders, or a slow Box, does not use up its time; the others have
#: their turn later. Of those that are probably empty each look takes a few.
_MAX_COUNTED, _MAX_EMPTY, _MAX_S = 10, 3, 10
#: Read in order to count one, with a thousand entries each.
_MAX_PAGES = 5
_MAX_NAMED = 25
_WHY = "only what lies straight in the agency's folder is taken, unless agency.include_subfolders is true."
_UNCOUNTED = f"This folder is not empty, and nobody looks at its files, not counted yet: {_WHY}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """What counting the files in folders needs."""

    agency: BoxAgency
    #: A folder's `size_bytes` there is Box's when it was counted.
    known: KnownFiles
    #: Folders of our own, wherever they lie.
    skip: Collection[BoxId]
    deadline: Deadline

    def folders_with_files(
        self, folders: Sequence[ListedFile], turn: Callable[[ListedFile], AbstractContextManager[None]]
    ) -> list[ListedFile]:
        """Those of the folders that hold files, each with a `problem` that says how many.

        `turn` is what an error that nobody foresaw may end for one folder.
        """
        found = {folder.id: self._uncounted(folder) for folder in folders}
        until = Deadline.after(min(_MAX_S, self.deadline.left_s / 3))
        for folder in self._due(folders):
            with turn(folder):
                if not until.is_over:
                    found[folder.id] = self._counted(folder)
        return [folder for folder in found.values() if folder]

    def _uncounted(self, folder: ListedFile) -> ListedFile | None:
        """What is known of it without another question; None where that is nothing."""
        if told := self._told(folder):
            return replace(folder, size_bytes=told.size_bytes, problem=told.reason)
        return replace(folder, problem=_UNCOUNTED) if folder.size_bytes else None

    def _counted(self, folder: ListedFile) -> ListedFile | None:
        """None where it holds no files. Where Box does not let us count them, that holds up nothing."""
        try:
            number, is_more = self.agency.count_files(folder.id, skip=self.skip, max_pages=_MAX_PAGES)
        except FerreroError:
            return self._uncounted(folder)
        files = counted(number, "file") + (" or more" if is_more else "")
        problem = f"This folder holds {files} that nobody looks at: {_WHY}"
        return replace(folder, problem=problem) if number else None

    def _due(self, folders: Sequence[ListedFile]) -> list[ListedFile]:
        """Those to count at this look; among equals chance decides."""
        turns = defaultdict[str, list[ListedFile]](list)
        for folder in random.sample(folders, len(folders)):
            turns[self._turn(folder)].append(folder)
        return [*turns["settling"], *turns["new"], *turns["changed"]][:_MAX_COUNTED] + turns["empty"][:_MAX_EMPTY]

    def _turn(self, folder: ListedFile) -> str:
        told = self._told(folder)
        if folder.version in self.known and not told:
            return "settling"
        if not folder.size_bytes:
            return "empty"
        if not told:
            return "new"
        return "counted" if told.size_bytes == folder.size_bytes and told.reason != _UNCOUNTED else "changed"

    def _told(self, folder: ListedFile) -> KnownFile | None:
        before = self.known.get(folder.version)
        return before if before and before.state == "refused" else None


def is_counted(folder: ListedFile) -> bool:
    """Whether its number is known, so that nobody need look at it before it changes."""
    return folder.problem != _UNCOUNTED


def tell_unseen(cursor: Cursor, route: FinalsRoute, news: Sequence[Judgement], known: KnownFiles) -> None:
    """One mail for all folders that were not told before; of one that is gone and comes back, on another day again."""
    new = [judgement for judgement in news if _is_untold(judgement.file, known)]
    if not new:
        return
    named = new[:_MAX_NAMED]
    others = [("Others", str(len(new) - len(named)))] if len(new) > len(named) else []
    fact = WorkflowError(
        headline=f"{counted(len(new), 'folder')} in the agency's Box folder, with files that are not looked at",
        explanation="Files are taken only where they lie straight in the agency's folder. Nothing was changed in Box.",
        what_to_do=(
            "Move finished files out of the folders, straight into the agency's folder; or let an administrator set "
            "agency.include_subfolders in the site configuration. Until a folder is gone, the status page lists it."
        ),
        details=(("Route", route.title), *((j.file.name, j.reason or "") for j in named), *others),
    )
    versions = sorted(":".join(judgement.file.version) for judgement in new)
    digest = hashlib.sha256("\n".join(versions).encode()).hexdigest()
    outbox.add(cursor, fact, f"mail:folders:{route.name}:{datetime.now(timezone.utc):%Y-%m-%d}:{digest}")


def _is_untold(folder: ListedFile, known: KnownFiles) -> bool:
    before = known.get(folder.version)
    return before is None or before.state != "refused"
