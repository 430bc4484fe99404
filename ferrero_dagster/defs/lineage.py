"""Tells Dagster of each file that has moved: in batches, from a thread of its own, so that no file waits for it.

The tables are the truth: what a run could not tell, as when it was killed, `tell_the_rest` tells later.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.config.routes import Route
from ferrero_dagster.defs.internals import store_materializations
from ferrero_dagster.defs.markdown import Metadata, life_metadata
from ferrero_dagster.defs.partitions import TRACKING_IDS_NAME
from ferrero_dagster.domain.files import Transfer
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.operations.traces import lives_so_far
from ferrero_dagster.tracking import campaigns, untold_files
from ferrero_dagster.tracking.database import Database

#: What makes an event's metadata of a file and the campaign's name.
Describe = Callable[[MovedFile, str], Metadata]

_MOST_AT_ONCE = 100
_PAUSE_S = 1.0
_LEFT_MINUTES = 10
_MOST_LEFT = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage:
    """Where the events of a route's files go."""

    instance: dg.DagsterInstance
    database: Database
    zone: ZoneInfo
    route: Route
    #: The asset that has an event for each file.
    files: dg.AssetKey
    describe: Describe
    #: What people are told of a file of its transfer.
    moved_file: Callable[[Transfer[Any, Any]], MovedFile]

    def tell(self, moved: Sequence[MovedFile], *, campaign: str, run_id: str) -> None:
        """Write the events of files that moved in a run; again, where that is told twice."""
        ids = [TrackingId(file.tracking_id) for file in moved]
        self.instance.add_dynamic_partitions(TRACKING_IDS_NAME, list(dict.fromkeys(ids)))
        lives = self.database.transact(lives_so_far, ids)
        events = [
            dg.AssetMaterialization(
                self.files,
                partition=id_,
                metadata=self.describe(file, campaign) | life_metadata(lives[id_], id_, self.zone),
            )
            for id_, file in zip(ids, moved, strict=True)
        ]
        step = dg.AssetKey(self.route.asset).to_python_identifier()
        store_materializations(self.instance, events, run_id=run_id, job=self.route.name, step=step)
        told = [file.transfer_id for file in moved if file.transfer_id is not None]
        self.database.transact(untold_files.forget, told)


class LineageWriter:
    """Tells of one run's files; use it as a context manager, which ends when all is told or could not be.

    `add` returns at once. Where Dagster's storage fails, `warn` hears of it, from the thread that leaves the context.
    """

    def __init__(self, lineage: Lineage, *, campaign: str, run_id: str, warn: Callable[[str], None]) -> None:
        self.campaign = campaign
        self._lineage = lineage
        self._run_id = run_id
        self._warn = warn
        self._moved: queue.SimpleQueue[MovedFile | None] = queue.SimpleQueue()
        #: Until the thread says otherwise, which it cannot where it dies.
        self._problem: str | Exception | None = "the thread that writes them has ended early"
        self._thread = threading.Thread(target=self._tell, name="lineage", daemon=True)

    def __enter__(self) -> "LineageWriter":
        """Begin to tell."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._moved.put(None)
        self._thread.join()
        if self._problem:
            self._warn(f"Dagster has not got the events of some files ({self._problem}); `reconcile` writes them.")

    def add(self, file: MovedFile) -> None:
        """This file has moved."""
        self._moved.put(file)

    def _tell(self) -> None:
        is_over, problem = False, None
        while not is_over:
            batch, is_over = self._next()
            try:
                if batch:
                    self._lineage.tell(batch, campaign=self.campaign, run_id=self._run_id)
            except Exception as error:  # noqa: BLE001  # the files have moved, whatever becomes of their events
                problem = error
        self._problem = problem

    def _next(self) -> tuple[list[MovedFile], bool]:
        """What has moved, and whether it is the last of it; waits for more, but not long."""
        batch: list[MovedFile] = []
        file = self._moved.get()
        while file is not None:
            batch.append(file)
            if len(batch) == _MOST_AT_ONCE:
                return batch, False
            try:
                file = self._moved.get(timeout=_PAUSE_S)
            except queue.Empty:
                return batch, False
        return batch, True


def tell_the_rest(database: Database, lineages: Mapping[str, Lineage]) -> int:
    """Tell of what moved a while ago in runs that did not tell of it, by routes' names; how many files it was."""
    left = database.transact(untold_files.older_than, _LEFT_MINUTES, limit=_MOST_LEFT)
    runs: dict[tuple[str, DamId, str], list[MovedFile]] = {}
    for one in left:
        transfer = one.transfer
        if lineage := lineages.get(transfer.route):
            runs.setdefault((transfer.route, transfer.campaign_id, one.run_id), []).append(lineage.moved_file(transfer))
    # Of routes that the site has no longer nobody can tell.
    database.transact(untold_files.forget, [one.transfer.id for one in left if one.transfer.route not in lineages])
    known = {campaign.id: str(campaign) for campaign in database.transact(campaigns.known, [id_ for _, id_, _ in runs])}
    for (route, campaign_id, run_id), moved in runs.items():
        lineages[route].tell(moved, campaign=known.get(campaign_id, campaign_id), run_id=run_id)
    return sum(map(len, runs.values()))
