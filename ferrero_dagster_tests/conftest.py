"""What all tests share: a real PostgreSQL, stand-ins for the DAM and Box, and a clean environment."""

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck

from ferrero_dagster.clients import tokens

# Before anything starts a thread or a session: loopback is never behind a proxy.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# In memory where there is room: each test makes and deletes some 400 files, for its database above all, and ext4 looks
# at every inode that was deleted in the last minutes before it gives one away. That took a fifth of the suite's time.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 8 << 30
_is_ours = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
if _is_ours and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

# The same examples on every machine, however slow it is. To look for new ones: pytest --hypothesis-profile=default
hypothesis.settings.load_profile("ci")
hypothesis.settings.register_profile(
    "thorough", max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(autouse=True)
def _no_log_in_is_left_from_the_test_before() -> None:
    tokens.OF_THIS_PROCESS.forget()


pytest_plugins = [
    "ferrero_dagster_tests.fix_postgres",
    "ferrero_dagster_tests.fix_sandbox",
    "ferrero_dagster_tests.fix_world",
    "ferrero_dagster_tests.fix_dagster",
]
