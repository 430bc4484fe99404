"""The Box stand-in behind its server, with Box's own SDK logged in to it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from box_sdk_gen import (
    BaseUrls,
    BoxAPIError,
    BoxClient,
    BoxJWTAuth,
    BoxNetworkClient,
    BoxRetryStrategy,
    JWTConfig,
    NetworkSession,
)
from starlette.types import ASGIApp

from ferrero_dagster.sandbox.box import BoxSettings, BoxStore, create_box_app, write_box_config
from ferrero_dagster.sandbox.faults import FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.serving import Server


@dataclass(frozen=True)
class SdkBox:
    """A running stand-in: what it holds, what it obeys, what it was asked, and a client."""

    store: BoxStore
    settings: BoxSettings
    board: FaultBoard
    url: str
    auth: BoxJWTAuth
    client: BoxClient

    def fresh(self) -> "SdkBox":
        """The same server, empty and without settings, faults and a past; the client stays logged in."""
        self.store.clear()
        vars(self.settings).update(vars(_settings()))
        self.board.clear()
        self.board.seen.clear()
        return self


def _settings() -> BoxSettings:
    return BoxSettings(retry_after_s=0)


def sdk(url: str, auth: BoxJWTAuth, session: requests.Session) -> BoxClient:
    """Box's SDK for the server at `url`, with retries that hardly wait."""
    network = NetworkSession(
        base_urls=BaseUrls(base_url=url, upload_url=url + "/upload/api", oauth_2_url=url + "/oauth2"),
        retry_strategy=BoxRetryStrategy(retry_base_interval=0.001),
        network_client=BoxNetworkClient(session),
    )
    return BoxClient(auth, network_session=network)


@contextmanager
def sdk_box(state_dir: Path) -> Iterator[SdkBox]:
    """A server on whatever `state_dir` holds already."""
    settings, board = _settings(), FaultBoard()
    config = state_dir.parent / "Box-config.json"
    with closing(BoxStore(state_dir)) as store, requests.Session() as session:
        write_box_config(store, config)
        app: ASGIApp = FaultMiddleware(create_box_app(store, settings), board)
        with Server(app, purpose="the Box stand-in") as server:
            auth = BoxJWTAuth(JWTConfig.from_config_file(str(config)))
            yield SdkBox(store, settings, board, server.url, auth, sdk(server.url, auth, session))


@contextmanager
def refused(status: int, code: str) -> Iterator[pytest.ExceptionInfo[BoxAPIError]]:
    """Expects the SDK to report this refusal."""
    with pytest.raises(BoxAPIError) as caught:
        yield caught
    info = caught.value.response_info
    assert (info.status_code, info.code) == (status, code)


def conflicts_of(caught: pytest.ExceptionInfo[BoxAPIError]) -> Any:
    """What a 409 says is in the way: one object or a list of them."""
    return (caught.value.response_info.context_info or {})["conflicts"]
