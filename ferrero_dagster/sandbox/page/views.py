"""What the page shows of the DAM and of Box: plain values, read from the stores at each look."""

import base64
import mimetypes
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.box.items import Item as BoxItem
from ferrero_dagster.sandbox.box.store import TEMPLATE
from ferrero_dagster.sandbox.mailbox import ReceivedMail
from ferrero_dagster.sandbox.otmm import Item as DamItem
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.metadata import texts, title
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER, CAMPAIGN_TYPE
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS

#: What a browser may open itself; anything else might be a page that acts in our name, and is only offered to be saved.
SAFE_TO_OPEN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "application/pdf"})

#: What people do in Box, as the buttons say it.
DELETE, REPLACE = "Delete in Box", "Replace in Box"

_FILES_PER_FOLDER = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A folder or file in a list. What is not shown of a folder's content counts as `more`."""

    name: str
    url: str
    size_bytes: int | None = None
    note: str = ""
    children: tuple["Entry", ...] = ()
    more: int = 0
    #: Labels of what people can do with it.
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignRow:
    """A campaign; `folders` are its folders with the number of assets in each."""

    id: str
    number: str
    name: str
    type: str
    status: str
    deleted: bool
    folders: tuple[tuple[Entry, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """Everything about one folder or file; `path` leads to it. What has no content has neither address nor type."""

    system: Literal["DAM", "Box"]
    name: str
    url: str
    path: tuple[Entry, ...]
    facts: dict[str, str]
    fields: dict[str, str]
    children: tuple[Entry, ...] = ()
    content_url: str = ""
    media_type: str | None = None
    #: Labels of what people can do with it.
    buttons: tuple[str, ...] = ()

    @property
    def opens(self) -> bool:
        """Whether a browser may show the content itself."""
        return self.media_type in SAFE_TO_OPEN


def campaigns(otmm: OtmmStore) -> list[CampaignRow]:
    """All campaigns, the newest first."""
    found = [item for item in otmm.children(PUBLIC_FOLDERS) if item.kind == "folder"]
    return [_campaign(otmm, item) for item in reversed(found)]


def _campaign(otmm: OtmmStore, item: DamItem) -> CampaignRow:
    folders = [child for child in otmm.children(item.id) if child.kind == "folder"]
    return CampaignRow(
        id=item.id,
        number=otmm.value(item.id, CAMPAIGN_NUMBER),
        name=item.name,
        type=otmm.value(item.id, CAMPAIGN_TYPE),
        status=otmm.status(item.id),
        deleted=item.deleted,
        folders=tuple((_dam_entry(folder), len(otmm.assets(folder.id))) for folder in folders),
    )


def dam_item(otmm: OtmmStore, item_id: str) -> ItemPage:
    """A folder or asset of the DAM; raises the store's 404."""
    item = otmm.item(item_id)
    facts = {"Id": item.id, "Changed": moment(item.changed_s), "Locked by": item.locked_by or ""}
    if item.kind == "asset":
        facts |= {"Size": _bytes(item.size_bytes or 0), "MD5": item.md5_hex or "", "Version": str(item.version)}
    return ItemPage(
        system="DAM",
        name=item.name,
        url=_dam_entry(item).url,
        path=_dam_path(otmm, item),
        facts={label: value for label, value in facts.items() if value},
        fields={title(key): ", ".join(values) for key, field in item.metadata.items() if (values := texts(field))},
        children=tuple(map(_dam_entry, otmm.children(item.id))) if item.kind == "folder" else (),
        content_url="" if item.size_bytes is None else f"/dam/asset/{item.id}/content",
        media_type=item.mime_type,
    )


def _dam_path(otmm: OtmmStore, item: DamItem) -> tuple[Entry, ...]:
    if item.parent_id in {None, PUBLIC_FOLDERS}:
        return ()
    parent = otmm.item(str(item.parent_id))
    return (*_dam_path(otmm, parent), _dam_entry(parent))


def _dam_entry(item: DamItem) -> Entry:
    note = "deleted" if item.deleted else "expired" if item.expired else ""
    return Entry(name=item.name, url=f"/dam/{item.kind}/{item.id}", size_bytes=item.size_bytes, note=note)


def box_tree(box: BoxStore, kept_ids: Collection[str], folder_id: str = "0") -> tuple[Entry, ...]:
    """What is in the folder and, shortened, in the folders inside it; the site's own folders are `kept_ids`."""
    return tuple(_box_entry(box, kept_ids, item) for item in box.items(folder_id))


def _box_entry(box: BoxStore, kept_ids: Collection[str], item: BoxItem) -> Entry:
    items = box.items(item.id) if item.type == "folder" else []
    shown = tuple(_box_entry(box, kept_ids, child) for child in items[:_FILES_PER_FOLDER])
    return Entry(
        name=item.name,
        url=f"/box/{item.type}/{item.id}",
        size_bytes=item.size_bytes if item.type == "file" else None,
        children=shown,
        more=len(items) - len(shown),
        buttons=box_buttons(kept_ids, item),
    )


def box_buttons(kept_ids: Collection[str], item: BoxItem) -> tuple[str, ...]:
    """What people can do with a file or folder; the site's own folders stay."""
    if item.type == "file":
        return (REPLACE, DELETE)
    return () if item.id in kept_ids or item.parent_id is None else (DELETE,)


def box_item(box: BoxStore, kept_ids: Collection[str], item_id: str, kind: Literal["file", "folder"]) -> ItemPage:
    """A folder or file of Box; raises the store's 404."""
    item = box.item(item_id, kind)
    facts = {"Id": item.id, "Changed": moment(item.modified_at)}
    if kind == "file":
        facts |= {"Size": _bytes(item.size_bytes), "SHA-1": item.sha1_hex, "ETag": item.etag}
    fields = box.metadata(item.id, TEMPLATE) or {}
    return ItemPage(
        system="Box",
        name=item.name,
        url=f"/box/{kind}/{item.id}",
        path=_box_path(box, item),
        facts=facts,
        fields={key: str(value) for key, value in fields.items() if not key.startswith("$")},
        children=box_tree(box, kept_ids, item.id) if kind == "folder" else (),
        content_url=f"/box/file/{item.id}/content" if kind == "file" else "",
        media_type=mimetypes.guess_type(item.name)[0],
        buttons=box_buttons(kept_ids, item),
    )


def _box_path(box: BoxStore, item: BoxItem) -> tuple[Entry, ...]:
    if item.parent_id is None:
        return ()
    parent = box.item(item.parent_id, "folder")
    return (*_box_path(box, parent), Entry(name=parent.name, url=f"/box/folder/{parent.id}"))


def mail_html(mail: ReceivedMail) -> str:
    """The mail as a browser can show it, which knows no Content-IDs; its links open beside the page."""
    html = mail.html.replace("<head>", '<head><base target="_blank">', 1)
    for part in mail.message.walk():
        kind = part.get_content_type()
        if kind.startswith("image/") and kind in SAFE_TO_OPEN:
            content_id = str(part["Content-ID"] or "").strip("<>")
            picture = base64.b64encode(part.get_content()).decode()
            html = html.replace(f'"cid:{content_id}"', f'"data:{kind};base64,{picture}"')
    return html


def attachment_names(mail: ReceivedMail) -> str:
    """The names of the files that came with the mail."""
    return ", ".join(part.get_filename() or "unnamed" for part in mail.message.iter_attachments())


def moment(when: float | str) -> str:
    """A time (seconds since 1970, or ISO 8601) as people here read it."""
    known = datetime.fromtimestamp(when, timezone.utc) if isinstance(when, float) else datetime.fromisoformat(when)
    return known.astimezone().strftime("%d %b %Y, %H:%M:%S")


def _bytes(count: int) -> str:
    return f"{count:,} bytes"
