"""Brings files into OTMM, as new assets or new versions, and waits for the jobs behind them (contract otmm.md 8)."""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from ferrero_dagster.clients import otmm_answers as answers
from ferrero_dagster.clients.http import json_of
from ferrero_dagster.clients.otmm_answers import SYSTEM
from ferrero_dagster.clients.otmm_locks import Lockable, OtmmLocks
from ferrero_dagster.clients.otmm_session import OtmmSession, Refusal
from ferrero_dagster.config.site import ImportSite
from ferrero_dagster.domain.errors import (
    FerreroError,
    FileRefused,
    ImportFailed,
    ImportInDoubt,
    NotInDam,
    SystemUnavailable,
)
from ferrero_dagster.domain.ids import DamId

_JSON = "application/json; charset=utf-8"
#: Words in a job's status that mean it will never finish; the status names are not documented (contract otmm.md 8.2).
_FAILED_WORDS = ("FAIL", "ERROR", "ABORT", "CANCEL")
#: A sentence that says so, as "Import job 7 failed: …"; "Failed to read job 7" says nothing of the job.
_SAYS_FAILED = re.compile(
    r"\b(job|import|ingest|upload|check-?in|valid|transform|virus).{0,200}?"
    r"(\bfail|\babort|\bcancel|\breject|\bwith errors?\b|\bunsuccessful|\bnot (be )?complete|(state|status)\W.*\berror)"
    r"|\bfailed (import )?job\b",
    re.IGNORECASE | re.DOTALL,
)
#: Answers that mean our log-in, our pace, or that no such job is known (yet).
_NOT_ABOUT_THE_JOB = frozenset({401, 403, 404, 408, 425, 429})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0

Uploaded = Callable[[int], None]
MakeBody = Callable[[], dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportWatch:
    """Who must know how far an import is, so that it is never made twice."""

    #: So many more bytes have left.
    uploaded: Uploaded
    #: Called before the last of them leaves: from now on an asset may come of it, whatever we hear.
    begins: Callable[[], None]
    #: The DAM, or a gateway before it, said no: nothing comes of it.
    refused: Callable[[], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartedImport:
    """What the DAM answered to an import: the job that makes the asset, or the asset that it has made already."""

    job_id: str | None = None
    asset_id: DamId | None = None


class OtmmImports:
    """Starts imports and waits for them. Starting is never repeated by itself: the job may exist although we lost the
    answer, and the DAM allows two assets of one name."""

    def __init__(self, session: OtmmSession, site: ImportSite, lock_owner: str | None = None) -> None:
        """`lock_owner` as `OtmmLocks` has it."""
        self._session = session
        self._site = site
        self._locks = OtmmLocks(session, lock_owner)

    def start(
        self,
        path: Path,
        name: str,
        mime_type: str,
        *,
        folder_id: DamId,
        representation: dict[str, Any],
        watch: ImportWatch,
    ) -> StartedImport:
        """Send a file as a new asset; not idempotent.

        Raises:
            FileRefused: the DAM never takes such a file.
            ImportInDoubt: it took the file, but we cannot read what became of it.
        """
        fields = {
            "parent_folder_id": folder_id,
            "asset_representation": ("", json.dumps(representation), _JSON),
            "manifest": ("", json.dumps(_manifest(name, mime_type)), _JSON),
            "no_content": "false",
        }
        if self._site.template_id:
            fields["import_template_id"] = self._site.template_id
        with path.open("rb") as file:
            body = _body(fields, {"files": (name, file, mime_type)}, watch.uploaded, watch.begins)
            return self._begin("POST", "/assets", f"Importing {name}", body, watch)

    def start_version(
        self,
        asset_id: DamId,
        path: Path,
        name: str,
        mime_type: str,
        *,
        representation: dict[str, Any],
        watch: ImportWatch,
    ) -> StartedImport:
        """Send a file as a new version of an asset (check-out, rendition, check-in); raises as `start`.

        Only the check-in can make something, so only it can be in doubt; without it, and where the DAM refuses it, the
        check-out is undone.
        """
        what = f"Making a new version of {name}"
        self._locks.take(self._lockable(asset_id, name), "check_out", undo=self._site.undo_check_out)
        try:
            job_id = self._uploaded(what, path, name, mime_type, watch.uploaded)
        except FerreroError:
            self.undo_check_out(asset_id, name)
            raise
        fields = {
            "import_job_id": job_id,
            "file_name": name,
            "manifest": ("", json.dumps(_manifest(name, mime_type, asset_id)), _JSON),
            "asset_representation": ("", json.dumps(representation), _JSON),
        }

        def refused() -> None:
            watch.refused()
            self.undo_check_out(asset_id, name)

        body = _body(fields, {}, watch.uploaded, watch.begins)
        return self._begin("PUT", f"/jobs/checkins/{job_id}", what, body, replace(watch, refused=refused))

    def _uploaded(self, what: str, path: Path, name: str, mime_type: str, uploaded: Uploaded) -> str:
        """The job that holds the bytes of a version to be."""
        opened = json_of(SYSTEM, what, self._session.send("POST", "/jobs/imports", what, data={"file_name": name}))
        job_id = answers.job_id(opened, what)
        with path.open("rb") as file:
            body = _body({"import_job_id": job_id, "file_name": name}, {"file": (name, file, mime_type)}, uploaded)
            self._session.send("POST", "/renditions", what, body=body, on_refusal=self._refuse_final)
        return job_id

    def undo_check_out(self, asset_id: DamId, name: str) -> None:
        """Give back a check-out of which no version comes; where the DAM refuses that, the next attempt uses it."""
        with suppress(FerreroError):
            self._locks.give_back(self._lockable(asset_id, name), self._site.undo_check_out)

    def _lockable(self, asset_id: DamId, name: str) -> Lockable:
        path = f"/assets/{asset_id}"

        def read() -> Mapping[str, Any]:
            what = f"Looking who has {name}"
            body = self._session.call("GET", path, what, params={"load_type": "system"})
            return answers.single_asset(body, what).fields

        return Lockable(path=path, name=name, read=read)

    def _begin(self, method: str, path: str, what: str, body: MakeBody, watch: ImportWatch) -> StartedImport:
        """Send the request of which an asset may come."""
        said: list[Refusal] = []

        def on_refusal(refusal: Refusal) -> None:
            said.append(refusal)
            self._refuse_final(refusal)

        try:
            response = self._session.send(method, path, what, body=body, on_refusal=on_refusal)
        except FerreroError as error:
            # A gateway's page of 502, 503 or 504 says that it has no answer; one of 413 that it let nothing through.
            if said or not isinstance(error, SystemUnavailable):
                watch.refused()
            raise
        try:
            job_id, asset_id = answers.named_by_import(response.json())
        except (ValueError, RecursionError):
            job_id = asset_id = None
        if not job_id and not asset_id:
            raise ImportInDoubt(
                f"{what}: the DAM took it ({response.status_code}), but its answer names no job and no asset.",
                code="import in doubt",
            )
        return StartedImport(job_id=job_id, asset_id=asset_id)

    def _refuse_final(self, refusal: Refusal) -> None:
        if refusal.error_code in self._site.final_error_codes:
            reason = refusal.message[:200].rstrip(".") or "no reason given"
            raise FileRefused(
                f"The DAM does not take such a file: {reason} (error {refusal.error_code}).",
                code=f"DAM error {refusal.error_code}",
            )

    def wait(self, job_id: str, name: str) -> DamId:
        """The id of the asset that the job made.

        Raises:
            FileRefused: the DAM never takes such a file.
            ImportFailed: the job failed, or made nothing within the site's time limit.
        """
        ends = time.monotonic() + self._site.job_timeout_s
        pause_s = _FIRST_PAUSE_S
        job = f"The DAM's import job {job_id} for {name}"
        while True:
            asset_id = self._made_by(job_id, name)
            if asset_id:
                return asset_id
            # A job that has only just begun is more likely to be done in a moment than to have failed.
            if pause_s > _FIRST_PAUSE_S and self._has_failed(job_id, name):
                raise ImportFailed(f"{job} failed.", code="import failed", over=True)
            left_s = ends - time.monotonic()
            if left_s <= 0:
                limit_s = self._site.job_timeout_s
                raise ImportFailed(
                    f"{job} has made nothing within {limit_s:.0f} s.", code="import not finished", over=False
                )
            time.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _made_by(self, job_id: str, name: str) -> DamId | None:
        what = f"Waiting for {name}"
        return answers.made_by_job(self._asked(f"/jobs/{job_id}/assets", what), what)

    def _has_failed(self, job_id: str, name: str) -> bool:
        body = self._asked(f"/jobs/{job_id}", f"Asking for the import of {name}")
        return any(word in status.upper() for status in answers.job_statuses(body) for word in _FAILED_WORDS)

    def _asked(self, path: str, what: str) -> dict[str, Any]:
        """What the DAM says of a job; nothing where it knows none, or cannot say it just now.

        Raises:
            FileRefused: the DAM never takes such a file.
            ImportFailed: the DAM says that the job failed, or will not speak of it.
        """
        try:
            return self._session.call("GET", path, what, on_refusal=self._judge_job)
        except NotInDam:
            return {}
        except _NoWordOfJobError as error:
            if error.reason is None:
                return {}
            raise ImportFailed(f"{what}: {error.reason}.", code="import failed", over=error.is_over) from None

    def _judge_job(self, refusal: Refusal) -> None:
        """What a refusal to tell of a job says of the job; what says nothing is the session's to judge."""
        self._refuse_final(refusal)
        reason = f"the DAM answered {refusal.status}: {refusal.message[:200].rstrip('.')}"
        if refusal.status in _NOT_ABOUT_THE_JOB:
            return
        if _SAYS_FAILED.search(refusal.message):
            raise _NoWordOfJobError(reason, is_over=True)
        if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _NoWordOfJobError(reason, is_over=False)
        if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _NoWordOfJobError(None, is_over=False)


class _NoWordOfJobError(Exception):
    """The DAM refused to tell of a job; without a `reason` it may tell the next time."""

    def __init__(self, reason: str | None, *, is_over: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_over = is_over


def _manifest(name: str, mime_type: str, asset_id: DamId | None = None) -> dict[str, Any]:
    file: dict[str, Any] = {"file": {"file_name": name, "file_type": mime_type}}
    if asset_id:
        file["uoi_id"] = asset_id
    return {"upload_manifest": {"master_files": [file]}}


def _body(
    fields: dict[str, Any],
    files: dict[str, tuple[str, BinaryIO, str]],
    uploaded: Uploaded,
    before_last: Callable[[], None] = lambda: None,
) -> MakeBody:
    """Makes the streamed multipart body; made again, it starts anew at the beginning of the files.

    `before_last` is called before the last bytes leave.
    """

    def make() -> dict[str, Any]:
        for _, file, _ in files.values():
            file.seek(0)
        seen = 0

        def progress(monitor: MultipartEncoderMonitor) -> None:
            nonlocal seen
            uploaded(monitor.bytes_read - seen)
            if seen < encoder.len <= monitor.bytes_read:
                before_last()
            seen = monitor.bytes_read

        encoder = MultipartEncoder({**fields, **files})
        monitor = MultipartEncoderMonitor(encoder, progress)
        return {"data": monitor, "headers": {"Content-Type": encoder.content_type}}

    return make
