"""How much memory a process has had at most."""

from pathlib import Path


def peak_bytes() -> int:
    """Of this process, since its program began.

    What `getrusage` says has also what the process that started it had: it outlasts a new program (getrusage(2)).
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    [peak_kb] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak_kb) * 1024
