"""JSON from outside holds nothing that our tables, Dagster or our own code would stumble over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.otmm.metadata import types_inside
from ferrero_dagster.domain.sound_json import OddNumber, is_shallow, parsed, sound_text, sound_value, without_depths

BROKEN = "\N{REPLACEMENT CHARACTER}"


def nested(levels: int) -> str:
    return '{"value": ' * levels + "1" + "}" * levels


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\u0000b"', f"a{BROKEN}b"),
        (r'"\ud83d"', BROKEN),
        (r'"\udc00\uD83D"', BROKEN * 2),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\uD83D\uDE00\ud83d"', f"😀{BROKEN}"),
        (r'"C:\\u0000"', r"C:\u0000"),
        (r'"\\\u0000"', f"\\{BROKEN}"),
        (r'{"\u0000": 1}', {BROKEN: 1}),
        ('"a\0b"', f"a{BROKEN}b"),
        ('"one\nline"', "one\nline"),
        ('"\ufeff"', "\ufeff"),
    ],
)
def test_nul_and_half_pairs_become_the_replacement_character_and_nothing_else_does(text, value):
    assert sound_value(text.encode()) == value


@pytest.mark.fault(59)
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000])
def test_a_number_that_has_no_value_stays_as_its_text(text):
    value = sound_value(f"[{text}, 1, 1.5]".encode())
    assert value == [text, 1, 1.5]
    assert isinstance(value[0], OddNumber)


@pytest.mark.parametrize(
    ("body", "encoding", "value"),
    [
        (b'\xef\xbb\xbf"a"', None, "a"),
        ('"ü"'.encode("utf-16"), None, "ü"),
        ('"ü"'.encode("latin-1"), "ISO-8859-1", "ü"),
        ('"ü"'.encode(), "utf-8", "ü"),
        ('"ü"'.encode(), "no-such-encoding", "ü"),
        ('"ü"'.encode(), "unicode_escape", "ü"),
        ('"ü"'.encode(), "\0", "ü"),
        (b'"\xff\xed\xa0\x80"', None, BROKEN * 4),
    ],
)
def test_text_is_read_whatever_encoding_is_declared(body, encoding, value):
    assert sound_value(body, encoding) == value


@pytest.mark.fault(57)
@pytest.mark.parametrize("levels", [3_000, 200_000])
def test_what_is_too_deep_for_python_is_left_out_and_the_rest_read(levels):
    value = sound_value(f'{{"a": {nested(levels)}, "b": ["]}}", 2], "c": {nested(50)}}}'.encode())
    assert value["b"] == ["]}", 2]
    assert value["c"] == json.loads(nested(50))
    assert value["a"]["value"]


@pytest.mark.parametrize("text", ["", "{", "[" * 300_000, "]" * 9, '{"a": ' * 5000, '"', "nonsense", '{"a" 1}'])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(json.JSONDecodeError):
        parsed(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(JSON_VALUES, st.booleans())
def test_sound_json_is_read_as_python_reads_it(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    expected = json.loads(text.replace("\0", BROKEN).replace(r"\u0000", BROKEN)) if r"\\" not in text else None
    if expected is not None:
        assert sound_value(text.encode("utf-8", "replace")) == expected
    assert without_depths(text) == text


@given(st.binary(max_size=200), st.none() | st.text(max_size=12))
def test_any_bytes_are_json_or_a_value_error(body, encoding):
    try:
        value = sound_value(body, encoding)
    except ValueError:
        return
    assert "\0" not in json.dumps(value, ensure_ascii=False).encode().decode()


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)
LONG = {"long": "x" * 10_000}


def answer(items, **beside):
    return {"assets_resource": {"asset_list": items, **beside}}


@given(st.lists(st.dictionaries(TEXTS, VALUES), min_size=1), st.sampled_from([None, 1]), st.booleans())
def test_objects_of_a_list_know_their_own_json(items, indent, is_alone):
    body = answer([*items, LONG], **({} if is_alone else {"total": 7}))
    text = json.dumps(body, ensure_ascii=False, indent=indent)
    read = sound_value(text.encode())
    assert read == body
    assert [json.loads(one.sent) for one in read["assets_resource"]["asset_list"]] == [*items, LONG]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": [{%s}, 5, [["c", 5]], []]}}',
        '{"a": {"b": [{%s}], "c": ["d"], "e": [], "f": {}, "g": 1.5, "h": null}}',
        '{"a": {"b": [{%s}]}, "c": 5, "d": [1], "e": null, "f": [{}]}',
    ],
)
def test_what_is_beside_the_objects_of_a_list_is_read_too(text):
    body = (text % json.dumps(LONG)[1:-1]).encode()
    read = sound_value(body)
    assert read == json.loads(body)
    assert json.loads(read["a"]["b"][0].sent) == LONG


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": [{"c": NaN, %s}]}}',
        '{"a": {"b": [{"c": 1e400, %s}]}}',
        '{"a": {"b": [{"c": 1e-20000, %s}]}}',
        '{"a": {"b": [{"c": 0.%s, %%s}]}}' % ("0" * 20_000),  # the text holds braces
        '{"a": {"b": [{"c": %s, %%s}]}}' % ("9" * 5000),
        '{"a": {"b": [{"c": "one\nline", %s}]}}',
        '{"a": {"b": [{%s}], "b": 5}}',
        '{"a": {"b": [{%s}]}, "a": {}}',
        '{"a": {"b": [{"c": "\\ud83d", %s}]}}',
        '{"a": {"b": [{"c": "\\udc00\\ud83d", %s}]}}',
        '{"a": {"b": [{"c": "\\u0000", %s}]}}',
        '{"a": {"b": [{%s}], "c": 1e400}}',
        '{"a": {"b": [{%s}]}, "a": 5}',
        '{"a": {"b": {%s}}}',
    ],
)
def test_what_a_database_would_refuse_or_is_no_list_is_read_as_any_other_json(text):
    text %= json.dumps(LONG)[1:-1]
    read = sound_value(text.encode())
    assert read == parsed(sound_text(text.encode()))
    assert set(read) == {"a"}
    assert "SentObject" not in str({type(one) for one in inside(read)})


def inside(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(inner)


@given(VALUES, st.integers(0, 5))
def test_what_is_told_to_be_shallow_is(value, levels):
    if is_shallow(json.dumps(value).encode(), levels):
        assert types_inside(value, levels=levels)


@pytest.mark.parametrize(("text", "levels"), [('[{"a": "[]"}]', 3), ("[[], [[]]]", 3), ("{}", 1)])
def test_what_is_shallow_is_told_to_be(text, levels):
    assert is_shallow(text.encode(), levels)
    assert not is_shallow(text.encode(), levels - 1)


@pytest.mark.parametrize("cut", [1, 2, 3, 5000])
def test_half_a_list_is_no_json(cut):
    with pytest.raises(json.JSONDecodeError):
        sound_value(json.dumps(answer([LONG])).encode()[:-cut])
