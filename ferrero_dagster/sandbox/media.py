"""Sample masters that open in any viewer: pictures, a document, a video, a layered original, a file of 60 MB.

The same name always gives the same bytes.
"""

import hashlib
import math
import random
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

#: Names that contain this word get a file larger than what Box takes in one request.
LARGE = "uncompressed"

_HEADLINES = ("Spring\nmoments", "Share the\nwarmth", "A little\nsurprise", "Golden\nhours", "Coconut\nbreeze")
_COLOURS = ((122, 45, 30), (20, 92, 92), (52, 58, 110), (146, 96, 20), (96, 40, 92), (40, 92, 56))
_CREAM = (252, 244, 228)
_VIDEO_SIZE = (640, 360)
_FRAMES_PER_S = 25
_MADE_AT = time.gmtime(1_767_225_600)


def sample_file(name: str, directory: Path) -> Path:
    """A file whose format follows from the name's ending (else it is text); made once, then kept in `directory`."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    suffix = Path(name).suffix.lower()
    suffix = suffix if suffix in _WRITERS else ".txt"
    path = directory / f"{digest[:16]}{suffix}"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".unfinished{suffix}")
        _WRITERS[suffix](name, unfinished)
        unfinished.replace(path)
    return path


def _write_image(name: str, path: Path) -> None:
    _picture(name).save(path)


def _write_tiff(name: str, path: Path) -> None:
    if LARGE in name.lower():
        _picture(name).resize((5000, 4000), Image.Resampling.NEAREST).save(path)
    else:
        _picture(name).save(path, compression="tiff_lzw")


def _write_pdf(name: str, path: Path) -> None:
    page = _picture(name, (1240, 1754))
    page.save(path, resolution=150, title=name, creationDate=_MADE_AT, modDate=_MADE_AT)


def _write_psd(name: str, path: Path) -> None:
    image = _picture(name)
    # Signature, version, 3 channels of 8 bits, RGB; no palette, resources or layers; one uncompressed picture.
    header = struct.pack(">4sH6xHIIHHIIIH", b"8BPS", 1, 3, image.height, image.width, 8, 3, 0, 0, 0, 0)
    path.write_bytes(header + b"".join(channel.tobytes() for channel in image.split()))


def _write_video(name: str, path: Path) -> None:
    with av.open(path, "w") as video:
        # One thread: the bytes then do not depend on the machine.
        stream = video.add_stream("libx264", _FRAMES_PER_S, {"threads": "1", "preset": "ultrafast", "crf": "28"})
        stream.width, stream.height = _VIDEO_SIZE
        stream.pix_fmt = "yuv420p"
        for image in _frames(name):
            video.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        video.mux(stream.encode())


def _write_text(name: str, path: Path) -> None:
    path.write_text(f"{name}\n", encoding="utf-8")


_WRITERS: dict[str, Callable[[str, Path], None]] = {
    ".png": _write_image,
    ".jpg": _write_image,
    ".tif": _write_tiff,
    ".pdf": _write_pdf,
    ".psd": _write_psd,
    ".mp4": _write_video,
    ".txt": _write_text,
}


def _frames(name: str) -> Iterator[Image.Image]:
    """As many seconds as the name says (`_6S_`), 3 otherwise; a ball rolls by."""
    seconds = re.search(r"_0?([1-9]\d?)S[_.]", name)
    count = _FRAMES_PER_S * int(seconds[1] if seconds else 3)
    scene = _picture(name, _VIDEO_SIZE)
    for number in range(count):
        frame = scene.copy()
        x = 680 * number / count - 20
        ImageDraw.Draw(frame).circle((x, 325 - abs(80 * math.sin(x / 50))), 18, fill=_CREAM, outline=(40, 20, 10))
        yield frame


def _picture(name: str, size: tuple[int, int] = (1600, 1200)) -> Image.Image:
    """A key visual: a ground that grows lighter, a sun, a packshot and a headline."""
    rng = random.Random(name)  # noqa: S311  # decoration
    ground, accent = rng.sample(_COLOURS, 2)
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    width, height = size
    for step in range(24):
        shade = tuple(channel + 3 * step for channel in ground)
        draw.rectangle((width * step // 24, 0, width, height), fill=shade)
    draw.circle((width * 0.7, height * 0.42), min(size) * 0.34, fill=accent)
    _draw_pack(draw, width * 0.7, height * 0.45, min(size) * 0.2)
    left = width * 0.06
    draw.multiline_text((left, height * 0.12), rng.choice(_HEADLINES), _CREAM, _font(min(size) / 10), spacing=8)
    draw.text((left, height * 0.9), Path(name).stem.encode("ascii", "replace")[:44], _CREAM, _font(min(size) / 30))
    return image


def _draw_pack(draw: ImageDraw.ImageDraw, x: float, y: float, half: float) -> None:
    """A jar with a lid and a label; `half` is half its height."""
    draw.rounded_rectangle((x - half * 0.7, y - half * 0.7, x + half * 0.7, y + half), half / 4, fill=(82, 44, 24))
    draw.rounded_rectangle((x - half * 0.6, y - half, x + half * 0.6, y - half * 0.7), half / 12, fill=_CREAM)
    draw.rectangle((x - half * 0.7, y - half * 0.3, x + half * 0.7, y + half * 0.6), fill=_CREAM)
    draw.text((x, y + half * 0.15), "HAZEL", (146, 40, 30), _font(half * 0.36), anchor="mm")


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
