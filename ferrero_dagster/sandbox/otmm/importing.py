"""Calls that bring content in: imports, check-ins of new versions, and their jobs (contract otmm.md 8)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.contents import write_hashed
from ferrero_dagster.sandbox.otmm.endpoints import Endpoints, params_of
from ferrero_dagster.sandbox.otmm.metadata import Element, as_list, sent_elements
from ferrero_dagster.sandbox.otmm.records import Job
from ferrero_dagster.sandbox.otmm.store import TEMPLATE_MODEL, TEMPLATE_POLICIES
from ferrero_dagster.sandbox.otmm.validation import refuse_malformed
from ferrero_dagster.sandbox.otmm.wire import json_param, load_of, shown

#: A representation may be large; the files themselves go to disk.
_MAX_TEXT_PART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the manifest says of its one file; `asset_id` is the asset to get a new version, empty for a new asset."""

    file_name: str
    mime_type: str
    asset_id: str


class Importing(Endpoints):
    """Imports, check-ins, jobs. An import's asset is in its folder at once, its job tells of it `job_polls` later."""

    def routes(self) -> list[Route]:
        """Where the calls are found."""
        return [
            Route("/assets", self.import_asset, methods=["POST"]),
            Route("/jobs/imports", self.open_job, methods=["POST"]),
            Route("/renditions", self.upload_for_job, methods=["POST"]),
            Route("/jobs/checkins/{job_id:int}", self.check_in, methods=["PUT"]),
            Route("/jobs/{job_id:int}", self.job),
            Route("/jobs/{job_id:int}/assets", self.job_assets),
        ]

    async def import_asset(self, request: Request) -> Response:
        """`POST /assets`."""
        async with request.form(max_part_size=_MAX_TEXT_PART_BYTES) as form:
            parts = await _text_parts(form)
            manifest, file = _manifest(parts), _file(form, parts)
            if file and file.filename != manifest.file_name:
                raise Refusal(400, f"The manifest names {manifest.file_name!r}, the file is {file.filename!r}.")
            make = partial(
                self._store.import_asset,
                self._parent(parts),
                manifest.file_name,
                file.file if file else None,
                file_name=manifest.file_name,
                mime_type=manifest.mime_type if file else None,
                **self._representation(parts),
            )
            job = self._store.records.new_job(manifest.file_name)
            await run_in_threadpool(self._run, job, make)
        return _handle(job)

    def _parent(self, parts: Mapping[str, str]) -> str:
        folder = self._store.item(_required(parts, "parent_folder_id"))
        if folder.kind != "folder":
            raise Refusal(400, f"{folder.id} is not a folder.")
        return folder.id

    def _run(self, job: Job, make: Callable[..., str]) -> None:
        if self._settings.strikes("failing_jobs"):
            done = replace(job, failed=True)
        else:
            drop_bytes = int(self._settings.strikes("truncated_imports"))
            done = replace(job, asset_id=make(job_id=job.id, drop_bytes=drop_bytes))
            self._spoil_checksum(str(done.asset_id))
        self._store.records.save_job(done)

    def _spoil_checksum(self, asset_id: str) -> None:
        if self._settings.other_checksums:
            self._store.change(asset_id, md5_hex="0123456789abcdef" * 2)

    async def open_job(self, request: Request) -> Response:
        """`POST /jobs/imports`: the first of three steps of a check-in."""
        return _handle(self._store.records.new_job(_required(await params_of(request), "file_name")))

    async def upload_for_job(self, request: Request) -> Response:
        """`POST /renditions`: the second step, the bytes."""
        async with request.form() as form:
            parts = await _text_parts(form)
            job = self._job(_required(parts, "import_job_id"))
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Refusal(400, "The part file, with a file name, is missing.")
            await run_in_threadpool(write_hashed, file.file, self._store.waiting_upload(job.id))
        return Response()

    async def check_in(self, request: Request) -> Response:
        """`PUT /jobs/checkins/{id}`: the third step; the manifest names the asset, which must be checked out."""
        async with request.form(max_part_size=_MAX_TEXT_PART_BYTES) as form:
            parts = await _text_parts(form)
        job, manifest = self._job(request.path_params["job_id"]), _manifest(parts)
        waiting = self._store.waiting_upload(job.id)
        if not waiting.exists():
            raise Refusal(400, f"Nothing was uploaded for job {job.id}.")
        self._require_check_out(manifest.asset_id, request.user.display_name)
        make = partial(
            self._store.new_version,
            manifest.asset_id,
            waiting,
            fields=self._kept_fields(parts),
            file_name=manifest.file_name,
            mime_type=manifest.mime_type,
        )
        await run_in_threadpool(self._run, job, make)
        waiting.unlink()
        return _handle(job)

    def _require_check_out(self, asset_id: str, user: str) -> None:
        item = self._store.item(asset_id)
        free = item.locked_by is None and not self._settings.lock_required
        if not free and not (item.checked_out and item.locked_by == user):
            raise Refusal(409, f"{asset_id} is not checked out by {user}.")

    def job(self, request: Request) -> Response:
        """`GET /jobs/{id}`; the contract knows the address only, the keys are invented."""
        job = self._job(request.path_params["job_id"])
        done = job.asset_id is not None and job.polls >= self._settings.job_polls
        status = "FAILED" if job.failed else "COMPLETED" if done else "RUNNING"
        return self._answer({"job_resource": {"job": {"job_id": str(job.id), "job_status": status}}})

    def job_assets(self, request: Request) -> Response:
        """`GET /jobs/{id}/assets`: nothing, until the asset is there."""
        job = self._job(request.path_params["job_id"])
        self._store.records.save_job(replace(job, polls=job.polls + 1))
        assets = []
        if job.asset_id and job.polls >= self._settings.job_polls:
            load = replace(load_of(request.query_params), content=True)
            assets = [shown(self._store.item(job.asset_id), load)]
        listed = {"asset_list": assets} if assets else {}
        summary = {"actual_count_of_items": len(assets), "total_number_of_items": len(assets)}
        return self._answer({"assets_resource": {**listed, "collection_summary": summary}})

    def _representation(self, parts: Mapping[str, str]) -> dict[str, Any]:
        """Model, policies and fields of a new asset: the representation's, else the import template's."""
        asset = json_param(parts, "asset_representation", "asset_resource", "asset")
        template = parts.get("import_template_id")
        model = asset.get("metadata_model_id") or (TEMPLATE_MODEL if template else None)
        policies = _policies(asset) or (TEMPLATE_POLICIES if template else ())
        if not model or not policies:
            raise Refusal(
                400, "Expected an import template, or a representation with metadata model and security policy."
            )
        return {"model": str(model), "security_policies": policies, "fields": self._kept_fields(parts)}

    def _kept_fields(self, parts: Mapping[str, str]) -> list[Element]:
        metadata = json_param(parts, "asset_representation", "asset_resource", "asset", "metadata")
        if self._settings.dialect == "customer":
            refuse_malformed(metadata.get("metadata_element_list", []))
        fields = self._sent(sent_elements(metadata.get("metadata_element_list")))
        return [field for field in fields if field["id"] not in self._settings.fields_lost_by_imports]

    def _job(self, number: str | int) -> Job:
        job = self._store.records.job(int(number)) if str(number).isdecimal() else None
        if job is None:
            raise Refusal(404, f"There is no job {number}.")
        return job


def _handle(job: Job) -> Response:
    return JSONResponse({"job_handle": {"job_id": str(job.id)}}, 202)


async def _text_parts(form: FormData) -> dict[str, str]:
    """The parts of a form but the files; clients send JSON as plain fields or as parts with a file name."""
    texts: dict[str, str] = {}
    for name, part in form.multi_items():
        if isinstance(part, str):
            texts[name] = part
        elif name not in {"file", "files"}:
            texts[name] = (await part.read()).decode(errors="replace")
    return texts


def _file(form: FormData, parts: Mapping[str, str]) -> UploadFile | None:
    files = form.getlist("files")
    if parts.get("no_content", "").lower() == "true":
        return None
    if len(files) != 1 or not isinstance(files[0], UploadFile):
        raise Refusal(400, "Expected one part files, with a file name.")
    return files[0]


def _manifest(parts: Mapping[str, str]) -> Manifest:
    _required(parts, "manifest")
    entries = as_list(json_param(parts, "manifest", "upload_manifest").get("master_files"))
    try:
        (entry,) = entries
        file = entry["file"]
        asset_id = str(entry.get("uoi_id") or file.get("uoi_id") or "")
        return Manifest(file_name=str(file["file_name"]), mime_type=str(file["file_type"]), asset_id=asset_id)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal(400, "The manifest does not name one file with file_name and file_type.") from None


def _policies(asset: Mapping[str, Any]) -> tuple[int, ...]:
    try:
        return tuple(int(policy["id"]) for policy in as_list(asset.get("security_policy_list")))
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "security_policy_list does not hold objects with a number as id.") from None


def _required(parts: Mapping[str, str], name: str) -> str:
    if not parts.get(name):
        raise Refusal(400, f"The parameter {name} is missing.")
    return parts[name]
