"""The agency's folder in Box: listing, metadata, download (contract box.md 6-8)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from box_sdk_gen import BoxAPIError, BoxClient, GetFileMetadataByIdScope
from requests.adapters import HTTPAdapter

from ferrero_dagster.clients import box_answers as answers
from ferrero_dagster.clients import http
from ferrero_dagster.clients.answers import Item, id_in
from ferrero_dagster.clients.box_answers import SYSTEM
from ferrero_dagster.clients.box_events import pages_after, position_now
from ferrero_dagster.clients.box_listing import folder_page
from ferrero_dagster.clients.box_session import POOL_SIZE, box_errors, kept_of, limiter_of, no_folder, tempo_of
from ferrero_dagster.clients.downloads import Download
from ferrero_dagster.clients.kept_answers import KeptAnswers
from ferrero_dagster.domain.box_events import BoxEvent
from ferrero_dagster.domain.errors import (
    ChangedMeanwhile,
    GoneFromBox,
    IntegrityError,
    NotReady,
    PermanentError,
    SpoiledItem,
    SystemUnavailable,
    TransientError,
    UnexpectedAnswer,
)
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import ListedFile, is_ignored

_SCOPE = GetFileMetadataByIdScope.ENTERPRISE
_NO_FILE = "not_found"
_A_LINK = "It is a link and no file: drop the finished file itself into the folder."


@dataclass(frozen=True, kw_only=True, slots=True)
class FileNow:
    """What may change of a file after it was listed."""

    etag: str
    #: The folders it lies in, outermost first: ids and names.
    folders: tuple[tuple[BoxId, str], ...]
    #: As `ListedFile.template`.
    template: dict[str, object] | None

    def is_below(self, folder_id: BoxId, *, subfolders: bool) -> bool:
        """Whether `list_files` would show it."""
        ids = [id_ for id_, _ in self.folders]
        inner = self.folders[ids.index(folder_id) + 1 :] if folder_id in ids else None
        return inner is not None and (subfolders or not inner) and not any(is_ignored(name) for _, name in inner)


class _NoFolderError(Exception):
    """Box knows no such folder, or does not show it to us."""


class BoxAgency:
    """Reads the agency's folder; safe to share between threads."""

    def __init__(self, client: BoxClient, *, template: str, limits: http.HttpLimits) -> None:
        self._client = client
        self._template = template
        self._limits = limits
        self._limiter = limiter_of(client)
        self._kept = KeptAnswers(SYSTEM)
        # Where contents come from is another host than Box's API; to meet it anew for each file costs its handshakes.
        self._downloads = requests.Session()
        self._downloads.mount("https://", HTTPAdapter(pool_maxsize=POOL_SIZE))
        self._downloads.mount("http://", HTTPAdapter(pool_maxsize=POOL_SIZE))

    @property
    def tempo(self) -> http.Tempo:
        """How quickly Box answered so far."""
        return tempo_of(self._client)

    def kept(self, name: str) -> KeptAnswers:
        """What earlier looks of this name could not use up; from now on pages of listings are kept there."""
        self._kept = kept_of(self._client, name)
        return self._kept

    def position_now(self) -> str | None:
        """The end of Box's stream of events; None where Box tells us no events."""
        return position_now(self._client)

    def events_after(self, position: str, *, listens: bool = False) -> Iterator[tuple[list[BoxEvent], str] | None]:
        """What happened since, page by page, each with the position after it; None where that cannot be said.

        Who `listens` does not ask where Box would have announced it.
        """
        return pages_after(self._client, position, listens=listens)

    def list_files(
        self, folder_id: BoxId, *, subfolders: bool, on_new: Callable[[ListedFile], None] = lambda _: None
    ) -> list[ListedFile]:
        """All files in the folder, one call per thousand; what the template says of each comes along.

        Folders inside are entered, or come as they are. One that is deleted meanwhile holds nothing more. `on_new`
        hears at once of each entry that is listed now, and not as an earlier look has kept it, also where the listing
        does not come to its end.

        Raises:
            ConfigurationError: the folder, which the configuration names, does not exist.
            TransientError: Box's answer is no listing; it is never taken for an empty folder.
        """
        # A folder that changes while it is read may show an item twice.
        files: dict[BoxId, ListedFile] = {}
        try:
            for file, is_new in self._listed(folder_id, subfolders=subfolders):
                files[file.id] = file
                if is_new:
                    on_new(file)
        except _NoFolderError:
            raise no_folder(folder_id) from None
        return list(files.values())

    def _listed(self, folder_id: BoxId, *, subfolders: bool) -> Iterator[tuple[ListedFile, bool]]:
        for entry, is_new in self._entries(folder_id):
            kind = entry.fields.get("type")
            if kind == "folder":
                yield from self._in_folder(entry, is_new, subfolders=subfolders)
            elif kind == "web_link":
                yield answers.refused_entry(entry, _A_LINK), is_new
            else:
                yield answers.listed_file(entry, self._template), is_new

    def _in_folder(self, entry: Item, is_new: bool, *, subfolders: bool) -> Iterator[tuple[ListedFile, bool]]:
        """The files in the folder that an entry is, or the folder itself."""
        try:
            folder_id, name = answers.folder(entry)
        except SpoiledItem as error:
            yield answers.refused_entry(entry, str(error)), is_new
            return
        if not subfolders:
            yield answers.listed_folder(entry), is_new
        elif not is_ignored(name):
            with suppress(_NoFolderError):
                yield from self._listed(folder_id, subfolders=True)

    def count_files(self, folder_id: BoxId, *, skip: Collection[BoxId], max_pages: int) -> tuple[int, bool]:
        """How many files lie in the folder and below, and whether there may be more: not all pages may be read."""
        pages = self._pages_below(folder_id, {*skip})
        number = sum(entry.fields.get("type") == "file" for page in islice(pages, max_pages) for entry in page)
        return number, next(pages, None) is not None

    def _pages_below(self, folder_id: BoxId, skip: set[BoxId]) -> Iterator[list[Item]]:
        waiting = [folder_id]
        for one in waiting:
            with suppress(_NoFolderError):
                for page, _ in self._pages(one):
                    shown = [entry for entry in page if not is_ignored(entry.label)]
                    inner = {id_in(entry.fields.get("id")) for entry in shown if entry.fields.get("type") == "folder"}
                    waiting += [BoxId(id_) for id_ in inner if id_ and id_ not in skip]
                    skip |= {*waiting}
                    yield shown

    def _entries(self, folder_id: BoxId) -> Iterator[tuple[Item, bool]]:
        """What lies in the folder, each with whether that was asked now."""
        for page, is_new in self._pages(folder_id):
            yield from ((entry, is_new) for entry in page)

    def _pages(self, folder_id: BoxId) -> Iterator[tuple[list[Item], bool]]:
        what = f"Listing Box folder {folder_id}"
        seen, marker = {""}, ""
        while True:
            ask = partial(self._page, folder_id, what, marker)
            entries, next_marker = answers.page(self._kept.answer(what, (folder_id, marker), ask), what)
            yield entries, self._kept.is_news
            if next_marker in seen:
                return
            seen.add(next_marker)
            marker = next_marker

    def _page(self, folder_id: BoxId, what: str, marker: str) -> dict[str, Any]:
        page = folder_page(self._client, folder_id, what, marker=marker, template=self._template)
        if page is None:
            raise _NoFolderError
        return page

    def now(self, file_id: BoxId) -> FileNow:
        """The file as it is at this moment, in one call.

        Raises:
            GoneFromBox: there is no such file any more.
            TransientError: Box does not say where it lies.
        """
        fields = ["etag", "path_collection", f"metadata.enterprise.{self._template}"]
        what = f"Looking at Box file {file_id}"
        with box_errors(what), _gone_if_missing(file_id):
            file = self._client.files.get_file_by_id(file_id, fields=fields)
        raw = file.raw_data or {}
        etag, folders = answers.place(raw, what)
        return FileNow(etag=etag, folders=folders, template=answers.instance_in(raw.get("metadata"), self._template))

    def instance(self, file_id: BoxId) -> dict[str, object] | None:
        """What the template says of a file now; None where it says nothing.

        Raises:
            GoneFromBox: there is no such file any more.
        """
        what = f"Reading the metadata of Box file {file_id}"
        with box_errors(what), _gone_if_missing(file_id):
            try:
                found = self._client.file_metadata.get_file_metadata_by_id(file_id, _SCOPE, self._template)
            except BoxAPIError as error:
                # A 404 may be about the file or about the instance; only the code tells (contract box.md 8).
                if error.response_info.status_code != requests.codes.not_found or error.response_info.code == _NO_FILE:
                    raise
                return None
        if not found.raw_data:
            raise UnexpectedAnswer(SYSTEM, f"{what}: the answer is no instance of a template.")
        return answers.instance(found.raw_data)

    def download(self, file: ListedFile, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> Digest:
        """Write the file to `path`, proven by its size and SHA-1 as listed.

        Raises:
            GoneFromBox: it is no longer there.
            ChangedMeanwhile: it was replaced meanwhile.
            IntegrityError: other bytes arrived. Nothing is kept.
        """
        what = f"Downloading {file.name}"

        def received(size_bytes: int) -> None:
            self._limiter.note("downloads", calls=0, size_bytes=size_bytes)
            on_bytes(size_bytes)

        download = Download(
            system=SYSTEM,
            what=what,
            open=lambda headers: http.retried(lambda: self._open(file.id, what, headers), self._limits, self._limiter),
            size_bytes=None,
            has_checksum=lambda digest: digest.sha1_hex == file.sha1_hex,
            limits=self._limits,
            on_bytes=received,
        )
        try:
            return download.into_file(path)
        except IntegrityError:
            if self.now(file.id).etag != file.etag:
                raise ChangedMeanwhile(f"{file.name} was changed in Box meanwhile.", code="changed in Box") from None
            raise

    def _open(self, file_id: BoxId, what: str, headers: Mapping[str, str]) -> requests.Response:
        """The content behind a fresh address: one from Box lives for a quarter of an hour only."""
        with box_errors(what), _gone_if_missing(file_id):
            url = self._client.downloads.get_download_file_url(file_id)
        with http.lost_connections(SYSTEM, what):
            response = self._downloads.get(
                url,
                stream=True,
                timeout=self._limits.timeout,
                auth=http.without_netrc,
                headers={**http.IDENTITY, **headers},
            )
        if response.ok and response.status_code != requests.codes.accepted:
            return response
        response.close()
        if response.status_code == requests.codes.accepted:
            raise NotReady(
                f"{what}: Box is still preparing it (202).", code="Box not ready",
                retry_after_s=http.retry_after_s(response.headers),
            )  # fmt: skip
        if http.is_busy(response.status_code):
            raise SystemUnavailable(
                SYSTEM, f"{what}: Box is unavailable ({response.status_code}).",
                retry_after_s=http.retry_after_s(response.headers),
            )  # fmt: skip
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            raise PermanentError(f"{what}: Box does not go on with it.", code="Box range refused")
        raise TransientError(f"{what}: Box answered {response.status_code}.", code="Box download refused")


@contextmanager
def _gone_if_missing(file_id: BoxId) -> Iterator[None]:
    try:
        yield
    except BoxAPIError as error:
        if error.response_info.status_code != requests.codes.not_found:
            raise
        raise GoneFromBox(f"Box file {file_id} is no longer there.", code="gone from Box") from None
