"""The status transitions that move files, as rows of one table: a difference is a column, never an `if`.

A row here, or under `routes:` in the site configuration, is all that a route needs: after `ferrero-dagster db upgrade`
it has its columns in `campaign_status`, and Dagster its sensor, job and asset.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from ferrero_dagster.config.values import Filled, made_of

_ROW = ConfigDict(extra="forbid")
_Part = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
#: What routes are called, and their jobs; no other job is called so.
ROUTE_NAME = re.compile(r"^[a-z0-9]{1,20}_to_[a-z0-9]{1,20}$")
#: Dagster's asset key, in two parts.
AssetPath = tuple[_Part, _Part]


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusChange:
    """The status that a route finds a campaign in, and the one that it sets."""

    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True, config=_ROW)
class Route:
    """What all transitions have. The site configuration may replace any column but the `FIXED` ones."""

    #: Public names: Dagster's history, the database and monitoring depend on them.
    FIXED: ClassVar[frozenset[str]] = frozenset({"name", "sensor", "asset", "source_asset"})

    #: Name of the route and of its Dagster job; first part of its mail templates.
    name: Annotated[str, Field(pattern=ROUTE_NAME.pattern)]
    #: What operators read in the Dagster UI.
    title: Filled
    #: Dagster's names: the sensor, the asset that the job materializes, the external asset it comes from.
    sensor: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}_(campaigns|files)$")]
    asset: AssetPath
    source_asset: AssetPath
    status_before: Filled
    status_after: Filled

    @property
    def change(self) -> StatusChange:
        """What it makes of a campaign's status."""
        return StatusChange(before=self.status_before, after=self.status_after)


@dataclass(frozen=True, kw_only=True, slots=True, config=_ROW)
class MastersRoute(Route):
    """One transition DAM → Box (SPEC 3)."""

    FIXED: ClassVar[frozenset[str]] = Route.FIXED | {"column_prefix"}

    #: Prefix of the route's columns in `campaign_status`: `a1_retry_count`, `a1_permanently_failed`, …
    column_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}$")]
    campaign_type: Filled
    #: Folder of the campaign that the assets are taken from; also found without its leading number.
    source_folder: Filled
    #: Folder of the campaign that the finals go to; its id is remembered as `upload_directory`.
    upload_folder: Filled
    #: The Box folder that campaigns' folders are made in, by its name in `box.folders`.
    box_root: Filled
    #: Name of the campaign's folder in Box, made of `{number}` and `{name}`.
    box_folder: Annotated[str, made_of("number", "name")]
    #: Folder inside the campaign's Box folder that takes the files; empty for the folder itself.
    box_subfolder: str = ""
    #: Whether an asset keeps the tracking ID of the master that it was made from.
    reuse_tracking_ids: bool = False
    #: Whether a master's own CreativeX score is kept in the scores table (contract customer.md 4).
    keeps_score: bool = False
    #: Whether Make.com is told about the finished campaign.
    webhook: bool = True
    #: Ids of fields of the campaign and its assets whose texts the mail of the finished campaign quotes.
    comment_fields: tuple[Filled, ...] = ()

    @property
    def folder_error(self) -> str:
        """The sentence of the seeds for a campaign without its source folder."""
        return f"Assets folder not found (tried {self.source_folder.lstrip('0123456789 ')})"


@dataclass(frozen=True, kw_only=True, slots=True, config=_ROW)
class FinalsRoute(Route):
    """One transition Box → DAM (SPEC 4); finals are taken whatever status their campaign is in."""

    #: The Box folder that the agency drops its finals into, by its name in `box.folders`.
    inbox: Filled
    #: Names of the routes whose masters the agency makes these finals of.
    masters: Annotated[tuple[str, ...], Field(min_length=1)]
    #: Folder of the campaign that the finals go to; empty for the upload directory remembered of their masters.
    target_folder: str = ""
    #: Status of campaigns whose finals went back to the agency, and the one that follows when corrected ones are there;
    #: both empty: campaigns do not come back.
    rework_status: str = ""
    status_after_rework: str = ""
    #: Whether Make.com is told about the finished campaign.
    webhook: bool = False

    @property
    def changes(self) -> tuple[StatusChange, ...]:
        """What it may make of a campaign's status: of one that comes the first time, and of one after rework."""
        rework = StatusChange(before=self.rework_status, after=self.status_after_rework)
        return (self.change, rework) if self.rework_status else (self.change,)

    def change_from(self, status: str | None) -> StatusChange | None:
        """What it makes of this status; None where it leaves a campaign as it is."""
        return next((change for change in self.changes if change.before == status), None)


AnyRoute = MastersRoute | FinalsRoute


@dataclass(frozen=True, slots=True)
class Routes:
    """The table, its rows checked against each other; iterating gives the rows in their order."""

    rows: tuple[AnyRoute, ...]

    def __post_init__(self) -> None:
        """Refuse rows that would get in each other's way.

        Raises:
            ValueError: with a sentence that names them.
        """
        for column, values in self._distinct_columns().items():
            double = [value for value, number in Counter(values).items() if number > 1]
            if double:
                raise ValueError(f"{column}: expected another one for each route, {double[0]!r} is there twice")
        standing = [route for route in self.rows if route.status_before == route.status_after]
        if standing:
            raise ValueError(
                f"{standing[0].name}: expected another status_after than status_before, both are "
                f"{standing[0].status_after}"
            )
        for route in self.finals:
            _check_rework(route)
            if unknown := set(route.masters) - {other.name for other in self.masters}:
                raise ValueError(f"{route.name}.masters: expected names of masters routes, found {min(unknown)!r}")

    def _distinct_columns(self) -> dict[str, list[object]]:
        """What no two rows may have alike."""
        return {
            "name": [route.name for route in self.rows],
            "sensor": [route.sensor for route in self.rows],
            "asset": ["/".join(route.asset) for route in self.rows],
            "column_prefix": [route.column_prefix for route in self.masters],
            "status_before and campaign_type": [(route.status_before, route.campaign_type) for route in self.masters],
            "inbox": [route.inbox for route in self.finals],
            "source_asset": ["/".join(route.source_asset) for route in self.finals],
        }

    def __iter__(self) -> Iterator[AnyRoute]:
        """All rows, in their order."""
        return iter(self.rows)

    @property
    def words(self) -> set[str]:
        """All statuses and types of campaigns that a row names."""
        columns = ("status_before", "status_after", "campaign_type", "rework_status", "status_after_rework")
        return {word for route in self.rows for column in columns if (word := getattr(route, column, ""))}

    @property
    def masters(self) -> tuple[MastersRoute, ...]:
        """The transitions DAM → Box."""
        return tuple(route for route in self.rows if isinstance(route, MastersRoute))

    @property
    def finals(self) -> tuple[FinalsRoute, ...]:
        """The transitions Box → DAM."""
        return tuple(route for route in self.rows if isinstance(route, FinalsRoute))

    @property
    def deliveries(self) -> list[tuple[MastersRoute, FinalsRoute]]:
        """Which way back the finals of a campaign take that has just gone a way there."""
        return [
            (masters, finals)
            for finals in self.finals
            for masters in self.masters
            if masters.name in finals.masters and masters.status_after == finals.status_before
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all rows, which are those of their jobs."""
        return tuple(route.name for route in self.rows)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Every status that a campaign has before or after a route, each once."""
        changes = [route.change for route in self.masters]
        changes += [change for route in self.finals for change in route.changes]
        return tuple(dict.fromkeys(status for change in changes for status in (change.before, change.after)))

    @property
    def with_agency(self) -> tuple[str, ...]:
        """The statuses of campaigns whose finals are awaited."""
        return tuple(dict.fromkeys(change.before for route in self.finals for change in route.changes))

    def leading_to(self, route: FinalsRoute, status: str) -> tuple[str, ...]:
        """Names of the routes whose masters these finals are made of, and that leave a campaign in this status."""
        return tuple(one.name for one in self.masters if one.name in route.masters and one.status_after == status)


def _check_rework(route: FinalsRoute) -> None:
    before, after = route.rework_status, route.status_after_rework
    if bool(before) != bool(after) or (before and before in {after, route.status_before}):
        raise ValueError(
            f"{route.name}: expected rework_status and status_after_rework both set or both empty, and rework_status "
            f"another than status_before and status_after_rework, found {before!r} and {after!r}"
        )


ROUTES: tuple[AnyRoute, ...] = (
    MastersRoute(
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
        keeps_score=True,
    ),
    MastersRoute(
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
    MastersRoute(
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
        keeps_score=True,
        webhook=False,
    ),
    FinalsRoute(
        name="a2_to_a3",
        title="Finals: Box to DAM",
        sensor="agency_files",
        asset=("dam", "final_assets"),
        source_asset=("box", "agency_uploads"),
        status_before="A2",
        status_after="A3",
        inbox="agency_uploads",
        masters=("a1_to_a2", "a5_to_a6"),
        rework_status="A6",
        status_after_rework="A3",
    ),
)
