"""Waits for the end state of the demo and compares it with what SPEC 3 promises, as one table."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg2
from rich.console import Console
from rich.table import Table

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute, Route
from ferrero_dagster.domain.box_names import campaign_folder_name
from ferrero_dagster.sandbox.agency import HASTY_NAME
from ferrero_dagster.sandbox.campaigns import SampleCampaigns
from ferrero_dagster.sandbox.otmm import Item
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER
from ferrero_dagster.sandbox.world import ERRORS_TO, MAIL_TO, World

_TIMEOUT_S = 240
#: What the seeds count in a final (SPEC 6); the customer's documents have added some.
_MVP_FIELDS = 27
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
    began, site = time.monotonic(), world.site
    ends = {samples.moved[route.name]: route.status_after for route in site.routes.masters}
    deliveries = [(samples.moved[masters.name], masters, finals) for masters, finals in site.routes.deliveries]
    if site.agency.advance_when_complete:
        ends |= {campaign_id: finals.status_after for campaign_id, _, finals in deliveries}
        ends |= {samples.inherited: deliveries[0][2].status_after_rework} if samples.inherited else {}
    _wait(lambda: all(world.dam.status(campaign_id) == status for campaign_id, status in ends.items()))
    took_s = time.monotonic() - began
    time.sleep(_CALM_S)
    rows = [row for route in site.routes.masters for row in _rows(world, route, samples.moved[route.name], ends)]
    rows += [row for delivery in deliveries for row in _delivery_rows(world, *delivery)]
    if samples.inherited:
        rows += _rework_rows(world, samples.inherited, ends, *deliveries[0][1:])
    table = Table("what", "expected", "found", "", title=f"End state after {took_s:.0f} s")
    for row in rows:
        table.add_row(row.what, row.expected, row.found, "[green]ok[/]" if row.is_right else "[red]WRONG[/]")
    console.print(table)
    return 0 if all(row.is_right for row in rows) else 1


def _wait(is_reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < ends and not is_reached():
        time.sleep(0.5)


def _rows(world: World, route: MastersRoute, campaign_id: str, ends: dict[str, str]) -> Iterator[_Row]:
    """What SPEC 3 promises of a campaign that went along the route."""
    masters = _masters(world, route, campaign_id)
    yield _Row(f"{route.name}: status in the DAM", ends[campaign_id], world.dam.status(campaign_id))
    yield _Row(f"{route.name}: files in Box, byte for byte", *_same_files(world, route, campaign_id, masters))
    yield _Row(f"{route.name}: transfers moved", str(len(masters)), str(len(_moved(world, route, campaign_id))))
    yield _Row(f"{route.name}: success mails", "1", _mails(world, f"{route.name}_complete", campaign_id))
    hooks = [hook for hook in world.webhooks.received() if hook.body.get("campaign_id") == campaign_id]
    yield _Row(f"{route.name}: webhooks", "1" if route.webhook else "0", str(len(hooks)))


def _masters(world: World, route: MastersRoute, campaign_id: str) -> list[Item]:
    """What was in the source folder before finals came into it, if that is where they go."""
    finals = {id_ for way_back in world.site.routes.finals for id_ in _moved(world, way_back, campaign_id)}
    folder_id = world.dam.folder(campaign_id, route.source_folder)
    return [asset for asset in world.dam.assets(folder_id) if asset.id not in finals]


def _same_files(world: World, route: MastersRoute, campaign_id: str, masters: list[Item]) -> tuple[str, str]:
    expected = Counter(hashlib.sha1(world.dam.content(a.id).read_bytes()).hexdigest() for a in masters)  # noqa: S324  # Box's
    campaign = world.dam.item(campaign_id)
    name = campaign_folder_name(route.box_folder, world.dam.value(campaign_id, CAMPAIGN_NUMBER), campaign.name)
    folder = world.box.folder(world.site.box.ids[route.box_root], name)
    if folder and route.box_subfolder:
        folder = world.box.folder(folder, route.box_subfolder)
    files = Counter(item.sha1_hex for item in world.box.items(folder) if item.type == "file") if folder else Counter()
    return f"{expected.total()} of {expected.total()}", f"{(expected & files).total()} of {files.total()}"


def _delivery_rows(world: World, campaign_id: str, masters: MastersRoute, route: FinalsRoute) -> Iterator[_Row]:
    """What SPEC 4 and 6 promise of a campaign's first finals, and of what else lies in the agency's folder."""
    yield from _finals_rows(world, route.name, campaign_id, masters, route)
    left = [item.name for item in world.box.items(world.site.box.ids[route.inbox])]
    yield _Row(f"{route.name}: left in the agency's folder", HASTY_NAME, ", ".join(left))
    refusals = [m for m in world.mailbox.messages() if "refused" in m.subject and m.recipients == (ERRORS_TO,)]
    inboxes = len({finals.inbox for _, finals in world.site.routes.deliveries})
    yield _Row(f"{route.name}: mails of refused files, in all", str(inboxes), str(len(refusals)))


def _rework_rows(
    world: World, campaign_id: str, ends: dict[str, str], masters: MastersRoute, route: FinalsRoute
) -> Iterator[_Row]:
    """What contract customer.md 1 says of corrected finals: new versions of the same assets."""
    what = f"{route.name}, rework"
    yield _Row(f"{what}: status in the DAM", ends.get(campaign_id, route.rework_status), world.dam.status(campaign_id))
    yield from _finals_rows(world, what, campaign_id, masters, route)
    assets = world.dam.assets(world.dam.folder(campaign_id, masters.upload_folder))
    yield _Row(f"{what}: versions of the assets", "2 2", " ".join(str(asset.version) for asset in assets))


def _finals_rows(
    world: World, what: str, campaign_id: str, masters: MastersRoute, route: FinalsRoute
) -> Iterator[_Row]:
    awaited, finals = len(_masters(world, masters, campaign_id)), _moved(world, route, campaign_id)
    folder_id = world.dam.folder(campaign_id, route.target_folder or masters.upload_folder)
    arrived = [asset for asset in world.dam.assets(folder_id) if asset.id in finals]
    yield _Row(f"{what}: finals in the DAM", str(awaited), str(len(arrived)))
    models = " ".join(sorted({_model(item) for item in arrived}))
    yield _Row(f"{what}: model and policy", "ECOMMERCE 1594", models)
    few = [len(item.metadata) for item in arrived if len(item.metadata) + 1 < _MVP_FIELDS]  # the name is kept apart
    yield _Row(f"{what}: {_MVP_FIELDS} fields or more each", "yes", ", ".join(map(str, few)) or "yes")
    yield _Row(f"{what}: mails of finals", str(awaited), _mails(world, f"{route.name}_file_uploaded", campaign_id))
    yield _Row(f"{what}: mail of the campaign", "1", _mails(world, f"{route.name}_complete", campaign_id))


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


def _moved(world: World, route: Route, campaign_id: str) -> set[str]:
    """Ids of what the campaign's files became on the route."""
    with psycopg2.connect(world.postgres.url()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT target_id FROM transfers WHERE route = %s AND campaign_id = %s AND state = 'moved'",
            (route.name, campaign_id),
        )
        return {row[0] for row in cursor.fetchall()}
