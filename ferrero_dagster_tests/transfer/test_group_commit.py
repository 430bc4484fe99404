"""What several threads bring at the same time is written together, and what cannot be written fails alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ferrero_dagster.domain.errors import FileRefused, SystemUnavailable, Unforeseen
from ferrero_dagster.transfer.group_commit import GroupCommit, GroupQuestion

MANY = 120


class Table:
    """Takes its time for the first group, until all others wait."""

    def __init__(self, refused=None):
        self.groups = []
        self.refused = refused
        self.enough = threading.Event()

    def write(self, group):
        self.enough.wait(10)
        if self.refused and any(self.refused(thing) for thing in group):
            raise FileRefused("Not this one.")
        self.groups.append(list(group))


def add_all(table, number=MANY):
    commit: GroupCommit[int] = GroupCommit(table.write)
    results: dict[int, object] = {}

    def add(thing):
        try:
            commit.add(thing)
        except Exception as error:  # noqa: BLE001  # what each thread hears
            results[thing] = error
        else:
            results[thing] = "written"

    with ThreadPoolExecutor(number) as threads:
        futures = [threads.submit(add, thing) for thing in range(number)]
        threading.Timer(0.3, table.enough.set).start()
        for future in futures:
            future.result()
    return results


def test_what_many_threads_bring_is_written_once_in_few_groups():
    table = Table()
    assert set(add_all(table).values()) == {"written"}
    assert sorted(thing for group in table.groups for thing in group) == list(range(MANY))
    assert len(table.groups) <= 6


def test_what_cannot_be_written_fails_alone():
    table = Table(refused=lambda thing: thing == 7)
    results = add_all(table)
    assert isinstance(results.pop(7), FileRefused)
    assert set(results.values()) == {"written"}
    assert sorted(thing for group in table.groups for thing in group) == [n for n in range(MANY) if n != 7]


def test_an_outage_is_every_ones_and_asked_for_once():
    asked = []

    def write(group):
        asked.append(group)
        raise SystemUnavailable("PostgreSQL", "PostgreSQL is out.")

    with pytest.raises(SystemUnavailable):
        GroupCommit(write).add(1)
    assert asked == [[1]]


def test_an_error_that_nobody_foresaw_reaches_the_one_whose_thing_it_was():
    def write(group):
        raise ZeroDivisionError(group)

    with pytest.raises(Unforeseen):
        GroupCommit(write).add(0)


def test_each_question_has_its_own_answer_and_many_are_asked_together():
    table = Table(refused=lambda thing: thing == 7)

    def ask(questions):
        table.write(questions)
        return [f"answer to {question}" for question in questions]

    group = GroupQuestion(ask)
    with ThreadPoolExecutor(MANY) as threads:
        futures = [threads.submit(group.answer, number) for number in range(MANY)]
        threading.Timer(0.3, table.enough.set).start()
        answers = {number: future.exception() or future.result() for number, future in enumerate(futures)}
    assert isinstance(answers.pop(7), FileRefused)
    assert answers == {number: f"answer to {number}" for number in range(MANY) if number != 7}
