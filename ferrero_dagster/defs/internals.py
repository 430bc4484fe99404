"""What we use of Dagster beyond what it promises to keep; we pin its minor version, and look at this when it moves."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

# What the public `all_instigator_state` returns and `get_ticks` takes.
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME as IMPLICIT_JOB
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData, TickStatus

# What the event log takes to tell checks that have ended from those that a run has only planned.
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as ENDED_CHECKS,
)

# What a storage of one's own is made of, and what Dagster uses where none is configured.
from dagster._core.storage.base_storage import DagsterStorage

# Its tables of events: of old ones it has no call to delete.
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

__all__ = [
    "ENDED_CHECKS",
    "IMPLICIT_JOB",
    "AssetEventTagsTable",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "DagsterStorage",
    "InstigatorState",
    "ScheduleInstigatorData",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "TickStatus",
    "without_warnings",
]


@contextmanager
def without_warnings() -> Iterator[None]:
    """Use what Dagster may still change without a word of it in every log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        yield
