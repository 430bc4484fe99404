"""Makes text from outside such that PostgreSQL, and a column of the cron scripts, can hold it."""

import codecs
import json
from typing import Any

import psycopg2.extensions

from ferrero_dagster.domain.sound_json import SentObject

#: Python's name of a codec that reads bytes of any encoding, as SQL_ASCII holds them, and writes Unicode.
_ANY_BYTES = "ferrero_any_bytes"


def storable(value: Any, codec: str | None = None) -> Any:
    """The value with NUL as U+FFFD and halves of surrogate pairs as `?`, in all its texts, however nested.

    What a `codec` other than Unicode's lacks is `?`, too.
    """
    if isinstance(value, str):
        kept = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        kept = kept if _is_unicode(kept) else kept.encode("utf-8", "replace").decode()
        return kept.encode(codec, "replace").decode(codec) if codec else kept
    if isinstance(value, dict):
        return {storable(key, codec): storable(inner, codec) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(inner, codec) for inner in value)
    return value


def json_text(value: Any) -> str:
    """As JSON without escapes, which a database of another encoding than Unicode would refuse; as sent if possible."""
    if isinstance(value, SentObject) and rb"\u" not in value.sent:
        return value.sent.decode()
    text = json.dumps(value, ensure_ascii=False)
    # To look through every text of it costs more than all the rest, and hardly any metadata need it.
    return text if _is_sound(text) else json.dumps(storable(value), ensure_ascii=False)


def _is_sound(text: str) -> bool:
    return _is_unicode(text) and r"\u0000" not in text


def _is_unicode(text: str) -> bool:
    """Whether there are no halves of surrogate pairs in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def lossy_codec(connection: Any) -> str | None:
    """Python's codec of a database whose encoding does not hold all that we read; None for one that does."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding in (None, "UTF8", "SQL_ASCII"):
        return None
    return psycopg2.extensions.encodings.get(encoding)


def _any_bytes(name: str) -> codecs.CodecInfo | None:
    if name != _ANY_BYTES:
        return None
    unicode = codecs.lookup("utf-8")
    return codecs.CodecInfo(unicode.encode, lambda text, *_: unicode.decode(text, "replace"), name=name)


def read_any_bytes(connection: Any) -> None:
    """Read whatever bytes other programs left in a database that knows no encoding; U+FFFD is what is no Unicode."""
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        connection.set_client_encoding("SQL_ASCII")


codecs.register(_any_bytes)
psycopg2.extensions.encodings["SQL_ASCII"] = psycopg2.extensions.encodings["SQLASCII"] = _ANY_BYTES


def fitted(table: str, column: str, placeholder: str = "%s") -> str:
    """SQL that cuts a text to the width of a column that is as wide as the cron scripts made it."""
    return f"""left({placeholder}, (
        SELECT CASE WHEN atttypmod < 0 THEN 2147483647 ELSE atttypmod - 4 END FROM pg_attribute
        WHERE attrelid = '{table}'::regclass AND attname = '{column}'
    ))"""
