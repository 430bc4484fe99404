"""What files need at least: the calls to both systems and the hashes, without a database, comparisons or messages.

One at a time this is the plain script of old; many at a time it is the ideal that nobody reaches who remembers what he
does.
"""

import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from requests_toolbelt import MultipartEncoder

from ferrero_dagster.sandbox.bench.stand_ins import Access

_TIMEOUT_S = 600
_CHUNK_BYTES = 1 << 20
_SEVERAL = 50
_POLL_PAUSE_S = 0.1
_FULL = {
    "load_type": "custom",
    "data_load_request": json.dumps({"data_load_request": {"load_metadata": True, "load_asset_content_info": True}}),
}


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Copies with `at_once` threads; with one it reads each file's metadata by itself, as a plain script does."""

    access: Access
    at_once: int
    _dam: requests.Session = field(default_factory=requests.Session)
    _box: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        """Log in, and keep a connection for each thread."""
        for session, token in ((self._dam, self.access.dam_token), (self._box, self.access.box_token)):
            session.headers["Authorization"] = f"Bearer {token}"
            session.headers["Accept-Encoding"] = "identity"
            session.mount("http://", HTTPAdapter(pool_maxsize=max(10, self.at_once)))

    def masters(self, campaign_id: str, source_folder: str) -> float:
        """All masters of a campaign into a new Box folder; the seconds that it took."""
        began = time.perf_counter()
        ids = self._masters_in(campaign_id, source_folder)
        made = self._box.post(
            f"{self.access.box_url}/2.0/folders", json={"name": f"Copy {began}", "parent": {"id": "0"}}
        ).json()
        several = 1 if self.at_once == 1 else _SEVERAL
        groups = [ids[start : start + several] for start in range(0, len(ids), several)]
        self._each(self._read_metadata, groups)
        self._each(lambda one: self._copy_master(one[0], one[1], made["id"]), ids)
        return time.perf_counter() - began

    def _masters_in(self, campaign_id: str, source_folder: str) -> list[tuple[str, str]]:
        folders = self._json(f"/folders/{campaign_id}/folders")["folders_resource"]["folder_list"]
        [folder_id] = [one["asset_id"] for one in folders if one["name"] == source_folder]
        listed: list[tuple[str, str]] = []
        while True:
            page = self._json(f"/folders/{folder_id}/children", after=str(len(listed)), limit="200")
            assets = page["folder_children"].get("asset_list", [])
            listed += [(one["asset_id"], one["name"]) for one in assets]
            if not assets:
                return listed

    def _read_metadata(self, assets: list[tuple[str, str]]) -> None:
        context = {
            "type": "com.artesia.asset.selection.AssetIdsSelectionContext",
            "asset_ids": [asset_id for asset_id, _ in assets],
            "include_descendants": "NONE",
            "child_type": "ASSETS",
        }
        asked = json.dumps({"selection_context_param": {"selection_context": context}})
        self._json("/assets", selection_context=asked, **_FULL)

    def _copy_master(self, asset_id: str, name: str, folder_id: str) -> None:
        url = f"{self.access.dam_url}/assets/{asset_id}/contents"
        with self._dam.get(url, stream=True, timeout=_TIMEOUT_S) as answer:
            content = _read(answer)
        attributes = json.dumps({"name": name, "parent": {"id": folder_id}})
        sent = self._box.post(
            f"{self.access.box_url}/upload/api/2.0/files/content",
            files=[("attributes", (None, attributes)), ("file", (name, content))],
            headers={"Content-MD5": hashlib.sha1(content, usedforsecurity=False).hexdigest()},
            timeout=_TIMEOUT_S,
        )
        sent.raise_for_status()

    def finals(self, campaign_id: str, target_folder: str) -> float:
        """All files of the agency's folder into a folder of the campaign in the DAM; the seconds that it took."""
        began = time.perf_counter()
        folders = self._json(f"/folders/{campaign_id}/folders")["folders_resource"]["folder_list"]
        [folder_id] = [one["asset_id"] for one in folders if one["name"] == target_folder]
        entries, marker = [], ""
        while True:
            fields = {"fields": "name,size,sha1", "limit": "1000", "usemarker": "true", "marker": marker}
            page = self._box.get(
                f"{self.access.box_url}/2.0/folders/{self.access.inbox_id}/items", params=fields
            ).json()
            entries += page["entries"]
            marker = page.get("next_marker") or ""
            if not marker:
                break
        self._each(lambda one: self._copy_final(one["id"], one["name"], folder_id), entries)
        return time.perf_counter() - began

    def _copy_final(self, file_id: str, name: str, folder_id: str) -> None:
        place = f"{self.access.box_url}/2.0/files/{file_id}"
        with self._box.get(f"{place}/content", stream=True, timeout=_TIMEOUT_S) as answer:
            content = _read(answer)
        manifest = {"upload_manifest": {"master_files": [{"file": {"file_name": name, "file_type": "image/jpeg"}}]}}
        body = MultipartEncoder(
            {
                "parent_folder_id": folder_id,
                "asset_representation": json.dumps(
                    {"asset_resource": {"asset": {"metadata": {"metadata_element_list": []}}}}
                ),
                "manifest": json.dumps(manifest),
                "import_template_id": "1",
                "no_content": "false",
                "files": (quote(name), content, "application/octet-stream"),
            }
        )
        started = self._dam.post(
            f"{self.access.dam_url}/assets", data=body, headers={"Content-Type": body.content_type}, timeout=_TIMEOUT_S
        )
        started.raise_for_status()
        asset_id = self._made_by(started.json()["job_handle"]["job_id"])
        self._read_metadata([(asset_id, name)])
        self._box.delete(place).raise_for_status()

    def _made_by(self, job_id: str) -> str:
        """The asset, once the import has made it: until then nobody may delete its file."""
        while True:
            made = self._json(f"/jobs/{job_id}/assets")["assets_resource"].get("asset_list")
            if made:
                return str(made[0]["asset_id"])
            time.sleep(_POLL_PAUSE_S)

    def _json(self, path: str, **params: str) -> dict[str, Any]:
        answer = self._dam.get(f"{self.access.dam_url}{path}", params=params, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _each(self, work: Callable[[Any], None], things: list[Any]) -> None:
        if self.at_once == 1:
            for thing in things:
                work(thing)
            return
        with ThreadPoolExecutor(self.at_once) as threads:
            list(threads.map(work, things))


def _read(answer: requests.Response) -> bytes:
    """The content, hashed on the way."""
    answer.raise_for_status()
    sha1, md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    content = bytearray()
    for chunk in answer.iter_content(_CHUNK_BYTES):
        sha1.update(chunk)
        md5.update(chunk)
        content += chunk
    return bytes(content)
