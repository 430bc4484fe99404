"""Brings files into OTMM, as new assets or new versions, and waits for the jobs behind them (contract otmm.md 8)."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

from ferrero_dagster.clients import otmm_answers as answers
from ferrero_dagster.clients.http import json_of
from ferrero_dagster.clients.otmm_answers import SYSTEM
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import ImportSite
from ferrero_dagster.domain.errors import ImportFailed, NotInDam
from ferrero_dagster.domain.ids import DamId

_JSON = "application/json; charset=utf-8"
#: Words in a job's status that mean it will never finish; the status names are not documented (contract otmm.md 8.2).
_FAILED_WORDS = ("FAIL", "ERROR", "ABORT", "CANCEL")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0

Uploaded = Callable[[int], None]


class OtmmImports:
    """Starts imports and waits for them. Starting is never repeated by itself: the job may exist although we lost the
    answer, and the DAM allows two assets of one name."""

    def __init__(self, session: OtmmSession, site: ImportSite) -> None:
        self._session = session
        self._site = site

    def start(
        self,
        path: Path,
        name: str,
        mime_type: str,
        *,
        folder_id: DamId,
        representation: dict[str, Any],
        uploaded: Uploaded,
    ) -> str:
        """Send a file as a new asset and return the handle of its import job; not idempotent."""
        fields = {
            "parent_folder_id": folder_id,
            "asset_representation": ("", json.dumps(representation), _JSON),
            "manifest": ("", json.dumps(_manifest(name, mime_type)), _JSON),
            "no_content": "false",
        }
        if self._site.template_id:
            fields["import_template_id"] = self._site.template_id
        with path.open("rb") as file:
            body = _body(fields, {"files": (name, file, mime_type)}, uploaded)
            return self._job(f"Importing {name}", "POST", "/assets", body=body)

    def start_version(
        self,
        asset_id: DamId,
        path: Path,
        name: str,
        mime_type: str,
        *,
        representation: dict[str, Any],
        uploaded: Uploaded,
    ) -> str:
        """Send a file as a new version of an asset (check-out, rendition, check-in) and return the job's handle."""
        what = f"Making a new version of {name}"
        self._session.tell("PUT", f"/assets/{asset_id}/state", what, data={"action": "check_out"})
        job_id = self._job(what, "POST", "/jobs/imports", data={"file_name": name})
        shared = {"import_job_id": job_id, "file_name": name}
        with path.open("rb") as file:
            body = _body(shared, {"file": (name, file, mime_type)}, uploaded)
            self._session.send("POST", "/renditions", what, body=body)
        fields = {
            **shared,
            "manifest": ("", json.dumps(_manifest(name, mime_type, asset_id)), _JSON),
            "asset_representation": ("", json.dumps(representation), _JSON),
        }
        return self._job(what, "PUT", f"/jobs/checkins/{job_id}", body=_body(fields, {}, uploaded))

    def _job(self, what: str, method: str, path: str, **options: Any) -> str:
        answer = json_of(SYSTEM, what, self._session.send(method, path, what, **options))
        return answers.job_id(answer, what)

    def wait(self, job_id: str, name: str) -> DamId:
        """The id of the asset that the job made.

        Raises:
            ImportFailed: the job failed, or made nothing within the site's time limit.
        """
        ends = time.monotonic() + self._site.job_timeout_s
        pause_s = _FIRST_PAUSE_S
        while True:
            asset_id = self._made_by(job_id, name)
            if asset_id:
                return asset_id
            job = f"The DAM's import job {job_id} for {name}"
            if self._has_failed(job_id, name):
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
        try:
            return answers.made_by_job(self._session.call("GET", f"/jobs/{job_id}/assets", what), what)
        except NotInDam:
            return None

    def _has_failed(self, job_id: str, name: str) -> bool:
        try:
            body = self._session.call("GET", f"/jobs/{job_id}", f"Asking for the import of {name}")
        except NotInDam:
            return False
        return any(word in status.upper() for status in answers.job_statuses(body) for word in _FAILED_WORDS)


def _manifest(name: str, mime_type: str, asset_id: DamId | None = None) -> dict[str, Any]:
    file: dict[str, Any] = {"file": {"file_name": name, "file_type": mime_type}}
    if asset_id:
        file["uoi_id"] = asset_id
    return {"upload_manifest": {"master_files": [file]}}


def _body(
    fields: dict[str, Any], files: dict[str, tuple[str, BinaryIO, str]], uploaded: Uploaded
) -> Callable[[], dict[str, Any]]:
    """Makes the streamed multipart body; made again, it starts anew at the beginning of the files."""

    def make() -> dict[str, Any]:
        for _, file, _ in files.values():
            file.seek(0)
        seen = 0

        def progress(monitor: MultipartEncoderMonitor) -> None:
            nonlocal seen
            uploaded(monitor.bytes_read - seen)
            seen = monitor.bytes_read

        encoder = MultipartEncoder({**fields, **files})
        monitor = MultipartEncoderMonitor(encoder, progress)
        return {"data": monitor, "headers": {"Content-Type": encoder.content_type}}

    return make
