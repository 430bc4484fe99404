"""CreativeX: the score and the link that a partner gives a final, in a table or a Box template (SPEC 2, 4.3, 12)."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]{1,4})?\s*%?")
#: No address has them as they are (RFC 3986); whoever shows one that does may not escape them.
_NEVER_IN_URLS = frozenset(' "<>\\`')
_MAX_TEXT, _MAX_URL = 100, 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class CreativeX:
    """What a place says; a value that is missing or malformed is None, and `notes` tells which was malformed."""

    score: float | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()
    #: Which place said it, and there which row; None where that is not known.
    place: str | None = None
    fingerprint: str | None = None
    #: It was given to an earlier version of the final.
    is_old: bool = False

    @property
    def shown_score(self) -> str | None:
        """The score as people read it."""
        return None if self.score is None else f"{self.score:.10g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SentScore:
    """The score that a final goes into the DAM with."""

    creativex: CreativeX
    #: Documents of some asset types have none.
    is_needed: bool
    #: The fields of CreativeX as they are sent, but those that a person set.
    fields: list[dict[str, Any]]

    @property
    def is_missing(self) -> bool:
        """Whether somebody should see to it."""
        return self.is_needed and self.creativex.score is None


@dataclass(frozen=True, kw_only=True, slots=True)
class MasterScore:
    """The score that a master's own metadata hold, as text; `Platform^87` is 87."""

    name: str
    score: str
    url: str | None

    @classmethod
    def of(cls, name: str, scores: Iterable[object], url: object) -> "MasterScore | None":
        """Of the values of the score's field, a row each; None where there is none."""
        rows = [str(score).rpartition("^")[2].strip() for score in scores]
        score = ", ".join(dict.fromkeys(row for row in rows if row))
        return cls(name=name, score=score, url=str(url) if url is not None else None) if score else None


def creativex_of(instance: Mapping[str, Any] | None) -> CreativeX:
    """The values of a raw Box metadata instance (its `$` keys are Box's own), None where the file has no instance."""
    values = instance if isinstance(instance, Mapping) else {}
    return creativex_in({"creativexScore": values.get("creativexScore")}, {"creativexUrl": values.get("creativexUrl")})


def creativex_in(score: Mapping[str, object], url: Mapping[str, object]) -> CreativeX:
    """Both values, each in a mapping under the name that it has where it was found."""
    [(score_name, raw_score)], [(url_name, raw_url)] = score.items(), url.items()
    found = CreativeX(score=_score(raw_score), url=_url(raw_url))
    notes = []
    if raw_score not in (None, "") and found.score is None:
        notes.append(f"{score_name} ignored: expected a number, found {_cut(raw_score)}")
    if raw_url not in (None, "") and found.url is None:
        notes.append(f"{url_name} ignored: expected an http(s) address, found {_cut(raw_url)}")
    return CreativeX(score=found.score, url=found.url, notes=tuple(notes))


def preferred(found: Iterable[CreativeX]) -> CreativeX:
    """Of what several places say the first with a score, else the first with a link; with the notes of all."""
    places = list(found)
    chosen = next((one for one in places if one.score is not None), None)
    chosen = chosen or next((one for one in places if one.url), CreativeX())
    return replace(chosen, notes=tuple(dict.fromkeys(note for one in places for note in one.notes)))


def _cut(value: object) -> str:
    return f"{value!r:.80}"


def _score(value: object) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        is_number = len(text) <= _MAX_TEXT and _NUMBER.fullmatch(text)
        value = float(text.rstrip("% ").replace(",", ".")) if is_number else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        score = float(value)
    except OverflowError:
        return None
    return score if math.isfinite(score) else None


def _url(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _MAX_URL:
        return None
    url = value.strip()
    try:
        parts = urlsplit(url)
        is_place = parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return None
    is_address = is_place and parts.scheme in {"http", "https"} and url.isprintable()
    return url if is_address and not _NEVER_IN_URLS & {*url} else None
