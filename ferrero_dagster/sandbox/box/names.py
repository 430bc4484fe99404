"""Which names Box takes, and when two names are the same to it (contract box.md, "Box platform limits")."""

import unicodedata

from ferrero_dagster.sandbox.box.errors import BoxError

_LONGEST = 255


def checked_name(name: str) -> str:
    """The name itself.

    Raises:
        BoxError: 400 `item_name_too_long` or `item_name_invalid`.
    """
    if len(name) > _LONGEST:
        raise BoxError(400, "item_name_too_long", f"Item name too long, at most {_LONGEST} characters")
    if name in {"", ".", ".."} or name != name.strip(" ") or any(map(_refused, name)):
        raise BoxError(400, "item_name_invalid", "Item name invalid")
    return name


def sanitised_name(name: str) -> str:
    """The name without what Box refuses, as Box does silently with some file names."""
    kept = "".join(character for character in name if not _refused(character)).strip(" ")
    return "file" if kept in {"", ".", ".."} else kept


def name_key(name: str) -> str:
    """Equal for names that cannot be in one folder together."""
    return name.casefold()


def _refused(character: str) -> bool:
    return character in "/\\" or unicodedata.category(character) in {"Cc", "Cs"}
