"""A redelivery that is killed anywhere is told, and another one, or the next round, ends it with nothing double."""

import signal

import pytest

from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.transfer.redelivery import BUSY
from ferrero_dagster_tests.fix_world import A1, ASSETS, sha1
from ferrero_dagster_tests.transfer.masters.child import redeliver
from ferrero_dagster_tests.transfer.masters.test_crash import Executioner, run_again, run_child, start_child

TWO = dict(list(ASSETS.items())[:2])


def deleted(world):
    """The id of a campaign whose two masters were delivered and deleted in Box, one of them replaced."""
    campaign_id = world.campaign(TWO)
    world.run(campaign_id)
    store = world.box.store
    [(gone,), (replaced,)] = world.sql(
        f"SELECT target_id FROM transfers WHERE campaign_id = '{campaign_id}' ORDER BY source_name"
    )
    store.delete(gone)
    item = store.item(replaced, "file")
    store.put_file(str(item.parent_id), item.name, b"retouched")
    return campaign_id


def contents(world, campaign_id):
    [(folder_id,)] = world.sql(
        f"SELECT DISTINCT box_folder_id FROM campaign_rounds WHERE campaign_id = '{campaign_id}'"
    )
    return sorted(world.box.store.tree(folder_id).values())


def unfinished(world, campaign_id):
    rows = read_status(world.database, world.systems.site).campaigns
    return [row["state"] for row in rows if row["id"] == campaign_id]


def ended(world, campaign_id):
    """A further redelivery, once PostgreSQL has noticed that the dead one holds no lock."""
    outcome = redeliver(world.systems, campaigns=[campaign_id])
    while any(file.result == BUSY for file in outcome.files):
        outcome = redeliver(world.systems, campaigns=[campaign_id])
    return outcome


WHOLE = sorted([*(sha1(content) for content in TWO.values()), sha1(b"retouched")])


@pytest.mark.fault(30)
def test_a_redelivery_that_is_killed_at_any_step_is_told_and_completed_by_the_next(world, tmp_path):
    at, told = 0, 0
    while True:
        at += 1
        campaign_id, executioner = deleted(world), Executioner(at)
        if run_child(world, campaign_id, executioner, tmp_path, redelivers=True) == 0:
            break
        states = unfinished(world, campaign_id)
        told += states == ["not delivered again yet: run redeliver_files"]
        assert not ended(world, campaign_id).refused, f"killed at step {at}"
        assert contents(world, campaign_id) == WHOLE, f"killed at step {at}"
        assert unfinished(world, campaign_id) == [], f"killed at step {at}"
    assert contents(world, campaign_id) == WHOLE
    assert at > 15, "so many steps has a redelivery"
    assert told > 5, "in the middle of it people are told"


@pytest.mark.fault(30)
def test_a_killed_redelivery_is_completed_by_the_next_round_too(world, tmp_path):
    campaign_id = deleted(world)
    at_the_first_upload = Executioner(1)
    world.box.board.add(Fault(path="files/content$", before=at_the_first_upload))
    process = start_child(world, campaign_id, at_the_first_upload, tmp_path, redelivers=True)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    world.dam.store.set_status(campaign_id, A1.status_before)
    run_again(world, campaign_id)
    assert contents(world, campaign_id) == WHOLE
    assert world.dam.store.status(campaign_id) == A1.status_after
