"""The steps of a way that concern two tables: each is written down in the caller's one transaction."""

from collections.abc import Collection
from dataclasses import dataclass

from ferrero_dagster.config.neighbours import CreativexSite
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.creativex import MasterScore
from ferrero_dagster.domain.files import Arrival, DamAsset, MasterDetails, ToBox, ToDam
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.tracking import agency_files, campaigns, finals, masters, rounds, scores, transfers, untold_files
from ferrero_dagster.tracking.database import Cursor


def intend(
    cursor: Cursor, route: MastersRoute, campaign_id: DamId, assets: Collection[DamAsset], *, finals_folder_id: DamId
) -> None:
    """Write down that these content versions are to be moved, each with its tracking ID; idempotent.

    A new tracking ID is taken by making the file a pending master. A route may keep the ID of the master that a file
    was made from, where that is known (SPEC 3, A5).
    """
    # Two that intend the same files wait for each other here, so that the second finds what the first has made.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"intend:{route.name}:{campaign_id}",))
    known = transfers.of_campaign(cursor, route.name, campaign_id)
    wanted = {(asset.id, asset.version): asset for asset in assets}
    back = [(known[key], asset) for key, asset in wanted.items() if key in known and known[key].state == "withdrawn"]
    transfers.renew(cursor, [transfer.id for transfer, _ in back])
    masters.insert_pending(cursor, {t.tracking_id: asset for t, asset in back}, campaign_id, finals_folder_id)
    new = [asset for key, asset in wanted.items() if key not in known]
    names = [asset.name for asset in new if route.reuse_tracking_ids]
    reused = masters.masters_of_finals(cursor, names, campaign_id) if names else {}
    unnamed = [asset for asset in new if asset.name not in reused]
    taken = masters.take_tracking_ids(cursor, unnamed, campaign_id, finals_folder_id)
    ids = [reused.get(asset.name) or taken[asset.id, asset.version] for asset in new]
    transfers.insert_intents(cursor, route.name, campaign_id, new, ids)


def withdraw(cursor: Cursor, gone: Collection[ToBox]) -> None:
    """The sources are gone from the DAM's folder before they were moved: nothing is left to do for them."""
    masters.delete_pending(cursor, transfers.leave_dam(cursor, [transfer.id for transfer in gone]))


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedMaster:
    """A master that is in Box and proven, with what is to be kept of it; `own_score` where its route keeps that."""

    transfer: ToBox
    arrival: Arrival[BoxId]
    details: MasterDetails
    own_score: tuple[CreativexSite, MasterScore] | None = None


def record_masters(cursor: Cursor, recorded: Collection[RecordedMaster]) -> None:
    """The files are in Box and proven: write it down, and the masters become `active`; idempotent.

    Raises:
        PermanentError: as `transfers.arrive_in_box`.
        RefusedByDatabase: as `masters.activate`.
    """
    transfers.arrive_in_box(cursor, [(one.transfer, one.arrival) for one in recorded])
    masters.activate(cursor, [_arrived(one) for one in recorded])
    untold_files.add(cursor, {one.transfer.id: one.arrival.run_id for one in recorded})
    for one in recorded:
        if one.own_score:
            scores.keep_master_score(cursor, *one.own_score, one.arrival.target_id)


def _arrived(one: RecordedMaster) -> masters.ArrivedMaster:
    return masters.ArrivedMaster(
        tracking_id=one.transfer.tracking_id,
        box_file_id=one.arrival.target_id,
        instead_of=one.transfer.target_id,
        details=one.details,
    )


def record_finals(cursor: Cursor, arrived: Collection[tuple[ToDam, Arrival[DamId]]]) -> set[int]:
    """The finals are in the DAM and proven: write it down; the ids of those that were not before. Idempotent."""
    new = transfers.arrive_in_dam(cursor, arrived)
    if new:
        finals.add_active(cursor, new)
        untold_files.add(cursor, {transfer.id: arrival.run_id for transfer, arrival in arrived if transfer.id in new})
    return new


def note_failed_run(cursor: Cursor, route: MastersRoute, current: rounds.Round) -> None:
    """A run ended without moving everything, for no error of the campaign: the next attempt comes after a pause."""
    if rounds.count_failed_run(cursor, current.id):
        campaigns.note_attempt(cursor, route.column_prefix, current.campaign_id)


def leave_agency_folder(cursor: Cursor, route: str, versions: Collection[tuple[BoxId, str]]) -> None:
    """These versions are no longer in the folder: moved by us, renamed, replaced or deleted; idempotent.

    What had not arrived is withdrawn; there is nothing left to try.
    """
    agency_files.mark_gone(cursor, route, versions)
    transfers.leave_box(cursor, route, versions)
