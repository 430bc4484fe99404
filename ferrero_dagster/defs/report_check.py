"""The check `report_was_sent`: silence is told too."""

import dagster as dg

from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.report import DAILY_REPORT
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.operations.report_delivery import find_unsent


@dg.asset_check(
    asset=DAILY_REPORT,
    name="report_was_sent",
    description=(
        "Fails while the last report that was due is missing, or the mail of one of the last week has not left. "
        "The job reconcile looks every hour."
    ),
)
def report_was_sent(tracking: TrackingResource) -> dg.AssetCheckResult:
    """What the tracking database says of the reports."""
    with as_failures(), tracking.database() as database:
        passed, sentence = find_unsent(database, tracking.site)
    metadata = {"result": dg.MetadataValue.text(sentence)}
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity.WARN, description=sentence, metadata=metadata
    )


def evaluate_report_was_sent(instance: dg.DagsterInstance, tracking: TrackingResource) -> None:
    """Write down what the check says now, without a run of its own."""
    with tracking.database() as database:
        passed, sentence = find_unsent(database, tracking.site)
    [key] = report_was_sent.check_keys
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=sentence,
            metadata={"result": dg.MetadataValue.text(sentence)},
        )
    )
