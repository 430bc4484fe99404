"""A mail server or Make.com that answers byte by byte holds a tick no longer than its time."""

import time
from dataclasses import replace

import pytest

from ferrero_dagster.clients.mail import SmtpServer
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.messages.delivery import deliver
from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster_tests.clients.wire import answering
from ferrero_dagster_tests.messages.test_delivery import STATES, write
from ferrero_dagster_tests.tracking.cron_database import run_sql

BUDGET_S = 1


def delivered(database, office):
    began = time.monotonic()
    said = str(deliver(database, replace(office, deadline=Deadline.after(BUDGET_S))))
    assert time.monotonic() - began < BUDGET_S + 1
    return said


@pytest.mark.fault(71)
def test_a_mail_server_that_greets_byte_by_byte_is_left_in_time_and_its_mails_wait(database, database_url, office):
    write(database, "1", "2")
    with answering(b"220", *[b"-"] * 30, pause_s=0.1, first=True) as wire:
        slow = replace(office, server=SmtpServer(host=HOST, port=wire.port, security="none"))
        assert delivered(database, slow).startswith("mail waits: ")
    assert [state for state, *_ in run_sql(database_url, STATES)] == ["waiting", "waiting"]


@pytest.mark.fault(71)
def test_a_webhook_that_is_answered_byte_by_byte_is_left_in_time_and_waits(database, database_url, office):
    write(database, "1", channel="webhook")
    with answering(*[b"X"] * 30, pause_s=0.1) as wire:
        assert delivered(database, replace(office, webhook_url=wire.url())).startswith("webhook waits: ")
    assert [state for state, *_ in run_sql(database_url, STATES)] == ["waiting"]


def test_what_was_cut_because_others_took_the_time_is_no_outage(database, database_url, office):
    write(database, "1", channel="mail")
    write(database, "2", channel="webhook")
    with answering(*[b"X"] * 30, pause_s=0.1) as wire:
        assert delivered(database, replace(office, webhook_url=wire.url())).startswith("1 sent, webhook waits")
    assert run_sql(database_url, "SELECT count(*) FROM outages") == [(0,)]
