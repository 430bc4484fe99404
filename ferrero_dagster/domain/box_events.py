"""Which events of Box say that a folder's listing may be another one by now; pure."""

from collections.abc import Collection
from dataclasses import dataclass

from ferrero_dagster.domain.ids import BoxId


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxEvent:
    """Something that happened to a file or a folder, as far as Box says."""

    #: None where Box does not say.
    item_id: BoxId | None = None
    is_file: bool = False
    #: Folders that it lies in now; none where Box does not say, or where it was deleted.
    folders: frozenset[BoxId] = frozenset()
    #: Whether these are all of them, and not only the innermost.
    is_whole_path: bool = False

    def may_concern(self, folder_id: BoxId, *, known: Collection[BoxId], subfolders: bool) -> bool:
        """Whether the folder may hold something else since.

        `known` are items that were in it, which may have left it. What is not said counts as a yes, which costs a
        listing.
        """
        if self.item_id is None or not self.folders:
            return True
        if folder_id in self.folders or self.item_id == folder_id or self.item_id in known:
            return True
        return subfolders and not (self.is_file and self.is_whole_path)
