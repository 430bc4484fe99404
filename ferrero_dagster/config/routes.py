"""The status transitions that move files, as rows. A difference between two routes is a column here, never an `if`."""

from dataclasses import dataclass
from typing import Literal

BoxRoot = Literal["local_masters", "global_masters"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One transition DAM → Box (SPEC 3). The site configuration may replace any value but the names."""

    #: Name of the route and of its Dagster job; first part of its mail templates.
    name: str
    #: What operators read in the Dagster UI.
    title: str
    #: Dagster's names: the sensor, the asset that the job materializes, the external asset it comes from.
    sensor: str
    asset: tuple[str, str]
    source_asset: tuple[str, str]
    #: Prefix of the route's columns in `campaign_status`: `a1_retry_count`, `a1_permanently_failed`, …
    column_prefix: str
    status_before: str
    status_after: str
    campaign_type: str
    #: Folder of the campaign that the assets are taken from; also found without its leading number.
    source_folder: str
    #: Folder of the campaign that the finals go to; remembered as `upload_directory`.
    upload_folder: str
    box_root: BoxRoot
    #: Name of the campaign's folder in Box, made of `{number}` and `{name}`.
    box_folder: str
    #: Folder inside the campaign's Box folder that takes the files; empty for the folder itself.
    box_subfolder: str = ""
    #: Whether an asset keeps the tracking ID of the master that it was made from.
    reuse_tracking_ids: bool = False
    #: Whether Make.com is told about the finished campaign.
    webhook: bool = True

    @property
    def folder_error(self) -> str:
        """The sentence of the seeds for a campaign without its source folder."""
        return f"Assets folder not found (tried {self.source_folder.lstrip('0123456789 ')})"


ROUTES: tuple[Route, ...] = (
    Route(
        name="a1_to_a2",
        title="Local masters: DAM to Box",
        sensor="a1_campaigns",
        asset=("box", "local_masters"),
        source_asset=("dam", "local_campaigns"),
        column_prefix="a1",
        status_before="A1",
        status_after="A2",
        campaign_type="Local Adaptation",
        source_folder="01 Master Assets",
        upload_folder="01 Final Assets",
        box_root="local_masters",
        box_folder="{number}-{name}",
    ),
    Route(
        name="a5_to_a6",
        title="Rework: reviewed finals back to the agency",
        sensor="a5_campaigns",
        asset=("box", "rework_masters"),
        source_asset=("dam", "local_campaigns"),
        column_prefix="a5",
        status_before="A5",
        status_after="A6",
        campaign_type="Local Adaptation",
        source_folder="01 Final Assets",
        upload_folder="01 Final Assets",
        box_root="local_masters",
        box_folder="{number}-{name}",
        box_subfolder="Rework",
        reuse_tracking_ids=True,
    ),
    Route(
        name="b1_to_b2",
        title="Global masters: DAM to Box",
        sensor="b1_campaigns",
        asset=("box", "global_masters"),
        source_asset=("dam", "global_campaigns"),
        column_prefix="b1",
        status_before="B1",
        status_after="B2",
        campaign_type="Global comm",
        source_folder="05 Final Assets",
        upload_folder="05 Final Assets",
        box_root="global_masters",
        box_folder="MASTERS_{name}",
        webhook=False,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsRoute:
    """The transition Box → DAM (SPEC 4)."""

    name: str
    title: str
    sensor: str
    asset: tuple[str, str]
    source_asset: tuple[str, str]
    status_before: str
    status_after: str


FINALS_ROUTE = FinalsRoute(
    name="a2_to_a3",
    title="Finals: Box to DAM",
    sensor="agency_files",
    asset=("dam", "final_assets"),
    source_asset=("box", "agency_uploads"),
    status_before="A2",
    status_after="A3",
)
