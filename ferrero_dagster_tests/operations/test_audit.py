"""The audit finds where tables, Box and the DAM differ, and nothing else; it repairs nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from ferrero_dagster.domain import audit
from ferrero_dagster.domain.errors import OperationRefused, SystemUnavailable
from ferrero_dagster.operations.audit import LOCK, campaign_called
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.pace import Pace
from ferrero_dagster_tests.fix_world import A1, A5
from ferrero_dagster_tests.operations.audited_world import LONG_AGO, MASTERS, Audited, Planted, told
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql

LIVES = "SELECT key, detail, found_at, gone_at FROM audit_findings ORDER BY key"


@pytest.fixture
def audited(world):
    return Audited(world)


def test_thirty_differences_of_twenty_kinds_are_found_and_nothing_else_and_told_twice_alike(audited):
    planted = Planted(audited)
    assert (len(planted.expected), len({kind for kind, _ in planted.expected})) == (30, 20)
    before = (audited.box.tree(), audited.world.sql("SELECT * FROM transfers ORDER BY id"))
    outcome = audited.audit()
    assert told(outcome) == sorted(planted.expected)
    changed = [one.finding.thing_id for one in outcome.found if one.finding.kind == audit.CHANGED_IN_BOX.name]
    assert all(audited.box.item(file_id, "file") for file_id in changed), "what is there now is what is shown"
    assert (audited.box.tree(), audited.world.sql("SELECT * FROM transfers ORDER BY id")) == before
    first = audited.world.sql(LIVES)
    counts = audited.audit().counts
    assert audited.world.sql(LIVES) == first
    assert (counts.open, counts.new, counts.gone) == (30, 0, 0)


def test_with_a_moment_for_each_start_it_comes_to_the_same_end(audited):
    planted = Planted(audited)
    hurried = Audited(audited.world, max_minutes=1e-9)
    starts = [hurried.audit()]
    while not starts[-1].is_finished:
        starts.append(hurried.audit())
    assert told(starts[-1]) == sorted(planted.expected)
    assert len(starts) > len(audit.KINDS) // 2
    assert sum(start.calls for start in starts) == audited.audit().calls, "nothing is looked at twice"


def test_killed_in_the_middle_it_goes_on(cockpit):
    audited = Audited(cockpit.world)
    planted = Planted(audited)
    cockpit.set_site(audit={"calls_per_minute": 0})
    command = [sys.executable, "-m", "ferrero_dagster.cli", "audit", "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        listing = Fault(path="/items$", skip=2, delay_s=1, before=lambda: os.kill(process.pid, signal.SIGKILL))
        cockpit.world.box.board.add(listing)
        assert process.wait() == -signal.SIGKILL
    [(phase,)] = audited.world.sql("SELECT phase FROM audit_passes WHERE finished_at IS NULL")
    assert phase == f"masters: {A1.name}"
    cockpit.world.box.board.clear()
    cockpit.world.box.board.seen.clear()
    assert told(audited.audit()) == sorted(planted.expected)
    assert len(cockpit.world.box.board.requests("GET", "/items")) == 2, "of four campaigns two were done"


@pytest.mark.parametrize("system", ["Box", "DAM"])
def test_a_system_that_is_out_stops_it_as_an_outage_and_it_goes_on_there(audited, system):
    campaigns = [audited.delivered(*MASTERS[:2], name=name) for name in ("Spring", "Summer")]
    for campaign_id in campaigns:
        audited.box.delete(audited.files(campaign_id)[MASTERS[0]])
        audited.dam.delete(audited.assets(campaign_id)[0])
    served, path = (audited.world.box, "/items$") if system == "Box" else (audited.world.dam, "/children$")
    served.board.add(Fault(path=path, skip=1, status=503, times=None))
    with pytest.raises(SystemUnavailable):
        audited.audit()
    served.board.clear()
    assert audited.world.sql("SELECT system FROM outages WHERE ended_at IS NULL") == [(system,)]
    assert [kind for kind, _ in told(audited.audit())] == ["missing in Box"] * 2 + ["missing in the DAM"] * 2


def test_what_was_mended_is_gone_and_what_comes_back_is_new(audited):
    campaign_id = audited.delivered(*MASTERS[:2], finals=False)
    file_id, folder = audited.files(campaign_id)[MASTERS[0]], audited.folder(campaign_id)
    private = audited.box.add_folder(name="Private")
    for place, counts in ((private, (1, 1, 0)), (folder, (0, 0, 1)), (None, (0, 0, 0)), (private, (1, 1, 0))):
        audited.box.move(file_id, folder_id=place)
        found = audited.audit().counts
        assert (found.open, found.new, found.gone) == counts


def test_what_the_agency_may_do_is_no_finding(audited):
    campaign_id = audited.delivered(*MASTERS[:4])
    files, folder = audited.files(campaign_id), audited.folder(campaign_id)
    done = audited.box.add_folder(parent_id=folder, name="Done")
    audited.box.rename(files[MASTERS[0]], "as we call it.png")
    audited.box.move(files[MASTERS[1]], folder_id=done)
    audited.box.move(files[MASTERS[2]], folder_id=audited.world.systems.box_folders["global_masters"])
    audited.box.put_file(folder, ".DS_Store", b"x")
    audited.box.put_file(folder, "Thumbs.db", b"x")
    assert told(audited.audit()) == []


def test_rework_and_files_delivered_beside_others_are_no_finding(audited):
    campaign_id = audited.delivered(*MASTERS[:2])
    audited.dam.set_status(campaign_id, A5.status_before)
    audited.world.run(campaign_id, A5)
    assert told(audited.audit()) == []
    beside = Audited(audited.world.with_site(box={"replaced_masters": "deliver_beside"}))
    file = audited.box.item(audited.files(campaign_id)[MASTERS[0]], "file")
    audited.box.put_file(file.parent_id, file.name, b"retouched")
    audited.dam.set_status(campaign_id, A1.status_before)
    beside.world.run(campaign_id)
    assert told(beside.audit()) == []


def test_masters_and_finals_of_cron_scripts_are_looked_for_by_what_is_known_of_them(audited):
    campaign_id = audited.world.campaign({}, status="A2")
    folder = audited.box.add_folder(parent_id=audited.world.systems.box_folders["local_masters"], name="C1-Cron")
    files = [audited.box.put_file(folder, f"Film_CRON0{number}.mp4", b"%d" % number) for number in range(3)]
    finals = audited.dam.folder(campaign_id, "01 Final Assets")
    audited.dam.add_asset(finals, "Final.mp4", b"final")
    audited.world.sql(
        *(
            "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, upload_directory, status)"
            f" VALUES ('CRON0{number}', 'm{number}', '{file_id}', '{campaign_id}', '{finals}', 'active')"
            for number, file_id in enumerate(files)
        ),
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)"
        " VALUES ('CRON00', 'Final.mp4', 'mp4', 'active'), ('CRON01', 'Lost', 'mp4', 'active')",
    )
    outcome = audited.audit()
    assert told(outcome) == [("missing in the DAM", "Lost.mp4")]
    audited.box.delete(files[1])
    assert told(audited.audit()) == [("missing in Box", "m1"), ("missing in the DAM", "Lost.mp4")]


def test_one_campaign_alone_is_looked_at_and_nothing_is_said_of_others(audited):
    here, there = (audited.delivered(*MASTERS[:2], name=name, finals=False) for name in ("Here", "There"))
    for campaign_id in (here, there):
        audited.box.delete(audited.files(campaign_id)[MASTERS[0]])
    audited.audit()
    only = audited.world.database.transact(campaign_called, "Here")
    outcome = audited.audit(campaign_id=only)
    assert [one.finding.campaign_id for one in outcome.found] == [here]
    assert outcome.counts.gone == 0
    assert audited.audit().counts.open == 2
    with pytest.raises(OperationRefused, match="Name the campaign"):
        audited.world.database.transact(campaign_called, " ")


def test_a_campaign_whose_files_are_under_way_is_left_for_the_next_audit(audited):
    campaign_id = audited.delivered(*MASTERS[:2], finals=False)
    audited.box.delete(audited.files(campaign_id)[MASTERS[0]])
    found = audited.audit()
    audited.box.put_file(audited.folder(campaign_id), "just uploaded.png", b"x")
    with audited.world.database.lock(f"{A1.name}:{campaign_id}"):
        assert told(audited.audit()) == told(found), "neither new nor gone"
    assert len(audited.audit().found) == 2


def test_two_audits_at_once_are_refused(audited):
    with audited.world.database.lock(LOCK), pytest.raises(OperationRefused, match="under way"):
        audited.audit()


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        (audit.FINAL_WITHOUT_MASTER, "UPDATE derivative_assets SET tracking_id = 'GONE01'"),
        (audit.TRANSFER_WITHOUT_FINAL, "DELETE FROM derivative_assets"),
        (audit.FINAL_WITHOUT_TRANSFER, "UPDATE derivative_assets SET transfer_id = 99"),
    ],
)
def test_a_final_whose_rows_are_torn_apart_is_found(audited, kind, damage):
    audited.delivered(MASTERS[0])
    audited.world.sql(damage)
    assert kind.name in {kind for kind, _ in told(audited.audit())}


def test_what_moves_along_is_not_stuck(audited):
    campaign_id = audited.delivered(*MASTERS[:2], finals=False)
    audited.world.sql(
        "UPDATE transfers SET state = 'pending'",
        f"UPDATE campaign_status SET status = 'A1', status_since = {LONG_AGO} WHERE campaign_id = '{campaign_id}'",
    )
    assert told(audited.audit()) == []
    later = Audited(audited.world, stuck_after_hours=1e-6)
    assert {kind for kind, _ in told(later.audit())} == {audit.STUCK.name}


def test_assets_that_people_put_beside_finals_are_told_unless_the_site_does_not_care(audited):
    campaign_id = audited.delivered(MASTERS[0])
    audited.dam.add_asset(audited.dam.folder(campaign_id, "01 Final Assets"), "By hand.png", b"by hand")
    assert told(audited.audit()) == [(audit.UNKNOWN_IN_DAM.name, "By hand.png")]
    assert told(Audited(audited.world, unknown_finals=False).audit()) == []


def test_campaigns_of_long_ago_are_looked_at_unless_the_site_does_not_care(audited):
    campaign_id = audited.delivered(*MASTERS[:2])
    audited.box.delete(audited.files(campaign_id)[MASTERS[0]])
    audited.dam.delete(audited.assets(campaign_id)[0])
    audited.world.sql(
        f"UPDATE transfers SET moved_at = {LONG_AGO}", f"UPDATE derivative_assets SET created_at = {LONG_AGO}"
    )
    assert [kind for kind, _ in told(audited.audit())] == ["missing in Box", "missing in the DAM"]
    assert told(Audited(audited.world, only_days=2).audit()) == []
    assert len(told(Audited(audited.world, only_days=4).audit())) == 2


def test_what_a_run_that_died_had_uploaded_is_no_second_file_as_the_next_run_adopts_it(audited):
    campaign_id = audited.delivered(*MASTERS[:2], finals=False)
    audited.world.sql(
        f"UPDATE transfers SET state = 'pending', target_id = NULL WHERE source_name = '{MASTERS[0]}'",
        f"DELETE FROM master_assets WHERE asset_name = '{MASTERS[0]}'",
        f"UPDATE campaign_status SET status = 'A1' WHERE campaign_id = '{campaign_id}'",
    )
    assert told(audited.audit()) == []


@pytest.mark.parametrize("tables", [cron.USUAL, cron.ODD, cron.CUSTOMER], ids=["usual", "odd", "customer's"])
def test_tables_of_the_cron_scripts_with_columns_of_any_type_are_audited(world, empty_database_url, tables):
    run_sql(empty_database_url, tables, *([] if tables == cron.CUSTOMER else [cron.ROWS]))
    schema.upgrade(empty_database_url, world.systems.site.routes.masters)
    with closing(Database(empty_database_url)) as database:
        audited = Audited(replace(world, systems=replace(world.systems, database=database)))
        assert audited.audit().is_finished


def test_it_keeps_to_the_calls_that_it_may_make_in_a_minute():
    pace = Pace(calls_per_minute=6000, max_minutes=1)
    began = time.monotonic()
    for calls in (1, 10, 1):
        pace.take(calls)
    pace.note(5)
    assert (pace.calls, pace.is_over) == (17, False)
    assert time.monotonic() - began >= 0.11
    assert Pace(calls_per_minute=0, max_minutes=-1).is_over
