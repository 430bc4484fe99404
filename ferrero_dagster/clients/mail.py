"""Hands mails to an SMTP server and says what became of each recipient."""

import re
import smtplib
import ssl
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal

from ferrero_dagster.clients.http import tls_reason
from ferrero_dagster.clients.in_time import Connections
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import AccessRefused, FerreroError, PermanentError, SystemUnavailable

SYSTEM = "SMTP"
#: Why a delivery is in doubt, in the words of operators.
IN_DOUBT = "The mail server took the message and did not answer: it may have arrived."
_PERMANENT = 500
_UNAVAILABLE = 421
_TAKEN = {250, 251}
_SHORTEST_TIMEOUT_S = 0.01
#: The message is larger than the server takes (RFC 1870, 3463), also where it is said before the message is sent.
_TOO_LARGE = {523, 552}
_TOO_LARGE_ENHANCED = re.compile(rb"\W*5\.(3\.4|2\.3)\b")


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where mails go."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30
    #: When its connections are cut, whatever is under way.
    deadline: Deadline = NEVER


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What the server said of each recipient; `later` may be tried again, `refused` never.

    `in_doubt` are those for whom the whole message has left and no answer came: they may have it (RFC 1047).
    """

    delivered: tuple[str, ...]
    later: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    reason: str = ""

    def __add__(self, other: "Delivery") -> "Delivery":
        return Delivery(
            delivered=self.delivered + other.delivered,
            later=self.later + other.later,
            in_doubt=self.in_doubt + other.in_doubt,
            refused=self.refused + other.refused,
            reason="; ".join(filter(None, (self.reason, other.reason))),
        )


class _Smtp(smtplib.SMTP):
    #: Whether what was sent last is the end of a message.
    has_sent_all = False

    def __init__(self, connections: Connections, *args: Any, **options: Any) -> None:
        connections.add(self)  # the greeting may come byte by byte
        super().__init__(*args, **options)

    def send(self, s: Any) -> None:
        """As the library's, but remembered."""
        self.has_sent_all = False
        super().send(s)
        self.has_sent_all = isinstance(s, bytes) and s.endswith(b"\r\n.\r\n")


class _SmtpOverTls(_Smtp, smtplib.SMTP_SSL):
    pass


#: Options of the command MAIL, and to whom.
_Group = tuple[tuple[str, ...], tuple[str, ...]]


def send(server: SmtpServer, message: EmailMessage, *, sender: str, recipients: Collection[str]) -> Delivery:
    """Hand one message over for these recipients, all of them bare addresses.

    Raises:
        SystemUnavailable: the server cannot be reached or wants nothing from anybody now.
        AccessRefused: it refuses our log-in or sender.
        PermanentError: it refuses the message itself.
    """
    content = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
    done = Delivery(delivered=())
    with _connected(server) as smtp:
        groups = _groups(smtp, sender, recipients)
        _check_size(smtp, len(content))
        for options, group in groups:
            try:
                done += _hand_over(smtp, content, sender, group, options)
            except (OSError, smtplib.SMTPException) as error:
                if not done.delivered:
                    raise
                # What is delivered must be known, or it comes twice; the next message meets the trouble itself.
                done += Delivery(delivered=(), later=group, reason=str(_translated(error)))
    return done + _unreachable(recipients, {*done.delivered, *done.later, *done.in_doubt, *done.refused})


def check(server: SmtpServer, sender: str, recipients: Collection[str]) -> Delivery:
    """Connect, log in and ask whether the server would take mail from us for each of these; nothing is sent.

    Raises:
        FerreroError: as `send`.
    """
    refused: dict[str, tuple[int, bytes]] = {}
    with _connected(server) as smtp:
        groups = _groups(smtp, sender, recipients)
        for options, group in groups:
            _expect(smtp.mail(sender, options), sender)
            answers = {who: smtp.rcpt(who) for who in group}
            refused |= {who: answer for who, answer in answers.items() if answer[0] not in _TAKEN}
            smtp.rset()
    asked = [who for _, group in groups for who in group]
    return _delivery(asked, refused) + _unreachable(recipients, asked)


def _check_size(smtp: _Smtp, size_bytes: int) -> None:
    """A server may hang up on what is larger than it says it takes."""
    limit = smtp.esmtp_features.get("size", "")
    if limit.isdecimal() and 0 < int(limit) < size_bytes:
        raise PermanentError(
            f"The mail server takes {int(limit):,} bytes, and the message has {size_bytes:,}.", code="message refused"
        )


def _expect(answer: tuple[int, bytes], sender: str) -> None:
    if answer[0] not in _TAKEN:
        raise smtplib.SMTPSenderRefused(*answer, sender)


def _groups(smtp: _Smtp, sender: str, recipients: Collection[str]) -> list[_Group]:
    """The recipients that can be told together: a message that needs SMTPUTF8 may be stuck on its way to others."""
    if not sender.isascii() and not _takes_utf8(smtp):
        raise AccessRefused(
            SYSTEM, f"The mail server cannot take mails from {sender} (no SMTPUTF8); use an ASCII FERRERO_MAIL_FROM."
        )
    plain = tuple(who for who in recipients if who.isascii() and sender.isascii())
    others = tuple(who for who in recipients if who not in plain)
    groups: list[_Group] = [((), plain), (("SMTPUTF8", "BODY=8BITMIME"), others if _takes_utf8(smtp) else ())]
    return [group for group in groups if group[1]]


def _takes_utf8(smtp: _Smtp) -> bool:
    smtp.ehlo_or_helo_if_needed()
    return bool(smtp.has_extn("smtputf8"))


def _unreachable(recipients: Collection[str], asked: Collection[str]) -> Delivery:
    lost = tuple(who for who in recipients if who not in asked)
    reason = f"the mail server cannot reach addresses that are not ASCII (no SMTPUTF8): {', '.join(lost)}"
    return Delivery(delivered=(), refused=lost, reason=reason if lost else "")


def _hand_over(
    smtp: _Smtp, content: bytes, sender: str, recipients: tuple[str, ...], options: tuple[str, ...]
) -> Delivery:
    try:
        refused = smtp.sendmail(sender, recipients, content, options)
    except smtplib.SMTPRecipientsRefused as error:
        # Nobody gets it, also those whom a server that hung up (421) was not asked about.
        refused = {who: error.recipients.get(who, (_UNAVAILABLE, b"")) for who in recipients}
    except smtplib.SMTPDataError as error:
        if error.smtp_code in {_UNAVAILABLE, *range(_PERMANENT, 600)}:
            raise
        # The server wants this message later; others need not wait for it.
        refused = dict.fromkeys(recipients, (error.smtp_code, b""))
    except smtplib.SMTPServerDisconnected:
        if not smtp.has_sent_all:
            raise
        return Delivery(delivered=(), in_doubt=recipients, reason=IN_DOUBT)
    return _delivery(recipients, refused)


@contextmanager
def _connected(server: SmtpServer) -> Iterator[_Smtp]:
    with closing(Connections(server.deadline)) as connections, _translating():
        smtp = _connect(server, connections)
        try:
            yield smtp
            # What the server took it keeps, however it says good-bye.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (OSError, smtplib.SMTPException) as error:
        raise _translated(error) from None
    except UnicodeError:
        raise AccessRefused(
            SYSTEM, "The mail server needs FERRERO_SMTP_HOST, _USERNAME and _PASSWORD in plain ASCII characters."
        ) from None


def _connect(server: SmtpServer, connections: Connections) -> _Smtp:
    timeout_s = min(server.timeout_s, max(server.deadline.left_s, _SHORTEST_TIMEOUT_S))
    smtp: _Smtp
    if server.security == "tls":
        context = ssl.create_default_context()
        smtp = _SmtpOverTls(connections, server.host, server.port, timeout=timeout_s, context=context)
    else:
        smtp = _Smtp(connections, server.host, server.port, timeout=timeout_s)
    try:
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.username:
            smtp.login(server.username, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _translated(error: OSError | smtplib.SMTPException) -> FerreroError:
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= _PERMANENT:
        return AccessRefused(SYSTEM, "The mail server refused our log-in; check FERRERO_SMTP_USERNAME and _PASSWORD.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return AccessRefused(SYSTEM, f"The mail server cannot do what we need ({error}); check FERRERO_SMTP_SECURITY.")
    if type(error) is smtplib.SMTPException:
        return AccessRefused(
            SYSTEM, "The mail server offers no log-in with user and password (PLAIN, LOGIN, CRAM-MD5)."
        )
    if isinstance(error, ssl.SSLError):
        reason = f"{tls_reason(error)}; check FERRERO_SMTP_SECURITY and _PORT"
        return SystemUnavailable(SYSTEM, f"The TLS connection to the mail server failed ({reason}).")
    if not isinstance(error, smtplib.SMTPResponseException):
        return SystemUnavailable(SYSTEM, f"The mail server cannot be reached ({type(error).__name__}).")
    code = error.smtp_code
    if code < _PERMANENT:
        return SystemUnavailable(SYSTEM, f"The mail server asks us to come back later ({code}).")
    if isinstance(error, smtplib.SMTPDataError) or code in _TOO_LARGE or _TOO_LARGE_ENHANCED.match(_answer(error)):
        return PermanentError(f"The mail server refuses the message ({code}).", code="message refused")
    return AccessRefused(SYSTEM, f"The mail server refuses us or our sender ({code}); check FERRERO_MAIL_FROM.")


def _answer(error: smtplib.SMTPResponseException) -> bytes:
    return error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()


def _delivery(recipients: Collection[str], refused: dict[str, tuple[int, bytes]]) -> Delivery:
    codes = [f"{who}: {code}" for who, (code, _) in refused.items()]
    return Delivery(
        delivered=tuple(who for who in recipients if who not in refused),
        later=tuple(who for who, (code, _) in refused.items() if code < _PERMANENT),
        refused=tuple(who for who, (code, _) in refused.items() if code >= _PERMANENT),
        reason="; ".join(codes),
    )
