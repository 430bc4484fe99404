"""One run of a campaign, or one redelivery of it, in a process of its own, which a test may kill."""

import multiprocessing
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from box_sdk_gen import BaseUrls

from ferrero_dagster.clients.box_session import close_box_client, open_box_client, read_box_config
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.redeliveries import Redelivering, RedeliveryOutcome, Wanted
from ferrero_dagster.transfer.masters.run import move_masters
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster_tests.fix_sandbox import QUICK
from ferrero_dagster_tests.fix_world import A1, opened_systems, with_site

# Its server imports everything once and then only forks: a child starts in some milliseconds.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a campaign along a1_to_a2, and the addresses that it uses."""

    campaign_id: DamId
    dam_url: str
    box_config: Path
    box_urls: BaseUrls
    database_url: str
    temp_dir: Path
    threads: int
    #: Not a run of the route: a person wants the campaign's files once more.
    redelivers: bool = False
    #: What the site has otherwise.
    site: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self) -> multiprocessing.context.ForkServerProcess:
        """The process that now runs it."""
        process = _CONTEXT.Process(target=_move, args=(self,))
        process.start()
        return process


def redeliver(systems: Systems, **wanted: Any) -> RedeliveryOutcome:
    """What a person wants once more."""
    request = Request(done_by="Maria Rossi", dry_run=False, run_id="run 7")
    return Redelivering(systems=systems, request=request, log=lambda _: None).redeliver(Wanted(**wanted))


def _move(run: Run) -> None:
    # A shell that starts the tests in its background has interrupts ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    client = open_box_client(read_box_config(run.box_config), base_urls=run.box_urls, limits=QUICK)
    watcher = Watcher(run_id="child", log=lambda _: None, on_moved=lambda _: None)
    with opened_systems(run.dam_url, client, run.database_url, run.temp_dir) as systems:
        threaded = with_site(systems, **{**run.site, "transfer": {"threads": run.threads}})
        if run.redelivers:
            redeliver(threaded, campaigns=[run.campaign_id])
        else:
            move_masters(A1, run.campaign_id, threaded, watcher)
    close_box_client(client)
