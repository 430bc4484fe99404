"""A mail server that keeps every mail on disk instead of delivering it, and fails on demand."""

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern_policy
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ferrero_dagster.sandbox.certificate import write_certificate
from ferrero_dagster.sandbox.numbered_files import NumberedFiles
from ferrero_dagster.sandbox.serving import HOST, listening_socket

_RECIPIENTS = "X-RcptTo"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMail:
    """One mail as it was handed over; `recipients` are the envelope's."""

    message: EmailMessage
    recipients: tuple[str, ...]
    path: Path

    @property
    def number(self) -> int:
        """Counts from 1 in the order of arrival."""
        return int(self.path.stem)

    @property
    def received_s(self) -> float:
        """When it came, in seconds since 1970."""
        return self.path.stat().st_mtime

    @property
    def subject(self) -> str:
        """The decoded subject line."""
        return str(self.message["Subject"] or "")

    @property
    def message_id(self) -> str:
        """The sender's own name for the message, in angle brackets."""
        return str(self.message["Message-ID"] or "")

    @property
    def html(self) -> str:
        """The HTML part, empty without one."""
        return self._part("html")

    @property
    def text(self) -> str:
        """The plain-text part, empty without one."""
        return self._part("plain")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


@dataclass(kw_only=True)
class MailSwitches:
    """What the mail server does wrong; change a field at any time."""

    #: Until then (`time.monotonic`) every connection is cut at once.
    down_until_s: float = 0
    #: By recipient, how many more times it is answered "later" (450).
    greylisted: dict[str, int] = field(default_factory=dict)
    #: Recipients that are refused (550).
    refused: set[str] = field(default_factory=set)
    #: So many of the next mails are kept, and the connection closes without an answer.
    lost_answers: int = 0
    #: A mail of more bytes is refused (552) before it is sent.
    max_bytes: float = float("inf")
    #: It is refused when it has been sent (554 5.3.4), or the connection is cut.
    too_large: Literal["refused at once", "refused when sent", "cut"] = "refused at once"
    #: User and password without which nothing is taken.
    login: tuple[str, str] | None = None
    #: What a log-in is answered instead, such as 454 for "later".
    login_answer: str | None = None
    #: Whether addresses may hold other letters than ASCII.
    smtputf8: bool = True

    def clear(self) -> None:
        """Let everything work again; the login stays."""
        self.down_until_s = self.lost_answers = 0
        self.max_bytes, self.too_large = float("inf"), "refused at once"
        self.login_answer, self.smtputf8 = None, True
        self.greylisted.clear()
        self.refused.clear()


class Mailbox:
    """All mails received so far: files `000001.eml`, … in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files = NumberedFiles(directory, ".eml")
        self.switches = MailSwitches()

    def messages(self) -> list[ReceivedMail]:
        """Every mail, oldest first."""
        return [_read(path) for path in self._files.paths()]

    def keep(self, content: bytes, recipients: list[str]) -> None:
        """Store a mail under the next number."""
        self._files.add(f"{_RECIPIENTS}: {', '.join(recipients)}\r\n".encode() + content)


class MailServer:
    """Takes mails for a mailbox on 127.0.0.1 while it is entered; `certificate` is the PEM file that clients trust."""

    def __init__(self, mailbox: Mailbox, port: int = 0, security: Literal["none", "starttls", "tls"] = "none") -> None:
        self.certificate = mailbox.directory / "certificate.pem"
        self._controller = _Controller(mailbox.switches, _Intake(mailbox), listening_socket(port, "the mail server"))
        if security != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(write_certificate(self.certificate))
            if security == "tls":
                self._controller.ssl_context = context
            else:
                self._controller.SMTP_kwargs["tls_context"] = context
        self.port: int = self._controller.port

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._controller.stop()


class _Intake:
    """What the server asks at each step of a delivery; aiosmtpd finds the methods by their names."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._switches = mailbox.switches

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, sent: Any) -> AuthResult:
        if self._switches.login_answer:
            return AuthResult(success=False, handled=False, message=self._switches.login_answer)
        wanted = self._switches.login or ("", "")
        known = isinstance(sent, LoginPassword) and (sent.login, sent.password) == tuple(w.encode() for w in wanted)
        return AuthResult(success=known, handled=False)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._switches.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        sizes = [int(option[5:]) for option in options if option.startswith("SIZE=")]
        if self._switches.too_large == "refused at once" and any(size > self._switches.max_bytes for size in sizes):
            return "552 5.3.4 Message size exceeds fixed limit"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self._switches.refused:
            return "550 5.1.1 No such mailbox"
        if self._switches.greylisted.get(address):
            self._switches.greylisted[address] -= 1
            return "450 4.7.1 Greylisted, come again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        assert isinstance(envelope.original_content, bytes)
        if len(envelope.original_content) > self._switches.max_bytes:
            if self._switches.too_large == "cut":
                raise asyncio.CancelledError
            return "554 5.3.4 Message too big for system"
        self._mailbox.keep(envelope.original_content, envelope.rcpt_tos)
        if self._switches.lost_answers:
            self._switches.lost_answers -= 1
            raise asyncio.CancelledError  # aiosmtpd then closes the connection
        return "250 2.0.0 Kept"


class _Controller(Controller):
    """aiosmtpd's server on a socket that is bound already, so that its port is known."""

    def __init__(self, switches: MailSwitches, intake: _Intake, sock: socket.socket) -> None:
        self._switches = switches
        self._sock = sock
        super().__init__(
            intake,
            HOST,
            sock.getsockname()[1],
            server_hostname="sandbox.localhost",
            authenticator=intake.authenticate,
            auth_require_tls=False,
        )

    def factory(self) -> asyncio.Protocol:
        if time.monotonic() < self._switches.down_until_s:
            return _HangUp()
        return SMTP(self.handler, loop=self.loop, **{**self.SMTP_kwargs, "enable_SMTPUTF8": self._switches.smtputf8})

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._sock, ssl=self.ssl_context)


class _HangUp(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _read(path: Path) -> ReceivedMail:
    message = message_from_bytes(path.read_bytes(), policy=modern_policy)
    assert isinstance(message, EmailMessage)
    recipients = tuple(str(message[_RECIPIENTS]).split(", "))
    del message[_RECIPIENTS]
    return ReceivedMail(message=message, recipients=recipients, path=path)
