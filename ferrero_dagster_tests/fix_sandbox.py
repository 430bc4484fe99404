"""The DAM and Box stand-ins behind real HTTP, with their fault boards, and our own clients opened on them.

The servers live as long as the test run; each test gets them empty, healthy and with their first settings.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from box_sdk_gen import BaseUrls

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_session import close_box_client, open_box_client, read_box_config
from ferrero_dagster.clients.http import HttpLimits
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_login import OAuthLogin
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.clients.tokens import Tokens
from ferrero_dagster.config.site import load_site
from ferrero_dagster.sandbox.box import BoxSettings, BoxStore, create_box_app, write_box_config
from ferrero_dagster.sandbox.faults import FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.otmm import OTDS_TOKEN_PATH, Dialect, OtmmSettings, OtmmStore, create_otmm_app
from ferrero_dagster.sandbox.serving import Server

#: Patience for tests: no less tries than in production, but hardly any pause between them.
QUICK = HttpLimits(connect_timeout_s=30, read_timeout_s=60, retry_for_s=60, first_pause_s=0.001)

#: What makes a fault's body an answer to our clients, and how OTMM words what it does not want.
JSON = {"Content-Type": "application/json"}
REFUSAL = '{"exception_body": {"message": "No."}}'

DAM_LOGIN = OAuthLogin(username="ferrero", password="nutella", client_id="ferrero-dagster", client_secret="kinder")
DIALECTS: list[Dialect] = ["seeds", "customer"]


@dataclass(frozen=True)
class ServedDam:
    """A running DAM: what it holds, what it obeys, what goes wrong, where it is."""

    store: OtmmStore
    settings: OtmmSettings
    board: FaultBoard
    url: str

    @property
    def login(self) -> OAuthLogin:
        """As the DAM's dialect wants it."""
        if self.settings.dialect == "seeds":
            return DAM_LOGIN
        return OAuthLogin(
            client_id=DAM_LOGIN.client_id,
            client_secret=DAM_LOGIN.client_secret,
            grant="client_credentials",
            token_url=f"{self.url}{OTDS_TOKEN_PATH}",
        )


@dataclass(frozen=True)
class ServedBox:
    """A running Box: what it holds, what it obeys, what goes wrong, where it is, the file to log in with."""

    store: BoxStore
    settings: BoxSettings
    board: FaultBoard
    url: str
    config: Path

    @property
    def base_urls(self) -> BaseUrls:
        return BaseUrls(base_url=self.url, upload_url=f"{self.url}/upload/api", oauth_2_url=f"{self.url}/oauth2")


def seen(served: ServedDam | ServedBox, method: str = "", path: str = "", *, times: int) -> bool:
    """Whether the server saw exactly so many such requests."""
    return len(served.board.requests(method, path)) == times


@contextmanager
def opened_dam(url: str, *, login: OAuthLogin | None = DAM_LOGIN, limits: HttpLimits = QUICK, **site) -> Iterator[Otmm]:
    """Our client on the DAM at `url`, with these values of the site configuration changed."""
    with closing(OtmmSession(url, login=login, limits=limits)) as session:
        yield Otmm(session, load_site().dam.model_copy(update=site))


@contextmanager
def opened_box(
    served: ServedBox,
    *,
    limits: HttpLimits = QUICK,
    http_session=None,
    tokens: Tokens | None = None,
    as_users: tuple[str, ...] = (),
    **site,
) -> Iterator[Box]:
    """Our client on the Box, with these values of the site configuration changed."""
    config = read_box_config(served.config)
    client = open_box_client(
        config, base_urls=served.base_urls, limits=limits, http_session=http_session, tokens=tokens
    )
    try:
        yield Box(client, load_site().box.model_copy(update=site), as_users=as_users)
    finally:
        close_box_client(client)


@pytest.fixture(scope="session")
def dam_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDam]:
    settings, board = OtmmSettings(), FaultBoard()
    with (
        closing(OtmmStore(tmp_path_factory.mktemp("dam"))) as store,
        Server(FaultMiddleware(create_otmm_app(store, settings), board)) as server,
    ):
        yield ServedDam(store, settings, board, server.url)


@pytest.fixture(scope="session")
def box_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBox]:
    settings, board, state = BoxSettings(), FaultBoard(), tmp_path_factory.mktemp("box")
    with closing(BoxStore(state / "state")) as store:
        config = state / "Box-config.json"
        write_box_config(store, config)
        with Server(FaultMiddleware(create_box_app(store, settings), board)) as server:
            yield ServedBox(store, settings, board, server.url, config)


@pytest.fixture
def dialect() -> Dialect:
    """How the DAM speaks; a test in both is marked `parametrize("dialect", DIALECTS)`."""
    return "seeds"


@pytest.fixture
def served_dam(dam_server: ServedDam, dialect: Dialect) -> ServedDam:
    dam_server.store.clear()
    vars(dam_server.settings).update(vars(OtmmSettings(dialect=dialect)))
    dam_server.board.clear()
    dam_server.board.seen.clear()
    return dam_server


@pytest.fixture
def served_box(box_server: ServedBox) -> ServedBox:
    box_server.store.clear()
    # Tests look within milliseconds of what they do; what is announced comes a moment later.
    vars(box_server.settings).update(vars(BoxSettings(retry_after_s=0, long_poll="unknown")))
    box_server.board.clear()
    box_server.board.seen.clear()
    return box_server


@pytest.fixture
def otmm(served_dam: ServedDam) -> Iterator[Otmm]:
    with opened_dam(served_dam.url, login=served_dam.login) as client:
        yield client


@pytest.fixture
def box(served_box: ServedBox) -> Iterator[Box]:
    with opened_box(served_box) as client:
        yield client
