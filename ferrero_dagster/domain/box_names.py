"""Names that Box accepts, made from names that people gave (contract box.md, "Box platform limits"; SPEC 3)."""

import re
import string
import unicodedata

from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.domain.name_slips import tidied

MAX_NAME_LENGTH = 255
_REFUSED = frozenset('/\\<>:"|?*')
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs"})  # control, format and surrogate characters


def box_name(name: str) -> str:
    """A legal name of a Box file or folder: spaces and refused characters become `_`; the same name if it is legal.

    Leading and trailing spaces and dots go, and what exceeds 255 characters; a name of nothing else becomes `_`.
    """
    return _legal(name)[:MAX_NAME_LENGTH].rstrip(".") or "_"


def box_file_name(name: str, tracking_id: TrackingId, *, number: int = 1) -> str:
    """`<stem>_<TRACKID>.<ext>`, or `<stem>_2_<TRACKID>.<ext>` and so on, legal in Box: a long stem is cut.

    An extension is 1-10 letters or digits after the last dot; without one the name ends with the tracking ID.
    """
    stem, extension = _split_extension(_legal(name))
    ending = f"{'' if number == 1 else f'_{number}'}_{tracking_id}{extension}"
    return (stem or "_")[: MAX_NAME_LENGTH - len(ending)] + ending


def campaign_folder_name(pattern: str, number: str, name: str) -> str:
    """The campaign's Box folder: `{number}-{name}` gives `C000000078-Local_adaptation_test_2` (SPEC 3)."""
    values = {"number": number, "name": name}
    return box_name(re.sub(r"\{(number|name)\}", lambda match: values[match[1]], pattern))


def same_folder_name(found: str, wanted: str) -> bool:
    """Whether a folder is the wanted one as people see it, also without the wanted leading number.

    Case, white space of any kind, width, dashes, Unicode form and what cannot be seen make no difference.
    """
    without_number = re.sub(r"^\d+\s+", "", wanted.strip())
    return _folded(found) in {_folded(wanted), _folded(without_number)}


def _legal(name: str) -> str:
    trimmed = unicodedata.normalize("NFC", name).strip(string.whitespace + ".")
    return "".join("_" if _is_refused(char) else char for char in trimmed)


def _is_refused(char: str) -> bool:
    return char.isspace() or char in _REFUSED or unicodedata.category(char) in _UNPRINTABLE


def _split_extension(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.+)(\.[A-Za-z0-9]{1,10})", name)
    return (match[1], match[2]) if match else (name, "")


def _folded(name: str) -> str:
    return tidied(name).strip().casefold()
