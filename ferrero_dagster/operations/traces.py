"""The whole life of a file: from the DAM to Box, to the agency, and back, with mails and what people did by hand."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ferrero_dagster.domain.custody import CustodyEvent, agency_file_events, transfer_events
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.tracking import campaigns, file_events, operations, outbox, rounds
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.file_events import FileEvent, TracedFile

_IN_WORDS = {"transfers": transfer_events, "agency_files": agency_file_events}
_ENDS = {"advanced": "status set", "overtaken": "status changed by a person"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """A file's life: the transfers of it, and what happened, the latest last."""

    files: Sequence[TracedFile]
    events: Sequence[CustodyEvent]


def trace(database: Database, word: str) -> Trace:
    """The life of what has this tracking ID, id in the DAM or in Box, or name; a master with all its finals.

    A file of the agency that was refused and renamed is one file.

    Raises:
        OperationRefused: nothing has it.
    """
    found = database.transact(_traced, word.strip())
    if not found.events:
        raise OperationRefused(
            f"Nothing is known of {word!r}; name a file by its tracking ID, its id in the DAM or in Box, or its name."
        )
    return found


def _traced(cursor: Cursor, word: str) -> Trace:
    files = file_events.traced_files(cursor, word)
    versions = file_events.agency_versions(cursor, word, [file.source_id for file in files])
    changes = file_events.events_of(cursor, [file.id for file in files], [row for row, _, _ in versions])
    happened = _in_words(changes)
    ids = {file.tracking_id for file in files}
    names = {file.source_name for file in files} | {name for _, _, name in versions}
    happened += _messages(cursor, ids, names)
    happened += _by_hand(cursor, [*ids, *{file.campaign_id for file in files}])
    happened += _statuses(cursor, files)
    return Trace(files=files, events=sorted(happened, key=lambda event: event.at))


def lives_so_far(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> dict[TrackingId, list[CustodyEvent]]:
    """What happened to masters and their finals themselves; mails, statuses and people's doings are left to `trace`."""
    happened = file_events.events_of_masters(cursor, tracking_ids)
    return {tracking_id: _in_words(changes) for tracking_id, changes in happened.items()}


def _in_words(changes: Iterable[FileEvent]) -> list[CustodyEvent]:
    return [
        CustodyEvent(at=change.at, what=what, details=details)
        for change in changes
        for what, details in _IN_WORDS[change.file_table](change.changed)
    ]


def _messages(cursor: Cursor, ids: Iterable[str], names: Iterable[str]) -> Iterator[CustodyEvent]:
    for message, sent_at, delivered_to in outbox.messages_about(cursor, list(ids), list(names)):
        what, about = message.channel, f"{message.template} (message {message.id})"
        if sent_at:
            yield CustodyEvent(at=sent_at, what=f"{what} delivered", details=f"{about} to {', '.join(delivered_to)}")
        else:
            state = message.state.replace("_", " ")
            yield CustodyEvent(at=message.created_at, what=f"{what} {state}", details=about)


def _by_hand(cursor: Cursor, words: list[str]) -> Iterator[CustodyEvent]:
    for done in operations.operations_on(cursor, words) if words else ():
        yield CustodyEvent(at=done.at, what=done.operation, details=done.target, done_by=done.done_by)


def _statuses(cursor: Cursor, files: Sequence[TracedFile]) -> Iterator[CustodyEvent]:
    known = {campaign.id: campaign for campaign in campaigns.known(cursor, {file.campaign_id for file in files})}
    ended = rounds.ended_rounds(cursor, {file.route for file in files}, {file.campaign_id for file in files})
    for one in ended:
        about = _about(known.get(one.campaign_id), one.campaign_id)
        yield CustodyEvent(
            at=one.closed_at, what=_ENDS[one.outcome], details=f"{about}, {one.route}", done_by=one.advancing_by
        )


def _about(campaign: Campaign | None, campaign_id: str) -> str:
    return str(campaign) if campaign else f"campaign {campaign_id}"
