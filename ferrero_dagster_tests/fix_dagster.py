"""Dagster itself with our definitions on a world: ticks, runs and mails as operators see them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from alembic.config import Config
from alembic.script import ScriptDirectory

from ferrero_dagster.config.site import merged_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.definitions import definitions
from ferrero_dagster.defs.resources import OutsideSystem, build_resources
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.mailbox import Mailbox, MailServer
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER
from ferrero_dagster.sandbox.serving import HOST, Server
from ferrero_dagster.sandbox.site import SANDBOX_SITE
from ferrero_dagster.sandbox.webhooks import WebhookInbox, create_webhook_app
from ferrero_dagster.tracking.campaigns import partition_keys
from ferrero_dagster_tests.fix_world import World

RUN_KEY, PARTITION = "dagster/run_key", "dagster/partition"
#: Columns of a route that say when something was last.
LAST = ("last_retry_at", "last_error_at")
_TIMES = (
    *(f"campaign_status SET {p}_{at} = {p}_{at} - interval" for p in ("a1", "a5", "b1") for at in LAST),
    "campaign_rounds SET last_failed_at = last_failed_at - interval",
    "outages SET last_failure_at = last_failure_at - interval",
    "outages SET began_at = began_at - interval",
    "notifications SET next_attempt_at = next_attempt_at - interval",
)


def resources() -> dict[str, OutsideSystem]:
    """The five, pointing where the environment says now."""
    return build_resources(Connections.from_environment())


@dataclass(repr=False)
class Cockpit:
    """A Dagster instance of its own; `tick` and `launch` do what daemon and launchpad do."""

    world: World
    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition
    mailbox: Mailbox
    webhooks: WebhookInbox
    results: list[dg.ExecuteInProcessResult] = field(default_factory=list)
    #: What each sensor's last tick said to the next one.
    cursors: dict[str, str] = field(default_factory=dict)

    def preview(self, sensor: str) -> dg.SensorResult | dg.SkipReason:
        """One evaluation without consequences in Dagster, as the UI's preview makes it."""
        context = dg.build_sensor_context(
            instance=self.instance,
            sensor_name=sensor,
            resources=resources(),
            repository_def=self.repository,
            cursor=self.cursors.get(sensor),
        )
        result = self.repository.get_sensor_def(sensor)(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def tick(self, sensor: str = "a1_campaigns") -> dg.SensorResult:
        """One tick of the daemon: partitions are added, each run key is launched once for ever."""
        result = self.preview(sensor)
        assert isinstance(result, dg.SensorResult)
        self.cursors[sensor] = result.cursor or self.cursors.get(sensor, "")
        self.obey(result, sensor)
        return result

    def obey(self, result: dg.SensorResult, sensor: str = "a1_campaigns") -> None:
        """What the daemon does with the result of a tick."""
        for partitions in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(partitions.partitions_def_name, list(partitions.partition_keys))
        job = str(self.repository.get_sensor_def(sensor).job_name)
        for request in result.run_requests or []:
            launched = self.instance.get_runs(dg.RunsFilter(tags={RUN_KEY: str(request.run_key)}))
            if not launched:
                self.launch_partition(
                    job, str(request.partition_key), tags={**request.tags, RUN_KEY: str(request.run_key)}
                )

    def key(self, campaign_id: DamId) -> str:
        """What the campaign is called in Dagster."""
        store = self.world.dam.store
        name, number = store.item(campaign_id).name, store.value(campaign_id, CAMPAIGN_NUMBER)
        campaign = Campaign(id=campaign_id, number=number, name=name, status="", type="")
        return self.world.database.transact(partition_keys, [campaign])[campaign_id]

    def launch(self, job: str, campaign_id: DamId, *, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """A run of a campaign, as the launchpad starts it."""
        return self.launch_partition(job, self.key(campaign_id), tags=tags)

    def launch_partition(self, job: str, key: str, *, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """A run of a partition, also of one that was added by hand."""
        self.instance.add_dynamic_partitions("campaigns", [key])
        result = self.repository.get_job(job).execute_in_process(
            partition_key=key, instance=self.instance, tags=tags, raise_on_error=False
        )
        self.results.append(result)
        return result

    def later(self, minutes: float = 3) -> None:
        """So much time has passed since everything that happened."""
        self.world.sql(*(f"UPDATE {times} '{minutes} min'" for times in _TIMES))

    def set_site(self, **sections: dict[str, Any]) -> None:
        """Other values of the site configuration from now on."""
        path = Path(os.environ["FERRERO_SITE_CONFIG"])
        site = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(site | {name: site.get(name, {}) | own for name, own in sections.items()}))

    def subjects(self) -> list[str]:
        """Of the mails that arrived, in order."""
        return [mail.subject for mail in self.mailbox.messages()]


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What the run page shows: of the campaign's materialization, or of the failure."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        told = event.step_failure_data.user_failure_data
        assert told
        return {name: value.value for name, value in told.metadata.items()} | {"description": told.description}
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key and e.asset_key.path[0] == "box"]
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture(scope="session", autouse=True)
def _revisions_are_read_once() -> Iterator[None]:
    """Alembic reads Dagster's fifty anew for each database of an instance and of each run: half a second a test."""
    read: dict[str | None, ScriptDirectory] = {}
    from_config = ScriptDirectory.from_config

    def read_once(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in read:
            read[place] = from_config(config)
        return read[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", read_once)
        yield


@pytest.fixture(scope="session")
def repository() -> dg.RepositoryDefinition:
    return definitions().get_repository_def()


@pytest.fixture
def cockpit(
    world: World, repository: dg.RepositoryDefinition, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Cockpit]:
    login = world.dam.login
    mailbox, webhooks = Mailbox(tmp_path / "mails"), WebhookInbox(tmp_path / "webhooks")
    with (
        MailServer(mailbox) as mail,
        Server(create_webhook_app(webhooks)) as make_com,
        dg.instance_for_test() as instance,
    ):
        environment = {
            "DATABASE_URL": world.database_url,
            "DAM_URL": world.dam.url,
            "DAM_CLIENT_ID": login.client_id,
            "DAM_CLIENT_SECRET": login.client_secret,
            "DAM_USERNAME": login.username,
            "DAM_PASSWORD": login.password,
            "DAM_TOKEN_URL": login.token_url,
            "BOX_CONFIG": str(world.box.config),
            "BOX_API_URL": world.box.url,
            "BOX_UPLOAD_URL": f"{world.box.url}/upload/api",
            "BOX_OAUTH_URL": f"{world.box.url}/oauth2",
            "BOX_UPLOADS_PER_MINUTE": "0",
            "BOX_CALLS_PER_MINUTE": "0",
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(mail.port),
            "SMTP_SECURITY": "none",
            "MAIL_FROM": "dagster@agency.example",
            "MAIL_TO": "team@agency.example",
            "MAIL_ERRORS_TO": "errors@agency.example",
            "MAKE_WEBHOOK_URL": f"{make_com.url}/hook",
            "TEMP_DIR": str(tmp_path / "transit"),
            "SITE_CONFIG": str(tmp_path / "site.yaml"),
        }
        site = {**merged_site(SANDBOX_SITE), "transfer": {"free_space_reserve_bytes": 0}}
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
        for name, value in environment.items():
            monkeypatch.setenv(f"FERRERO_{name}", value)
        yield Cockpit(world, instance, repository, mailbox, webhooks)
