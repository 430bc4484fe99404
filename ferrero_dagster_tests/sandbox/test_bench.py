"""The bench's short form: what a file costs in calls, statements and memory, which is the same on every machine."""

import pytest

from ferrero_dagster.sandbox.bench.measuring import Row, measured
from ferrero_dagster.sandbox.bench.performance import written

FILES = 40
#: Statements of a run in Dagster's storage, however many files it moves, and what may come for those.
RUNS_OWN, BATCHES = 100, 40


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.way: row for row in measured(files=FILES, size_bytes=20_000, latencies_ms=[0])}


def test_a_run_moves_all_and_its_events_cost_dagster_a_few_statements_for_all_files_together(rows):
    for row in rows.values():
        assert row.is_whole
        assert row.dagster_statements <= RUNS_OWN + BATCHES


def test_a_master_costs_a_download_an_upload_and_its_share_of_listings_and_metadata(rows):
    calls = rows["DAM → Box"].calls
    assert calls["DAM"] <= 1.6 * FILES
    assert calls["Box"] <= 1.3 * FILES


def test_a_final_costs_an_import_with_its_polls_and_proof_and_a_download_and_a_deletion(rows):
    calls = rows["Box → DAM"].calls
    assert calls["DAM"] <= 6 * FILES
    assert calls["Box"] <= 5.5 * FILES


def test_what_is_written_down_of_a_file_costs_few_statements(rows):
    assert rows["DAM → Box"].our_statements <= 120 + 4 * FILES
    assert rows["Box → DAM"].our_statements <= 150 + 45 * FILES


def test_a_run_of_many_files_needs_little_more_memory_than_one_of_none(rows):
    assert all(row.peak_bytes < 448 << 20 for row in rows.values())


def test_the_document_shows_every_row_with_its_ratios(rows):
    text = written(list(rows.values()))
    for row in rows.values():
        assert " | ".join(row.cells) in text
