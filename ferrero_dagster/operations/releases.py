"""Second chances for files and messages that were set aside (SPEC 4.5, 8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.campaign_resets import find_campaigns
from ferrero_dagster.operations.changes import Change, Outcome, Request, carry_out
from ferrero_dagster.tracking import outbox, rounds, transfers
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.outbox import Message
from ferrero_dagster.tracking.transfers import SetAsideFile


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSelection:
    """Set-aside files by tracking ID, by exact name or by campaign (id, number, name or partition), or all of them."""

    tracking_ids: Sequence[str] = ()
    file_names: Sequence[str] = ()
    campaigns: Sequence[str] = ()
    everything: bool = False


def release_set_aside_files(database: Database, selection: FileSelection, request: Request) -> Outcome:
    """Let the next run try the selected files as if for the first time, both directions; idempotent.

    Raises:
        OperationRefused: nothing is selected, or something that is not set aside; nothing was changed.
    """

    def plan(cursor: Cursor) -> list[Change]:
        return [_file_change(file) for file in _selected_files(cursor, selection)]

    return carry_out(database, "release_set_aside_files", request, plan)


def _selected_files(cursor: Cursor, selection: FileSelection) -> list[SetAsideFile]:
    files = transfers.set_aside_files(cursor)
    campaign_ids = {campaign.id: str(campaign) for campaign in find_campaigns(cursor, selection.campaigns)}
    wanted = [
        *(("tracking_id", word, f"tracking ID {word}") for word in _words(selection.tracking_ids)),
        *(("source_name", word, f"the name {word!r}") for word in _words(selection.file_names)),
        *(("campaign_id", id_, f"the campaign {name}") for id_, name in campaign_ids.items()),
    ]
    if bool(wanted) == selection.everything:
        raise OperationRefused(
            "Choose either all set-aside files, or some by tracking ID, file name or campaign. Nothing was changed."
        )
    missing = [label for field, value, label in wanted if not any(getattr(file, field) == value for file in files)]
    if missing:
        raise OperationRefused(f"No file with {' and none with '.join(missing)} is set aside. Nothing was changed.")
    return [
        file
        for file in files
        if selection.everything or any(getattr(file, field) == value for field, value, _ in wanted)
    ]


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for word in given if word.strip()]


def _file_change(file: SetAsideFile) -> Change:
    return Change(
        target=f"{file.route}: {file.source_name} ({file.tracking_id})",
        before={"state": "set aside", "attempts": file.attempts, "reason": file.last_error},
        after={"state": "pending", "attempts": 0, "reason": file.last_error},
        apply=partial(_release, file=file),
    )


def _release(cursor: Cursor, file: SetAsideFile) -> None:
    transfers.release(cursor, file.id)
    rounds.forgive_failures(cursor, file.route, [file.campaign_id])


def resend_notifications(
    database: Database, request: Request, *, ids: Sequence[int] = (), everything: bool = False
) -> Outcome:
    """Send messages again: all that were set aside, or some by their number, which may have been sent before.

    Raises:
        OperationRefused: nothing is selected, or a number that no message has; nothing was changed.
    """
    if bool(ids) == everything:
        raise OperationRefused(
            "Choose either all set-aside messages, or some by their numbers as status shows them. Nothing was changed."
        )

    def plan(cursor: Cursor) -> Iterator[Change]:
        found = _set_aside(cursor) if everything else outbox.messages(cursor, ids)
        missing = sorted(set(ids) - {message.id for message in found})
        if missing:
            raise OperationRefused(f"There is no message {', '.join(map(str, missing))}. Nothing was changed.")
        yield from map(_message_change, found)

    return carry_out(database, "resend_notifications", request, plan)


def _set_aside(cursor: Cursor) -> list[Message]:
    return [message for message in outbox.unsent_messages(cursor) if message.state == "set_aside"]


def _message_change(message: Message) -> Change:
    return Change(
        target=f"{message.id}: {message.template} by {message.channel}",
        before={"state": message.state.replace("_", " "), "attempts": message.attempts, "reason": message.last_error},
        after={"state": "waiting", "attempts": 0, "reason": None},
        apply=partial(outbox.resend, message_id=message.id),
    )
