"""What goes into the database as JSON is JSON there, and the same."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.sound_json import SentObject, sound_value
from ferrero_dagster.tracking.storable import json_text, storable

FIELDS = st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.floats(allow_nan=False), min_size=1)


@given(FIELDS, st.booleans())
def test_what_the_dam_sent_is_kept_as_it_was_or_made_storable(fields, ensure_ascii):
    body = {"a": {"b": [fields, {"long": "x" * 10_000}]}}
    [first, _] = sound_value(json.dumps(body, ensure_ascii=ensure_ascii).encode("utf-8", "replace"))["a"]["b"]
    text = json_text(first)
    assert json.loads(text) == first
    assert not re.search(r"\\u(?!00[01])", text.replace("\\\\", "")), "but control characters, which JSON must escape"


@pytest.mark.parametrize(("text", "kept"), [('{"a":1}', '{"a":1}'), (r'{"a": "\u00fc"}', '{"a": "ü"}')])
def test_json_without_escapes_is_not_made_anew(text, kept):
    assert json_text(SentObject(json.loads(text), text.encode())) == kept


@given(st.text(st.characters() | st.characters(categories=["Cs"]) | st.just("\0")))
def test_postgresql_can_hold_any_text_of_which_nothing_else_is_changed(text):
    kept = storable({"a": [text]})["a"][0]
    assert [*kept] == [_held(character) for character in text]


def _held(character):
    return "\N{REPLACEMENT CHARACTER}" if character == "\0" else "?" if "\ud800" <= character <= "\udfff" else character
