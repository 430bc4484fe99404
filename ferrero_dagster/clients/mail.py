"""Hands mails to an SMTP server and says what became of each recipient."""

import smtplib
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from ferrero_dagster.domain.errors import AccessRefused, PermanentError, SystemUnavailable

SYSTEM = "SMTP"
_TIMEOUT_S = 30
_PERMANENT = 500


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where mails go."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str = ""
    password: str = field(default="", repr=False)


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
    try:
        with _connect(server) as smtp:
            refused = smtp.send_message(message, to_addrs=list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPAuthenticationError:
        raise AccessRefused(
            SYSTEM, "The mail server refused our log-in; check FERRERO_SMTP_USERNAME and _PASSWORD."
        ) from None
    except smtplib.SMTPSenderRefused as error:
        raise AccessRefused(
            SYSTEM, f"The mail server refused our sender ({error.smtp_code}); check FERRERO_MAIL_FROM."
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error) from None
    except (OSError, smtplib.SMTPException) as error:
        raise SystemUnavailable(SYSTEM, f"The mail server cannot be reached ({type(error).__name__}).") from None
    return _delivery(recipients, refused)


def check(server: SmtpServer) -> None:
    """Connect and log in.

    Raises:
        FerreroError: as `send`.
    """
    try:
        with _connect(server) as smtp:
            smtp.noop()
    except smtplib.SMTPAuthenticationError:
        raise AccessRefused(
            SYSTEM, "The mail server refused our log-in; check FERRERO_SMTP_USERNAME and _PASSWORD."
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise SystemUnavailable(SYSTEM, f"The mail server cannot be reached ({type(error).__name__}).") from None


def _connect(server: SmtpServer) -> smtplib.SMTP:
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
    try:
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.username:
            smtp.login(server.username, server.password)
    except (OSError, smtplib.SMTPException):
        smtp.close()
        raise
    return smtp


def _refused(error: smtplib.SMTPResponseException) -> PermanentError | SystemUnavailable:
    if error.smtp_code >= _PERMANENT:
        return PermanentError(f"The mail server refuses the message ({error.smtp_code}).", code="message refused")
    return SystemUnavailable(SYSTEM, f"The mail server asks us to come back later ({error.smtp_code}).")


def _delivery(recipients: Collection[str], refused: dict[str, tuple[int, bytes]]) -> Delivery:
    codes = [f"{who}: {code}" for who, (code, _) in refused.items()]
    return Delivery(
        delivered=tuple(who for who in recipients if who not in refused),
        later=tuple(who for who, (code, _) in refused.items() if code < _PERMANENT),
        refused=tuple(who for who, (code, _) in refused.items() if code >= _PERMANENT),
        reason="; ".join(codes),
    )
