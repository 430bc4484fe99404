"""A file whose first bytes are of another kind than its ending says."""

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.file_contents import HEAD_BYTES, contradiction
from ferrero_dagster.sandbox.media import sample_file

EXTENSIONS = load_site().naming.rules.extensions


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("head", "extension", "is_"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "mp4", "a web page"),
        (b"<HTML>", "png", "a web page"),
        (b"[InternetShortcut]\r\nURL=https://x.example", "mp4", "a link"),
        (b"MZ\x90\x00\x03", "zip", "a program"),
        (b"\x89PNG\r\n\x1a\n", "jpg", "a PNG picture"),
        (b"%PDF-1.7", "mp4", "a PDF document"),
        (b"PK\x03\x04", "mov", "a ZIP archive"),
        (b"\x00\x00\x00\x20ftypisom", "mkv", "an MP4 or QuickTime file"),
        (b"\x00\x00\x00\x20ftypqt  ", "MP4", None),
        (b"%PDF-1.5", "ai", None),
        (b"II*\x00\x08\x00", "jpg", "a TIFF picture"),
        (b"MM\x00*", "tiff", None),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "pdf", "a PostScript document"),
        (b"\xc5\xd0\xd3\xc6", "EPS", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "zip", "a document of old Office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "docx", None),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "mp4", "a Windows Media file"),
        (b"\x06\x0e\x2b\x34\x02\x05", "mov", "an MXF film"),
        (b"FLV\x01\x05", "mp4", "a Flash film"),
        (b"OggS\x00", "mp3", "an Ogg file"),
        (b"fLaC\x00", "wav", "a FLAC recording"),
        (b"\x1f\x8b\x08\x00", "zip", "a gzip archive"),
        (b"\x1f\x8b\x08\x00", "prproj", None),
        (b"PK\x03\x04", "pptx", None),
        (b"anything else", "mp4", None),
        (b"", "mp4", None),
    ],
)
def test_contents_that_contradict_the_ending_are_named(head, extension, is_):
    assert contradiction(head, extension) == is_


@pytest.mark.parametrize("extension", ["mp4", "png", "psd", "pdf"])
def test_what_real_files_begin_with_contradicts_no_ending(tmp_path, extension):
    head = sample_file(f"Film.{extension}", tmp_path).read_bytes()[:HEAD_BYTES]
    assert contradiction(head, extension) is None


@pytest.mark.fault(63)
@pytest.mark.parametrize("ending", ["boxnote", "gdoc", "gsheet", "url", "lnk", "exe", "webloc", "mp44", ""])
def test_what_is_no_finished_file_has_an_ending_that_is_refused(ending):
    assert not EXTENSIONS.takes(ending, "OLV")
    assert not EXTENSIONS.is_unfinished(f"a.{ending}")


@pytest.mark.parametrize("name", ["a.mp4.part", "a.tmp", "a.mp4.crdownload", "A.PART", "a.mov.download "])
def test_what_a_program_still_writes_is_seen_by_its_ending(name):
    assert EXTENSIONS.is_unfinished(name)
