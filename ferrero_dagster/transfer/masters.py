"""DAM → Box: moves what is missing of one campaign, then, and only then, advances its status (SPEC 3).

find → move (threads) → advance. Every step can be cut off and run again: intent is written first, proof last.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_session import NotFoundError
from ferrero_dagster.domain.box_names import box_file_name, campaign_folder_name, same_folder_name
from ferrero_dagster.domain.errors import CampaignError, FerreroError, FileRefused
from ferrero_dagster.domain.files import Campaign, DamAsset, MasterDetails, Transfer
from ferrero_dagster.domain.metadata import extracted_values, field_value
from ferrero_dagster.messages.facts import FailedFile, MovedFile
from ferrero_dagster.routes import Route
from ferrero_dagster.tracking import campaigns, rounds, transfers
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.transfer import incidents, outcomes
from ferrero_dagster.transfer.advance import advance
from ferrero_dagster.transfer.incidents import INCIDENTS
from ferrero_dagster.transfer.pool import Pool
from ferrero_dagster.transfer.progress import Progress
from ferrero_dagster.transfer.staging import Staging, staging
from ferrero_dagster.transfer.systems import Systems, Watcher


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a run did. `nothing` says in a sentence why there was nothing to do."""

    campaign: Campaign | None = None
    nothing: str | None = None
    moved: tuple[MovedFile, ...] = ()
    #: Files that an earlier run had moved.
    before: tuple[MovedFile, ...] = ()
    failed: tuple[FailedFile, ...] = ()
    box_folder_url: str | None = None
    status: str | None = None


def move_campaign(route: Route, campaign_id: str, systems: Systems, watcher: Watcher) -> Outcome:
    """Move one campaign along a route as far as it goes; safe to run again, whatever became of earlier runs.

    Raises:
        FerreroError: nothing more could be done; it is written down and, where somebody must act, mailed.
    """
    with systems.database.lock(f"{route.name}:{campaign_id}") as lock:
        if lock is None:
            return Outcome(nothing="Another run is moving this campaign just now; this one moved nothing.")
        try:
            return _CampaignMove(route, campaign_id, systems, watcher, lock).run()
        except INCIDENTS as error:
            incidents.report(
                systems.database, error, run_url=systems.links.run(watcher.run_id),
                mail_after_failures=systems.site.campaigns.outage_mail_after_failures,
            )  # fmt: skip
            raise


@dataclass(slots=True)
class _CampaignMove:
    route: Route
    campaign_id: str
    systems: Systems
    watcher: Watcher
    lock: HeldLock

    def run(self) -> Outcome:
        database = self.systems.database
        known = database.transact(
            lambda cursor: rounds.open_rounds(cursor, self.route.name, [self.campaign_id]).get(self.campaign_id)
        )
        try:
            campaign = self.systems.dam.campaign(self.campaign_id)
        except NotFoundError:
            self._close(known)
            return Outcome(nothing=f"The DAM has no campaign {self.campaign_id} (any more): nothing to move.")
        database.transact(lambda cursor: campaigns.note_seen(cursor, campaign))
        if campaign.status != self.route.status_before or campaign.type != self.route.campaign_type:
            return self._not_ours(campaign, known)
        current = database.transact(lambda cursor: rounds.open_round(cursor, self.route.name, campaign.id))
        try:
            return self._find_move_advance(campaign, current)
        except CampaignError as error:
            outcomes.count_strike(self._reporter(campaign, current), error)
            raise
        except FerreroError:
            database.transact(lambda cursor: rounds.note_failure(cursor, current.id))
            raise

    def _reporter(self, campaign: Campaign, current: rounds.Round) -> outcomes.Reporter:
        return outcomes.Reporter(
            route=self.route, campaign=campaign, round=current, database=self.systems.database,
            site=self.systems.site, links=self.systems.links, run_id=self.watcher.run_id,
            has_webhook=self.systems.has_webhook,
        )  # fmt: skip

    def _not_ours(self, campaign: Campaign, known: rounds.Round | None) -> Outcome:
        if known and known.advancing and campaign.status == self.route.status_after:
            # An earlier run set the status and died before it could say so.
            return self._finish(campaign, known, self._moved_files(campaign))
        self._close(known)
        return Outcome(
            campaign=campaign,
            before=self._moved_files(campaign),
            status=campaign.status,
            nothing=f"{campaign} is in {campaign.status or 'no status'} ({campaign.type or 'no type'}), "
            f"this route moves {self.route.campaign_type} in {self.route.status_before}: nothing to move.",
        )

    def _close(self, known: rounds.Round | None) -> None:
        if known:
            self.systems.database.transact(lambda cursor: rounds.close(cursor, known.id, "overtaken"))

    # --- find ----------------------------------------------------------------------------------------------------

    def _find_move_advance(self, campaign: Campaign, current: rounds.Round) -> Outcome:
        source_id, upload_id = find_folders(self.systems.dam, self.route, campaign.id)
        listed = [a for a in self.systems.dam.list_assets(source_id) if a.size_bytes is not None]
        if not listed:
            return Outcome(campaign=campaign, nothing=f"No assets in {self.route.source_folder} of {campaign} yet.")
        missing = self._missing(listed)
        self.watcher.log(f"{campaign}: {len(listed)} assets, {len(listed) - len(missing)} moved before.")
        before = self._moved_files(campaign, {(a.id, a.version) for a in listed})
        folder_id = self._box_folder(campaign)
        moved, failures = self._move(missing, upload_id, folder_id)
        folder_url = self.systems.links.box_folder(folder_id)
        failed = tuple(file for file, _ in failures)
        result = Outcome(campaign=campaign, moved=moved, before=before, failed=failed, box_folder_url=folder_url)
        if failures:
            outcomes.report_partial(self._reporter(campaign, current), before + moved, failures, folder_url)
            return replace(result, status=campaign.status)
        return self._advance(result, current)

    def _missing(self, listed: list[DamAsset]) -> list[DamAsset]:
        route, database = self.route.name, self.systems.database
        listed_keys = {(asset.id, asset.version) for asset in listed}

        def work(cursor: Cursor) -> set[tuple[str, str]]:
            transfers.adopt_cron_masters(cursor, route, self.campaign_id, listed)
            known = transfers.of_campaign(cursor, route, self.campaign_id)
            gone = [t for key, t in known.items() if t.state == "pending" and key not in listed_keys]
            transfers.withdraw(cursor, gone)
            return {key for key, transfer in known.items() if transfer.state == "moved"}

        moved = database.transact(work)
        return [asset for asset in listed if (asset.id, asset.version) not in moved]

    def _moved_files(self, campaign: Campaign, only: set[tuple[str, str]] | None = None) -> tuple[MovedFile, ...]:
        known = self.systems.database.transact(
            lambda cursor: transfers.of_campaign(cursor, self.route.name, campaign.id)
        )
        rows = [t for key, t in known.items() if t.state == "moved" and (only is None or key in only)]
        return tuple(self.moved_file(transfer) for transfer in rows)

    def moved_file(self, transfer: Transfer) -> MovedFile:
        """The transfer as people are told of it."""
        links = self.systems.links
        return MovedFile(
            name=transfer.source_name,
            stored_name=transfer.target_name or box_file_name(transfer.source_name, transfer.tracking_id),
            tracking_id=transfer.tracking_id,
            size_bytes=transfer.size_bytes or 0,
            dam_url=links.asset(transfer.source_id),
            box_url=links.box_file(transfer.target_id) if transfer.target_id else None,
        )

    def _box_folder(self, campaign: Campaign) -> str:
        root_id = self.systems.box_folders[self.route.box_root]
        name = campaign_folder_name(self.route.box_folder, campaign.number, campaign.name)
        folder_id = self.systems.box.ensure_folder(root_id, name)
        if self.route.box_subfolder:
            folder_id = self.systems.box.ensure_folder(folder_id, self.route.box_subfolder)
        return folder_id

    # --- move ----------------------------------------------------------------------------------------------------

    def _move(
        self, missing: list[DamAsset], upload_id: str, folder_id: str
    ) -> tuple[tuple[MovedFile, ...], list[tuple[FailedFile, str]]]:
        """Move the missing assets; failed ones come with the code of their error.

        Raises:
            FerreroError: an incident stopped it; what was under way has ended, the rest is left for the next run.
        """
        moved: list[MovedFile] = []
        failures: list[tuple[FailedFile, str]] = []
        incidents: list[FerreroError] = []
        reserve_bytes = self.systems.site.transfer.free_space_reserve_bytes
        with staging(self.systems.temp_dir, reserve_bytes=reserve_bytes) as area:
            lane = _Lane(self, folder_id, area, Progress(len(missing)))
            for (asset, _), result in lane.results(self._claimed(missing, upload_id)):
                if isinstance(result, MovedFile):
                    moved.append(result)
                    self.watcher.on_moved(result)
                elif isinstance(result, INCIDENTS):
                    incidents.append(result)
                else:
                    failures.append((FailedFile(name=asset.name, reason=str(result)), result.code))
                    self.watcher.log(f"{asset.name}: {result}")
        if incidents:
            raise incidents[0]
        return tuple(moved), failures

    def _claimed(self, missing: list[DamAsset], upload_id: str) -> Iterator[tuple[DamAsset, Transfer | None]]:
        """The assets with full metadata, read a batch at a time, each with its transfer; None for one that vanished."""
        for batch in _batches(missing, self.systems.site.dam.metadata_batch_size):
            full = {asset.id: asset for asset in self.systems.dam.load_assets(asset.id for asset in batch)}

            def work(cursor: Cursor, full: dict[str, DamAsset] = full) -> dict[str, Transfer]:
                return {id_: self._claim_one(cursor, asset, upload_id) for id_, asset in full.items()}

            claims = self.systems.database.transact(work)
            yield from ((full.get(asset.id, asset), claims.get(asset.id)) for asset in batch)

    def _claim_one(self, cursor: Cursor, asset: DamAsset, upload_id: str) -> Transfer:
        site = self.systems.site
        description = field_value(asset.raw, site.dam.description_field)
        details = MasterDetails(
            upload_directory=upload_id,
            description=str(description) if description is not None else None,
            extracted_fields=extracted_values(asset.raw, site.representation.field_ids),
        )
        return transfers.claim(
            cursor, self.route.name, self.campaign_id, asset, details, reuse_tracking_id=self.route.reuse_tracking_ids
        )

    # --- advance -------------------------------------------------------------------------------------------------

    def _advance(self, result: Outcome, current: rounds.Round) -> Outcome:
        assert result.campaign
        before, after = self.route.status_before, self.route.status_after
        chosen = advance(self.systems, self.lock, current, before=before, after=after)
        if chosen:
            return replace(
                result,
                status=chosen,
                nothing=f"All {len(result.before + result.moved)} assets are in Box, but somebody changed the status "
                f"to {chosen} meanwhile; it stays as it is.",
            )
        done = self._finish(result.campaign, current, result.before + result.moved, result.box_folder_url)
        return replace(done, moved=result.moved, before=result.before)

    def _finish(
        self, campaign: Campaign, current: rounds.Round, files: tuple[MovedFile, ...], folder_url: str | None = None
    ) -> Outcome:
        url = folder_url or self.systems.links.box_folder(self._box_folder(campaign))
        outcomes.report_complete(self._reporter(campaign, current), files, url)
        self.watcher.log(f"{campaign}: {len(files)} assets in Box, status is {self.route.status_after}.")
        return Outcome(campaign=campaign, before=files, box_folder_url=url, status=self.route.status_after)


class _Lane:
    """Moves one file at a time, in any of the pool's threads."""

    def __init__(self, run: _CampaignMove, folder_id: str, area: Staging, progress: Progress) -> None:
        self._run = run
        self._systems = run.systems
        self._folder_id = folder_id
        self._area = area
        self._progress = progress

    def results(
        self, claimed: Iterable[tuple[DamAsset, Transfer | None]]
    ) -> Iterator[tuple[tuple[DamAsset, Transfer | None], MovedFile | FerreroError]]:
        """Each file with what became of it, as they end."""
        pool: Pool[tuple[DamAsset, Transfer | None], MovedFile] = Pool(
            self._move,
            threads=self._systems.site.transfer.threads,
            on_idle=lambda: self._run.watcher.log(str(self._progress)),
        )
        return pool.run(claimed)

    def _move(self, task: tuple[DamAsset, Transfer | None]) -> MovedFile:
        asset, transfer = task
        if transfer is None:
            raise NotFoundError(f"{asset.name} vanished from the DAM meanwhile.", code="not found in the DAM")
        try:
            return self._download_upload_record(asset, transfer)
        except INCIDENTS:
            raise
        except FerreroError as error:
            message, code = str(error), error.code
            self._systems.database.transact(
                lambda cursor: transfers.record_failure(cursor, transfer.id, message=message, code=code)
            )
            raise
        finally:
            self._progress.finished_file()

    def _download_upload_record(self, asset: DamAsset, transfer: Transfer) -> MovedFile:
        if not asset.size_bytes:
            raise FileRefused(f"{asset.name} is empty (0 bytes) in the DAM; upload it there again.", code="empty file")
        name = box_file_name(asset.name, transfer.tracking_id)
        with self._area.room(asset.size_bytes) as path:
            digest = self._systems.dam.download(asset, path, self._progress.downloaded)
            file, adopted = self._systems.box.upload(self._folder_id, name, path, digest, self._progress.uploaded)
        source_hash, run_id = "given" if asset.md5_hex else "computed", self._run.watcher.run_id
        self._systems.database.transact(
            lambda cursor: transfers.record_moved(
                cursor, transfer, file, digest, source_hash=source_hash, run_id=run_id, adopted=adopted
            )
        )
        return self._run.moved_file(
            replace(transfer, target_id=file.id, target_name=file.name, size_bytes=digest.size_bytes)
        )


def find_folders(dam: Otmm, route: Route, campaign_id: str) -> tuple[str, str]:
    """The ids of the campaign's source folder and of the folder that its finals go to.

    The latter is the campaign folder itself where it has no such folder yet.

    Raises:
        CampaignError: there is no source folder, or there are several.
    """
    children = dam.child_folders(campaign_id)
    source = [folder_id for folder_id, name in children if same_folder_name(name, route.source_folder)]
    upload = [folder_id for folder_id, name in children if same_folder_name(name, route.upload_folder)]
    if not source:
        raise CampaignError(route.folder_error, code="source folder not found")
    if len(source) > 1:
        raise CampaignError(
            f"{len(source)} folders are named {route.source_folder}; keep one.", code="source folder ambiguous"
        )
    return source[0], upload[0] if upload else campaign_id


def _batches(assets: Iterable[DamAsset], size: int) -> Iterator[list[DamAsset]]:
    rest = iter(assets)
    while batch := list(islice(rest, size)):
        yield batch
