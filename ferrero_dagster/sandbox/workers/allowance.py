"""20 campaigns of 50 files at once under Box's limits: is what it allows used from the first minute to the last?"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ferrero_dagster.sandbox.box import BoxSettings
from ferrero_dagster.sandbox.faults import Fault, Seen
from ferrero_dagster.sandbox.many_files import add_campaign, deliver_finals
from ferrero_dagster.sandbox.soak.findings import Finding, exactly
from ferrero_dagster.sandbox.soak.stage import Stage, until
from ferrero_dagster.sandbox.workers.processors import used_s

CAMPAIGNS, FILES_EACH = 20, 50
_SIZE_BYTES = 20_000
_MINUTE_S = 60
_PATIENCE_S = 1200
#: Of what Box takes in a minute; and of its answers those that are refusals.
_LEAST_SHARE, _MOST_REFUSED = 0.95, 0.005
#: Of the files those that may wait out a pause of their own, as after an answer of the DAM that was lost.
_LATE_SHARE = 0.01
_TOO_MANY = 429
#: What Box is asked once for each file, and answers with this when it is done.
_UPLOAD, _UPLOADED = Fault(method="POST", path="/content$"), 201
_DELETION, _DELETED = Fault(method="DELETE", path=r"/files/\d+$"), 204
#: Requests that count for Box's limits: no log-ins, and not the bytes of a download.
_CALL = Fault(path="/2.0/")
#: As finals carry it that CreativeX has scored.
_SCORE = {"creativexScore": 81, "creativexUrl": "https://creativex.example/score/81"}
_ARRIVED = """
SELECT count(DISTINCT tracking_id) FROM derivative_assets
WHERE tracking_id IN (SELECT tracking_id FROM master_assets WHERE campaign_id = ANY(%(ids)s))
"""


def at_the_limit(stage: Stage, who: str, groups: Mapping[str, Sequence[int]]) -> Iterator[Finding]:
    """Masters, and then a final for each; `groups` are the processes that may use the processors, by what they are."""
    world, files = stage.world, CAMPAIGNS * FILES_EACH
    ids = [add_campaign(world, files=FILES_EACH, size_bytes=_SIZE_BYTES) for _ in range(CAMPAIGNS)]
    masters = _Direction(stage, f"{who}, masters", _UPLOAD, _UPLOADED)
    yield from masters.findings(lambda: stage.moved(ids) == CAMPAIGNS, groups)
    yield exactly(f"{who}, masters: files in Box, each once", files, stage.files_in_box(ids))
    for id_ in ids:
        deliver_finals(world, id_, size_bytes=_SIZE_BYTES, template=_SCORE)
    finals = _Direction(stage, f"{who}, finals", _DELETION, _DELETED)
    yield from finals.findings(lambda: not world.box.items(stage.inbox_id), groups)
    yield exactly(f"{who}, finals: masters with a final in the DAM", files, stage.sql(_ARRIVED, ids=ids)[0][0])


@dataclass(frozen=True)
class _Direction:
    stage: Stage
    name: str
    asked: Fault
    answered: int

    def findings(self, is_over: Callable[[], bool], groups: Mapping[str, Sequence[int]]) -> Iterator[Finding]:
        """What Box is asked from now until it is over, and what that costs."""
        world, used, began_s = self.stage.world, used_s(groups), time.monotonic()
        before = len(world.boards["Box"].seen)
        until(is_over, _PATIENCE_S)
        took_s = time.monotonic() - began_s
        seen = [one for one in world.boards["Box"].seen[before:] if _CALL.matches(one.method, one.path)]
        done = [one for one in seen if self._is_done(one)]
        yield each_minute(self.name, [one.at_s for one in done], world.box_settings)
        yield refused(self.name, seen)
        yield calls_each(self.name, len(seen), len(done), world.box_settings)
        spent = {name: seconds - used[name] for name, seconds in used_s(groups).items()}
        yield processors(self.name, spent, took_s)

    def _is_done(self, seen: Seen) -> bool:
        return seen.status == self.answered and self.asked.matches(seen.method, seen.path)


def whole_minutes(moments: Sequence[float]) -> list[int]:
    """How many there were in each whole minute from the first to the last one, but for those that came late."""
    in_time = sorted(moments)[: len(moments) - int(_LATE_SHARE * len(moments))]
    since_s = [one - in_time[0] for one in in_time]
    counted = Counter(int(one // _MINUTE_S) for one in since_s)
    return [counted[minute] for minute in range(int(max(since_s, default=0) // _MINUTE_S))]


def each_minute(name: str, moments: Sequence[float], settings: BoxSettings) -> Finding:
    """The minutes from the first to the last file had nearly all that Box takes."""
    limit, minutes = settings.uploads_per_minute, whole_minutes(moments)
    least, mean = _LEAST_SHARE * limit, sum(minutes) / max(1, len(minutes))
    found = f"{mean:.0f} ({', '.join(map(str, minutes)) or 'less than a minute'})"
    return Finding(f"{name}: files a minute, from the first to the last", f">= {least:.0f}", found, mean >= least)


def refused(name: str, seen: Sequence[Seen]) -> Finding:
    """Box has hardly ever told us to come again later."""
    number = sum(one.status == _TOO_MANY for one in seen)
    found = f"{number} of {len(seen)}"
    return Finding(f"{name}: answers 429", f"<= {_MOST_REFUSED:.1%}", found, number <= _MOST_REFUSED * len(seen))


def calls_each(name: str, calls: int, files: int, settings: BoxSettings) -> Finding:
    """A file costs so few calls that the limit of all calls does not come before that of the uploads."""
    each = calls / max(1, files)
    most = settings.calls_per_minute / settings.uploads_per_minute
    found = f"{each:.2f}, which allows {settings.calls_per_minute / max(each, 1):.0f} files a minute"
    return Finding(f"{name}: calls of a file to Box", f"<= {most:.2f}", found, each <= most)


def processors(name: str, spent_s: Mapping[str, float], took_s: float) -> Finding:
    """What the processors of this machine did meanwhile: where they are at their end, they are the limit."""
    found = ", ".join(f"{group} {seconds:.0f}" for group, seconds in spent_s.items())
    return Finding(f"{name}: processor seconds in {took_s:.0f} s", "any", found, is_right=True)
