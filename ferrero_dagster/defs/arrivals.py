"""The check `all_files_there`: whether every file of a campaign has arrived with its hash, per campaign and route."""

from collections.abc import Mapping, Sequence

import dagster as dg

from ferrero_dagster.config.routes import Route
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.internals import without_warnings
from ferrero_dagster.defs.markdown import cell, markdown_table
from ferrero_dagster.defs.partitions import CAMPAIGNS, campaign_id_of
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.tracking.arrivals import Arrival, arrivals

_CHECK = "all_files_there"
_WORDS = {"pending": "not there yet", "set_aside": "set aside", "moved": "there, moved by the cron scripts"}


@without_warnings()
def build_arrival_check(route: Route) -> dg.AssetChecksDefinition:
    """The check of a route's asset, for each campaign; its runs evaluate it, people may at any time."""

    @dg.asset_check(
        asset=dg.AssetKey(route.asset),
        name=_CHECK,
        partitions_def=CAMPAIGNS,
        description=(
            f"All files there, hashes equal: every file of the campaign that {route.name} was to move has arrived, and "
            "its SHA-1 was compared. Evaluated at the end of each run, from the tracking database. Where it fails, "
            "read the reasons: the next run moves what is missing; release_set_aside_files is for what was set aside."
        ),
    )
    def all_files_there(context: dg.AssetCheckExecutionContext, tracking: TrackingResource) -> dg.AssetCheckResult:
        with as_failures(is_attended=True), tracking.database() as database:
            found = database.transact(arrivals, route.name, campaign_id_of(database, context.partition_key))
        return dg.AssetCheckResult(passed=_passed(found), severity=_severity(found), metadata=_metadata(found))

    return all_files_there


def arrival_evaluation(route: Route, partition_key: str, found: Sequence[Arrival]) -> dg.AssetCheckEvaluation:
    """The same as an event of a run."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(route.asset),
        check_name=_CHECK,
        passed=_passed(found),
        severity=_severity(found),
        metadata=_metadata(found),
        partition=partition_key,
    )


def _passed(found: Sequence[Arrival]) -> bool:
    return all(arrival.state == "moved" and arrival.is_proven for arrival in found)


def _severity(found: Sequence[Arrival]) -> dg.AssetCheckSeverity:
    """That a file is missing is worse than that nobody compared its hash."""
    is_any_missing = any(arrival.state != "moved" for arrival in found)
    return dg.AssetCheckSeverity.ERROR if is_any_missing else dg.AssetCheckSeverity.WARN


def _metadata(found: Sequence[Arrival]) -> Mapping[str, dg.MetadataValue]:
    wrong = [arrival for arrival in found if arrival.state != "moved" or not arrival.is_proven]
    rows = [(cell(a.name), _WORDS[a.state], cell(a.last_error or "")) for a in wrong]
    return {
        "files": dg.MetadataValue.int(len(found)),
        "not there": dg.MetadataValue.int(sum(arrival.state != "moved" for arrival in found)),
        "hash not compared by us": dg.MetadataValue.int(
            sum(arrival.state == "moved" and not arrival.is_proven for arrival in found)
        ),
        "look at": dg.MetadataValue.md(markdown_table(("file", "state", "why"), rows) if rows else "Nothing."),
    }
