"""Make.com hears of each campaign once, whatever it answers meanwhile; what it refuses people hear of (FAULTS 43)."""

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.messages.delivery import deliver
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking import outbox
from ferrero_dagster_tests.messages.test_delivery import CAMPAIGN_ID, COMPLETE, LATER, message_ids, write
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.test_database import KILL_LOCK_HOLDERS


def test_a_sender_that_lost_its_lock_leaves_what_follows_to_the_next(database, database_url, make_com):
    office, inbox, board = make_com
    write(database, "1", "2", channel="webhook")
    board.add(Fault(before=lambda: run_sql(database_url, KILL_LOCK_HOLDERS)))
    with pytest.raises(SystemUnavailable, match="PostgreSQL cannot be used at present"):
        deliver(database, office)
    assert len(inbox.received()) == 1
    assert str(deliver(database, office)) == "1 sent"
    assert len(inbox.received()) == 2


def test_the_webhook_is_posted_with_the_campaign_and_a_stable_key(database, database_url, make_com):
    office, inbox, _ = make_com
    write(database, "1", channel="webhook")
    assert str(deliver(database, office)) == "1 sent"
    (hook,) = inbox.received()
    assert (hook.body["campaign_id"], hook.body["status_after"]) == (CAMPAIGN_ID, "A2")
    assert message_ids(database_url) == [f"<{hook.headers['idempotency-key']}@example.com>"]


@pytest.mark.fault(43)
def test_a_webhook_that_is_out_of_order_waits_and_holds_no_mail_back(database, database_url, make_com, mailbox):
    office, inbox, board = make_com
    write(database, "1", "2", channel="webhook")
    write(database, "3")
    board.add(Fault(status=500))
    assert str(deliver(database, office)) == "1 sent, webhook waits: Make.com is unavailable (500)."
    assert len(mailbox.messages()) == 1
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "2 sent"
    assert [f"<{hook.headers['idempotency-key']}@example.com>" for hook in inbox.received()] == message_ids(
        database_url
    )[:2]


@pytest.mark.fault(43, 61)
@pytest.mark.parametrize("fault", [{"drop_answer": True}, {"cut_after_bytes": 0}])
def test_a_webhook_whose_answer_was_lost_is_posted_again_under_the_same_key(database, database_url, make_com, fault):
    office, inbox, board = make_com
    write(database, "1", channel="webhook")
    board.add(Fault(times=None, **fault))
    deliver(database, office)
    assert len(inbox.received()) == 1, "the HTTP layer repeats nothing"
    board.clear()
    run_sql(database_url, LATER)
    deliver(database, office)
    assert len({hook.headers["idempotency-key"] for hook in inbox.received()}) == 1


def test_a_webhook_that_stays_out_of_order_is_mailed_once(database, database_url, make_com, mailbox):
    office, inbox, board = make_com
    write(database, "1", channel="webhook")
    fault = board.add(Fault(path="/s3cret", status=503, times=None))
    for _ in range(7):
        deliver(database, office)
        run_sql(database_url, LATER)
    assert [mail.subject for mail in mailbox.messages()] == ["❌ Make.com cannot be used"]
    fault.path = "nothing"
    deliver(database, office)
    assert len(inbox.received()) == 1


@pytest.mark.fault(43, 65)
@pytest.mark.parametrize("answer", [(410, "There is no scenario listening for this webhook."), (400, "Queue is full.")])
def test_a_webhook_that_makes_scenario_does_not_take_is_tried_for_hours_and_then_set_aside_with_makes_words(
    database, database_url, make_com, mailbox, answer
):
    (office, inbox, board), (status, words) = make_com, answer
    write(database, "1", channel="webhook")
    fault = board.add(Fault(path="/s3cret", status=status, body=words, times=None))
    pauses_s = []
    for _ in range(11):
        deliver(database, office)
        pauses_s += run_sql(
            database_url,
            "SELECT extract(epoch FROM next_attempt_at - now())::int FROM notifications WHERE channel = 'webhook'",
        )[0]
        run_sql(database_url, LATER)
    assert pauses_s == sorted(pauses_s)
    assert 4 * 3600 < sum(pauses_s) < 8 * 3600
    [warning] = mailbox.messages()
    assert warning.subject == "❌ Make.com takes no webhooks"
    deliver(database, office)
    assert run_sql(database_url, "SELECT state, last_error FROM notifications WHERE channel = 'webhook'") == [
        ("set_aside", f"Make.com refuses the webhook ({status}): {words}")
    ]
    alert = mailbox.messages()[-1]
    assert all(text in alert.text for text in (words, "FERRERO_MAKE_WEBHOOK_URL", "resend_notifications"))
    assert not any("s3cret" in mail.text for mail in mailbox.messages())
    fault.path = "nothing"
    write(database, "2", channel="webhook")
    deliver(database, office)
    assert len(inbox.received()) == 1


@pytest.mark.fault(65)
def test_a_webhook_that_waits_is_overtaken_by_other_campaigns_but_not_by_its_own(database, database_url, make_com):
    office, inbox, board = make_com

    def work(cursor):
        for key, campaign_id in (("1", "a"), ("2", "a"), ("3", "b")):
            outbox.add(cursor, COMPLETE, key, channel="webhook", campaign_id=campaign_id)

    database.transact(work)
    board.add(Fault(status=400, body="Queue is full."))
    assert str(deliver(database, office)) == "1 postponed, 1 sent"
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "2 sent"
    ids = [key for (key,) in run_sql(database_url, "SELECT message_id FROM notifications ORDER BY id")]
    assert [hook.headers["idempotency-key"] for hook in inbox.received()] == [ids[2], ids[0], ids[1]]


@pytest.mark.fault(65)
def test_a_webhook_that_is_too_large_is_set_aside_at_once(database, make_com, mailbox):
    office, inbox, board = make_com
    write(database, "1", "2", channel="webhook")
    board.add(Fault(status=413))
    assert str(deliver(database, office)) == "1 set aside, 2 sent"
    assert len(inbox.received()) == 1
    assert "Make.com refuses the webhook (413)" in mailbox.messages()[0].text


@pytest.mark.fault(65)
@pytest.mark.parametrize(("asked_s", "waits_s"), [(90, 90), (10**9, 3600)])
def test_a_pause_that_make_asks_for_is_kept_within_an_hour(database, database_url, make_com, asked_s, waits_s):
    office, inbox, board = make_com
    write(database, "1", "2", channel="webhook")
    board.add(Fault(status=429, headers={"Retry-After": str(asked_s)}))
    deliver(database, office)
    passed = "UPDATE outages SET last_failure_at = now() - interval '%s s'"
    run_sql(database_url, passed % (waits_s - 5))
    assert "webhook waits" in str(deliver(database, office))
    assert inbox.received() == []
    run_sql(database_url, passed % waits_s)
    assert str(deliver(database, office)) == "2 sent"
