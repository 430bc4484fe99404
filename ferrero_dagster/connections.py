"""Opens the outside systems as settings and site configuration say; the one place where the two meet the clients.

The clients are imported when they are opened: a process that needs none of them starts quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ferrero_dagster.clients.tokens import OF_THIS_PROCESS, Tokens
from ferrero_dagster.config.database import Waiting
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.config.settings import Settings, load_settings
from ferrero_dagster.config.site import BoxFolders, Site, load_site
from ferrero_dagster.domain.allowance import Priority, ServiceLimits
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.mail_addresses import read_addresses
from ferrero_dagster.limiters import OpenLimiters, box_limits, dam_limits

if TYPE_CHECKING:
    from ferrero_dagster.clients.box import Box
    from ferrero_dagster.clients.box_agency import BoxAgency
    from ferrero_dagster.clients.http import HttpLimits
    from ferrero_dagster.clients.limiter import Limiter
    from ferrero_dagster.clients.otmm import Otmm
    from ferrero_dagster.clients.otmm_imports import OtmmImports
    from ferrero_dagster.clients.otmm_login import OAuthLogin
    from ferrero_dagster.clients.otmm_session import ClientCertificate, OtmmSession
    from ferrero_dagster.messages.delivery import PostOffice
    from ferrero_dagster.tracking.database import Database
    from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True)
class Connections:
    """Opens what is asked for; each context manager closes what it opened."""

    settings: Settings
    site: Site
    #: Log-ins are shared by all connections of the process; with `Tokens()` these log in for themselves.
    tokens: Tokens = OF_THIS_PROCESS
    #: Who goes first where Box or the DAM do not take all at once.
    priority: Priority = Priority.REST

    @classmethod
    def from_environment(cls, priority: Priority = Priority.REST) -> Connections:
        """As the environment says.

        Raises:
            ConfigurationError: a setting is wrong; the sentence names it.
        """
        settings = load_settings()
        return cls(settings, load_site(settings.site_config), priority=priority)

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
    def box_folders(self) -> BoxFolders:
        """Box folder ids by name; the environment wins over the site configuration."""
        return BoxFolders.of(
            {name: self.settings.box_folder(name) or own for name, own in self.site.box.folders.items()}
        )

    @contextmanager
    def database(
        self, waiting: Waiting = "command", name: str = "", *, deadline: Deadline = NEVER
    ) -> Iterator[Database]:
        """The tracking database, with the patience of a tick, run or command; PostgreSQL shows its name."""
        from ferrero_dagster.tracking.database import Database

        url = self.settings.require("database_url").database_url.get_secret_value()
        database = Database(url, self.site.database.patience(waiting, name), deadline)
        try:
            yield database
        finally:
            database.close()

    @contextmanager
    def dam(self, limits: HttpLimits | None = None) -> Iterator[Otmm]:
        """The DAM; it is asked for nothing yet."""
        with self.dam_clients(limits) as (dam, _):
            yield dam

    @contextmanager
    def dam_clients(self, limits: HttpLimits | None = None) -> Iterator[tuple[Otmm, OtmmImports]]:
        """The DAM and its import jobs, over the same connections; it is asked for nothing yet."""
        from ferrero_dagster.clients.otmm import Otmm
        from ferrero_dagster.clients.otmm_imports import OtmmImports

        with (
            closing(self._limiters(dam_limits(self.site), limits)) as limiters,
            closing(self._dam_session(limits, limiters())) as session,
        ):
            imports = OtmmImports(session, self.site.dam_import, self.site.dam.lock_owner)
            yield Otmm(session, self.site.dam, self.site.routes.words), imports

    def _dam_session(self, limits: HttpLimits | None, limiter: Limiter) -> OtmmSession:
        from ferrero_dagster.clients.otmm_session import OtmmSession

        settings = self.settings.require("dam_url")
        return OtmmSession(
            settings.dam_url,
            login=self._dam_login(),
            api_path=settings.dam_api_path,
            certificate=self._dam_certificate(),
            ca_bundle=settings.dam_ca_bundle,
            limits=limits or self._limits(),
            renew_on_403=self.site.dam.renew_on_403,
            tokens=self.tokens,
            limiter=limiter,
        )

    def _limiters(self, limits: ServiceLimits, patience: HttpLimits | None) -> OpenLimiters:
        """Whose turn it is, shared with all other processes; looks are known by their deadline."""
        is_look = patience is not None and patience.deadline is not NEVER
        priority = max(self.priority, Priority.LOOK) if is_look else self.priority
        return OpenLimiters(limits, self.settings.database_url.get_secret_value(), priority)

    def _dam_login(self) -> OAuthLogin | None:
        from ferrero_dagster.clients.otmm_login import OAuthLogin

        if "oauth2" not in self.settings.dam_auth:
            return None
        grant = self.settings.dam_grant or ("password" if self.settings.dam_username else "client_credentials")
        user = ("dam_username", "dam_password") if grant == "password" else ()
        settings = self.settings.require(*user, "dam_client_id", "dam_client_secret")
        return OAuthLogin(
            grant=grant,
            token_url=settings.dam_token_url,
            offers_certificate=self.site.dam.certificate_at_token_url,
            username=settings.dam_username,
            password=settings.dam_password.get_secret_value(),
            client_id=settings.dam_client_id,
            client_secret=settings.dam_client_secret.get_secret_value(),
        )

    def _dam_certificate(self) -> ClientCertificate | None:
        from ferrero_dagster.clients.otmm_session import ClientCertificate

        if "mtls" not in self.settings.dam_auth:
            return None
        path = self.settings.require("dam_pfx_path").dam_pfx_path
        assert path
        return ClientCertificate(path=path, password=self.settings.dam_pfx_password.get_secret_value())

    @contextmanager
    def box(self) -> Iterator[Box]:
        """Box, logged in."""
        with self.box_clients() as (box, _):
            yield box

    @contextmanager
    def agency(self, limits: HttpLimits | None = None) -> Iterator[BoxAgency]:
        """The agency's folder in Box, logged in."""
        with self.box_clients(limits) as (_, agency):
            yield agency

    @contextmanager
    def box_clients(self, limits: HttpLimits | None = None) -> Iterator[tuple[Box, BoxAgency]]:
        """Box and the agency's folder, over the same connections, logged in."""
        from box_sdk_gen import BaseUrls

        from ferrero_dagster.clients.box import Box
        from ferrero_dagster.clients.box_agency import BoxAgency
        from ferrero_dagster.clients.box_session import close_box_client, open_box_client, read_box_config

        settings, limits = self.settings, limits or self._limits()
        urls = BaseUrls(
            base_url=settings.box_api_url, upload_url=settings.box_upload_url, oauth_2_url=settings.box_oauth_url
        )
        config = read_box_config(settings.box_config)
        with closing(self._limiters(box_limits(settings, self.site), limits)) as limiters:
            client = open_box_client(
                config,
                base_urls=urls,
                limits=limits,
                tokens=self.tokens,
                limiters=limiters,
                parts_are_uploads=self.site.box.parts_are_uploads,
            )
            try:
                yield (
                    Box(client, self.site.box, as_users=settings.box_users),
                    BoxAgency(client, template=self.site.agency.metadata_template, limits=limits),
                )
            finally:
                close_box_client(client)

    def _limits(self) -> HttpLimits:
        from ferrero_dagster.clients.http import HttpLimits

        return HttpLimits(read_timeout_s=self.site.transfer.read_timeout_s)

    def systems(self) -> AbstractContextManager[Systems]:
        """Everything that a run needs."""
        return opened_systems(self, database=self.database(), dam=self.dam_clients(), box=self.box_clients())

    @property
    def webhook_url(self) -> str | None:
        """Where Make.com is told; None: it is told nothing."""
        url = self.settings.make_webhook_url
        return url.get_secret_value() if url else None

    def post_office(self, webhook_url: str | None, deadline: Deadline = NEVER) -> PostOffice:
        """Where messages go."""
        from ferrero_dagster.clients.mail import SmtpServer
        from ferrero_dagster.messages.delivery import PostOffice
        from ferrero_dagster.messages.rendering import MailContext

        settings = self.settings.require("smtp_host", "mail_from", "mail_to", "mail_errors_to")
        server = SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
        )
        return PostOffice(
            server=server,
            sender=read_addresses(settings.mail_from)[0],
            recipients=settings.recipients,
            webhook_url=webhook_url,
            context=MailContext(time_zone=self.site.zone, links=self.links),
            deadline=deadline,
        )


@contextmanager
def opened_systems(
    connections: Connections,
    *,
    database: AbstractContextManager[Database],
    dam: AbstractContextManager[tuple[Otmm, OtmmImports]],
    box: AbstractContextManager[tuple[Box, BoxAgency]],
) -> Iterator[Systems]:
    """The parts, opened; what cannot be opened is written down as an outage, so that runs pause."""
    from ferrero_dagster.transfer import incidents
    from ferrero_dagster.transfer.systems import Systems

    with database as tracking, ExitStack() as stack:
        with incidents.noted(tracking, connections.site):
            otmm, imports = stack.enter_context(dam)
            masters, agency = stack.enter_context(box)
        yield Systems(
            database=tracking,
            dam=otmm,
            imports=imports,
            box=masters,
            agency=agency,
            site=connections.site,
            box_folders=connections.box_folders,
            temp_dir=connections.settings.temp_dir,
            has_webhook=connections.webhook_url is not None,
        )
