"""Commands that prove what became of files: trace, manifest."""

from dataclasses import asdict
from pathlib import Path

import click

from ferrero_dagster.cli.tables import as_json_option, command_name, print_json, print_table, say
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.words import counted


@click.command()
@click.argument("file", metavar="FILE")
@as_json_option
def trace(*, file: str, as_json: bool) -> None:
    """The whole life of a FILE: a tracking ID, an id in the DAM or in Box, or a name; a master with all its finals.

    \b
    Examples:
      ferrero-dagster trace ABC123
      ferrero-dagster trace 6666_NUT_SUMMER_OLV_30S_16x9_DE_de_pOiJ9s.mp4
      ferrero-dagster trace ABC123 --json | jq '.events[] | select(.what == "failed")'
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations import traces

    connections = Connections.from_environment()
    with connections.database(name=command_name()) as database:
        found = traces.trace(database, file)
    zone = connections.site.zone
    events = [asdict(event) | {"at": event.at.astimezone(zone).isoformat(" ", "seconds")} for event in found.events]
    if as_json:
        print_json({"files": [asdict(one) for one in found.files], "events": events})
        return
    files = [
        {"tracking_id": one.tracking_id, "route": one.route, "from": one.source_name, "to": one.target_name,
         "state": one.state.replace("_", " ")}
        for one in found.files
    ]  # fmt: skip
    print_table("Files", files, nothing="It was never on its way.")
    print_table("What happened", events, nothing="")


@click.command()
@click.argument("campaign")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("manifests"))
def manifest(*, campaign: str, folder: Path) -> None:
    """Write what was moved of a CAMPAIGN, with sizes and hashes, into a FOLDER: to check copies with.

    For each route a list in the ASC MHL format (version 2.0), which the tools of film production read, and a CSV. The
    campaign is named by id, number, name or partition.

    \b
    Example:
      ferrero-dagster manifest C000000078 /tmp/manifests
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.manifests import manifests

    connections = Connections.from_environment()
    with connections.database(name=command_name()) as database:
        found = manifests(database, connections.site, campaign)
    for one in found:
        try:
            mhl, table = one.write(folder, connections.site.zone)
        except OSError as error:
            raise OperationRefused(f"{folder} cannot be written: {error.strerror}; name another folder.") from None
        say(f"{counted(len(one.files), 'file')} of {one.route}: {mhl}, {table}")
        if one.without_hash:
            say(f"{counted(one.without_hash, 'file')} of {one.route} has no hash (cron scripts): in the CSV only.")


COMMANDS: tuple[click.Command, ...] = (trace, manifest)
