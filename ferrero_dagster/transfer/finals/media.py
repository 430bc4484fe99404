"""Reads width, height and duration from a media file; one that cannot be read is moved all the same."""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from ferrero_dagster.domain.otmm.field_rows import MediaFacts


def media_facts(path: Path) -> tuple[MediaFacts, str | None]:
    """What the file says of itself, and a note where it says nothing."""
    from pymediainfo import MediaInfo  # noqa: PLC0415  # loads a shared library: only who moves finals pays

    try:
        tracks = MediaInfo.parse(path).tracks
    except (OSError, RuntimeError, ValueError, ParseError):
        return MediaFacts(), "Its dimensions could not be read."
    pictures = [track for track in tracks if track.track_type in {"Video", "Image"} and track.width]
    if not pictures:
        return MediaFacts(), None if _is_known(tracks) else "Its dimensions could not be read."
    picture = pictures[0]
    duration_ms = picture.duration or next((t.duration for t in tracks if t.track_type == "General"), None)
    return MediaFacts(
        width_px=int(picture.width),
        height_px=int(picture.height) if picture.height else None,
        duration_s=round(float(duration_ms) / 1000, 3) if duration_ms else None,
    ), None


def _is_known(tracks: list[Any]) -> bool:
    return any(track.track_type == "General" and track.format for track in tracks)
