"""Box's error answers."""

import uuid
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class BoxError(Exception):
    """The request is refused with this status, Box's word for the reason (`code`) and a sentence."""

    def __init__(self, status: int, code: str, message: str, context: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.context = dict(context or {})

    def answer(self) -> JSONResponse:
        """The refusal in the shape of all Box errors."""
        body = {
            "type": "error",
            "status": self.status,
            "code": self.code,
            "context_info": self.context,
            "help_url": "http://developers.box.com/docs/#errors",
            "message": str(self),
            "request_id": uuid.uuid4().hex[:16],
        }
        return JSONResponse(body, self.status)


def not_found(what: str) -> BoxError:
    """The 404 for an item that does not exist or that the caller may not see."""
    return BoxError(404, "not_found", f"Not Found: {what}")


def bad_request(message: str) -> BoxError:
    """The 400 for a parameter that is missing or wrong."""
    return BoxError(400, "bad_request", message)
