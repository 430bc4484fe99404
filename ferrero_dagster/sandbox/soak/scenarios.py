"""One thing is spoiled, looked at, and put right again; each scenario has campaigns of its own."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

import psycopg2

from ferrero_dagster.domain.words import counted
from ferrero_dagster.sandbox.agency import deliver_finals
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.soak.findings import (
    Finding,
    exactly,
    mails,
    no_red_tick,
    red_ticks_name,
    ticks_in_time,
    within,
)
from ferrero_dagster.sandbox.soak.stage import MASTERS_EACH, Stage, until

#: What the site of the soak has otherwise than all others.
SILENT_RUN_MINUTES = 1
SITE = f"campaigns: {{silent_run_minutes: {SILENT_RUN_MINUTES}}}\n"
_SLOW_ANSWER_S = 15
#: How many campaigns have their turn while it lasts, and for each of them: it costs half a dozen answers.
_SLOW_TURNS, _SLOW_TURN_S = 2, 240
_LOCKED_S = 40
_FOLDER_GONE_S = 30
#: For a campaign with all well, on a machine that has other things to do.
_MOVE_S = 90
_RULES = """
ALTER TABLE derivative_assets ADD CONSTRAINT soak CHECK (status IN ('active', 'inactive', 'archived'));
ALTER TABLE campaign_status ADD CONSTRAINT soak CHECK (length(status) <= 10) NOT VALID;
CREATE TYPE soak_state AS ENUM ('active', 'inactive', 'archived');
ALTER TABLE master_assets ALTER status DROP DEFAULT, ALTER status TYPE soak_state USING status::soak_state;
ALTER TABLE master_assets ALTER status SET DEFAULT 'active';
"""
_NO_RULES = """
ALTER TABLE derivative_assets DROP CONSTRAINT soak;
ALTER TABLE campaign_status DROP CONSTRAINT soak;
ALTER TABLE master_assets ALTER status DROP DEFAULT, ALTER status TYPE VARCHAR(20) USING status::text;
ALTER TABLE master_assets ALTER status SET DEFAULT 'active';
DROP TYPE soak_state;
"""
_ARRIVED = """
SELECT count(*) FROM derivative_assets
WHERE tracking_id IN (SELECT tracking_id FROM master_assets WHERE campaign_id = %(id)s)
"""


def slow_dam(stage: Stage) -> Iterator[Finding]:
    """Each answer of the DAM comes after 15 s: no tick dies, and one campaign after the other has its turn."""
    began_s, before, ids = time.time(), stage.runs(), stage.campaigns(3)
    with _spoiled(stage, "DAM", Fault(delay_s=_SLOW_ANSWER_S, times=None)):
        for number in range(1, _SLOW_TURNS + 1):
            took_s = until(partial(_are_more, stage.runs, before + number), _SLOW_TURN_S)
            yield within(f"run {number} starts, {_SLOW_ANSWER_S} s for each answer, after", _SLOW_TURN_S, took_s)
        until(lambda: stage.sql("SELECT 1 FROM outages WHERE system = 'DAM (slow)' AND mailed") != [], _SLOW_TURN_S)
        ticks = stage.ticks([route.sensor for route in stage.world.site.routes], began_s)
    yield ticks_in_time(ticks)
    yield no_red_tick(ticks)
    yield from _moved(stage, ids, _MOVE_S)


def dead_run(stage: Stage) -> Iterator[Finding]:
    """The host of a run of the *Materialize* button dies: the run is ended in time, and its campaign starts anew."""
    ids, fault = stage.campaigns(1, is_seen=False), Fault(method="POST", path="/content$", delay_s=600, times=None)
    before = len(stage.world.boards["Box"].requests("POST", fault.path))
    with _spoiled(stage, "Box", fault):
        run_id = stage.materialize(ids[0])
        # It waits in the queue by now, so that no sensor starts another.
        stage.world.dam.set_status(ids[0], stage.masters.status_before)
        took_s = until(lambda: len(stage.world.boards["Box"].requests("POST", fault.path)) > before, _MOVE_S)
        yield within("run of the button uploads, after", _MOVE_S, took_s)
        stage.cut_power()
    died_s = time.monotonic()
    stage.start()
    promised_s = 60 * SILENT_RUN_MINUTES + 60
    until(lambda: stage.has_failed(run_id), 2 * promised_s)
    is_over = stage.has_failed(run_id)
    yield within("dead run ended, after its host died", promised_s, time.monotonic() - died_s if is_over else None)
    yield from _moved(stage, ids, _MOVE_S)


def database_rules(stage: Stage) -> Iterator[Finding]:
    """Status columns with CHECK and ENUM: runs and ticks do without our words, what does not fit stops itself only."""
    began_s, ids, [cancelled] = time.time(), stage.campaigns(2), stage.campaigns(1)
    until(lambda: stage.sql("SELECT 1 FROM campaign_status WHERE campaign_id = %(id)s", id=cancelled) != [], _MOVE_S)
    stage.sql(_RULES)
    try:
        stage.world.dam.set_status(cancelled, "CANCELLED BY CLIENT")
        yield from _moved(stage, ids, _MOVE_S)
        told = "SELECT 1 FROM unforeseen_errors WHERE message LIKE '%%campaign_status%%'"
        yield within("the row that does not fit is noted, after", 60, until(lambda: stage.sql(told) != [], 60))
        yield no_red_tick(stage.ticks([stage.masters.sensor], began_s))
    finally:
        stage.sql(_NO_RULES)
    stage.world.dam.set_status(cancelled, stage.masters.status_before)
    yield from _moved(stage, [cancelled], _MOVE_S)


def locked_table(stage: Stage) -> Iterator[Finding]:
    """Somebody holds a table for a while: ticks end in a sentence that names the holder, and then all goes on."""
    with closing(psycopg2.connect(stage.world.postgres.url(), application_name="somebody")) as somebody:
        somebody.cursor().execute("LOCK TABLE campaign_status IN ACCESS EXCLUSIVE MODE")
        began_s, ids = time.time(), stage.campaigns(1)
        time.sleep(_LOCKED_S)
        ticks = stage.ticks([stage.masters.sensor], began_s)
    yield ticks_in_time(ticks)
    yield red_ticks_name("somebody", ticks)
    yield from _moved(stage, ids, _MOVE_S)


def agency_folder_gone(stage: Stage) -> Iterator[Finding]:
    """Our app was removed from the agency's folder: people are told, other routes go on; then it is back."""
    ids, world = stage.campaigns(1), stage.world
    before = len(world.mailbox.messages())
    with _spoiled(stage, "Box", Fault(path=f"/folders/{stage.inbox_id}/", status=404, times=None)):
        yield within("mail to those who can act, after", 60, until(lambda: _named(stage, before), 60))
        yield from _moved(stage, ids, _MOVE_S)
        names = deliver_finals(world.box, stage.inbox_id, world.postgres.url(), world.media_dir, ids[0])
        time.sleep(_FOLDER_GONE_S)
    took_s = until(lambda: stage.sql(_ARRIVED, id=ids[0]) == [(len(names),)], _MOVE_S)
    yield within(f"{len(names)} finals in the DAM, after the folder is back", _MOVE_S, took_s)
    yield exactly("outages that are still open", 0, len(stage.sql("SELECT 1 FROM outages WHERE ended_at IS NULL")))


@contextmanager
def _spoiled(stage: Stage, system: str, fault: Fault) -> Iterator[None]:
    stage.world.boards[system].add(fault)
    try:
        yield
    finally:
        stage.world.boards[system].clear()


def _are_more(number: Callable[[], int], promised: int) -> bool:
    return number() >= promised


def _named(stage: Stage, before: int) -> bool:
    return any("cannot be used" in mail.subject for mail in stage.world.mailbox.messages()[before:])


def _moved(stage: Stage, ids: list[str], limit_s: float) -> Iterator[Finding]:
    """In Box, each file once, and each once in the tables."""
    took_s = until(lambda: stage.moved(ids) == len(ids), 2 * limit_s)
    yield within(f"{counted(len(ids), 'campaign')} in Box, after", limit_s, took_s)
    yield exactly("files in their Box folders", len(ids) * MASTERS_EACH, stage.files_in_box(ids))
    query = "SELECT count(*) FROM master_assets WHERE campaign_id = ANY(%(ids)s)"
    yield exactly("rows of them in master_assets", len(ids) * MASTERS_EACH, stage.sql(query, ids=ids)[0][0])


Scenario = Callable[[Stage], Iterator[Finding]]
#: Each with the mails of trouble that it causes, by words of their subject.
SCENARIOS: Mapping[str, tuple[Scenario, Mapping[str, int]]] = {
    "locked-table": (locked_table, {}),
    "dead-run": (dead_run, {"A run of a1_to_a2 failed": 1}),
    "database-rules": (database_rules, {"The database refuses": 1}),
    "agency-folder-gone": (agency_folder_gone, {"cannot be used: the administrator must act": 1}),
    "slow-dam": (slow_dam, {"DAM is so slow": 1}),
}


def findings(name: str, stage: Stage) -> Iterator[Finding]:
    """Rows of the table, each as soon as it is known."""
    scenario, promised = SCENARIOS[name]
    before = len(stage.world.mailbox.messages())
    yield from scenario(stage)
    yield from mails(stage.subjects(before, promised), promised)
