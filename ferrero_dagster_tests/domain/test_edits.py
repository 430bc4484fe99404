"""A person's edits are taken by field id; what is empty or huge never gets as far as the DAM (customer.md 2)."""

from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.edits import MAX_LENGTH, Edits, edits_of

FIELDS = {"begin": "FERRERO.FIELD.START"}
KNOWN = ("FERRERO.FIELD.SEASON",)


def read(texts):
    return edits_of(texts, fields=FIELDS, known_ids=KNOWN, place="override_metadata")


def test_a_mapped_name_and_a_field_id_count_and_nothing_else():
    texts = {"begin": " 2026-03-01 ", "FERRERO.FIELD.SEASON": "Spring", "user_id": "7", "FERRERO.FIELD.OTHER": "x"}
    assert read(texts) == Edits(values={"FERRERO.FIELD.SEASON": "Spring", "FERRERO.FIELD.START": "2026-03-01"})


def test_empty_values_are_no_edits():
    assert read({"begin": None, "FERRERO.FIELD.SEASON": " \n"}) == Edits(values={})


def test_a_huge_value_is_one_sentence():
    assert read({"begin": "x" * 1_000_000}) == Edits(
        values={},
        notes=(
            "The value of FERRERO.FIELD.START in override_metadata was not used: it is longer than 4,000 characters.",
        ),
    )


@given(st.dictionaries(st.sampled_from(["begin", "FERRERO.FIELD.SEASON", "x"]), st.none() | st.text()))
def test_whatever_people_write_the_values_are_filled_and_short(texts):
    values = read(texts).values
    assert values.keys() <= {*FIELDS.values(), *KNOWN}
    assert all(text.strip() == text and 0 < len(text) <= MAX_LENGTH for text in values.values())
