"""How the agency's folder is shown on Dagster's pages."""

from collections.abc import Sequence

import dagster as dg

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.defs.markdown import cell, link, markdown_table
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.triage import Judgement
from ferrero_dagster.tracking.agency_files import RefusedFile
from ferrero_dagster.transfer.finals.look import FinalsLook

#: Name of the check on the agency's folder.
CHECK = "no_refused_files"
_ORDER = {"refused": 0, "set aside": 1, "ready": 2, "settling": 3}


def agency_observation(route: FinalsRoute, look: FinalsLook, links: Links) -> dg.AssetObservation:
    """Counts and one row per file, those that need somebody first."""
    aside = {judgement.file.id for judgement in look.set_aside}
    rows = sorted(
        ((("set aside" if j.file.id in aside else j.state), j) for j in look.judgements or []),
        key=lambda row: (_ORDER[row[0]], row[1].file.name),
    )
    return dg.AssetObservation(
        asset_key=dg.AssetKey(route.source_asset),
        metadata={
            "ready": look.counts["ready"] - len(look.set_aside),
            "settling": look.counts["settling"],
            "refused": look.counts["refused"],
            "set aside": len(look.set_aside),
            "files": dg.MetadataValue.md(
                markdown_table(("file", "state", "why"), [_row(state, judgement, links) for state, judgement in rows])
            ),
        },
    )


def agency_check(route: FinalsRoute, look: FinalsLook) -> dg.AssetCheckEvaluation:
    """Whether refused files wait, as the sensor just saw it."""
    refused = [j for j in look.judgements or [] if j.state == "refused"]
    rows = [(cell(j.file.name), cell(j.reason or "")) for j in refused]
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(route.source_asset),
        check_name=CHECK,
        passed=not refused,
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


def _row(state: str, judgement: Judgement, links: Links) -> tuple[str, str, str]:
    return link(judgement.file.name, links.box_file(judgement.file.id)), state, cell(judgement.reason or "")
