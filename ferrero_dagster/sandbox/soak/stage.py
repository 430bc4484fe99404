"""The stand-ins with Dagster working on them, and what is done to both."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg2
import requests
from dagster_graphql import DagsterGraphQLClient

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.domain.box_names import campaign_folder_name
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.campaigns import add_campaign_for_fun
from ferrero_dagster.sandbox.dagster_process import running_dagster
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER
from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster.sandbox.soak.findings import Tick
from ferrero_dagster.sandbox.world import World
from ferrero_dagster.tracking.campaigns import partition_keys
from ferrero_dagster.tracking.database import Database

_REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "ferrero_dagster"}
_TICKS = """query Ticks($sensor: SensorSelector!, $after: Float!) { sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(afterTimestamp: $after) {
        status timestamp endTimestamp error { message causes { message } } } } } } }"""
_ADD_PARTITION = """mutation Add($key: String!, $repository: RepositorySelector!) { addDynamicPartition(
    partitionsDefName: "campaigns", partitionKey: $key, repositorySelector: $repository) { __typename } }"""
MASTERS_EACH = 2
#: From what happened to its mail, by two sensors that look every half minute.
_MAIL_S = 90


@dataclass
class Stage:
    """The stand-ins, and Dagster, whose host may die."""

    world: World
    state: Path
    port: int
    processes: ExitStack = field(default_factory=ExitStack)
    #: Dagster's process group.
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def masters(self) -> MastersRoute:
        """The route whose campaigns are moved here."""
        return self.world.site.routes.masters[0]

    @property
    def finals(self) -> FinalsRoute:
        """Its way back."""
        return self.world.site.routes.finals[0]

    @property
    def inbox_id(self) -> str:
        """The agency's folder."""
        return self.world.site.box.ids[self.finals.inbox]

    def start(self) -> None:
        """Start Dagster."""
        self.process = self.processes.enter_context(running_dagster(self.world, self.state, self.port))

    def cut_power(self) -> None:
        """All of Dagster's processes, runs too, die at once."""
        assert self.process
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.close()
        until(lambda: not _answers(self.port), 30)

    def campaigns(self, number: int, *, is_seen: bool = True, masters: int = MASTERS_EACH) -> list[str]:
        """Ids of so many new campaigns with masters; those that are not to be seen yet have another status."""
        unseen = replace(self.masters, status_before=self.masters.status_after)
        route = self.masters if is_seen else unseen
        dam, media = self.world.dam, self.world.media_dir
        return [add_campaign_for_fun(dam, media, route, asset_count=masters) for _ in range(number)]

    def moved(self, campaign_ids: Sequence[str]) -> int:
        """How many of the campaigns have reached the next status."""
        return sum(self.world.dam.status(id_) == self.masters.status_after for id_ in campaign_ids)

    def files_in_box(self, campaign_ids: Sequence[str]) -> int:
        """How many files lie in the campaigns' folders, whatever their names."""
        folders = {campaign_folder_name(self.masters.box_folder, *self._number_and_name(id_)) for id_ in campaign_ids}
        root = self.world.box.tree(self.world.site.box.ids[self.masters.box_root])
        return sum(path.partition("/")[0] in folders for path in root)

    def partition(self, campaign_id: str) -> str:
        """What the campaign is called in Dagster, which then knows it."""
        number, name = self._number_and_name(campaign_id)
        campaign = Campaign(id=DamId(campaign_id), number=number, name=name, status="", type="")
        with closing(Database(self.world.postgres.url())) as database:
            key = database.transact(partition_keys, [campaign])[campaign.id]
        self._ask(_ADD_PARTITION, key=key, repository=_REPOSITORY)
        return key

    def materialize(self, campaign_id: str) -> str:
        """The id of a run as the button of the route's asset starts it."""
        return self._dagster.submit_job_execution(
            "__ASSET_JOB",
            repository_location_name=_REPOSITORY["repositoryLocationName"],
            repository_name=_REPOSITORY["repositoryName"],
            asset_selection=[self.masters.asset],
            tags={"dagster/partition": self.partition(campaign_id)},
        )

    def runs(self) -> int:
        """How many runs of the route were ever asked for, in whatever state they are."""
        return int(
            self.sql("SELECT count(*) FROM dagster.runs WHERE pipeline_name = %(job)s", job=self.masters.name)[0][0]
        )

    def has_failed(self, run_id: str) -> bool:
        """Whether Dagster says so of the run."""
        return bool(self._dagster.get_run_status(run_id).value == "FAILURE")

    def ticks(self, sensors: Sequence[str], since_s: float) -> list[Tick]:
        """Those that began since then, in seconds since 1970, and have ended."""
        found = []
        for sensor in sensors:
            answer = self._ask(_TICKS, sensor={**_REPOSITORY, "sensorName": sensor}, after=since_s)
            found += answer["sensorOrError"]["sensorState"]["ticks"]
        return [_tick(one) for one in found if one["endTimestamp"]]

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement in the tracking database."""
        with closing(psycopg2.connect(self.world.postgres.url())) as connection, connection:
            cursor = connection.cursor()
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def subjects(self, after: int, awaited: Mapping[str, int]) -> list[str]:
        """Of the mails after so many, once those awaited came, by words of their subjects, and none is on its way."""
        until(lambda: all(self._mails(after, words) >= number for words, number in awaited.items()), _MAIL_S)
        waiting = "SELECT count(*) FROM notifications WHERE state = 'waiting' AND channel = 'mail'"
        until(lambda: self.sql(waiting) == [(0,)], _MAIL_S)
        return [mail.subject for mail in self.world.mailbox.messages()[after:]]

    def _mails(self, after: int, words: str) -> int:
        return sum(words in mail.subject for mail in self.world.mailbox.messages()[after:])

    def _number_and_name(self, campaign_id: str) -> tuple[str, str]:
        return self.world.dam.value(campaign_id, CAMPAIGN_NUMBER), self.world.dam.item(campaign_id).name

    @property
    def _dagster(self) -> DagsterGraphQLClient:
        return DagsterGraphQLClient(HOST, port_number=self.port)

    def _ask(self, query: str, **variables: Any) -> Any:
        """What Dagster's pages ask."""
        url = f"http://{HOST}:{self.port}/graphql"
        return requests.post(url, json={"query": query, "variables": variables}, timeout=30).json()["data"]


def until(is_so: Callable[[], bool], timeout_s: float) -> float | None:
    """Seconds until it was so; None where it never was."""
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        if is_so():
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0


def _tick(found: dict[str, Any]) -> Tick:
    error = found["error"] or {"message": "", "causes": []}
    words = " ".join(part["message"] for part in (error, *error["causes"]))
    is_red = found["status"] == "FAILURE"
    return Tick(took_s=found["endTimestamp"] - found["timestamp"], error=(words or "no words") if is_red else "")


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs; each of Dagster's has a process group of its own."""
    shown = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607  # any
    pairs = [(int(child), int(parent)) for child, parent in map(str.split, shown.stdout.splitlines())]
    children = [child for child, parent in pairs if parent == pid]
    return [*children, *(one for child in children for one in descendants(child))]
