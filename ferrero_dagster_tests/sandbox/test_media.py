"""The sample files open, and the same name gives the same bytes."""

import av
import pytest
from PIL import Image

from ferrero_dagster.sandbox.media import sample_file


@pytest.mark.parametrize("name", ["Key visual.png", "packshot.JPG", "poster.tif", "layers.psd"])
def test_pictures_open(tmp_path, name):
    with Image.open(sample_file(name, tmp_path)) as image:
        image.load()
        assert image.size == (1600, 1200)
        assert len(set(image.convert("L").tobytes())) > 20


def test_a_video_lasts_as_long_as_its_name_says(tmp_path):
    with av.open(sample_file("RAF_DE_de_SPRING_OLV_001_2S_16x9.mp4", tmp_path)) as video:
        frames = [frame.to_image() for frame in video.decode(video=0)]
    assert (len(frames), frames[0].size) == (50, (640, 360))
    assert frames[10].tobytes() != frames[40].tobytes()


def test_a_document_is_a_pdf_of_one_page(tmp_path):
    content = sample_file("Guidelines.pdf", tmp_path).read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == 1
    assert content.rstrip().endswith(b"%%EOF")


def test_a_large_file_is_large_and_opens(tmp_path):
    path = sample_file("Poster uncompressed.tif", tmp_path)
    assert path.stat().st_size > 60_000_000
    with Image.open(path) as image:
        assert image.size == (5000, 4000)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pdf", "a_1S.mp4", "a.psd", "a.docx", "a/b: c?😀.png", "x" * 300])
def test_the_same_name_gives_the_same_bytes_and_another_name_others(tmp_path, name):
    first = sample_file(name, tmp_path / "one").read_bytes()
    assert first == sample_file(name, tmp_path / "two").read_bytes()
    assert first != sample_file(f"other {name}", tmp_path / "one").read_bytes()


def test_a_file_is_made_only_once(tmp_path):
    made_ns = sample_file("a.png", tmp_path).stat().st_mtime_ns
    assert sample_file("a.png", tmp_path).stat().st_mtime_ns == made_ns
    assert len(list(tmp_path.iterdir())) == 1
