"""The site configuration: everything about the site that is neither a secret nor an address, typed and checked.

`site.yaml` beside this file is the commented default; `FERRERO_SITE_CONFIG` names a file that replaces values of it.
"""

import re
from collections.abc import Mapping
from datetime import time
from functools import cached_property, lru_cache, reduce
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from yaml.constructor import ConstructorError

from ferrero_dagster.config import routes
from ferrero_dagster.config.database import DatabaseSite
from ferrero_dagster.config.neighbours import CreativexSite, OverridesSite
from ferrero_dagster.config.representation import RepresentationSite
from ferrero_dagster.config.routes import AnyRoute, Routes
from ferrero_dagster.config.settings import problems_in
from ferrero_dagster.config.site_naming import NamingSite
from ferrero_dagster.config.site_routes import site_routes
from ferrero_dagster.config.values import Filled, Id, made_of
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.name_components import ASSET_TYPE
from ferrero_dagster.domain.otmm.representation import RepresentationRules
from ferrero_dagster.domain.quiet_hours import QuietHours, QuietTime

try:  # ten times as fast, where PyYAML was built with it
    from yaml import CSafeLoader as _FastLoader
except ImportError:
    from yaml import SafeLoader as _FastLoader  # type: ignore[assignment]

#: Longer is no patience, and dates end.
Days = Annotated[float, Field(gt=0, le=36_500)]
Minutes = Annotated[float, Field(ge=0, le=525_600)]
Seconds = Annotated[float, Field(gt=0, le=604_800)]


def _clock_time(value: object) -> object:
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a time of day such as 07:00 or 19:30, found {value}")
    return time(int(found[1]), int(found[2]))


Link = Annotated[str, made_of("url", "id")]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

#: Sections, settings, entries of settings that are tables: so deep a site's file replaces by name.
_LEVELS = 3
_DEFAULT = Path(__file__).with_name("site.yaml")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("expected a time zone such as Europe/Rome")
    return name


class DamSite(_Section):
    """How this installation of OpenText Media Management is set up; contract otmm.md names what may differ."""

    status_field: Filled
    type_field: Filled
    number_field: Filled
    description_field: Filled
    search_config_id: int
    search_operator: Filled
    search_page_size: Annotated[int, Field(ge=1, le=200)]
    campaign_root_folder: Id | None
    listing_page_size: Annotated[int, Field(ge=1, le=200)]
    metadata_batch_size: Annotated[int, Field(ge=1, le=100)]
    #: Requests under way at once, of all processes; 0: no limit of ours.
    parallel_calls: Annotated[int, Field(ge=0)]
    include_subfolders: bool
    lock_path: Literal["assets", "folders"]
    status_change: Literal["optimistic", "locked"]
    lock_owner: str | None
    renew_on_403: bool
    certificate_at_token_url: bool
    domained_patch: bool
    verify_checksum: bool
    asset_link: Link
    folder_link: Link


class BoxFolders(dict[str, BoxId]):
    """Ids of the Box folders that are set, by the names that routes have for them; asked for another, it is told."""

    @classmethod
    def of(cls, ids: Mapping[str, str | None]) -> "BoxFolders":
        """Those that have an id."""
        return cls({name: BoxId(folder_id) for name, folder_id in ids.items() if folder_id})

    def __missing__(self, name: str) -> BoxId:
        raise ConfigurationError(
            f"No id is set for the Box folder {name}: set box.folders.{name} in the site configuration to the number "
            "in the folder's address in Box."
        )


class BoxSite(_Section):
    """How Box is used."""

    #: Ids of the folders that the routes name, by these names; null: not set, which stops only what needs it.
    folders: dict[Filled, Id | None]
    chunked_from_bytes: Annotated[int, Field(ge=20_000_000)]
    part_threads: Annotated[int, Field(ge=1, le=8)]
    #: So many seconds' worth of a minute's uploads and calls may be made at once.
    burst_seconds: Annotated[float, Field(ge=5, le=60)]
    #: A run that has uploaded so few files, and waits for its turn so long, goes first.
    small_campaign_files: Annotated[int, Field(ge=0)]
    small_campaign_wait_s: Seconds
    parts_are_uploads: bool
    #: An interrupted upload is gone on with for so long; Box forgets it after seven days.
    keep_uploads_hours: Annotated[float, Field(ge=1, le=160)]
    #: What the licence gives, of all programs together; None: no limit is known.
    calls_per_month: Annotated[int, Field(ge=1)] | None
    month_warning_share: Annotated[float, Field(gt=0, le=1)]
    #: Beyond it only what people start asks Box.
    month_brake_share: Annotated[float, Field(gt=0, le=1)]
    #: What becomes of a master in whose place the agency has put other content.
    replaced_masters: Literal["leave", "deliver_beside"]

    @property
    def ids(self) -> BoxFolders:
        """The folders whose ids are set here."""
        return BoxFolders.of(self.folders)


class CampaignsSite(_Section):
    """Patience with campaigns."""

    per_tick: Annotated[int, Field(ge=1)]
    empty_polls_before_warning: Annotated[int, Field(ge=1)]
    max_attempts: Annotated[int, Field(ge=1)]
    retry_pauses_minutes: Annotated[tuple[Minutes, ...], Field(min_length=1)]
    outage_mail_after_failures: Annotated[int, Field(ge=1)]
    outage_mail_after_minutes: Minutes
    release_failed_after_days: Days | None
    max_days_in_status: dict[str, Days | None]
    digest_weekday: Weekday | None
    webhook_on_permanent_failure: bool
    silent_run_minutes: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class QuietTimeSite(_Section):
    """A time of some days in which looks are few; one that ends before it begins, or then, ends on the next day."""

    days: Annotated[frozenset[Weekday], Field(min_length=1)] = frozenset(_WEEKDAYS)
    begins: Annotated[time, BeforeValidator(_clock_time)] = time(0)
    ends: Annotated[time, BeforeValidator(_clock_time)] = time(0)

    @property
    def rule(self) -> QuietTime:
        """As a rule."""
        days = frozenset(_WEEKDAYS.index(day) for day in self.days)
        return QuietTime(weekdays=days, begins=self.begins, ends=self.ends)


class LooksSite(_Section):
    """The time that one look of a sensor has, and when there are few."""

    #: For all that it asks together; Dagster ends a tick after 60 s.
    budget_s: Annotated[float, Field(gt=0, lt=60)]
    full_listing_minutes: Minutes
    long_poll: bool
    quiet_hours: tuple[QuietTimeSite, ...]
    quiet_every_minutes: Annotated[int, Field(ge=1, le=1440)]
    slow_mail_after_looks: Annotated[int, Field(ge=1)]


class TransferSite(_Section):
    """How files are moved."""

    threads: Annotated[int, Field(ge=1, le=32)]
    read_timeout_s: Seconds
    #: Of contents, held by all files of one run together.
    memory_bytes: Annotated[int, Field(ge=1_000_000)]
    free_space_reserve_bytes: Annotated[int, Field(ge=0)]


class CustodySite(_Section):
    """What is remembered of the way of each file."""

    keep_days: Days | None


class AgencySite(_Section):
    """The agency's folder and the way back into the DAM (SPEC 4)."""

    include_subfolders: bool
    settle_looks: Annotated[int, Field(ge=1)]
    runs_per_tick: Annotated[int, Field(ge=1)]
    on_existing_name: Literal["new_version", "duplicate", "refuse"]
    advance_when_complete: bool
    max_attempts: Annotated[int, Field(ge=1)]
    retry_pauses_minutes: Annotated[tuple[Minutes, ...], Field(min_length=1)]
    metadata_template: str


class ImportSite(_Section):
    """How this OTMM imports."""

    template_id: Id | None
    job_timeout_s: Seconds
    undo_check_out: Filled
    final_error_codes: frozenset[int]
    metadata_mismatch: Literal["warn", "refuse"]


class ReportSite(_Section):
    """The daily report (SPEC 9)."""

    cut_off: Annotated[time, BeforeValidator(_clock_time)]


class AuditSite(_Section):
    """What the tables say against what Box and the DAM show, at night."""

    at: Annotated[time, BeforeValidator(_clock_time)]
    #: Calls to Box and the DAM together; 0: no limit of ours.
    calls_per_minute: Annotated[int, Field(ge=0)]
    max_minutes: Annotated[float, Field(gt=0, le=1440)]
    #: Campaigns into which a file has moved since; None: all.
    only_days: Days | None
    stuck_after_hours: Annotated[float, Field(gt=0, le=876_000)]
    unknown_finals: bool


class DagsterSite(_Section):
    """What Dagster's pages say of who owns our assets and jobs, where their code is kept, and how long they tell it."""

    keep_reconcile_days: Days | None
    keep_observations_days: Days | None

    owners: tuple[Annotated[str, Field(pattern=r"^(team:[\w-]+|[^@\s]+@[^@\s]+)$")], ...]
    repository_url: Annotated[str, Field(pattern=r"^https://\S+[^/\s]$")] | None
    repository_branch: Filled
    repository_platform: Literal["github", "gitlab"]


class Site(_Section):
    """The whole site configuration."""

    time_zone: Annotated[str, AfterValidator(_known_zone)]
    database: DatabaseSite
    dam: DamSite
    box: BoxSite
    campaigns: CampaignsSite
    looks: LooksSite
    transfer: TransferSite
    agency: AgencySite
    custody: CustodySite
    dam_import: ImportSite
    naming: NamingSite
    representation: RepresentationSite
    creativex: CreativexSite
    overrides: OverridesSite
    report: ReportSite
    audit: AuditSite
    dagster: DagsterSite
    routes: Routes

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that people live in."""
        return ZoneInfo(self.time_zone)

    @property
    def quiet_hours(self) -> QuietHours:
        """When looks are few."""
        times = [one.rule for one in self.looks.quiet_hours]
        return QuietHours(zone=self.zone, times=times, every_minutes=self.looks.quiet_every_minutes)

    @cached_property
    def representation_rules(self) -> RepresentationRules:
        """What the DAM wants of a final."""
        site = self.representation
        return RepresentationRules(
            fields=site.rows,
            min_fields=site.min_fields,
            metadata_model_id=site.metadata_model_id,
            security_policy_ids=site.security_policy_ids,
            asset_type_overrides=site.asset_type_overrides,
            zone=self.zone,
        )


def load_site(*files: Path | None) -> Site:
    """The default configuration, with what each file replaces of all before it; None is no file.

    Raises:
        ConfigurationError: a file is missing, no YAML, or has an unknown or wrong setting; the sentence names it.
    """
    return _site(routes.ROUTES, *((path, _content(path)) for path in (_DEFAULT, *files) if path))


@lru_cache(maxsize=2)
def _site(shipped: tuple[AnyRoute, ...], *files: tuple[Path, bytes]) -> Site:
    """As long as no file changes it is the same for all who ask; a run asks six times."""
    default, *own = (_read(*file) for file in files)
    values = _merged(default, reduce(_merged, own, {}))
    place = f"Site configuration {files[-1][0]}"
    try:
        site = Site.model_validate({**values, "routes": site_routes(shipped, values["routes"], place)})
    except ValidationError as error:
        raise ConfigurationError(f"{place}: {problems_in(error)}.") from None
    for check in (_check_override_codes, _check_statuses, _check_box_folders, _check_scores):
        check(site, default, place)
    return site


def _check_statuses(site: Site, default: dict[str, Any], place: str) -> None:
    reached = site.routes.statuses
    unknown = site.campaigns.max_days_in_status.keys() - {*reached, *default["campaigns"]["max_days_in_status"]}
    if unknown:
        raise ConfigurationError(
            f"{place}: campaigns.max_days_in_status: {', '.join(sorted(unknown))}: expected statuses "
            f"of a route ({', '.join(sorted(reached))})."
        )


def _check_box_folders(site: Site, default: dict[str, Any], place: str) -> None:
    named = {route.box_root for route in site.routes.masters} | {route.inbox for route in site.routes.finals}
    if missing := named - site.box.folders.keys():
        raise ConfigurationError(
            f"{place}: box.folders: expected the id of {', '.join(sorted(missing))} too, which a route names."
        )
    if unknown := site.box.folders.keys() - named - default["box"]["folders"].keys():
        raise ConfigurationError(
            f"{place}: box.folders: {', '.join(sorted(unknown))}: expected names that a route has as box_root or inbox "
            f"({', '.join(sorted(named))})."
        )


def _check_scores(site: Site, _: dict[str, Any], place: str) -> None:
    value = site.creativex.score_value
    rows = [row for row in site.representation.rows if "creativex_score" in row.sources]
    for row in rows if "^" in value else ():
        if row.kind != "cascading":
            raise ConfigurationError(
                f"{place}: creativex.score_value: {value!r} is a combined value, which only a row of the kind "
                f"cascading takes, and representation.fields.{row.id} is a {row.kind}; change either."
            )


def _check_override_codes(site: Site, default: dict[str, Any], place: str) -> None:
    # A site without EOL or LTD need not care about what we ship for them.
    shipped = default["representation"]["asset_type_overrides"]
    codes = site.naming.rules.codes
    overridden = site.representation.asset_type_overrides.keys() - shipped.keys()
    if unknown := {code for code in overridden if not codes.fits(ASSET_TYPE, code)}:
        raise ConfigurationError(
            f"{place}: representation.asset_type_overrides: {', '.join(sorted(unknown))}: expected "
            f"{codes.expected(ASSET_TYPE)}; correct it or add it to naming.asset_types."
        )


def merged_site(*files: Path) -> dict[str, Any]:
    """What the files say, a later one over those before it, unchecked.

    Raises:
        ConfigurationError: one is missing or no YAML.
    """
    return reduce(_merged, (_read(path, _content(path)) for path in files), {})


class _Twice(Exception):
    """A name stands twice where YAML would silently take the last."""


class _Loader(_FastLoader):
    """Reads YAML whose names each stand once.

    It leaves `19:00` as it is written, of which YAML would make a number to the base of 60.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # declared so by the base class
        first: [
            (tag, re.compile(f"(?!.*:){pattern.pattern}", re.VERBOSE) if tag.endswith((":int", ":float")) else pattern)
            for tag, pattern in resolvers
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # a date that no calendar has, `!!bool q`
            raise ConstructorError(None, None, str(error), node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise _Twice(f"{twice} stands twice, the second time at line {_line(node, twice)}")
        return super().construct_mapping(node, deep)


def _line(node: yaml.MappingNode, name: str) -> int:
    return int([key.start_mark.line for key, _ in node.value if key.value == name][1]) + 1


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Site configuration {path} cannot be read: {error.strerror}.") from None


def _read(path: Path, content: bytes) -> dict[str, Any]:
    try:
        values = yaml.load(content.decode(), _Loader)  # noqa: S506  # a safe one
    except _Twice as error:
        raise ConfigurationError(f"Site configuration {path}: {error}; keep one of them.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}, column {where.column + 1}" if where else ""
        raise ConfigurationError(f"Site configuration {path} is not valid YAML{line}; correct it there.") from None
    if not isinstance(values, dict | None):
        raise ConfigurationError(
            f"Site configuration {path}: expected settings by name, found {type(values).__name__}."
        )
    return values or {}


def _merged(base: dict[str, Any], changes: dict[str, Any], *, levels: int = _LEVELS) -> dict[str, Any]:
    both = dict(base)
    for name, value in changes.items():
        known = base.get(name)
        is_deep = levels > 1 and isinstance(known, dict) and isinstance(value, dict)
        # Nothing in a section changes nothing; nothing in a table empties it.
        if is_deep and (value or levels == _LEVELS):
            both[name] = _merged(base[name], value, levels=levels - 1)
        else:
            both[name] = value
    return both
