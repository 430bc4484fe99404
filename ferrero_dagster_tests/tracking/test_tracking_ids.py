"""Tracking IDs count letter by letter, but no new one differs from another in case only."""

from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.tracking import masters
from ferrero_dagster_tests.tracking.cron_database import run_sql

ASSET = DamAsset(id=DamId("a1"), original_id=DamId("a1"), version="1", name="Film.mp4", size_bytes=5)


def test_no_new_id_differs_from_one_that_is_there_in_case_only(database, database_url, monkeypatch):
    run_sql(database_url, "INSERT INTO master_assets (tracking_id, status) VALUES ('pOiJ9s', 'active')")
    drawn = iter(["POIJ9S", "FREE01"])
    monkeypatch.setattr(masters, "_new_tracking_id", lambda: TrackingId(next(drawn)))
    taken = database.transact(masters.take_tracking_ids, [ASSET], DamId("c"), DamId("f"))
    assert taken == {("a1", "1"): "FREE01"}


def test_masters_whose_ids_differ_in_case_only_are_two_and_both_are_found(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO master_assets (tracking_id, campaign_id, status) "
        "VALUES ('pOiJ9s', 'one', 'active'), ('POIJ9S', 'two', 'active'), ('OTHER1', 'two', 'active')",
    )
    found = database.transact(masters.known_masters, [TrackingId("poij9S")])
    assert {tracking_id: master.campaign_id for tracking_id, master in found.items()} == {
        "pOiJ9s": "one",
        "POIJ9S": "two",
    }
    assert database.transact(masters.master, TrackingId("poij9s")) is None
