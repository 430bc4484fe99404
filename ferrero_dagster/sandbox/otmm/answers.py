"""How the DAM stand-in says no: `exception_body` for what it refuses, an HTML page for what never reached it."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response


class Refusal(HTTPException):
    """An answer with an error status and OTMM's error body (contract otmm.md 9)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)


def refused(_: Request | None, refusal: Exception) -> Response:
    """The answer to a call that the DAM refuses."""
    assert isinstance(refusal, Refusal)
    body = {
        "http_response_code": refusal.status_code,
        "error_code": refusal.status_code,
        "debug_message": f"com.artesia.common.exception.BaseTeamsException: {refusal.detail}",
        "message": refusal.detail,
    }
    return JSONResponse({"exception_body": body}, refusal.status_code)


def error_page(_: Request, error: Exception) -> Response:
    """The web server's own page: unknown addresses, wrong methods, requests that it cannot read."""
    assert isinstance(error, HTTPException)
    return html_page(error.status_code)


def html_page(status: int) -> Response:
    """An error page as Tomcat makes them."""
    return HTMLResponse(f"<!doctype html><html><body><h1>HTTP Status {status}</h1></body></html>", status)
