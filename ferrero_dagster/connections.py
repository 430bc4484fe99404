"""Opens the outside systems as settings and site configuration say; the one place where the two meet the clients.

The clients are imported when they are opened: a process that needs none of them starts quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ferrero_dagster.domain.links import Links
from ferrero_dagster.settings import Settings, load_settings
from ferrero_dagster.site import Site, load_site

if TYPE_CHECKING:
    from ferrero_dagster.clients.box import Box
    from ferrero_dagster.clients.http import HttpLimits
    from ferrero_dagster.clients.otmm import Otmm
    from ferrero_dagster.messages.delivery import PostOffice
    from ferrero_dagster.tracking.database import Database
    from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True)
class Connections:
    """Opens what is asked for; each context manager closes what it opened."""

    settings: Settings
    site: Site

    @classmethod
    def from_environment(cls) -> Connections:
        """As the environment says.

        Raises:
            ConfigurationError: a setting is wrong; the sentence names it.
        """
        settings = load_settings()
        return cls(settings, load_site(settings.site_config))

    @cached_property
    def links(self) -> Links:
        """Where people look at things."""
        return Links(
            dam_url=self.settings.dam_url,
            asset_pattern=self.site.dam.asset_link,
            folder_pattern=self.site.dam.folder_link,
            box_url=self.settings.box_web_url,
            dagster_url=self.settings.dagster_url,
        )

    @property
    def box_folders(self) -> dict[str, str]:
        """Box folder ids by name; the environment wins over the site configuration."""
        folders = self.site.box.folders.model_dump()
        return {name: getattr(self.settings, f"box_folder_{name}") or folder_id for name, folder_id in folders.items()}

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The tracking database."""
        from ferrero_dagster.tracking.database import Database

        database = Database(self.settings.require("database_url").database_url.get_secret_value())
        try:
            yield database
        finally:
            database.close()

    @contextmanager
    def dam(self, limits: HttpLimits | None = None) -> Iterator[Otmm]:
        """The DAM; it is asked for nothing yet."""
        from ferrero_dagster.clients.otmm import Otmm
        from ferrero_dagster.clients.otmm_session import ClientCertificate, OAuthLogin, OtmmSession

        settings = self.settings.require("dam_url")
        login = certificate = None
        if "oauth2" in settings.dam_auth:
            settings.require("dam_username", "dam_password", "dam_client_id", "dam_client_secret")
            login = OAuthLogin(
                username=settings.dam_username, password=settings.dam_password.get_secret_value(),
                client_id=settings.dam_client_id, client_secret=settings.dam_client_secret.get_secret_value(),
            )  # fmt: skip
        if "mtls" in settings.dam_auth:
            path = settings.require("dam_pfx_path").dam_pfx_path
            assert path
            certificate = ClientCertificate(path=path, password=settings.dam_pfx_password.get_secret_value())
        session = OtmmSession(
            settings.dam_url, login=login, certificate=certificate, ca_bundle=settings.dam_ca_bundle,
            limits=limits or self._limits(),
        )  # fmt: skip
        try:
            yield Otmm(session, self.site.dam)
        finally:
            session.close()

    @contextmanager
    def box(self) -> Iterator[Box]:
        """Box, logged in."""
        from box_sdk_gen import BaseUrls

        from ferrero_dagster.clients.box import Box
        from ferrero_dagster.clients.box_session import open_box_client, read_box_config

        settings = self.settings
        urls = BaseUrls(
            base_url=settings.box_api_url, upload_url=settings.box_upload_url, oauth_2_url=settings.box_oauth_url
        )
        client = open_box_client(read_box_config(settings.box_config), base_urls=urls, limits=self._limits())
        yield Box(client, self.site.box, uploads_per_minute=settings.box_uploads_per_minute)

    def _limits(self) -> HttpLimits:
        from ferrero_dagster.clients.http import HttpLimits

        return HttpLimits(read_timeout_s=self.site.transfer.read_timeout_s)

    @contextmanager
    def systems(self) -> Iterator[Systems]:
        """Everything that a run needs."""
        from ferrero_dagster.transfer.systems import Systems

        with ExitStack() as stack:
            yield Systems(
                database=stack.enter_context(self.database()),
                dam=stack.enter_context(self.dam()),
                box=stack.enter_context(self.box()),
                site=self.site,
                links=self.links,
                box_folders=self.box_folders,
                temp_dir=self.settings.temp_dir,
                has_webhook=self.settings.make_webhook_url is not None,
            )

    @property
    def post_office(self) -> PostOffice:
        """Where messages go."""
        from ferrero_dagster.clients.mail import SmtpServer
        from ferrero_dagster.messages.delivery import PostOffice
        from ferrero_dagster.messages.rendering import MailContext

        settings = self.settings.require("smtp_host", "mail_from", "mail_to", "mail_errors_to")
        server = SmtpServer(
            host=settings.smtp_host, port=settings.smtp_port, security=settings.smtp_security,
            username=settings.smtp_username, password=settings.smtp_password.get_secret_value(),
        )  # fmt: skip
        return PostOffice(
            server=server,
            sender=settings.mail_from,
            recipients=settings.recipients,
            webhook_url=settings.make_webhook_url.get_secret_value() if settings.make_webhook_url else None,
            context=MailContext(time_zone=self.site.zone, dagster_url=settings.dagster_url),
        )
