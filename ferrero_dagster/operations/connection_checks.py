"""Asks every outside system whether it can be used, all at once; what one answers never hides the others."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from shutil import disk_usage
from typing import Concatenate, Literal, ParamSpec

import psycopg2
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import ArgumentError

from ferrero_dagster.clients import mail
from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_session import read_box_config
from ferrero_dagster.clients.http import IMPATIENT
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.tokens import Tokens
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import BoxFolders, Site
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.errors import ConfigurationError, FerreroError
from ferrero_dagster.domain.words import counted
from ferrero_dagster.operations import database_checks, neighbour_checks
from ferrero_dagster.operations.certificates import client_certificate_end, server_certificate_end
from ferrero_dagster.operations.comment_checks import comment_fields
from ferrero_dagster.tracking import conditions, outbox, overview, schema
from ferrero_dagster.tracking.addresses import connect_arguments, sqlalchemy_url
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer.staging import staging

P = ParamSpec("P")
State = Literal["ok", "failed", "skipped"]

#: Box refuses a log-in that a clock further off has signed.
_MAX_CLOCK_SKEW_S = 60
_MIN_CERTIFICATE_DAYS = 14
#: Campaigns that are read to see whether the DAM has any where a search for a status found none.
_MAX_CAMPAIGNS = 200
_POSTGRES_CHECKS = ("reachable", "encoding", "tables", "schema", "rows", "messages", "scores table", "people's edits")
#: Values of a field that are told.
_MAX_VALUES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One answer; `detail` is for people and holds no secret."""

    system: str
    check: str
    state: State
    detail: str
    who_must_act: str = ""


@dataclass(frozen=True, slots=True)
class _Skip:
    reason: str


Finding = str | FerreroError | _Skip


@dataclass(frozen=True, slots=True)
class _Probe:
    """Yields one finding per check, in order; an error that is raised counts for the check it came to."""

    system: str
    checks: tuple[str, ...]
    findings: Callable[[Connections], Iterator[Finding]]

    def run(self, connections: Connections) -> list[Check]:
        """Every check of this system; those after an error that was raised are skipped."""
        found: list[Finding] = []
        try:
            for finding in self.findings(connections):
                found.append(finding)  # noqa: PERF402  # what came before an error is kept
        except FerreroError as error:
            found.append(error)
        found += [_Skip("not tried")] * (len(self.checks) - len(found))
        return [_check(self.system, check, finding) for check, finding in zip(self.checks, found, strict=True)]


def check_connections(connections: Connections) -> list[Check]:
    """Ask every system; takes as long as the slowest. A token that somebody else got proves no log-in."""
    connections = replace(connections, tokens=Tokens())
    probes = _probes(connections)
    with ThreadPoolExecutor(len(probes)) as pool:
        futures = [(probe, pool.submit(probe.run, connections)) for probe in probes]
    return [check for probe, future in futures for check in _results(probe, future.exception(), future.result)]


def _results(probe: _Probe, error: BaseException | None, result: Callable[[], list[Check]]) -> list[Check]:
    if error is None:
        return result()
    unexpected = ConfigurationError(f"The check itself failed ({type(error).__name__}); tell the developers.")
    return [_check(probe.system, "all", unexpected)]


def _check(system: str, check: str, finding: Finding) -> Check:
    if isinstance(finding, FerreroError):
        return Check(system=system, check=check, state="failed", detail=str(finding), who_must_act=finding.actor)
    if isinstance(finding, _Skip):
        return Check(system=system, check=check, state="skipped", detail=finding.reason)
    return Check(system=system, check=check, state="ok", detail=finding)


def _postgres(connections: Connections) -> Iterator[Finding]:
    with connections.database("tick", "check-connections") as database:
        yield f"answers, {database.transact(conditions.server)}"
        yield database.transact(conditions.encoding)
        yield _looked(database, database_checks.tables)
        found = database.transact(overview.schema_version, schema.VERSION_TABLE)
        version = _schema(found, database.transact(overview.missing_columns, connections.site.routes.masters))
        yield version
        is_old = isinstance(version, FerreroError)
        yield _Skip("not tried") if is_old else _looked(database, database_checks.rows, connections.site.routes)
        unsent = database.transact(outbox.unsent_messages)
        set_aside = sum(message.state == "set_aside" for message in unsent)
        yield f"{len(unsent) - set_aside} waiting, {set_aside} set aside"
        site = connections.site
        keeps_score = any(route.keeps_score for route in site.routes.masters)
        yield _neighbour(database, neighbour_checks.scores_table, site.creativex, keeps_score=keeps_score)
        ids = site.representation_rules.field_ids
        yield _neighbour(database, neighbour_checks.edits_table, site.overrides, ids)


def _looked(
    database: Database, look: Callable[Concatenate[Cursor, P], str], *args: P.args, **named: P.kwargs
) -> Finding:
    """What is wrong with one thing keeps nobody from looking at the next."""
    try:
        return database.transact(look, *args, **named)
    except FerreroError as error:
        return error


def _neighbour(
    database: Database, look: Callable[Concatenate[Cursor, P], neighbour_checks.Found], *args: P.args, **named: P.kwargs
) -> Finding:
    try:
        told, is_used = database.transact(look, *args, **named)
    except FerreroError as error:
        return error
    return told if is_used else _Skip(told)


def _schema(found: str, missing_columns: Sequence[str]) -> Finding:
    if found != schema.head():
        lacks = f"It has version {found}, needed is {schema.head()}"
    elif missing_columns:
        lacks = f"The table campaign_status lacks {', '.join(missing_columns)}"
    else:
        return f"version {found}"
    return ConfigurationError(f"{lacks}; run `ferrero-dagster db upgrade`.")


def _dam(connections: Connections) -> Iterator[Finding]:
    with connections.dam(IMPATIENT) as dam:
        dam.check()
        yield "logged in, root folders can be read"
        for route in connections.site.routes.masters:
            yield _campaigns(dam, route)
        for route in _quoting(connections.site):
            yield _comments(dam, route)
    yield _clock(dam.clock_skew_s)
    ends = server_certificate_end(connections.settings.dam_url, connections.settings.dam_ca_bundle)
    yield _Skip("no https") if ends is None else _certificate(ends)
    path = connections.settings.dam_pfx_path if "mtls" in connections.settings.dam_auth else None
    if path is None:
        yield _Skip("not used")
    else:
        yield _certificate(client_certificate_end(path, connections.settings.dam_pfx_password.get_secret_value()))


def _campaigns(dam: Otmm, route: MastersRoute) -> Finding:
    where = f"of type {route.campaign_type} in {route.status_before}"
    try:
        found = dam.search_campaigns(status=route.status_before, campaign_type=route.campaign_type)
        others = [] if found else dam.campaigns_of(route.campaign_type, limit=_MAX_CAMPAIGNS)
        statuses = [campaign.status for campaign in others]
        forms = "; ".join(filter(None, (_forms(dam, word) for word in (route.status_before, route.campaign_type))))
        there = "" if found or statuses else _values_there(dam)
    except FerreroError as error:
        return error
    if statuses and not any(statuses):
        return ConfigurationError(
            f"None {where}, and none of the {len(statuses)} found of this type has a value in the field "
            "dam.status_field of the site configuration; correct it."
        )
    in_which = f" in {', '.join(sorted(set(statuses) - {''}))}" if statuses else ""
    seen = f"{len(found)} {where}" if found else f"none {where}; {len(statuses)} of this type{in_which}"
    return "; ".join(filter(None, (seen, there, forms)))


def _quoting(site: Site) -> list[MastersRoute]:
    return [route for route in site.routes.masters if route.comment_fields]


def _comments(dam: Otmm, route: MastersRoute) -> Finding:
    try:
        return comment_fields(dam, route)
    except FerreroError as error:
        return error


def _forms(dam: Otmm, word: str) -> str:
    ids = [value_id for value_id in dam.written_as(word) if value_id != word]
    return f"the DAM's id of {word} is {' or '.join(ids)}" if ids else ""


def _values_there(dam: Otmm) -> str:
    """What the newest folders have instead of a status and type of ours."""
    values = zip(("statuses", "types"), dam.values_there(limit=_MAX_CAMPAIGNS), strict=True)
    listed = [f"{name}: {', '.join(map(_shown_forms, sorted(found)[:_MAX_VALUES]))}" for name, found in values if found]
    return f"folders of the DAM have {'; '.join(listed)}" if listed else ""


def _shown_forms(forms: tuple[str, str]) -> str:
    value_id, text = forms
    return value_id if value_id == text else f"{value_id} “{text}”"


def _clock(skew_s: float | None) -> Finding:
    if skew_s is None:
        return _Skip("the DAM does not tell its time")
    if abs(skew_s) <= _MAX_CLOCK_SKEW_S:
        return f"differs from the DAM's by {abs(skew_s):.0f} s"
    return ConfigurationError(
        f"This machine's clock differs from the DAM's by {abs(skew_s):.0f} s; set it by a time server."
    )


def _certificate(ends: datetime) -> Finding:
    days = (ends - datetime.now(timezone.utc)).days
    validity = f"valid for {days} more days, until {ends:%Y-%m-%d}"
    return validity if days >= _MIN_CERTIFICATE_DAYS else ConfigurationError(f"Only {validity}; have it renewed.")


def _box(connections: Connections) -> Iterator[Finding]:
    read_box_config(connections.settings.box_config)
    yield f"{connections.settings.box_config} can be read"
    with connections.box() as box:
        yield "logged in"
        for name in connections.site.box.folders:
            yield _folder(box, connections.box_folders, name)


def _folder(box: Box, folders: BoxFolders, name: str) -> Finding:
    try:
        return f"{folders[name]} is “{box.folder_name(folders[name])}”"
    except FerreroError as error:
        return error


def _mail(connections: Connections) -> Iterator[Finding]:
    office = connections.post_office(connections.webhook_url)
    everybody = [address.bare for address in office.recipients["everybody"]]
    answers = mail.check(office.server, office.sender.bare, everybody)
    yield f"{office.server.host}:{office.server.port} lets us in"
    if answers.refused:
        yield ConfigurationError(
            f"The mail server refuses recipients ({answers.reason}); correct FERRERO_MAIL_TO or FERRERO_MAIL_ERRORS_TO."
        )
    else:
        yield f"{counted(len(everybody), 'recipient')} can be told" + (f" ({answers.reason})" if answers.later else "")


def _webhook(connections: Connections) -> Iterator[Finding]:
    is_set = connections.webhook_url is not None
    yield "is set; nothing was posted" if is_set else _Skip("FERRERO_MAKE_WEBHOOK_URL is not set: no webhook is sent")


def _temp_dir(connections: Connections) -> Iterator[Finding]:
    with staging(connections.settings.temp_dir, reserve_bytes=0) as area, area.room(0) as path:
        path.touch()
        yield f"{area.root} is writable and can lock files"
        free_bytes = disk_usage(area.root).free
    reserve_bytes = connections.site.transfer.free_space_reserve_bytes
    space = f"{counted(free_bytes, 'byte')} free, {reserve_bytes:,} are kept in reserve"
    yield space if free_bytes > reserve_bytes else ConfigurationError(f"Only {space}; free some space.")


def _site(connections: Connections) -> Iterator[Finding]:
    """What no source tells of the customer, while the site says no more than we ship (contract customer.md 2)."""
    rules = connections.site.representation_rules
    left_out = {code: set(fields) for code, fields in rules.asset_type_overrides.items()}
    unasked = [code for code, ids in left_out.items() if ids and ids <= {*rules.creativex_field_ids}]
    if not unasked:
        yield _Skip("the site configuration says what such files need")
        return
    yield f"{', '.join(unasked)}: only CreativeX fields are left out; ask the customer what else their rights need"


class _DagsterSettings(BaseSettings):
    """Dagster's own storage, which dagster.yaml takes from the environment."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8-sig", env_ignore_empty=True, extra="ignore"
    )

    dagster_pg_url: SecretStr | None = None


def _dagster_storage(connections: Connections) -> Iterator[Finding]:
    address = _DagsterSettings().dagster_pg_url
    if address is None:
        yield _Skip("DAGSTER_PG_URL is not set")
        return
    ours = connections.settings.require("database_url").database_url.get_secret_value()
    yield storage_finding(address.get_secret_value(), ours)
    yield _storage_answers(address.get_secret_value())


def storage_finding(dagster_address: str, our_address: str) -> Finding:
    """Whether Dagster's storage is apart from our tables."""
    try:
        theirs, ours = [connect_arguments(sqlalchemy_url(address)) for address in (dagster_address, our_address)]
    except (ValueError, ArgumentError):
        return ConfigurationError("DAGSTER_PG_URL is not an address; expected postgresql+psycopg2://….")
    places = [(a.get("host"), str(a.get("port") or 5432), a.get("dbname")) for a in (theirs, ours)]
    if places[0] != places[1]:
        return "a database of its own"
    if "search_path=dagster" in str(theirs.get("options", "")):
        return "the schema dagster of our database"
    return ConfigurationError(
        "DAGSTER_PG_URL names our own database without a schema of its own; append ?options=-csearch_path%3Ddagster, "
        "or Dagster's tables mix with ours."
    )


def _storage_answers(address: str) -> Finding:
    try:
        arguments = connect_arguments(sqlalchemy_url(address))
        with closing(psycopg2.connect(**{"connect_timeout": 10, **arguments})) as connection:
            return f"answers, PostgreSQL {connection.server_version // 10_000}"
    except (psycopg2.Error, ValueError, ArgumentError) as error:
        # What libpq says names host and user, never the password; a ValueError of ours shows nothing.
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return ConfigurationError(f"DAGSTER_PG_URL cannot be used: {reason}")


def _probes(connections: Connections) -> tuple[_Probe, ...]:
    searches = [f"search {route.name}" for route in connections.site.routes.masters]
    comments = [f"comments {route.name}" for route in _quoting(connections.site)]
    folders = [f"folder {name}" for name in connections.site.box.folders]
    return (
        _Probe("PostgreSQL", _POSTGRES_CHECKS, _postgres),
        _Probe("DAM", ("log-in", *searches, *comments, "clock", "server certificate", "client certificate"), _dam),
        _Probe("Box", ("configuration", "log-in", *folders), _box),
        _Probe("SMTP", ("log-in", "addresses"), _mail),
        _Probe("Make.com", ("address",), _webhook),
        _Probe("site configuration", ("asset type overrides",), _site),
        _Probe("temporary directory", ("writable", "free space"), _temp_dir),
        _Probe("Dagster storage", ("address", "reachable"), _dagster_storage),
    )
