"""A session of an upload is found by the very same upload only (FAULTS 83)."""

from dataclasses import replace

import pytest

from ferrero_dagster.domain.files import KnownUpload
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.tracking import upload_sessions
from ferrero_dagster.tracking.upload_sessions import UploadKey
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.test_transfers import asset, claim

KEY = UploadKey(
    transfer_id=7, source_version="1", size_bytes=5, md5_hex="a" * 32, folder_id=BoxId("900"), name="film_ABC123.mp4"
)
OTHERS = [
    replace(KEY, transfer_id=8),
    replace(KEY, source_version="2"),
    replace(KEY, size_bytes=6),
    replace(KEY, md5_hex=""),
    replace(KEY, folder_id=BoxId("901")),
    replace(KEY, name="Film_ABC123.mp4"),
]


def session(name="S1"):
    return KnownUpload(session_id=name, part_bytes=8)


@pytest.mark.fault(83)
@pytest.mark.parametrize("other", OTHERS)
def test_a_session_of_another_file_version_or_place_is_never_continued(database, other):
    database.transact(upload_sessions.remember, KEY, session())
    assert database.transact(upload_sessions.known, KEY) == session()
    assert database.transact(upload_sessions.known, other) is None


@pytest.mark.fault(83)
def test_the_latest_session_counts_until_it_has_ended(database):
    for name in ("S1", "S2", "S2"):
        database.transact(upload_sessions.remember, KEY, session(name))
    assert database.transact(upload_sessions.known, KEY) == session("S2")
    database.transact(upload_sessions.forget, "S2")
    database.transact(upload_sessions.forget, "S2")
    assert database.transact(upload_sessions.known, KEY) == session("S1")


@pytest.mark.fault(83)
def test_abandoned_is_what_is_old_replaced_or_of_a_file_that_does_not_move_any_more(database, database_url):
    ids = [claim(database, asset(number)).id for number in range(1, 5)]
    for transfer_id, name in zip(
        [*ids, ids[0], 999], ["replaced", "moved", "old", "used", "newer", "gone"], strict=True
    ):
        key = replace(KEY, transfer_id=transfer_id, name=name)
        database.transact(upload_sessions.remember, key, session(name))
    run_sql(
        database_url,
        f"UPDATE transfers SET state = 'set_aside' WHERE id = {ids[1]}",
        "UPDATE upload_sessions SET used_at = now() - interval '73 hours' WHERE session_id IN ('old', 'used')",
    )
    database.transact(upload_sessions.known, replace(KEY, transfer_id=ids[3], name="used"))
    found = database.transact(upload_sessions.abandoned, hours=72, limit=9)
    assert found == ["replaced", "moved", "old", "gone"]
    assert database.transact(upload_sessions.abandoned, hours=72, limit=2) == ["replaced", "moved"]
