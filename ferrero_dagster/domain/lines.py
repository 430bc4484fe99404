"""Text from outside made safe to store and to show, wherever it came from."""

import re
from typing import Annotated

from pydantic import BeforeValidator

LINE_LIMIT = 500
_WHITESPACE = re.compile(r"\s+")
_UNSHOWABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069"
    + "".join(chr(plane | end) for plane in range(0x10000, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))
    + "]"
)


def one_line(value: object) -> object:
    """Make any text from outside safe to store and to show: one line, at most 500 characters.

    Characters that PostgreSQL, HTML or a mail header refuse, or that reorder the text around them, become U+FFFD.
    """
    if not isinstance(value, str):
        return value
    shown = _UNSHOWABLE.sub("\ufffd", _WHITESPACE.sub(" ", value))
    return shown if len(shown) <= LINE_LIMIT else shown[: LINE_LIMIT - 1] + "…"


def many_lines(value: object) -> object:
    """Make a long text from outside safe to store and to show; its lines stay, what it may hold is as in `one_line`."""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).strip("\n").split("\n")
    return "\n".join(_UNSHOWABLE.sub("\ufffd", line).rstrip() for line in lines)


Line = Annotated[str, BeforeValidator(one_line)]
#: Several lines.
Text = Annotated[str, BeforeValidator(many_lines)]
