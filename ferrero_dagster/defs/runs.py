"""What Dagster knows of the runs of a campaign: those under way, and the key and tags of the next."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from ferrero_dagster.defs.partitions import CAMPAIGNS, CAMPAIGNS_NAME
from ferrero_dagster.domain.files import Campaign

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_MAX_TAG_LENGTH = 200


def running_campaigns(instance: dg.DagsterInstance, job_name: str) -> set[str]:
    """Ids of the campaigns that have an unfinished run of this job."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=_UNFINISHED))
    return {run.tags.get("dagster/partition", "") for run in runs}


def run_key(instance: dg.DagsterInstance, job_name: str, campaign_id: str) -> str:
    """A key that names the run before this one.

    Dagster launches a key once for ever, whatever became of the run. Two ticks at once make the same key, so one run;
    once that run has ended, in whatever way, the next key differs.
    """
    before = instance.get_runs(dg.RunsFilter(job_name=job_name, tags={"dagster/partition": campaign_id}), limit=1)
    return f"{job_name}:{campaign_id}:after:{before[0].run_id if before else 'none'}"


def campaign_tags(route_name: str, campaign: Campaign) -> dict[str, str]:
    """The tags that every run of a campaign carries (SPEC 10)."""
    return {
        "ferrero/route": route_name,
        "ferrero/campaign_number": campaign.number[:_MAX_TAG_LENGTH],
        "ferrero/campaign_name": campaign.name[:_MAX_TAG_LENGTH],
    }


def new_partitions(instance: dg.DagsterInstance, campaign_ids: Collection[str]) -> list[Any]:
    """The request that adds the campaigns which are no partitions yet; adding known ones again would cost time."""
    known = set(instance.get_dynamic_partitions(CAMPAIGNS_NAME)) if campaign_ids else set()
    new = [campaign_id for campaign_id in campaign_ids if campaign_id not in known]
    return [CAMPAIGNS.build_add_request(new)] if new else []
