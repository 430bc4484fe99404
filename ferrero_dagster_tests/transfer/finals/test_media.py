"""Width, height and duration are those that people see, and no file harms whoever reads them (FAULTS 69)."""

import struct
import subprocess
import sys
import zlib
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ferrero_dagster.domain.otmm.field_rows import MediaFacts
from ferrero_dagster.transfer.finals import media
from ferrero_dagster.transfer.finals.media import media_facts

UNREADABLE = "Its dimensions could not be read."
SIZE = (400, 300)
AS_THE_READER = "from ferrero_dagster.transfer.finals import media_reader as r; r._CPU_S = 1; r._limit()"


def film(path, *, pixel=None):
    with av.open(path, "w") as video:
        stream = video.add_stream("libx264", 25, {"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        if pixel:
            stream.codec_context.sample_aspect_ratio = Fraction(*pixel)
        for _ in range(25):
            video.mux(stream.encode(av.VideoFrame(720, 576, "yuv420p")))
        video.mux(stream.encode())
    return path


def turned(path, degrees):
    """The film with another display matrix, as a telephone that was held upright writes it."""
    film(path)
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1), "mirrored": (-1, 0)}[degrees]
    down = 1 if degrees == "mirrored" else cos
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, down << 16, 0, 0, 0, 1 << 30)
    content = path.read_bytes()
    track = content.index(b"tkhd")
    assert upright in content[track:]
    path.write_bytes(content[:track] + content[track:].replace(upright, matrix, 1))
    return path


def picture(path, *, orientation=None, **options):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", SIZE, "red").save(path, exif=exif, **options)
    return path


@pytest.mark.fault(69)
@pytest.mark.parametrize("ending", ["mp4", "mov"])
@pytest.mark.parametrize(("degrees", "seen"), [(0, (720, 576)), (90, (576, 720)), (180, (720, 576)), (270, (576, 720))])
def test_a_film_that_is_shown_turned_has_the_size_that_is_seen(tmp_path, ending, degrees, seen):
    facts, note = media_facts(turned(tmp_path / f"film.{ending}", degrees))
    assert ((facts.width_px, facts.height_px), facts.duration_s, note) == (seen, 1.0, None)


@pytest.mark.fault(69)
@pytest.mark.parametrize(("pixel", "width"), [((4, 3), 960), ((1, 1), 720), ((16, 15), 768)])
def test_pixels_that_are_no_squares_are_seen_wider(tmp_path, pixel, width):
    facts, _ = media_facts(film(tmp_path / "film.mp4", pixel=pixel))
    assert abs(facts.width_px - width) <= 1
    assert facts.height_px == 576


@pytest.mark.fault(69)
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize(("orientation", "seen"), [(None, SIZE), (3, SIZE), (6, SIZE[::-1]), (8, SIZE[::-1])])
def test_a_picture_that_is_shown_turned_has_the_size_that_is_seen(tmp_path, ending, orientation, seen):
    facts, note = media_facts(picture(tmp_path / f"picture.{ending}", orientation=orientation))
    assert (facts, note) == (MediaFacts(width_px=seen[0], height_px=seen[1]), None)


@pytest.mark.fault(69)
def test_every_kind_of_webp_is_read(tmp_path):
    both = [Image.new("RGBA", SIZE, colour) for colour in ("red", "#00000080")]
    picture(tmp_path / "lossy.webp")
    picture(tmp_path / "lossless.webp", lossless=True)
    both[1].save(tmp_path / "transparent.webp")
    both[0].save(tmp_path / "moving.webp", save_all=True, append_images=both[1:])
    for path in tmp_path.iterdir():
        assert media_facts(path) == (MediaFacts(width_px=400, height_px=300), None)


@pytest.mark.fault(69)
def test_what_is_cut_off_or_no_media_is_a_note(tmp_path):
    path = film(tmp_path / "film.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    assert media_facts(path)[1] == "It seems to be cut off: what it says of its size and duration may be wrong."
    for content in (b"", b"film", b"\x89PNG broken"):
        path.write_bytes(content)
        assert media_facts(path) == (MediaFacts(), UNREADABLE)
    assert media_facts(tmp_path / "gone") == (MediaFacts(), UNREADABLE)


@pytest.mark.fault(69)
@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp"])
@pytest.mark.parametrize("cut_bytes", [9, 100])
def test_a_picture_without_its_end_is_a_note_and_what_programs_add_behind_it_is_none(tmp_path, ending, cut_bytes):
    path = picture(tmp_path / f"picture.{ending}")
    whole = path.read_bytes()
    path.write_bytes(whole + b"added by a telephone")
    assert media_facts(path) == (MediaFacts(width_px=400, height_px=300), None)
    path.write_bytes(whole[:-cut_bytes])
    assert media_facts(path)[1]


@pytest.mark.fault(69)
def test_a_film_that_is_shown_mirrored_has_its_size(tmp_path):
    facts, note = media_facts(turned(tmp_path / "film.mp4", "mirrored"))
    assert ((facts.width_px, facts.height_px), note) == ((720, 576), None)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.fault(69)
def test_a_picture_that_would_fill_the_memory_is_never_unpacked(tmp_path):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 50_000, 8, 2, 0, 0, 0))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(300_000_000)))
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    assert media_facts(tmp_path / "large.png") == (MediaFacts(width_px=60_000, height_px=50_000), None)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + text + body)
    facts, _ = media_facts(tmp_path / "bomb.png")
    assert facts.width_px in {None, 60_000}


@pytest.mark.fault(69)
@pytest.mark.parametrize("greed", ["pass", "while True: pass", "bytes(4 << 30)", "open('x', 'wb', 0).write(b'x')"])
def test_a_reader_that_loops_grows_or_writes_is_ended(tmp_path, greed):
    program = f"{AS_THE_READER}; {greed}"
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.DEVNULL, check=False)
    assert bool(ended.returncode) is (greed != "pass")


def test_the_reader_knows_no_secrets_and_has_limited_time(tmp_path, monkeypatch):
    monkeypatch.setenv("FERRERO_DAM_PASSWORD", "nutella")
    told = tmp_path / "told.py"
    told.write_text("import json, os; print(json.dumps({'known': 'nutella' not in str(os.environ)}))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert media_facts(tmp_path, reader="told") == (MediaFacts(), None)
    told.write_text("import time; time.sleep(60)")
    assert media_facts(tmp_path, reader="told", timeout_s=0.2) == (MediaFacts(), UNREADABLE)


NUMBERS = st.integers() | st.floats() | st.text(max_size=3) | st.none() | st.booleans()


@given(st.dictionaries(st.sampled_from(["known", "cut_off", "width", "height", "duration"]), NUMBERS))
def test_whatever_the_reader_says_only_numbers_that_can_be_get_on(read):
    facts, _ = media._checked(read)
    for value in (facts.width_px, facts.height_px, facts.duration_s):
        assert value is None or 0 < value <= 10_000_000


@settings(max_examples=15, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"\xff\xd8\xff\xe1", b"RIFF", b"II*\0", b"\0\0\0 ftypisom", b"GIF89a", b"8BPS"]),
)
def test_any_bytes_are_read_or_noted(tmp_path_factory, content, beginning):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(beginning + content)
    facts, _ = media_facts(path)
    assert facts.width_px is None or facts.width_px > 0
