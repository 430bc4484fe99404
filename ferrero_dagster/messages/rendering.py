"""Puts facts into words: subject, HTML and a plain-text alternative that says the same, ready to be sent as a mail.

`templates/` holds one file per kind of fact, written once for both media: the building bricks it uses come from
`blocks.html` or `blocks.txt`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import quote
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.domain.words import counted
from ferrero_dagster.messages.comment_quotes import COMMENT_LIMITS, CommentLimits, comments_file
from ferrero_dagster.messages.enclosures import Attachment, InlineImage
from ferrero_dagster.messages.facts import CampaignComplete, DailyReport, Fact
from ferrero_dagster.messages.report_mail import report_attachments, report_images

Medium = Literal["html", "txt"]

HTML_LIMIT_BYTES = 80_000
# Tables are cut at the first of these numbers of rows that keeps the mail below the limit, however long its names are.
ROW_LIMITS = (27, 9, 2, 1)
SHORT_NAME_LIMIT = 120
# Rows go before people's own words do.
_LIMITS = (*((rows, COMMENT_LIMITS[0]) for rows in ROW_LIMITS), *((1, limits) for limits in COMMENT_LIMITS[1:]))
_WEB_LINK = re.compile(r"https?://[^\s/<>\"'][^\s<>\"']*", re.IGNORECASE)
_INLINER = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailContext:
    """What all mails of a site have in common."""

    time_zone: ZoneInfo
    links: Links


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedMail:
    """A message in words; the subject is one line of at most 200 characters, the HTML is below 80 kB."""

    subject: str
    html: str
    text: str
    inline_images: tuple[InlineImage, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def is_enclosing(self) -> bool:
        """Whether more than words travels with it."""
        return bool(self.inline_images or self.attachments)


def render(fact: Fact, context: MailContext, *, is_short: bool = False) -> RenderedMail:
    """Put the fact into words; the same fact and context always give the same mail.

    A short one, for servers that do not take it whole, has the first row of each table, no pictures and attachments,
    and says so.
    """
    report = fact.report if isinstance(fact, DailyReport) else None
    images = report_images(report) if report and not is_short else ()
    for row_limit, limits in _LIMITS[-1:] if is_short else _LIMITS:
        shown = {
            "fact": fact, "site": context, "images": images, "row_limit": row_limit, "comment_limits": limits,
            "is_short": is_short,
        }  # fmt: skip
        html = _INLINER.inline(_write("html", fact, shown))
        if len(html.encode()) < HTML_LIMIT_BYTES:
            break
    return RenderedMail(
        subject=_subject(fact),
        html=html,
        text=re.sub(r"\n{3,}", "\n\n", _write("txt", fact, shown)).strip() + "\n",
        inline_images=images,
        attachments=() if is_short else _attachments(fact, context, limits),
    )


def _attachments(fact: Fact, context: MailContext, limits: CommentLimits) -> tuple[Attachment, ...]:
    if isinstance(fact, DailyReport):
        return report_attachments(fact.report, context.time_zone, context.links)
    comments = fact.comments if isinstance(fact, CampaignComplete) else None
    return (comments_file(comments),) if comments and limits.is_cut(comments) else ()


def build_email(
    rendered: RenderedMail,
    *,
    sender: MailAddress,
    recipients: Sequence[MailAddress],
    message_id: str,
    list_id: str,
    date: datetime,
) -> EmailMessage:
    """Build the message; equal arguments give equal headers, so that it may be sent again.

    It is pure ASCII on the wire, but for a sender whose own address is not.

    `message_id` and `list_id` include their angle brackets; `date` is aware and stays the same between attempts.
    """
    mail = EmailMessage(policy=_SmtpPolicy(linesep="\r\n"))
    mail["From"] = str(sender)
    mail["To"] = ", ".join(map(str, recipients))
    mail["Subject"] = rendered.subject
    mail["Date"] = date
    mail["Message-ID"] = message_id
    mail["List-Id"] = list_id
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered.text, cte="quoted-printable")
    mail.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    _, html_part = mail.iter_parts()
    for image in rendered.inline_images:
        html_part.add_related(image.png, "image", "png", cid=f"<{image.content_id}>")
    for attachment in rendered.attachments:
        mail.add_attachment(attachment.content, "text", attachment.subtype, filename=attachment.filename)
    return mail


class _SmtpPolicy(EmailPolicy):
    """Folds what Python's own policy spoils, as it is up to 3.13.

    That loses spaces in subjects and the quotes around names with commas, and cuts ids that are longer than a line.
    """

    def fold(self, name: str, value: Any) -> str:
        if name == "Subject":
            folded = Header(str(value), header_name=name).encode(linesep=self.linesep)
        elif name in {"From", "To"}:
            folded = f",{self.linesep} ".join(_shown_address(a, name, self.linesep) for a in value.addresses)
        elif name in {"Message-ID", "List-Id"}:
            folded = str(value)
        else:
            return str(super().fold(name, value))
        return f"{name}: {folded}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode()


def _shown_address(address: Address, header: str, linesep: str) -> str:
    name = address.display_name
    if header == "To" and not address.addr_spec.isascii():
        # Everybody's mail server must be able to pass the message on: the form that RFC 6857 makes of such an address.
        return f"{Header(f'{name} {address.addr_spec}'.strip(), 'utf-8').encode(linesep=linesep)}:;"
    shown = f'"{quote(name)}"' if name.isascii() else Header(name, "utf-8").encode(linesep=linesep)
    return f"{shown} <{address.addr_spec}>" if name else address.addr_spec


def _write(medium: Medium, fact: Fact, shown: dict[str, Any]) -> str:
    return _environment(medium).get_template(f"{fact.kind}.j2").render(shown, medium=medium)


def _subject(fact: Fact) -> str:
    template = _environment("txt").get_template(f"{fact.kind}.j2")
    return "".join(template.blocks["subject"](template.new_context({"fact": fact})))


@cache
def _environment(medium: Medium) -> Environment:
    environment = Environment(
        autoescape=medium == "html",  # noqa: S701  # plain text has nothing to escape
        loader=PackageLoader("ferrero_dagster.messages"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": counted,
        "local_date": _local_date,
        "local_time": _local_time,
        "sentence": _sentence,
        "short": _short,
        "thousands": "{:,}".format,
    }
    environment.tests["web_link"] = _is_web_link
    return environment


def _is_web_link(url: str | None) -> bool:
    return url is not None and _WEB_LINK.fullmatch(url) is not None


def _short(name: str) -> str:
    return name if len(name) <= SHORT_NAME_LIMIT else name[: SHORT_NAME_LIMIT - 1] + "…"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@pass_context
def _local_time(template: Context, moment: datetime) -> str:
    local = moment.astimezone(template["site"].time_zone)
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


@pass_context
def _local_date(template: Context, moment: datetime) -> str:
    local = moment.astimezone(template["site"].time_zone)
    return f"{local.day} {local:%B %Y}"
