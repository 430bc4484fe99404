"""All outside systems at once, as stand-ins on 127.0.0.1, with their state in one folder."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import yaml

from ferrero_dagster.config.site import merged_site
from ferrero_dagster.sandbox.box import BoxSettings, BoxStore, create_box_app, write_box_config
from ferrero_dagster.sandbox.faults import FaultBoard, FaultMiddleware
from ferrero_dagster.sandbox.mailbox import Mailbox, MailServer
from ferrero_dagster.sandbox.otmm import OTDS_TOKEN_PATH, Dialect, OtmmSettings, OtmmStore, create_otmm_app
from ferrero_dagster.sandbox.page.app import Sandbox, create_page_app
from ferrero_dagster.sandbox.page.switches import CALLS_PER_MINUTE, UPLOADS_PER_MINUTE
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.sandbox.serving import HOST, Server
from ferrero_dagster.sandbox.site import SANDBOX_SITE, sandbox_site
from ferrero_dagster.sandbox.webhooks import WebhookInbox, create_webhook_app
from ferrero_dagster.tracking import schema

MAIL_TO, ERRORS_TO = "notifications@agency.example", "errors@agency.example"


class World:
    """DAM, Box, mail, Make.com, PostgreSQL and a page to look at them; use it as a context manager.

    Ports follow `base_port` (0: any free ones). `environment()` is what ferrero_dagster needs to work with them.
    """

    def __init__(
        self,
        state: Path,
        *,
        base_port: int = 0,
        site_config: Path | None = None,
        dialect: Dialect = "seeds",
        box_limits: bool = False,
    ) -> None:
        """Nothing is started yet; `site_config` is what a site of its own replaces, such as its routes.

        `dialect` is how the DAM speaks, and `environment()` then logs in accordingly. With `box_limits` Box answers 429
        to more uploads and calls a minute than the real one takes, and `environment()` has us keep to that.

        Raises:
            ConfigurationError: `site_config` is wrong.
        """
        self.site = sandbox_site(site_config)
        self._site_files = [SANDBOX_SITE, *([site_config] if site_config else [])]
        self._state = state
        self._base_port = base_port
        self._stack = ExitStack()
        self.dam = OtmmStore(state / "dam")
        self.dam_settings = OtmmSettings(dialect=dialect, statuses=tuple(self.site.routes.statuses))
        self.box = BoxStore(state / "box")
        self.box_settings = BoxSettings(
            uploads_per_minute=UPLOADS_PER_MINUTE if box_limits else 0,
            calls_per_minute=CALLS_PER_MINUTE if box_limits else 0,
        )
        self.mailbox = Mailbox(state / "mailbox")
        self.webhooks = WebhookInbox(state / "webhooks")
        self.boards = {name: FaultBoard() for name in ("DAM", "Box", "Make.com")}

    def __enter__(self) -> "World":
        """Start everything.

        Raises:
            ConfigurationError: a port is taken, or PostgreSQL cannot start.
        """
        with ExitStack() as stack:
            stack.callback(self.dam.close)
            stack.callback(self.box.close)
            apps = {
                "DAM": create_otmm_app(self.dam, self.dam_settings),
                "Box": create_box_app(self.box, self.box_settings),
                "Make.com": create_webhook_app(self.webhooks),
            }
            self.servers = {
                name: stack.enter_context(
                    Server(
                        FaultMiddleware(app, self.boards[name]),
                        port=self._port(2 + place),
                        purpose=f"the {name} server",
                    )
                )
                for place, (name, app) in enumerate(apps.items())
            }
            self.mail = stack.enter_context(MailServer(self.mailbox, port=self._port(5)))
            self.postgres = stack.enter_context(EmbeddedPostgres(self._state / "postgres"))
            self.page = stack.enter_context(
                Server(create_page_app(self._sandbox()), port=self._port(1), purpose="the sandbox page")
            )
            write_box_config(self.box, self._state / "Box-config.json")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def media_dir(self) -> Path:
        """Where sample media are kept."""
        return self._state / "media"

    def _sandbox(self) -> Sandbox:
        return Sandbox(
            otmm=self.dam, box=self.box, box_settings=self.box_settings, mailbox=self.mailbox, webhooks=self.webhooks,
            boards=self.boards, media_dir=self.media_dir, site=self.site, database_url=self.postgres.url(),
        )  # fmt: skip

    def _port(self, offset: int) -> int:
        return self._base_port + offset if self._base_port else 0

    def environment(self) -> dict[str, str]:
        """Every environment variable of the project, for these servers; the tracking database is brought up to date."""
        database = self.postgres.url()
        schema.upgrade(database, self.site.routes.masters)
        box = self.servers["Box"].url
        return {
            "FERRERO_DATABASE_URL": database,
            "DAGSTER_PG_URL": schema.make_dagster_schema(database),
            "FERRERO_DAM_URL": self.servers["DAM"].url,
            "FERRERO_DAM_AUTH": "oauth2",
            "FERRERO_DAM_CLIENT_ID": self.dam_settings.client_id,
            "FERRERO_DAM_CLIENT_SECRET": self.dam_settings.client_secret,
            **self._log_in(),
            "FERRERO_BOX_CONFIG": str(self._state / "Box-config.json"),
            "FERRERO_BOX_API_URL": box,
            "FERRERO_BOX_UPLOAD_URL": f"{box}/upload/api",
            "FERRERO_BOX_OAUTH_URL": f"{box}/oauth2",
            "FERRERO_BOX_WEB_URL": f"{self.page.url}/box",
            "FERRERO_BOX_UPLOADS_PER_MINUTE": str(self.box_settings.uploads_per_minute),
            "FERRERO_BOX_CALLS_PER_MINUTE": str(self.box_settings.calls_per_minute),
            "FERRERO_SMTP_HOST": HOST,
            "FERRERO_SMTP_PORT": str(self.mail.port),
            "FERRERO_SMTP_SECURITY": "none",
            "FERRERO_MAIL_FROM": "ferrero-dagster@agency.example",
            "FERRERO_MAIL_TO": MAIL_TO,
            "FERRERO_MAIL_ERRORS_TO": ERRORS_TO,
            "FERRERO_MAKE_WEBHOOK_URL": f"{self.servers['Make.com'].url}/hook",
            "FERRERO_TEMP_DIR": str(self._state / "transit"),
            "FERRERO_SITE_CONFIG": str(self._site_config()),
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _log_in(self) -> dict[str, str]:
        if self.dam_settings.dialect == "customer":
            token_url = f"{self.servers['DAM'].url}{OTDS_TOKEN_PATH}"
            return {"FERRERO_DAM_TOKEN_URL": token_url, "FERRERO_DAM_GRANT": "client_credentials"}
        return {
            "FERRERO_DAM_USERNAME": self.dam_settings.username,
            "FERRERO_DAM_PASSWORD": self.dam_settings.password,
        }

    def _site_config(self) -> Path:
        """The site with links that lead to the sandbox page."""
        url, site = self.page.url, merged_site(*self._site_files)
        links = {"asset_link": f"{url}/dam/asset/{{id}}", "folder_link": f"{url}/dam/folder/{{id}}"}
        demo = {**site, "dam": {**(site.get("dam") or {}), **links}}
        path = self._state / "site.yaml"
        path.write_text(yaml.safe_dump(demo, allow_unicode=True), encoding="utf-8")
        return path
