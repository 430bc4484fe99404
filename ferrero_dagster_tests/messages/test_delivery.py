"""Every message arrives once and in order, whatever mail server, webhook and addresses do meanwhile (FAULTS 43, 44)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.messages.delivery import deliver
from ferrero_dagster.messages.facts import CampaignComplete
from ferrero_dagster.messages.rendering import render
from ferrero_dagster.sandbox.gallery.mails import CONTEXT, gallery
from ferrero_dagster.tracking import outbox
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.messages.conftest import ANN, BOB, EVE
from ferrero_dagster_tests.tracking.cron_database import run_sql

SAMPLES = gallery()
COMPLETE, STRIKE = SAMPLES["a1_to_a2_complete"], SAMPLES["a1_to_a2_no_assets_retry"]
assert isinstance(COMPLETE, CampaignComplete)
CAMPAIGN_ID = COMPLETE.campaign.id
LATER = (
    "UPDATE outages SET last_failure_at = last_failure_at - interval '5 min';"
    "UPDATE notifications SET next_attempt_at = now()"
)
STATES = "SELECT state, attempts, delivered_to, refused_by FROM notifications ORDER BY id"


def write(database, *keys, fact=COMPLETE, channel="mail"):
    def work(cursor):
        for key in keys:
            outbox.add(cursor, fact, key, channel=channel)

    database.transact(work)


def message_ids(url):
    return [f"<{row[0]}@example.com>" for row in run_sql(url, "SELECT message_id FROM notifications ORDER BY id")]


def arrived(mailbox):
    return [mail.message_id for mail in mailbox.messages()]


def test_messages_leave_in_order_to_their_audience_once_each(database, database_url, office, mailbox):
    write(database, "1", "2")
    write(database, "2", "3", fact=STRIKE)
    assert str(deliver(database, office)) == "3 sent"
    assert str(deliver(database, office)) == "nothing to send"
    assert arrived(mailbox) == message_ids(database_url)
    assert [mail.recipients for mail in mailbox.messages()] == [(ANN.bare, BOB.bare)] * 2 + [(EVE.bare,)]


def test_every_kind_of_message_comes_back_from_the_database_as_it_was(database, office, mailbox):
    facts = {name: fact for name, fact in SAMPLES.items() if "," not in name}
    for name, fact in facts.items():
        write(database, name, fact=fact)
    assert str(deliver(database, office)) == f"{len(facts)} sent"
    assert [mail.subject for mail in mailbox.messages()] == [render(fact, CONTEXT).subject for fact in facts.values()]


@pytest.mark.fault(44)
def test_while_the_mail_server_is_down_nothing_is_lost_and_afterwards_all_arrive_in_order(
    database, database_url, office, mailbox
):
    write(database, "1", "2", "3")
    mailbox.switches.down_until_s = float("inf")
    for _ in range(3):
        assert "mail waits: The mail server cannot be reached" in str(deliver(database, office))
    assert run_sql(database_url, "SELECT failures FROM outages") == [(1,)], "it is left alone for a while"
    run_sql(database_url, LATER)
    deliver(database, office)
    assert run_sql(database_url, "SELECT failures FROM outages") == [(2,)]
    run_sql(database_url, LATER)
    mailbox.switches.down_until_s = 0
    assert str(deliver(database, office)) == "3 sent"
    assert arrived(mailbox) == message_ids(database_url)
    assert run_sql(database_url, "SELECT failures FROM outages WHERE ended_at IS NULL") == []


@pytest.mark.parametrize(("failures", "pause_s"), [(1, 10), (2, 20), (4, 80), (6, 300), (60, 300)])
def test_a_server_that_is_down_is_asked_again_after_a_growing_pause(database, database_url, office, failures, pause_s):
    write(database, "1")
    fail_again = (
        "DELETE FROM outages; INSERT INTO outages (system, message, failures, last_failure_at) "
        f"VALUES ('SMTP', 'down', {failures}, now() - interval '%s s')"
    )
    run_sql(database_url, fail_again % (pause_s - 5))
    assert str(deliver(database, office)) == "mail waits: down"
    run_sql(database_url, fail_again % pause_s)
    assert str(deliver(database, office)) == "1 sent"


@pytest.mark.fault(44)
def test_only_the_recipient_who_was_greylisted_is_tried_again(database, database_url, office, mailbox):
    write(database, "1", "2")
    mailbox.switches.greylisted["bob@example.com"] = 1
    assert str(deliver(database, office)) == "1 postponed, 1 sent"
    assert str(deliver(database, office)) == "nothing to send"
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "1 sent"
    assert [mail.recipients for mail in mailbox.messages()] == [
        ("ann@example.com",),
        ("ann@example.com", "bob@example.com"),
        ("bob@example.com",),
    ]
    assert arrived(mailbox) == [message_ids(database_url)[number] for number in (0, 1, 0)]


def test_a_recipient_who_is_greylisted_for_ever_is_given_up_and_told(database, database_url, office, mailbox):
    write(database, "1")
    mailbox.switches.greylisted["bob@example.com"] = 1000
    deliver(database, office)
    run_sql(database_url, "UPDATE notifications SET attempts = 11", LATER)
    assert str(deliver(database, office)) == "2 sent"
    assert "bob@example.com" in mailbox.messages()[-1].text
    assert run_sql(database_url, STATES)[0] == ("sent", 12, ["ann@example.com"], ["bob@example.com"])


@pytest.mark.fault(44)
def test_a_recipient_who_is_refused_is_dropped_and_the_error_list_hears_of_it_once(
    database, database_url, office, mailbox
):
    write(database, "1", "2", "3")
    mailbox.switches.refused.add("bob@example.com")
    assert str(deliver(database, office)) == "4 sent"
    *mails, alert = mailbox.messages()
    assert [mail.recipients for mail in mails] == [("ann@example.com",)] * 3
    assert alert.recipients == ("eve@example.com",)
    assert "bob@example.com" in alert.text
    assert run_sql(database_url, STATES)[0] == ("sent", 1, ["ann@example.com"], ["bob@example.com"])


@pytest.mark.fault(64)
def test_one_address_that_the_server_cannot_reach_stops_nobody_elses_mail(database, database_url, office, mailbox):
    zoe, odd = MailAddress("zoe@example.com", "Zoë Müller"), MailAddress("zoë@example.com")
    office = replace(office, recipients=office.recipients | {"notifications": (zoe, odd)})
    mailbox.switches.smtputf8 = False
    write(database, "1")
    assert str(deliver(database, office)) == "2 sent"
    mail, alert = mailbox.messages()
    assert (mail.recipients, alert.recipients) == ((zoe.bare,), (EVE.bare,))
    assert "Refused: zoë@example.com" in alert.text
    mailbox.switches.smtputf8 = True
    write(database, "2")
    assert str(deliver(database, office)) == "1 sent"
    assert [mail.recipients for mail in mailbox.messages()[2:]] == [(zoe.bare,), (odd.bare,)]


@pytest.mark.fault(64)
def test_a_log_in_that_is_put_off_is_an_outage_and_no_matter_for_the_administrator(
    database, database_url, office, mailbox
):
    office = replace(office, server=replace(office.server, username="ferrero", password="right"))
    mailbox.switches.login, mailbox.switches.login_answer = ("ferrero", "right"), "454 4.7.0 Try again later"
    write(database, "1")
    assert "mail waits: The mail server asks us to come back later (454)" in str(deliver(database, office))
    assert run_sql(database_url, "SELECT kind FROM outages") == [("SMTP unavailable",)]
    mailbox.switches.login_answer = None
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "1 sent"


def test_a_message_that_everybody_refuses_is_set_aside_and_the_others_go_on(database, database_url, office, mailbox):
    write(database, "1")
    write(database, "2", fact=STRIKE)
    mailbox.switches.refused |= {"ann@example.com", "bob@example.com"}
    assert str(deliver(database, office)) == "1 set aside, 2 sent"
    assert [state[0] for state in run_sql(database_url, STATES)] == ["set_aside", "sent", "sent"]


@pytest.mark.fault(44)
def test_a_mail_larger_than_the_server_takes_even_when_short_is_set_aside_and_the_others_go_on(
    database, database_url, office, mailbox
):
    write(database, "1", fact=SAMPLES["daily_report, long"])
    write(database, "2", fact=STRIKE)
    mailbox.switches.max_bytes = 12_000
    assert str(deliver(database, office)) == "1 set aside, 2 sent"
    assert [state[0] for state in run_sql(database_url, STATES)] == ["set_aside", "sent", "sent"]
    assert "The mail server refuses the message (552)." in mailbox.messages()[-1].text


@pytest.mark.fault(80)
@pytest.mark.parametrize("too_large", ["refused at once", "refused when sent", "cut"])
def test_a_report_larger_than_the_server_takes_leaves_without_tables_and_pictures_with_a_link(
    database, database_url, office, mailbox, too_large
):
    write(database, "1", fact=SAMPLES["daily_report, long"])
    write(database, "2", fact=STRIKE)
    mailbox.switches.max_bytes, mailbox.switches.too_large = 60_000, too_large
    assert str(deliver(database, office)) == "2 sent"
    report = mailbox.messages()[0]
    assert report.message_id == message_ids(database_url)[0]
    for words in (report.text, report.html):
        assert "Shorter than usual: the mail server did not take this mail" in words
        assert CONTEXT.links.dagster_url in words
    assert {part.get_content_type() for part in report.message.walk() if not part.is_multipart()} == {
        "text/plain",
        "text/html",
    }


@pytest.mark.fault(80)
def test_a_mail_that_travels_whole_does_not_say_that_it_is_short(database, office, mailbox):
    write(database, "1", fact=SAMPLES["daily_report, long"])
    deliver(database, office)
    assert "Shorter than usual" not in mailbox.messages()[0].text


def test_times_in_a_complaint_are_those_of_the_site(database, database_url, office, mailbox):
    write(database, "1")
    run_sql(database_url, "UPDATE notifications SET channel = 'webhook', created_at = '2026-07-01T10:03Z'")
    deliver(database, office)
    assert "Written: 1 July 2026, 12:03 CEST" in mailbox.messages()[0].text


def test_a_complaint_that_nobody_takes_makes_no_further_complaint(database, database_url, office, mailbox):
    write(database, "1", fact=STRIKE)
    mailbox.switches.refused |= {"eve@example.com"}
    assert str(deliver(database, office)) == "2 set aside"
    assert len(run_sql(database_url, STATES)) == 2


@pytest.mark.fault(44)
def test_a_message_whose_acceptance_was_not_heard_comes_again_under_the_same_id(
    database, database_url, office, mailbox
):
    write(database, "1")
    mailbox.switches.lost_answers = 1
    assert "mail waits" in str(deliver(database, office))
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "1 sent"
    first, second = mailbox.messages()
    assert first.message_id == second.message_id
    assert [first.message[name] for name in ("Date", "To", "Subject")] == [
        second.message[name] for name in ("Date", "To", "Subject")
    ]


@pytest.mark.fault(61)
def test_a_mail_that_is_never_answered_leaves_thrice_at_most(database, database_url, office, mailbox):
    write(database, "1", "2")
    mailbox.switches.lost_answers = 3
    for fate in ("postponed", "postponed", "set aside"):
        told = str(deliver(database, office))
        assert (
            told == f"1 {fate}, mail waits: The mail server took the message and did not answer: it may have arrived."
        )
        run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "2 sent", "the second one, and what became of the first"
    first, second = message_ids(database_url)[:2]
    assert arrived(mailbox)[:4] == [first, first, first, second]
    assert "it may have arrived" in mailbox.messages()[-1].text
    [(state, attempts, *_), *_] = run_sql(database_url, STATES)
    assert (state, attempts) == ("set_aside", 3)


@pytest.mark.fault(61, 80)
def test_a_report_whose_acceptance_was_not_heard_comes_once_more_in_short(database, office, mailbox):
    write(database, "1", fact=SAMPLES["daily_report, long"])
    mailbox.switches.lost_answers = 1
    assert str(deliver(database, office)) == "1 sent"
    first, second = mailbox.messages()
    assert first.message_id == second.message_id
    assert len(bytes(second.message)) < len(bytes(first.message))


def test_a_log_in_that_is_refused_holds_the_mails_back_without_losing_one(database, database_url, office, mailbox):
    write(database, "1", "2")
    mailbox.switches.login = ("ferrero", "right")
    assert "mail waits: The mail server refuses us" in str(deliver(database, office))
    mailbox.switches.login = None
    run_sql(database_url, LATER)
    assert str(deliver(database, office)) == "2 sent"


@pytest.mark.fault(36)
def test_of_senders_at_once_one_sends_and_each_message_leaves_once(database, database_url, office, mailbox):
    write(database, *(str(number) for number in range(20)))

    def send(_):
        with closing(Database(database_url)) as other:
            return deliver(other, office).fates["sent"]

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(send, range(6))) == 20
    assert arrived(mailbox) == message_ids(database_url)


def test_a_delivery_ends_at_its_deadline_and_the_next_goes_on(database, office):
    write(database, "1", "2")
    assert str(deliver(database, office, deadline_s=0)) == "nothing to send"
    assert str(deliver(database, office)) == "2 sent"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE notifications SET channel = 'webhook'", "FERRERO_MAKE_WEBHOOK_URL is not set any more."),
        ('UPDATE notifications SET fact = \'{"kind": "campaign_complete"}\'', "its stored fact cannot be read"),
        ("UPDATE notifications SET fact = '[]'", "its stored fact cannot be read"),
    ],
)
def test_a_message_that_cannot_be_sent_at_all_is_set_aside_with_the_reason(
    database, database_url, office, spoil, reason
):
    write(database, "1")
    run_sql(database_url, spoil)
    assert str(deliver(database, office)) == "1 set aside, 1 sent"
    assert run_sql(database_url, "SELECT last_error, template FROM notifications ORDER BY id") == [
        (reason, "a1_to_a2_complete"),
        (None, "workflow_error"),
    ]
