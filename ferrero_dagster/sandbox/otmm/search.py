"""`/search/text`: conditions on metadata, answered from an index that may lag behind (contract otmm.md 3).

Each condition gives a set of item ids; `and` binds closer than `or`, as in SQL. A condition that the index cannot
answer is dropped, and the answer says so.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.domains import Dialect, indexed
from ferrero_dagster.sandbox.otmm.metadata import as_list
from ferrero_dagster.sandbox.otmm.records import Item
from ferrero_dagster.sandbox.otmm.sample import ASSET_NAME, SEARCHABLE
from ferrero_dagster.sandbox.otmm.store import OtmmStore
from ferrero_dagster.sandbox.otmm.wire import json_param

CONTAINS = "ARTESIA.OPERATOR.CHAR.CONTAINS"
NUMBER_IS = "ARTESIA.OPERATOR.NUMBER.IS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a search finds; `dropped` tells that a condition was left out."""

    items: list[Item]
    dropped: bool


def search(store: OtmmStore, params: Mapping[str, str], *, lag_s: float = 0, dialect: Dialect = "seeds") -> Found:
    """Folders and latest versions that fit `keyword_query`, `folder_filter` and `search_condition_list`.

    Raises:
        Refusal: 400, the conditions cannot be read.
    """
    items = [item for item in store.records.items() if item.latest]
    as_of_s = time.time() - lag_s
    index = _Index(store, items, as_of_s=as_of_s, dialect=dialect)
    answers = [(joint, index.answer(condition)) for joint, condition in _conditions(params)]
    known = [(joint, ids) for joint, ids in answers if ids is not None]
    fitting = combined(known) if known else {item.id for item in items}
    fitting &= _inside(items, params.get("folder_filter"), params.get("folder_filter_type", "all"))
    keyword = params.get("keyword_query", "*").strip('"')
    found = [i for i in items if i.id in fitting and (keyword == "*" or keyword.lower() in i.name.lower())]
    shown = [store.records.as_indexed(item, as_of_s) for item in found] if lag_s else found
    return Found(items=shown, dropped=len(known) < len(answers))


def combined(answers: Sequence[tuple[str, Iterable[str]]]) -> set[str]:
    """The ids left of `(joint, ids)` pairs, where `joint` (`and`, `or`) ties a set to the one before it."""
    alternatives: list[set[str]] = []
    for joint, ids in answers:
        if alternatives and joint == "and":
            alternatives[-1] &= set(ids)
        else:
            alternatives.append(set(ids))
    return set().union(*alternatives)


def fits(operator_id: str, wanted: str, found: str) -> bool | None:
    """Whether a value fits a condition; None where the condition itself is not understood."""
    if operator_id == CONTAINS:
        return wanted.lower() in found.lower()
    if operator_id == NUMBER_IS and _number(wanted) is not None:
        return _number(wanted) == _number(found)
    return None


def system_texts(item: Item) -> dict[str, str]:
    """The fields that every item has by itself."""
    return {
        ASSET_NAME: item.name,
        "ARTESIA.FIELD.ASSET ID": item.id,
        "ARTESIA.FIELD.ORIGINAL ASSET ID": item.original_id,
        "ARTESIA.FIELD.IS LATEST VERSION": "Y" if item.latest else "N",
        "ARTESIA.FIELD.MODEL": item.model,
        "ARTESIA.FIELD.MIME TYPE": item.mime_type or "",
        "ARTESIA.FIELD.CONTAINER TYPE NAME": "Folder" if item.kind == "folder" else "",
    }


class _Index:
    def __init__(self, store: OtmmStore, items: list[Item], *, as_of_s: float, dialect: Dialect) -> None:
        self._records = store.records
        self._system = {item.id: system_texts(item) for item in items}
        self._as_of_s = as_of_s
        self._dialect = dialect

    def answer(self, condition: dict[str, Any]) -> set[str] | None:
        """The ids of the items that fit; None where the index cannot say."""
        if "tabular_field_list" in condition:
            return self._rows(as_list(condition["tabular_field_list"]))
        operator_id = str(condition.get("relational_operator_id"))
        wanted = str(condition.get("value", ""))
        values = self._values(str(condition.get("metadata_field_id")))
        if values is None or fits(operator_id, wanted, "") is None:
            return None
        return {key for key, found in values.items() if any(fits(operator_id, wanted, text) for text in found)}

    def _rows(self, columns: list[Any]) -> set[str] | None:
        answers = [self.answer(part) if isinstance(part, dict) else None for part in columns]
        known = [ids for ids in answers if ids is not None]
        return set.intersection(*known) if known and len(known) == len(columns) else None

    def _values(self, field_id: str) -> dict[str, tuple[str, ...]] | None:
        if field_id in next(iter(self._system.values()), {}):
            return {item_id: (texts[field_id],) for item_id, texts in self._system.items()}
        known = self._records.indexed(field_id, self._as_of_s)
        values = {item_id: indexed(field_id, stored, self._dialect) for item_id, stored in known.items()}
        return values if values or field_id in SEARCHABLE else None


def _conditions(params: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    conditions = as_list(json_param(params, "search_condition_list", "search_condition_list").get("search_condition"))
    for condition in conditions:
        if not isinstance(condition, dict):
            raise Refusal(400, "search_condition_list holds something else than conditions.")
        if len(str(condition.get("left_paren", ""))) != len(str(condition.get("right_paren", ""))):
            raise Refusal(400, "Groups of several conditions in parentheses are not understood.")
    return [(str(condition.get("relational_operator", "and")).lower(), condition) for condition in conditions]


def _inside(items: list[Item], folder_id: str | None, extent: str) -> set[str]:
    if folder_id is None:
        return {item.id for item in items}
    inside = {item.id for item in items if item.parent_id == folder_id}
    if extent == "direct":
        return inside
    return inside.union(*(_inside(items, item.id, extent) for item in items if item.id in inside))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
