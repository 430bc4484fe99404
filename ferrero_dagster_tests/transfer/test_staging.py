"""Files in transit leave nothing behind, wait for room, and a disk that fails is an outage (FAULTS 32, 45, 49)."""

import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable
from ferrero_dagster.transfer.staging import Staging, staging
from ferrero_dagster_tests.transfer.disks import WITHOUT_LOCKS, tiny_disk


def test_a_file_lives_as_long_as_its_room_and_the_directory_as_long_as_the_process_needs_it(tmp_path):
    with staging(tmp_path / "new", reserve_bytes=0) as area:
        with area.room(3) as path:
            path.write_bytes(b"abc")
            assert path.is_relative_to(tmp_path / "new")
        assert not path.exists()
        with pytest.raises(ZeroDivisionError), area.room(3) as path:
            path.write_bytes(bytes(1 // 0))
        assert not path.exists()
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.fault(32)
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_stays(tmp_path):
    dead = subprocess.run(
        [sys.executable, "-c", DIE, str(tmp_path)], capture_output=True, check=False, text=True
    ).stdout.strip()
    assert [path.name for path in tmp_path.iterdir()] == [dead]
    with staging(tmp_path, reserve_bytes=0) as living, living.room(1) as path:
        path.write_bytes(b"x")
        with staging(tmp_path, reserve_bytes=0):
            assert path.read_bytes() == b"x"
            assert not (tmp_path / dead).exists()


DIE = """
import os, pathlib, signal, sys
from ferrero_dagster.transfer.staging import staging
with staging(pathlib.Path(sys.argv[1]), reserve_bytes=0) as area, area.room(1) as path:
    path.write_bytes(b"x")
    print(path.parent.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_that_does_not_fit_beside_the_reserve_is_refused_before_it_is_begun(tmp_path):
    area = Staging(tmp_path, reserve_bytes=10**18)
    with pytest.raises(SystemUnavailable, match=r"has no room for a file of 5 bytes beside the reserve of 1,000,0"):
        area.room(5).__enter__()


@pytest.mark.fault(45)
def test_files_that_fit_only_one_by_one_wait_for_each_other(tmp_path):
    area = Staging(tmp_path, reserve_bytes=0)
    half = area._free_bytes() // 3 * 2
    inside, most = [], []

    def work():
        with area.room(half) as path:
            inside.append(path)
            most.append(len(inside))
            inside.remove(path)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def fill_the_disk(path):
    path.symlink_to("/dev/full")
    path.write_bytes(b"x")


@pytest.mark.fault(45)
def test_a_disk_that_runs_full_or_is_gone_is_an_outage(tmp_path):
    with staging(tmp_path, reserve_bytes=0) as area:
        with pytest.raises(SystemUnavailable, match="No space left on device") as raised, area.room(1) as path:
            fill_the_disk(path)
        assert raised.value.system == "temporary directory"
        area._directory.rename(tmp_path / "moved away")
        with pytest.raises(SystemUnavailable, match="No such file or directory"), area.room(1) as path:
            path.write_bytes(b"x")


@pytest.mark.fault(45)
def test_a_place_that_cannot_be_a_directory_is_a_wrong_setting(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"FERRERO_TEMP_DIR .*/file cannot be used"),
        staging(tmp_path / "file", reserve_bytes=0),
    ):
        pass


@pytest.mark.fault(68)
def test_a_disk_that_cannot_lock_files_is_a_wrong_setting_and_nothing_is_left_on_it(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_LOCKS + TRY, str(tmp_path)], capture_output=True, check=True, text=True
    ).stdout.strip()
    assert said == (
        f"ConfigurationError temporary directory: FERRERO_TEMP_DIR {tmp_path} cannot lock files (No locks available), "
        "as some network file systems cannot; point it at a local disk."
    )
    assert list(tmp_path.iterdir()) == []


TRY = """
import pathlib, sys
from ferrero_dagster.domain.errors import Incident
from ferrero_dagster.transfer.staging import staging
try:
    with staging(pathlib.Path(sys.argv[1]), reserve_bytes=0):
        print("it went well")
except Incident as error:
    print(type(error).__name__, error.system + ":", error)
"""


@pytest.mark.fault(68)
@pytest.mark.parametrize("options", ["size=64k", "nr_inodes=4"])
def test_a_disk_without_bytes_or_inodes_left_is_an_outage_and_no_file_stays_on_it(tmp_path, options):
    def fill(area):
        with ExitStack() as files:
            for _ in range(9):
                files.enter_context(area.room(0)).write_bytes(b"x" * 30_000)

    with tiny_disk(tmp_path / "disk", options) as disk, staging(disk, reserve_bytes=0) as area:
        with pytest.raises(SystemUnavailable, match=f"FERRERO_TEMP_DIR {disk} cannot be used: No space") as raised:
            fill(area)
        assert raised.value.system == "temporary directory"
        assert [path.name for path in disk.glob("*/*")] == ["lock"]


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [("nr_inodes=2", SystemUnavailable, "No space"), ("ro", ConfigurationError, "Read-only")],
)
def test_a_disk_that_is_full_or_read_only_at_the_beginning_is_named_and_left_as_it_was(tmp_path, options, error, words):
    with tiny_disk(tmp_path / "disk", options) as disk:
        named = pytest.raises(error, match=f"FERRERO_TEMP_DIR {disk} cannot be used: {words}")
        with named as raised, staging(disk, reserve_bytes=0):
            pass
        assert raised.value.system == "temporary directory"
        assert list(disk.iterdir()) == []


@pytest.mark.fault(68)
def test_nobody_waits_for_the_room_of_a_file_that_cannot_be_deleted(tmp_path):
    with staging(tmp_path, reserve_bytes=0) as area:
        most = area._free_bytes() // 3 * 2
        with pytest.raises((SystemUnavailable, ConfigurationError)), area.room(most) as path:
            path.mkdir()
        with area.room(most) as path:
            path.write_bytes(b"x")


@pytest.mark.fault(68)
def test_a_directory_that_disappears_in_mid_run_is_an_outage_and_the_next_run_makes_it_anew(tmp_path):
    root = tmp_path / "transit"
    with staging(root, reserve_bytes=0) as area:
        shutil.rmtree(root)
        with pytest.raises(SystemUnavailable, match=f"FERRERO_TEMP_DIR {root} cannot be used: No such"), area.room(1):
            pass
    with staging(root, reserve_bytes=0) as area, area.room(1) as path:
        path.write_bytes(b"x")
