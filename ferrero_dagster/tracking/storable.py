"""Makes text from outside such that PostgreSQL, and a column of the cron scripts, can hold it."""

from typing import Any


def storable(value: Any) -> Any:
    """The value with NUL as U+FFFD and halves of surrogate pairs as `?`, in all its texts, however nested."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(inner) for inner in value)
    return value


def fitted(table: str, column: str, placeholder: str = "%s") -> str:
    """SQL that cuts a text to the width of a column that is as wide as the cron scripts made it."""
    return f"""left({placeholder}, (
        SELECT CASE WHEN atttypmod < 0 THEN 2147483647 ELSE atttypmod - 4 END FROM pg_attribute
        WHERE attrelid = '{table}'::regclass AND attname = '{column}'
    ))"""
