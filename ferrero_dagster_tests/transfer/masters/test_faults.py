"""Whatever goes wrong on the way, a campaign ends as if it had not (FAULTS, as far as DAM → Box is concerned)."""

import random
from dataclasses import replace

import pytest

from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.fix_world import ASSETS

CONTENTS, UPLOAD, FOLDER, ME = "/contents$", "files/content$", "2.0/folders$", "/users/me$"
NO_PAUSE = {"Retry-After": "0"}
LATER = (
    "UPDATE campaign_rounds SET last_failed_at = last_failed_at - interval '1 day'",
    "UPDATE outages SET last_failure_at = last_failure_at - interval '1 day'",
)
AN_INTERVAL_LATER = "UPDATE outages SET began_at = began_at - interval '3 min'"


def board(world, where):
    return getattr(world, where).board


PASSING = {
    "1 the DAM refuses the token in the middle": ("dam", Fault(path=CONTENTS, skip=1, status=401)),
    "2 Box refuses the token in the middle": ("box", Fault(path=UPLOAD, skip=1, status=401)),
    "4 the download is cut at the first byte": ("dam", Fault(path=CONTENTS, cut_after_bytes=0)),
    "4 the download is cut in the middle": ("dam", Fault(path=CONTENTS, skip=1, cut_after_bytes=700)),
    "4 the answer to the upload is cut": ("box", Fault(path=UPLOAD, cut_after_bytes=20)),
    "7 a log-in page instead of the file": (
        "dam",
        Fault(path=CONTENTS, status=200, body="<html>Log in</html>", headers={"Content-Type": "text/html"}),
    ),
    "10 the DAM asks for a pause": ("dam", Fault(path=CONTENTS, status=429, headers=NO_PAUSE)),
    "10 Box asks for a pause": ("box", Fault(path=UPLOAD, status=429, headers=NO_PAUSE)),
    "11 the DAM is unavailable for a moment": ("dam", Fault(status=503, times=3)),
    "11 Box is unavailable for a moment": ("box", Fault(status=502, times=2)),
    "13 the DAM drops a listing": ("dam", Fault(path="/children", drop_answer=True)),
    "17 the folder is made and the answer is lost": ("box", Fault(path=FOLDER, drop_answer=True)),
    "17 an upload arrives and its answer is lost": ("box", Fault(path=UPLOAD, drop_answer=True)),
    "41 the status is set and the answer is lost": ("dam", Fault(method="PATCH", drop_answer=True)),
    "41 the reading back is not answered": (
        "dam",
        Fault(method="GET", path="/folders/[0-9a-f]{40}$", skip=2, drop_answer=True),
    ),
}


@pytest.mark.fault(1, 4, 7, 11, 17)
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_is_survived_within_the_run(world, name):
    where, fault = PASSING[name]
    expected, campaign_id = world.no_fault(), world.campaign()
    board(world, where).add(replace(fault))
    world.run(campaign_id)
    assert board(world, where).armed == [], "the fault has struck"
    assert world.end_state(campaign_id) == expected
    assert world.templates() == ["a1_to_a2_complete"] * 2


@pytest.mark.fault(14, 16)
@pytest.mark.parametrize("conflicts_as", ["dict", "list"])
def test_a_file_whose_upload_was_not_answered_is_adopted_and_written_down_as_such(world, conflicts_as):
    world.box.settings.conflicts_as = conflicts_as
    world.box.board.add(Fault(path=UPLOAD, drop_answer=True))
    world.run(world.campaign({"a.png": b"a"}))
    assert world.sql("SELECT adopted FROM transfers") == [(True,)]
    assert len(world.files()) == 1


# --- a file fails ----------------------------------------------------------------------------------------------------


def other_bytes(world, film):
    path = world.dam.store.content(film.id)
    good = path.read_bytes()
    path.write_bytes(good[::-1])
    return lambda: path.write_bytes(good)


def shorter(world, film):
    path = world.dam.store.content(film.id)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    return lambda: path.write_bytes(good)


def damaged_in_box(world, film):
    world.box.settings.wrong_sha1 = True
    return lambda: None


def refused_by_box(world, film):
    world.box.board.add(Fault(path=UPLOAD, times=None, status=400, body='{"code": "bad_request"}', headers=JSON))
    return world.box.board.clear


def not_handed_over(world, film):
    fault = Fault(path=f"{film.id}/contents", times=None, status=400)
    world.dam.board.add(fault)
    return world.dam.board.clear


FAILING = {
    "5 6 another size than promised": (shorter, "19,999 bytes arrived where DAM promised 20,000"),
    "8 the bytes do not have the DAM's checksum": (other_bytes, "do not have the DAM's checksum"),
    "8 Box stored other bytes": (damaged_in_box, "Box stored other bytes than we sent"),
    "Box refuses the file": (refused_by_box, "Box answered 400"),
    "the DAM refuses the file": (not_handed_over, "the DAM answered 400"),
}


@pytest.mark.fault(5, 6, 8)
@pytest.mark.parametrize("name", FAILING)
def test_a_file_that_fails_is_told_once_keeps_the_status_and_moves_when_it_is_mended(world, name):
    spoil, reason = FAILING[name]
    expected = world.no_fault()
    campaign_id = world.campaign({})
    film = world.dam.store.item(world.add_asset(campaign_id, "Hero film.mp4", ASSETS["Hero film.mp4"]))
    mend = spoil(world, film)
    outcome = world.run(campaign_id)
    [failed] = outcome.failed
    assert failed.name == "Hero film.mp4"
    assert reason in failed.reason
    assert (outcome.status, world.dam.store.status(campaign_id)) == ("A1", "A1")
    if name != "8 Box stored other bytes":  # it does so once
        world.run(campaign_id)
    assert world.templates()[1:] == ["a1_to_a2_partial"]
    assert "next attempt in" in str(world.look())
    mend()
    for other in ("Key visual.tif", "a/b: c?.png"):
        world.add_asset(campaign_id, other, ASSETS[other])
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(46)
def test_the_others_move_although_one_fails_and_another_outcome_is_another_mail(world):
    campaign_id = world.campaign(ASSETS | {"empty.png": b""})
    assert len(world.run(campaign_id).moved) == 3
    world.add_asset(campaign_id, "also empty.png", b"")
    for _ in range(3):
        assert world.run(campaign_id).moved == ()
    facts = [fact for (fact,) in world.sql("SELECT fact FROM notifications ORDER BY id")]
    assert [(len(fact["moved"]), len(fact["failed"])) for fact in facts] == [(3, 1), (3, 2)]
    assert "is empty (0 bytes) in the DAM; upload it there again" in facts[0]["failed"][0]["reason"]
    assert seen(world.dam, "GET", CONTENTS, times=3), "an empty file is not even fetched"


@pytest.mark.fault(15)
def test_other_content_under_our_name_in_box_is_never_overwritten(world):
    expected, campaign_id = world.no_fault(), world.campaign()
    world.box.board.add(Fault(path=UPLOAD, times=3, status=400))
    world.run(campaign_id)
    [(tracking_id,)] = world.sql(
        "SELECT tracking_id FROM transfers WHERE source_name LIKE 'Key%' AND state = 'pending'"
    )
    folder = world.box.store.folder("348304357505", "C000000002-Spring")
    file_id = world.box.store.put_file(folder, f"Key_visual_{tracking_id}.tif", b"by hand")
    outcome = world.run(campaign_id)
    assert [file.reason for file in outcome.failed] == [
        f"Box already holds something else named Key_visual_{tracking_id}.tif; rename or delete it there."
    ]
    world.box.store.delete(file_id)
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


# --- a whole system is out -------------------------------------------------------------------------------------------


def wrong_password(world):
    world.dam.settings.password = "changed"
    world.dam.store.expire_tokens()


OUTAGES = {
    "11 the DAM is out": (lambda w: w.dam.board.add(Fault(status=503, times=None)), SystemUnavailable, "DAM"),
    "11 Box is out": (lambda w: w.box.board.add(Fault(status=503, times=None)), SystemUnavailable, "Box"),
    "11 Box goes out half way": (
        lambda w: [w.box.board.add(Fault(path=p, skip=s, status=503, times=None)) for p, s in ((UPLOAD, 1), (ME, 0))],
        SystemUnavailable,
        "Box",
    ),
    "10 the DAM asks for an hour": (
        lambda w: w.dam.board.add(Fault(path=CONTENTS, status=429, times=None, headers={"Retry-After": "3600"})),
        SystemUnavailable,
        "DAM",
    ),
    "10 Box asks for an hour": (
        lambda w: w.box.board.add(Fault(status=429, times=None, headers={"Retry-After": "3600"})),
        SystemUnavailable,
        "Box",
    ),
    "3 the DAM refuses our log-in": (wrong_password, AccessRefused, "DAM"),
    "3 Box refuses our app": (lambda w: w.box.board.add(Fault(status=403, times=None)), AccessRefused, "Box"),
    "45 the account in Box is full": (lambda w: vars(w.box.settings).update(storage_full=True), AccessRefused, "Box"),
    "the folder in Box is gone": (
        lambda w: w.box.store.delete_folder("348304357505", recursive=True),
        ConfigurationError,
        "configuration",
    ),
}


def mend(world):
    world.dam.board.clear()
    world.box.board.clear()
    world.dam.settings.password = "nutella"
    world.box.settings.storage_full = False
    world.box.store.add_folder(name="Local masters", folder_id="348304357505")
    world.sql(*LATER)


@pytest.mark.fault(3, 10, 11, 45)
@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_counts_against_no_campaign_and_no_file_is_told_once_and_work_goes_on_after_it(world, name):
    spoil, kind, system = OUTAGES[name]
    expected, campaign_id = world.no_fault(), world.campaign()
    spoil(world)
    mails = []
    for _ in range(3):
        with pytest.raises(kind):
            world.run(campaign_id)
        mails.append(world.templates().count("workflow_error"))
        world.sql(AN_INTERVAL_LATER)
    assert mails == ([0, 1, 1] if kind is SystemUnavailable else [1, 1, 1])
    assert world.sql("SELECT system, failures FROM outages WHERE ended_at IS NULL") == [(system, 3)]
    assert world.sql("SELECT sum(attempts) FROM transfers WHERE state = 'pending'") in ([(0,)], [(None,)])
    mend(world)
    assert [found.id for found in world.look().starts] == [campaign_id]
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected
    assert world.sql("SELECT system FROM outages WHERE ended_at IS NULL") == []


@pytest.mark.fault(45)
def test_without_room_on_the_disk_nothing_is_begun_that_must_rest_there(world):
    full = world.with_site(transfer={"free_space_reserve_bytes": 10**18, "memory_bytes": 0})
    campaign_id = full.campaign()
    for _ in range(2):
        with pytest.raises(SystemUnavailable, match="has no room for a file of"):
            full.run(campaign_id)
        world.sql(AN_INTERVAL_LATER)
    assert seen(world.dam, "GET", CONTENTS, times=0)
    assert world.templates() == ["workflow_error"]
    assert world.sql("SELECT system FROM outages") == [("temporary directory",)]
    assert "next attempt in 10 min" in str(world.look())
    world.sql(*LATER)
    assert len(world.run(campaign_id).moved) == 3


@pytest.mark.fault(11)
def test_while_box_is_out_one_attempt_is_made_for_all_campaigns(world):
    for _ in range(5):
        world.campaign()
    world.box.board.add(Fault(status=503, times=None))
    two_at_once = world.with_site(campaigns={"per_tick": 2})
    starts = two_at_once.look().starts
    assert len(starts) == 2
    for campaign in starts:
        with pytest.raises(SystemUnavailable):
            world.run(campaign.id)
    look = two_at_once.look()
    assert look.starts == []
    assert str(look).count("waits, Box cannot be used; next attempt in 10 min") == 3


def test_an_outage_in_the_middle_leaves_the_rest_untouched_and_reads_no_more_metadata(world):
    few = world.with_site(dam={"metadata_batch_size": 5}, transfer={"threads": 1})
    campaign_id = few.campaign({f"{n:02}.png": bytes([n]) for n in range(30)})
    world.box.board.add(Fault(path=UPLOAD, skip=3, status=503, times=None))
    with pytest.raises(SystemUnavailable):
        few.run(campaign_id)
    assert len(few.events) == 3, "what had moved is reported"
    assert len(world.dam.board.requests("GET", "v6/assets$")) <= 7, "of two files each, of fifteen"
    world.box.board.clear()
    few.run(campaign_id)
    assert len(world.files()) == 30


# --- anything --------------------------------------------------------------------------------------------------------


def random_fault(chance):
    kinds = [
        {"status": 503},
        {"status": 500},
        {"status": 401},
        {"status": 429, "headers": NO_PAUSE},
        {"status": 404},
        {"drop_answer": True},
        {"cut_after_bytes": chance.randrange(40)},
        {"status": 200, "body": "<html>"},
    ]
    fault = Fault(skip=chance.randrange(12), times=chance.choice([1, 1, 2, 6]))
    vars(fault).update(chance.choice(kinds))
    return fault


@pytest.mark.parametrize("seed", range(8))
def test_after_any_faults_in_any_order_the_end_is_the_same(world, seed):
    chance = random.Random(seed)
    expected, campaign_id = world.no_fault(), world.campaign()
    calls = len(world.dam.board.seen) + len(world.box.board.seen)
    for _ in range(8):
        board(world, chance.choice(["dam", "box"])).add(random_fault(chance))
    runs = 0
    while world.dam.store.status(campaign_id) != "A2" or world.templates("webhook").count("a1_to_a2_complete") < 2:
        runs += 1
        assert runs < 25, "it converges"
        if runs > 12:
            mend(world)
        world.sql(*LATER)
        for campaign in world.look().starts:
            try:
                world.run(campaign.id)
            except FerreroError:
                continue
    assert world.end_state(campaign_id) == expected
    assert len(world.dam.board.seen) + len(world.box.board.seen) < calls * (runs + 2) + 100
