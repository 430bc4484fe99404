"""What fingers, programs and other alphabets do to a file name; undone for suggestions only, never to read a name."""

import re
import string
import unicodedata
from collections.abc import Iterator

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－˗"), "-")
_LETTERS = f"{string.ascii_letters}{string.digits}- "

_COPY = (
    "copy|copie|copia|cópia|còpia|kopie|kopia|kópia|kopi|kopio|kopya|kopiera|kopija|másolat|копия|копія|αντίγραφο"
    "|コピー|副本|拷贝|복사본"
)
_DASH = "‐‑‒–—―−-"
#: What stands before a copied file's name: `Copy of`, `Kopie von`, `Copy (2) of`.
_BEFORE = re.compile(rf"\s*({_COPY})\s(\(\d{{1,3}}\)\s)?((of|von|van|de|di|af|av|z)\s)?\s*(?=\S)", re.IGNORECASE)
#: What stands behind it: ` copy`, ` - Copy (2)`, ` (1)`, `-1`, ` 2`.
_BEHIND = re.compile(
    rf"([\s_{_DASH}]+({_COPY})([\s_{_DASH}]?\(?\d{{1,3}}\)?)?|\s*[(\[]\d{{1,3}}[)\]]|[\s_{_DASH}]\d{{1,2}})\s*$",
    re.IGNORECASE,
)


def tidied(text: str) -> str:
    """The same letters as a keyboard makes them: plain blanks and dashes, normal width, nothing invisible."""
    shown = "".join(char for char in text if unicodedata.category(char) not in {"Cf", "Cc"} or char.isspace())
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", shown).translate(_DASHES))


def plain_ascii(text: str) -> str:
    """Latin letters without accents, `Spaß` as `Spass`; of other scripts the text stays as it is."""
    if text.isascii():
        return text
    from anyascii import anyascii  # noqa: PLC0415  # has large tables: only who suggests names pays

    return "".join(anyascii(char) if _is_latin(char) else char for char in unicodedata.normalize("NFC", text))


def _is_latin(char: str) -> bool:
    return "LATIN" in unicodedata.name(char, "")


def without_copy_marks(stem: str) -> tuple[str, str]:
    """A stem, and the marks of a copy that it had: `film - Copy (2)` gives `film` and ` - Copy (2)`."""
    rest, marks = stem, ""
    if before := _BEFORE.match(rest):
        rest, marks = rest[before.end() :], before[0]
    while behind := _BEHIND.search(rest):
        rest, marks = rest[: behind.start()], behind[0] + marks
    return rest, marks


def slips(text: str) -> Iterator[str]:
    """Every text from which one slip of a finger makes this one: a letter too many, too few, another, two exchanged."""
    for place in range(len(text) + 1):
        before, after = text[:place], text[place:]
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in _LETTERS)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after for letter in _LETTERS)
