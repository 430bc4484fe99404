"""The message about a file of the agency that cannot be taken as it is (SPEC 4.4)."""

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.triage import Judgement
from ferrero_dagster.messages.facts import CampaignRef, NameProblem, RouteRef, UploadFailed


def refusal(route: FinalsRoute, judgement: Judgement, campaign: CampaignRef | None) -> UploadFailed:
    """What is wrong with the file, and what its name should be; `campaign` is its master's, where that is known."""
    return UploadFailed(
        route=RouteRef.model_validate(route),
        file_name=judgement.file.name,
        box_file_id=judgement.file.id,
        tracking_id=judgement.tracking_id,
        campaign=campaign,
        reason=judgement.reason or "",
        problems=tuple(NameProblem.model_validate(problem) for problem in judgement.problems),
        corrected_name=judgement.corrected_name,
    )
