"""Databases as customers may have them: what `db upgrade` says of each, what check-connections says, what runs do."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from ferrero_dagster.config.database import Patience
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.operations import database_checks
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.tracking import conditions, schema
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster_tests.fix_postgres import database_in
from ferrero_dagster_tests.fix_world import ROUTES, World
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

_PATIENCE = Patience(lock_s=5, transaction_s=60)
_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app; "
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app;"
)
#: The second campaign of a world.
_SECOND = f"{2:040x}"
_TRIGGER = """
CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;
CREATE TRIGGER theirs BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION theirs();
"""
_RULED = "ALTER TABLE {} ENABLE ROW LEVEL SECURITY; "
_ENUM = (
    "CREATE TYPE state AS ENUM ({}); ALTER TABLE {} ALTER status DROP DEFAULT, "
    "ALTER status TYPE state USING status::text::state"
)
FILM, OTHER = "Größe.png", "Other.png"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A database with a rule of its owner's, and who uses it."""

    what: str
    #: Tables that are there before the upgrade.
    tables: str = cron.USUAL
    #: What the owner does; where that hinders the upgrade, it is done once more after an upgrade without it.
    rule: str = ""
    #: What the owner does after that upgrade, so that runs may work.
    later: str = ""
    encoding: str = "UTF8"
    #: Of the role that we have.
    role: str = "postgres"
    #: Of the address.
    options: str = ""
    #: A campaign with one asset each.
    films: tuple[str, ...] = (FILM,)


@dataclass(frozen=True)
class Outcome:
    """What each said, in the page's words."""

    upgrade: str
    checks: str
    runs: str


CASES = [
    Case(what="UTF8, no tables", tables="", films=(FILM, "🎬.png")),
    Case(what="UTF8, the cron scripts' tables", films=(FILM, "🎬.png")),
    Case(what="LATIN1", encoding="LATIN1", films=(FILM, "🎬.png")),
    Case(what="WIN1252", encoding="WIN1252", films=(FILM, "🎬.png")),
    Case(what="SQL_ASCII", encoding="SQL_ASCII", films=(FILM, "🎬.png")),
    Case(what="other types, no keys, columns that we never heard of", tables=cron.ODD),
    Case(what="no key but serial numbers", tables=cron.NO_KEYS),
    Case(
        what="a mandatory column that we have no value for",
        rule="ALTER TABLE master_assets ADD brand text NOT NULL",
    ),
    Case(what="no tables, our role without CREATE on `public`", tables="", role="app", later=_GRANTS),
    Case(
        what="no tables, our role with a schema of its name",
        tables="",
        rule="CREATE SCHEMA app AUTHORIZATION app",
        role="app",
    ),
    Case(
        what="no tables, our role with a schema that `search_path` names",
        tables="",
        rule='CREATE SCHEMA "Ferrero" AUTHORIZATION app',
        role="app",
        options="&options=-csearch_path%3D%22Ferrero%22",
    ),
    Case(
        what="tables in `public`, our role with a schema of its name",
        rule="CREATE SCHEMA app AUTHORIZATION app",
        role="app",
        later=_GRANTS,
    ),
    Case(what="tables of another owner, our role may write", rule=_GRANTS, role="app", later=_GRANTS),
    Case(what="tables of another owner, our role may only read", role="app", later=_GRANTS.replace("INSERT, ", "")),
    Case(
        what="tables of another owner, the sequences forgotten",
        role="app",
        later=_GRANTS.partition("GRANT USAGE")[0],
    ),
    Case(
        what="a database that is read-only",
        rule="DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
        "current_database()); END $$",
    ),
    Case(
        what="a database whose transactions are `serializable`",
        rule="DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', "
        "current_database()); END $$",
    ),
    Case(
        what="CHECK: assets are `active`, `inactive` or `archived`",
        rule="ALTER TABLE master_assets ADD CHECK (status IN ('active', 'inactive', 'archived')); "
        "ALTER TABLE derivative_assets ADD CHECK (status IN ('active', 'inactive', 'archived'))",
    ),
    Case(
        what="CHECK: assets are `new` or `done`",
        rule="ALTER TABLE master_assets ADD CHECK (status IN ('new', 'done')) NOT VALID",
    ),
    Case(
        what="CHECK: campaigns are A1 to A4",
        rule="ALTER TABLE campaign_status ADD CONSTRAINT stages CHECK (status IN ('A1', 'A2', 'A3', 'A4')) NOT VALID",
    ),
    Case(
        what="ENUM of assets: `active`, `archived`",
        rule=_ENUM.format("'active', 'archived'", "master_assets"),
    ),
    Case(what="ENUM of campaigns", rule=_ENUM.format("'A1', 'A2'", "campaign_status")),
    Case(
        what="`campaign_status.status` of 2 characters", rule="ALTER TABLE campaign_status ALTER status TYPE varchar(2)"
    ),
    Case(what="`campaign_status.status` is CHAR(10)", rule="ALTER TABLE campaign_status ALTER status TYPE char(10)"),
    Case(
        what="masters refer to campaigns (foreign key)",
        rule="ALTER TABLE master_assets ADD FOREIGN KEY (campaign_id) REFERENCES campaign_status (campaign_id)",
    ),
    Case(
        what="finals refer to a table of formats (foreign key)",
        rule="CREATE TABLE formats (name text PRIMARY KEY); ALTER TABLE derivative_assets ALTER file_extension TYPE "
        "text, ADD FOREIGN KEY (file_extension) REFERENCES formats",
    ),
    Case(
        what="a trigger that keeps a journal",
        rule="CREATE TABLE journal (at timestamptz DEFAULT now());"
        + _TRIGGER.format("INSERT INTO journal DEFAULT VALUES; RETURN NEW;", "master_assets"),
    ),
    Case(
        what="a trigger that refuses every master",
        rule=_TRIGGER.format("RAISE 'closed until Monday';", "master_assets"),
    ),
    Case(
        what="a trigger that refuses one campaign",
        rule=_TRIGGER.format(
            f"IF NEW.campaign_id = '{_SECOND}' THEN RAISE 'its budget is used up'; END IF; RETURN NEW;",
            "master_assets",
        ),
        films=(FILM, OTHER),
    ),
    Case(
        what="a trigger that drops rows without a word",
        rule=_TRIGGER.format("RETURN NULL;", "master_assets"),
    ),
    Case(
        what="a trigger that drops campaigns without a word",
        rule=_TRIGGER.format("RETURN NULL;", "campaign_status"),
    ),
    Case(
        what="a trigger that drops finals without a word",
        rule=_TRIGGER.format("RETURN NULL;", "derivative_assets"),
    ),
    Case(
        what="a trigger that writes statuses small",
        rule=_TRIGGER.format("NEW.status := lower(NEW.status); RETURN NEW;", "campaign_status"),
    ),
    Case(
        what="row-level security, our role owns the tables",
        rule=_RULED.format("master_assets") + _RULED.format("campaign_status"),
    ),
    Case(
        what="row-level security, a policy for all rows",
        rule=_GRANTS + _RULED.format("master_assets") + "CREATE POLICY everybody ON master_assets USING (TRUE)",
        role="app",
        later=_GRANTS,
    ),
    Case(
        what="row-level security, no policy for our role",
        rule=_GRANTS + _RULED.format("master_assets"),
        role="app",
        later=_GRANTS,
    ),
    Case(
        what="row-level security, our role may write but not see rows",
        rule=_GRANTS
        + _RULED.format("master_assets")
        + "CREATE POLICY blind ON master_assets FOR INSERT WITH CHECK (TRUE)",
        role="app",
        later=_GRANTS,
    ),
    Case(
        what="a view in the place of a table",
        rule="ALTER TABLE master_assets RENAME TO masters; CREATE VIEW master_assets AS TABLE masters",
    ),
    Case(
        what="a table in partitions",
        tables=cron.USUAL.replace(
            "CREATE TABLE derivative_assets (\n    id SERIAL PRIMARY KEY,",
            "CREATE TABLE derivative_assets (\n    id SERIAL,",
        ).replace("DEFAULT 'active'\n);", "DEFAULT 'active'\n) PARTITION BY LIST (status);")
        + "CREATE TABLE derivatives PARTITION OF derivative_assets DEFAULT;",
    ),
]


def outcome(
    case: Case, postgres: EmbeddedPostgres, opened: Callable[[str, str], AbstractContextManager[World]]
) -> Outcome:
    """What becomes of the database, in the page's words; `opened` makes a world of our role's and the owner's URL."""
    with _database(case, postgres) as owner_url:
        run_sql(owner_url, *filter(None, [case.tables, case.rule]), "SELECT 1")
        upgrade = _upgraded(_address(case, owner_url))
        if upgrade == "done":
            return Outcome(upgrade, *_used(case, owner_url, opened))
    with _database(case, postgres) as owner_url:
        run_sql(owner_url, *filter(None, [case.tables]), "SELECT 1")
        if _upgraded(owner_url) != "done":
            return Outcome(upgrade, "–", "–")
        run_sql(owner_url, *filter(None, [case.rule, case.later]), "SELECT 1")
        return Outcome(upgrade, *_used(case, owner_url, opened))


@contextmanager
def _database(case: Case, postgres: EmbeddedPostgres) -> Iterator[str]:
    """The owner's address."""
    administrator = postgres.url("postgres")
    run_sql(administrator, "CREATE ROLE app LOGIN")
    try:
        with database_in(postgres, case.encoding) as url:
            yield f"{url}&options=-csearch_path%3Dapp%2C%22Ferrero%22%2Cpublic%20-cdefault_transaction_read_only%3Doff"
    finally:
        run_sql(administrator, "DROP ROLE app")


def _address(case: Case, owner_url: str) -> str:
    return owner_url.partition("&options")[0].replace("postgres@", f"{case.role}@") + case.options


def _upgraded(url: str) -> str:
    try:
        schema.upgrade(url, ROUTES.masters, _PATIENCE, finals=ROUTES.finals)
    except FerreroError as error:
        return _in_a_cell(str(error))
    return "done"


def _used(case: Case, owner_url: str, opened: Callable[[str, str], AbstractContextManager[World]]) -> tuple[str, str]:
    checks = _checked(_address(case, owner_url))
    with opened(_address(case, owner_url), owner_url) as world:
        return checks, _run(world, case.films)


def _checked(url: str) -> str:
    checks: list[Callable[[Cursor], str]] = [
        conditions.encoding,
        database_checks.tables,
        lambda cursor: database_checks.rows(cursor, ROUTES),
    ]
    said = ["fails: " + sentence for check in checks if (sentence := _failure(url, check))]
    return " ".join(said) or "ok"


def _failure(url: str, check: Callable[[Cursor], str]) -> str:
    with closing(Database(url, _PATIENCE)) as database:
        try:
            database.transact(check)
        except FerreroError as error:
            return _in_a_cell(str(error))
    return ""


def _run(world: World, films: tuple[str, ...]) -> str:
    """A campaign for each film from the DAM to the agency, and the final of the first one back."""
    world.dam.settings.job_polls = 0
    campaigns = [world.campaign({film: b"film"}) for film in films]
    said = [f"{film}: {_moved(world, id_)}" for film, id_ in zip(films, campaigns, strict=True)]
    moved = [words for words in said if words.endswith(": moved")]
    said += [f"final: {_final_moved(world, campaigns[0])}"] if said[0] in moved else []
    if all(words.endswith(": moved") for words in said):
        return "all moves, both ways"
    return _in_a_cell("; ".join(said))


def _moved(world: World, campaign_id: DamId) -> str:
    try:
        look = world.look()
        if campaign_id not in {campaign.id for campaign in look.starts}:
            return str(look)
        result = world.run(campaign_id)
    except FerreroError as error:
        return str(error)
    return "moved" if result.status == "A2" else next((file.reason for file in result.failed), f"is {result.status}")


def _final_moved(world: World, campaign_id: DamId) -> str:
    agency = Agency(world)
    masters = agency.sql(f"SELECT tracking_id FROM master_assets WHERE campaign_id = '{campaign_id}'")
    for tracking_id in masters:
        agency.deliver(final_name(tracking_id))
    try:
        agency.go_on()
    except (FerreroError, AssertionError) as error:
        return str(error)
    is_moved = masters and agency.assets(campaign_id) and not agency.waiting()
    return "moved" if is_moved else next((str(error) for error in agency.errors), _told(world))


def _told(world: World) -> str:
    errors = "SELECT last_error FROM transfers WHERE last_error IS NOT NULL ORDER BY id DESC LIMIT 1"
    return next((text for (text,) in world.sql(errors)), "not found")


def _in_a_cell(text: str) -> str:
    """Without what differs from run to run, and of long lists of tables the first alone."""
    text = re.sub(r"\b[0-9a-f]{40}\b", "…", text)
    text = re.sub(r"((?:[a-z_]+, ){3})(?:[a-z_]+, ){2,}[a-z_]+", r"\1…", text)
    text = re.sub(r"(?<=tracking_id\)=\()\w{6}|(?<=tracking ID )\w{6}", "…", text)
    return text.replace("|", "\\|").replace("\n", " ").replace("Nothing was changed.", "").strip()
