"""Checks every exchange between the Box SDK and a server against Box's own OpenAPI description.

    session = ContractSession(description_path, url)
    client = BoxClient(auth, network_session=NetworkSession(network_client=BoxNetworkClient(session), base_urls=…))
    …
    assert not session.violations

Not checked: multipart and binary bodies, downloads, empty answers. Since most properties of the description are
optional, a *missing* one passes: assert those yourself.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest
from requests.adapters import HTTPAdapter
from werkzeug.datastructures import Headers

API, UPLOAD = "https://api.box.com", "https://upload.box.com/api"
_EMPTY_ANSWERS = (202, 204, 302)


def load_description(path: Path) -> dict[str, Any]:
    """Box's description with the repairs without which a check would pass, or fail, for the wrong reason."""
    description: dict[str, Any] = json.loads(path.read_text())
    paths = description["paths"]
    for variant in [path for path in paths if "#" in path]:  # variants of one path cannot be told apart over HTTP
        for method, operation in paths.pop(variant).items():
            paths.setdefault(variant.split("#")[0], {}).setdefault(method, operation)
    for operations in paths.values():
        for operation in operations.values():
            _name_the_upload_server(operation)
    metadata_answers = paths["/files/{file_id}/metadata/{scope}/{template_key}"]["get"]["responses"]
    metadata_answers["200"] = metadata_answers["201"]  # published as 201; Box answers 200
    schemas = description["components"]["schemas"]
    schemas["ClientError"]["properties"]["code"].pop("enum", None)  # lacks codes that Box does send
    for value in schemas["UploadUrl"]["properties"].values():
        value["nullable"] = True
    # One of the kinds of source is any object, so that every source is of two kinds at least.
    schemas["EventSourceResource"]["anyOf"] = schemas["EventSourceResource"].pop("oneOf")
    return description


def _name_the_upload_server(operation: dict[str, Any]) -> None:
    for server in operation.get("servers", []):
        if "{box-upload-server}" in server["url"]:
            server["url"] = UPLOAD + "/2.0"
            server.pop("variables", None)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, with what either broke."""

    method: str
    url: str
    status: int
    errors: tuple[str, ...]


class ContractSession(requests.Session):
    """A requests session that compares what goes through it with the description; `url` is the server's."""

    def __init__(self, description: Path, url: str) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []
        checker = OpenAPI.from_dict(load_description(description), config=Config(spec_validator_cls=None))
        self.mount("http://", _CheckingAdapter(checker, url, self.exchanges))

    @property
    def violations(self) -> list[Exchange]:
        """The exchanges that broke the description."""
        return [exchange for exchange in self.exchanges if exchange.errors]


class _CheckingAdapter(HTTPAdapter):
    def __init__(self, checker: OpenAPI, url: str, exchanges: list[Exchange]) -> None:
        super().__init__()
        self._checker = checker
        self._public_by_local = {
            url + "/upload/api": UPLOAD,
            url + "/2.0": API + "/2.0",
            url + "/oauth2": API + "/oauth2",
        }
        self._exchanges = exchanges

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **options)
        for local, public in self._public_by_local.items():
            if str(request.url).startswith(local):
                url = public + str(request.url)[len(local) :]
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message="Unsupported scheme type")
                    errors = tuple(self._errors(request, response, url))
                self._exchanges.append(Exchange(str(request.method), url, response.status_code, errors))
        return response

    def _errors(self, request: requests.PreparedRequest, response: requests.Response, url: str) -> Iterator[str]:
        sent = request.copy()
        sent.url = url
        streamed = not isinstance(request.body, (str, bytes, type(None)))
        if streamed:
            sent.body = None
        seen = RequestsOpenAPIRequest(sent)
        for error in self._checker.iter_request_errors(seen):
            if not (streamed and "body" in type(error).__name__.lower()):
                yield f"request: {_reason(error)}"
        if response.status_code not in _EMPTY_ANSWERS and "json" in response.headers.get("content-type", ""):
            for error in self._checker.iter_response_errors(seen, _Answer(response)):
                yield f"response: {_reason(error)}"


class _Answer:
    """A response as openapi-core reads it; `content` is cached, so the SDK can still read it."""

    def __init__(self, response: requests.Response) -> None:
        self.data = response.content
        self.status_code = response.status_code
        self.headers = Headers(dict(response.headers))
        self.content_type = response.headers.get("content-type", "").split(";")[0]


def _reason(error: BaseException | None) -> str:
    reasons: list[str] = []
    while error is not None:
        details = list(getattr(error, "schema_errors", None) or [])
        reasons += [f"{'/'.join(map(str, detail.path))}: {detail.message}"[:200] for detail in details] or [
            str(error)[:200]
        ]
        error = error.__cause__
    return " | ".join(reasons)
