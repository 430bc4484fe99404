"""How things stand, for operators who look at Dagster and have no shell on the server."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ferrero_dagster.defs import groups
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import Metadata, cell, markdown_table
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.operations.status import read_status

STATUS = dg.AssetKey(["operations", "status"])


def build_status(counted_from: Sequence[dg.AssetDep]) -> dg.AssetsDefinition:
    """The asset `operations/status`."""

    @dg.asset(
        key=STATUS,
        deps=counted_from,
        group_name=groups.REPORTS,
        kinds={"postgres"},
        description=(
            "How things stand: which campaigns wait, move or have failed and when each is tried again, which have a "
            "final of every master, so that you may advance them, and in which languages; which files were set aside "
            "or refused, which messages have not left, which systems are out. The job reconcile brings it up to date "
            "every hour; to see this moment, materialize it: that changes nothing."
        ),
    )
    def operations_status(tracking: TrackingResource) -> dg.MaterializeResult[Any]:
        with as_failures(is_attended=True):
            return dg.MaterializeResult(metadata=status_metadata(tracking))

    return operations_status


def refresh_status(instance: dg.DagsterInstance, tracking: TrackingResource) -> None:
    """Bring the asset up to date, without a run of its own."""
    metadata = status_metadata(tracking)
    instance.report_runless_asset_event(dg.AssetMaterialization(STATUS, metadata=metadata))


def status_metadata(tracking: TrackingResource) -> Metadata:
    """The tables of `ferrero-dagster status`, and how many rows each has."""
    with tracking.database() as database:
        status = read_status(database, tracking.site)
    tables = {
        "outages": status.outages,
        "red in Dagster": status.reds,
        "turns that an error ended": status.unforeseen_errors,
        "campaigns": status.campaigns_in_words,
        "campaigns ready to be advanced": status.ready_in_words,
        "files set aside": status.set_aside_files,
        "files refused": status.refused_files,
        "finals without a new score": status.unscored_finals,
        "messages not sent": status.messages,
        "requests of this month": status.requests,
        "findings of the audit": status.audit_findings,
    }
    counts: Metadata = {f"number of {name}": dg.MetadataValue.int(len(rows)) for name, rows in tables.items()}
    return counts | {name: dg.MetadataValue.md(_markdown(rows)) for name, rows in tables.items()}


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "None."
    return markdown_table(
        [name.replace("_", " ") for name in rows[0]], [[_text(value) for value in row.values()] for row in rows]
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "" if value is None else cell(str(value))
