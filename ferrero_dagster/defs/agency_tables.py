"""How the agency's folder is shown on Dagster's pages."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.defs.markdown import cell, link, markdown_table
from ferrero_dagster.domain.links import Links
from ferrero_dagster.tracking.agency_files import RefusedFile, ShownFile

#: Name of the check on the agency's folder.
CHECK = "no_refused_files"
_ORDER = {"refused": 0, "set aside": 1, "ready": 2, "settling": 3}


def agency_observation(route: FinalsRoute, files: Sequence[ShownFile], links: Links) -> dg.AssetObservation:
    """Counts and one row per file, those that need somebody first."""
    counts = Counter(file.state for file in files)
    rows = sorted(files, key=lambda file: (_ORDER[file.state], file.name))
    return dg.AssetObservation(
        asset_key=dg.AssetKey(route.source_asset),
        metadata={
            **{state: counts[state] for state in ("ready", "settling", "refused", "set aside")},
            "files": dg.MetadataValue.md(
                markdown_table(("file", "state", "why"), [_row(file, links) for file in rows])
            ),
        },
    )


def agency_check(route: FinalsRoute, files: Sequence[ShownFile]) -> dg.AssetCheckEvaluation:
    """Whether refused files wait, as the sensor just saw it."""
    rows = [(cell(file.name), cell(file.reason)) for file in files if file.state == "refused"]
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(route.source_asset),
        check_name=CHECK,
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=_check_metadata(rows),
    )


def refused_check(refused: Sequence[RefusedFile]) -> dg.AssetCheckResult:
    """The same from the tracking database."""
    rows = sorted((cell(file.name), cell(file.reason)) for file in refused)
    return dg.AssetCheckResult(passed=not refused, severity=dg.AssetCheckSeverity.WARN, metadata=_check_metadata(rows))


def _check_metadata(rows: list[tuple[str, str]]) -> dict[str, dg.MetadataValue]:
    return {
        "refused files": dg.MetadataValue.int(len(rows)),
        "files": dg.MetadataValue.md(markdown_table(("file", "why"), rows)),
    }


def _row(file: ShownFile, links: Links) -> tuple[str, str, str]:
    return link(file.name, links.box_file(file.file_id)), file.state, cell(file.reason)
