"""The check `all_files_there`: whether every file of a campaign has arrived with its hash, per campaign and route."""

from collections.abc import Mapping, Sequence

import dagster as dg

from ferrero_dagster.config.routes import Route
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.internals import without_warnings
from ferrero_dagster.defs.markdown import cell, markdown_table
from ferrero_dagster.defs.partitions import CAMPAIGNS, campaign_id_of, partition_of
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.tracking.transfers import ExpectedFile, expected_files

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
            found = database.transact(expected_files, route.name, campaign_id_of(database, partition_of(context.run)))
        return dg.AssetCheckResult(passed=_passed(found), severity=_severity(found), metadata=_metadata(found))

    return all_files_there


def arrival_evaluation(route: Route, partition_key: str, found: Sequence[ExpectedFile]) -> dg.AssetCheckEvaluation:
    """The same as an event of a run."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(route.asset),
        check_name=_CHECK,
        passed=_passed(found),
        severity=_severity(found),
        metadata=_metadata(found),
        partition=partition_key,
    )


def _passed(found: Sequence[ExpectedFile]) -> bool:
    return all(file.state == "moved" and file.is_proven for file in found)


def _severity(found: Sequence[ExpectedFile]) -> dg.AssetCheckSeverity:
    """That a file is missing is worse than that nobody compared its hash."""
    is_any_missing = any(file.state != "moved" for file in found)
    return dg.AssetCheckSeverity.ERROR if is_any_missing else dg.AssetCheckSeverity.WARN


def _metadata(found: Sequence[ExpectedFile]) -> Mapping[str, dg.MetadataValue]:
    wrong = [file for file in found if file.state != "moved" or not file.is_proven]
    rows = [(cell(file.name), _WORDS[file.state], cell(file.last_error or "")) for file in wrong]
    return {
        "files": dg.MetadataValue.int(len(found)),
        "not there": dg.MetadataValue.int(sum(file.state != "moved" for file in found)),
        "hash not compared by us": dg.MetadataValue.int(
            sum(file.state == "moved" and not file.is_proven for file in found)
        ),
        "look at": dg.MetadataValue.md(markdown_table(("file", "state", "why"), rows) if rows else "Nothing."),
    }
