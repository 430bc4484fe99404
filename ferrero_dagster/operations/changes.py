"""Every operation has one shape: see what would change, then change and record it in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.tracking import operations
from ferrero_dagster.tracking.database import Cursor, Database

Values = dict[str, str | int | bool | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Who asks, and whether only to see what would be done."""

    done_by: str
    dry_run: bool = True
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that an operation changes; `target` names it for people."""

    target: str
    before: Values
    after: Values
    apply: Callable[[Cursor], None] = field(repr=False, compare=False)

    def row(self) -> dict[str, str]:
        """The change as a line of a table: only what differs."""
        names = [name for name in self.before if self.before[name] != self.after[name]]
        return {
            "what": self.target,
            "before": ", ".join(_words(name, self.before[name]) for name in names),
            "after": ", ".join(_words(name, self.after[name]) for name in names),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What an operation changed, or in a dry run would change."""

    operation: str
    dry_run: bool
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        if not self.changes:
            return "There is nothing to change."
        verb = "would be changed; this was a dry run" if self.dry_run else "changed"
        return f"{len(self.changes)} {verb}."

    def as_json(self) -> dict[str, Any]:
        """The outcome for scripts."""
        changes = [{"target": c.target, "before": c.before, "after": c.after} for c in self.changes]
        return {"operation": self.operation, "dry_run": self.dry_run, "changes": changes}


def carry_out(
    database: Database, operation: str, request: Request, plan: Callable[[Cursor], Iterable[Change]]
) -> Outcome:
    """Plan, and unless it is a dry run apply and record, in one transaction.

    Raises:
        OperationRefused: nobody is named as the one who asks, or `plan` refuses.
    """
    if not request.done_by.strip():
        raise OperationRefused("done_by is empty; write your name there, it is recorded with what you do.")

    def work(cursor: Cursor) -> tuple[Change, ...]:
        changes = tuple(plan(cursor))
        for change in () if request.dry_run else changes:
            change.apply(cursor)
            operations.record(
                cursor,
                operation=operation,
                done_by=request.done_by.strip(),
                target=change.target,
                before=change.before,
                after=change.after,
                run_id=request.run_id,
            )
        return changes

    return Outcome(operation=operation, dry_run=request.dry_run, changes=database.transact(work))


def _words(name: str, value: str | int | bool | None) -> str:
    if value is None:
        return f"no {name}"
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name}: {value}"
