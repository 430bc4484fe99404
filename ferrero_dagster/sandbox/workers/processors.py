"""What processors have done for the processes of the show, as Linux counts it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ferrero_dagster.sandbox.soak.stage import descendants

#: Of /proc/PID/stat, after the name: own time in the program and in the kernel, and that of children that have ended.
_TIMES = slice(11, 15)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def used_s(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Seconds so far by the name of a group of processes and all that these have started; of this process, too."""
    return {"stand-ins": _own_s(os.getpid()), **{name: sum(map(_tree_s, pids)) for name, pids in groups.items()}}


def _tree_s(pid: int) -> float:
    return sum(map(_own_s, (pid, *descendants(pid))))


def _own_s(pid: int) -> float:
    """Of a process and of its children that have ended; 0 where it is gone."""
    with suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[_TIMES])) / _TICKS_PER_S
    return 0.0
