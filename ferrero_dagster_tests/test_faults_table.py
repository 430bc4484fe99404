"""docs/FAULTS.md says what the marks of the tests say, and no fault goes without a word."""

from ferrero_dagster_tests.faults_table import FAULTS, PAGE, REMARKS, WITHOUT_TEST, marks, page


def test_the_page_of_faults_is_what_the_marks_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "a mark has changed: `make faults` writes docs/FAULTS.md anew"


def test_every_fault_has_a_test_or_a_reason_why_it_needs_none_and_every_mark_names_a_fault() -> None:
    assert {number for number, *_ in marks()} == set(FAULTS) - WITHOUT_TEST
    assert {number for number, _ in REMARKS} >= WITHOUT_TEST


def test_the_56_faults_of_the_specification_are_there_and_later_ones_follow_in_order() -> None:
    assert list(FAULTS)[:56] == list(range(1, 57))
    assert list(FAULTS) == sorted(FAULTS)
