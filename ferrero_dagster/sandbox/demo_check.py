"""Waits for the end state of the demo and compares it with what SPEC 3 promises, as one table."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg2
from rich.console import Console
from rich.table import Table

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.box_names import campaign_folder_name
from ferrero_dagster.sandbox.agency import AGENCY_FOLDER, HASTY_NAME
from ferrero_dagster.sandbox.campaigns import SampleCampaigns
from ferrero_dagster.sandbox.otmm import Item
from ferrero_dagster.sandbox.world import ERRORS_TO, MAIL_TO, World

_TIMEOUT_S = 240
#: After the last status, for mails and webhooks to arrive and for doubles to show.
_CALM_S = 8


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    expected: str
    found: str

    @property
    def is_right(self) -> bool:
        return self.expected == self.found


def wait_and_check(console: Console, world: World, samples: SampleCampaigns) -> int:
    """Print the table of what was expected and found; 0 if all is right, else 1."""
    campaigns = {"a1_to_a2": samples.local, "a5_to_a6": samples.rework, "b1_to_b2": samples.global_}
    began = time.monotonic()
    routes = load_site().routes
    ends = {route.name: route.status_after for route in routes.masters}
    ends |= {"a1_to_a2": routes.finals[0].status_after}
    _wait(lambda: all(world.dam.status(campaigns[name]) == status for name, status in ends.items()))
    took_s = time.monotonic() - began
    time.sleep(_CALM_S)
    rows = [row for route in routes.masters for row in _rows(world, route, campaigns[route.name], ends[route.name])]
    rows += _finals_rows(world, samples.local)
    table = Table("what", "expected", "found", "", title=f"End state after {took_s:.0f} s")
    for row in rows:
        table.add_row(row.what, row.expected, row.found, "[green]ok[/]" if row.is_right else "[red]WRONG[/]")
    console.print(table)
    return 0 if all(row.is_right for row in rows) else 1


def _wait(is_reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < ends and not is_reached():
        time.sleep(0.5)


def _rows(world: World, route: MastersRoute, campaign_id: str, end: str) -> Iterator[_Row]:
    masters = world.dam.assets(world.dam.folder(campaign_id, route.source_folder))
    yield _Row(f"{route.name}: status in the DAM", end, world.dam.status(campaign_id))
    yield _Row(f"{route.name}: files in Box, byte for byte", *_same_files(world, route, campaign_id))
    yield _Row(f"{route.name}: transfers moved", str(len(masters)), _count(world, _MOVED, route.name, campaign_id))
    yield _Row(f"{route.name}: success mails", "1", _mails(world, f"{route.name}_complete", campaign_id))
    hooks = [hook for hook in world.webhooks.received() if hook.body.get("campaign_id") == campaign_id]
    yield _Row(f"{route.name}: webhooks", "1" if route.webhook else "0", str(len(hooks)))


def _same_files(world: World, route: MastersRoute, campaign_id: str) -> tuple[str, str]:
    assets = world.dam.assets(world.dam.folder(campaign_id, route.source_folder))
    masters = Counter(hashlib.sha1(world.dam.content(a.id).read_bytes()).hexdigest() for a in assets)  # noqa: S324  # Box's
    roots = {"local_masters": "348304357505", "global_masters": "349261192115"}
    campaign = world.dam.item(campaign_id)
    number = world.dam.value(campaign_id, "FERRERO.FIELD.CAMPAIGN_NUMBER")
    folder = world.box.folder(roots[route.box_root], campaign_folder_name(route.box_folder, number, campaign.name))
    if folder and route.box_subfolder:
        folder = world.box.folder(folder, route.box_subfolder)
    files = Counter(item.sha1_hex for item in world.box.items(folder) if item.type == "file") if folder else Counter()
    same = sum((masters & files).values())
    return f"{masters.total()} of {masters.total()}", f"{same} of {files.total()}"


def _finals_rows(world: World, campaign_id: str) -> Iterator[_Row]:
    """What SPEC 4 and 6 promise of the finals."""
    masters = len(world.dam.assets(world.dam.folder(campaign_id, "01 Master Assets")))
    finals = world.dam.assets(world.dam.folder(campaign_id, "01 Final Assets"))
    yield _Row("a2_to_a3: finals in the DAM", str(masters), str(len(finals)))
    yield _Row("a2_to_a3: model and policy", "ECOMMERCE 1594", " ".join(sorted({_model(item) for item in finals})))
    fields = {len(item.metadata) + 1 for item in finals}  # the name is kept apart
    yield _Row("a2_to_a3: 27 or 28 fields each", "yes", "yes" if fields <= {27, 28} else str(sorted(fields)))
    left = [item.name for item in world.box.items(AGENCY_FOLDER)]
    yield _Row("a2_to_a3: left in the agency folder", HASTY_NAME, ", ".join(left))
    yield _Row("a2_to_a3: mails of finals", str(masters), _mails(world, "a2_to_a3_file_uploaded", campaign_id))
    yield _Row("a2_to_a3: mail of the campaign", "1", _mails(world, "a2_to_a3_complete", campaign_id))
    refusals = [m for m in world.mailbox.messages() if "refused" in m.subject and m.recipients == (ERRORS_TO,)]
    yield _Row("a2_to_a3: mails of the refused file", "1", str(len(refusals)))


def _model(item: Item) -> str:
    return f"{item.model} {' '.join(map(str, item.security_policies))}"


def _mails(world: World, template: str, campaign_id: str) -> str:
    """How many mails of this kind arrived at the notification list, counted in the mailbox by their Message-IDs."""
    with psycopg2.connect(world.postgres.url()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id FROM notifications WHERE template = %s AND campaign_id = %s AND channel = 'mail'",
            (template, campaign_id),
        )
        ids = {row[0] for row in cursor.fetchall()}
    arrived = [m for m in world.mailbox.messages() if m.message_id.strip("<>").split("@")[0] in ids]
    return str(len([mail for mail in arrived if mail.recipients == (MAIL_TO,)]))


_MOVED = "SELECT count(*) FROM transfers WHERE route = %s AND campaign_id = %s AND state = 'moved'"


def _count(world: World, query: str, *values: str) -> str:
    with psycopg2.connect(world.postgres.url()) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return str((cursor.fetchone() or (0,))[0])
