"""Few threads, read a little ahead, stopped by an incident, and whatever has begun is handed on (FAULTS 11)."""

import threading

import pytest

from ferrero_dagster.domain.errors import FileRefused, SystemUnavailable, Unforeseen
from ferrero_dagster.transfer.pool import Pool
from ferrero_dagster.transfer.progress import Progress


def pool(work, threads=4, on_idle=lambda: None, idle_s=10.0):
    return Pool(work, threads=threads, on_idle=on_idle, idle_s=idle_s)


def test_every_task_ends_with_its_result_or_its_error():
    def work(number):
        if number % 3 == 0:
            raise FileRefused(f"no {number}")
        return number * 10

    results = dict(pool(work).run(range(10)))
    assert {n: r for n, r in results.items() if n % 3} == {n: n * 10 for n in range(10) if n % 3}
    assert [str(results[n]) for n in (0, 3, 6, 9)] == ["no 0", "no 3", "no 6", "no 9"]


def test_never_more_threads_than_allowed_and_only_a_little_read_ahead():
    working, most, done, ahead = set(), [], [], []
    both = threading.Barrier(2)

    def work(number):
        working.add(number)
        most.append(len(working))
        both.wait()
        working.remove(number)
        done.append(number)

    def tasks():
        for number in range(20):
            ahead.append(number + 1 - len(done))
            yield number

    assert len(list(pool(work, threads=2).run(tasks()))) == 20
    assert max(most) == 2
    # Two under way, two that wait, and the one that is just being read.
    assert max(ahead) <= 2 * 2 + 1


@pytest.mark.fault(11)
def test_an_incident_stops_what_has_not_begun_and_what_is_under_way_ends():
    second_works = threading.Event()

    def work(number):
        if number == 0:
            second_works.wait()
            raise SystemUnavailable("Box", "Box is out.")
        second_works.set()
        return number

    results = dict(pool(work, threads=2).run(iter(range(1000))))
    assert isinstance(results[0], SystemUnavailable)
    assert results[1] == 1
    assert len(results) < 1000
    assert all(r == n or r.code == "not tried" for n, r in results.items() if n)


def test_when_tasks_cannot_be_read_any_further_those_that_had_begun_are_handed_on_first():
    def tasks():
        yield from range(3)
        raise SystemUnavailable("DAM", "The DAM is out.")

    results = []
    with pytest.raises(SystemUnavailable):
        results.extend(pool(str).run(tasks()))
    assert {task for task, _ in pool_results(tasks)} == {0, 1, 2}


def pool_results(tasks):
    run = pool(str).run(tasks())
    while True:
        try:
            yield next(run)
        except SystemUnavailable:
            return


@pytest.mark.fault(58)
def test_an_error_that_nobody_foresaw_is_its_tasks_own_and_the_others_end():
    results = dict(pool(lambda number: 1 / number).run([1, 0, 2]))
    assert isinstance(results[0], Unforeseen)
    assert "ZeroDivisionError" in results[0].trace
    assert (results[1], results[2]) == (1, 0.5)


def test_while_nothing_ends_the_caller_hears_of_it_in_its_own_thread():
    heard, enough = [], threading.Event()

    def on_idle():
        heard.append(threading.current_thread())
        if len(heard) == 3:
            enough.set()

    list(pool(lambda _: enough.wait(), on_idle=on_idle, idle_s=0.001).run([1]))
    assert heard[:3] == [threading.main_thread()] * 3


def test_progress_says_files_bytes_and_rate():
    progress = Progress(3)
    progress.downloaded(5_000_000)
    progress.uploaded(2_000_000)
    progress.finished_file()
    assert str(progress).startswith("1 of 3 files done, 5.0 MB downloaded, 2.0 MB uploaded, ")
    assert str(progress).endswith(" MB/s")
