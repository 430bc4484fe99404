"""Runs of a code server begin in a process that has imported everything already.

Dagster starts a new Python for each run, which imports for a second and a half before it does anything. Here runs are
forked from a process that has imported the program and does nothing else. It has one thread, no connections and has
read no setting: a run reads environment and site configuration when it begins, as ever.
"""

import multiprocessing
import sys
from multiprocessing import forkserver

from ferrero_dagster.defs.internals import IMPORTED_BY_RUNS, start_runs_in

#: All that a run imports until its end; the last one is for this alone.
_IMPORTED = [
    *IMPORTED_BY_RUNS,
    "ferrero_dagster.definitions",
    "ferrero_dagster.defs.storage",
    "ferrero_dagster.messages.rendering",
    "ferrero_dagster.tracking.limiter",
    "cryptography.hazmat.backends.openssl.backend",
    "ferrero_dagster.defs.run_parent",
]


def fork_runs() -> None:
    """Let this process do so if it is a code server: `dagster api grpc`, which `dagster code-server` starts, too."""
    is_code_server = sys.argv[1:3] == ["api", "grpc"] and multiprocessing.parent_process() is None
    if sys.platform != "linux" or not is_code_server:
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    start_runs_in(context)
    forkserver.ensure_running()
