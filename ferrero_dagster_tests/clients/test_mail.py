import ssl
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import MISSING, SMTP, AuthResult

from ferrero_dagster.clients import mail as client
from ferrero_dagster.clients.mail import Delivery, SmtpServer
from ferrero_dagster.domain.errors import AccessRefused, PermanentError, SystemUnavailable
from ferrero_dagster.sandbox.serving import listening_socket
from ferrero_dagster_tests.clients.certificates import Authority
from ferrero_dagster_tests.clients.wire import answering

US = "us@x.test"
ALL = ("a@x.test", "b@x.test", "c@x.test")
ZOE = "zoë@x.test"


class Mailbox:
    """Takes mail; `says` maps a command, or a recipient, to what is answered instead of 250."""

    def __init__(self, **says):
        self.says = says
        self.mails = []

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802  # aiosmtpd's name
        if "MAIL" in self.says:
            return self.says["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address[0] in self.says:
            return self.says[address[0]]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.says:
            if not self.says["DATA"]:
                self.mails.append(envelope.rcpt_tos)
                server.transport.abort()
            return self.says["DATA"]
        self.mails.append(envelope.rcpt_tos)
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):  # noqa: N802
        return self.says.get("QUIT", "221 Bye")

    async def handle_AUTH(self, server, session, envelope, args):  # noqa: N802
        return self.says.get("AUTH", MISSING)


@contextmanager
def serving(mailbox, **options):
    """The address of an SMTP server."""

    sock = listening_socket(0, "mail")
    port = sock.getsockname()[1]

    class Loopback(Controller):
        def factory(self):
            return SMTP(self.handler, loop=self.loop, **options)

        def _create_server(self):
            return self.loop.create_server(self._factory_invoker, sock=sock)

    controller = Loopback(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield SmtpServer(host="127.0.0.1", port=port, security="none", timeout_s=30)
    finally:
        controller.stop()


def send(server, *, sender=US, recipients=ALL):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = US, ", ".join(ALL), "Grüße"
    message.set_content("Hello")
    return client.send(server, message, sender=sender, recipients=recipients)


def check(server, *, sender=US, recipients=ALL):
    return client.check(server, sender, recipients)


def test_a_mail_reaches_all_recipients_in_one_message():
    with serving(box := Mailbox()) as server:
        assert send(server) == Delivery(delivered=ALL)
        check(server)
    assert box.mails == [list(ALL)]


def test_each_recipient_is_delivered_postponed_or_refused():
    with serving(box := Mailbox(b="451 greylisted", c="550 unknown")) as server:
        delivery = send(server)
    assert (delivery.delivered, delivery.later, delivery.refused) == (ALL[:1], ALL[1:2], ALL[2:])
    assert delivery.reason == "b@x.test: 451; c@x.test: 550"
    assert box.mails == [[ALL[0]]]


def test_nobody_is_delivered_when_all_are_refused():
    with serving(Mailbox(a="451 x", b="550 x", c="550 x")) as server:
        assert send(server).delivered == ()


def test_a_message_that_is_put_off_holds_no_other_back():
    with serving(Mailbox(DATA="451 greylisted")) as server:
        delivery = send(server)
    assert delivery == Delivery(delivered=(), later=ALL, reason="; ".join(f"{who}: 451" for who in ALL))


def test_a_server_that_hangs_up_between_recipients_delivered_to_none():
    with serving(box := Mailbox(b="421 closing")) as server:
        delivery = send(server)
    assert (delivery.delivered, delivery.later) == ((), ALL)
    assert box.mails == []


@pytest.mark.parametrize(
    ("says", "error", "words"),
    [
        ({"DATA": "554 spam"}, PermanentError, "refuses the message (554)"),
        ({"MAIL": "552 larger than we take"}, PermanentError, "refuses the message (552)"),
        ({"MAIL": "523 too long"}, PermanentError, "refuses the message (523)"),
        ({"MAIL": "550 5.3.4 too big"}, PermanentError, "refuses the message (550)"),
        ({"MAIL": "550 who are you"}, AccessRefused, "check FERRERO_MAIL_FROM"),
        ({"MAIL": "451 later"}, SystemUnavailable, "later (451)"),
    ],
)
def test_a_refusal_says_whose_turn_it_is(says, error, words):
    with serving(Mailbox(**says)) as server, pytest.raises(error) as caught:
        send(server)
    assert words in str(caught.value)


@pytest.mark.fault(61)
def test_a_mail_that_has_left_and_was_not_answered_is_in_doubt():
    with serving(box := Mailbox(DATA="")) as server:
        delivery = send(server)
    assert (delivery.delivered, delivery.in_doubt, box.mails) == ((), ALL, [list(ALL)])
    assert "may have arrived" in delivery.reason


def test_a_mail_larger_than_the_server_says_it_takes_is_not_even_begun():
    with (
        serving(box := Mailbox(MAIL="421 must not be asked"), data_size_limit=100) as server,
        pytest.raises(PermanentError, match="The mail server takes 100 bytes, and the message has "),
    ):
        send(server)
    assert box.mails == []


def test_a_mail_that_was_taken_stays_sent_however_the_server_says_good_bye():
    with serving(box := Mailbox(QUIT="421 busy")) as server:
        assert send(server).delivered == ALL
    assert len(box.mails) == 1


@pytest.mark.fault(64)
def test_an_address_that_is_not_ascii_is_refused_where_the_server_lacks_smtputf8_and_the_others_have_the_mail():
    for utf8 in (True, False):
        with serving(box := Mailbox(), enable_SMTPUTF8=utf8) as server:
            delivery = send(server, recipients=(*ALL, ZOE))
            assert check(server, recipients=(*ALL, ZOE)) == delivery, "and a check foretells it"
        assert box.mails == [list(ALL), [ZOE]][: 1 + utf8]
        assert (delivery.delivered, delivery.refused) == (((*ALL, ZOE), ()) if utf8 else (ALL, (ZOE,)))
    assert delivery.reason == "the mail server cannot reach addresses that are not ASCII (no SMTPUTF8): zoë@x.test"


@pytest.mark.fault(64)
def test_a_sender_that_is_not_ascii_needs_a_server_that_can_do_it():
    with serving(box := Mailbox(), enable_SMTPUTF8=True) as server:
        assert send(server, sender=ZOE).delivered == ALL
    assert box.mails == [list(ALL)]
    with serving(Mailbox()) as server:
        for use in (send, check):
            with pytest.raises(AccessRefused, match=r"zoë@x.test \(no SMTPUTF8\); use an ASCII FERRERO_MAIL_FROM"):
                use(server, sender=ZOE)


def test_what_was_delivered_is_known_also_where_the_server_then_hangs_up():
    with serving(Mailbox(z="421 closing"), enable_SMTPUTF8=True) as server:
        delivery = send(server, recipients=(*ALL, ZOE))
    assert (delivery.delivered, delivery.later) == (ALL, (ZOE,))


def test_a_check_asks_for_each_recipient_and_sends_nothing():
    with serving(box := Mailbox(b="451 greylisted", c="550 unknown")) as server:
        answers = check(server)
    assert (answers.delivered, answers.later, answers.refused) == (ALL[:1], ALL[1:2], ALL[2:])
    assert box.mails == []
    with serving(Mailbox(MAIL="550 who are you")) as server, pytest.raises(AccessRefused, match="FERRERO_MAIL_FROM"):
        check(server)


# --- connections -----------------------------------------------------------------------------------------------------


def closed_port():
    with answering() as wire:
        return SmtpServer(host="127.0.0.1", port=wire.port, security="none", timeout_s=30)


@pytest.mark.parametrize("use", [check, send], ids=["check", "send"])
def test_a_server_that_cannot_be_reached_is_unavailable(use):
    with pytest.raises(SystemUnavailable, match="ConnectionRefusedError"):
        use(closed_port())
    with pytest.raises(SystemUnavailable, match="gaierror"):
        use(replace(closed_port(), host="mail.invalid"))
    with answering(first=True) as wire, pytest.raises(SystemUnavailable):
        use(replace(closed_port(), port=wire.port))


@pytest.mark.parametrize(
    ("greeting", "error"), [(b"554 go away\r\n", AccessRefused), (b"421 busy\r\n", SystemUnavailable)]
)
def test_a_server_that_greets_with_a_refusal_sets_no_message_aside(greeting, error):
    with answering(greeting, first=True) as wire, pytest.raises(error):
        send(replace(closed_port(), port=wire.port))


def test_silence_is_given_up():
    with answering(b"2", pause_s=0.5, first=True) as wire, pytest.raises(SystemUnavailable):
        check(replace(closed_port(), port=wire.port, timeout_s=0.1))


# --- log-in and TLS --------------------------------------------------------------------------------------------------


def accounts(seen):
    """Options of a server that knows one password and notes the users who gave it."""

    def knows(server, session, envelope, mechanism, data):
        if data.password != b"sesame":
            return AuthResult(success=False, handled=False)
        seen.append(data.login)
        return AuthResult(success=True)

    # After a refusal aiosmtpd sleeps; one mechanism means one refusal.
    return {"authenticator": knows, "auth_require_tls": False, "auth_exclude_mechanism": ["LOGIN"]}


def test_a_log_in_is_used_where_a_user_is_set():
    seen: list[bytes] = []
    with serving(Mailbox(), **accounts(seen)) as server:
        check(server)
        assert seen == []
        check(replace(server, username="us", password="sesame"))
    assert seen == [b"us"]


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("454 4.7.0 Temporary authentication failure", SystemUnavailable),
        ("421 4.3.2 Shutting down", SystemUnavailable),
        ("535 5.7.8 Bad credentials", AccessRefused),
        ("534 5.7.9 Mechanism too weak", AccessRefused),
    ],
)
def test_a_log_in_that_is_put_off_is_no_refused_one(answer, error):
    with serving(Mailbox(AUTH=answer), **accounts([])) as server, pytest.raises(error):
        check(replace(server, username="us", password="sesame"))


def test_a_server_without_a_log_in_by_password_says_so():
    options = accounts([]) | {"auth_exclude_mechanism": ["LOGIN", "PLAIN"]}
    with (
        serving(Mailbox(), **options) as server,
        pytest.raises(AccessRefused, match=r"SMTP AUTH|no log-in with user and password"),
    ):
        check(replace(server, username="us", password="sesame"))


def test_a_refused_log_in_names_the_settings_and_no_secret():
    with serving(Mailbox(), **accounts([])) as server:
        for password in ("swordfish", "schwertfisch-ß"):
            account = replace(server, username="us", password=password)
            with pytest.raises(AccessRefused, match=r"FERRERO_SMTP_.*USERNAME and _PASSWORD") as caught:
                check(account)
            assert password not in str(caught.value) + repr(account)
            assert caught.value.__suppress_context__


def test_a_server_without_log_in_or_starttls_says_which_setting_is_wrong():
    with serving(Mailbox()) as server:
        for wrong in (replace(server, username="us", password="x"), replace(server, security="starttls")):
            with pytest.raises(AccessRefused, match=r"not supported by server.*FERRERO_SMTP_SECURITY"):
                check(wrong)


@pytest.mark.fault(70)
def test_tls_asked_of_a_plain_port_is_told_so():
    with answering(b"220 hello\r\n", first=True) as wire, pytest.raises(SystemUnavailable, match="speaks no TLS there"):
        check(SmtpServer(host="127.0.0.1", port=wire.port, security="tls", timeout_s=30))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_an_unknown_certificate_is_not_trusted(tmp_path, security):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Authority(tmp_path).issue_pem("127.0.0.1"))
    if security == "tls":
        with (
            answering(b"220 hello\r\n", tls=context, first=True) as wire,
            pytest.raises(SystemUnavailable, match="certificate verify failed"),
        ):
            check(SmtpServer(host="127.0.0.1", port=wire.port, security="tls", timeout_s=30))
    else:
        with (
            serving(Mailbox(), tls_context=context) as server,
            pytest.raises(SystemUnavailable, match="certificate verify failed"),
        ):
            check(replace(server, security="starttls"))
