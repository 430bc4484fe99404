"""The demo: stand-ins, embedded PostgreSQL, Dagster with its sensors on, sample campaigns moving (`make demo`)."""

import contextlib
import fcntl
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import FrameType

import requests
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError
from rich.console import Console

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.sandbox import neighbours
from ferrero_dagster.sandbox.agency import HASTY_NAME, deliver, deliver_finals
from ferrero_dagster.sandbox.campaigns import SampleCampaigns, seed
from ferrero_dagster.sandbox.dagster_process import running_dagster
from ferrero_dagster.sandbox.demo_check import wait_and_check
from ferrero_dagster.sandbox.inherited import add_inherited_campaign
from ferrero_dagster.sandbox.otmm import Dialect
from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster.sandbox.world import World

_START_TIMEOUT_S = 120
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_demo(
    state: Path,
    *,
    port: int,
    check: bool,
    fresh: bool,
    dialect: Dialect,
    site_config: Path | None = None,
    box_limits: bool = False,
) -> int:
    """Run until Ctrl-C, or with `check` until the end state; returns the exit code.

    Raises:
        ConfigurationError: a port is taken, another demo uses the folder, or something cannot start.
    """
    end_when_told()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    try:
        with (
            _state_folder(state, fresh=fresh),
            World(state, base_port=port, site_config=site_config, dialect=dialect, box_limits=box_limits) as world,
        ):
            console.print("Making sample campaigns …")
            samples = seed(world.dam, world.box, world.media_dir, world.site)
            if dialect == "customer":
                samples = _with_customers_past(world, samples)
            with running_dagster(world, state, port):
                _tell(console, world, state, port)
                threading.Thread(target=_play_agency, args=(world, samples), daemon=True).start()
                threading.Thread(target=_make_reports, args=(world, port), daemon=True).start()
                if check:
                    return wait_and_check(console, world, samples)
                signal.pause()
    except KeyboardInterrupt:
        console.print("\nThe demo has ended; `make demo` goes on where it stopped, `make clean` forgets it.")
    return 0


def _with_customers_past(world: World, samples: SampleCampaigns) -> SampleCampaigns:
    """What the cron scripts and the programs beside them have left in the tracking database."""
    database_url = world.environment()["FERRERO_DATABASE_URL"]
    neighbours.add_neighbour_tables(database_url)
    masters, finals = world.site.routes.deliveries[0]
    return replace(samples, inherited=add_inherited_campaign(world, masters, finals))


def end_when_told() -> None:
    """Let Ctrl-C, a kill and the end of the terminal raise KeyboardInterrupt; once, for ending takes its time."""

    def interrupt(_: int, __: FrameType | None) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    # A shell that starts us in the background lets us ignore Ctrl-C, and Dagster would inherit that.
    for number in _ENDING:
        signal.signal(number, interrupt)


@contextmanager
def _state_folder(state: Path, *, fresh: bool) -> Iterator[None]:
    state.mkdir(parents=True, exist_ok=True)
    with (state.parent / f"{state.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"Another demo uses {state}; end it, or choose another with --state.") from None
        if fresh:
            shutil.rmtree(state)
            state.mkdir()
        yield


def _play_agency(world: World, samples: SampleCampaigns) -> None:
    """Once the masters of a campaign are in Box, the agency delivers its finals, and one file in a hurry."""
    awaited = world.site.routes.deliveries
    while awaited:
        time.sleep(1)
        for masters, finals in awaited:
            status, inbox_id = world.dam.status(samples.moved[masters.name]), world.site.box.ids[finals.inbox]
            if status == masters.status_before:
                continue
            if status == masters.status_after:
                campaign_id = samples.moved[masters.name]
                deliver_finals(world.box, inbox_id, world.postgres.url(), world.media_dir, campaign_id)
                deliver(world.box, inbox_id, world.media_dir, HASTY_NAME)
            awaited = [pair for pair in awaited if pair != (masters, finals)]


def _make_reports(world: World, port: int) -> None:
    """Let the pages that people open first say something at once: how things stand, and yesterday's report."""
    site = world.site
    yesterday = ReportDay.last_over(datetime.now(site.zone), site.zone, site.report.cut_off).date
    dagster = DagsterGraphQLClient(HOST, port_number=port)
    for job, tags in (("reconcile", {}), ("daily_report", {"dagster/partition": yesterday.isoformat()})):
        # Dagster's page is up before it has loaded our definitions.
        ends, is_started = time.monotonic() + _START_TIMEOUT_S, False
        while not is_started and time.monotonic() < ends:
            with contextlib.suppress(DagsterGraphQLClientError, requests.RequestException):
                is_started = bool(dagster.submit_job_execution(job, tags=tags))
            time.sleep(0 if is_started else 1)


def _tell(console: Console, world: World, state: Path, port: int) -> None:
    reached = ", ".join(route.status_after for route in world.site.routes.masters)
    completed = ", ".join(route.status_after for route in world.site.routes.finals)
    console.print(
        f"\n[bold]Dagster[/]   http://{HOST}:{port}   runs, assets, sensors"
        f"\n[bold]Sandbox[/]   {world.page.url}   campaigns in the DAM, files in Box, mails, webhooks, fault switches"
        f"\n[bold]Database[/]  {world.postgres.url()}"
        f"\n[bold]Log[/]       {state / 'dagster.log'}"
        f"\n\nThe sensors look every five seconds: within a minute the sample campaigns reach {reached},"
        f"\nand the finals that the agency then delivers bring them to {completed}. Ctrl-C ends.",
        soft_wrap=True,
    )
