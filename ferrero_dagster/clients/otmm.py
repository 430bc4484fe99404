"""The OTMM calls that we make (contract otmm.md 11), in and out as our own values."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ferrero_dagster.clients import http
from ferrero_dagster.clients.otmm_session import SYSTEM, OtmmSession
from ferrero_dagster.config.site import DamSite
from ferrero_dagster.domain.errors import (
    IntegrityError,
    LockedInDam,
    NotInDam,
    PermanentError,
    StatusChanged,
    TransientError,
)
from ferrero_dagster.domain.files import Campaign, DamAsset, Digest
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.metadata import FieldNode, field_value, in_plain_form

_FULL = {"load_metadata": True, "load_asset_content_info": True, "load_security_policies": True}
_MD5_HEX_DIGITS = 32

_Read = Callable[[], dict[str, Any]]


class Otmm:
    """One OTMM as this project uses it; safe to share between threads."""

    def __init__(self, session: OtmmSession, site: DamSite) -> None:
        self._session = session
        self._site = site

    # --- campaigns -----------------------------------------------------------------------------------------------

    def search_campaigns(self, *, status: str, campaign_type: str) -> list[Campaign]:
        """Campaign folders with exactly this status and type, in the DAM's order (by name).

        The search itself matches by *contains* and its index lags, so what it finds is checked on the folder's own
        fields; read the folder again before you act on it.
        """
        found = self._found([(self._site.status_field, status), (self._site.type_field, campaign_type)])
        return [c for c in found if c.status == status and c.type == campaign_type]

    def statuses_of(self, campaign_type: str, *, limit: int) -> list[str]:
        """The statuses of so many campaign folders with exactly this type; an empty one where a folder has none."""
        found = self._found([(self._site.type_field, campaign_type)])
        return [campaign.status for campaign in islice((c for c in found if c.type == campaign_type), limit)]

    def _found(self, conditions: list[tuple[str, str]]) -> Iterator[Campaign]:
        form: dict[str, Any] = {
            "keyword_query": "*",
            "search_config_id": str(self._site.search_config_id),
            "load_type": "metadata",
            "level_of_detail": "slim",
            "sort": "asc_NAME",
            "search_condition_list": json.dumps(_conditions(conditions, self._site.search_operator)),
        }
        if self._site.campaign_root_folder:
            form |= {"folder_filter": self._site.campaign_root_folder, "folder_filter_type": "all"}
        for folder in self._search(form):
            if _is_folder(folder) and _is_alive(folder):
                with suppress(NotInDam):  # gone since the index saw it
                    yield self._campaign(folder) if folder.get("metadata") else self.campaign(folder["asset_id"])

    def _search(self, form: dict[str, Any]) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        after = 0
        while True:
            page = {**form, "after": str(after), "limit": str(self._site.search_page_size)}
            body = self._session.call("POST", "/search/text", "Searching for campaigns", data=page)
            result, items = _search_page(body)
            for item in items:
                if item["asset_id"] not in seen:
                    seen.add(item["asset_id"])
                    yield item
            after += len(items)
            if not items or after >= int(result.get("total_hit_count", 0)):
                return

    def campaign(self, campaign_id: DamId) -> Campaign:
        """The campaign as its folder says now.

        Raises:
            NotInDam: there is no such folder, or it was deleted.
        """
        return self._campaign(self._folder(campaign_id))

    def _folder(self, folder_id: DamId) -> dict[str, Any]:
        what = f"Reading DAM folder {folder_id}"
        body = self._session.call("GET", f"/folders/{folder_id}", what, params=_load(_FULL))
        folder = _object(body, "folder_resource", "folder", what)
        if not _is_alive(folder):
            happened = "has expired" if folder.get("expired") else "was deleted"
            raise NotInDam(f"{what}: it {happened} in the DAM.", code="not found in the DAM")
        return folder

    def _campaign(self, folder: dict[str, Any]) -> Campaign:
        def text(field_id: str) -> str:
            return str(field_value(folder, field_id) or "").strip()

        return Campaign(
            id=folder["asset_id"],
            number=text(self._site.number_field),
            name=str(folder.get("name", "")),
            status=text(self._site.status_field),
            type=text(self._site.type_field),
        )

    def set_status(self, campaign_id: DamId, status: str, *, expected: str) -> bool:
        """Change the campaign's status from `expected`, under the DAM's lock, and read it back (contract otmm.md 7).

        Nothing is changed where the status is already `status`. Returns whether it could be read back: with its new
        status the DAM may not show the campaign to us any more.

        Raises:
            StatusChanged: the folder has another status than `expected`; a person's choice wins.
            LockedInDam: a person is editing the folder.
            IntegrityError: the DAM accepted the change but does not show it.
        """
        path = f"/{self._site.lock_path}/{campaign_id}"
        with self._locked(path, "the campaign", lambda: self._folder(campaign_id)):
            found = self.campaign(campaign_id).status
            if found == status:
                return True
            if found != expected:
                raise StatusChanged(found)
            with suppress(NotInDam):  # saved and out of our sight, perhaps: what can be read back tells
                self._patch_status(campaign_id, status)
        try:
            found = self.campaign(campaign_id).status
        except NotInDam:
            return False
        if found != status:
            raise IntegrityError(
                f"The DAM accepted status {status} but shows {found or 'none'}.", code="status not applied"
            )
        return True

    def _patch_status(self, campaign_id: DamId, status: str) -> None:
        plain = {"type": "string", "value": status}
        value = (
            {"type": "com.artesia.metadata.DomainValue", "field_value": plain} if self._site.domained_patch else plain
        )
        field = {
            "id": self._site.status_field, "type": "com.artesia.metadata.MetadataField", "value": {"value": value},
        }  # fmt: skip
        body = {"edited_folder": {"data": {"metadata": [field]}}}
        self._session.tell("PATCH", f"/folders/{campaign_id}", f"Setting status {status}", json=body)

    @contextmanager
    def _locked(self, path: str, what: str, read: _Read) -> Iterator[None]:
        if not self._site.lock_before_patch:
            yield
            return
        try:
            self._session.tell("PUT", f"{path}/state", f"Locking {what}", data={"action": "lock"})
        except LockedInDam:
            if not self._holds_lock(read):
                raise
        try:
            yield
        finally:
            self._unlock(path, what, read)

    def _unlock(self, path: str, what: str, read: _Read) -> None:
        try:
            self._session.tell("PUT", f"{path}/state", f"Unlocking {what}", data={"action": "unlock"})
        except (LockedInDam, NotInDam):
            if self._holds_lock(read):
                raise

    def _holds_lock(self, read: _Read) -> bool:
        """Whether we have the object locked: by a run that died, or by a request whose answer was lost."""
        try:
            holder = read().get("metadata_lock_state_user_name")
        except NotInDam:
            return False
        ours = self._site.lock_owner or self._session.username
        return bool(ours) and str(holder or "").strip().casefold() == ours.casefold()

    # --- folders and assets --------------------------------------------------------------------------------------

    def child_folders(self, folder_id: DamId) -> list[tuple[DamId, str]]:
        """Id and name of the folders directly inside."""
        what = f"Listing the folders of DAM folder {folder_id}"
        params = {"load_type": "system", "limit": "0"}
        body = self._session.call("GET", f"/folders/{folder_id}/folders", what, params=params)
        folders = _list(body, "folders_resource", "folder_list", what)
        return [(f["asset_id"], str(f.get("name", ""))) for f in folders if _is_alive(f)]

    def list_assets(self, folder_id: DamId) -> list[DamAsset]:
        """The assets in the folder, expired ones too, and in folders inside it where the site says so; no metadata.

        Ordered by name within a folder. A failed read is an error, never an empty list.
        """
        assets: dict[DamId, DamAsset] = {}
        for item in self._children(folder_id):
            if not _is_folder(item):
                assets.setdefault(item["asset_id"], _asset(item))
            elif self._site.include_subfolders and _is_alive(item):
                assets |= {a.id: a for a in self.list_assets(item["asset_id"]) if a.id not in assets}
        return list(assets.values())

    def assets_directly_in(self, folder_id: DamId) -> list[DamAsset]:
        """As `list_assets`, but never of folders inside it, and none that has expired."""
        return [_asset(item) for item in self._children(folder_id) if not _is_folder(item) and _is_alive(item)]

    def has_assets(self, folder_id: DamId) -> bool:
        """Whether `list_assets` would find any asset with content that has not expired."""
        for item in filter(_is_alive, self._children(folder_id)):
            if not _is_folder(item):
                if _asset(item).size_bytes is not None:
                    return True
            elif self._site.include_subfolders and self.has_assets(item["asset_id"]):
                return True
        return False

    def _children(self, folder_id: DamId) -> Iterator[dict[str, Any]]:
        what = f"Listing DAM folder {folder_id}"
        limit, after = self._site.listing_page_size, 0
        exclude = {"asset_filter_request_param": {"asset_filter_request": {"exclude_deleted_assets": True}}}
        seen: set[str] = set()
        while True:
            params = {
                "load_type": "system", "sort": "asc_NAME", "after": str(after), "limit": str(limit),
                "asset_filter_request": json.dumps(exclude),
            }  # fmt: skip
            body = self._session.call("GET", f"/folders/{folder_id}/children", what, params=params)
            items = _list(body, "folder_children", "asset_list", what)
            new = [item for item in items if item["asset_id"] not in seen]
            # There is no total, and a server may give fewer than we ask for: only a page without news is the last.
            if not new:
                return
            yield from (item for item in new if not _is_deleted(item))
            seen.update(item["asset_id"] for item in new)
            after += len(items)

    def load_assets(self, asset_ids: Iterable[DamId]) -> list[DamAsset]:
        """These assets with their full metadata, in one request (at most 100; 200 KB each)."""
        context = {
            "selection_context_param": {
                "selection_context": {
                    "type": "com.artesia.asset.selection.AssetIdsSelectionContext",
                    "asset_ids": list(asset_ids),
                    "include_descendants": "NONE",
                    "child_type": "ASSETS",
                }
            }
        }
        what = "Reading the metadata of assets"
        params = {**_load(_FULL), "selection_context": json.dumps(context)}
        body = self._session.call("GET", "/assets", what, params=params)
        return [_asset(item, full=True) for item in _list(body, "assets_resource", "asset_list", what)]

    def set_fields(self, asset: DamAsset, fields: Sequence[FieldNode]) -> DamAsset:
        """Write these metadata fields of an asset under the DAM's lock; it may show others then (contract otmm.md 7.2).

        Raises:
            LockedInDam: a person is editing the asset.
            PermanentError: the DAM refuses one of the fields.
        """
        sent = [field if self._site.domained_patch else in_plain_form(field) for field in fields]
        path, body = f"/assets/{asset.id}", {"edited_asset": {"data": {"metadata": sent}}}
        with self._locked(path, asset.name, lambda: self._shown(asset.id).raw or {}):
            self._session.tell("PATCH", path, f"Correcting the metadata of {asset.name}", json=body)
        return self._shown(asset.id)

    def unlock_ours(self, asset: DamAsset) -> None:
        """Take back a lock that the asset shows as ours, left by a run that died or could not unlock it."""

        def as_loaded() -> dict[str, Any]:
            return asset.raw or {}

        if self._holds_lock(as_loaded):
            self._unlock(f"/assets/{asset.id}", asset.name, as_loaded)

    def _shown(self, asset_id: DamId) -> DamAsset:
        for asset in self.load_assets([asset_id]):
            return asset
        raise NotInDam(f"The DAM does not show the asset {asset_id} any more.", code="not found in the DAM")

    def download(self, asset: DamAsset, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> Digest:
        """Write the asset's content to `path`, proven by the DAM's size and, where it gives one, checksum.

        Raises:
            IntegrityError: size or checksum differ; nothing is kept.
        """
        what = f"Downloading {asset.name}"
        digest = http.download(
            lambda: self._session.open(f"/assets/{asset.id}/contents", what, params={"disposition": "attachment"}),
            path,
            system=SYSTEM,
            what=what,
            size_bytes=asset.size_bytes,
            limits=self._session.limits,
            on_bytes=on_bytes,
        )
        if self._site.verify_checksum and asset.md5_hex and digest.md5_hex != asset.md5_hex:
            path.unlink(missing_ok=True)
            raise IntegrityError(f"{what}: the bytes do not have the DAM's checksum.", code="checksum mismatch")
        return digest

    def check(self) -> None:
        """Log in and ask for the root folders.

        Raises:
            FerreroError: the DAM cannot be used.
        """
        self._session.call("GET", "/folders/rootfolders", "Reading the DAM's root folders")


def _conditions(wanted: list[tuple[str, str]], operator: str) -> dict[str, Any]:
    conditions = [
        {
            "type": "com.artesia.search.SearchScalarCondition", "metadata_field_id": field_id,
            "relational_operator_id": operator, "value": value, "left_paren": "(", "right_paren": ")",
        }
        for field_id, value in wanted
    ]  # fmt: skip
    for condition in conditions[1:]:
        condition["relational_operator"] = "and"
    return {"search_condition_list": {"search_condition": conditions}}


def _search_page(body: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    what = "Searching for campaigns"
    result = _object(body, "search_result_resource", "search_result", what)
    if result.get("contains_invalid_conditions"):
        raise PermanentError(
            f"{what}: the DAM dropped a condition; check dam.status_field, dam.type_field and dam.search_config_id "
            "in the site configuration.",
            code="DAM search condition dropped",
        )
    items = _list(body, "search_result_resource", "asset_list", what)
    if not items and (result.get("hit_count") or result.get("asset_id_list")):
        raise TransientError(f"{what}: the DAM counts hits but lists none.", code="DAM unexpected answer")
    return result, items


def _load(what_to_load: dict[str, bool]) -> dict[str, str]:
    request = json.dumps({"data_load_request": what_to_load})
    return {"load_type": "custom", "level_of_detail": "slim", "data_load_request": request}


def _object(body: dict[str, Any], root: str, key: str, what: str) -> dict[str, Any]:
    found = (body.get(root) or {}).get(key) if isinstance(body.get(root), dict) else None
    if not isinstance(found, dict):
        raise TransientError(f"{what}: the DAM's answer has no {root}.{key}.", code="DAM unexpected answer")
    return found


def _list(body: dict[str, Any], root: str, key: str, what: str) -> list[dict[str, Any]]:
    if not isinstance(body.get(root), dict):
        raise TransientError(f"{what}: the DAM's answer has no {root}.", code="DAM unexpected answer")
    found = body[root].get(key, [])
    # Some versions send a list of one as the bare object (contract otmm.md 1).
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) and item.get("asset_id") for item in items):
        raise TransientError(f"{what}: the DAM lists something without an id.", code="DAM unexpected answer")
    return items


def _is_folder(item: dict[str, Any]) -> bool:
    return (
        item.get("data_type") == "CONTAINER"
        or "container_id" in item
        or str(item.get("type", "")).endswith(".Container")
    )


def _is_deleted(item: dict[str, Any]) -> bool:
    return bool(item.get("deleted")) or item.get("content_state") in {"DELETED", "SEL_DEL"}


def _is_alive(item: dict[str, Any]) -> bool:
    return not (_is_deleted(item) or item.get("expired"))


def _asset(item: dict[str, Any], *, full: bool = False) -> DamAsset:
    content = item.get("master_content_info") or {}
    size = content.get("content_size", item.get("content_size"))
    checksum = str(content.get("content_checksum") or "").lower()
    return DamAsset(
        id=item["asset_id"],
        original_id=item.get("original_asset_id") or item["asset_id"],
        version=str(item.get("version", "")),
        name=str(item.get("name") or content.get("name") or item["asset_id"]),
        size_bytes=int(size) if size is not None else None,
        md5_hex=checksum if len(checksum) == _MD5_HEX_DIGITS else None,
        expired=bool(item.get("expired")),
        raw=item if full else None,
    )
