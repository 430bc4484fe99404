"""One stubborn master in each of ten campaigns is counted and told by name; all else ends as if nothing were."""

from dataclasses import replace
from typing import Any

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, REFUSAL
from ferrero_dagster_tests.transfer.masters.campaign_world import facts

LONG, PAGE = {"Retry-After": "36000"}, {"Content-Type": "text/html"}
GOOD = {"Film.mp4": b"film" * 50, "Key.png": b"key"}
UPLOAD = "files/content$"

BAD_METADATA: list[dict[str, Any]] = [{"status": 503}, {"status": 500, "body": REFUSAL, "headers": JSON}]

# Whose board, and what goes wrong for ever; ID is the asset's, NAME stands in what is sent of it.
KINDS = {
    "unavailable": ("dam", Fault(path="ID/contents$", status=503)),
    "error without a word": ("dam", Fault(path="ID/contents$", status=500)),
    "web page": ("dam", Fault(path="ID/contents$", status=200, body="<html>Log in", headers=PAGE)),
    "ten hours": ("dam", Fault(path="ID/contents$", status=429, headers=LONG)),
    "cut off": ("dam", Fault(path="ID/contents$", cut_after_bytes=3)),
    "no answer": ("dam", Fault(path="ID/contents$", drop_answer=True)),
    "refused": ("dam", Fault(path="ID/contents$", status=403)),
    "other bytes": ("dam", Fault(path="ID/contents$", rewrite=lambda body: body[::-1])),
    "metadata unavailable": ("dam", Fault(path="v6/assets$", holding="ID", status=503)),
    "upload fails": ("box", Fault(path=UPLOAD, holding="Stubborn", status=500)),
}


def stubborn(world, number, kind):
    """A campaign with one asset of this kind among good ones."""
    campaign_id = world.campaign(GOOD, name=f"Bad {number}")
    asset_id = world.add_asset(campaign_id, f"Stubborn {number}.png", b"stubborn" * 9)
    where, fault = KINDS[kind]
    path, holding = fault.path.replace("ID", asset_id), fault.holding.replace("ID", asset_id)
    getattr(world, where).board.add(replace(fault, times=None, path=path, holding=holding))
    return campaign_id


def tried(world, campaign_ids):
    for campaign_id in campaign_ids:
        world.run(campaign_id)


@pytest.mark.fault(73)
def test_of_fifty_campaigns_with_ten_stubborn_files_forty_are_complete_and_ten_mails_name_ten_files(world):
    bad = [stubborn(world, number, kind) for number, kind in enumerate(KINDS)]
    good = [world.campaign(GOOD, name=f"Good {number}") for number in range(40)]
    tried(world, [id_ for five in zip(bad, *(good[n::4][:10] for n in range(4)), strict=True) for id_ in five])
    for _ in range(2):
        tried(world, bad)
    assert {world.dam.store.status(id_) for id_ in good} == {"A2"}
    assert {world.dam.store.status(id_) for id_ in bad} == {"A1"}
    assert world.sql("SELECT FROM outages") == []
    assert world.sql("SELECT DISTINCT attempts, state FROM transfers WHERE source_name LIKE 'Stub%'") == [
        (3, "pending")
    ]
    assert world.sql("SELECT count(*) FROM transfers WHERE state = 'moved'") == [(100,)]
    told = facts(world, "a1_to_a2_partial")
    assert [[file["name"] for file in fact["failed"]] for fact in told] == [
        [f"Stubborn {number}.png"] for number in range(10)
    ]
    assert "the DAM is unavailable (503)" in told[0]["failed"][0]["reason"]
    assert world.templates().count("workflow_error") == 0


@pytest.mark.fault(73)
def test_stubborn_files_that_come_first_keep_no_other_of_their_campaign_waiting(world):
    one_by_one = world.with_site(transfer={"threads": 1})
    campaign_id = world.campaign({f"A {n}.png": b"a" for n in range(3)} | {f"B {n}.png": b"b" for n in range(5)})
    store = world.dam.store
    for asset in store.assets(store.folder(campaign_id, "01 Master Assets")):
        if asset.name.startswith("A"):
            world.dam.board.add(Fault(path=f"{asset.id}/contents$", status=503, times=None))
    outcome = one_by_one.run(campaign_id)
    assert (len(outcome.moved), len(outcome.failed)) == (5, 3)
    attempts = "SELECT attempts FROM transfers WHERE state = 'pending'"
    assert world.sql(attempts) == [(0,)] * 3, "it might have been the DAM"
    assert len(one_by_one.run(campaign_id).failed) == 3
    assert world.sql(attempts) == [(1,)] * 3
    assert world.sql("SELECT FROM outages WHERE ended_at IS NULL") == []


@pytest.mark.fault(73)
def test_a_few_files_that_are_all_there_is_have_the_benefit_of_the_doubt_for_a_while_only(world):
    campaign_id = world.campaign({"A.png": b"a", "B.png": b"b"})
    world.dam.board.add(Fault(path="/contents$", status=503, times=None))
    for _ in range(3):
        with pytest.raises(SystemUnavailable):
            world.run(campaign_id)
    assert len(world.run(campaign_id).failed) == 2
    [told] = facts(world, "a1_to_a2_partial")
    assert [file["name"] for file in told["failed"]] == ["A.png", "B.png"]


@pytest.mark.fault(73)
def test_an_asset_whose_metadata_the_dam_fails_to_tell_keeps_no_other_waiting(world):
    for fault in BAD_METADATA:
        campaign_id = world.campaign(GOOD)
        asset_id = world.add_asset(campaign_id, "Stubborn.png", b"s")
        world.dam.board.add(Fault(path="v6/assets$", holding=asset_id, times=None, **fault))
        outcome = world.run(campaign_id)
        assert (len(outcome.moved), [file.name for file in outcome.failed]) == (2, ["Stubborn.png"])
    assert world.sql("SELECT FROM outages") == []
