"""The webhook stand-in keeps what is posted, and obeys fault switches."""

import pytest
import requests

from ferrero_dagster.sandbox.faults import Fault, FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster.sandbox.webhooks import WebhookInbox, create_webhook_app


@pytest.fixture
def inbox(tmp_path):
    return WebhookInbox(tmp_path / "webhooks")


@pytest.fixture
def board():
    return FaultBoard()


@pytest.fixture
def url(inbox, board):
    with Server(FaultMiddleware(create_webhook_app(inbox), board)) as server:
        yield f"{server.url}/hook/secret"


def test_a_webhook_is_kept_with_its_headers(url, inbox):
    assert requests.post(url, json={"campaign": "Ü"}, headers={"Idempotency-Key": "42"}, timeout=30).ok
    (kept,) = inbox.received()
    assert (kept.number, kept.body, kept.headers["idempotency-key"]) == (1, {"campaign": "Ü"}, "42")
    assert kept.received_at.endswith("+00:00")


def test_a_restart_forgets_nothing_and_goes_on_counting(url, inbox, tmp_path):
    requests.post(url, json=[], timeout=30)
    again = WebhookInbox(tmp_path / "webhooks")
    again.keep({}, {})
    assert [kept.number for kept in again.received()] == [1, 2]


def test_what_is_not_json_is_refused_and_not_kept(url, inbox):
    assert requests.post(url, data=b"\xff{", timeout=30).status_code == 400
    assert inbox.received() == []


def test_a_dropped_answer_leaves_the_webhook_kept(url, inbox, board):
    board.add(Fault(drop_answer=True))
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json={}, timeout=30)
    board.add(Fault(status=410))
    assert requests.post(url, json={}, timeout=30).status_code == 410
    assert len(inbox.received()) == 1
