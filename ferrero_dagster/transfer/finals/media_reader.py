"""Reads what a media file says of itself, in a process of its own: `python -m … PATH` prints it as JSON.

The files are the agency's, and their parsers are not ours: a file that makes one loop or grow ends this process alone.
"""

import json
import os
import resource
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

#: Of pictures nothing but the head is read; what MediaInfo sees of them is less.
_PICTURES = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PSD", "TIFF", "WEBP")
_CPU_S = 20
_MEMORY_BYTES = 1 << 30
_ORIENTATION = 0x0112
#: EXIF orientations, and degrees of a film's display matrix, by which width and height change places.
_TURNED_EXIF, _TURNED_DEGREES = (5, 6, 7, 8), (90, 270)
#: What stands at the end of a whole picture, and where it is looked for.
_ENDS = {"PNG": b"IEND", "JPEG": b"\xff\xd9", "GIF": b"\x00;"}
_TAIL_BYTES = 1 << 16
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257

Facts = dict[str, Any]


def read(path: str) -> Facts:
    """`width`, `height` (pixels as people see them) and `duration` (seconds), as far as known, and `known` or not."""
    return _picture(path) or _film(path)


def _picture(path: str) -> Facts | None:
    from PIL import Image  # noqa: PLC0415  # only after the limits are set

    Image.MAX_IMAGE_PIXELS = None  # nothing is unpacked here
    try:
        with Image.open(path, formats=_PICTURES) as image:
            width, height = image.size
            tags = getattr(image, "tag_v2", {})
            # Pillow turns a TIFF by itself.
            width, height = tags.get(_TIFF_WIDTH, width), tags.get(_TIFF_HEIGHT, height)
            # To find the tags of some PNGs Pillow would unpack them.
            is_cheap = image.format != "PNG" or "exif" in image.info
            orientation = image.getexif().get(_ORIENTATION) if is_cheap else None
            is_cut_off = _is_without_end(path, str(image.format))
    except Exception:  # noqa: BLE001  # what Pillow's parsers trip over MediaInfo may read
        return None
    return _seen(width, height, is_turned=orientation in _TURNED_EXIF) | {"cut_off": is_cut_off}


def _is_without_end(path: str, kind: str) -> bool:
    """Whether a picture lacks the mark that ends its kind; programs may write more behind it."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    return kind in _ENDS and _ENDS[kind] not in tail


def _film(path: str) -> Facts:
    from pymediainfo import MediaInfo  # noqa: PLC0415  # as above

    tracks = MediaInfo.parse(path).tracks
    general: Any = next((track for track in tracks if track.track_type == "General"), None)
    picture: Any = next((t for t in tracks if t.track_type in {"Video", "Image"} and t.width and t.height), None)
    duration_ms = (picture and picture.duration) or (general and general.duration)
    facts: Facts = {"known": bool(picture) or _has_no_picture(general), "cut_off": _is_cut_off(general)}
    if duration_ms:
        facts["duration"] = round(float(duration_ms) / 1000, 3)
    return facts | (_seen_film(picture) if picture else {})


def _has_no_picture(general: Any) -> bool:
    """Whether it is a file of a kind that has none, such as a recording or an archive."""
    kind = str(general.internet_media_type or "") if general else ""
    return bool(general and general.format not in {None, "WebP"}) and not kind.startswith(("image/", "video/"))


def _is_cut_off(general: Any) -> bool:
    return general is not None and str(general.istruncated).lower() == "yes"


def _seen_film(picture: Any) -> Facts:
    # A film that is shown mirrored has a negative one.
    width = round(int(picture.width) * abs(Fraction(str(picture.pixel_aspect_ratio or 1))))
    is_turned = round(float(picture.rotation or 0)) % 360 in _TURNED_DEGREES
    return _seen(width, int(picture.height), is_turned=is_turned)


def _seen(width: int, height: int, *, is_turned: bool) -> Facts:
    shown = (height, width) if is_turned else (width, height)
    return {"known": True, "width": shown[0], "height": shown[1]}


def _limit() -> None:
    limits = {
        resource.RLIMIT_CPU: _CPU_S,
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    _limit()
    sys.stdout.write(json.dumps(read(sys.argv[1])))
