"""Hands mails to an SMTP server and says what became of each recipient."""

import smtplib
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from ferrero_dagster.domain.errors import AccessRefused, FerreroError, PermanentError, SystemUnavailable

SYSTEM = "SMTP"
_PERMANENT = 500
_UNAVAILABLE = 421
#: The message is larger than the server takes (RFC 1870), also where it is said before the message is sent.
_TOO_LARGE = 552


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where mails go."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What the server said of each recipient; `later` may be tried again, `refused` never."""

    delivered: tuple[str, ...]
    later: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    reason: str = ""


def send(server: SmtpServer, message: EmailMessage, recipients: Collection[str]) -> Delivery:
    """Hand one message over for these recipients.

    Raises:
        SystemUnavailable: the server cannot be reached or wants nothing from anybody now.
        AccessRefused: it refuses our log-in or sender.
        PermanentError: it refuses the message itself.
    """
    with _connected(server) as smtp:
        try:
            refused = smtp.send_message(message, to_addrs=list(recipients))
        except smtplib.SMTPRecipientsRefused as error:
            # Nobody gets it, also those whom a server that hung up (421) was not asked about.
            refused = {who: error.recipients.get(who, (_UNAVAILABLE, b"")) for who in recipients}
        except smtplib.SMTPDataError as error:
            if error.smtp_code in {_UNAVAILABLE, *range(_PERMANENT, 600)}:
                raise
            # The server wants this message later; others need not wait for it.
            refused = dict.fromkeys(recipients, (error.smtp_code, b""))
    return _delivery(recipients, refused)


def check(server: SmtpServer) -> None:
    """Connect and log in.

    Raises:
        FerreroError: as `send`.
    """
    with _connected(server) as smtp:
        smtp.noop()


@contextmanager
def _connected(server: SmtpServer) -> Iterator[smtplib.SMTP]:
    try:
        smtp = _connect(server)
        try:
            yield smtp
            # What the server took it keeps, however it says good-bye.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()
    except (OSError, smtplib.SMTPException) as error:
        raise _translated(error) from None
    except UnicodeError:
        raise AccessRefused(
            SYSTEM, "The mail server needs FERRERO_SMTP_HOST, _USERNAME and _PASSWORD in plain ASCII characters."
        ) from None


def _connect(server: SmtpServer) -> smtplib.SMTP:
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=server.timeout_s, context=ssl.create_default_context()
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
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
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return AccessRefused(SYSTEM, "The mail server refused our log-in; check FERRERO_SMTP_USERNAME and _PASSWORD.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return AccessRefused(SYSTEM, f"The mail server cannot do what we need ({error}); check FERRERO_SMTP_SECURITY.")
    if not isinstance(error, smtplib.SMTPResponseException):
        return SystemUnavailable(SYSTEM, f"The mail server cannot be reached ({type(error).__name__}).")
    code = error.smtp_code
    if code < _PERMANENT:
        return SystemUnavailable(SYSTEM, f"The mail server asks us to come back later ({code}).")
    if isinstance(error, smtplib.SMTPDataError) or code == _TOO_LARGE:
        return PermanentError(f"The mail server refuses the message ({code}).", code="message refused")
    return AccessRefused(SYSTEM, f"The mail server refuses us or our sender ({code}); check FERRERO_MAIL_FROM.")


def _delivery(recipients: Collection[str], refused: dict[str, tuple[int, bytes]]) -> Delivery:
    codes = [f"{who}: {code}" for who, (code, _) in refused.items()]
    return Delivery(
        delivered=tuple(who for who in recipients if who not in refused),
        later=tuple(who for who, (code, _) in refused.items() if code < _PERMANENT),
        refused=tuple(who for who, (code, _) in refused.items() if code >= _PERMANENT),
        reason="; ".join(codes),
    )
