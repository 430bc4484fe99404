"""Imported last by the process from which runs are forked, and by no other: makes it ready for that."""

import gc
import signal

# Who stops a service tells all of its processes. This one stays until code server and runs have gone, as it tells the
# code server how they ended.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# What is here stays: no run has to look through it for what it may throw away.
gc.freeze()
