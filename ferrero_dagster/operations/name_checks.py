"""Whether names of the agency would be taken, judged as the sensor judges them, by what masters there are if known."""

from collections.abc import Collection
from dataclasses import dataclass

from ferrero_dagster.domain.filenames import AgencyName, NameProblem, NameProblems, NamingRules, parse_name
from ferrero_dagster.domain.ids import BoxId, TrackingId
from ferrero_dagster.domain.triage import KnownMasters, ListedFile, judge
from ferrero_dagster.tracking import masters
from ferrero_dagster.tracking.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedName:
    """A name, what is wrong with it if anything, and the name that was probably meant."""

    name: str
    read: AgencyName | NameProblems
    problems: tuple[NameProblem, ...] = ()
    meant: str | None = None


def check_by_rules(names: Collection[str], rules: NamingRules) -> list[CheckedName]:
    """The names by the rules alone: what their tracking IDs stand for is not known."""
    return [_by_rules(name, parse_name(name, rules)) for name in names]


def check_by_masters(database: Database, names: Collection[str], rules: NamingRules) -> list[CheckedName]:
    """The names by the rules and by the masters that the tracking database knows.

    Raises:
        FerreroError: the tracking database cannot be asked.
    """
    read = {name: parse_name(name, rules) for name in names}
    ids = {one.tracking_id for one in read.values() if one.tracking_id}
    known = KnownMasters(database.transact(masters.known_masters, ids))
    return [_by_masters(name, result, known) for name, result in read.items()]


def _by_rules(name: str, read: AgencyName | NameProblems) -> CheckedName:
    if isinstance(read, AgencyName):
        return CheckedName(name=name, read=read)
    return CheckedName(name=name, read=read, problems=read.problems, meant=str(read.meant) if read.meant else None)


def _by_masters(name: str, read: AgencyName | NameProblems, known: KnownMasters) -> CheckedName:
    file = ListedFile(id=BoxId("0"), etag="0", name=name, size_bytes=0, sha1_hex="")
    judgement = judge(file, read, known, looks=1, settle_looks=1)
    # A wrong name is told first, what its tracking ID lacks after it.
    reason = (judgement.reason or "").removeprefix(str(read)).strip()
    wrong_id = [_id_problem(read.tracking_id, reason, known)] if read.tracking_id and reason else []
    problems = (*judgement.problems, *wrong_id)
    return CheckedName(name=name, read=read, problems=problems, meant=judgement.corrected_name)


def _id_problem(typed: TrackingId, reason: str, known: KnownMasters) -> NameProblem:
    other = known.spelled_otherwise(typed)
    nearest = other.tracking_id if other else None
    return NameProblem(
        component="tracking ID", position=0, found=typed, expected=reason, nearest=nearest, example=nearest or ""
    )
