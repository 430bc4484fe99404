"""Which test shows what happens after which fault: docs/FAULTS.md, made from the tests' marks `@pytest.mark.fault(11)`.

`make faults` writes the page. A test shows the way back where its file's name or room says so, else the way out.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "FAULTS.md"

FAULTS = {
    1: "DAM 401 in the middle of a run",
    2: "token expires during a download or between parts",
    3: "bad credentials, revoked app",
    4: "connection reset at byte N",
    5: "truncated body without Content-Length",
    6: "wrong Content-Length",
    7: "a log-in page instead of the file",
    8: "checksum mismatch at the destination",
    9: "DAM gives no checksum",
    10: "429 with Retry-After of any kind",
    11: "5xx for 30 s, for 30 min",
    12: "slow-loris, silence after headers",
    13: "connect timeout, DNS, TLS",
    14: "Box 409, same SHA-1",
    15: "Box 409, other SHA-1",
    16: "`conflicts` an object or a list",
    17: "upload committed, answer lost",
    18: "chunked commit, answer lost",
    19: "commit 202 again and again, `parts_mismatch`",
    20: "part repeated, 416",
    21: "upload session expired",
    22: "source changes while it is moved",
    23: "a retry with a consumed stream",
    24: "preflight passes, then a conflict",
    25: "download right after upload: 202, 404",
    26: "download address expired in a queue",
    27: "PostgreSQL down after the upload",
    28: "connection killed, serialization, deadlock",
    29: "commit outcome unknown",
    30: "SIGKILL between every two steps",
    31: "told to stop during a transfer",
    32: "temporary files left by a reboot",
    33: "two ticks race",
    34: "same run key twice",
    35: "run launched by hand beside another",
    36: "two daemons",
    37: "paused worker wakes after another took over",
    38: "campaign opened again",
    39: "campaign cancelled or deleted meanwhile",
    40: "PATCH 200, value not applied",
    41: "PATCH applied, answer lost",
    42: "status changed by a person meanwhile",
    43: "webhook 500, 410, timeout",
    44: "SMTP refused, greylisted, answer lost",
    45: "disk full, read-only, quota",
    46: "zero-byte asset",
    47: "same name twice, names differing in case",
    48: "Unicode, 300 characters, reserved names",
    49: "path traversal",
    50: "tracking-ID collision, missing master",
    51: "two derivatives, derivative before master",
    52: "metadata of 200 KB, malformed, missing",
    53: "clock skew",
    54: "DST, year end, leap day",
    55: "10,000 files, listing changes while paging",
    56: "report fails, nothing ran at all",
    57: "answers of another form: types, keys, nesting, sizes",
    58: "an error that nobody foresaw",
    59: "numbers and texts that PostgreSQL or Dagster refuse",
    60: "an import is refused, cut, in doubt, or its job fails",
    61: "a change is sent twice: status, metadata, lock, check-out, folder, mail",
    62: "Box does not delete what has arrived",
    63: "what is no film, or still being written",
    64: "mail addresses, log-ins put off",
    65: "Make.com's scenario off, its queue full",
    66: "folder and file names as people type them",
    67: "pool in transaction mode, forms of a database's address",
    68: "temporary directory without locks, full, read-only, gone",
    69: "media turned, with odd pixels, cut off, hostile",
    70: "small things: dates, byte order marks, formulas, trashed folders, plain ports",
    71: "answers so slow that a tick's time is over, also byte by byte",
    72: "somebody's lock, a server that takes us in and keeps silent, work without end",
    73: "one stubborn file: a system fails it and answers all else",
    74: "the customer's database has rules of its own: CHECK, ENUM, narrow columns, encodings, triggers, rights",
    75: "the session that holds a campaign's lock is ended: idle limits, firewalls, an administrator",
    76: "red ticks, daemons that are silent, failed checks",
    77: "a run whose host died, whatever started it; runs deleted, cancelled, backfilled, executed again",
    78: "contents labelled as packed, or packed on the way",
    79: "a folder dropped into the agency's folder, with films that nobody looks at",
    80: "small things: terminals without characters, mails too large, refused folder names",
    81: "a download is cut, and the server goes on with it, does not, or goes on wrongly; its source changes meanwhile",
    82: "several processes at the limits of Box or the DAM; one told to wait, one killed; PostgreSQL slow or out",
    83: "an upload in parts is cut off: killed, session expired, part refused, of another file, name taken meanwhile",
    84: "events of Box that come late, twice, in part or never, or that we may not read",
}

OUT, BACK = "DAM → Box, messages, report", "Box → DAM"
#: What a file of tests about the way back has in its path.
OF_THE_WAY_BACK = ("finals", "agency", "imports", "filenames")

#: What no mark can say: why a fault cannot happen, or how it ends.
REMARKS = {
    (9, BACK): "what arrived is recognized by its size",
    (24, OUT): "no preflight is asked for; a conflict is met as in 14 and 15",
    (25, OUT): "DAM → Box downloads from the DAM only",
    (26, OUT): "DAM → Box asks for each address when the download begins",
    (36, OUT): "harmless: the same run keys, the same locks",
    (46, OUT): "told once, never moved",
    (49, BACK): "names are V2 names or refused",
    (53, OUT): "there is no wall-clock cursor; pauses are counted by PostgreSQL's clock",
}

#: What cannot happen here, as its remark says.
WITHOUT_TEST = {24}

HEAD = f"""# What goes wrong, and which test shows what happens then

Each fault is injected for real: servers on loopback that misbehave, a killed process, a stopped PostgreSQL. After it
the state of DAM, Box, PostgreSQL and outbox equals that of the same work without the fault; beyond single faults
`test_after_any_faults_in_any_order_the_end_is_the_same` makes random schedules. The table is made from the marks of the
tests, such as `@pytest.mark.fault(11)`; after a change of them `make faults` writes it anew.

| # | fault | {OUT} | {BACK} |
|---|---|---|---|
"""


def marks() -> Iterator[tuple[int, str, str]]:
    """Every mark as fault, column and name of the test, in the order of files and lines."""
    for path in sorted(TESTS.rglob("test_*.py")):
        back = any(part in str(path.relative_to(TESTS)) for part in OF_THE_WAY_BACK)
        for test in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(test, ast.FunctionDef):
                yield from ((number, BACK if back else OUT, test.name) for number in _numbers(test))


def _numbers(test: ast.FunctionDef) -> list[int]:
    calls = [node for decorator in test.decorator_list for node in ast.walk(decorator) if isinstance(node, ast.Call)]
    return [
        ast.literal_eval(argument)
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.fault"
        for argument in call.args
    ]


def page() -> str:
    """The whole of docs/FAULTS.md."""
    found = list(marks())
    rows = (f"| {n} | {fault} | {_cell(found, n, OUT)} | {_cell(found, n, BACK)} |\n" for n, fault in FAULTS.items())
    return HEAD + "".join(rows)


def _cell(found: list[tuple[int, str, str]], number: int, column: str) -> str:
    # Tests of both clients may have one name.
    tests = ", ".join(dict.fromkeys(f"`{name}`" for *where, name in found if where == [number, column]))
    return ": ".join(part for part in (REMARKS.get((number, column)), tests) if part)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
