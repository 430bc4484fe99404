"""CreativeX: the score and the link that a partner writes into a Box metadata template (SPEC 2, 4.3)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class CreativeX:
    """What the template says; a value that is missing or malformed is None, and `notes` tells which was malformed."""

    score: float | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()


def creativex_of(instance: Mapping[str, Any] | None) -> CreativeX:
    """The values of a raw Box metadata instance (its `$` keys are Box's own), None where the file has no instance."""
    values = instance if isinstance(instance, Mapping) else {}
    raw_score, raw_url = values.get("creativexScore"), values.get("creativexUrl")
    score, url = _score(raw_score), _url(raw_url)
    notes = []
    if raw_score not in (None, "") and score is None:
        notes.append(f"creativexScore ignored: expected a number, found {raw_score!r:.80}")
    if raw_url not in (None, "") and url is None:
        notes.append(f"creativexUrl ignored: expected an http(s) address, found {raw_url!r:.80}")
    return CreativeX(score=score, url=url, notes=tuple(notes))


def _score(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    return score if math.isfinite(score) else None


def _url(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    url = value.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    is_address = parts.scheme in {"http", "https"} and parts.hostname and url.isprintable() and " " not in url
    return url if is_address else None
