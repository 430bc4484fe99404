"""How much of what reviewers wrote fits into a mail, and the whole of it as a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ferrero_dagster.messages.enclosures import Attachment
from ferrero_dagster.messages.facts import Comment, Comments

Subject = tuple[str, str | None, Sequence[Comment]]


@dataclass(frozen=True, slots=True)
class CommentLimits:
    """So many characters of each comment, of so many files; None: all."""

    characters: int | None = None
    subjects: int | None = None

    def shown(self, comments: Comments) -> list[Subject]:
        """What is shown, in its order."""
        return list(by_subject(comments))[: self.subjects]

    def cut(self, text: str) -> str:
        """The text as far as it is shown."""
        if self.characters is None or len(text) <= self.characters:
            return text
        return f"{text[: self.characters]}…"

    def is_cut(self, comments: Comments) -> bool:
        """Whether not all of these is shown."""
        is_all = self.shown(comments) == list(by_subject(comments))
        return not is_all or any(self.cut(comment.text) != comment.text for comment in comments.in_all)


#: Tried one after the other until the mail is small enough; nearly always the first will do.
COMMENT_LIMITS = (
    CommentLimits(),
    CommentLimits(20_000, 100),
    CommentLimits(4_000, 40),
    CommentLimits(1_000, 20),
    CommentLimits(200, 20),
)


def by_subject(comments: Comments) -> Iterator[Subject]:
    """What was written about the campaign, then about each file: a title, the file's id in the DAM, the comments."""
    if comments.campaign:
        yield "Of the campaign", None, comments.campaign
    for asset in comments.assets:
        yield asset.name, asset.dam_asset_id, asset.comments


def comments_file(comments: Comments) -> Attachment:
    """All comments as a text file."""
    parts = [
        "\n".join([title, *(f"[{comment.field}]\n{comment.text}" for comment in found)])
        for title, _, found in by_subject(comments)
    ]
    return Attachment(filename="comments.txt", content="\n\n".join(parts).encode("utf-8-sig"), subtype="plain")
