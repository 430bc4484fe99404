"""JSON from outside, parsed into nothing that our tables, Dagster or our own code would stumble over.

NUL and halves of surrogate pairs become U+FFFD. Numbers that JSON or PostgreSQL do not know (`NaN`, `Infinity`,
`1e400`) stay as their text, as `OddNumber`. What lies deeper than Python can read is left out.
"""

import codecs
import json
import math
import re
from typing import Any, NoReturn

from msgspec import Raw
from msgspec.json import Decoder

#: Levels of nesting that are read where Python cannot read all of them.
_LEVELS = 200
_DECLARED = frozenset({"iso8859-1", "iso8859-15", "cp1252"})
_UNSOUND = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)  # a whole surrogate pair, one code unit, or any other escape
#: Shorter answers hold nothing whose JSON it would cost time to make again.
_LONG = 10_000
_BRACES, _NO_BRACKETS = bytes.maketrans(b"[]", b"{}"), bytes({*range(256)} - {*b"[]{}"})
#: Python's own numbers are no longer.
_DIGITS = 30
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)


class OddNumber(str):
    """The text of a number that has no value here."""

    __slots__ = ()


class SentObject(dict[str, Any]):
    """An object of an answer that knows its JSON, as it was sent, in UTF-8; nobody may change it."""

    __slots__ = ("sent",)

    def __init__(self, value: dict[str, Any], sent: bytes) -> None:
        super().__init__(value)
        self.sent = sent


def sound_value(body: bytes, encoding: str | None = None) -> Any:
    """The value of a body of JSON; objects of a long list in it know their JSON.

    Raises:
        ValueError: it is no JSON.
    """
    if len(body) >= _LONG and (found := _list(body, encoding)):
        return found
    return parsed(sound_text(body, encoding))


def sound_text(body: bytes, encoding: str | None = None) -> str:
    """The body as JSON text without NUL and halves of surrogate pairs, escaped ones too.

    `encoding` is what the answer declares; what is no encoding of JSON or wrong becomes U+FFFD.
    """
    text = body.decode(_known(encoding) or json.detect_encoding(body), "replace").replace(
        "\0", "\N{REPLACEMENT CHARACTER}"
    )
    return _ESCAPE.sub(_sound_escape, text) if _UNSOUND.search(text) else text


def parsed(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _SOUND.decode(text)
    except (ValueError, RecursionError):
        return _patiently(text)


def sound_object(body: bytes, encoding: str | None = None) -> bytes:
    """The body as JSON that anybody can parse: as it is where it is sound, an empty object where it holds none.

    For libraries that parse by themselves; one that is no JSON at all is left to them.
    """
    text = sound_text(body, encoding)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = parsed(text)
        except ValueError:
            return body
        text = json.dumps(value)
    return text.encode() if isinstance(value, dict) else b"{}"


def is_shallow(sent: bytes, levels: int) -> bool:
    """Whether objects and lists of JSON in UTF-8 are certainly nested no deeper; told in a fifth of a millisecond.

    Brackets in its texts that do not match leave it uncertain.
    """
    brackets = sent.translate(_BRACES, _NO_BRACKETS)
    for _ in range(levels):
        brackets = brackets.replace(b"{}", b"")
        if not brackets:
            return True
    return False


def without_depths(text: str) -> str:
    """The JSON text with null for whatever lies deeper than 200 levels."""
    kept, depth, begin = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _LEVELS + 1:
                kept.append(f"{text[begin : token.start()]}null")
        elif token[0] in "]}":
            if depth == _LEVELS + 1:
                begin = token.end()
            depth -= 1
    return "".join([*kept, text[begin:]])


def _known(encoding: str | None) -> str | None:
    try:
        name = codecs.lookup(encoding or "utf-8").name
    except (LookupError, ValueError):
        return None
    return name if name in _DECLARED else None


def _sound_escape(escape: re.Match[str]) -> str:
    code = escape[0][2:].lower()
    is_unsound = len(code) == len("0000") and (code == "0000" or "d800" <= code <= "dfff")
    return r"\ufffd" if is_unsound else escape[0]


def _number(text: str) -> float | OddNumber:
    value = float(text)
    return value if math.isfinite(value) else OddNumber(text)


def _whole_number(text: str) -> int | OddNumber:
    try:
        return int(text)
    except ValueError:  # more digits than Python takes
        return OddNumber(text)


def _refuse(number: str) -> NoReturn:
    raise ValueError(number)


def _usual(text: str) -> float:
    value = float(text)
    is_usual = math.isfinite(value) and len(text) <= _DIGITS and (value or "e" not in text.lower())
    return value if is_usual else _refuse(text)


#: Reads what `_SOUND` refuses, a third as fast.
_PATIENT = json.JSONDecoder(parse_constant=OddNumber, parse_float=_number, parse_int=_whole_number, strict=False)

#: Refuses what PostgreSQL might: numbers that Python cuts, control characters in texts, halves of surrogate pairs.
_SOUND: Decoder[Any] = Decoder(float_hook=_usual)
_Plain = str | int | float | bool | None
#: An answer whose objects hold lists, such as `{"assets_resource": {"asset_list": [{`, with the JSON of their items.
_LISTS = Decoder(dict[str, dict[str, list[Raw] | dict[str, Any] | _Plain] | list[Any] | _Plain])


def _patiently(text: str) -> Any:
    try:
        return _PATIENT.decode(text)
    except RecursionError:
        return _PATIENT.decode(without_depths(text))


def _list(body: bytes, encoding: str | None) -> dict[str, Any] | None:
    """An answer with lists whose objects know their JSON; None where anything in it is not sound."""
    if _known(encoding) or rb"\u0000" in body:
        return None
    try:
        return {
            name: {key: _items(value) if isinstance(value, list) else value for key, value in holder.items()}
            if isinstance(holder, dict)
            else holder
            for name, holder in _LISTS.decode(body).items()
        }
    except (ValueError, RecursionError):
        return None


def _items(raws: list[Raw]) -> list[Any]:
    values = ((_SOUND.decode(raw), raw) for raw in raws)
    return [SentObject(value, bytes(raw)) if isinstance(value, dict) else value for value, raw in values]
