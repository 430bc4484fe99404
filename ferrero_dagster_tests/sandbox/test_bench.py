"""The bench's short form: what a file costs in calls, statements and memory, which is the same on every machine."""

import os
from dataclasses import replace

import pytest

from ferrero_dagster.sandbox.bench.looks import Cost, LookRow, measured_looks
from ferrero_dagster.sandbox.bench.measuring import Batch, Row, measured
from ferrero_dagster.sandbox.bench.performance import written
from ferrero_dagster.sandbox.bench.run_start import HEAVY, RunStart, imports_s

FILES, SEVERAL = 40, 30
#: Of a look: a log-in and a search, and what each campaign costs that may start; so many may.
SEARCH, CALLS_EACH, PER_TICK = 2, 3, 20
#: Statements of a run in Dagster's storage, however many files it moves, and what may come for those.
RUNS_OWN, BATCHES = 100, 40
#: Seconds of the ideal copier and of ours.
TURNS = [(3.0, 5.0), (1.0, 9.0), (2.0, 6.0)]


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.way: row for row in measured([Batch(files=FILES, size_bytes=20_000, latencies_ms=[0])])}


@pytest.fixture(scope="module")
def looks() -> dict[str, LookRow]:
    return {row.cells[0]: row for row in measured_looks(files=[SEVERAL], campaigns=[SEVERAL])}


def test_a_run_moves_all_and_its_events_cost_dagster_a_few_statements_for_all_files_together(rows):
    for row in rows.values():
        assert row.is_whole
        assert row.median.ours.dagster_statements <= RUNS_OWN + BATCHES


def test_a_master_costs_a_download_an_upload_and_its_share_of_listings_and_metadata(rows):
    calls = rows["DAM → Box"].median.calls
    assert calls["DAM"] <= 1.6 * FILES
    assert calls["Box"] <= 1.3 * FILES


def test_a_final_costs_an_import_with_its_polls_and_proof_and_a_download_and_a_deletion(rows):
    calls = rows["Box → DAM"].median.calls
    assert calls["DAM"] <= 6 * FILES
    assert calls["Box"] <= 5.5 * FILES


def test_what_is_written_down_of_a_file_costs_few_statements(rows):
    assert rows["DAM → Box"].median.ours.our_statements <= 120 + 4 * FILES
    assert rows["Box → DAM"].median.ours.our_statements <= 150 + 45 * FILES


def test_a_run_of_many_files_needs_little_more_memory_than_one_of_none(rows):
    assert all(row.median.ours.peak_bytes < 448 << 20 for row in rows.values())


def test_files_have_moved_before_the_run_ends(rows):
    for row in rows.values():
        assert 0 < row.median.ours.moving_s < row.median.ours.seconds


def test_a_look_at_an_unchanged_folder_costs_one_call_and_few_statements_however_many_files_there_are(looks):
    first, second, third = looks[f"{SEVERAL} files in the agency's folder"].looks
    assert (first.calls, second.calls, third.calls) == (3, 1, 1)
    assert max(first.statements, second.statements, third.statements) <= 30


def test_a_look_reads_no_more_campaigns_than_may_start(looks):
    for look in looks[f"{SEVERAL} campaigns"].looks:
        assert look.calls <= SEARCH + CALLS_EACH * PER_TICK


def test_a_run_imports_nothing_heavy():
    imported = imports_s({**os.environ}).keys()
    assert {"dagster", "ferrero_dagster"} < imported
    assert not imported & {*HEAVY}


def test_the_median_turn_counts(rows):
    row = rows["DAM → Box"]
    [turn] = row.turns
    turns = [replace(turn, ideal_s=ideal, ours=replace(turn.ours, moving_s=ours)) for ideal, ours in TURNS]
    counted = replace(row, turns=turns)
    assert (counted.ideal_s, counted.median.ours.moving_s) == (2.0, 6.0)


def test_one_turn_that_did_not_move_all_is_told(rows):
    row = rows["DAM → Box"]
    [turn] = row.turns
    assert not replace(row, turns=[turn, replace(turn, ours=replace(turn.ours, is_success=False))]).is_whole


def test_the_document_shows_every_row(rows):
    looks = LookRow(
        what="files", number=1000, looks=[Cost(seconds=place, calls=3, statements=27) for place in range(3)]
    )
    start = RunStart(launched_s=0.5, first_transfer_s=1.5, imports_s={"dagster": 0.7, "pandas": 0.1})
    text = written(list(rows.values()), [looks], start)
    for line in [*(row.cells for row in (*rows.values(), looks)), *start.rows]:
        assert " | ".join(line) in text
    assert "pandas" in text
