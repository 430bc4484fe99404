"""The DAM's memory: what the server answers from, what tests and the demo fill and look into.

Folders, assets and jobs are rows of a SQLite file, the bytes are files named by id, all below `state_dir`: a restart
forgets nothing but the access tokens. Unknown ids raise `Refusal` (404) here as over the wire.
"""

import mimetypes
import secrets
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.contents import Source, write_hashed
from ferrero_dagster.sandbox.otmm.domains import in_domain
from ferrero_dagster.sandbox.otmm.metadata import Element, assigned, field, scalar_value, texts
from ferrero_dagster.sandbox.otmm.records import Item, Records, new_item
from ferrero_dagster.sandbox.otmm.sample import (
    ASSET_NAME,
    CAMPAIGN_NUMBER,
    CAMPAIGN_STATUS,
    campaign_fields,
    master_fields,
)

#: The folder that campaigns are put into.
PUBLIC_FOLDERS = "ARTESIA.PUBLIC.TREEN"

#: What an import template brings along, and what seeded assets have.
TEMPLATE_MODEL = "ECOMMERCE"
TEMPLATE_POLICIES = (1594,)

_FOLDER_MODEL = "ARTESIA.MODEL.BASIC FOLDER"


class OtmmStore:
    """One DAM. Safe to use from any thread, also while a server answers from it."""

    def __init__(self, state_dir: Path) -> None:
        self._contents = state_dir / "contents"
        self._contents.mkdir(parents=True, exist_ok=True)
        self.records = Records(state_dir / "otmm.sqlite3")
        self._tokens: dict[str, tuple[str, float]] = {}
        self._open_house()

    def _open_house(self) -> None:
        if self.records.item(PUBLIC_FOLDERS) is None:
            self._add(_folder("Public Folders", None, item_id=PUBLIC_FOLDERS))

    # --- seeding

    def add_campaign(
        self,
        *,
        name: str,
        number: str,
        status: str,
        type: str,  # noqa: A002  # the word that the DAM's users have for it
        folders: Iterable[str] = ("01 Master Assets", "01 Final Assets"),
        campaign_id: str | None = None,
        domained: bool = True,
    ) -> str:
        """Adds a campaign with these folders; its status and type are pick lists, or plain text if not `domained`."""
        fields = campaign_fields(status=status, campaign_type=type, number=number, domained=domained)
        properties = {"model": "FERRERO.MODEL.CAMPAIGN", "metadata": _by_id(fields)}
        campaign_id = self._add(_folder(name, PUBLIC_FOLDERS, item_id=campaign_id, **properties))
        for folder in folders:
            self.add_folder(campaign_id, folder)
        return campaign_id

    def add_folder(self, parent_id: str, name: str) -> str:
        """Adds a folder; names need not be unique."""
        return self._add(_folder(name, self.item(parent_id).id))

    def add_asset(
        self,
        folder_id: str,
        name: str,
        source: Source = b"",
        *,
        mime_type: str | None = None,
        checksum: bool = True,
        deleted: bool = False,
        expired: bool = False,
        with_content: bool = True,
    ) -> str:
        """Adds a master with invented metadata that follows from its name and its campaign."""
        campaign_name, number = self._campaign_of(folder_id)
        fields = master_fields(name, campaign_name=campaign_name, campaign_number=number)
        asset = new_item(
            kind="asset",
            name=name,
            parent_id=folder_id,
            model=TEMPLATE_MODEL,
            metadata=_by_id(fields),
            sample_seed=name,
            security_policies=TEMPLATE_POLICIES,
            file_name=name,
            mime_type=mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
            deleted=deleted,
            expired=expired,
        )
        return self._add(asset, source if with_content else None, checksum=checksum)

    def import_asset(
        self,
        folder_id: str,
        name: str,
        source: Source | None,
        *,
        fields: Iterable[Element],
        drop_bytes: int = 0,
        **properties: Any,
    ) -> str:
        """Adds an asset as an import makes it: with the metadata sent and no other."""
        asset = new_item(kind="asset", name=name, parent_id=folder_id, **properties)
        return self._add(_written(asset, fields), source, drop_bytes=drop_bytes)

    def new_version(
        self, asset_id: str, source: Source, *, fields: Iterable[Element] = (), drop_bytes: int = 0, **properties: Any
    ) -> str:
        """Replaces an asset by its next version, which has a new id and no lock; the old one is no longer listed.

        Raises:
            Refusal: 409, the asset has a newer version already.
        """
        old = self.item(asset_id)
        if not old.latest:
            raise Refusal(409, f"{asset_id} is not the latest version of the asset.")
        now_s = time.time()
        properties |= {"created_s": now_s, "changed_s": now_s, "locked_by": None, "checked_out": False}
        new = replace(old, id=secrets.token_hex(20), version=old.version + 1, **properties)
        new = self._with_content(_written(new, fields), source, drop_bytes=drop_bytes)
        with self.records.changing():
            self.change(asset_id, latest=False, locked_by=None, checked_out=False)
            self.records.save(new)
        return new.id

    def clear(self) -> None:
        """Forgets everything."""
        self.records.clear()
        for file in self._contents.iterdir():
            file.unlink()
        self.expire_tokens()
        self._open_house()

    def close(self) -> None:
        """Closes the database; what was stored stays."""
        self.records.close()

    # --- looking

    def item(self, item_id: str) -> Item:
        """The folder, or the version of an asset, with this id."""
        item = self.records.item(item_id)
        if item is None:
            raise Refusal(404, f"There is no asset or folder {item_id}, or you may not see it.")
        return item

    def children(self, folder_id: str) -> list[Item]:
        """Folders and latest versions of assets directly in a folder, deleted ones too, in the order they came."""
        if self.item(folder_id).kind != "folder":
            raise Refusal(404, f"{folder_id} is not a folder.")
        return [item for item in self.records.items(parent_id=folder_id) if item.latest]

    def folder(self, parent_id: str, name: str) -> str:
        """The id of a folder by its name."""
        for child in self.children(parent_id):
            if child.kind == "folder" and child.name == name:
                return child.id
        raise Refusal(404, f"{parent_id} has no folder {name}.")

    def assets(self, folder_id: str) -> list[Item]:
        """The assets in a folder, in their latest version."""
        return [child for child in self.children(folder_id) if child.kind == "asset"]

    def content(self, asset_id: str) -> Path:
        """The file that holds the bytes of an asset.

        Raises:
            Refusal: 404, the asset has none.
        """
        item = self.item(asset_id)
        if item.size_bytes is None:
            raise Refusal(404, f"{asset_id} has no content.")
        return self._contents / item.id

    def waiting_upload(self, job_id: int) -> Path:
        """Where the bytes of a check-in wait for it."""
        return self._contents / f"job-{job_id}"

    def value(self, item_id: str, field_id: str) -> str:
        """The value of a metadata field (of a pick list its id), empty if there is none."""
        return next(iter(texts(self.item(item_id).metadata.get(field_id, {}))), "")

    def status(self, campaign_id: str) -> str:
        """The campaign's status, e.g. `A1`."""
        return self.value(campaign_id, CAMPAIGN_STATUS)

    # --- changing, as a person in the DAM's own pages

    def change(self, item_id: str, **changes: Any) -> None:
        """Replaces properties of an item."""
        with self.records.changing():
            self.records.save(replace(self.item(item_id), changed_s=time.time(), **changes))

    def write_fields(self, item_id: str, fields: Iterable[Element]) -> None:
        """Writes metadata fields over what is there, in the form that is there."""
        with self.records.changing():
            self.records.save(replace(_written(self.item(item_id), fields), changed_s=time.time()))

    def set_status(self, campaign_id: str, status: str) -> None:
        """Sets the campaign's status, whoever has it locked."""
        self.write_fields(campaign_id, [field(CAMPAIGN_STATUS, scalar_value(status))])

    def rename(self, item_id: str, name: str) -> None:
        """Gives a folder or asset another name."""
        self.change(item_id, name=name)

    def delete(self, item_id: str) -> None:
        """Deletes without purging: still there, marked as deleted."""
        self.change(item_id, deleted=True)

    def lock(self, item_id: str, user: str = "someone", *, check_out: bool = False) -> None:
        """Locks for a user, again if need be.

        Raises:
            Refusal: 409, somebody else has it locked.
        """
        with self.records.changing():
            item = self.item(item_id)
            refuse_lock_of_others(item, user)
            self.change(item_id, locked_by=user, checked_out=item.checked_out or check_out)

    def unlock(self, item_id: str, user: str | None = None) -> None:
        """Takes lock and check-out away, from `user` only if one is given; no error where there is none.

        Raises:
            Refusal: 409, somebody else has it locked.
        """
        with self.records.changing():
            if user is not None:
                refuse_lock_of_others(self.item(item_id), user)
            self.change(item_id, locked_by=None, checked_out=False)

    # --- access tokens

    def issue_token(self, user: str, lifetime_s: float) -> str:
        """A new token of a user."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (user, time.monotonic() + lifetime_s)
        return token

    def token_user(self, token: str) -> str | None:
        """Whose token this is; None where it is unknown or expired."""
        user, expires_s = self._tokens.get(token, ("", 0.0))
        return user if time.monotonic() < expires_s else None

    def expire_tokens(self) -> None:
        """Ends all tokens at once."""
        self._tokens.clear()

    def _campaign_of(self, folder_id: str) -> tuple[str, str]:
        folder = self.item(folder_id)
        while CAMPAIGN_NUMBER not in folder.metadata and folder.parent_id is not None:
            folder = self.item(folder.parent_id)
        return folder.name, self.value(folder.id, CAMPAIGN_NUMBER)

    def _add(self, item: Item, source: Source | None = None, *, checksum: bool = True, drop_bytes: int = 0) -> str:
        self.records.save(self._with_content(item, source, checksum=checksum, drop_bytes=drop_bytes))
        return item.id

    def _with_content(self, item: Item, source: Source | None, *, checksum: bool = True, drop_bytes: int = 0) -> Item:
        if source is None:
            return item
        size_bytes, md5 = write_hashed(source, self._contents / item.id, drop_bytes=drop_bytes)
        md5_hex = md5 if checksum else None
        return replace(item, rendition_id=secrets.token_hex(20), size_bytes=size_bytes, md5_hex=md5_hex)


def _folder(name: str, parent_id: str | None, **properties: Any) -> Item:
    return new_item(**{"kind": "folder", "name": name, "parent_id": parent_id, "model": _FOLDER_MODEL, **properties})


def _by_id(fields: Iterable[Element]) -> dict[str, Element]:
    return {element["id"]: element for element in fields}


def _written(item: Item, fields: Iterable[Element]) -> Item:
    by_id = _by_id(fields)
    name = "".join(texts(by_id.pop(ASSET_NAME, {}))) or item.name
    stored = {key: assigned(item.metadata.get(key), element) for key, element in by_id.items()}
    changed = {key: in_domain(element, "seeds") or element for key, element in stored.items()}
    return replace(item, name=name, metadata={**item.metadata, **changed})


def refuse_lock_of_others(item: Item, user: str) -> None:
    """Raises `Refusal` (409) where somebody else than `user` has the item locked."""
    if item.locked_by not in {None, user}:
        raise Refusal(409, f"{item.id} is locked by {item.locked_by}.")
