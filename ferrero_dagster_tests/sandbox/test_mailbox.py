"""The mail server keeps what it is given and fails as it is told."""

import smtplib
import ssl
import time
from email.message import EmailMessage

import pytest

from ferrero_dagster.sandbox.mailbox import Mailbox, MailServer


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path / "mails")


@pytest.fixture
def server(mailbox):
    with MailServer(mailbox) as running:
        yield running


def mail(subject="Campaign – done ✓"):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "dam@example.com", "ann@example.com"
    message["Message-ID"] = "<1@example.com>"
    message.set_content("Plain: ü\n.\nafter a dot")
    message.add_alternative("<p>Rich: ü</p>", subtype="html")
    return message


def send(server, *recipients, security=None, login=None):
    with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as smtp:
        if security:
            smtp.starttls(context=security)
        if login:
            smtp.login(*login)
        return smtp.send_message(mail(), to_addrs=recipients or ["ann@example.com"])


def test_a_mail_is_kept_as_it_was_sent_with_its_recipients(server, mailbox):
    send(server, "ann@example.com", "bob@example.com")
    (kept,) = mailbox.messages()
    assert kept.recipients == ("ann@example.com", "bob@example.com")
    assert (kept.number, kept.subject, kept.message_id) == (1, "Campaign – done ✓", "<1@example.com>")
    assert kept.text.splitlines() == ["Plain: ü", ".", "after a dot"]
    assert kept.html.strip() == "<p>Rich: ü</p>"


def test_a_restart_forgets_nothing_and_goes_on_counting(server, tmp_path):
    send(server)
    again = Mailbox(tmp_path / "mails")
    with MailServer(again) as other:
        send(other)
    assert [kept.number for kept in again.messages()] == [1, 2]


def test_a_mail_without_html_or_subject_has_empty_ones(server, mailbox):
    with smtplib.SMTP("127.0.0.1", server.port) as smtp:
        smtp.sendmail("dam@example.com", "ann@example.com", "\r\nonly text")
    (kept,) = mailbox.messages()
    assert (kept.subject, kept.message_id, kept.html, kept.text.strip()) == ("", "", "", "only text")


def test_while_it_is_down_every_connection_is_cut(server, mailbox):
    mailbox.switches.down_until_s = time.monotonic() + 600
    with pytest.raises((OSError, smtplib.SMTPException)):
        send(server)
    mailbox.switches.down_until_s = 0
    send(server)
    assert len(mailbox.messages()) == 1


def test_a_greylisted_recipient_is_taken_after_so_many_tries(server, mailbox):
    mailbox.switches.greylisted["bob@example.com"] = 1
    assert send(server, "ann@example.com", "bob@example.com")["bob@example.com"][0] == 450
    assert send(server, "bob@example.com") == {}
    assert [kept.recipients for kept in mailbox.messages()] == [("ann@example.com",), ("bob@example.com",)]


def test_a_refused_recipient_is_refused_for_good(server, mailbox):
    mailbox.switches.refused.add("bob@example.com")
    for _ in range(2):
        assert send(server, "ann@example.com", "bob@example.com")["bob@example.com"][0] == 550


def test_a_lost_answer_leaves_the_mail_kept(server, mailbox):
    mailbox.switches.lost_answers = 1
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(server)
    assert len(mailbox.messages()) == 1
    send(server)
    assert len(mailbox.messages()) == 2


def test_where_a_login_is_wanted_nothing_else_is_taken(server, mailbox):
    mailbox.switches.login = ("ann", "secret")
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(server)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(server, login=("ann", "wrong"))
    send(server, login=("ann", "secret"))
    assert len(mailbox.messages()) == 1


def test_starttls_is_verified_with_the_servers_certificate(mailbox):
    with MailServer(mailbox, security="starttls") as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            send(server, security=ssl.create_default_context())
        send(server, security=ssl.create_default_context(cafile=server.certificate))
    assert len(mailbox.messages()) == 1


def test_tls_from_the_first_byte_is_verified_too(mailbox):
    mailbox.switches.login = ("ann", "secret")
    with MailServer(mailbox, security="tls") as server:
        context = ssl.create_default_context(cafile=server.certificate)
        with smtplib.SMTP_SSL("127.0.0.1", server.port, context=context) as smtp:
            smtp.login("ann", "secret")
            smtp.send_message(mail())
    assert len(mailbox.messages()) == 1
