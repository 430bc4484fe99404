"""Whether the masters that a round counts are in Box: asked there, whatever the tables say of them (SPEC 3.5)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ferrero_dagster.domain.errors import FerreroError, Incident
from ferrero_dagster.domain.files import ToBox
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.messages.facts import FailedFile, MovedFile
from ferrero_dagster.transfer.masters.mails import moved_file
from ferrero_dagster.transfer.pool import Pool
from ferrero_dagster.transfer.systems import Systems, Watcher


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What Box shows of one master: the file, if it is there, and in words what people would not expect."""

    transfer: ToBox
    file: ListedFile | None
    note: str | None = None
    #: The file holds other content than the one that was delivered.
    is_replaced: bool = False
    #: It is in Box, but in no folder of ours.
    is_outside: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """What became of the masters in Box."""

    #: Those that are there, under their present names.
    there: tuple[MovedFile, ...]
    #: Those that are not, and are to be moved again.
    missing: tuple[ToBox, ...]
    #: Those in whose place there is other content, which stays; they are to be moved again beside it.
    beside: tuple[ToBox, ...]
    #: Those of which Box does not tell, each with the error's code.
    untold: tuple[tuple[FailedFile, str], ...]
    notes: tuple[str, ...]

    @property
    def gone(self) -> tuple[ToBox, ...]:
        """All that are to be moved again."""
        return self.missing + self.beside


def find_masters(systems: Systems, watcher: Watcher, folder_id: BoxId, counted: Collection[ToBox]) -> Presence:
    """Look for these masters: in one listing of the campaign's folder, and each that it lacks by its id.

    The agency may rename a file, and move it within our folders.

    Raises:
        Incident: Box cannot be asked.
    """
    seen: list[Sighting] = []
    untold: list[tuple[FailedFile, str]] = []
    for transfer, result in look_for_masters(systems, watcher, folder_id, counted):
        if isinstance(result, Incident):
            raise result
        if isinstance(result, FerreroError):
            untold.append((FailedFile(name=transfer.source_name, reason=str(result)), result.code))
        else:
            seen.append(result)
    return _presence(seen, tuple(untold), leaves_replaced=systems.site.box.replaced_masters == "leave")


def _presence(
    seen: Iterable[Sighting], untold: tuple[tuple[FailedFile, str], ...], *, leaves_replaced: bool
) -> Presence:
    ordered = sorted(seen, key=lambda one: (one.transfer.source_name, one.transfer.id))
    counts = [one for one in ordered if one.file and (leaves_replaced or not one.is_replaced)]
    return Presence(
        there=tuple(_as_it_is(one.transfer, one.file) for one in counts if one.file),
        missing=tuple(one.transfer for one in ordered if not one.file),
        beside=tuple(one.transfer for one in ordered if one.is_replaced and not leaves_replaced),
        untold=untold,
        notes=tuple(f"{one.note} {_DONE[one.file is not None and leaves_replaced]}" for one in ordered if one.note),
    )


_DONE = {True: "It was left as it is.", False: "It was moved to Box again."}


def _as_it_is(transfer: ToBox, file: ListedFile) -> MovedFile:
    told = moved_file(transfer)
    return told.model_copy(
        update={"stored_name": file.name or told.stored_name, "size_bytes": file.size_bytes, "box_file_id": file.id}
    )


def look_for_masters(
    systems: Systems,
    watcher: Watcher,
    folder_id: BoxId | None,
    counted: Collection[ToBox],
    *,
    elsewhere: bool = True,
) -> Iterator[tuple[ToBox, Sighting | FerreroError]]:
    """What Box shows of each, or why it does not tell: in the folder, if there is one, and if so wanted `elsewhere`.

    Raises:
        FerreroError: the folder cannot be listed.
    """
    listed = systems.box.files_in(folder_id) if counted and folder_id else {}
    by_name = {file.name.casefold(): file for file in listed.values()}

    def look(transfer: ToBox) -> Sighting:
        return look_for(systems, transfer, by_name, elsewhere=elsewhere)

    unlisted: list[ToBox] = []
    for transfer in counted:
        file = listed.get(transfer.target_id) if transfer.target_id else None
        if file and file.sha1_hex and not file.problem:
            yield transfer, compared(transfer, file)
        else:
            unlisted.append(transfer)
    pool = Pool(look, threads=systems.site.transfer.threads, on_idle=lambda: watcher.log("Box is asked for files."))
    yield from pool.run(unlisted)


def look_for(
    systems: Systems, transfer: ToBox, by_name: Mapping[str, ListedFile], *, elsewhere: bool = True
) -> Sighting:
    """A file that is not in its folder's listing: elsewhere, gone, or with another in its place; one call at most.

    `by_name` holds what is listed by its name in small letters.
    """
    placed = systems.box.look_at(transfer.target_id) if elsewhere and transfer.target_id else None
    if placed and {folder_id for folder_id, _ in placed.folders} & set(systems.box_folders.values()):
        return compared(transfer, placed.file)
    other = by_name.get((transfer.target_name or "").casefold())
    if other and other.id != transfer.target_id and not _is_same(transfer, other):
        return _replaced(transfer, other)
    if placed:
        where = "/".join(name for _, name in placed.folders) or "a place that Box does not show"
        note = f"{transfer.source_name} was taken out of our folders in Box ({where})."
        return Sighting(transfer=transfer, file=None, note=note, is_outside=True)
    place = "in Box any more" if elsewhere else "in that folder"
    return Sighting(transfer=transfer, file=None, note=f"{transfer.source_name} was not {place}.")


def compared(transfer: ToBox, file: ListedFile) -> Sighting:
    """A file that is where it is known to be."""
    return Sighting(transfer=transfer, file=file) if _is_same(transfer, file) else _replaced(transfer, file)


def _replaced(transfer: ToBox, file: ListedFile) -> Sighting:
    note = f"{transfer.source_name} holds other content in Box than was delivered ({file.name})."
    return Sighting(transfer=transfer, file=file, note=note, is_replaced=True)


def _is_same(transfer: ToBox, file: ListedFile) -> bool:
    """By SHA-1; by size where only that is known, as of files that the cron scripts moved."""
    if transfer.sha1_hex and file.sha1_hex:
        return transfer.sha1_hex == file.sha1_hex.lower()
    return transfer.size_bytes in {None, file.size_bytes}
