"""A mail server and a Make.com that take what is delivered, and an office that delivers to them."""

from dataclasses import replace

import pytest

from ferrero_dagster.clients.mail import SmtpServer
from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.messages.delivery import PostOffice
from ferrero_dagster.sandbox.faults import FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.gallery.mails import CONTEXT
from ferrero_dagster.sandbox.mailbox import Mailbox, MailServer
from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster.sandbox.webhooks import WebhookInbox, create_webhook_app

ANN, BOB, EVE = (MailAddress(f"{name}@example.com", name.title()) for name in ("ann", "bob", "eve"))


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path / "mails")


@pytest.fixture
def office(mailbox):
    with MailServer(mailbox) as server:
        yield PostOffice(
            server=SmtpServer(host="127.0.0.1", port=server.port, security="none", timeout_s=30),
            sender=MailAddress("dagster@example.com", "Ferrero"),
            recipients={"notifications": (ANN, BOB), "errors": (EVE,), "everybody": (EVE, ANN, BOB)},
            webhook_url=None,
            context=CONTEXT,
        )


@pytest.fixture
def make_com(tmp_path, office):
    """An office with a webhook, what arrived at it, and its fault board."""
    inbox, board = WebhookInbox(tmp_path / "webhooks"), FaultBoard()
    with Server(FaultMiddleware(create_webhook_app(inbox), board)) as server:
        yield replace(office, webhook_url=f"{server.url}/s3cret"), inbox, board
