"""What we use of Dagster beyond what it promises to keep; we pin its minor version, and look at this when it moves."""

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext

import dagster as dg
import sqlalchemy as sa

# What the public `all_instigator_state` returns and `get_ticks` takes.
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME as IMPLICIT_JOB

# What an event of a moved file is made of, where Dagster's own way writes each by itself.
from dagster._core.events import StepMaterializationData
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
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import retry_pg_connection_fn

#: What each run imports of Dagster, beside what `import dagster` does, until its end.
IMPORTED_BY_RUNS = (
    "dagster._cli",
    "dagster._core.definitions.repository_definition.repository_data_builder",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.system_config.composite_descent",
    "dagster._core.workspace.autodiscovery",
    "dagster._grpc.impl",
    "upath.implementations.local",
)

__all__ = [
    "ENDED_CHECKS",
    "IMPLICIT_JOB",
    "IMPORTED_BY_RUNS",
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


def store_materializations(
    instance: dg.DagsterInstance, events: Sequence[dg.AssetMaterialization], *, run_id: str, job: str, step: str
) -> None:
    """Write events of one asset into a run's log, together; Dagster's own way takes four statements for each."""
    now = time.time()
    instance.event_log_storage.store_event_batch(
        [
            dg.EventLogEntry(  # type: ignore[no-untyped-call]
                error_info=None,
                level=logging.DEBUG,
                user_message="",
                run_id=run_id,
                timestamp=now,
                step_key=step,
                job_name=job,
                dagster_event=dg.DagsterEvent(
                    event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                    job_name=job,
                    step_key=step,
                    event_specific_data=StepMaterializationData(event),
                    message=f"Materialized {event.asset_key.to_user_string()}, {event.partition}.",
                ),
            )
            for event in events
        ]
    )


def start_runs_in(context: ForkServerContext) -> None:
    """Let the code server that this process is start its runs so; it has chosen otherwise before it loads us."""
    from dagster._grpc.server import DagsterApiServer  # noqa: PLC0415  # loads gRPC's servers: only who is one pays

    # A property wins over what an object holds itself, also over what one held before.
    DagsterApiServer._mp_ctx = property(lambda _: context, lambda *_: None)  # type: ignore[assignment]  # noqa: SLF001


def open_storage(url: str, inst_data: ConfigurableClassData | None) -> DagsterPostgresStorage:
    """The storage at the address, with its tables.

    Its three parts share connections that stay open; Dagster makes a new one for each statement, and for each part one
    to look whether there are tables. One that was lost is noticed before it is used.
    """
    engine = create_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=2, max_overflow=-1, pool_recycle=600, pool_pre_ping=True
    )
    is_new = not _has_tables(engine)
    storage = DagsterPostgresStorage(url, should_autocreate_tables=is_new, inst_data=inst_data)
    for part in (storage.event_log_storage, storage.run_storage, storage.schedule_storage):
        part._engine = engine  # type: ignore[union-attr]  # noqa: SLF001
    return storage


def _has_tables(engine: sa.Engine) -> bool:
    """Of each of the three parts; which of them a part looks for is a matter of its own."""
    names = {*retry_pg_connection_fn(lambda: sa.inspect(engine).get_table_names())}
    return names >= {"runs", "instance_info", "event_logs", "jobs"}
