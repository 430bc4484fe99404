"""What the first bytes of a file say of its kind, where that is cheap to see, against the ending of its name."""

from collections.abc import Callable

#: So many bytes from the beginning are enough.
HEAD_BYTES = 512

_ISO = {"mp4", "mov", "m4v", "m4a", "3gp", "heic", "heif", "avif"}
_OFFICE = {"docx", "xlsx", "pptx", "odt", "ods", "odp"}
#: A document with a password is of the old form, whatever its ending.
_OLD_OFFICE = {"doc", "xls", "ppt", "docx", "xlsx", "pptx"}
_ZIPPED = {"zip", "idml", "xd", "sketch", "fig", "mogrt", "afdesign", "afphoto", "afpub", *_OFFICE}

#: Kinds of contents, how they begin, and the endings of files that hold them.
_KINDS: tuple[tuple[str, Callable[[bytes], bool], set[str]], ...] = (
    ("a web page", lambda head: _text(head).startswith((b"<!doctype html", b"<html")), {"html", "txt", "xml"}),
    ("a link", lambda head: _text(head).startswith(b"[internetshortcut]"), set()),
    ("a program", lambda head: head.startswith((b"MZ\x90\x00", b"\x7fELF")), set()),
    ("a PNG picture", lambda head: head.startswith(b"\x89PNG\r\n"), {"png"}),
    ("a JPEG picture", lambda head: head.startswith(b"\xff\xd8\xff"), {"jpg", "jpeg"}),
    ("a GIF picture", lambda head: head.startswith((b"GIF87a", b"GIF89a")), {"gif"}),
    ("a WebP picture", lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", {"webp"}),
    ("a Photoshop document", lambda head: head.startswith(b"8BPS"), {"psd", "psb"}),
    ("a PDF document", lambda head: head.startswith(b"%PDF-"), {"pdf", "ai"}),
    ("a WAV recording", lambda head: head.startswith(b"RIFF") and head[8:12] == b"WAVE", {"wav"}),
    ("an AVI film", lambda head: head.startswith(b"RIFF") and head[8:12] == b"AVI ", {"avi"}),
    ("a Matroska or WebM film", lambda head: head.startswith(b"\x1aE\xdf\xa3"), {"mkv", "webm"}),
    ("an MP4 or QuickTime file", lambda head: head[4:8] == b"ftyp", _ISO),
    ("a ZIP archive", lambda head: head.startswith(b"PK\x03\x04"), _ZIPPED),
    ("a TIFF picture", lambda head: head.startswith((b"II*\x00", b"MM\x00*")), {"tif", "tiff", "dng"}),
    ("a PostScript document", lambda head: head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")), {"ps", "eps", "ai"}),
    ("a document of old Office", lambda head: head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), {*_OLD_OFFICE}),
    ("a Windows Media file", lambda head: head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), {"wmv", "wma"}),
    ("an MXF film", lambda head: head.startswith(b"\x06\x0e\x2b\x34"), {"mxf"}),
    ("a Flash film", lambda head: head.startswith(b"FLV\x01"), {"flv"}),
    ("an Ogg file", lambda head: head.startswith(b"OggS"), {"ogg", "oga", "ogv", "opus", "flac"}),
    ("a FLAC recording", lambda head: head.startswith(b"fLaC"), {"flac"}),
    ("a gzip archive", lambda head: head.startswith(b"\x1f\x8b\x08"), {"gz", "tgz", "prproj", "svg"}),
    ("a RAR archive", lambda head: head.startswith(b"Rar!\x1a\x07"), {"rar"}),
    ("a 7-Zip archive", lambda head: head.startswith(b"7z\xbc\xaf\x27\x1c"), {"7z"}),
)


def contradiction(head: bytes, extension: str) -> str | None:
    """What a file with these first bytes is, in words, where its ending says otherwise; None where nobody can tell."""
    found = next(((kind, endings) for kind, begins, endings in _KINDS if begins(head)), None)
    return found[0] if found and extension.lower() not in found[1] else None


def _text(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
