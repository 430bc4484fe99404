"""Numbers, sizes and durations read as people say them."""

from ferrero_dagster.domain.words import counted, minutes, size_in_words


def test_one_is_singular_and_all_others_are_plural():
    assert [counted(n, "file") for n in (0, 1, 2, 1000)] == ["0 files", "1 file", "2 files", "1,000 files"]
    assert [counted(n, "file", "was", "were") for n in (1, 2)] == ["1 file was", "2 files were"]


def test_times_are_said_as_people_do():
    assert [minutes(s) for s in (0, 89, 90, 600)] == ["0 s", "89 s", "2 min", "10 min"]


def test_sizes_are_told_in_the_unit_that_shows_them():
    sizes = (0, 1, 999.6, 38_200, 999_600, 1_540_000, 2e9)
    told = ["0 bytes", "1 byte", "1 kB", "38 kB", "1.0 MB", "1.5 MB", "2,000.0 MB"]
    assert [size_in_words(size) for size in sizes] == told
