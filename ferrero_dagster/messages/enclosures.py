"""What travels with a mail beside its words."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class InlineImage:
    """A PNG that the HTML shows as `<img src="cid:{content_id}">`; `alt` says in words all that it shows."""

    content_id: str
    title: str
    alt: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A text file; a CSV as Excel reads it, UTF-8 with a byte order mark."""

    filename: str
    content: bytes = field(repr=False)
    subtype: str = "csv"
