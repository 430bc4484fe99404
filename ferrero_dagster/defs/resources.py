"""The five outside systems as Dagster's people expect them: what each is, where it points, and its plain client.

Addresses and secrets come from the environment alone, when a client is opened. The fields only show, without secrets,
where a resource pointed when this was loaded: a run's configuration, which anybody may write who reaches the UI,
cannot send our secrets elsewhere, and a run that tries to is refused.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
from pydantic import Field, PrivateAttr

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.http import HttpLimits
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.config.settings import Settings
from ferrero_dagster.config.site import Site
from ferrero_dagster.connections import Connections, opened_systems
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.messages.delivery import PostOffice
from ferrero_dagster.tracking.database import Database, shown_address
from ferrero_dagster.transfer.systems import Systems

_NOT_SET = "not set"
FIVE = {"dam", "box", "tracking", "mail", "webhook"}


class OutsideSystem(dg.ConfigurableResource[Any]):
    """What all five have in common."""

    reads: list[str] = Field(description="The environment variables that it reads, secrets among them.")

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuse a run whose configuration says where it should point."""
        shown = context.resource_def.config_schema.default_value
        if any(context.resource_config[name] != value for name, value in shown.items()):
            raise ConfigurationError(
                "The run's configuration sets fields of a resource, which only show where it points: addresses come "
                "from the environment alone. Start the run without `resources` in its configuration."
            )

    @cached_property
    def connections(self) -> Connections:
        """As environment and site configuration say now: Dagster makes the resource anew for every run and tick."""
        return Connections.from_environment()

    def connected(self, priority: Priority) -> Connections:
        """The same, for who goes before or after others where Box or the DAM do not take all at once."""
        return replace(self.connections, priority=priority)

    @property
    def site(self) -> Site:
        """The site configuration as it is now."""
        return self.connections.site

    @property
    def links(self) -> Links:
        """Where people look at things."""
        return self.connections.links


class DamResource(OutsideSystem):
    """The DAM of Ferrero, OpenText Media Management: campaigns and their status, masters to fetch, finals to import.

    One log-in serves all ticks of a process. `ferrero-dagster check-connections` says whether it can be used.
    """

    address: str = Field(description="FERRERO_DAM_URL")
    log_in: str = Field(description="FERRERO_DAM_AUTH")

    @classmethod
    def shown(cls, connections: Connections) -> "DamResource":
        """Where it points."""
        settings = connections.settings
        return cls(reads=_variables("dam_"), address=_address(settings.dam_url), log_in=settings.dam_auth)

    def client(
        self, limits: HttpLimits | None = None, priority: Priority = Priority.REST
    ) -> AbstractContextManager[Otmm]:
        """The DAM; it is asked for nothing yet."""
        return self.connected(priority).dam(limits)

    def clients(self, priority: Priority = Priority.REST) -> AbstractContextManager[tuple[Otmm, OtmmImports]]:
        """The DAM and its import jobs."""
        return self.connected(priority).dam_clients()


class BoxResource(OutsideSystem):
    """Box, where the agency works: masters are put there with their tracking ID, finals are taken from there.

    One log-in serves all ticks of a process. `ferrero-dagster check-connections` says whether it can be used.
    """

    address: str = Field(description="FERRERO_BOX_API_URL")
    log_in: str = Field(description="FERRERO_BOX_CONFIG: the file from Box's developer console")
    folders: dict[str, str] = Field(description="Folder ids, of the site configuration or FERRERO_BOX_FOLDER_…")
    uploads_per_minute: int = Field(description="FERRERO_BOX_UPLOADS_PER_MINUTE: 0 is without a limit of ours")
    calls_per_minute: int = Field(description="FERRERO_BOX_CALLS_PER_MINUTE: 0 is without a limit of ours")

    @classmethod
    def shown(cls, connections: Connections) -> "BoxResource":
        """Where it points."""
        settings = connections.settings
        return cls(
            reads=_variables("box_"),
            address=_address(settings.box_api_url),
            log_in=str(settings.box_config),
            folders=dict(connections.box_folders),
            uploads_per_minute=settings.box_uploads_per_minute,
            calls_per_minute=settings.box_calls_per_minute,
        )

    def agency(self, limits: HttpLimits | None = None) -> AbstractContextManager[BoxAgency]:
        """The agency's folder, logged in."""
        return self.connections.agency(limits)

    def clients(self, priority: Priority = Priority.REST) -> AbstractContextManager[tuple[Box, BoxAgency]]:
        """Box and the agency's folder, logged in."""
        return self.connected(priority).box_clients()

    def folder_id(self, name: str) -> BoxId:
        """The id of the folder that a route names so."""
        return self.connections.box_folders[name]


class TrackingResource(OutsideSystem):
    """The tracking database, PostgreSQL: which Box file came from which DAM asset, what failed, what is to be sent.

    `ferrero-dagster db upgrade` brings it up to date.
    """

    database_name: str = Field(description="FERRERO_DATABASE_URL, without user and password")

    @classmethod
    def shown(cls, connections: Connections) -> "TrackingResource":
        """Where it points."""
        url = connections.settings.database_url.get_secret_value()
        return cls(reads=_variables("database_url"), database_name=shown_address(url) if url else _NOT_SET)

    _run_id: str | None = PrivateAttr(None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """As every resource, and remember whose patience it is to have."""
        super().setup_for_execution(context)
        self._run_id = context.run.run_id if context.run else None

    def database(self, name: str = "", *, deadline: Deadline = NEVER) -> AbstractContextManager[Database]:
        """The database; a connection is made when it is asked for something.

        PostgreSQL shows a tick by the `name` of its sensor, and a run by its id.
        """
        if self._run_id:
            return self.connections.database("run", self._run_id)
        return self.connections.database("tick", name, deadline=deadline)


class WebhookResource(OutsideSystem):
    """Make.com, which is told of every campaign that is complete on a route with a webhook.

    Its address is a secret: whoever knows it can post. Not set, no webhook is sent; mails go out nevertheless.
    """

    host: str = Field(description="FERRERO_MAKE_WEBHOOK_URL, its host only")

    @classmethod
    def shown(cls, connections: Connections) -> "WebhookResource":
        """Where it points."""
        return cls(reads=_variables("make_"), host=urlsplit(connections.webhook_url or "").hostname or _NOT_SET)

    @property
    def url(self) -> str | None:
        """Where to post; None: nowhere."""
        return self.connections.webhook_url


class MailResource(OutsideSystem):
    """The mail server: what happened goes to one list, what needs a person to the other.

    What it does not take now waits in the outbox, in the tracking database; no file waits for a mail.
    """

    server: str = Field(description="FERRERO_SMTP_HOST, _PORT and _SECURITY")
    sender: str = Field(description="FERRERO_MAIL_FROM")
    notifications: list[str] = Field(description="FERRERO_MAIL_TO: who gets the success mails and the daily report")
    errors: list[str] = Field(description="FERRERO_MAIL_ERRORS_TO: who gets the mails that need a person")

    @classmethod
    def shown(cls, connections: Connections) -> "MailResource":
        """Where it points."""
        settings = connections.settings
        server = f"{settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
        return cls(
            reads=_variables("smtp_") + _variables("mail_"),
            server=server if settings.smtp_host else _NOT_SET,
            sender=settings.mail_from or _NOT_SET,
            notifications=[str(address) for address in settings.recipients["notifications"]],
            errors=[str(address) for address in settings.recipients["errors"]],
        )

    def post_office(self, webhook: WebhookResource, deadline: Deadline = NEVER) -> PostOffice:
        """Where messages go."""
        return self.connections.post_office(webhook.url, deadline)


@dataclass(frozen=True, kw_only=True)
class RunResources:
    """The five together, as a run of a route needs them."""

    dam: DamResource
    box: BoxResource
    tracking: TrackingResource
    mail: MailResource
    webhook: WebhookResource

    def systems(self, priority: Priority = Priority.REST) -> AbstractContextManager[Systems]:
        """What files are moved with, opened."""
        return opened_systems(
            self.tracking.connections,
            database=self.tracking.database(),
            dam=self.dam.clients(priority),
            box=self.box.clients(priority),
        )


def build_resources(connections: Connections) -> dict[str, OutsideSystem]:
    """The five by name, pointing where they point now."""
    return {
        "dam": DamResource.shown(connections),
        "box": BoxResource.shown(connections),
        "tracking": TrackingResource.shown(connections),
        "mail": MailResource.shown(connections),
        "webhook": WebhookResource.shown(connections),
    }


def _variables(prefix: str) -> list[str]:
    return [f"FERRERO_{name.upper()}" for name in Settings.model_fields if name.startswith(prefix)]


def _address(url: str) -> str:
    """Without a user, a password or a query, which may be secret."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() or _NOT_SET
