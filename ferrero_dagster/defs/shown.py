"""What a sensor's last events showed, as its cursor says: where nothing has changed, Dagster's tables hardly grow."""

import json
import time
from hashlib import sha256
from typing import Any

#: An asset's page says at least so often that the sensor still looks.
_HEARTBEAT_S = 3600


def digest(*values: object) -> str:
    """What is shown, in few letters."""
    return sha256(repr(values).encode()).hexdigest()[:16]


def is_due(cursor: str | None, shown: str) -> bool:
    """Whether this is to be shown: something else was shown last, or the same an hour ago."""
    told = _values(cursor)
    at = told.get("shown_at")
    is_recent = isinstance(at, int | float) and 0 <= time.time() - at < _HEARTBEAT_S
    return told.get("shown") != shown or not is_recent


def noted(before: str | None, after: str, shown: str | None) -> str:
    """The cursor `after` a tick that has shown this, or None: then what the tick `before` it had noted."""
    old = {key: value for key, value in _values(before).items() if key in {"shown", "shown_at"}}
    return json.dumps({**_values(after), **(old if shown is None else {"shown": shown, "shown_at": time.time()})})


def _values(cursor: str | None) -> dict[str, Any]:
    try:
        told = json.loads(cursor or "{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
