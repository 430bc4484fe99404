"""Looks that need not ask Box at all, as its long poll has announced nothing (contract box.md 10)."""

import json
import time

import pytest

from ferrero_dagster.clients.box_announcements import Announcements, Patience
from ferrero_dagster.clients.box_session import learned_of
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.transfer.finals.agency_world import final_name

ONE, TWO, THREE = (final_name(f"AAA00{number}") for number in range(1, 4))
REALTIME = "/realtime/subscribe$"


class Watch:
    """An agency's folder whose looks may listen, in seconds where it is minutes elsewhere."""

    def __init__(self, agency):
        self.agency, self.box, self.board = agency, agency.world.box, agency.world.box.board
        self._learned = learned_of(agency.world.systems.agency._client)
        self.patience()

    def patience(self, *, quiet_looks=2, opens_in_s=0.3, worth_s=0, announced_in_s=0, rest_s=3600):
        """Begin anew, as another process would."""
        self._learned.clear()
        self.announcements = self._learned["announcements"] = Announcements(
            Patience(
                quiet_looks=quiet_looks,
                opens_in_s=opens_in_s,
                worth_s=worth_s,
                announced_in_s=announced_in_s,
                rest_s=rest_s,
            )
        )

    def calls(self):
        """What one look asks Box: where to listen, what has happened, what is in the folder."""
        before = len(self.board.seen)
        self.agency.look()
        asked = [(seen.method, seen.path.rpartition("/")[2]) for seen in self.board.seen[before:]]
        return tuple(asked.count(kind) for kind in (("OPTIONS", "events"), ("GET", "events"), ("GET", "items")))

    def until_ended(self):
        """Wait until Box has answered the poll."""
        poll = self.announcements._poll
        assert poll
        end = time.monotonic() + 20
        while poll.how is None and time.monotonic() < end:
            time.sleep(0.02)
        assert poll.how

    def listen(self):
        """Look until a poll waits, and once more when it counts as open."""
        for _ in range(3):
            self.calls()
        until = time.monotonic() + 20
        while all(poll.status for poll in self.board.requests(path=REALTIME)) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.4)
        self.calls()

    def prove(self):
        """Have a change announced, and look until its silence is believed."""
        self.listen()
        self.agency.deliver(TWO)
        self.until_ended()
        self.calls()
        self.listen()


@pytest.fixture
def watch(agency):
    agency.world.box.settings.long_poll = "announces"
    agency.campaign("AAA001", "AAA002", "AAA003")
    agency.deliver(ONE)
    agency.settled_look()
    watch = Watch(agency)
    yield watch
    watch.announcements._rest()


def test_a_stream_is_listened_to_once_it_was_quiet_for_some_looks(watch):
    watch.patience(quiet_looks=3)
    assert [watch.calls() for _ in range(5)] == [(0, 1, 0)] * 3 + [(1, 1, 0), (0, 1, 0)]
    assert watch.announcements._poll.how is None


def test_silence_is_believed_only_after_a_change_was_announced(watch):
    watch.listen()
    assert watch.calls() == (0, 1, 0)
    watch.agency.deliver(TWO)
    watch.until_ended()
    assert watch.agency.look().counts == {"ready": 1, "settling": 1}
    watch.listen()
    assert [watch.calls() for _ in range(20)] == [(0, 0, 0)] * 20


def test_whatever_is_announced_is_seen_by_the_next_look(watch):
    watch.prove()
    assert watch.calls() == (0, 0, 0)
    watch.agency.deliver(THREE)
    watch.until_ended()
    assert watch.agency.look().counts == {"ready": 2, "settling": 1}


def test_a_look_that_asks_nothing_counts_for_a_file_that_settles(watch):
    watch.prove()
    assert watch.agency.look().counts == {"ready": 2}


def test_a_poll_that_ends_without_news_costs_two_calls_and_no_file_is_missed_between_two(watch):
    watch.box.settings.long_poll_s = 1
    watch.prove()
    watch.until_ended()
    assert [watch.calls() for _ in range(3)] == [(1, 1, 0), (0, 0, 0), (0, 0, 0)]
    watch.until_ended()
    watch.agency.deliver(THREE)
    assert watch.agency.look().counts == {"ready": 2, "settling": 1}


def test_a_server_that_says_nothing_for_its_time_is_asked_again_without_another_call(watch):
    watch.box.settings.long_poll_timeout_s = 1
    watch.prove()
    watch.until_ended()
    assert [watch.calls() for _ in range(2)] == [(0, 1, 0), (0, 0, 0)]


@pytest.mark.fault(84)
def test_nobody_listens_for_an_hour_after_a_change_that_was_not_announced(watch):
    watch.box.settings.long_poll = "silent"
    watch.listen()
    watch.agency.deliver(TWO)
    assert watch.calls() == (0, 1, 1), "it is seen at once, as silence was not believed"
    watch.box.settings.long_poll = "announces"
    assert [watch.calls() for _ in range(6)] == [(0, 1, 0)] * 6


@pytest.mark.fault(84)
def test_a_believed_server_that_keeps_a_change_to_itself_is_found_out_when_its_poll_ends(watch):
    watch.box.settings.long_poll_s = 1.5
    watch.prove()
    watch.box.settings.long_poll = "silent"
    watch.agency.deliver(THREE)
    watch.until_ended()
    assert watch.agency.look().counts == {"ready": 2, "settling": 1}
    assert [watch.calls() for _ in range(6)] == [(0, 1, 0)] * 6


@pytest.mark.fault(84)
def test_the_folder_is_listed_every_quarter_of_an_hour_however_silent_box_is(watch):
    watch.prove()
    watch.box.settings.long_poll = "silent"
    watch.agency.deliver(THREE)
    watch.agency.sql("UPDATE agency_looks SET listed_at = listed_at - interval '1 hour' RETURNING 1")
    assert watch.agency.look().counts == {"ready": 2, "settling": 1}


SERVER = {"type": "realtime_server", "url": "http://127.0.0.1:9/subscribe?channel=1", "retry_timeout": 5}


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="OPTIONS", path="/events$", status=403, body='{"code": "insufficient_scope"}', headers=JSON),
        Fault(method="OPTIONS", path="/events$", status=405),
        Fault(method="OPTIONS", path="/events$", status=200, body="", headers=JSON),
        Fault(method="OPTIONS", path="/events$", status=200, body='{"entries": null}', headers=JSON),
        Fault(method="OPTIONS", path="/events$", status=200, body='{"entries": [1, {"url": 5}]}', headers=JSON),
        Fault(method="OPTIONS", path="/events$", status=200, body='{"entries": [{"url": "ftp://[h"}]}', headers=JSON),
        Fault(method="OPTIONS", path="/events$", status=200, body=json.dumps({"entries": [SERVER]}), headers=JSON),
        Fault(path=REALTIME, status=401),
        Fault(path=REALTIME, status=302, headers={"Location": "http://127.0.0.1:9/"}),
        Fault(path=REALTIME, status=200, body='{"message": "max_retries"}', headers=JSON),
        Fault(path=REALTIME, status=200, body='["new_change"]', headers=JSON),
        Fault(path=REALTIME, status=200, body="<html>", headers=JSON),
        Fault(path=REALTIME, drop_answer=True, status=200),
    ],
)
def test_where_nothing_can_be_listened_to_looks_go_on_asking(watch, fault):
    fault.times = None
    watch.board.add(fault)
    for _ in range(4):
        watch.calls()
    time.sleep(0.2)
    watch.calls()
    assert [watch.calls() for _ in range(3)] == [(0, 1, 0)] * 3, "and none listens again within the hour"
    watch.agency.deliver(TWO)
    assert watch.agency.look().counts == {"ready": 1, "settling": 1}


def test_a_site_may_have_box_asked_at_every_look(watch):
    watch.agency = watch.agency.with_site(looks={"long_poll": False})
    assert [watch.calls() for _ in range(6)] == [(0, 1, 0)] * 6


@pytest.mark.fault(84)
def test_polls_that_end_soon_would_cost_more_than_they_save(watch):
    watch.patience(worth_s=60)
    watch.box.settings.long_poll_s = 0.2
    for _ in range(3):
        watch.calls()
    time.sleep(0.5)
    assert [watch.calls() for _ in range(4)] == [(0, 1, 0)] * 4


def test_a_position_that_another_look_has_reached_says_nothing_of_ours(watch):
    watch.prove()
    watch.agency.sql("UPDATE agency_looks SET position = '0' RETURNING 1")
    assert watch.calls()[1:] == (1, 1)
