"""Reads what the DAM answers into values of ours: the one place that knows its keys (contract otmm.md 3-8)."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from ferrero_dagster.clients.answers import Item, id_in, items_in, object_in, shown, sorted_items_in
from ferrero_dagster.config.site import DamSite
from ferrero_dagster.domain.errors import PermanentError, SpoiledItem, UnexpectedAnswer
from ferrero_dagster.domain.files import Campaign, DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.domain.otmm.metadata import (
    LEVELS,
    field_value,
    field_values,
    fields_by_id,
    is_readable,
    shown_text,
    types_inside,
)
from ferrero_dagster.domain.sound_json import OddNumber, SentObject, is_shallow

SYSTEM = "DAM"
_MD5_HEX_DIGITS = 32

Answer = dict[str, Any]


def search_page(body: Answer, what: str) -> tuple[list[Item], list[SpoiledItem], int | None]:
    """Hits of a search, what else is listed among them, and how many hits there are on all pages, if it is told.

    Raises:
        PermanentError: the DAM dropped a condition, so these are not the hits that were asked for.
        UnexpectedAnswer: it is no search's answer.
    """
    resource = object_in(SYSTEM, what, body, "search_result_resource")
    result = object_in(SYSTEM, what, body, "search_result_resource", "search_result")
    if result.flag("contains_invalid_conditions"):
        raise PermanentError(
            f"{what}: the DAM dropped a condition; check dam.status_field, dam.type_field and dam.search_config_id "
            "in the site configuration.",
            code="DAM search condition dropped",
        )
    hits, others = sorted_items_in(resource, "asset_list")
    if not hits and not others and (result.fields.get("hit_count") or result.fields.get("asset_id_list")):
        raise UnexpectedAnswer(SYSTEM, f"{what}: the DAM counts hits but lists none.")
    return hits, others, _total(result)


def _total(result: Item) -> int | None:
    try:
        return result.size("total_hit_count")
    except SpoiledItem:
        return None  # the pages themselves end


def folder(body: Answer, what: str) -> Item:
    """The folder in an answer.

    Raises:
        UnexpectedAnswer: there is none.
    """
    return object_in(SYSTEM, what, body, "folder_resource", "folder")


def folders(body: Answer, what: str) -> list[Item]:
    """The folders that an answer lists."""
    return items_in(object_in(SYSTEM, what, body, "folders_resource"), "folder_list")


def children(body: Answer, what: str) -> list[Item]:
    """What an answer lists of a folder: assets and folders, deleted ones too."""
    return items_in(object_in(SYSTEM, what, body, "folder_children"), "asset_list")


def assets(body: Answer, what: str) -> list[Item]:
    """The assets that an answer lists."""
    return items_in(object_in(SYSTEM, what, body, "assets_resource"), "asset_list")


def single_asset(body: Answer, what: str) -> Item:
    """The asset in an answer; raises as `folder`."""
    return object_in(SYSTEM, what, body, "asset_resource", "asset")


def id_of(item: Item) -> DamId:
    """The id of a folder or of an asset's content version."""
    return DamId(item.identifier("asset_id"))


def is_folder(item: Item) -> bool:
    """Whether it is a folder, not an asset."""
    kind = item.fields.get("type")
    has_folder_type = isinstance(kind, str) and kind.endswith(".Container")
    return item.fields.get("data_type") == "CONTAINER" or "container_id" in item.fields or has_folder_type


def is_deleted(item: Item) -> bool:
    """Whether it is in the DAM's bin."""
    return item.flag("deleted") or item.text("content_state") in {"DELETED", "SEL_DEL"}


def is_alive(item: Item) -> bool:
    """Whether it is neither deleted nor past its date."""
    return not (is_deleted(item) or item.flag("expired"))


def has_metadata(item: Item) -> bool:
    """Whether the answer says anything of its metadata."""
    return bool(item.fields.get("metadata"))


def campaign(item: Item, site: DamSite, words: Collection[str] = ()) -> Campaign:
    """A campaign from its folder; of status and type the form, id or text, that is one of the `words`.

    Where neither is, the id stands, but for one that its text does not begin with: then the text, as people know it.

    Raises:
        SpoiledItem: its id, its name or one of its fields cannot be read.
    """
    return Campaign(
        id=id_of(item),
        number=_field(item, site.number_field),
        name=item.text("name"),
        status=_word(item, site.status_field, words),
        type=_word(item, site.type_field, words),
    )


def _word(item: Item, field_id: str, words: Collection[str]) -> str:
    value_id, text = forms(item, field_id)
    known = next((form for form in (value_id, text) if form in words), None)
    return known or (value_id if text.startswith(value_id) else text)


def forms(item: Item, field_id: str) -> tuple[str, str]:
    """Id and text of a field's value; twice the same where it is no pick list's (contract otmm.md 5.2)."""
    value_id = _field(item, field_id)
    return value_id, (shown_text(item.fields.get("metadata"), field_id) or value_id).strip()


def forms_or_none(item: Item, field_id: str) -> tuple[str, str]:
    """As `forms`; twice nothing where the field cannot be read."""
    try:
        return forms(item, field_id)
    except SpoiledItem:
        return "", ""


def user_names(body: Answer) -> list[str]:
    """How the DAM calls the user of this session (contract otmm.md 2.3)."""
    resource = body.get("session_resource")
    session = resource.get("session") if isinstance(resource, dict) else None
    names = [session.get(key) for key in ("login_name", "user_full_name")] if isinstance(session, dict) else []
    return [name for name in names if isinstance(name, str)]


def domains(body: Answer) -> list[dict[str, str]]:
    """Texts by id of each pick list that the DAM has; what cannot be read is left out (contract otmm.md 5.2)."""
    lists = _objects(body.get("lookup_domains_resource"), "lookup_domains")
    return [dict(_domain_values(one)) for one in lists]


def _domain_values(domain: Answer) -> Iterator[tuple[str, str]]:
    for value in _objects(domain, "domainValues"):
        inner, text = value.get("field_value"), value.get("display_value")
        value_id = inner.get("value") if isinstance(inner, dict) else None
        if isinstance(value_id, str | int) and isinstance(text, str):
            yield str(value_id).strip(), text.strip()


def _objects(holder: Any, key: str) -> list[Answer]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def _field(item: Item, field_id: str) -> str:
    metadata = item.fields.get("metadata")
    if (metadata and not isinstance(metadata, dict | list)) or not is_readable(metadata, field_id):
        raise item.spoiled("metadata", f"a value of {field_id}")
    value = field_value(metadata, field_id)
    return str(value).strip() if value is not None else ""


def name_of(item: Item) -> str:
    """The name of an asset: its own, that of its content, or else its id."""
    return item.text("name") or item.inner("master_content_info").text("name") or id_of(item)


def asset(item: Item) -> DamAsset:
    """An asset as a listing shows it, without metadata.

    Raises:
        SpoiledItem: one of its values cannot be read.
    """
    content = item.inner("master_content_info")
    asset_id, checksum = id_of(item), content.text("content_checksum").lower()
    return DamAsset(
        id=asset_id,
        original_id=DamId(item.identifier("original_asset_id")) if item.fields.get("original_asset_id") else asset_id,
        version=item.text("version"),
        name=name_of(item),
        size_bytes=(content if "content_size" in content.fields else item).size("content_size"),
        md5_hex=checksum if len(checksum) == _MD5_HEX_DIGITS else None,
        expired=item.flag("expired"),
    )


def full_asset(item: Item) -> DamAsset:
    """An asset with all that the DAM says of it.

    Raises:
        SpoiledItem: as `asset`, or it is nested deeper than any metadata are.
    """
    if isinstance(item.fields, SentObject) and is_shallow(item.fields.sent, LEVELS):
        return replace(asset(item), raw=item.fields)
    types = types_inside(item.fields, levels=LEVELS)
    if types is None:
        raise SpoiledItem(
            SYSTEM,
            f"{item.what}: the metadata of {item.label} are nested more than {LEVELS} levels deep; look at it in the "
            "DAM.",
        )
    listed = asset(item)
    notes = _odd_numbers(item, listed.name) if OddNumber in types else ()
    return replace(listed, raw=item.fields, notes=tuple(notes))


def _odd_numbers(item: Item, name: str) -> Iterator[str]:
    """A note on each field whose number PostgreSQL could not keep as one."""
    for field_id, node in fields_by_id(item.fields).items():
        for value in field_values(node, field_id):
            if isinstance(value, OddNumber):
                told = (
                    f"{name}: the DAM gives {shown(str(value))} as {field_id}, which is no number; it is kept as text."
                )
                yield str(one_line(told))


def job_id(body: Answer, what: str) -> str:
    """The handle of the job that an answer names.

    Raises:
        UnexpectedAnswer: it names none.
    """
    handle = object_in(SYSTEM, what, body, "job_handle")
    return handle.identifier("job_id")


def named_by_import(body: object) -> tuple[str | None, DamId | None]:
    """The job or the asset that the answer to an import names, in any of the forms that are known or likely.

    Some versions send a list of one as the bare object (contract otmm.md 1), and what a 201 holds is unknown (contract
    customer.md 1).
    """
    job = next(_texts(body, ("job_handle", "job_resource", "job"), "job_id"), None)
    asset = next(_texts(body, ("assets_resource", "asset_list", "asset_resource", "asset"), "asset_id"), None)
    return job, DamId(asset) if asset else None


def _texts(body: object, containers: Collection[str], key: str) -> Iterator[str]:
    """The values of `key` in these containers, in whatever order they are wrapped."""
    for node in body if isinstance(body, list) else [body]:
        if isinstance(node, dict):
            if text := id_in(node.get(key)):
                yield text
            for name in containers:
                yield from _texts(node.get(name), containers, key)


def made_by_job(body: Answer, what: str) -> DamId | None:
    """The asset that a job has made; None while there is none."""
    made = body.get("assets_resource")
    if made is None:
        return None
    found = items_in(object_in(SYSTEM, what, body, "assets_resource"), "asset_list")
    return next((id_of(item) for item in found if item.fields.get("asset_id")), None)


def job_statuses(body: object) -> list[str]:
    """All that a job's answer calls a status or state; its keys are not documented (contract otmm.md 8.2)."""
    found, pending = [], [body]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            found += [v for k, v in node.items() if isinstance(v, str) and ("status" in k or "state" in k)]
        pending.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    return found


def reason_in(body: object) -> dict[str, Any]:
    """The `exception_body` of an error answer; empty where there is none (contract otmm.md 9)."""
    reason = body.get("exception_body") if isinstance(body, dict) else None
    return reason if isinstance(reason, dict) else {}
