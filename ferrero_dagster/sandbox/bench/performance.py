"""The text of `docs/PERFORMANCE.md`, of what was measured."""

import os
import platform
from collections.abc import Sequence

from ferrero_dagster.sandbox.bench.looks import LookRow
from ferrero_dagster.sandbox.bench.measuring import Row
from ferrero_dagster.sandbox.bench.run_start import RunStart

_TEXT = """\
# Performance

How fast files move, beside a plain script and an ideal copier, as `make bench WRITE=1` measured it on a machine of
{cpus} processors with Python {python}. The seconds are this machine's, and of this hour: stand-ins, PostgreSQL and the
run share its processors. The ratios are what to look at, and the counts, which are the same everywhere.

- **Plain script**: one call after the other, each file's metadata by themselves, as the cron scripts did.
- **Ideal copier**: the same calls, {at_once} files at once, hashes on the way; it remembers nothing, compares nothing,
  tells nobody.
- **We**: a run of the job in a process of its own, from the start of its step until its last file is where it belongs.
  *Whole run* begins before Dagster makes the run, but not with the imports, and goes to its end: the status is set, and
  the mails, one for each final, have left.

The ideal copier and we move {turns} batches each, in turn; the row shows the median of both.

{files}

Looks of the sensors at a folder and at a DAM that nobody has looked at before: seconds, calls to Box or the DAM, our
statements. Dagster gives a tick 60 s, `looks.budget_s` a look 45 s; what it does not get through the next one does.

{looks}

{start}

## At Box's limits

Box takes 240 uploads and 1,000 calls a minute. `make workers ONLY=limits` had 20 campaigns of 50 masters, and then a
final for each, moved by one worker and by two, each with two runs at once, under Dagster's daemon, queue and Celery, on
the same two processors as all stand-ins. The minutes are those from the first file to the last.

| workers, files | files in each minute | answers 429 | calls a file | processor: runs, PostgreSQL, Dagster, stand-ins |
| --- | --- | --- | --- | --- |
| 1, masters | 237, 237, 237, 237 | 0 of 1,098 | 1.1 | 40, 28, 34, 27 s in 251 s |
| 2, masters | 237, 237, 237, 237 | 0 of 1,088 | 1.1 | 40, 29, 34, 37 s in 255 s |
| 1, finals | 307, 310, 303 | 0 of 3,048 | 3.05 | 80, 33, 35, 46 s in 202 s |
| 2, finals | 299, 313, 309 | 0 of 3,060 | 3.06 | 65, 28, 26, 45 s in 201 s |

- Masters are Box's uploads. Of its 240 we use 237 in any 61 seconds: three are left to people, a second to what is late
  on its way.
- Finals are no uploads in Box: a download, a look whether the file is as it was, and a deletion. Its calls limit them:
  of 1,000 a minute 50 are left to looks and people, which makes 306 finals a minute. One whose score stands neither in
  the table nor in what the look shows costs one call more; that makes 234 a minute.
- A second worker changes nothing here: the limit is Box's, not ours.

## How to read it

- *× plain* is how many times as fast as the plain script we are, *of ideal* which part of the ideal copier's speed we
  reach.
- Calls and statements are per file, the run's own among them: it reads the campaign, lists folders and sets a status,
  however many files there are.
- More files at once help where a call takes long. A run begins with 4 and doubles that up to `transfer.threads` as long
  as not fewer move, and compares from time to time; Box and the DAM are asked no faster than their limits allow, by all
  runs together.
- A run that Dagster's daemon launches is forked from a process that has imported the program (PRODUCTION.md); what a
  person or Kubernetes starts imports it first.
- Before its step starts Dagster makes a run and plans it. That is in *whole run*, not in what moving takes; logging in
  to the DAM and Box, and reading the campaign, are.
- Processors count as much as calls here: the stand-ins make 200 KB of metadata for each asset, PostgreSQL compresses
  them, and both share two processors with the run. That is why at 40 ms even the ideal copier, 16 masters at once, is
  not nearly 16 times as fast as the plain script, and why a shorter latency makes all ratios worse, a longer one
  better.
- How fast such a machine's processors are differs by the hour: imports took 1.7 to 3.1 s on some days, masters at 40 ms
  took us 3.5 to 7 s, which is 8 to 4 times as fast as the plain script, and finals 9 to 17 s.
- PostgreSQL here has no lz4. Where it has, as Debian's has, writing a master's metadata costs it 4.9 ms instead
  of 8.5.
- *CPU a file* is the run's processor time, its start (imports mostly) and the mails of finals among it. In one process
  Python does one thing at a time, so about as much as is left without those two is what a file takes at least.
"""


def written(rows: Sequence[Row], looks: Sequence[LookRow], start: RunStart) -> str:
    """The whole document."""
    return _TEXT.format(
        cpus=os.cpu_count(),
        python=platform.python_version(),
        at_once=Row.AT_ONCE,
        turns=max(len(row.turns) for row in rows),
        files=_table(Row.HEAD, [row.cells for row in rows]),
        looks=_table(LookRow.HEAD, [row.cells for row in looks]),
        start=_table(RunStart.HEAD, start.rows),
    )


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---" for _ in head], *lines))
