"""A run Box → DAM in a process of its own, which tests kill or measure."""

import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.memory import peak_bytes
from ferrero_dagster.transfer.finals.run import move_finals
from ferrero_dagster.transfer.systems import Watcher
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN
from ferrero_dagster_tests.fix_world import A2, AGENCY_FOLDER, World

_context = multiprocessing.get_context("forkserver")
# Imported once, so that each process starts at once.
_context.set_forkserver_preload(["pytest", __name__, "ferrero_dagster.clients.otmm_imports", "pymediainfo"])


def environment(world: World, directory: Path) -> dict[str, str]:
    """What our code needs to find the world's systems."""
    site = directory / "site.yaml"
    site.write_text("transfer: {free_space_reserve_bytes: 0}\nagency: {advance_when_complete: true}\n")
    urls = world.box.base_urls
    return {
        "FERRERO_DATABASE_URL": world.database_url,
        "FERRERO_DAM_URL": world.dam.url,
        "FERRERO_DAM_AUTH": "oauth2",
        "FERRERO_DAM_USERNAME": DAM_LOGIN.username,
        "FERRERO_DAM_PASSWORD": DAM_LOGIN.password,
        "FERRERO_DAM_CLIENT_ID": DAM_LOGIN.client_id,
        "FERRERO_DAM_CLIENT_SECRET": DAM_LOGIN.client_secret,
        "FERRERO_BOX_CONFIG": str(world.box.config),
        "FERRERO_BOX_API_URL": urls.base_url,
        "FERRERO_BOX_UPLOAD_URL": urls.upload_url,
        "FERRERO_BOX_OAUTH_URL": urls.oauth_2_url,
        "FERRERO_BOX_FOLDER_AGENCY_UPLOADS": AGENCY_FOLDER,
        "FERRERO_TEMP_DIR": str(directory / "transit"),
        "FERRERO_SITE_CONFIG": str(site),
    }


def start(environment: Mapping[str, str], campaign_id: DamId) -> tuple[ForkServerProcess, Connection]:
    """The process that moves the campaign's finals; over the pipe it says by how many bytes its memory grew."""
    receiver, sender = _context.Pipe(duplex=False)
    process = _context.Process(target=_run, args=(dict(environment), campaign_id, sender))
    process.start()
    sender.close()
    return process, receiver


def _run(environment: dict[str, str], campaign_id: DamId, sender: Connection) -> None:
    os.environ.update(environment)
    with Connections.from_environment().systems() as systems:
        before = peak_bytes()
        move_finals(A2, campaign_id, systems, Watcher(run_id="run", log=lambda _: None, on_moved=lambda _: None))
        sender.send(peak_bytes() - before)
