"""The Box calls that we make, on the official SDK (contract box.md), in and out as our own values."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import cycle
from typing import Any

import requests
from box_sdk_gen import (
    BoxAPIError,
    BoxClient,
    CreateFolderParent,
    FetchOptions,
    MultipartItem,
)

from ferrero_dagster.clients import box_answers as answers
from ferrero_dagster.clients.answers import Item
from ferrero_dagster.clients.box_chunks import LargeFile, end_session, upload_in_parts
from ferrero_dagster.clients.box_listing import folder_page
from ferrero_dagster.clients.box_session import box_errors, code_of, conflicting_item, no_folder
from ferrero_dagster.clients.box_trash import refused_to_restore, trashed_file
from ferrero_dagster.config.site import BoxSite
from ferrero_dagster.domain.errors import (
    BoxFolderGone,
    ChangedMeanwhile,
    ConfigurationError,
    FileRefused,
    IntegrityError,
    NameTaken,
    UnexpectedAnswer,
)
from ferrero_dagster.domain.files import BoxFile, Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import ListedFile

_LISTED = ["id", "type", "name", "size", "sha1", "etag"]
_PLACED = ["id", "type", "name", "size", "sha1", "etag", "path_collection", "item_status"]
#: How Box answers of what is not in the trash, or in that of another account.
_NOT_OURS = {requests.codes.forbidden, requests.codes.not_found}
#: What Box calls a file in the trash, and one that is gone for good.
_NOT_THERE = {"trashed", "deleted"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedFile:
    """A file with the folders that it lies in, outermost first: ids and names."""

    file: ListedFile
    folders: tuple[tuple[BoxId, str], ...]


class Box:
    """One Box account as this project uses it; safe to share between threads."""

    def __init__(self, client: BoxClient, site: BoxSite, *, as_users: Sequence[str] = ()) -> None:
        """Files that are sent at once are uploaded as each of these users in turn.

        All else, and without them all, is done as the service account: an upload in parts is gone on with only as who
        began it.
        """
        self._client = client
        self._uploaders = cycle([client.with_as_user_header(user) for user in as_users] or [client])
        self._site = site

    def check(self) -> None:
        """Ask who we are: it costs little and needs nothing but Box itself.

        Raises:
            FerreroError: Box cannot be used.
        """
        with box_errors("Asking Box who we are"):
            self._client.users.get_user_me(fields=["id"])

    def folder_name(self, folder_id: BoxId) -> str:
        """The name of a folder that the configuration names.

        Raises:
            ConfigurationError: there is no such folder, or we are not invited to it.
        """
        what = f"Reading Box folder {folder_id}"
        with box_errors(what):
            try:
                found = self._client.folders.get_folder_by_id(folder_id, fields=["id", "name"])
            except BoxAPIError as error:
                if error.response_info.status_code != requests.codes.not_found:
                    raise
                raise no_folder(folder_id) from None
        return answers.folder(Item(answers.SYSTEM, what, found.raw_data))[1]

    def has_folder(self, folder_id: BoxId) -> bool:
        """Whether there still is a folder of this id, outside the trash."""
        try:
            self.folder_name(folder_id)
        except ConfigurationError:
            return False
        return True

    def files_in(self, folder_id: BoxId) -> dict[BoxId, ListedFile]:
        """The files in a folder by id, one call per thousand; a folder that is gone holds none."""
        what = f"Listing Box folder {folder_id}"
        found: dict[BoxId, ListedFile] = {}
        seen, marker = {""}, ""
        while (body := folder_page(self._client, folder_id, what, marker=marker)) is not None:
            entries, marker = answers.page(body, what)
            files = [answers.listed_file(entry) for entry in entries if entry.fields.get("type", "file") == "file"]
            found |= {file.id: file for file in files}
            if marker in seen:
                break
            seen.add(marker)
        return found

    def look_at(self, file_id: BoxId) -> PlacedFile | None:
        """The file as it is now, wherever it lies; None where there is none of this id outside the trash."""
        what = f"Looking for Box file {file_id}"
        with box_errors(what):
            try:
                found = self._client.files.get_file_by_id(file_id, fields=_PLACED)
            except BoxAPIError as error:
                if error.response_info.status_code != requests.codes.not_found:
                    raise
                return None
        body = found.raw_data or {}
        file = Item(answers.SYSTEM, what, body)
        if file.text("item_status") in _NOT_THERE:
            return None
        return PlacedFile(file=answers.listed_file(file), folders=answers.folders(body, what))

    def trashed(self, file_id: BoxId) -> ListedFile | None:
        """The file as it is in the trash; None where it is not there, or we may not see it.

        What was in a folder that somebody deleted is not seen, only that folder is; nor what is in another's trash.
        """
        what = f"Looking for Box file {file_id} in the trash"
        body = trashed_file(self._client, file_id, what)
        return None if body is None else answers.listed_file(Item(answers.SYSTEM, what, body))

    def restore(self, file_id: BoxId, name: str, *, folder_id: BoxId) -> None:
        """Take the file out of the trash, to where it was or, if that is gone, into a folder. Idempotent.

        Raises:
            FileRefused: its place has another file of that name, or it is not in the trash any more, or not in ours.
        """
        status: int | None = None
        with suppress(UnexpectedAnswer):  # what became of it is seen below
            status = refused_to_restore(self._client, file_id, folder_id=folder_id)
        if self.look_at(file_id):
            return
        if status == requests.codes.conflict:
            raise FileRefused(f"Box holds another {name} in its place; rename that one there.", code="name conflict")
        raise FileRefused(f"Box does not let us restore {name}.", code="not restored")

    def ensure_folder(self, parent_id: BoxId, name: str, *, configured: bool = True) -> BoxId:
        """The id of the folder `name` in `parent_id`, made if need be; idempotent, one call.

        Raises:
            ConfigurationError: the parent, which the configuration names, does not exist.
            BoxFolderGone: the parent, which was made for a campaign, does not exist any more.
            FileRefused: a file has that name.
        """
        what = f"Making Box folder {name}"
        with box_errors(what):
            try:
                made = self._client.folders.create_folder(name, CreateFolderParent(id=parent_id))
                return answers.folder(Item(answers.SYSTEM, what, made.raw_data))[0]
            except BoxAPIError as error:
                if error.response_info.status_code == requests.codes.not_found:
                    raise (no_folder(parent_id) if configured else _folder_gone(what)) from None
                if code_of(error) != "item_name_in_use":
                    raise
                item = conflicting_item(error, what)
        if item.fields.get("type") != "folder":
            raise FileRefused(
                f"Box holds a file named {name} where a folder is needed; rename it.", code="name conflict"
            )
        return answers.folder(item)[0]

    def upload(
        self,
        folder_id: BoxId,
        name: str,
        content: BufferedIOBase,
        digest: Digest,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> tuple[BoxFile, bool]:
        """Put a file into a folder, its SHA-1 checked by Box and by us; True where it was there already.

        Idempotent: a file of that name with the same SHA-1 is our own earlier success (FAULTS 14, 17, 18).

        Raises:
            FileRefused: the name is taken by other content, or the file is larger than Box takes.
            AccessRefused: the account is full, or lacks the right.
            IntegrityError: Box stored other bytes; its copy was deleted.
            BoxFolderGone: the folder does not exist any more.
        """
        try:
            with _uploading(name):
                told = self._uploaded(folder_id, name, content, digest)
        except _NameTakenError as taken:
            return _adopted(name, taken.item, digest), True
        on_bytes(digest.size_bytes)
        return self._stored(name, told, digest), False

    def _uploaded(self, folder_id: BoxId, name: str, content: BufferedIOBase, digest: Digest) -> dict[str, Any]:
        """As the SDK's own call, which makes objects of all that Box answers: an eighth of what a file costs."""
        client = next(self._uploaders)
        parts = [
            MultipartItem(part_name="attributes", data={"name": name, "parent": {"id": folder_id}}),
            MultipartItem(part_name="file", file_stream=content),
        ]
        answer = client.make_request(
            FetchOptions(
                f"{client.network_session.base_urls.upload_url}/2.0/files/content",
                "POST",
                headers={"content-md5": digest.sha1_hex},
                multipart_data=parts,
                content_type="multipart/form-data",
            )
        )
        return answer.data if isinstance(answer.data, dict) else {}

    def upload_large(self, file: LargeFile) -> tuple[BoxFile, Digest, bool]:
        """Put a large file into a folder, in parts while its bytes are read, and say what they were.

        Otherwise as `upload`; where it fails in a way that passes, the next try goes on with the parts that Box has.
        """
        try:
            with _uploading(file.name):
                files, digest = upload_in_parts(self._client, file, threads=self._site.part_threads)
        except NameTaken as taken:
            item = conflicting_item(taken.told, f"Uploading {file.name}")
            return _adopted(file.name, item, taken.digest), taken.digest, True
        return self._stored(file.name, files, digest), digest, False

    def forget_upload(self, session_id: str) -> None:
        """Let Box forget the parts of an upload that nobody goes on with; gone already is fine."""
        with box_errors("Ending an upload that nobody goes on with"):
            end_session(self._client, session_id)

    def _stored(self, name: str, files: dict[str, Any], digest: Digest) -> BoxFile:
        file_id, stored_name, sha1_hex, etag = answers.stored_file(files, f"Uploading {name}")
        if sha1_hex != digest.sha1_hex:
            with suppress(ChangedMeanwhile):  # by a person, whose content it is now
                self.delete(file_id, etag=etag)
            raise IntegrityError(f"Uploading {name}: Box stored other bytes than we sent.", code="checksum mismatch")
        return BoxFile(id=file_id, name=stored_name)

    def delete(self, file_id: BoxId, *, etag: str | None = None) -> None:
        """Move a file to the trash; with `etag`, only while it is still that version. Gone already is fine.

        Raises:
            ChangedMeanwhile: the file has another etag by now.
        """
        with box_errors(f"Deleting Box file {file_id}"):
            try:
                self._client.files.delete_file_by_id(file_id, if_match=etag)
            except BoxAPIError as error:
                if error.response_info.status_code == requests.codes.precondition_failed:
                    raise ChangedMeanwhile(
                        f"Box file {file_id} was changed meanwhile, it is left there.", code="Box file changed"
                    ) from None
                if error.response_info.status_code != requests.codes.not_found:
                    raise


@contextmanager
def _uploading(name: str) -> Iterator[None]:
    what = f"Uploading {name}"
    with box_errors(what):
        try:
            yield
        except BoxAPIError as error:
            if error.response_info.status_code == requests.codes.not_found:
                raise _folder_gone(what) from None
            if code_of(error) == "item_name_in_use":
                raise _NameTakenError(conflicting_item(error, what)) from None
            raise


class _NameTakenError(Exception):
    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


def _adopted(name: str, item: Item, digest: Digest) -> BoxFile:
    if item.fields.get("type", "file") != "file" or item.text("sha1").lower() != digest.sha1_hex:
        raise FileRefused(
            f"Box already holds something else named {name}; rename or delete it there.", code="name conflict"
        )
    return BoxFile(id=BoxId(item.identifier()), name=item.text("name") or name)


def _folder_gone(what: str) -> BoxFolderGone:
    return BoxFolderGone(
        f"{what}: the campaign's folder is not in Box any more, perhaps in the trash; the next attempt makes it anew.",
        code="Box folder gone",
    )
