"""What a message tells: one frozen value per kind, kept as JSON in the outbox, put into words when it is sent.

A fact holds what was true when it was written, of things their ids: links are made where they are shown. Fields
are only ever added, with a default, so that a message written by an older version can still be sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, TypeAdapter

from ferrero_dagster.domain.lines import Line, Text
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.report import Report

#: Who gets a message; `everybody` is both lists together.
Audience = Literal["notifications", "errors", "everybody"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class CampaignRef(_Value):
    """A campaign as people know it."""

    id: Line
    number: Line | None
    name: Line

    @property
    def shown_name(self) -> str:
        """What to call the campaign, also when its folder has no name that can be seen."""
        return self.name.strip() or self.number or self.id


class RouteRef(_Value):
    """The transition that a message is about."""

    name: Line
    status_before: Line
    status_after: Line


class MovedFile(_Value):
    """A file that arrived; `stored_name` is its name where it went."""

    name: Line
    stored_name: Line
    tracking_id: Line
    size_bytes: NonNegativeInt
    dam_asset_id: Line | None = None
    box_file_id: Line | None = None
    #: The row that tells of it; for no message.
    transfer_id: int | None = Field(default=None, exclude=True)
    #: As in `FileUploaded`, whose mail tells it; no other message does.
    unkept_fields: tuple[Line, ...] = Field(default=(), exclude=True)
    creativex_score: Line | None = Field(default=None, exclude=True)
    creativex_url: Line | None = Field(default=None, exclude=True)
    is_unscored: bool = Field(default=False, exclude=True)


class FailedFile(_Value):
    """A file that did not arrive; `reason` is a sentence for a person."""

    name: Line
    reason: Line


class NameProblem(_Value):
    """One wrong component of a file name; `model_validate` reads it from any object with these attributes."""

    component: Line
    found: Line | None
    expected: Line
    nearest: Line | None
    example: Line


class StuckCampaign(_Value):
    """One row of the weekly digest; `reason` is None while the campaign only waits for assets."""

    campaign: CampaignRef
    status: Line
    since: AwareDatetime | None
    attempts: NonNegativeInt
    permanently_failed: bool
    reason: Line | None = None


class Comment(_Value):
    """What a field says, as people wrote it; who wrote it and when is told only where it is part of that."""

    field: Line
    text: Text


class AssetComments(_Value):
    """What was written about one file."""

    name: Line
    dam_asset_id: Line | None = None
    comments: tuple[Comment, ...]


class Comments(_Value):
    """What was written about a campaign and its files, in these fields."""

    fields: tuple[Line, ...]
    campaign: tuple[Comment, ...] = ()
    assets: tuple[AssetComments, ...] = ()
    #: Fields that the DAM shows neither of the campaign nor of any of its files.
    unknown: tuple[Line, ...] = ()
    #: Why they could not be read.
    unread: Line | None = None

    @property
    def in_all(self) -> tuple[Comment, ...]:
        """All of them."""
        return self.campaign + tuple(comment for asset in self.assets for comment in asset.comments)


class _Message(_Value):
    usual_audience: ClassVar[Audience] = "errors"

    run_id: Line | None = None

    @property
    def audience(self) -> Audience:
        """Whom this message is for."""
        return self.usual_audience


class _RouteMessage(_Message):
    suffix: ClassVar[str]

    route: RouteRef

    @property
    def template(self) -> str:
        """The public name of the message, for example `a1_to_a2_complete`."""
        return f"{self.route.name}_{self.suffix}"


class _CampaignMessage(_RouteMessage):
    campaign: CampaignRef


class CampaignComplete(_CampaignMessage):
    """Every asset is in Box and the status has moved on (SPEC 3.5)."""

    suffix = "complete"
    usual_audience = "notifications"

    kind: Literal["campaign_complete"] = "campaign_complete"
    files: tuple[MovedFile, ...]
    box_folder_id: Line | None
    notes: tuple[Line, ...] = ()
    #: None where the route quotes no fields.
    comments: Comments | None = None


class CampaignPartial(_CampaignMessage):
    """Some assets failed, the status stays (SPEC 3.6)."""

    suffix = "partial"

    kind: Literal["campaign_partial"] = "campaign_partial"
    moved: tuple[MovedFile, ...]
    failed: tuple[FailedFile, ...]
    box_folder_id: Line | None = None
    notes: tuple[Line, ...] = ()
    next_attempt_at: AwareDatetime | None = None


class NoAssetsWarning(_CampaignMessage):
    """The source folder has been empty for many polls (SPEC 3.3); once per stuck period."""

    suffix = "no_assets_warning"

    kind: Literal["no_assets_warning"] = "no_assets_warning"
    polls: NonNegativeInt
    source_folder: Line
    waiting_since: AwareDatetime | None = None


class NoAssetsRetry(_CampaignMessage):
    """A genuine error of the campaign, counted, to be tried again (SPEC 3.7)."""

    suffix = "no_assets_retry"

    kind: Literal["no_assets_retry"] = "no_assets_retry"
    attempt: NonNegativeInt
    max_attempts: NonNegativeInt
    reason: Line
    next_attempt_at: AwareDatetime | None = None


class PermanentlyFailed(_CampaignMessage):
    """The last attempt failed: nothing more happens until somebody resets the campaign (SPEC 3.7)."""

    suffix = "permanently_failed"

    kind: Literal["permanently_failed"] = "permanently_failed"
    attempts: NonNegativeInt
    reason: Line
    reset_sql: str
    reset_command: Line
    reset_job: Line = "reset_campaign_retries"


class FileUploaded(_CampaignMessage):
    """A finished file became an asset (or a new version of one) in the DAM (SPEC 4.3)."""

    suffix = "file_uploaded"
    usual_audience = "notifications"

    kind: Literal["file_uploaded"] = "file_uploaded"
    original_name: Line
    clean_name: Line
    tracking_id: Line
    dam_asset_id: Line
    size_bytes: NonNegativeInt
    creativex_score: Line | None = None
    creativex_url: Line | None = None
    #: The score is that of an earlier version of the final.
    creativex_is_old: bool = False
    is_unscored: bool = False
    new_version: bool = False
    #: Ids of metadata fields that the DAM shows otherwise than we sent them.
    unkept_fields: tuple[Line, ...] = ()
    notes: tuple[Line, ...] = ()


class LateScore(_Message):
    """A CreativeX score came after its final: brought into the DAM, or left for the reason in `remark` (SPEC 12)."""

    template: ClassVar[str] = "late_score"

    kind: Literal["late_score"] = "late_score"
    campaign: CampaignRef
    clean_name: Line
    tracking_id: Line
    dam_asset_id: Line
    creativex_score: Line | None = None
    creativex_url: Line | None = None
    #: Ids of the fields that were changed.
    changed_fields: tuple[Line, ...] = ()
    remark: Line | None = None

    @property
    def audience(self) -> Audience:
        """Who sees to what could not be brought."""
        return "notifications" if self.changed_fields else "errors"


class UploadFailed(_RouteMessage):
    """A finished file stays in Box: refused with its problems, failed, or set aside (SPEC 4.4, 4.5)."""

    suffix = "upload_failed"

    kind: Literal["upload_failed"] = "upload_failed"
    file_name: Line
    box_file_id: Line
    tracking_id: Line | None = None
    campaign: CampaignRef | None = None
    reason: Line
    problems: tuple[NameProblem, ...] = ()
    corrected_name: Line | None = None
    set_aside: bool = False
    attempts: NonNegativeInt = 1


class MasterFinals(_Value):
    """A master and what has arrived of it; a market is a country with a language, such as `DE de`."""

    tracking_id: Line
    name: Line
    finals: NonNegativeInt
    markets: tuple[Line, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.tracking_id}): {', '.join(self.markets) or 'none'}"


class FinalsComplete(_CampaignMessage):
    """Every master of the campaign has a final asset (SPEC 4.7), and the status has moved on or waits for a person."""

    suffix = "complete"
    usual_audience = "notifications"

    kind: Literal["finals_complete"] = "finals_complete"
    files: tuple[MovedFile, ...]
    notes: tuple[Line, ...] = ()
    #: What has arrived of each master; while a campaign is in rework only what came since.
    masters: tuple[MasterFinals, ...] = ()
    is_advanced: bool = True
    #: The person who chose to advance it.
    advanced_by: Line | None = None
    #: What a person may advance it with, while it waits for one.
    advance_job: Line | None = None
    advance_command: Line | None = None

    @property
    def missing(self) -> tuple[MasterFinals, ...]:
        """Masters without a final, where a person advanced the campaign nevertheless."""
        return tuple(master for master in self.masters if not master.finals)


class WorkflowError(_Message):
    """Anything else that needs a person; the texts are whole sentences, `details` and `times` are label and value."""

    template: ClassVar[str] = "workflow_error"

    kind: Literal["workflow_error"] = "workflow_error"
    headline: Line
    explanation: Line
    what_to_do: Line
    details: tuple[tuple[Line, Line], ...] = ()
    times: tuple[tuple[Line, AwareDatetime], ...] = ()
    campaign_id: Line | None = None
    box_file_id: Line | None = None


class StuckDigest(_Message):
    """The weekly list of campaigns that are not moving; sent when it is empty too."""

    template: ClassVar[str] = "stuck_campaigns"

    kind: Literal["stuck_digest"] = "stuck_digest"
    campaigns: tuple[StuckCampaign, ...]


class DailyReport(_Message):
    """What happened on one day and what waits for somebody; sent on quiet days too (SPEC 9)."""

    template: ClassVar[str] = "daily_report"

    kind: Literal["daily_report"] = "daily_report"
    report: Report

    @property
    def audience(self) -> Audience:
        """Those who act hear of it when something needs them."""
        return "everybody" if self.report.needs_total else "notifications"


Fact = (
    CampaignComplete
    | CampaignPartial
    | NoAssetsWarning
    | NoAssetsRetry
    | PermanentlyFailed
    | FileUploaded
    | LateScore
    | UploadFailed
    | FinalsComplete
    | WorkflowError
    | StuckDigest
    | DailyReport
)
_FACT: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="kind")])


def fact_from_json(data: str | Mapping[str, Any]) -> Fact:
    """Restore what `model_dump_json` or `model_dump(mode="json")` stored; its `kind` says which fact it is.

    Raises:
        pydantic.ValidationError: when the data is no fact of ours.
    """
    return _FACT.validate_json(data) if isinstance(data, str) else _FACT.validate_python(data)


def webhook_body(
    fact: CampaignComplete | FinalsComplete | PermanentlyFailed, timestamp: datetime, links: Links
) -> dict[str, Any]:
    """The JSON that Make.com receives (SPEC 8); a failed campaign keeps its status and says why."""
    body: dict[str, Any] = {
        "event": fact.template,
        "campaign_id": fact.campaign.id,
        "campaign_number": fact.campaign.number,
        "campaign_name": fact.campaign.name,
        "status_before": fact.route.status_before,
        "status_after": fact.route.status_after,
        "timestamp": timestamp.isoformat(),
    }
    if not isinstance(fact, PermanentlyFailed):
        return body | {"assets": [_asset(file, links) for file in fact.files]}
    return body | {"status_after": fact.route.status_before, "assets": [], "reason": fact.reason}


def _asset(file: MovedFile, links: Links) -> dict[str, Any]:
    addresses = {"dam_url": links.asset(file.dam_asset_id), "box_url": links.box_file(file.box_file_id)}
    return file.model_dump(exclude={"dam_asset_id", "box_file_id"}) | addresses
