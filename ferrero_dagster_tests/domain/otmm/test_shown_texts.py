"""A value of a pick list may be given as people see it, where the site or the master tells its id (customer.md 2)."""

import pytest

from ferrero_dagster_tests.domain.otmm.otmm_fields import column, domain_value, domained
from ferrero_dagster_tests.domain.otmm.test_representation import build, by_id, in_table, master, pick

STATE, BRAND = "FERRERO.FIELD.STATE", "FERRERO.FIELD.BRAND"


@pytest.mark.parametrize(
    ("value_id", "shown", "sent"), [("2", "Local ", "2"), ("L", "LOCAL", "L"), ("1", "x", "LOCAL")]
)
def test_the_master_s_own_id_of_the_text_is_sent(value_id, shown, sent):
    representation = build(master(domained(STATE, value_id, shown), without=STATE))
    assert by_id(representation)[STATE] == pick(STATE, sent)


@pytest.mark.parametrize(("text", "sent"), [("raffaello", "RAF"), ("RAF", "RAF"), ("Nutella", "Nutella")])
def test_what_a_person_sets_may_be_the_text_that_the_master_shows(text, sent):
    assert by_id(build(master(), edits={BRAND: text}))[BRAND] == pick(BRAND, sent)


def test_a_value_of_the_master_stays_though_it_is_what_another_row_shows():
    field_id = "FERRERO.FIELD.ASSETCOMPLIANCE"
    rows = column(field_id, domain_value("1", "2"), domain_value("2", "1"))
    sent = by_id(build(master(rows, without=field_id)))[field_id]
    assert sent == in_table("FERRERO.TABULAR.FIELD.ASSETCOMPLIANCE", field_id, "1", "2")


def test_what_a_person_sets_is_in_the_case_of_the_row():
    sent = by_id(build(master(), edits={"MAIN_LANGUAGES": "fr"}))["MAIN_LANGUAGES"]
    assert sent == in_table("FERRERO.TABULAR.FIELD.MAIN LANGUAGES", "MAIN_LANGUAGES", "FR")
