"""Files in transit leave nothing behind, wait for room, and a disk that fails is an outage (FAULTS 32, 45, 49)."""

import subprocess
import sys
import threading

import pytest

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable
from ferrero_dagster.transfer.staging import Staging, staging


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
