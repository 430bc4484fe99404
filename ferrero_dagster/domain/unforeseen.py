"""Errors that nobody foresaw: turned into one of ours, with a short reference under which the trace is in the log."""

import hashlib
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ferrero_dagster.domain.errors import FerreroError, Unforeseen

_OURS = "ferrero_dagster"
#: Passed through by many: the place is whoever called them.
_PLUMBING = ("database.py", "http.py", "pool.py", "unforeseen.py")
#: What may hold a secret: addresses, what is named so.
_NAMED = re.compile(
    r"\w+://\S+|\b[\w-]*(password|passwd|secret|token|authorization|bearer|api_?key)\b.*", re.IGNORECASE
)
#: And long runs of letters and digits.
_SECRETS = re.compile(rf"{_NAMED.pattern}|[\w+/=.-]{{24,}}", re.IGNORECASE)
_MAX_MESSAGE_LENGTH = 300


@contextmanager
def foreseen() -> Iterator[None]:
    """Raise whatever is raised inside and is no error of ours as `Unforeseen`."""
    try:
        yield
    except FerreroError:
        raise
    except Exception as error:  # noqa: BLE001  # the one place where whatever went wrong becomes an error of ours
        raise unforeseen(error) from None


def unforeseen(error: Exception) -> Unforeseen:
    """The error as one of ours; the same kind at the same place has the same reference.

    Its sentence quotes nothing of what the error says, and its trace no value that may be secret.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_place(_parts(frame.filename))] or frames
    place = f"{_parts(ours[-1].filename)[-1]}, {ours[-1].name}" if ours else "an unknown place"
    kind = type(error).__name__
    cause = f"{kind} {place} {ours[-1].line if ours else ''}"
    reference = hashlib.sha256(cause.encode()).hexdigest()[:8]
    said = without_secrets(str(error))
    trace = f"Trace {reference}:\n{''.join(traceback.format_list(frames))}{kind}: {said}"
    return Unforeseen(kind, place, reference=reference, trace=trace)


def without_secrets(text: str) -> str:
    """A text from outside as one line, without what may be secret in it, cut to a few hundred characters."""
    return _SECRETS.sub("(left out)", " ".join(text.split()))[:_MAX_MESSAGE_LENGTH]


def without_named_secrets(text: str) -> str:
    """Without addresses and without whatever follows a word for a secret."""
    return _NAMED.sub("(left out)", text)


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")


def _is_place(parts: list[str]) -> bool:
    return parts[-1] not in _PLUMBING and any(part.startswith(_OURS) for part in parts[:-1])
