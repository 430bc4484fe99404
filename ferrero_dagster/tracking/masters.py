"""`master_assets`: the files that finals are made from, each under its tracking ID (SPEC 3.5, 4.7).

A master whose file is still to be moved is in `pending_masters`, a table of ours. Once the file is in Box it is in
`master_assets` and `active`; when no final of it is awaited any more, `withdrawn`, or what that column takes instead.
"""

import secrets
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2.sql import SQL, Identifier

from ferrero_dagster.domain.files import DamAsset, MasterDetails
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.sound_json import parsed
from ferrero_dagster.domain.triage import KnownMaster
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.filling import extracted_columns, filled
from ferrero_dagster.tracking.neighbours import attempted, column_types, first_accepted
from ferrero_dagster.tracking.refusals import not_kept
from ferrero_dagster.tracking.storable import fitted, json_text

_TRACKING_ID_CHARACTERS = string.ascii_uppercase + string.digits
#: What `status` says of a master that no final is awaited of: the first word that the column takes.
WITHDRAWN = ("withdrawn", "inactive", "archived")


@dataclass(frozen=True, kw_only=True, slots=True)
class Master:
    """What a final takes from its master; rows of the cron scripts may lack any of it."""

    dam_id: DamId | None
    finals_folder_id: DamId | None
    metadata_json: str | None

    def full_metadata(self) -> Any:
        """Its metadata as the DAM sent them, read anew at each call: that takes milliseconds."""
        return parsed(self.metadata_json or "null")


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveMaster:
    """A master that finals are awaited for; `name` and `campaign` as people call them, as far as they are known."""

    tracking_id: TrackingId
    name: str
    campaign: str


def take_tracking_ids(
    cursor: Cursor, assets: Collection[DamAsset], campaign_id: DamId, finals_folder_id: DamId
) -> dict[tuple[DamId, str], TrackingId]:
    """A new tracking ID for each asset, by its id and version, each with a pending master.

    The unique constraint decides which are free, not a look before; that of `master_assets` has the last word, when the
    file has arrived. None differs from one that is there in case only: Box takes names that do for the same.
    """
    taken: dict[tuple[DamId, str], TrackingId] = {}
    while missing := [asset for asset in assets if (asset.id, asset.version) not in taken]:
        drawn = {_new_tracking_id(): asset for asset in missing}
        for alike in known_masters(cursor, drawn):
            drawn.pop(TrackingId(alike.upper()), None)
        for tracking_id in insert_pending(cursor, drawn, campaign_id, finals_folder_id):
            taken[drawn[tracking_id].id, drawn[tracking_id].version] = tracking_id
    return taken


def _new_tracking_id() -> TrackingId:
    return TrackingId("".join(secrets.choice(_TRACKING_ID_CHARACTERS) for _ in range(6)))


def insert_pending(
    cursor: Cursor, assets: Mapping[TrackingId, DamAsset], campaign_id: DamId, finals_folder_id: DamId
) -> list[TrackingId]:
    """Make assets masters under these tracking IDs and return the IDs that were free; no metadata is known yet."""
    ids, originals = [one.id for one in assets.values()], [one.original_id for one in assets.values()]
    cursor.execute(
        """
        INSERT INTO pending_masters (tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory)
        SELECT m.tracking_id, id, original_id, name, %s, %s
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS m (tracking_id, id, original_id, name)
        WHERE NOT EXISTS (SELECT FROM master_assets k WHERE k.tracking_id = m.tracking_id)
        ON CONFLICT (tracking_id) DO NOTHING RETURNING tracking_id
        """,
        (campaign_id, finals_folder_id, list(assets), ids, originals, [one.name for one in assets.values()]),
    )
    return [row["tracking_id"] for row in cursor.fetchall()]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivedMaster:
    """A master whose file is in Box, with what the DAM says of it."""

    tracking_id: TrackingId
    box_file_id: BoxId
    #: The file that was in Box before, and is there no longer.
    instead_of: BoxId | None
    details: MasterDetails


def activate(cursor: Cursor, arrived: Collection[ArrivedMaster]) -> None:
    """The masters are in Box, perhaps for files that are there no longer: finals of them are awaited; idempotent.

    Raises:
        RefusedByDatabase: the table does not keep a row as it is written.
    """
    _replace_files(cursor, [one for one in arrived if one.instead_of])
    pending = delete_pending(cursor, [one.tracking_id for one in arrived])
    new = [one for one in arrived if one.tracking_id in pending]
    if new:
        _insert_active(cursor, new, pending)
        _fill_extracted(cursor, {one.tracking_id: one.details.extracted_fields for one in new})


#: As that column of theirs has it, which may be a number.
_BOX_FILE_ID = """(jsonb_populate_record(
    NULL::master_assets, jsonb_build_object('box_file_id', a.box_file_id))).box_file_id"""


def _replace_files(cursor: Cursor, arrived: Collection[ArrivedMaster]) -> None:
    if arrived:
        cursor.execute(
            f"""
            UPDATE master_assets m SET box_file_id = {_BOX_FILE_ID}, updated_at = now()
            FROM unnest(%s::text[], %s::text[], %s::text[]) AS a (tracking_id, box_file_id, instead_of)
            WHERE m.tracking_id = a.tracking_id AND m.box_file_id::text = a.instead_of
            """,
            [list(each) for each in zip(*((a.tracking_id, a.box_file_id, a.instead_of) for a in arrived), strict=True)],
        )


def _insert_active(
    cursor: Cursor, arrived: Collection[ArrivedMaster], pending: Mapping[TrackingId, Mapping[str, Any]]
) -> None:
    columns, values = filled(cursor, "master_assets")
    rows = [
        (
            one.tracking_id, known["opentext_id"], known["original_id"], known["asset_name"], known["campaign_id"],
            one.details.finals_folder_id, one.details.description, one.details.full_metadata,
            json_text(one.details.extracted_fields), one.box_file_id,
        )
        for one in arrived
        for known in [pending[one.tracking_id]]
    ]  # fmt: skip
    cursor.execute(
        f"""
        INSERT INTO master_assets (tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory,
                                   description, full_metadata, extracted_fields, box_file_id, status{columns})
        SELECT tracking_id, opentext_id, original_id, {fitted("master_assets", "asset_name", "asset_name")},
               campaign_id, upload_directory, {fitted("master_assets", "description", "description")},
               full_metadata::jsonb, extracted_fields::jsonb, {_BOX_FILE_ID}, 'active'{values}
        FROM unnest({", ".join(["%s::text[]"] * 10)}) AS a (
            tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory, description,
            full_metadata, extracted_fields, box_file_id)
        RETURNING tracking_id::text, status::text
        """,
        [list(column) for column in zip(*rows, strict=True)],
    )
    kept = {row["tracking_id"] for row in cursor.fetchall() if row["status"] == "active"}
    if kept != {one.tracking_id for one in arrived}:
        raise not_kept("master_assets")


def _fill_extracted(cursor: Cursor, extracted: Mapping[TrackingId, Mapping[str, Any]]) -> None:
    """Fill columns that are called as metadata fields are; a value that one does not take shall not hold up a file."""
    kinds = column_types(cursor, "master_assets")
    columns = {id_: extracted_columns(kinds, fields) for id_, fields in extracted.items()}
    wanted = {id_: found for id_, found in columns.items() if found}
    if wanted:
        _, problem = attempted(cursor, "master_assets", _fill_columns, wanted)
        for id_, found in wanted.items() if problem and len(wanted) > 1 else ():
            attempted(cursor, "master_assets", _fill_columns, {id_: found})


def _fill_columns(cursor: Cursor, wanted: Mapping[TrackingId, Mapping[str, str]]) -> None:
    for column in sorted({column for columns in wanted.values() for column in columns}):
        texts = {id_: columns[column] for id_, columns in wanted.items() if column in columns}
        statement = SQL(
            "UPDATE master_assets m SET {name} = coalesce(m.{name}, {value}) "
            "FROM unnest(%s::text[], %s::text[]) AS a (id, text) WHERE m.tracking_id = a.id"
        ).format(name=Identifier(column), value=SQL(fitted("master_assets", column, "a.text")))
        cursor.execute(statement, (list(texts), list(texts.values())))


def delete_pending(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> dict[TrackingId, dict[str, Any]]:
    """Masters that have arrived, or never will, are on their way no longer; those that were, by their tracking IDs."""
    cursor.execute(
        "DELETE FROM pending_masters WHERE tracking_id = ANY(%s) "
        "RETURNING tracking_id, opentext_id, original_id, asset_name, campaign_id",
        (list(tracking_ids),),
    )
    return {row["tracking_id"]: row for row in cursor.fetchall()}


def withdraw_master(cursor: Cursor, tracking_id: TrackingId) -> None:
    """No final is awaited for the master any more."""
    first_accepted(
        cursor,
        "UPDATE master_assets SET status = %(word)s, updated_at = now() "
        "WHERE tracking_id = %(tracking_id)s AND status = 'active'",
        {"tracking_id": tracking_id},
        WITHDRAWN,
    )


def masters_of_finals(cursor: Cursor, names: Collection[str], campaign_id: DamId) -> dict[str, TrackingId]:
    """The tracking IDs of the masters that files of these clean names were made from, the campaign's own first.

    Of a cron script's final the extension may stand in its own column alone.
    """
    cursor.execute(
        """
        SELECT DISTINCT ON (name) name, d.tracking_id
        FROM unnest(%s::text[]) AS name
        JOIN derivative_assets d ON name IN (
            derivative_filename, derivative_filename || '.' || ltrim(file_extension, '.'))
        JOIN master_assets m USING (tracking_id)
        WHERE d.status = 'active' AND m.status = 'active'
        ORDER BY name, (m.campaign_id IS NOT DISTINCT FROM %s) DESC, d.created_at DESC NULLS LAST
        """,
        (list(names), campaign_id),
    )
    return {row["name"]: row["tracking_id"] for row in cursor.fetchall()}


def known_masters(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> dict[TrackingId, KnownMaster]:
    """The masters with these tracking IDs, and those whose IDs differ from one of these in case only."""
    cursor.execute(
        """
        SELECT tracking_id, campaign_id, status::text FROM master_assets WHERE lower(tracking_id) = ANY(%(ids)s)
        UNION ALL
        SELECT tracking_id, campaign_id, 'pending' FROM pending_masters WHERE lower(tracking_id) = ANY(%(ids)s)
        """,
        {"ids": [tracking_id.lower() for tracking_id in tracking_ids]},
    )
    return {row["tracking_id"]: KnownMaster(**row) for row in cursor.fetchall()}


def active_masters(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> list[ActiveMaster]:
    """The active ones among these masters."""
    cursor.execute(
        """
        SELECT tracking_id, coalesce(asset_name, opentext_id, 'unknown') AS name,
               coalesce(nullif(concat_ws(' ', campaign_number, campaign_name), ''), campaign_id, 'unknown') AS campaign
        FROM master_assets m LEFT JOIN campaign_status USING (campaign_id)
        WHERE tracking_id = ANY(%s) AND m.status = 'active' ORDER BY tracking_id
        """,
        (list(tracking_ids),),
    )
    return [ActiveMaster(**row) for row in cursor.fetchall()]


def masters(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> dict[TrackingId, Master]:
    """The active masters with these tracking IDs, with their full metadata (200 KB and more each)."""
    cursor.execute(
        # As text: PostgreSQL keeps metadata that are nested deeper than its driver can read.
        "SELECT tracking_id, opentext_id AS dam_id, upload_directory AS finals_folder_id, "
        "full_metadata::text AS metadata_json FROM master_assets WHERE tracking_id = ANY(%s) AND status = 'active'",
        (list(tracking_ids),),
    )
    return {row.pop("tracking_id"): Master(**row) for row in cursor.fetchall()}


def master(cursor: Cursor, tracking_id: TrackingId) -> Master | None:
    """The active master with this tracking ID, if there is one."""
    return masters(cursor, [tracking_id]).get(tracking_id)
