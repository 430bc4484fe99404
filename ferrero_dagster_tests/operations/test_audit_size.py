"""What an audit of many files costs: calls that are counted, and no more memory than one campaign needs."""

import tracemalloc

import pytest

from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.operations.audited_world import Audited

_MASTERS = """
WITH file AS (SELECT * FROM unnest('{{{ids}}}'::text[], '{{{names}}}'::text[]) AS f (id, name)),
     moved AS (INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,
                                      target_id, target_name, size_bytes, moved_at)
               SELECT 'a1_to_a2', '{campaign}', 'm' || id, '1', name, substring(name FROM '_(.{{6}})[.]'), 'moved', id,
                      name, 64, now() FROM file),
     noted AS (INSERT INTO campaign_rounds (route, campaign_id, round, box_folder_id, closed_at)
               VALUES ('a1_to_a2', '{campaign}', 1, '{folder}', now()))
INSERT INTO master_assets (tracking_id, opentext_id, original_id, asset_name, campaign_id, box_file_id, status,
                           upload_directory)
SELECT substring(name FROM '_(.{{6}})[.]'), 'm' || id, 'm' || id, name, '{campaign}', id, 'active', '{finals}' FROM file
"""
_FINALS = """
INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status, dam_asset_id, size_bytes)
SELECT (SELECT min(tracking_id) FROM master_assets WHERE campaign_id = '{campaign}'), name, 'png', 'active', id, 5
FROM unnest('{{{ids}}}'::text[], '{{{names}}}'::text[]) AS f (id, name)
"""


@pytest.fixture
def audited(world):
    return Audited(world)


def add_campaign(audited, number, *, masters, finals=0):
    """A campaign with so many files in Box and in the DAM, all as the rows say."""
    campaign_id = audited.world.campaign({}, status="A2", name=f"Campaign {number}")
    folder = audited.box.add_folder(parent_id=audited.world.systems.box_folders["local_masters"], name=f"C{number}")
    names = [f"Master_{number:02}{place:04}.png" for place in range(masters)]
    ids = audited.box.add_many_files(folder, names)
    values = {"campaign": campaign_id, "folder": folder, "finals": audited.dam.folder(campaign_id, "01 Final Assets")}
    audited.world.sql(_MASTERS.format(ids=",".join(ids), names=",".join(names), **values))
    names = [f"Final {place}.png" for place in range(finals)]
    ids = [audited.dam.add_asset(values["finals"], name, b"final") for name in names]
    audited.world.sql(_FINALS.format(ids=",".join(ids), names=",".join(names), **values))


def test_a_thousand_masters_are_one_call_and_two_hundred_finals_one_and_the_empty_page_after_them(audited):
    add_campaign(audited, 1, masters=2500, finals=401)
    outcome = audited.audit()
    assert (outcome.is_finished, outcome.counts.open) == (True, 0)
    assert seen(audited.world.box, "GET", "/items$", times=3)
    assert seen(audited.world.box, "GET", "/files/", times=0)
    assert seen(audited.world.dam, "GET", "/children$", times=4)
    assert seen(audited.world.dam, "GET", "/assets$", times=0)
    assert outcome.calls == 7


def test_ten_times_the_campaigns_need_no_more_memory(audited):
    peaks = []
    for first, last in ((0, 3), (3, 30)):
        for number in range(first, last):
            add_campaign(audited, number, masters=150)
        tracemalloc.start()
        audited.audit()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_findings_in_great_number_are_written_in_batches(audited):
    for number in range(3):
        add_campaign(audited, number, masters=1500)
    audited.world.sql("DELETE FROM transfers")
    outcome = audited.audit()
    assert (outcome.counts.open, len(outcome.found)) == (4500, 500)
