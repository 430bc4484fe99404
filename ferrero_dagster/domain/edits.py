"""What people set for a final before its upload, by field id (contract customer.md 2, 4)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

#: Longer than any field of the DAM; what is longer is a mistake, and no reason to hold up a film.
MAX_LENGTH = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Edits:
    """A person's edits of one final."""

    #: By field id, none of them empty.
    values: Mapping[str, str]
    notes: tuple[str, ...] = ()
    #: The version of the row that they were read from, for the flag; None where there is nothing to flag.
    row: tuple[str, str] | None = None


def names_of(clean_name: str, box_name: str) -> set[str]:
    """The names that a final's edits may be kept under: those in DAM and Box, with extension and without."""
    return {name for whole in (clean_name, box_name) for name in (whole, whole.rpartition(".")[0])}


def edits_of(
    texts: Mapping[str, str | None], *, fields: Mapping[str, str], known_ids: Collection[str], place: str
) -> Edits:
    """The edits that texts by column or key stand for; `fields` and `known_ids` say which field one means.

    An empty text is no edit. One that is longer than MAX_LENGTH is left out with a note.
    """
    named = {fields.get(key, key): text.strip() for key, text in texts.items() if text and text.strip()}
    wanted = {field_id: text for field_id, text in named.items() if field_id in {*fields.values(), *known_ids}}
    long = sorted(field_id for field_id, text in wanted.items() if len(text) > MAX_LENGTH)
    values = {field_id: text for field_id, text in sorted(wanted.items()) if field_id not in long}
    return Edits(
        values=values,
        notes=tuple(
            f"The value of {field_id} in {place} was not used: it is longer than {MAX_LENGTH:,} characters."
            for field_id in long
        ),
    )
