"""What answers of DAM and Box are read with: values of the types that we expect, or our own error.

A harmless difference is read: a size as text of digits or as a whole float, an id as a number, a flag as text, a list
of one as the bare object (contract otmm.md 1). Anything else that does not fit is an error that says what was tried, of
which thing, what was found and what was expected.
"""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ferrero_dagster.domain.errors import SpoiledItem, UnexpectedAnswer
from ferrero_dagster.domain.lines import one_line

#: Nothing is larger, and PostgreSQL counts no further.
_LARGEST = 2**63 - 1
_ID = re.compile(r"[^\s/\\?#%\x00-\x1f\x7f]{1,200}")
_DIGITS = re.compile(r"[0-9]{1,19}(?:\.0+)?", re.ASCII)
_TOKEN = re.compile(r"[!-~]{1,20000}")
_FLAGS = {"true": True, "false": False, "1": True, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class Item:
    """One object of an answer; each method reads one of its keys, or raises `SpoiledItem`."""

    system: str
    #: What was tried, in the words of operators.
    what: str
    fields: Mapping[str, Any]
    #: The object that this one is a part of.
    whole: "Item | None" = None

    def text(self, key: str) -> str:
        """Text as it is; a number as its digits; empty where there is none."""
        value = self.fields.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.spoiled(key, "text")
        return str(int(value)) if isinstance(value, int) or value.is_integer() else str(value)

    def identifier(self, key: str = "id") -> str:
        """An id that can stand in an address."""
        text = id_in(self.fields.get(key))
        if text is None:
            raise self.spoiled(key, "an id")
        return text

    def size(self, key: str) -> int | None:
        """A number of bytes; None where there is none."""
        value = self.fields.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value.strip().partition(".")[0])
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
            raise self.spoiled(key, "a number of bytes")
        return value

    def flag(self, key: str) -> bool:
        """Yes or no; no where there is nothing."""
        value = self.fields.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        known = _FLAGS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if known is None:
            raise self.spoiled(key, "true or false")
        return known

    def inner(self, key: str) -> "Item":
        """The object inside; an empty one where there is none."""
        value = self.fields.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.spoiled(key, "an object")
        return Item(self.system, self.what, value or {}, self)

    @property
    def label(self) -> str:
        """What people can find it by: name, id, or that it has neither."""
        if self.whole:
            return self.whole.label
        for key in ("name", "asset_id", "id"):
            value = self.fields.get(key)
            if isinstance(value, str | int) and value != "":
                return str(one_line(str(value)))
        return "something without a name"

    def spoiled(self, key: str, expected: str) -> SpoiledItem:
        """The error for a key whose value is not what was expected."""
        told = (
            f"{self.label} comes with {shown(self.fields[key])} as {key}"
            if key in self.fields
            else (f"{self.label} comes without {key}")
        )
        return SpoiledItem(
            self.system, f"{self.what}: {told}, expected {expected}; look at it in {_in_text(self.system)}."
        )


def object_in(system: str, what: str, holder: object, *keys: str) -> Item:
    """The object that an answer holds under these keys, one inside the other.

    Raises:
        UnexpectedAnswer: there is none.
    """
    found = holder
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise UnexpectedAnswer(system, f"{what}: the answer of {_in_text(system)} has no {'.'.join(keys)}.")
    return Item(system, what, found)


def items_in(holder: Item, key: str) -> list[Item]:
    """The objects that an answer lists under the key, none where the key is missing; a list of one may be bare.

    Raises:
        SpoiledItem: something else is listed.
    """
    items, others = sorted_items_in(holder, key)
    for error in others:
        raise error
    return items


def sorted_items_in(holder: Item, key: str) -> tuple[list[Item], list[SpoiledItem]]:
    """As `items_in`, but what else is listed comes as errors beside the objects."""
    found = holder.fields.get(key)
    listed = found if isinstance(found, list) else [] if found is None else [found]
    items = [Item(holder.system, holder.what, one) for one in listed if isinstance(one, dict)]
    others = [
        SpoiledItem(
            holder.system,
            f"{holder.what}: {_in_text(holder.system)} lists {shown(one)} in {key}, expected an object.",
        )
        for one in listed
        if not isinstance(one, dict)
    ]
    return items, others


def _in_text(system: str) -> str:
    return "the DAM" if system == "DAM" else system


def id_in(value: object) -> str | None:
    """An id that can stand in an address; None where it is none."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) and text not in {".", ".."} else None


def is_token(value: object) -> TypeGuard[str]:
    """Whether it is text that can stand in a header."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def shown(value: object) -> str:
    """A value from outside as people may see it, however long or deep it is."""
    return str(one_line(reprlib.repr(value)))
