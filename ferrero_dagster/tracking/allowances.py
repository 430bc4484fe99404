"""`request_allowances`, `request_pauses`, `parallel_requests`: the turns at each account, shared by all processes.

Only PostgreSQL's clock counts; what processes hear are durations. No transaction lasts longer than its statements.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ferrero_dagster.domain.allowance import Priority, Rate, Standing, Taking, Unused, give_back, take
from ferrero_dagster.tracking import request_counts
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.request_counts import Counted

#: The places of a process that has not been heard of for so long are free again.
PLACES_LIFE_S = 15
_PLACES = "places"


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Requests under way at once: how many all may have, this process has, and wants."""

    of_all: int
    holder: str
    in_use: int
    wanted: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What a process has asked of late, to be added to all that was asked."""

    service: str
    zone: str
    counted: tuple[Counted, ...]
    #: Whether it wants to know of all of the month.
    has_month_limit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a process has to say and wants to know of one account at a service."""

    account: str
    priority: Priority = Priority.REST
    rates: Mapping[str, Rate] = field(default_factory=dict)
    #: Tokens by kind.
    wanted: Mapping[str, int] = field(default_factory=dict)
    #: Of those it had, by kind; others may have them.
    unused: Mapping[str, Unused] = field(default_factory=dict)
    #: The service has told it to wait so long.
    pause_s: float = 0
    places: Places | None = None
    counts: Counts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What it gets."""

    takings: Mapping[str, Taking] = field(default_factory=dict)
    #: Nobody may ask for so long.
    pause_s: float = 0
    places: int = 0
    #: Of all processes, where it was counted and the service has a limit for it.
    month_calls: int | None = None


def exchange(cursor: Cursor, ask: Ask) -> Answer:
    """Tell and ask all at once; done twice, tokens are lost or come back twice, requests count twice."""
    if ask.pause_s:
        _hold(cursor, ask.account, ask.pause_s)
    month_calls = _counted(cursor, ask.counts) if ask.counts else None
    places = _places(cursor, ask.account, ask.places) if ask.places else 0
    # All processes wait for these rows: they are locked late and let go soon.
    takings = _takings(cursor, ask)
    return Answer(takings=takings, places=places, pause_s=_pause_left_s(cursor, ask.account), month_calls=month_calls)


def _counted(cursor: Cursor, counts: Counts) -> int | None:
    if counts.counted:
        request_counts.add(cursor, counts.service, counts.zone, counts.counted)
    return request_counts.calls_of_month(cursor, counts.service, counts.zone) if counts.has_month_limit else None


def _hold(cursor: Cursor, account: str, pause_s: float) -> None:
    cursor.execute(
        """
        INSERT INTO request_pauses AS known (account, until) VALUES (%s, clock_timestamp() + %s * interval '1 s')
        ON CONFLICT (account) DO UPDATE SET until = greatest(known.until, excluded.until)
        """,
        (account, pause_s),
    )


def _pause_left_s(cursor: Cursor, account: str) -> float:
    cursor.execute(
        "SELECT extract(epoch FROM until - clock_timestamp())::float AS s FROM request_pauses WHERE account = %s",
        (account,),
    )
    return max((row["s"] for row in cursor.fetchall()), default=0.0)


def _takings(cursor: Cursor, ask: Ask) -> dict[str, Taking]:
    wanted = {kind: number for kind, number in ask.wanted.items() if number}
    before, now_s = _locked(cursor, ask.account, {*wanted, *ask.unused})
    after = before | {kind: give_back(before[kind], unused) for kind, unused in ask.unused.items()}
    takings = {
        kind: take(ask.rates[kind], after[kind], now_s=now_s, wanted=number, priority=ask.priority)
        for kind, number in wanted.items()
    }
    after |= {kind: taking.standing for kind, taking in takings.items()}
    changed = {kind: standing for kind, standing in after.items() if standing != before[kind]}
    if changed:
        _keep(cursor, ask.account, changed)
    return takings


def _locked(cursor: Cursor, account: str, kinds: Collection[str]) -> tuple[dict[str, Standing], float]:
    """Rows that nobody else reads before we have written them, by kind, and the moment at which they are ours."""
    # The clock is read of rows that are locked: one that is read before would be late by as long as we waited.
    query = """
        WITH locked AS (
            SELECT kind, spent_at, spent, claimed_by, claimed_until FROM request_allowances
            WHERE account = %(account)s AND kind = ANY(%(kinds)s) ORDER BY kind FOR UPDATE
        ) SELECT *, extract(epoch FROM clock_timestamp())::float AS now_s FROM locked
        """
    values = {"account": account, "kinds": list(kinds)}
    if not kinds:
        return {}, 0.0
    cursor.execute(query, values)
    if cursor.rowcount < len(kinds):
        cursor.execute(
            "INSERT INTO request_allowances (account, kind) SELECT %(account)s, unnest(%(kinds)s) "
            "ON CONFLICT DO NOTHING",
            values,
        )
        cursor.execute(query, values)
    rows = cursor.fetchall()
    return {row["kind"]: _standing(row) for row in rows}, max(row["now_s"] for row in rows)


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(
        spent=tuple(zip(row["spent_at"], row["spent"], strict=True)),
        claimed_by=Priority(row["claimed_by"]),
        claimed_until_s=row["claimed_until"],
    )


def _keep(cursor: Cursor, account: str, standings: Mapping[str, Standing]) -> None:
    new = ", ".join(["(%s, %s::float[], %s::integer[], %s, %s::float)"] * len(standings))
    values = [
        (
            kind,
            [at_s for at_s, _ in standing.spent],
            [tokens for _, tokens in standing.spent],
            int(standing.claimed_by),
            standing.claimed_until_s,
        )
        for kind, standing in standings.items()
    ]
    cursor.execute(
        f"""
        UPDATE request_allowances AS known
        SET spent_at = new.spent_at, spent = new.spent, claimed_by = new.claimed_by, claimed_until = new.claimed_until
        FROM (VALUES {new}) AS new (kind, spent_at, spent, claimed_by, claimed_until)
        WHERE account = %s AND known.kind = new.kind
        """,
        (*chain.from_iterable(values), account),
    )


def _places(cursor: Cursor, account: str, places: Places) -> int:
    """So many are this process's now: what it wants and others have left, or what it uses already."""
    _locked(cursor, account, [_PLACES])
    cursor.execute(
        """
        SELECT coalesce(sum(places), 0) AS taken FROM parallel_requests
        WHERE account = %s AND holder <> %s AND expires_at > clock_timestamp()
        """,
        (account, places.holder),
    )
    free = places.of_all - int(cursor.fetchall()[0]["taken"])
    got = max(places.in_use, min(places.wanted, free))
    cursor.execute(
        "DELETE FROM parallel_requests WHERE account = %s AND (holder = %s OR expires_at <= clock_timestamp())",
        (account, places.holder),
    )
    if got:
        cursor.execute(
            """
            INSERT INTO parallel_requests (account, holder, places, expires_at)
            VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 s')
            """,
            (account, places.holder, got, PLACES_LIFE_S),
        )
    return got
