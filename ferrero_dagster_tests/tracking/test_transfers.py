"""A file keeps one transfer and one tracking ID, whoever asks for them, how often, and at the same time."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import Arrival, BoxFile, DamAsset, Digest, MasterDetails
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import schema, steps, transfers
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.storable import json_text
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql

ROUTE, CAMPAIGN = "a1_to_a2", DamId("campaign-1")
ROWS = {route.name: route for route in ROUTES.masters}
DETAILS = MasterDetails(
    finals_folder_id=DamId("folder-9"),
    description="für alle",
    extracted_fields={"BRAND": "Raffaello"},
    full_metadata="{}",
)
DIGEST = Digest(size_bytes=3, sha1_hex="a" * 40, md5_hex="b" * 32)
MASTERS = "SELECT tracking_id, status, box_file_id FROM master_assets ORDER BY 1"
PENDING = "SELECT tracking_id FROM pending_masters ORDER BY 1"


def asset(number=1, **values):
    named = {"id": f"dam-{number}", "original_id": f"dam-{number}", "version": "1", "name": f"hero {number}.mp4"}
    return DamAsset(**{**named, "size_bytes": 3, "raw": {}, **values})


def box_file(file_id="900"):
    return BoxFile(id=file_id, name=f"stored {file_id}")


def claim(database, wanted, *, route=ROUTE, campaign=CAMPAIGN, details=DETAILS):
    return database.transact(claim_in, wanted, route, campaign, details=details)


def claim_in(cursor, wanted, route=ROUTE, campaign=CAMPAIGN, *, details=DETAILS):
    """The transfer of one file that is to be moved, as a run makes it."""
    steps.intend(cursor, ROWS[route], campaign, [wanted], finals_folder_id=details.finals_folder_id)
    return transfers.of_campaign(cursor, route, campaign)[wanted.id, wanted.version]


def record_moved(database, transfer, file, **known):
    database.transact(steps.record_masters, [recorded(transfer, file, **known)])


def recorded(transfer, file, *, details=DETAILS):
    """What a run writes down of a file that is in Box."""
    return steps.RecordedMaster(transfer=transfer, arrival=arrival(file), details=details)


def arrival(file):
    return Arrival(
        target_id=file.id, target_name=file.name, digest=DIGEST, source_hash="given", run_id="run", adopted=False
    )


def withdraw(database, *gone):
    database.transact(steps.withdraw, gone)


def known(database, route=ROUTE):
    return database.transact(transfers.of_campaign, route, CAMPAIGN)


def test_a_file_claimed_again_keeps_its_transfer_and_a_new_version_gets_another(database):
    first = claim(database, asset())
    assert first.state == "pending"
    assert claim(database, asset()) == first
    newer = claim(database, asset(version="2"))
    assert newer.tracking_id != first.tracking_id
    assert known(database) == {("dam-1", "1"): first, ("dam-1", "2"): newer}


@pytest.mark.fault(50)
def test_claims_of_the_same_file_at_once_get_the_same_transfer_and_make_one_master(database, database_url):
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: claim(database, asset(number // 8)), range(64)))
    assert len({claimed.id for claimed in claims}) == len({claimed.tracking_id for claimed in claims}) == 8
    assert len(run_sql(database_url, PENDING)) == 8


def test_five_hundred_files_get_five_hundred_tracking_ids(database, database_url):
    assets = [asset(n) for n in range(500)]
    database.transact(steps.intend, ROWS[ROUTE], CAMPAIGN, assets, finals_folder_id="folder-9")
    ids = {transfer.tracking_id for transfer in known(database).values()}
    assert len(ids) == 500
    assert run_sql(database_url, PENDING) == [(tracking_id,) for tracking_id in sorted(ids)]
    assert run_sql(database_url, MASTERS) == []


@pytest.mark.fault(50)
def test_a_tracking_id_that_is_taken_is_not_given_again(database, database_url):
    # The first three IDs drawn turn into one that another master holds.
    run_sql(
        database_url,
        "INSERT INTO pending_masters (tracking_id, opentext_id) VALUES ('TAKEN1', 'other'); CREATE SEQUENCE drawn;"
        "CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('drawn') <= 3 THEN NEW.tracking_id := 'TAKEN1'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER collide BEFORE INSERT ON pending_masters FOR EACH ROW EXECUTE FUNCTION collide()",
    )
    claimed = claim(database, asset())
    assert run_sql(database_url, "SELECT nextval('drawn')") == [(5,)]
    assert run_sql(database_url, "SELECT tracking_id FROM pending_masters WHERE opentext_id = 'dam-1'") == [
        (claimed.tracking_id,)
    ]


def test_a_proven_file_makes_its_master_active_and_is_recorded_once_however_often_it_is_told(database, database_url):
    claimed = claim(database, asset())
    record_moved(database, claimed, box_file())
    row = run_sql(database_url, "SELECT * FROM transfers")
    record_moved(database, claimed, box_file())
    assert run_sql(database_url, "SELECT * FROM transfers") == row
    assert run_sql(database_url, MASTERS) == [(claimed.tracking_id, "active", "900")]
    arrived = {"target_id": "900", "target_name": "stored 900", "size_bytes": 3, "sha1_hex": "a" * 40}
    assert known(database)["dam-1", "1"] == replace(claimed, state="moved", attempts=1, **arrived)


@pytest.mark.fault(14)
def test_one_box_file_never_holds_two_assets_and_one_asset_never_two_box_files(database):
    first, second = claim(database, asset(1)), claim(database, asset(2))
    record_moved(database, first, box_file())
    with pytest.raises(PermanentError, match="already holds another asset"):
        record_moved(database, second, box_file())
    with pytest.raises(PermanentError, match="as moved, with Box file 900; delete the surplus file 901 in Box"):
        record_moved(database, first, box_file("901"))
    assert [transfer.state for transfer in known(database).values()] == ["moved", "pending"]


def test_failures_are_counted_until_the_file_has_moved(database, database_url):
    claimed = claim(database, asset())
    for _ in range(2):
        database.transact(transfers.record_failure, claimed.id, message="too\0 slow", code="slow")
    record_moved(database, claimed, box_file())
    database.transact(transfers.record_failure, claimed.id, message="late", code="late")
    assert run_sql(database_url, "SELECT attempts, last_error FROM transfers") == [(3, None)]


def test_a_withdrawn_file_leaves_no_master_behind_and_comes_back_under_its_tracking_id(database, database_url):
    claimed, moved = claim(database, asset(1)), claim(database, asset(2))
    record_moved(database, moved, box_file())
    withdraw(database, claimed, moved)
    assert [transfer.state for transfer in known(database).values()] == ["withdrawn", "moved"]
    assert run_sql(database_url, MASTERS) == [(moved.tracking_id, "active", "900")]
    assert claim(database, asset(1)) == claimed
    assert claim(database, asset(1)) == claimed
    assert run_sql(database_url, PENDING) == [(claimed.tracking_id,)]


@pytest.mark.fault(37)
def test_a_run_that_was_overtaken_cannot_record_a_file_that_was_withdrawn_meanwhile(database, database_url):
    claimed = claim(database, asset())
    withdraw(database, claimed)
    with pytest.raises(PermanentError, match="as withdrawn, with Box file none; delete the surplus file 900 in Box"):
        record_moved(database, claimed, box_file())
    assert known(database)["dam-1", "1"].state == "withdrawn"


@pytest.mark.fault(51)
def test_a_reworked_final_keeps_the_tracking_id_of_its_master_the_campaigns_own_first(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO master_assets (tracking_id, campaign_id, status) VALUES ('OTHER1', 'campaign-2', 'active'),"
        " ('MINE01', 'campaign-1', 'active'), ('NOBODY', NULL, 'active'), ('CLOSED', 'campaign-1', 'inactive');"
        "INSERT INTO derivative_assets (tracking_id, derivative_filename) VALUES ('MINE01', 'hero 1.mp4'),"
        " ('OTHER1', 'hero 1.mp4'), ('NOBODY', 'hero 1.mp4'), ('OTHER1', 'hero 2.mp4'), ('CLOSED', 'hero 3.mp4')",
    )
    rework = {"route": "a5_to_a6"}
    assert claim(database, asset(1), **rework).tracking_id == "MINE01"
    assert claim(database, asset(2), **rework).tracking_id == "OTHER1"
    assert claim(database, asset(3), **rework).tracking_id not in {"MINE01", "OTHER1", "NOBODY", "CLOSED"}
    assert claim(database, asset(11, name="hero 1.mp4")).tracking_id != "MINE01"
    withdraw(database, claim(database, asset(1), **rework))
    assert ("MINE01", "active", None) in run_sql(database_url, MASTERS)


@pytest.mark.parametrize("tables", [cron.USUAL, cron.ODD, cron.NO_KEYS], ids=["usual", "odd", "no keys"])
def test_masters_that_a_cron_script_moved_are_not_moved_again(empty_database_url, tables):
    run_sql(empty_database_url, tables, cron.ROWS)
    schema.upgrade(empty_database_url, ROUTES.masters)
    database = Database(empty_database_url)
    listed = [asset(n) for n in (1, 2, 3)]
    for _ in range(2):
        database.transact(transfers.adopt_cron_masters, ROUTE, CAMPAIGN, listed)
    moved = {key[0]: (t.tracking_id, t.state, t.target_id) for key, t in known(database).items()}
    assert moved == {"dam-1": ("ABC123", "moved", "111"), "dam-2": ("DEF456", "moved", "222")}
    claimed = claim(database, asset(3, name="x" * 300))
    record_moved(database, claimed, box_file(), details=replace(DETAILS, description="d" * 300))
    database.close()


def test_of_two_masters_that_a_cron_script_made_of_one_asset_the_newer_counts(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, updated_at) VALUES"
        " ('OLDER1', 'dam-1', '1', 'campaign-1', '2026-01-01'), ('NEWER1', 'dam-1', '2', 'campaign-1', '2026-02-01')",
    )
    database.transact(transfers.adopt_cron_masters, ROUTE, CAMPAIGN, [asset()])
    assert [transfer.tracking_id for transfer in known(database).values()] == ["NEWER1"]


@pytest.mark.fault(52)
def test_metadata_of_any_size_and_with_any_character_is_stored(database, database_url):
    awkward = {"nul": "a\0b", "half": "\ud83d", "path": "C:\\u0000", "emoji": "🎬", "\0key": ["x\0"] * 3}
    big = {str(number): "v" * 1000 for number in range(300)}
    details = replace(DETAILS, description="NUL \0 inside", full_metadata=json_text({**awkward, **big}))
    record_moved(database, claim(database, asset(name="half \ud83d name")), box_file(), details=details)
    stored, description, name = run_sql(
        database_url, "SELECT full_metadata, description, asset_name FROM master_assets"
    )[0]
    assert {key: stored.pop(key) for key in list(itertools.islice(stored, len(stored))) if not key.isdigit()} == {
        "nul": "a\ufffdb",
        "half": "?",
        "path": "C:\\u0000",
        "emoji": "🎬",
        "\ufffdkey": ["x\ufffd"] * 3,
    }
    assert stored == big
    assert (description, name) == ("NUL \ufffd inside", "half ? name")
